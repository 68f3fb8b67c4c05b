package monitor_test

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
)

// fill adds a run of each sort, and returns the one that failed in part.
func (d *desk) fill(t *testing.T) *runs.Run {
	t.Helper()
	now := time.Now()
	for i, o := range []runs.Outcome{
		runs.OutcomeSucceeded, runs.OutcomeFailed, runs.OutcomeCanceled, runs.OutcomeBlocked,
	} {
		at := now.Add(-time.Duration(i+1) * time.Hour)
		d.add(t, runs.Run{
			Status: runs.StatusCompleted, Outcome: o, Attempt: 1, CreatedAt: at, StartedAt: at.Add(time.Second), CompletedAt: at.Add(time.Minute),
			Target: runs.Target{Kind: "set", ID: fmt.Sprint("s", i), Name: "Nightly " + string(o)}, Counts: runs.Counts{Total: 3, Succeeded: 3},
			Initiator: runs.User("manager", "Mika"),
		})
	}
	d.add(t, runs.Run{Status: runs.StatusQueued, CreatedAt: now.Add(-5 * time.Minute)})
	d.add(t, runs.Run{
		Status: runs.StatusRunning, Attempt: 1, CreatedAt: now.Add(-4 * time.Minute), StartedAt: now.Add(-3 * time.Minute), LeaseUntil: now.Add(time.Minute),
		Counts: runs.Counts{Total: 4, Succeeded: 1},
	})
	failures := []runs.ItemFailure{
		{Key: "a", Failure: runs.Because(runs.ReasonThrottled)},
		{Key: "b", Failure: runs.Because(runs.ReasonConflict)},
		{Key: "c", Failure: runs.Because(runs.ReasonThrottled)},
		{Key: "d", Failure: runs.Because(runs.ReasonThrottled)},
		{Key: "e", Failure: runs.Because(runs.ReasonThrottled)},
	}
	at := now.Add(-2 * time.Minute)
	run := d.add(t, runs.Run{
		Status: runs.StatusRunning, Attempt: 1, CreatedAt: at, StartedAt: at.Add(time.Second), LeaseUntil: now.Add(time.Minute),
		Context: map[string]string{"selection": "everything"}, Counts: runs.Counts{Total: 7, Succeeded: 1, Failed: 5, Skipped: 1, Extra: map[string]int64{"objects": 12345}},
		Failures: failures, Params: json.RawMessage(`{}`), Initiator: runs.User("owner", "Olivia"),
	})
	items := []runs.Item{{Key: "fine", Outcome: runs.ItemSucceeded}, {Key: "left", Outcome: runs.ItemSkipped, Failure: runs.Because(runs.ReasonUnsupported)}}
	for _, f := range failures {
		items = append(items, runs.Item{Key: f.Key, Outcome: runs.ItemFailed, Failure: f.Failure})
	}
	if err := d.store.PutItems(t.Context(), run.Ref(), 1, items); err != nil {
		t.Fatal(err)
	}
	run.Status, run.Outcome, run.CompletedAt = runs.StatusCompleted, runs.OutcomePartiallySucceeded, at.Add(90*time.Second)
	run, err := d.store.Update(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// missing returns which of the texts are not in body, ignoring how it is laid out.
func missing(body string, texts ...string) []string {
	body = strings.ReplaceAll(body, "\n", "")
	return slices.DeleteFunc(texts, func(s string) bool { return strings.Contains(body, s) })
}

var wordsAttribute = regexp.MustCompile(` data-words="[^"]*"`) //nolint:gochecknoglobals // a constant

// The links of a list lead through all of it, whatever its filter.
func TestNextPages(t *testing.T) {
	d := newDesk(t, nil)
	d.fill(t)
	for query, want := range map[string]int{"?limit=2": 7, "?limit=1&since=720h": 7, "?limit=1&outcome=failed": 1} {
		if got := d.rows(t, "/ops/t/acme/runs"+query); got != want {
			t.Errorf("the pages of %s have %d runs, want %d", query, got, want)
		}
	}
}

func TestPages(t *testing.T) {
	inbox := new(tray)
	d := newDesk(t, func(cfg *monitor.Config) {
		cfg.Inbox = inbox
		cfg.Links = func(*runs.Run) []monitor.Link { return []monitor.Link{{"Backup set", "/sets/1"}} }
		cfg.Tenants = func(context.Context, runs.Actor) ([]string, error) { return []string{"acme", "globex"}, nil }
	})
	run := d.fill(t)
	inbox.add("readonly", monitor.Note{ID: "n1", Run: run.Ref(), Title: "Inventory sync partially succeeded", Body: "1 of 7", Status: run.Status, Outcome: run.Outcome, CreatedAt: time.Now()})
	self := "/ops/t/acme/runs/" + run.ID
	tests := []struct {
		path string
		want []string
	}{
		{"/ops/t/acme/", []string{"Overview", "is a worker running?", "Running now", "Nightly failed", "<rect", "Median", "partially_succeeded"}},
		{"/ops/t/acme/runs", []string{"All<span class=\"count\">7</span>", "Failed<span class=\"count\">1</span>", "Partially succeeded", "25 %", "Nightly blocked", "Mika", `<time class="ops-time" datetime="`}},
		{"/ops/t/acme/runs?outcome=failed", []string{"Nightly failed", `aria-current="page">Failed`}},
		{"/ops/t/acme/runs?outcome=succeeded&since=30m", []string{"No runs match", "Last 30m"}},
		{"/ops/t/acme/runs?not.outcome=failed%2Ccanceled&foo=1", []string{"not: Failed", "not: Canceled", "Ignored", "<code>foo</code>", "Nightly blocked"}},
		{"/ops/t/acme/runs?q=nightly+blocked", []string{"Nightly blocked", "“nightly blocked”"}},
		{self, []string{
			"12\u202f345", "objects", "Requested and queued", "What failed and what to do", "4 items", "1 item", "and 1 more", "Try again in a few minutes",
			"selection", "Backup set", `href="/sets/1"`, "Related runs", "This run as JSON", "Olivia", run.ID,
		}},
		{self + "?outcome=failed&reason=conflict", []string{">b</th>", "It was changed by somebody else meanwhile."}},
		{self + "?q=lef", []string{">left</th>"}},
		{self + "?outcome=succeeded&q=nothing", []string{"No items match"}},
		{self + "?started=new", []string{"Inventory sync queued."}},
		{self + "?started=joined", []string{"started by Olivia"}},
		{"/ops/t/acme/types", []string{
			"inventory.sync", "10 min", "and not start them", ">tenant, params</td>", ">operator, manager, owner</td>", "Cancel somebody else&#39;s",
			`data-label="operator">no</td><td role="cell" data-label="manager">yes</td>`, `data-label="you">no</td>`,
		}},
		{"/ops/notifications", []string{"Inventory sync partially succeeded", "Mark all read", "Mark read", "1<span class=\"quiet\"> unread"}},
		{"/ops/notifications?show=read", []string{"No notifications"}},
		{"/ops/settings", []string{"Kept in this browser only", "Compact", "noscript"}},
		{"/ops/settings?tenant=acme", []string{`href="/ops/t/acme/runs"`}},
		{"/ops/help?tenant=globex", []string{"What the marks mean", "No worker heartbeat", "-type:inventory.sync"}},
	}
	for _, tt := range tests {
		resp, body := d.get(t, "readonly", tt.path)
		if lacks := missing(body, tt.want...); resp.StatusCode != http.StatusOK || len(lacks) > 0 {
			t.Errorf("%s: %d, without %q\n%s", tt.path, resp.StatusCode, lacks, body)
		}
		// What the modules are to say has places for figures.
		shown := wordsAttribute.ReplaceAllString(body, "")
		for _, bad := range []string{"style=", "<no value>", "ZgotmplZ", "{0}", "%!", "onclick"} {
			if strings.Contains(shown, bad) {
				t.Errorf("%s has %q\n%s", tt.path, bad, body)
			}
		}
		if len(body) > 40<<10 {
			t.Errorf("%s has %d bytes, want at most 40 KiB", tt.path, len(body))
		}
	}
	if resp, _ := d.get(t, "readonly", "/ops/"); resp.Header.Get("Location") != "/ops/t/acme/" {
		t.Errorf("/ops/ leads to %q, want the first tenant", resp.Header.Get("Location"))
	}
	if _, body := d.get(t, "readonly", "/ops/help?tenant=globex"); strings.Contains(body, "globex") {
		t.Error("a tenant that one may not view is in the navigation")
	}
	if resp, body := d.get(t, "readonly", "/ops/t/acme/runs?after=made-up&outcome=failed"); resp.StatusCode != http.StatusBadRequest || !strings.Contains(body, `href="/ops/t/acme/runs?outcome=failed"`) {
		t.Errorf("a cursor that is none: %d, want 400 and the list from its beginning\n%s", resp.StatusCode, body)
	}
}

// The pages of a list lead through all of it and back, whatever the filter.
// A reason of a program has the program's words, and advice if the host has some.
func TestDeclaredReasons(t *testing.T) {
	failure := runs.Failure{Reason: "ext.restore.unmapped", Message: "A group has no counterpart."}
	run := runs.Run{
		Status: runs.StatusCompleted, Outcome: runs.OutcomePartiallySucceeded, Counts: runs.Counts{Total: 1, Failed: 1},
		Failures: []runs.ItemFailure{{Key: "a", Failure: failure}},
	}
	for name, advice := range map[string]string{"no advice": "", "the host's advice": "Map it, or skip it."} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, func(cfg *monitor.Config) {
				if advice != "" {
					cfg.Messages = map[string]map[string]string{"en": {"advice." + string(failure.Reason): advice}}
				}
			})
			_, body := d.get(t, "readonly", "/ops/t/acme/runs/"+d.add(t, run).ID)
			if without := missing(body, failure.Message, advice); len(without) > 0 {
				t.Errorf("the page lacks %q", without)
			}
			for _, empty := range []string{runs.Reason("ext.x.y").Sentence(), runs.Reason("ext.x.y").Advice()} {
				if strings.Contains(body, empty) {
					t.Errorf("the page says %q", empty)
				}
			}
		})
	}
}

