package monitor_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/htmlcheck"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
)

// A desk is a hub below /ops with a tenant "acme", and what is behind it. The
// header X-User names who asks by their role; "outsider" is no member.
type desk struct {
	store   *memruns.Store
	tracker *runs.Tracker
	hub     *monitor.Hub
	handler http.Handler
}

// newDesk returns a desk whose configuration change may adapt.
func newDesk(t *testing.T, change func(cfg *monitor.Config)) *desk {
	t.Helper()
	d := &desk{store: memruns.New()}
	access := runs.Roles(func(_ context.Context, a runs.Actor, tenant string) (runs.Role, error) {
		switch {
		case a.ID == "broken":
			return "", errors.New("ldap://user:hunter2@directory")
		case tenant != "acme" && (tenant != "globex" || a.ID != "owner"):
			return "", nil
		}
		return runs.Role(a.ID), nil
	})
	var err error
	d.tracker, err = runs.New(runs.Config{
		Store: d.store, Items: d.store, Dispatcher: accept{}, Authorizer: access,
		Operations: []runs.Operation{runs.Spec[map[string]int]{
			Type: "inventory.sync", Label: "Inventory sync", Expected: 10 * time.Minute,
			Handle: func(context.Context, *runs.Exec, map[string]int) error { return nil },
		}.Operation()},
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := monitor.Config{
		Runs: d.tracker,
		Who: func(r *http.Request) (runs.Actor, error) {
			switch id := r.Header.Get("X-User"); id {
			case "":
				return runs.Actor{}, monitor.ErrUnauthenticated
			case "lost":
				return runs.Actor{}, errors.New("ldap://user:hunter2@directory")
			default:
				return runs.User(id, strings.ToUpper(id)), nil
			}
		},
		Authorizer: access,
	}
	if change != nil {
		change(&cfg)
	}
	if d.hub, err = monitor.New(cfg); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/ops/", d.hub)
	d.handler = mux
	return d
}

// get asks as user and returns the answer with its body.
func (d *desk) get(t *testing.T, user, path string, header ...string) (*http.Response, string) {
	t.Helper()
	return get(t, d.handler, user, path, header...)
}

// add stores a run as it is, with what is missing filled in.
func (d *desk) add(t *testing.T, r runs.Run) *runs.Run {
	t.Helper()
	if r.Tenant == "" {
		r.Tenant = "acme"
	}
	if r.Type == "" {
		r.Type = "inventory.sync"
	}
	if !r.Initiator.Valid() {
		r.Initiator = runs.User("operator", "Oskar")
	}
	if r.CreatedAt.IsZero() {
		r.CreatedAt = time.Now().Add(-time.Hour)
	}
	if r.ID == "" {
		r.ID = id(r.CreatedAt)
	}
	stored, _, err := d.store.Insert(t.Context(), &r)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// id returns a UUID of version 7 for this time, whose end is its own.
func id(at time.Time) string {
	const digits = "0123456789abcdef"
	b := []byte("00000000-0000-7000-8000-000000000000")
	ms, ns := at.UnixMilli(), at.UnixNano()
	for i, j := range []int{12, 11, 10, 9, 7, 6, 5, 4, 3, 2, 1, 0} {
		b[j] = digits[ms>>(4*i)&15]
	}
	for i := range 12 {
		b[35-i] = digits[ns>>(4*i)&15]
	}
	return string(b)
}

func TestHubNeedsAccess(t *testing.T) {
	who, access := monitor.InsecureDemo()
	reader := newDesk(t, nil).tracker
	for name, cfg := range map[string]monitor.Config{
		"Runs":       {Who: who, Authorizer: access},
		"Who":        {Runs: reader, Authorizer: access},
		"Authorizer": {Runs: reader, Who: who},
	} {
		if _, err := monitor.New(cfg); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("New without %s: %v, want an error that names it", name, err)
		}
	}
	cfg := monitor.Config{Runs: reader, Who: who, Authorizer: access, Messages: map[string]map[string]string{"en": {"no.such": "x"}}}
	if _, err := monitor.New(cfg); err == nil || !strings.Contains(err.Error(), "no.such") {
		t.Errorf("New with an unknown message: %v, want an error that names it", err)
	}
}

func TestInsecureDemo(t *testing.T) {
	who, access := monitor.InsecureDemo()
	tests := []struct {
		from, host, header string
		ok                 bool
	}{
		{"127.0.0.1:5000", "127.0.0.1:8080", "", true},
		{"[::1]:5000", "[::1]:8080", "", true},
		{"[::1]:5000", "[::1]", "", true},
		{"127.0.0.1:5000", "localhost", "", true},
		{"192.0.2.1:5000", "localhost:8080", "", false},
		{"127.0.0.1:5000", "attacker.example:8080", "", false},
		{"127.0.0.1:5000", "127.0.0.1.attacker.example", "", false},
		{"127.0.0.1:5000", "localhost:8080", "X-Forwarded-For", false},
		{"127.0.0.1:5000", "localhost:8080", "Forwarded", false},
		{"@", "localhost:8080", "", false},
	}
	for _, tt := range tests {
		r := httptest.NewRequest(http.MethodGet, "http://"+tt.host+"/", nil)
		r.RemoteAddr = tt.from
		if tt.header != "" {
			r.Header.Set(tt.header, "for=127.0.0.1")
		}
		actor, err := who(r)
		if tt.ok != (err == nil) || !tt.ok && !errors.Is(err, monitor.ErrUnauthenticated) {
			t.Errorf("%s for %s with %q: %+v, %v; want let in %v", tt.from, tt.host, tt.header, actor, err, tt.ok)
		}
		if err := access.Authorize(t.Context(), actor, "acme", runs.ActionView); tt.ok != (err == nil) {
			t.Errorf("%s for %s: authorized %v", tt.from, tt.host, err)
		}
	}
}

// Links and paths are right wherever the hub is mounted.
func TestMount(t *testing.T) {
	d := newDesk(t, nil)
	run := d.add(t, runs.Run{Status: runs.StatusQueued})
	named := newDesk(t, func(cfg *monitor.Config) { cfg.BasePath, cfg.Runs = "/a/b", d.tracker }).hub
	handlers := map[string]http.Handler{"/ops": d.hub, "/a/b": named}
	for base, hub := range handlers {
		for pattern, h := range map[string]http.Handler{
			base + "/":                     hub,
			"GET example.com" + base + "/": hub,
			base + "/{rest...}":            hub,
			"GET " + base + "/":            http.StripPrefix(base, hub),
		} {
			mux := http.NewServeMux()
			mux.Handle(pattern, h)
			resp, body := send(t, mux, "readonly", http.MethodGet, base+"/t/acme/runs")
			if want := `href="` + base + "/t/acme/runs/" + run.ID + `"`; resp.StatusCode != http.StatusOK || !strings.Contains(body, want) {
				t.Errorf("%s: %d, no %s in\n%s", pattern, resp.StatusCode, want, body)
			}
			_, body = send(t, mux, "readonly", http.MethodGet, base+"/api/t/acme/runs/"+run.ID)
			for _, want := range []string{`"self":"` + base + "/api/t/acme/runs/" + run.ID + `"`, `"page":"` + base + "/t/acme/runs/" + run.ID + `"`} {
				if !strings.Contains(body, want) {
					t.Errorf("%s: no %s in\n%s", pattern, want, body)
				}
			}
		}
	}
}

func TestAssets(t *testing.T) {
	d := newDesk(t, nil)
	_, body := d.get(t, "readonly", "/ops/t/acme/runs")
	_, rest, ok := strings.Cut(body, `rel="stylesheet" href="`)
	css, _, _ := strings.Cut(rest, `"`)
	if !ok || !strings.HasPrefix(css, "/ops/static/") {
		t.Fatalf("no style sheet in\n%s", body)
	}
	for path, want := range map[string]struct {
		status int
		keep   string
	}{
		css:                       {200, "public, max-age=31536000, immutable"},
		"/ops/static/hub.css":     {200, "no-cache"},
		"/ops/static/old/hub.css": {404, ""},
		"/ops/static/":            {404, ""},
		"/ops/static/../hub.go":   {307, ""}, // to a path that is not there
	} {
		resp, _ := d.get(t, "", path)
		if got := resp.Header.Get("Cache-Control"); resp.StatusCode != want.status || want.status == 200 && got != want.keep {
			t.Errorf("%s: %d, Cache-Control %q; want %+v", path, resp.StatusCode, got, want)
		}
	}
	resp, _ := d.get(t, "", css)
	if got := resp.Header.Get("Content-Type"); got != "text/css; charset=utf-8" {
		t.Errorf("Content-Type of the style sheet: %q", got)
	}
	if resp, _ := d.get(t, "", "/ops/static/hub.css", "If-None-Match", resp.Header.Get("ETag")); resp.StatusCode != http.StatusNotModified {
		t.Errorf("a known style sheet: %d, want 304", resp.StatusCode)
	}
}

// An outsider learns nothing from how a page is refused.
func TestRefusals(t *testing.T) {
	d := newDesk(t, nil)
	run := d.add(t, runs.Run{Status: runs.StatusQueued})
	tests := []struct {
		user, path string
		status     int
	}{
		{"", "/ops/t/acme/runs", 401},
		{"lost", "/ops/t/acme/runs", 503},
		{"broken", "/ops/t/acme/runs", 500},
		{"readonly", "/ops/no/such/page", 404},
		{"readonly", "/ops/t/acme//runs", 404},
		{"readonly", "/ops/t/acme/runs/no-such-run", 404},
		{"outsider", "/ops/t/acme/runs", 404},
		{"outsider", "/ops/t/acme/runs/" + run.ID, 404},
		{"outsider", "/ops/t/unknown/runs/" + run.ID, 404},
		{"owner", "/ops/t/globex/runs/" + run.ID, 404},
	}
	bodies := make(map[string]string)
	for _, tt := range tests {
		resp, body := send(t, d.hubAt("/ops"), tt.user, http.MethodGet, tt.path, "X-Request-Id", "r1")
		if resp.StatusCode != tt.status || !strings.Contains(body, "<code>r1</code>") || strings.Contains(body, "hunter2") {
			t.Errorf("%s as %q: %d, want %d with the request's id\n%s", tt.path, tt.user, resp.StatusCode, tt.status, body)
		}
		if tt.user == "outsider" {
			bodies[body] = tt.path
		}
	}
	if resp, _ := send(t, d.handler, "owner", http.MethodPost, "/ops/t/acme/runs"); resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("a POST to a page: %d, want 405", resp.StatusCode)
	}
	if len(bodies) != 1 {
		t.Errorf("an outsider gets %d different pages, want 1", len(bodies))
	}
	home := newDesk(t, func(cfg *monitor.Config) {
		cfg.Who = func(*http.Request) (runs.Actor, error) { return runs.Actor{}, monitor.RedirectTo("/login") }
	})
	if resp, _ := home.get(t, "", "/ops/t/acme/runs"); resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/login" {
		t.Errorf("signed out: %d to %q, want 303 to /login", resp.StatusCode, resp.Header.Get("Location"))
	}
	if resp, _ := home.get(t, "", "/ops/api/t/acme/runs"); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("signed out, JSON: %d, want 401", resp.StatusCode)
	}
}

