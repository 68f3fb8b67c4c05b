package monitor_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/internal/htmlcheck"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/audit"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
)

// stored is a [runs.Reader] of runs that no tracker would have stored.
type stored struct {
	run *runs.Run
	op  runs.Operation
}

func (s stored) Get(context.Context, runs.Ref) (*runs.Run, error) { return s.run.Clone(), nil }

func (s stored) List(context.Context, runs.Query) (runs.Page, error) {
	other := s.run.Clone()
	other.ID = strings.Repeat("0", 36)
	return runs.Page{Runs: []*runs.Run{s.run.Clone(), other}, Next: "next"}, nil
}

func (s stored) Items(context.Context, runs.ItemQuery) (runs.ItemPage, error) {
	var page runs.ItemPage
	for _, f := range s.run.Failures {
		page.Items = append(page.Items, runs.Item{Key: f.Key, Outcome: runs.ItemFailed, Failure: f.Failure})
	}
	page.Next = "next"
	return page, nil
}

func (s stored) Counts(context.Context, runs.Query) (runs.Tally, error) { return runs.Tally{}, nil }

func (s stored) Operations() []runs.Operation { return []runs.Operation{s.op} }

// A hostileDesk is a hub of which every stored text is the same.
type hostileDesk struct {
	http.Handler
	runs   stored
	inbox  tray
	audit  entries
	tenant string
}

// entries are an audit that nobody has cleaned.
type entries struct {
	audit.Reader
	all []audit.Entry
}

func (e *entries) List(context.Context, audit.Query) (audit.Page, error) {
	return audit.Page{Entries: e.all, Next: "next"}, nil
}

func (e *entries) Joins(context.Context, runs.Ref) (n int, more bool, err error) {
	return 1, false, nil
}

// set makes x every stored text.
func (d *hostileDesk) set(x string) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	actor, failure := runs.Actor{Kind: runs.ActorUser, ID: x, Name: x}, runs.Failure{Reason: runs.Reason(x), Message: x}
	d.runs = stored{&runs.Run{
		Tenant: "acme", ID: x, Type: runs.Type(x), Status: runs.StatusCompleted, Outcome: runs.OutcomeFailed, Attempt: 2, Lost: 1,
		Initiator: actor, Target: runs.Target{Kind: x, ID: x, Name: x}, Context: map[string]string{x: x},
		Counts: runs.Counts{Total: 2, Failed: 2, Extra: map[string]int64{x: 1}}, Failure: failure,
		Failures: []runs.ItemFailure{{Key: x, Failure: failure}}, Waiting: failure, Cancel: runs.CancelRequest{At: now, By: actor, Why: x},
		RetryOf: x, CreatedAt: now, StartedAt: now, CompletedAt: now.Add(time.Minute),
	}, runs.Operation{Type: runs.Type(x), Label: x, Description: x}}
	d.inbox.notes = nil
	d.inbox.add("demo", monitor.Note{ID: x, Run: runs.Ref{Tenant: x, ID: x, Type: runs.Type(x)}, Title: x, Body: x, Status: runs.Status(x), Outcome: runs.Outcome(x), CreatedAt: now})
	entry := audit.Entry{
		Tenant: "acme", At: now, Actor: actor, Event: audit.Event(x), Action: runs.Action(x), Result: x, Reason: runs.Reason(x),
		Object: audit.Object{Kind: "run", ID: x, Name: x}, Facts: map[string]string{x: x},
	}
	d.audit.all = []audit.Entry{entry, entry}
	d.audit.all[1].Object.Kind = x
	d.tenant = x
}