func TestPaging(t *testing.T) {
	d := newDesk(t, nil)
	now := time.Now()
	for i := range 45 {
		o := runs.OutcomeSucceeded
		if i%3 == 0 {
			o = runs.OutcomeCanceled
		}
		at := now.Add(-time.Duration(i+1) * time.Minute)
		d.add(t, runs.Run{Status: runs.StatusCompleted, Outcome: o, CreatedAt: at, CompletedAt: at, Target: runs.Target{Name: fmt.Sprintf("No %02d", i)}})
	}
	for query, total := range map[string]int{"": 45, "outcome=canceled": 15, "not.outcome=canceled": 30, "q=no+nightly": 0, "q=%22no+0%22+-status%3Asucceeded": 4} {
		path := "/ops/t/acme/runs?limit=7&" + query
		if resp, _ := d.get(t, "readonly", path); resp.StatusCode == http.StatusSeeOther {
			path = resp.Header.Get("Location")
		}
		first, seen := path, make(map[string]bool)
		var walked []string
		for path != "" && len(walked) < 40 {
			walked = append(walked, path)
			_, body := d.get(t, "readonly", path)
			for part := range strings.SplitSeq(body, `<tr role="row" data-run="`) {
				if id, _, ok := strings.Cut(part, `"`); ok && len(id) == 36 {
					if seen[id] {
						t.Errorf("%s: a run is listed twice", query)
					}
					seen[id] = true
				}
			}
			path = link(body, "next")
		}
		if len(seen) != total {
			t.Errorf("%q: %d runs on %d pages, want %d", query, len(seen), len(walked), total)
		}
		for i, path := range slices.Backward(walked) {
			_, body := d.get(t, "readonly", path)
			back, want := link(body, "prev"), ""
			if i > 0 {
				want = walked[i-1]
			}
			if i > 1 && i < len(walked)-1 && back != want || i == 1 && !sameQuery(back, first) {
				t.Errorf("%q: page %d leads back to %q, want %q", query, i, back, want)
			}
		}
	}
	// A cursor is good for its own filter alone.
	_, body := d.get(t, "readonly", "/ops/t/acme/runs?limit=7&not.outcome=canceled")
	next, _ := url.Parse(link(body, "next"))
	for _, query := range []string{"not.outcome=failed", "", "outcome=succeeded"} {
		if resp, _ := d.get(t, "readonly", "/ops/t/acme/runs?limit=7&"+query+"&after="+url.QueryEscape(next.Query().Get("after"))); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("the cursor of another filter with %q: %d, want 400", query, resp.StatusCode)
		}
	}
}

