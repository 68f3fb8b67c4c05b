package graphclient_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient"
)

func newCredentials(t *testing.T, rt http.RoundTripper, change func(*graphclient.CredentialsConfig)) *graphclient.ClientCredentials {
	t.Helper()
	cfg := graphclient.CredentialsConfig{ClientID: "app", Secret: graphclient.NewSecret("p&ss=wörd"), Transport: rt}
	if change != nil {
		change(&cfg)
	}
	s, err := graphclient.NewClientCredentials(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func request() graphclient.TokenRequest {
	return graphclient.TokenRequest{Tenant: tenant, Scopes: []string{base + "/.default"}}
}

// issue answers token requests with t0, t1, …, good for an hour.
func issue() *service {
	return &service{reply: func(n int, _ *http.Request, _ string) (*http.Response, error) {
		return answer(200, fmt.Sprintf(`{"token_type":"Bearer","expires_in":3600,"access_token":"t%d"}`, n)), nil
	}}
}

func TestCredentialsRequest(t *testing.T) {
	svc := issue()
	req := request()
	req.Claims = `{"access_token":{"nbf":{"essential":true}},"id_token":null}`
	if _, err := newCredentials(t, svc, nil).Token(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if got := svc.seen[0].Method + " " + svc.seen[0].URL.String(); got != "POST https://login.microsoftonline.com/"+tenant+"/oauth2/v2.0/token" {
		t.Errorf("asked %s", got)
	}
	form, err := url.ParseQuery(svc.sent[0])
	want := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"app"}, "client_secret": {"p&ss=wörd"}, "scope": {base + "/.default"},
		"claims": {`{"access_token":{"nbf":{"essential":true},"xms_cc":{"values":["cp1"]}},"id_token":null}`},
	}
	if diff := cmp.Diff(want, form); diff != "" || err != nil {
		t.Error(err, diff)
	}
	for raw, want := range map[string]string{
		"http://127.0.0.1:8080/{tenant}/token":          "http://127.0.0.1:8080/contoso.onmicrosoft.com/token",
		"https://sts.example/oauth2/token":              "https://sts.example/oauth2/token",
		"https://sts.example/{tenant}/token?p={tenant}": "https://sts.example/contoso.onmicrosoft.com/token?p=contoso.onmicrosoft.com",
	} {
		svc := issue()
		req := request()
		req.Tenant = "contoso.onmicrosoft.com"
		if _, err := newCredentials(t, svc, func(c *graphclient.CredentialsConfig) { c.TokenURL = raw }).Token(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		if got := svc.seen[0].URL.String(); got != want {
			t.Errorf("%s became %s", raw, got)
		}
	}
}

func TestCredentialsAreChecked(t *testing.T) {
	secret := graphclient.NewSecret("x")
	for name, cfg := range map[string]graphclient.CredentialsConfig{
		"no id":           {Secret: secret},
		"no secret":       {ClientID: "x"},
		"plain http":      {ClientID: "x", Secret: secret, TokenURL: "http://login.example/{tenant}/token"},
		"tenant in host":  {ClientID: "x", Secret: secret, TokenURL: "https://{tenant}.login.example/token"},
		"user info":       {ClientID: "x", Secret: secret, TokenURL: "https://u:p@login.example/token"},
		"fragment":        {ClientID: "x", Secret: secret, TokenURL: "https://login.example/token#x"},
		"no scheme":       {ClientID: "x", Secret: secret, TokenURL: "login.example/token"},
		"login elsewhere": {ClientID: "x", Secret: secret, Cloud: graphclient.Cloud{Graph: base, Login: "ftp://login.example"}},
	} {
		if _, err := graphclient.NewClientCredentials(cfg); err == nil || strings.Contains(err.Error(), "u:p") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for _, bad := range []string{"", "a/b", "..", "a?b", "a#b", "a@b", "a b", "ä", "a\r\n", "common/../x"} {
		svc := issue()
		req := request()
		req.Tenant = bad
		if _, err := newCredentials(t, svc, nil).Token(t.Context(), req); !errors.Is(err, graphclient.ErrUnauthenticated) || svc.count() > 0 {
			t.Errorf("tenant %q: got %v after %d requests", bad, err, svc.count())
		}
	}
}

// A token serves until five minutes before it expires, and only for what it
// was issued for.
func TestCredentialsKeepTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := issue()
		s := newCredentials(t, svc, nil)
		ask := func(req graphclient.TokenRequest) string {
			t.Helper()
			tok, err := s.Token(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			return tok.Value.Reveal()
		}
		other, scoped, claimed := request(), request(), request()
		other.Tenant, scoped.Scopes, claimed.Claims = "other", []string{"x/.default"}, `{"a":{}}`
		var got []string
		for range 2 {
			got = append(got, ask(request()), ask(other), ask(scoped), ask(claimed))
		}
		time.Sleep(54 * time.Minute)
		got = append(got, ask(request()))
		time.Sleep(2 * time.Minute)
		got = append(got, ask(request())) // nobody waits for the renewal
		synctest.Wait()
		got = append(got, ask(request()))
		refused := request()
		refused.Refused = graphclient.NewSecret("t4")
		got = append(got, ask(refused), ask(refused), ask(request()))
		if want := "t0 t1 t2 t3 t0 t1 t2 t3 t0 t0 t4 t5 t5 t5"; strings.Join(got, " ") != want {
			t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
		}
	})
}

// A thousand requests that are refused together renew once.
func TestTokenIsRenewedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sts := &service{reply: func(n int, _ *http.Request, _ string) (*http.Response, error) {
			return answer(200, fmt.Sprintf(`{"token_type":"bearer","expires_in":"3600","access_token":"t%d"}`, n)), nil
		}}
		slow := transportFunc(func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return sts.RoundTrip(r)
		})
		expired := time.Now().Add(time.Minute)
		graph := transportFunc(func(r *http.Request) (*http.Response, error) {
			time.Sleep(10 * time.Second)
			if r.Header.Get("Authorization") == "Bearer t0" && time.Now().After(expired) {
				return answer(401, `{}`), nil
			}
			return answer(200, `{}`), nil
		})
		client := newClient(t, graph, func(c *graphclient.Config) {
			c.Tokens = newCredentials(t, slow, nil)
			c.Limiter = unlimited(t)
		})
		for range 2 {
			var wg sync.WaitGroup
			for range 1000 {
				wg.Go(func() {
					if _, err := client.Do(t.Context(), graphclient.Request{Path: listPath}); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			time.Sleep(time.Minute)
		}
		if sts.count() != 2 {
			t.Errorf("%d token requests, want one at the start and one renewal", sts.count())
		}
	})
}