// hubAt is the hub without a mux in front that would clean paths.
func (d *desk) hubAt(base string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Pattern = base + "/"
		d.hub.ServeHTTP(w, r)
	})
}

// A hub that does not know the tenants asks which, without JavaScript; one that
// knows them leads to the first.
func TestHome(t *testing.T) {
	for name, test := range map[string]struct {
		tenants func(context.Context, runs.Actor) ([]string, error)
		path    string
		status  int
		want    string
	}{
		"unknown":       {nil, "/ops/", 200, `<input type="text" name="tenant"`},
		"asked":         {nil, "/ops/?tenant=a%2Fc+me", 303, "/ops/t/a%2Fc%20me/"},
		"somebody's":    {nil, "/ops/?tenant=%2F%2Fevil.example", 303, "/ops/t/%2F%2Fevil.example/"},
		"known":         {func(context.Context, runs.Actor) ([]string, error) { return []string{"globex", "acme"}, nil }, "/ops/", 303, "/ops/t/acme/"},
		"none of these": {func(context.Context, runs.Actor) ([]string, error) { return []string{"globex"}, nil }, "/ops/", 404, ""},
	} {
		d := newDesk(t, func(cfg *monitor.Config) { cfg.Tenants = test.tenants })
		resp, body := d.get(t, "readonly", test.path)
		if resp.StatusCode != test.status || !strings.Contains(body+resp.Header.Get("Location"), test.want) {
			t.Errorf("%s: %d to %q, want %d with %q\n%s", name, resp.StatusCode, resp.Header.Get("Location"), test.status, test.want, body)
		}
	}
	for _, wrong := range htmlcheck.Check(page(t, newDesk(t, nil).handler, "readonly", "/ops/")) {
		t.Error(wrong)
	}
}

