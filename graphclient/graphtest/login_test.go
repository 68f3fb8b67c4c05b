package graphtest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

// post sends a form to the token endpoint of a tenant.
func (f *fixture) post(tenant string, form url.Values) reply {
	f.tb.Helper()
	f.token = ""
	f.header.Set("Content-Type", "application/x-www-form-urlencoded")
	defer f.header.Del("Content-Type")
	return f.do(http.MethodPost, "/"+tenant+"/oauth2/v2.0/token", form.Encode())
}

func TestClientCredentials(t *testing.T) {
	clk := newClock()
	f := newFixture(t, graphtest.Config{
		Now: clk.Now, TokenLifetime: 90 * time.Second, Tenants: []string{"other"},
		Clients: []graphtest.Client{{ID: "app", Secret: "s3cret", Roles: []string{"Group.Read.All"}, Tenants: []string{tenantID}}},
	})
	good := func() url.Values {
		return url.Values{"grant_type": {"client_credentials"}, "client_id": {"app"}, "client_secret": {"s3cret"}, "scope": {"https://graph.microsoft.com/.default"}}
	}
	answer := f.post(tenantID, good())
	token := answer.object(t)
	if answer.status != http.StatusOK || token.num("expires_in") != 90 || token.str("token_type") != "Bearer" {
		t.Fatalf("token: %d %s", answer.status, answer.body)
	}
	f.token = token.str("access_token")
	f.get("/beta/groups")
	f.refused("/beta/deviceManagement/intents", http.StatusForbidden, "Forbidden")
	clk.advance(90 * time.Second)
	f.refused("/beta/groups", http.StatusUnauthorized, "InvalidAuthenticationToken")
	for _, tc := range []struct {
		name, tenant, field, value string
		status                     int
		code                       string
		number                     float64
	}{
		{"secret", tenantID, "client_secret", "wrong", 401, "invalid_client", 7000215},
		{"client", tenantID, "client_id", "nobody", 400, "unauthorized_client", 700016},
		{"no client", tenantID, "client_id", "", 400, "invalid_request", 900144},
		{"scope", tenantID, "scope", "Group.Read.All", 400, "invalid_scope", 1002012},
		{"grant", tenantID, "grant_type", "password", 400, "unsupported_grant_type", 70003},
		{"tenant", "nowhere", "scope", "x/.default", 400, "invalid_request", 90002},
		{"no consent", "other", "scope", "x/.default", 400, "unauthorized_client", 700016},
		{"code", tenantID, "grant_type", "authorization_code", 400, "invalid_grant", 70008},
	} {
		form := good()
		form.Set(tc.field, tc.value)
		r := f.post(tc.tenant, form)
		o := r.object(t)
		codes, _ := o["error_codes"].([]any)
		if r.status != tc.status || o.str("error") != tc.code || len(codes) != 1 || codes[0] != tc.number {
			t.Errorf("%s: %d %s, want %d %s %v", tc.name, r.status, r.body, tc.status, tc.code, tc.number)
		}
	}
	if got := f.srv.Stats().Tokens; got != 9 {
		t.Errorf("counted %d token requests, want 9", got)
	}
}

func TestDelegatedSignIn(t *testing.T) {
	f := newFixture(t, graphtest.Config{
		Clients: []graphtest.Client{{ID: "app", Secret: "s3cret"}},
		Users: []graphtest.User{
			{Tenant: tenantID, ID: "u1", Name: "dana@example.com", Scopes: []string{"Group.Read.All"}},
			{Tenant: tenantID, ID: "u2", Name: "eli@example.com", Scopes: []string{"User.Read"}},
		},
	})
	f.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	sum := sha256.Sum256([]byte("verifier"))
	signIn := func(hint string) url.Values {
		t.Helper()
		q := url.Values{
			"client_id": {"app"}, "response_type": {"code"}, "redirect_uri": {"https://host.example/back?x=1"}, "state": {"st"}, "login_hint": {hint},
			"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
		}
		r := f.do(http.MethodGet, "/"+tenantID+"/oauth2/v2.0/authorize?"+q.Encode(), "")
		back, err := url.Parse(r.header.Get("Location"))
		if r.status != http.StatusFound || err != nil || back.Query().Get("state") != "st" || back.Query().Get("x") != "1" {
			t.Fatalf("authorize: %d %s", r.status, r.header.Get("Location"))
		}
		return url.Values{
			"grant_type": {"authorization_code"}, "client_id": {"app"}, "client_secret": {"s3cret"}, "code": {back.Query().Get("code")},
			"redirect_uri": {"https://host.example/back?x=1"}, "code_verifier": {"verifier"},
		}
	}
	form := signIn("dana@example.com")
	token := f.post(tenantID, form).object(t)
	if token.str("scope") != "Group.Read.All" {
		t.Errorf("token %v", token)
	}
	if r := f.post(tenantID, form); r.status != http.StatusBadRequest {
		t.Errorf("second use of a code: %d, want 400", r.status)
	}
	f.token = token.str("access_token")
	f.get("/beta/groups")
	for name, change := range map[string][2]string{"verifier": {"code_verifier", "other"}, "redirect": {"redirect_uri", "https://evil.example"}} {
		form := signIn("")
		form.Set(change[0], change[1])
		if r := f.post(tenantID, form); r.status != http.StatusBadRequest || r.object(t).str("error") != "invalid_grant" {
			t.Errorf("wrong %s: %d %s", name, r.status, r.body)
		}
	}
	f.token = f.post(tenantID, signIn("eli@example.com")).object(t).str("access_token")
	f.refused("/beta/groups", http.StatusForbidden, "Authorization_RequestDenied")
	for _, bad := range []string{"login_hint=nobody&response_type=code&redirect_uri=https://a.example", "response_type=token&redirect_uri=https://a.example", "response_type=code&redirect_uri=back"} {
		if r := f.do(http.MethodGet, "/"+tenantID+"/oauth2/v2.0/authorize?"+bad, ""); r.status != http.StatusBadRequest {
			t.Errorf("authorize with %s: %d, want 400", bad, r.status)
		}
	}
	if r := f.do(http.MethodGet, "/"+tenantID+"/oauth2/v2.0/devicecode", ""); r.status != http.StatusNotFound {
		t.Errorf("unknown endpoint: %d, want 404", r.status)
	}
}
