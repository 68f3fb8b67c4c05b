package monitor_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
)

// Routes are all that there are: a request that is made of one's pattern has
// that pattern.
func TestRoutesHavePatterns(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"/ops", ""} {
		d := newDesk(t, func(cfg *monitor.Config) { cfg.BasePath = base })
		routes := d.hub.Routes()
		for _, want := range []string{"GET " + base + "/settings", "GET " + base + "/t/{tenant}/runs/{id}", "GET " + base + "/api/t/{tenant}/runs/counts"} {
			if !slices.Contains(routes, want) {
				t.Errorf("below %q there is no %s in %q", base, want, routes)
			}
		}
		for _, want := range routes {
			method, path, _ := strings.Cut(want, " ")
			path = strings.NewReplacer("{tenant}", "ac%2Fme", "{id}", "a-run", "{name...}", "hub.css", "{$}", "").Replace(path)
			if got := d.hub.Pattern(httptest.NewRequest(method, path+"?q=1", nil)); got != want {
				t.Errorf("%s %s has the pattern %q, want %q", method, path, got, want)
			}
		}
		if got := d.hub.Pattern(httptest.NewRequest("GET", base+"/no/such", nil)); got != "" {
			t.Errorf("what is not there has the pattern %q", got)
		}
	}
	if slices.ContainsFunc(newDesk(t, nil).hub.Routes(), func(p string) bool { return strings.Contains(p, "/retry") }) {
		t.Error("a hub without actions has a route for one")
	}
}

// A limit of the host's is answered with 429, its sentence, and when to come
// back.
func TestLimited(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(cfg *monitor.Config) { cfg.Actions = full{} })
	for path, want := range map[string]string{
		"/ops/t/acme/runs/r/retry":     "Too much at once",
		"/ops/api/t/acme/runs/r/retry": `"throttled"`,
	} {
		resp, body := send(t, d.handler, "owner", http.MethodPost, path)
		if resp.StatusCode != http.StatusTooManyRequests || !strings.Contains(body, want) || !strings.Contains(body, "Later.") {
			t.Errorf("%s: %d\n%s", path, resp.StatusCode, body)
		}
		if strings.Contains(path, "api") && resp.Header.Get("Retry-After") == "" {
			t.Errorf("%s does not say when to come back", path)
		}
	}
}

// full allows nothing more.
type full struct{}

func (full) RequestCancel(context.Context, runs.Ref, runs.Actor, string) (*runs.Run, error) {
	return nil, runs.ErrNotFound
}

func (full) Retry(context.Context, runs.Ref, runs.Actor, string) (runs.Started, error) {
	return runs.Started{}, runs.Public(nil, runs.ReasonThrottled, "Later.")
}