// Faults of the token service: what is repeated, and what is said.
func TestCredentialsFaults(t *testing.T) {
	const good = `{"token_type":"Bearer","expires_in":3600,"access_token":"t"}`
	const many = 4 // at least
	denied := `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided for app 's3cret'","error_codes":[7000215],"trace_id":"x"}`
	for name, c := range map[string]struct {
		reply func() (*http.Response, error)
		sent  int
		want  error
		code  string
	}{
		"wrong secret":    {says(401, denied), 1, graphclient.ErrUnauthenticated, "AADSTS7000215"},
		"bad request":     {says(400, `{"error":"invalid_scope"}`), 1, graphclient.ErrUnauthenticated, "invalid_scope"},
		"error with text": {says(400, `{"error":"user dana@contoso.com"}`), 1, graphclient.ErrUnauthenticated, ""},
		"busy":            {says(400, `{"error":"temporarily_unavailable"}`), many, graphclient.ErrUnreachable, "token"},
		"throttled":       {says(429, `{"error":"x"}`, "Retry-After: 5"), many, graphclient.ErrUnreachable, "token"},
		"503":             {says(503, ``), many, graphclient.ErrUnreachable, "token"},
		"500 with error":  {says(500, `{"error":"server_error"}`), many, graphclient.ErrUnreachable, "token"},
		"html":            {says(200, `<html>`), many, graphclient.ErrBadResponse, "token_body"},
		"html 502":        {says(502, `<html>`), many, graphclient.ErrUnreachable, "token"},
		"redirect":        {says(302, ``, "Location: https://evil.example"), many, graphclient.ErrUnreachable, "token"},
		"network":         {fails(io.ErrUnexpectedEOF), many, graphclient.ErrUnreachable, "cut"},
		"huge":            {says(200, `{"access_token":"`+strings.Repeat("x", 1<<20)+`"}`), many, graphclient.ErrTooLarge, "token_body"},
		"no token":        {says(200, `{"token_type":"Bearer","expires_in":3600}`), many, graphclient.ErrBadResponse, "token_form"},
		"no life":         {says(200, `{"token_type":"Bearer","access_token":"t"}`), many, graphclient.ErrBadResponse, "token_form"},
		"no bearer":       {says(200, `{"token_type":"pop","expires_in":3600,"access_token":"t"}`), many, graphclient.ErrBadResponse, "token_form"},
		"two lines":       {says(200, `{"token_type":"Bearer","expires_in":3600,"access_token":"t\r\nX: y"}`), many, graphclient.ErrBadResponse, "token_form"},
		"for ever":        {says(200, `{"token_type":"Bearer","expires_in":1e18,"access_token":"t"}`), many, graphclient.ErrBadResponse, "token_form"},
		"expired":         {says(200, `{"token_type":"Bearer","expires_in":-1,"access_token":"t"}`), many, graphclient.ErrBadResponse, "token_form"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				svc := script(c.reply)
				s := newCredentials(t, svc, func(cfg *graphclient.CredentialsConfig) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
				_, err := s.Token(t.Context(), request())
				e := errorOf(t, err)
				if !errors.Is(err, c.want) || e.Code != c.code || svc.count() < c.sent || c.sent == 1 && svc.count() > 1 {
					t.Errorf("got %v with code %q after %d requests, want %v with %q after %d", err, e.Code, svc.count(), c.want, c.code, c.sent)
				}
				for _, secret := range []string{"s3cret", "p&ss", "p%26ss", "dana", "evil"} {
					if strings.Contains(fmt.Sprint(err, log.String()), secret) {
						t.Errorf("%q is told: %v %s", secret, err, log.String())
					}
				}
				// It recovers as soon as the service does.
				svc.reply = func(int, *http.Request, string) (*http.Response, error) { return answer(200, good), nil }
				if tok, err := s.Token(t.Context(), request()); err != nil || tok.Value.Reveal() != "t" {
					t.Errorf("afterwards: %v", err)
				}
			})
		})
	}
}