func TestSecurityHeaders(t *testing.T) {
	d := newDesk(t, nil)
	for _, path := range []string{"/ops/t/acme/runs", "/ops/no/such", "/ops/static/hub.css", "/ops/api/me"} {
		resp, _ := d.get(t, "readonly", path)
		csp := resp.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "require-trusted-types-for 'script'", "frame-ancestors 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: the policy %q has no %s", path, csp, want)
			}
		}
		if strings.Contains(csp, "unsafe") || resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("X-Request-Id") == "" {
			t.Errorf("%s: headers %v", path, resp.Header)
		}
	}
}

// A run whose worker is silent looks different from one that takes long, and
// both from one that runs.
func TestTrouble(t *testing.T) {
	d := newDesk(t, nil)
	now := time.Now()
	running := func(started, lease time.Duration) *runs.Run {
		return d.add(t, runs.Run{
			Status: runs.StatusRunning, Attempt: 1, CreatedAt: now.Add(-started), StartedAt: now.Add(-started), LeaseUntil: now.Add(lease),
		})
	}
	tests := map[string]*runs.Run{
		"":                    running(time.Minute, time.Minute),
		"No worker heartbeat": running(2*time.Minute, -time.Minute),
		"Likely stale":        running(time.Hour, time.Minute),
		"Waiting": d.add(t, runs.Run{
			Status: runs.StatusQueued, CreatedAt: now.Add(-3 * time.Minute), Waiting: runs.Because(runs.ReasonThrottled), NotBefore: now.Add(time.Minute),
		}),
	}
	for want, run := range tests {
		_, body := d.get(t, "readonly", "/ops/t/acme/runs/"+run.ID)
		for said := range tests {
			if said != "" && strings.Contains(body, said+".</strong>") != (said == want) {
				t.Errorf("the page of a run that is to say %q has %q: %v", want, said, said != want)
			}
		}
	}
}

