package graphtest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

// A clock stands still until it is moved.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{time.Date(2025, 1, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time          { return c.now }
func (c *clock) advance(d time.Duration) { c.now = c.now.Add(d) }

// passes sends GETs until one is throttled and returns how many passed and
// the 429.
func (f *fixture) passes(url string) (int, reply) {
	f.tb.Helper()
	for n := range 5000 {
		if r := f.do(http.MethodGet, url, ""); r.status == http.StatusTooManyRequests {
			return n, r
		} else if r.status != http.StatusOK {
			f.tb.Fatalf("GET %s: %d", url, r.status)
		}
	}
	f.tb.Fatalf("%s was never throttled", url)
	return 0, reply{}
}

func TestServiceBuckets(t *testing.T) {
	for _, tc := range []struct {
		path string
		want int
	}{
		{"/beta/deviceManagement/configurationPolicies", 1000},
		{"/beta/deviceManagement/deviceConfigurations", 1000},
		{"/beta/deviceManagement/deviceManagementScripts", 2000},
		{"/beta/identity/conditionalAccess/policies", 1},
		{"/beta/groups?$select=id", 3500},
		{"/beta/users", 1750}, // two resource units each
	} {
		clk := newClock()
		f := newFixture(t, graphtest.Config{Now: clk.Now, Limits: &graphtest.Limits{}})
		if got, _ := f.passes(tc.path); got != tc.want {
			t.Errorf("%s: %d requests pass, want %d", tc.path, got, tc.want)
		}
		if r := f.do(http.MethodGet, "/beta/deviceManagement/roleScopeTags", ""); r.status != http.StatusOK {
			t.Errorf("throttling %s hit another bucket: %d", tc.path, r.status)
		}
	}
}

func TestWindowSlides(t *testing.T) {
	clk := newClock()
	f := newFixture(t, graphtest.Config{Now: clk.Now, Limits: &graphtest.Limits{Buckets: map[string]graphtest.Bucket{"device-intent": {Any: 3}}}})
	const url = "/beta/deviceManagement/intents"
	send := func(want int, retryAfter string) {
		t.Helper()
		r := f.do(http.MethodGet, url, "")
		if r.status != want || r.header.Get("Retry-After") != retryAfter {
			t.Errorf("at %s: %d, Retry-After %q; want %d, %q", clk.now.Format("05"), r.status, r.header.Get("Retry-After"), want, retryAfter)
		}
	}
	send(200, "")
	clk.advance(5 * time.Second)
	send(200, "")
	send(200, "")
	clk.advance(4 * time.Second)
	send(429, "11") // the request at second 0 leaves at 20, it is 9
	clk.advance(11 * time.Second)
	send(429, "5") // the refused one took its place: 5, 5, 9 are in the window
	clk.advance(9 * time.Second)
	send(200, "") // 9 has just left, 20 is in
	send(200, "")
	send(429, "11")
}

func TestBucketsAreByTenantAndApplication(t *testing.T) {
	clk := newClock()
	f := newFixture(t, graphtest.Config{
		Tenants: []string{"other"}, Now: clk.Now,
		Limits: &graphtest.Limits{Buckets: map[string]graphtest.Bucket{"device-intent": {Any: 2, All: 3}}},
	})
	const url = "/beta/deviceManagement/intents"
	if n, _ := f.passes(url); n != 2 {
		t.Errorf("first application: %d pass, want 2", n)
	}
	token := func(g graphtest.Grant) {
		t.Helper()
		var err error
		if f.token, err = f.srv.IssueToken(g); err != nil {
			t.Fatal(err)
		}
	}
	token(graphtest.Grant{Tenant: tenantID, Client: "neighbour"})
	if n, _ := f.passes(url); n != 0 {
		t.Errorf("the neighbour's first request passes, although the tenant's limit of 3 is used up by 2 and a refused one")
	}
	token(graphtest.Grant{Tenant: "other"})
	if n, _ := f.passes(url); n != 2 {
		t.Errorf("other tenant: %d pass, want 2", n)
	}
}