// While the token service is down, callers wait as long as they can, and one
// request is under way at a time; a token that still lives serves on.
func TestTokenServiceOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		sts := &service{reply: func(n int, _ *http.Request, _ string) (*http.Response, error) {
			if d := time.Since(start); d < 20*time.Second || d > time.Hour {
				return answer(503, ``), nil
			}
			return answer(200, fmt.Sprintf(`{"token_type":"Bearer","expires_in":7200,"access_token":"t%d"}`, n)), nil
		}}
		graph := script(says(200, `{}`))
		client := newClient(t, graph, func(c *graphclient.Config) { c.Tokens, c.Limiter = newCredentials(t, sts, nil), unlimited(t) })
		var wg sync.WaitGroup
		for i := range 500 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
				defer cancel()
				if i%2 == 0 { // who cannot wait is not held
					ctx, cancel = context.WithTimeout(t.Context(), 2*time.Second)
					defer cancel()
				}
				begin := time.Now()
				_, err := client.Do(ctx, graphclient.Request{Path: listPath})
				if i%2 == 0 && (!errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 2*time.Second) {
					t.Errorf("got %v after %v", err, time.Since(begin))
				}
				if i%2 == 1 && err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := sts.count(); n > 10 {
			t.Errorf("%d token requests in 20 s", n)
		}
		time.Sleep(time.Until(start.Add(2*time.Hour - 2*time.Minute)))
		begin := time.Now()
		if _, err := client.Do(t.Context(), graphclient.Request{Path: listPath}); err != nil {
			t.Errorf("with a token that lives two more minutes: %v", err)
		}
		if took := time.Since(begin); took > 0 {
			t.Errorf("took %v", took)
		}
		time.Sleep(3 * time.Minute) // the renewal gives up
	})
}

