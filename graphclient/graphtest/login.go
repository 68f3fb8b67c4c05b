package graphtest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A code is an authorization code, good for one token.
type code struct {
	tenant, client, user string
	redirect             string
	challenge            string // PKCE, S256; empty when there is none
	scopes               []string
	expires              time.Time
}

// A loginError is an error of the token endpoint.
type loginError struct {
	status int
	code   string // OAuth 2.0
	number int    // AADSTS
	text   string
}

// login answers /{tenant}/oauth2/v2.0/{token,authorize}. It reports false for
// any other path.
func (s *Server) login(w http.ResponseWriter, r *http.Request) bool {
	tenant, what, ok := strings.Cut(strings.Trim(r.URL.Path, "/"), "/oauth2/v2.0/")
	if !ok || strings.Contains(tenant, "/") {
		return false
	}
	var fail *loginError
	switch {
	case what == "token" && r.Method == http.MethodPost:
		fail = s.tokenEndpoint(w, r, tenant)
	case what == "authorize" && r.Method == http.MethodGet:
		fail = s.authorize(w, r, tenant)
	default:
		fail = &loginError{http.StatusNotFound, "invalid_request", 900144, "The endpoint does not exist."}
	}
	if fail != nil {
		s.writeLoginError(w, fail)
	}
	return true
}

func (s *Server) writeLoginError(w http.ResponseWriter, e *loginError) {
	now := s.cfg.Now().UTC()
	trace := guid("trace", now.String(), e.text)
	body, err := json.Marshal(map[string]any{
		"error":             e.code,
		"error_description": "AADSTS" + itoa(e.number) + ": " + e.text + " Trace ID: " + trace + " Timestamp: " + now.Format("2006-01-02 15:04:05Z"),
		"error_codes":       []int{e.number},
		"timestamp":         now.Format("2006-01-02 15:04:05Z"),
		"trace_id":          trace,
		"correlation_id":    guid("correlation", trace),
		"error_uri":         "https://login.microsoftonline.com/error?code=" + itoa(e.number),
	})
	if err != nil {
		http.Error(w, "error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(e.status)
	_, _ = w.Write(body) // the client's loss
}

// tokenEndpoint issues tokens for client credentials and authorization codes.
func (s *Server) tokenEndpoint(w http.ResponseWriter, r *http.Request, tenant string) *loginError {
	s.stats.add(func(st *Stats) { st.Tokens++ })
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		return &loginError{http.StatusBadRequest, "invalid_request", 900144, "The request body could not be read."}
	}
	f := r.PostForm
	if s.Tenant(tenant) == nil {
		return &loginError{http.StatusBadRequest, "invalid_request", 90002, "Tenant '" + tenant + "' not found. Check to make sure you have the correct tenant ID."}
	}
	g := Grant{Tenant: tenant, Client: f.Get("client_id"), Claims: f.Get("claims")}
	if fail := s.checkClient(&g, f); fail != nil {
		return fail
	}
	switch f.Get("grant_type") {
	case "client_credentials":
		if scope := f.Get("scope"); !strings.HasSuffix(scope, "/.default") {
			return &loginError{http.StatusBadRequest, "invalid_scope", 1002012, "The provided value for scope is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."}
		}
	case "authorization_code":
		if fail := s.redeem(&g, f); fail != nil {
			return fail
		}
	default:
		return &loginError{http.StatusBadRequest, "unsupported_grant_type", 70003, "The app requested an unsupported grant type."}
	}
	value, err := s.IssueToken(g)
	if err != nil {
		return &loginError{http.StatusBadRequest, "invalid_request", 90002, "Tenant not found."}
	}
	seconds := int(s.cfg.TokenLifetime.Seconds())
	answer := map[string]any{"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": value}
	if g.User != "" {
		answer["scope"] = strings.Join(g.Permissions, " ")
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return &loginError{http.StatusInternalServerError, "server_error", 90033, "A transient error has occurred."}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(body) // the client's loss
	return nil
}

func (s *Server) checkClient(g *Grant, f url.Values) *loginError {
	if g.Client == "" {
		return &loginError{http.StatusBadRequest, "invalid_request", 900144, "The request body must contain the following parameter: 'client_id'."}
	}
	if len(s.cfg.Clients) == 0 {
		return nil
	}
	cl := s.client(g.Client)
	switch {
	case cl == nil || !cl.consents(g.Tenant):
		return &loginError{http.StatusBadRequest, "unauthorized_client", 700016, "Application with identifier '" + g.Client + "' was not found in the directory '" + g.Tenant + "'."}
	case cl.Secret != "" && f.Get("client_secret") != cl.Secret:
		return &loginError{http.StatusUnauthorized, "invalid_client", 7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID."}
	}
	return nil
}

// redeem turns an authorization code into a delegated grant, once.
func (s *Server) redeem(g *Grant, f url.Values) *loginError {
	s.tokens.mu.Lock()
	c := s.tokens.codes[f.Get("code")]
	delete(s.tokens.codes, f.Get("code"))
	s.tokens.mu.Unlock()
	bad := &loginError{http.StatusBadRequest, "invalid_grant", 70008, "The provided authorization code or refresh token has expired due to inactivity."}
	if c == nil || c.tenant != g.Tenant || c.client != g.Client || c.redirect != f.Get("redirect_uri") || s.cfg.Now().After(c.expires) {
		return bad
	}
	if c.challenge != "" {
		sum := sha256.Sum256([]byte(f.Get("code_verifier")))
		if base64.RawURLEncoding.EncodeToString(sum[:]) != c.challenge {
			return &loginError{http.StatusBadRequest, "invalid_grant", 50148, "The code_verifier does not match the code_challenge supplied in the authorization request."}
		}
	}
	g.User, g.Permissions = c.user, c.scopes
	return nil
}

// authorize signs in the user that login_hint names, or the first of the
// tenant, without asking, and redirects back with a code.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request, tenant string) *loginError {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || !back.IsAbs() {
		return &loginError{http.StatusBadRequest, "invalid_request", 50011, "The redirect URI specified in the request is not valid."}
	}
	if q.Get("response_type") != "code" {
		return &loginError{http.StatusBadRequest, "unsupported_response_type", 700054, "response_type is not supported."}
	}
	hint := q.Get("login_hint")
	i := slices.IndexFunc(s.cfg.Users, func(u User) bool { return u.Tenant == tenant && (hint == "" || strings.EqualFold(u.Name, hint)) })
	if i < 0 {
		return &loginError{http.StatusBadRequest, "invalid_request", 50034, "The user account does not exist in the directory."}
	}
	u := s.cfg.Users[i]
	c := &code{
		tenant: tenant, client: q.Get("client_id"), user: u.ID, redirect: q.Get("redirect_uri"),
		challenge: q.Get("code_challenge"), scopes: u.Scopes, expires: s.cfg.Now().Add(10 * time.Minute),
	}
	s.tokens.mu.Lock()
	s.tokens.n++
	value := "code." + guid("code", s.cfg.seedText(), itoa(int(s.tokens.n)))
	s.tokens.codes[value] = c
	s.tokens.mu.Unlock()
	out := back.Query()
	out.Set("code", value)
	if state := q.Get("state"); state != "" {
		out.Set("state", state)
	}
	back.RawQuery = out.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
	return nil
}