func sameQuery(a, b string) bool {
	x, errA := url.Parse(a)
	y, errB := url.Parse(b)
	return errA == nil && errB == nil && x.Query().Encode() == y.Query().Encode()
}

// link is the address of a page's link with this rel.
func link(body, rel string) string {
	_, rest, ok := strings.Cut(body, `rel="`+rel+`" href="`)
	if !ok {
		return ""
	}
	href, _, _ := strings.Cut(rest, `"`)
	return html.UnescapeString(href)
}

// A form's query becomes the one that stands for it.
func TestCanonicalQuery(t *testing.T) {
	d := newDesk(t, nil)
	for query, want := range map[string]string{
		"q=&type=&since=":                             "",
		"q=status%3Afailed&type=":                     "outcome=failed",
		"status=failed":                               "outcome=failed",
		"status=active":                               "status=queued%2Crunning",
		"status=partial&type=a.b":                     "outcome=partially_succeeded&type=a.b",
		"status=all":                                  "",
		"q=-type%3Aa.b+x&type=a.c":                    "not.type=a.b&q=x&type=a.c",
		"q=type%3Aa.b+%22Conditional+Access%22":       "q=%22Conditional+Access%22&type=a.b",
		"q=created%3A%3E%3D2026-01-01+initiator%3Ame": "from=2026-01-01T00%3A00%3A00Z&initiator=me",
	} {
		resp, _ := d.get(t, "readonly", "/ops/t/acme/runs?"+query)
		_, got, _ := strings.Cut(resp.Header.Get("Location"), "?")
		if resp.StatusCode != http.StatusSeeOther || got != want {
			t.Errorf("%s: %d to %q, want 303 to %q", query, resp.StatusCode, got, want)
		}
	}
}