func TestRetryAfterForms(t *testing.T) {
	clk := newClock()
	for kind, want := range map[graphtest.RetryAfterKind]string{
		graphtest.RetryAfterSeconds: "20", graphtest.RetryAfterFraction: "19.750", graphtest.RetryAfterZero: "0",
		graphtest.RetryAfterDate: "Wed, 01 Jan 2025 12:00:20 GMT", graphtest.RetryAfterAbsent: "", graphtest.RetryAfterHuge: "1000000000",
	} {
		clk.now = time.Date(2025, 1, 1, 12, 0, 0, 0, time.UTC)
		f := newFixture(t, graphtest.Config{Now: clk.Now, Limits: &graphtest.Limits{Scale: 0.001, RetryAfter: kind}})
		f.get("/beta/deviceManagement/intents")
		clk.advance(250 * time.Millisecond)
		r := f.do(http.MethodGet, "/beta/deviceManagement/intents", "")
		if got := r.header.Get("Retry-After"); r.status != http.StatusTooManyRequests || got != want {
			t.Errorf("kind %d: %d %q, want %q", kind, r.status, got, want)
		}
	}
}

func TestConditionalAccessLimitHasNoHeader(t *testing.T) {
	clk := newClock()
	f := newFixture(t, graphtest.Config{Now: clk.Now, Limits: &graphtest.Limits{}})
	const url = "/beta/identity/conditionalAccess/namedLocations"
	var got []int
	for range 4 {
		r := f.do(http.MethodGet, url, "")
		got = append(got, r.status)
		if r.status == http.StatusTooManyRequests && r.header.Get("Retry-After") != "" {
			t.Errorf("429 with Retry-After %q", r.header.Get("Retry-After"))
		}
		clk.advance(700 * time.Millisecond)
	}
	clk.advance(300 * time.Millisecond)
	got = append(got, f.do(http.MethodGet, url, "").status)
	if diff := cmp.Diff([]int{200, 429, 429, 429, 200}, got); diff != "" {
		t.Errorf("every 0.7 s, then after 1 s (-want +got):\n%s", diff)
	}
}

func TestWritesHaveTheirOwnLimit(t *testing.T) {
	clk := newClock()
	f := newFixture(t, graphtest.Config{Now: clk.Now, Limits: &graphtest.Limits{}})
	statuses := make(map[int]int)
	for range 120 {
		statuses[f.do(http.MethodPost, "/beta/deviceManagement/deviceCategories", `{}`).status]++
	}
	if diff := cmp.Diff(map[int]int{http.StatusCreated: 100, http.StatusTooManyRequests: 20}, statuses); diff != "" {
		t.Errorf("120 writes (-want +got):\n%s", diff)
	}
	if r := f.do(http.MethodGet, "/beta/deviceManagement/deviceCategories", ""); r.status != http.StatusOK {
		t.Errorf("read after too many writes: %d, want 200", r.status)
	}
	if got := f.srv.Stats(); got.Writes != 120 || got.Throttled != 20 {
		t.Errorf("stats %+v, want 120 writes, 20 throttled", got)
	}
}

func TestThrottledDirectoryAnswersExplain(t *testing.T) {
	clk := newClock()
	f := newFixture(t, graphtest.Config{Now: clk.Now, Limits: &graphtest.Limits{Scale: 0.001}})
	_, r := f.passes("/beta/groups")
	for _, name := range []string{"x-ms-resource-unit", "x-ms-throttle-scope", "x-ms-throttle-information", "x-ms-throttle-limit-percentage"} {
		if r.header.Get(name) == "" {
			t.Errorf("429 without %s", name)
		}
	}
	f.srv.SetLimits(nil)
	f.get("/beta/groups")
}