func hostile(t *testing.T, x string) *hostileDesk {
	t.Helper()
	d := new(hostileDesk)
	d.set(x)
	who, access := monitor.InsecureDemo()
	hub, err := monitor.New(monitor.Config{
		Runs: &d.runs,
		Who: func(r *http.Request) (runs.Actor, error) {
			r.RemoteAddr, r.Host = "127.0.0.1:1", "localhost"
			actor, err := who(r)
			actor.Name = d.tenant
			return actor, err
		},
		Authorizer: access, Inbox: &d.inbox, Audit: &d.audit, Actions: lateActions{},
		Links:   func(*runs.Run) []monitor.Link { return []monitor.Link{{d.tenant, d.tenant}} },
		Tenants: func(context.Context, runs.Actor) ([]string, error) { return []string{"acme", d.tenant}, nil },
		Now:     func() time.Time { return time.Date(2026, 1, 2, 4, 4, 5, 0, time.UTC) },
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/ops/", hub)
	d.Handler = mux
	return d
}

// pagePaths are one address of each page.
func pagePaths() []string {
	return []string{
		"/ops/t/acme/", "/ops/t/acme/runs", "/ops/t/acme/runs?not.type=a.b&foo=1", "/ops/t/acme/runs/r1", "/ops/t/acme/runs/r1?started=joined&reason=x",
		"/ops/t/acme/types", "/ops/t/acme/audit", "/ops/notifications", "/ops/notifications?show=read", "/ops/settings", "/ops/help?tenant=acme",
		"/ops/no/such", "/ops/t/acme/runs?status=x",
	}
}

func page(t *testing.T, h http.Handler, user, path string) *htmlcheck.Page {
	t.Helper()
	_, body := get(t, h, user, path)
	p, err := htmlcheck.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Whatever is in the store, the page has the same elements and attributes as
// with harmless texts, and nothing that runs.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	paths := []string{
		"/ops/t/acme/", "/ops/t/acme/runs?not.type=a.b", "/ops/t/acme/runs/r1?started=joined&reason=x", "/ops/t/acme/types", "/ops/t/acme/audit",
		"/ops/notifications",
	}
	h := hostile(t, "harmless.text")
	want := make(map[string]string)
	for _, path := range paths {
		want[path] = page(t, h, "", path).Shape()
	}
	all := payloads(t)
	for _, payload := range all {
		h.set(payload)
		for _, path := range paths {
			p := page(t, h, "", path)
			if got := p.Shape(); got != want[path] {
				t.Errorf("%s with %q has other elements:\n%s", path, payload, cmp.Diff(want[path], got))
			}
			for _, wrong := range htmlcheck.Unsafe(p) {
				t.Errorf("%s with %q: %s", path, payload, wrong)
			}
		}
		if t.Failed() {
			return
		}
	}
	if len(all) < 100 {
		t.Errorf("there are %d payloads, want at least 100", len(all))
	}
}

// Whatever is in the address, it is text.
func TestHostileAddresses(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	for _, payload := range payloads(t) {
		x := urlEscape(payload)
		for _, path := range []string{"/ops/t/acme/runs?initiator=" + x + "&target=" + x + "&" + x + "=1&q=%22" + x + "%22", "/ops/t/acme/runs/" + x} {
			resp, _ := get(t, d.handler, "owner", path)
			if to := resp.Header.Get("Location"); to != "" {
				path = to
			}
			for _, wrong := range htmlcheck.Check(page(t, d.handler, "owner", path)) {
				t.Errorf("%s: %s", path, wrong)
			}
		}
	}
}

func urlEscape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

// payloads are texts that have become markup or code somewhere.
func payloads(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile("testdata/payloads.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimSuffix(line, "\n"); line != "" {
			all = append(all, line)
		}
	}
	return append(all, "\x00<script>alert(1)</script>", "a\r\nSet-Cookie: b=c\r\n\r\n<script>", "\xff<img src=x onerror=alert(1)>", "\u202e<svg onload=alert(1)>")
}

// Every page has what keyboards and screen readers need, in both languages,
// full and empty.
func TestAccessible(t *testing.T) {
	t.Parallel()
	full, empty := newDesk(t, withInbox), newDesk(t, withInbox)
	run := full.fill(t)
	for name, h := range map[string]http.Handler{"full": full.handler, "empty": empty.handler, "texts": hostile(t, "x.y")} {
		for _, lang := range []string{"en", "de"} {
			for _, path := range pagePaths() {
				path = strings.ReplaceAll(path, "/r1", "/"+run.ID)
				_, body := get(t, h, "owner", path, "Accept-Language", lang)
				p, err := htmlcheck.Parse(strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				for _, wrong := range htmlcheck.Check(p) {
					t.Errorf("%s, %s, %s: %s", path, name, lang, wrong)
				}
			}
		}
	}
}

func withInbox(cfg *monitor.Config) { cfg.Inbox = new(tray) }

// Who may see and do what, in one table.
func TestRoles(t *testing.T) {
	var d *desk
	d = newDesk(t, func(cfg *monitor.Config) { withInbox(cfg); cfg.Actions = lateActions{&d} })
	run := d.fill(t)
	queued := make(map[string]string)
	users := []string{"", "outsider", "readonly", "operator", "manager", "owner"}
	for i, user := range users {
		queued[user] = d.add(t, runs.Run{Status: runs.StatusQueued, CreatedAt: time.Now().Add(-time.Duration(i) * time.Second), Initiator: runs.User("somebody", "")}).ID
	}
	routes := []string{
		"GET /ops/t/acme/", "GET /ops/t/acme/runs", "GET /ops/t/acme/runs.csv", "GET /ops/t/acme/runs.jsonl", "GET /ops/t/acme/runs/RUN",
		"GET /ops/t/acme/runs/RUN/items.csv", "GET /ops/t/acme/runs/RUN/items.jsonl", "GET /ops/t/acme/types", "GET /ops/t/globex/runs",
		"GET /ops/t/globex/runs/RUN", "GET /ops/notifications", "GET /ops/notifications/none", "POST /ops/notifications/none/read",
		"POST /ops/notifications/read-all", "GET /ops/settings", "GET /ops/help", "GET /ops/", "GET /ops/static/hub.css",
		"POST /ops/t/acme/runs/RUN/retry", "POST /ops/t/acme/runs/QUEUED/cancel", "POST /ops/t/acme/runs", "GET /ops/t/acme/runs/RUN/cancel",
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-42s anonymous outsider readonly operator manager owner\n", "")
	for _, route := range routes {
		method, path, _ := strings.Cut(route, " ")
		fmt.Fprintf(&b, "%-42s", route)
		for _, user := range users {
			resp, _ := send(t, d.handler, user, method, strings.NewReplacer("RUN", run.ID, "QUEUED", queued[user]).Replace(path))
			fmt.Fprintf(&b, " %d", resp.StatusCode)
		}
		b.WriteString("\n")
	}
	want, err := os.ReadFile("testdata/roles.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}
}