func TestExport(t *testing.T) {
	d := newDesk(t, nil)
	run := d.fill(t)
	resp, body := d.get(t, "readonly", "/ops/t/acme/runs.csv?status=completed")
	rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if err != nil || len(rows) != 6 || rows[0][0] != "id" || rows[1][0] != run.ID {
		t.Errorf("CSV: %v, %d rows\n%s", err, len(rows), body)
	}
	if got := resp.Header.Get("Content-Disposition"); got != `attachment; filename="runs-acme.csv"` {
		t.Errorf("the file is %q", got)
	}
	_, body = d.get(t, "readonly", "/ops/t/acme/runs.jsonl?status=completed")
	if n := strings.Count(body, "\n"); n != 5 || !strings.Contains(body, `"self":"/ops/api/t/acme/runs/`+run.ID) {
		t.Errorf("JSONL has %d lines\n%s", n, body)
	}
	_, body = d.get(t, "readonly", "/ops/t/acme/runs/"+run.ID+"/items.csv?outcome=failed")
	rows, err = csv.NewReader(strings.NewReader(body)).ReadAll()
	if want := []string{"a", "failed", "throttled", "The service asked for fewer requests."}; err != nil || len(rows) != 6 || !gocmp.Equal(rows[1][:4], want) {
		t.Errorf("items: %v, %q", err, rows)
	}
	for _, path := range []string{"/ops/t/acme/runs.csv", "/ops/t/acme/runs/" + run.ID + "/items.jsonl"} {
		if resp, _ := d.get(t, "outsider", path); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s for an outsider: %d, want 404", path, resp.StatusCode)
		}
	}
}

// post sends a form as user.
func (d *desk) post(t *testing.T, user, path string, form url.Values, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-User", user)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	d.handler.ServeHTTP(rec, r)
	return rec.Result()
}

