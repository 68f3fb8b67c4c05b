package graphclient

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxTokenBody is how large an answer of the token service may be.
const maxTokenBody = 256 << 10

// ask makes the attempts to get a token: one if the service is known to be down.
func (s *ClientCredentials) ask(ctx context.Context, key tokenKey, down bool) (keptToken, error) {
	u, err := s.endpoint(key.tenant)
	if err != nil {
		return keptToken{}, err
	}
	form, err := s.form(key)
	if err != nil {
		return keptToken{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	for n := 1; ; n++ {
		t, e := s.post(ctx, u, form)
		if e == nil {
			return t, nil
		}
		s.log.LogAttrs(ctx, slog.LevelWarn, "token request failed",
			slog.String("tenant", key.tenant), slog.Int("status", e.Status), slog.String("reason", string(e.Reason)),
			slog.String("code", e.Code), slog.Int("attempt", n))
		if down || e.Reason == ErrUnauthenticated || !sleep(ctx, backoff(n, min(e.RetryAfter, time.Minute))) {
			return keptToken{}, e
		}
	}
}

// form returns the body of the request for a token.
func (s *ClientCredentials) form(key tokenKey) (string, error) {
	claims := map[string]map[string]any{}
	if key.claims != "" && json.Unmarshal([]byte(key.claims), &claims) != nil {
		return "", &Error{Reason: ErrUnauthenticated, Code: "claims_form"}
	}
	if claims["access_token"] == nil {
		claims["access_token"] = map[string]any{}
	}
	claims["access_token"]["xms_cc"] = map[string]any{"values": []string{"cp1"}}
	doc, err := json.Marshal(claims)
	if err != nil {
		return "", &Error{Reason: ErrUnauthenticated, Code: "claims_form"}
	}
	return url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {s.client},
		"client_secret": {s.secret.Reveal()},
		"scope":         {key.scopes},
		"claims":        {string(doc)},
	}.Encode(), nil
}

// post makes one attempt.
func (s *ClientCredentials) post(ctx context.Context, u *url.URL, form string) (keptToken, *Error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(form))
	if err != nil {
		return keptToken{}, &Error{Reason: ErrUnauthenticated, Code: "token_url"}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	start := s.now()
	resp, err := s.rt.RoundTrip(req)
	if err != nil {
		return keptToken{}, &Error{Reason: ErrUnreachable, Code: networkCode(ctx, err)}
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxTokenBody+1))
	switch {
	case err != nil:
		return keptToken{}, &Error{Reason: ErrUnreachable, Code: networkCode(ctx, err)}
	case len(body) > maxTokenBody:
		return keptToken{}, tooLarge("token_body")
	}
	t, e := readToken(resp.StatusCode, body, start)
	if e != nil {
		e.Status = resp.StatusCode
		e.RetryAfter, _ = retryAfter(resp.Header, s.now())
	}
	return t, e
}

// readToken reads the answer of the token service to a request made at start.
func readToken(status int, body []byte, start time.Time) (keptToken, *Error) {
	var doc struct {
		AccessToken string      `json:"access_token"`
		ExpiresIn   json.Number `json:"expires_in"`
		TokenType   string      `json:"token_type"`
		Error       string      `json:"error"`
		ErrorCodes  []int       `json:"error_codes"`
	}
	err := json.Unmarshal(body, &doc)
	switch {
	case err == nil && doc.Error != "" && status < 500 && status != http.StatusTooManyRequests && doc.Error != "temporarily_unavailable":
		e := &Error{Reason: ErrUnauthenticated}
		if codeForm.MatchString(doc.Error) {
			e.Code = doc.Error
		}
		if len(doc.ErrorCodes) > 0 {
			e.Code = "AADSTS" + strconv.Itoa(doc.ErrorCodes[0])
		}
		return keptToken{}, e
	case status != http.StatusOK:
		return keptToken{}, &Error{Reason: ErrUnreachable, Code: "token"}
	case err != nil:
		return keptToken{}, bad("token_body")
	}
	seconds, err := doc.ExpiresIn.Int64()
	if err != nil || seconds <= 0 || seconds > 30*24*3600 || doc.AccessToken == "" ||
		!plainToken(doc.AccessToken) || !strings.EqualFold(doc.TokenType, "Bearer") {
		return keptToken{}, bad("token_form")
	}
	life := time.Duration(seconds) * time.Second
	return keptToken{
		Token: Token{Value: NewSecret(doc.AccessToken), Expires: start.Add(life)},
		renew: start.Add(life - min(renewBefore, life/2)),
	}, nil
}