func TestLanguage(t *testing.T) {
	tests := []struct{ accept, wished, lang, title string }{
		{"", "", "en", "<h1>Runs</h1>"},
		{"de-AT,en;q=0.5", "", "de", "<h1>Läufe</h1>"},
		{"fr,de;q=0.5", "", "de", "<h1>Läufe</h1>"},
		{"de", "en", "en", "<h1>Runs</h1>"},
		{"de", "xx", "de", "<h1>Läufe</h1>"},
		{"sv", "", "sv", "<h1>Körningar</h1>"},
		{strings.Repeat("x-", 5000) + "," + strings.Repeat("de,", 3), "", "de", "<h1>Läufe</h1>"},
	}
	for _, tt := range tests {
		d := newDesk(t, func(cfg *monitor.Config) {
			cfg.Language = func(*http.Request) string { return tt.wished }
			cfg.Messages = map[string]map[string]string{"sv": {"runs.title": "Körningar"}}
		})
		resp, body := d.get(t, "readonly", "/ops/t/acme/runs", "Accept-Language", tt.accept)
		if resp.Header.Get("Content-Language") != tt.lang || !strings.Contains(body, tt.title) || !strings.Contains(body, `<html lang="`+tt.lang+`"`) {
			t.Errorf("Accept-Language %.40q, wished %q: %s, want %s in\n%s", tt.accept, tt.wished, resp.Header.Get("Content-Language"), tt.title, body)
		}
	}
}