func TestActions(t *testing.T) {
	var d *desk
	d = newDesk(t, nil)
	d = newDesk(t, func(cfg *monitor.Config) { cfg.Actions = lateActions{&d} })
	run := d.fill(t)
	queued := d.add(t, runs.Run{Status: runs.StatusQueued, CreatedAt: time.Now()})
	self, waiting := "/ops/t/acme/runs/"+run.ID, "/ops/t/acme/runs/"+queued.ID
	for user, want := range map[string][2]bool{"readonly": {false, false}, "operator": {false, true}, "manager": {true, true}, "owner": {true, true}} {
		for i, path := range []string{self, waiting} {
			_, body := d.get(t, user, path)
			if allowed := strings.Contains(body, "<button class=") && !strings.Contains(body, "does not allow this"); allowed != want[i] {
				t.Errorf("%s: a control for %s that works: %v, want %v", path, user, allowed, want[i])
			}
		}
	}
	if resp := d.post(t, "readonly", waiting+"/cancel", nil); resp.StatusCode != http.StatusForbidden {
		t.Errorf("cancel as readonly: %d, want 403", resp.StatusCode)
	}
	if resp := d.post(t, "outsider", waiting+"/cancel", nil); resp.StatusCode != http.StatusNotFound {
		t.Errorf("cancel as an outsider: %d, want 404", resp.StatusCode)
	}
	if resp := d.post(t, "owner", waiting+"/cancel", nil, "Sec-Fetch-Site", "cross-site"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("cancel from another site: %d, want 403", resp.StatusCode)
	}
	if resp := d.post(t, "owner", waiting+"/cancel", url.Values{"why": {strings.Repeat("x", 20<<10)}}); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("cancel with a long reason: %d, want 400", resp.StatusCode)
	}
	resp := d.post(t, "operator", waiting+"/cancel", url.Values{"why": {"wrong set"}})
	got, err := d.tracker.Get(t.Context(), queued.Ref())
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != waiting+"?asked=cancel" || err != nil || got.Outcome != runs.OutcomeCanceled || got.Cancel.Why != "wrong set" {
		t.Errorf("cancel: %d to %q, then %+v, %v", resp.StatusCode, resp.Header.Get("Location"), got, err)
	}
	// The form sent twice starts once.
	first := d.post(t, "owner", self+"/retry", url.Values{"once": {"k"}})
	again := d.post(t, "owner", self+"/retry", url.Values{"once": {"k"}})
	to, _, _ := strings.Cut(first.Header.Get("Location"), "?")
	if first.StatusCode != http.StatusSeeOther || first.Header.Get("Location") != to+"?started=new" || again.Header.Get("Location") != to+"?started=joined" {
		t.Errorf("retry: %d to %q, then to %q", first.StatusCode, first.Header.Get("Location"), again.Header.Get("Location"))
	}
	if _, body := d.get(t, "owner", to); !strings.Contains(body, `href="`+self+`"`) {
		t.Errorf("the new run does not lead to the one that it tries again\n%s", body)
	}
	if resp := d.post(t, "owner", to+"/retry", nil); resp.StatusCode != http.StatusConflict {
		t.Errorf("retry of an active run: %d, want 409", resp.StatusCode)
	}
	// Without actions there are none, whatever the role.
	plain := newDesk(t, nil)
	run = plain.fill(t)
	if _, body := plain.get(t, "owner", "/ops/t/acme/runs/"+run.ID); strings.Contains(body, `method="post"`) {
		t.Error("a hub without actions shows a form")
	}
	if resp := plain.post(t, "owner", "/ops/t/acme/runs/"+run.ID+"/cancel", nil); resp.StatusCode != http.StatusNotFound {
		t.Errorf("cancel in a hub without actions: %d, want 404", resp.StatusCode)
	}
}

// lateActions are those of a tracker that is made after the configuration.
type lateActions struct{ d **desk }

func (l lateActions) RequestCancel(ctx context.Context, ref runs.Ref, actor runs.Actor, why string) (*runs.Run, error) {
	return (*l.d).tracker.RequestCancel(ctx, ref, actor, why)
}

func (l lateActions) Retry(ctx context.Context, ref runs.Ref, actor runs.Actor, once string) (runs.Started, error) {
	return (*l.d).tracker.Retry(ctx, ref, actor, once)
}