// A token service that is down for long is waited for once, not by each request
// anew, is not stormed, and serves again from the moment that it is back.
func TestTokenServiceStaysDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		sts := &service{reply: func(int, *http.Request, string) (*http.Response, error) {
			if time.Since(start) < 5*time.Minute {
				return answer(200, `<html>sign in</html>`), nil
			}
			return answer(200, `{"token_type":"Bearer","expires_in":7200,"access_token":"t"}`), nil
		}}
		tokens := newCredentials(t, sts, nil)
		if _, err := tokens.Token(t.Context(), request()); err == nil || time.Since(start) < time.Minute {
			t.Errorf("got %v after %v, want an error after about two minutes", err, time.Since(start))
		}
		before, begin := sts.count(), time.Now()
		for range 1000 {
			if _, err := tokens.Token(t.Context(), request()); err == nil {
				t.Fatal("got a token of a service that is down")
			}
			time.Sleep(10 * time.Millisecond)
		}
		if n, took := sts.count()-before, time.Since(begin); n > 11 || took > 11*time.Second {
			t.Errorf("1,000 requests within 10 s made %d token requests and took %v", n, took)
		}
		for range 200 {
			time.Sleep(time.Second)
			if _, err := tokens.Token(t.Context(), request()); err == nil {
				break
			}
		}
		if late := time.Since(start) - 5*time.Minute; late < 0 || late > 2*time.Second {
			t.Errorf("served %v after the service was back, want 2 s at most", late)
		}
	})
}

// A token service that never answers costs a bounded time.
func TestSlowTokenService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := transportFunc(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		start := time.Now()
		_, err := newCredentials(t, rt, nil).Token(t.Context(), request())
		if took := time.Since(start); !errors.Is(err, graphclient.ErrUnreachable) || took > 125*time.Second {
			t.Errorf("got %v after %v", err, took)
		}
	})
}

// Tokens for claims that nobody asks for any more are dropped.
func TestCredentialsForgetExpiredTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newCredentials(t, issue(), nil)
		for i := range 100 {
			req := request()
			req.Claims = fmt.Sprintf(`{"access_token":{"nbf":{"value":"%d"}}}`, i)
			if _, err := s.Token(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Minute)
		}
		if n := graphclient.Kept(s); n > 7 {
			t.Errorf("%d tokens are kept, of which 6 can be alive", n)
		}
	})
}

// The client asks once for a token that it cannot have, whatever status the
// token service has for that, and says no more than a code.
func TestDoWithoutToken(t *testing.T) {
	denied := script(says(401, `{"error":"invalid_client","error_codes":[7000215]}`))
	for name, c := range map[string]struct {
		src  graphclient.TokenSource
		want graphclient.Error
	}{
		"denied":  {newCredentials(t, denied, nil), graphclient.Error{Reason: graphclient.ErrUnauthenticated, Code: "AADSTS7000215"}},
		"foreign": {failing{errors.New("token s3cret")}, graphclient.Error{Reason: graphclient.ErrUnreachable, Code: "token"}},
		"odd": {
			failing{&graphclient.Error{Reason: graphclient.ErrThrottled, Status: 401, Code: "s3cret token"}},
			graphclient.Error{Reason: graphclient.ErrUnreachable, Code: "token"},
		},
		"wrapped": {failing{fmt.Errorf("s3cret: %w", graphclient.ErrUnauthenticated)}, graphclient.Error{Reason: graphclient.ErrUnauthenticated, Code: "token"}},
		"empty":   {failing{}, graphclient.Error{Reason: graphclient.ErrUnauthenticated, Code: "token_form"}},
	} {
		t.Run(name, func(t *testing.T) {
			graph := script(says(200, `{}`))
			client := newClient(t, graph, func(cfg *graphclient.Config) { cfg.Tokens = c.src })
			_, err := client.Do(t.Context(), graphclient.Request{Method: "POST", Path: listPath})
			e := errorOf(t, err)
			if e.Reason != c.want.Reason || e.Code != c.want.Code || e.Status != 0 || e.Attempts != 0 || graph.count() > 0 {
				t.Errorf("got %v (status %d) after %d requests", err, e.Status, graph.count())
			}
		})
	}
	if denied.count() != 1 {
		t.Errorf("%d token requests", denied.count())
	}
}

// failing is a source that has no token.
type failing struct{ err error }

func (f failing) Token(context.Context, graphclient.TokenRequest) (graphclient.Token, error) {
	return graphclient.Token{}, f.err
}
