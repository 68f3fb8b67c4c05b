package graphtest_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

func TestFaultAnswers(t *testing.T) {
	for _, tc := range []struct {
		name   string
		fault  graphtest.Fault
		status int
		check  func(reply) bool
	}{
		{"throttle", graphtest.Fault{Kind: graphtest.FaultThrottle, RetryAfter: "0.249"}, 429, func(r reply) bool { return r.header.Get("Retry-After") == "0.249" }},
		{"throttle without header", graphtest.Fault{Kind: graphtest.FaultThrottle}, 429, func(r reply) bool { return r.header["Retry-After"] == nil }},
		{"unavailable", graphtest.Fault{Kind: graphtest.FaultUnavailable, RetryAfter: "5"}, 503, func(r reply) bool { return r.header.Get("Retry-After") == "5" }},
		{"html", graphtest.Fault{Kind: graphtest.FaultBadGatewayHTML}, 502, func(r reply) bool {
			return strings.HasPrefix(r.header.Get("Content-Type"), "text/html") && strings.HasPrefix(r.body, "<html>")
		}},
		{"gateway timeout", graphtest.Fault{Kind: graphtest.FaultGatewayTimeout}, 504, nil},
		{"internal", graphtest.Fault{Kind: graphtest.FaultInternal}, 500, nil},
		{"forbidden", graphtest.Fault{Kind: graphtest.FaultForbidden}, 403, func(r reply) bool {
			return strings.Contains(r.body, `\"_version\":3`) && strings.Contains(r.body, "DeviceManagementConfiguration.Read.All")
		}},
		{"conditional access", graphtest.Fault{Kind: graphtest.FaultConditional}, 403, func(r reply) bool { return strings.Contains(r.body, "Conditional Access") }},
		{"expired", graphtest.Fault{Kind: graphtest.FaultUnauthorized}, 401, func(r reply) bool { return strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Bearer ") }},
		{"claims", graphtest.Fault{Kind: graphtest.FaultClaims}, 401, func(r reply) bool {
			return strings.Contains(r.header.Get("WWW-Authenticate"), `error="insufficient_claims", claims="`)
		}},
		{"not found", graphtest.Fault{Kind: graphtest.FaultNotFound}, 404, nil},
		{"cut json", graphtest.Fault{Kind: graphtest.FaultCutJSON}, 200, func(r reply) bool { return r.err == nil && !json.Valid([]byte(r.body)) && r.body != "" }},
		{"empty", graphtest.Fault{Kind: graphtest.FaultEmptyBody}, 200, func(r reply) bool { return r.err == nil && r.body == "" }},
		{"wrong type", graphtest.Fault{Kind: graphtest.FaultWrongType}, 200, func(r reply) bool {
			return strings.HasPrefix(r.header.Get("Content-Type"), "text/html") && json.Valid([]byte(r.body))
		}},
		{"top-level message", graphtest.Fault{Kind: graphtest.FaultTopLevelMessage}, 400, func(r reply) bool { return strings.HasPrefix(r.body, `{"Message":`) }},
		{"truncated", graphtest.Fault{Kind: graphtest.FaultTruncate, Cut: 10}, 200, func(r reply) bool { return errors.Is(r.err, io.ErrUnexpectedEOF) && len(r.body) == 10 }},
		{"truncated at once", graphtest.Fault{Kind: graphtest.FaultTruncate, Cut: -1}, 200, func(r reply) bool { return errors.Is(r.err, io.ErrUnexpectedEOF) && r.body == "" }},
	} {
		for _, wire := range []bool{false, true} {
			t.Run(tc.name, func(t *testing.T) {
				f := newFixture(t, graphtest.Config{Faults: []graphtest.Fault{tc.fault}})
				if wire {
					f.listen()
				}
				f.fill("deviceManagement/configurationPolicies", 3)
				r := f.do(http.MethodGet, catalog, "")
				if r.status != tc.status || tc.check != nil && !tc.check(r) {
					t.Errorf("over the wire %v: %d %v %v\n%s", wire, r.status, r.err, r.header, r.body)
				}
				f.srv.SetFaults()
				f.get(catalog)
			})
		}
	}
}

func TestReset(t *testing.T) {
	f := newFixture(t, graphtest.Config{Faults: []graphtest.Fault{{Kind: graphtest.FaultReset}}})
	if _, err := f.try(http.MethodGet, catalog, ""); !errors.Is(err, graphtest.ErrReset) {
		t.Errorf("in process: %v, want ErrReset", err)
	}
	if _, err := f.listen().try(http.MethodGet, catalog, ""); !errors.Is(err, io.EOF) {
		t.Errorf("over the wire: %v, want EOF", err)
	}
	log := f.srv.Log()
	if len(log) == 0 || log[0].Status != 0 {
		t.Errorf("log %+v, want status 0", log)
	}
}

func TestFaultsMatch(t *testing.T) {
	f := newFixture(t, graphtest.Config{Faults: []graphtest.Fault{
		{Prefix: "/deviceManagement/configurationPolicies", Kind: graphtest.FaultInternal, Skip: 1, Times: 2},
		{Method: http.MethodPost, Kind: graphtest.FaultUnavailable},
	}})
	var got []int
	for range 5 {
		got = append(got, f.do(http.MethodGet, "/beta/devicemanagement/configurationpolicies", "").status)
		got = append(got, f.do(http.MethodGet, "/beta/deviceManagement/intents", "").status)
	}
	got = append(got, f.do(http.MethodPost, "/beta/deviceManagement/intents", "{}").status)
	if diff := cmp.Diff([]int{200, 200, 500, 200, 500, 200, 200, 200, 200, 200, 503}, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}

func TestRatesAreSeeded(t *testing.T) {
	run := func(seed uint64) []int {
		f := newFixture(t, graphtest.Config{Seed: seed, Faults: graphtest.Flaky(0.2, 0.1)})
		var got []int
		for range 1000 {
			got = append(got, f.do(http.MethodGet, "/beta/groups", "").status)
		}
		return got
	}
	first := run(1)
	if diff := cmp.Diff(first, run(1)); diff != "" {
		t.Errorf("equal seeds differ:\n%s", diff)
	}
	if cmp.Equal(first, run(2)) {
		t.Error("different seeds hit the same requests")
	}
	counts := make(map[int]int)
	for _, s := range first {
		counts[s]++
	}
	if n := counts[429]; n < 150 || n > 250 {
		t.Errorf("%d of 1000 throttled, want about 200", n)
	}
	if n := counts[503]; n < 50 || n > 115 {
		t.Errorf("%d of 1000 failed, want about 80", n)
	}
}

func TestForbiddenLists(t *testing.T) {
	f := newFixture(t, graphtest.Config{Quirks: graphtest.Quirks{Forbidden: []string{"deviceManagement/deviceManagementScripts", "/groups"}}})
	msg := f.refused("/beta/deviceManagement/deviceManagementScripts/x", http.StatusForbidden, "Forbidden")
	var nested struct {
		Version int `json:"_version"`
		Message string
	}
	if err := json.Unmarshal([]byte(msg), &nested); err != nil || nested.Version != 3 {
		t.Fatalf("message is not a nested document: %v %s", err, msg)
	}
	for _, part := range []string{"DeviceManagementScripts.Read.All", " - Operation ID", " - Activity ID: ", " - Url: https://fef."} {
		if !strings.Contains(nested.Message, part) {
			t.Errorf("nested message lacks %q: %s", part, nested.Message)
		}
	}
	f.refused("/beta/groups", http.StatusForbidden, "Authorization_RequestDenied")
	f.get("/beta/deviceManagement/intents")
	f.srv.SetQuirks(graphtest.Quirks{Forbidden: []string{""}, ScopeListFlat: true})
	if msg := f.refused("/beta/deviceManagement/intents", http.StatusForbidden, "Forbidden"); !strings.HasPrefix(msg, "Application is not authorized") {
		t.Errorf("flat message: %s", msg)
	}
}

func TestPermissions(t *testing.T) {
	f := newFixture(t, graphtest.Config{Clients: []graphtest.Client{
		{ID: "config", Roles: []string{"DeviceManagementConfiguration.Read.All"}}, {ID: "none", Roles: []string{}},
	}})
	for client, want := range map[string]map[string]int{
		"config": {"deviceManagement/configurationPolicies": 200, "deviceManagement/deviceManagementScripts": 403, "deviceManagement/roleScopeTags": 403, "groups": 403, "deviceManagement/deviceCategories": 200},
		"none":   {"deviceManagement/configurationPolicies": 403, "officeConfiguration/clientConfigurations": 200},
	} {
		var err error
		if f.token, err = f.srv.IssueToken(graphtest.Grant{Tenant: tenantID, Client: client}); err != nil {
			t.Fatal(err)
		}
		for path, status := range want {
			if r := f.do(http.MethodGet, "/beta/"+path, ""); r.status != status {
				t.Errorf("%s reads %s: %d, want %d", client, path, r.status, status)
			}
		}
	}
}

func TestDelaysInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, graphtest.Config{Faults: []graphtest.Fault{
			{Prefix: "/groups", Delay: 3 * time.Second},
			{Prefix: "/users", Kind: graphtest.FaultStall, Delay: time.Minute},
		}})
		start := time.Now()
		f.get("/beta/groups")
		if got := time.Since(start); got != 3*time.Second {
			t.Errorf("delayed answer took %v, want 3s", got)
		}
		start = time.Now()
		f.get("/beta/users")
		if got := time.Since(start); got != time.Minute {
			t.Errorf("stalled answer took %v, want 1m", got)
		}
		start = time.Now()
		f.responses(gets("/groups", "/groups", "/groups"))
		if got := time.Since(start); got != 3*time.Second {
			t.Errorf("batch of three delayed parts took %v, want 3s: they run side by side", got)
		}
		f.client.Timeout = 10 * time.Second
		if r, err := f.try(http.MethodGet, "/beta/users", ""); err == nil && r.err == nil {
			t.Error("stall of a minute, timeout of 10 s: no error")
		}
	})
}