func TestNotes(t *testing.T) {
	inbox := new(tray)
	d := newDesk(t, func(cfg *monitor.Config) { cfg.Inbox = inbox })
	run := d.fill(t)
	for i := range 4 {
		inbox.add("operator", monitor.Note{ID: fmt.Sprint("n", i), Run: run.Ref(), Title: fmt.Sprint("Note ", i), Status: runs.StatusQueued, CreatedAt: time.Now()})
	}
	inbox.add("operator", monitor.Note{ID: "n9", Run: runs.Ref{Tenant: "globex", ID: "x", Type: "a.b"}, Title: "Of another tenant", CreatedAt: time.Now()})
	inbox.add("owner", monitor.Note{ID: "o1", Run: run.Ref(), Title: "Of the owner", CreatedAt: time.Now()})
	unread := func() int {
		n, _ := inbox.Unread(t.Context(), runs.User("operator", ""), 100)
		return n
	}
	_, body := d.get(t, "operator", "/ops/notifications?limit=3")
	if lacks := missing(body, "Note 3", "Note 2", "1 notification belongs"); len(lacks) > 0 || strings.Contains(body, "Note 1") || strings.Contains(body, "another tenant<") || strings.Contains(body, "Of the owner") {
		t.Errorf("first page, without %q\n%s", lacks, body)
	}
	if _, body = d.get(t, "operator", link(body, "next")); len(missing(body, "Note 1", "Note 0")) > 0 {
		t.Errorf("second page\n%s", body)
	}
	for _, header := range [][]string{{"Sec-Purpose", "prefetch"}, nil} {
		before := unread()
		resp, _ := d.get(t, "operator", "/ops/notifications/n3", header...)
		if resp.Header.Get("Location") != "/ops/t/acme/runs/"+run.ID || before-unread() != 1-len(header)/2 {
			t.Errorf("opened with %v: to %q, %d became read", header, resp.Header.Get("Location"), before-unread())
		}
	}
	if resp, _ := d.get(t, "operator", "/ops/notifications/o1"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("somebody else's note: %d, want 404", resp.StatusCode)
	}
	back := url.Values{"show": {"all"}, "tenant": {"acme"}}
	resp := d.post(t, "operator", "/ops/notifications/n2/read", back)
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/ops/notifications?show=all&tenant=acme" || unread() != 3 {
		t.Errorf("marked: %d to %q, %d unread", resp.StatusCode, resp.Header.Get("Location"), unread())
	}
	if d.post(t, "operator", "/ops/notifications/n2/unread", nil); unread() != 4 {
		t.Errorf("marked unread: %d unread, want 4", unread())
	}
	if resp := d.post(t, "operator", "/ops/notifications/read-all", nil, "Sec-Fetch-Site", "cross-site"); resp.StatusCode != http.StatusForbidden || unread() != 4 {
		t.Errorf("all, from another site: %d", resp.StatusCode)
	}
	if d.post(t, "operator", "/ops/notifications/read-all", nil); unread() != 0 {
		t.Errorf("marked all: %d unread", unread())
	}
	if n, _ := inbox.Unread(t.Context(), runs.User("owner", ""), 10); n != 1 {
		t.Errorf("somebody else's notes: %d unread, want 1", n)
	}
}

// A tray is an Inbox in memory, as simple as the promises allow.
type tray struct {
	mu    sync.Mutex
	notes map[string][]monitor.Note // by actor, the newest first
}

func (b *tray) add(actor string, n monitor.Note) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.notes == nil {
		b.notes = make(map[string][]monitor.Note)
	}
	b.notes[actor] = append(b.notes[actor], n)
	slices.SortFunc(b.notes[actor], func(x, y monitor.Note) int { return cmp.Compare(y.ID, x.ID) })
}

func (b *tray) Notes(_ context.Context, actor runs.Actor, q monitor.NoteQuery) (monitor.NotePage, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var page monitor.NotePage
	for _, n := range b.notes[actor.ID] {
		switch {
		case q.After != "" && n.ID >= string(q.After), q.Unread && !n.ReadAt.IsZero(), q.Read && n.ReadAt.IsZero():
			continue
		case len(q.Types) > 0 && !slices.Contains(q.Types, n.Run.Type):
			continue
		case len(page.Notes) == runs.PageSize(q.Limit):
			page.Next = runs.Cursor(page.Notes[len(page.Notes)-1].ID)
			return page, nil
		}
		page.Notes = append(page.Notes, n)
	}
	return page, nil
}

func (b *tray) Note(_ context.Context, actor runs.Actor, id string) (monitor.Note, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.notes[actor.ID] {
		if n.ID == id {
			return n, nil
		}
	}
	return monitor.Note{}, fmt.Errorf("note: %w", runs.ErrNotFound)
}

func (b *tray) Unread(_ context.Context, actor runs.Actor, limit int) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, note := range b.notes[actor.ID] {
		if note.ReadAt.IsZero() && n < limit {
			n++
		}
	}
	return n, nil
}

func (b *tray) Mark(_ context.Context, actor runs.Actor, ids []string, read bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, n := range b.notes[actor.ID] {
		if slices.Contains(ids, n.ID) {
			if b.notes[actor.ID][i].ReadAt = (time.Time{}); read {
				b.notes[actor.ID][i].ReadAt = time.Now()
			}
		}
	}
	return nil
}

func (b *tray) MarkAll(_ context.Context, actor runs.Actor) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.notes[actor.ID] {
		b.notes[actor.ID][i].ReadAt = time.Now()
	}
	return nil
}