func TestTokens(t *testing.T) {
	clk := newClock()
	f := newFixture(t, graphtest.Config{Now: clk.Now, Tenants: []string{"other"}, TokenLifetime: time.Minute})
	f.fill("groups", 1)
	f.get("/beta/groups/p000")
	clk.advance(time.Minute)
	if msg := f.refused("/beta/groups", http.StatusUnauthorized, "InvalidAuthenticationToken"); !strings.Contains(msg, "expired") {
		t.Errorf("expired token: %s", msg)
	}
	for name, g := range map[string]graphtest.Grant{"negative lifetime": {Tenant: tenantID, Lifetime: -1}} {
		var err error
		if f.token, err = f.srv.IssueToken(g); err != nil {
			t.Fatal(err)
		}
		if r := f.do(http.MethodGet, "/beta/groups", ""); r.status != http.StatusUnauthorized {
			t.Errorf("%s: %d, want 401", name, r.status)
		}
	}
	for _, bad := range []string{"", "nonsense"} {
		f.token = bad
		f.refused("/beta/groups", http.StatusUnauthorized, "InvalidAuthenticationToken")
	}
	var err error
	if f.token, err = f.srv.IssueToken(graphtest.Grant{Tenant: "other"}); err != nil {
		t.Fatal(err)
	}
	f.refused("/beta/groups/p000", http.StatusNotFound, "Request_ResourceNotFound")
	f.srv.ExpireTokens()
	f.refused("/beta/groups", http.StatusUnauthorized, "InvalidAuthenticationToken")
	if _, err := f.srv.IssueToken(graphtest.Grant{Tenant: "none"}); !errors.Is(err, graphtest.ErrNotFound) {
		t.Errorf("token of an unknown tenant: %v, want ErrNotFound", err)
	}
}

func TestClaimsChallenge(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	f.srv.RevokeSessions(tenantID)
	r := f.do(http.MethodGet, "/beta/groups", "")
	_, rest, ok := strings.Cut(r.header.Get("WWW-Authenticate"), `error="insufficient_claims", claims="`)
	if r.status != http.StatusUnauthorized || !ok {
		t.Fatalf("revoked: %d %v", r.status, r.header)
	}
	claims, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(rest, `"`))
	if err != nil || !json.Valid(claims) {
		t.Fatalf("claims %s: %v", claims, err)
	}
	for _, tc := range []struct {
		claims string
		want   int
	}{{"", 401}, {"{}", 401}, {string(claims), 200}} {
		if f.token, err = f.srv.IssueToken(graphtest.Grant{Tenant: tenantID, Claims: tc.claims}); err != nil {
			t.Fatal(err)
		}
		if got := f.do(http.MethodGet, "/beta/groups", "").status; got != tc.want {
			t.Errorf("token with claims %q: %d, want %d", tc.claims, got, tc.want)
		}
	}
}
