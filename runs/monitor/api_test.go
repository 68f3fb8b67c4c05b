package monitor_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
)

type accept struct{}

func (accept) Dispatch(context.Context, runs.Ref) error { return nil }

// newAPI returns an API over n runs of the tenant acme, and the tracker. The
// header X-User says who asks; "outsider" is no member of any tenant.
func newAPI(t *testing.T, n int) (http.Handler, *runs.Tracker) {
	t.Helper()
	store := memruns.New()
	op := runs.Define("inventory.sync", func(context.Context, *runs.Exec, map[string]int) error { return nil })
	tracker, err := runs.New(runs.Config{Store: store, Dispatcher: accept{}, Operations: []runs.Operation{op}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		_, err := tracker.Start(t.Context(), runs.Request{
			Tenant: "acme", Type: "inventory.sync", Params: map[string]int{"i": i}, Initiator: runs.User("dana", "Dana"),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	api, err := monitor.NewAPI(monitor.Config{
		Runs: tracker,
		Who: func(r *http.Request) (runs.Actor, error) {
			id := r.Header.Get("X-User")
			switch id {
			case "":
				return runs.Actor{}, monitor.ErrUnauthenticated
			case "lost":
				return runs.Actor{}, errors.New("ldap://user:hunter2@directory")
			case "nobody":
				return runs.Actor{ID: "mallory"}, nil
			}
			return runs.User(id, strings.ToUpper(id)), nil
		},
		Authorizer: runs.Roles(func(_ context.Context, a runs.Actor, tenant string) (runs.Role, error) {
			switch {
			case a.ID == "broken":
				return "", errors.New("ldap://user:hunter2@directory")
			case tenant != "acme" || a.ID == "outsider":
				return "", nil
			}
			return runs.RoleReadonly, nil
		}),
		BasePath: "/api/v1",
	})
	if err != nil {
		t.Fatal(err)
	}
	return api, tracker
}

func get(t *testing.T, h http.Handler, user, path string, header ...string) (*http.Response, string) {
	t.Helper()
	return send(t, h, user, http.MethodGet, path, header...)
}

func send(t *testing.T, h http.Handler, user, method, path string, header ...string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	if user != "" {
		r.Header.Set("X-User", user)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	body, err := io.ReadAll(rec.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return rec.Result(), string(body)
}

type list struct {
	Data []struct{ ID string }
	Next string
}

func TestListPages(t *testing.T) {
	api, tracker := newAPI(t, 25)
	page, err := tracker.List(t.Context(), runs.Query{Tenant: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, r := range page.Runs {
		want = append(want, r.ID)
	}
	path := "/t/acme/runs?limit=10"
	for pages := 0; path != "" && pages < 5; pages++ {
		resp, body := get(t, api, "dana", path)
		var l list
		if err := json.Unmarshal([]byte(body), &l); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("GET %s: %d, %v\n%s", path, resp.StatusCode, err, body)
		}
		for _, d := range l.Data {
			got = append(got, d.ID)
		}
		if path = ""; l.Next != "" {
			path = "/t/acme/runs?limit=10&after=" + url.QueryEscape(l.Next)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
}

func TestDocument(t *testing.T) {
	created := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	r := &runs.Run{
		Tenant: "a/c", ID: "r1", Type: "inventory.sync", Status: runs.StatusCompleted, Outcome: runs.OutcomePartiallySucceeded,
		Initiator: runs.User("dana", "Dana"), Params: json.RawMessage(`{"secret":1}`),
		Counts:  runs.Counts{Total: 3, Succeeded: 1, Failed: 1, Skipped: 1, Extra: map[string]int64{"objects": 7}},
		Failure: runs.Because(runs.ReasonThrottled), Attempt: 1, Revision: 4,
		CreatedAt: created, StartedAt: created.Add(time.Second), CompletedAt: created.Add(time.Minute),
	}
	got, err := json.MarshalIndent(monitor.NewDocument(r, "/api/v1"), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want := `{
  "id": "r1",
  "tenant": "a/c",
  "type": "inventory.sync",
  "status": "completed",
  "outcome": "partially_succeeded",
  "initiator": {
    "kind": "user",
    "id": "dana",
    "name": "Dana"
  },
  "counts": {
    "failed": 1,
    "objects": 7,
    "processed": 3,
    "skipped": 1,
    "succeeded": 1,
    "total": 3
  },
  "failure": {
    "reason": "throttled",
    "message": "The service asked for fewer requests."
  },
  "attempt": 1,
  "revision": 4,
  "created_at": "2026-01-02T03:04:05.000006Z",
  "started_at": "2026-01-02T03:04:06.000006Z",
  "completed_at": "2026-01-02T03:05:05.000006Z",
  "links": {
    "items": "/api/v1/t/a%2Fc/runs/r1/items",
    "self": "/api/v1/t/a%2Fc/runs/r1"
  }
}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
}

func manyTypes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "a.b%d,", i)
	}
	return b.String()
}

func TestErrors(t *testing.T) {
	api, tracker := newAPI(t, 1)
	page, _ := tracker.List(t.Context(), runs.Query{Tenant: "acme"})
	run := "/t/acme/runs/" + page.Runs[0].ID
	tests := []struct {
		user, path string
		status     int
		code       string
	}{
		{"", "/t/acme/runs", 401, "authentication_failed"},
		{"", "/me", 401, "authentication_failed"},
		{"outsider", "/t/acme/runs", 404, "not_found"},
		{"outsider", run, 404, "not_found"},
		{"dana", "/t/globex/runs", 404, "not_found"},
		{"dana", strings.Replace(run, "acme", "globex", 1), 404, "not_found"},
		{"dana", "/t/acme/runs/none", 404, "not_found"},
		{"dana", "/t/acme/runs/none/items", 404, "not_found"},
		{"dana", "/no/such/path", 404, "not_found"},
		{"broken", "/t/acme/runs", 500, "internal"},
		{"lost", "/t/acme/runs", 503, "dependency_unreachable"},
		{"nobody", "/t/acme/runs", 401, "authentication_failed"},
		{"nobody", "/me", 401, "authentication_failed"},
		{"dana", "/t/acme//runs", 404, "not_found"},
		{"dana", "/t/acme/runs?type=" + strings.Repeat("a.b,", 50) + manyTypes(101), 400, "invalid_input"},
		{"dana", "/t/acme/runs?after=nonsense", 400, "invalid_input"},
		{"dana", "/t/acme/runs?limit=0", 400, "invalid_input"},
		{"dana", "/t/acme/runs?limit=201", 400, "invalid_input"},
		{"dana", "/t/acme/runs?status=hunter2", 400, "invalid_input"},
		{"dana", "/t/acme/runs?status=queued,failed", 400, "invalid_input"},
		{"dana", "/t/acme/runs?not.status=hunter2", 400, "invalid_input"},
		{"dana", "/t/acme/runs?outcome=hunter2", 400, "invalid_input"},
		{"dana", "/t/acme/runs?type=hunter2", 400, "invalid_input"},
		{"dana", "/t/acme/runs?since=-5h", 400, "invalid_input"},
		{"dana", "/t/acme/runs?from=yesterday", 400, "invalid_input"},
		{"dana", run + "/items?outcome=hunter2", 400, "invalid_input"},
	}
	for _, tt := range tests {
		resp, body := get(t, api, tt.user, tt.path)
		var p monitor.Problem
		if err := json.Unmarshal([]byte(body), &p); err != nil {
			t.Errorf("GET %s: %v\n%s", tt.path, err, body)
		}
		if resp.StatusCode != tt.status || p.Status != tt.status || string(p.Code) != tt.code || p.Detail == "" ||
			resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("GET %s as %q: %d %s, want %d %s", tt.path, tt.user, resp.StatusCode, body, tt.status, tt.code)
		}
		if strings.Contains(body, "hunter2") {
			t.Errorf("GET %s repeats what it was given, or an error's text: %s", tt.path, body)
		}
	}
	missing, other := body(t, api, "dana", "/t/acme/runs/none"), body(t, api, "outsider", run)
	if missing != other {
		t.Errorf("a run that is not there and one of others differ:\n%s%s", missing, other)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodDelete, run, nil)
	rec := httptest.NewRecorder()
	api.ServeHTTP(rec, r)
	if rec.Code != http.StatusMethodNotAllowed || !strings.Contains(rec.Header().Get("Allow"), "GET") {
		t.Errorf("DELETE: %d, Allow %q; want 405 and GET", rec.Code, rec.Header().Get("Allow"))
	}
}

func body(t *testing.T, h http.Handler, user, path string) string {
	t.Helper()
	_, b := get(t, h, user, path)
	return b
}

func TestFilters(t *testing.T) {
	api, tracker := newAPI(t, 3)
	page, _ := tracker.List(t.Context(), runs.Query{Tenant: "acme"})
	if _, err := tracker.RequestCancel(t.Context(), page.Runs[0].Ref(), runs.User("dana", ""), ""); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		query string
		want  int
	}{
		{"", 3},
		{"status=queued", 2},
		{"status=queued,completed", 3},
		{"status=queued&status=completed", 3},
		{"outcome=canceled", 1},
		{"outcome=failed", 0},
		{"status=canceled", 1},
		{"status=canceled,partial", 1},
		{"status=failed", 0},
		{"status=partial", 0},
		{"status=active", 2},
		{"status=all", 3},
		{"status=all,queued", 2},
		{"not.status=active", 1},
		{"not.status=canceled,running", 2},
		{"not.status=partial", 3},
		{"q=status:active", 2},
		{"type=inventory.sync", 3},
		{"type=drift.generate", 0},
		{"initiator=me", 3},
		{"initiator=dana", 3},
		{"initiator=eli", 0},
		{"target=none", 0},
		{"since=1h", 3},
		{"since=7d", 3},
		{"from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z", 0},
		{"unknown=ignored", 3},
	}
	for _, tt := range tests {
		resp, body := get(t, api, "dana", "/t/acme/runs?"+tt.query)
		var l list
		if err := json.Unmarshal([]byte(body), &l); err != nil || resp.StatusCode != http.StatusOK || len(l.Data) != tt.want {
			t.Errorf("?%s: %d with %d runs, %v; want %d", tt.query, resp.StatusCode, len(l.Data), err, tt.want)
		}
	}
	_, counts := get(t, api, "dana", "/t/acme/runs/counts")
	if want := `{"status":{"completed":1,"queued":2},"outcome":{"canceled":1},"capped":false}` + "\n"; counts != want {
		t.Errorf("counts = %swant %s", counts, want)
	}
	if _, me := get(t, api, "dana", "/me"); me != `{"kind":"user","id":"dana","name":"DANA"}`+"\n" {
		t.Errorf("me = %s", me)
	}
	if _, types := get(t, api, "dana", "/t/acme/types"); types != `{"data":[{"type":"inventory.sync","label":"inventory.sync"}]}`+"\n" {
		t.Errorf("types = %s", types)
	}
}

// The pages of a list that begins some time ago have the same beginning, however
// late they are asked for: as data, and as links of the page for people.
func TestPagesSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, _ := newAPI(t, 3)
		seen := map[string]bool{}
		for after, more := "", true; more; {
			resp, body := get(t, api, "dana", "/t/acme/runs?since=1h&limit=1&after="+url.QueryEscape(after))
			var l list
			if err := json.Unmarshal([]byte(body), &l); err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("after %q: %d, %v: %s", after, resp.StatusCode, err, body)
			}
			for _, r := range l.Data {
				seen[r.ID] = true
			}
			after, more = l.Next, l.Next != ""
			time.Sleep(50 * time.Minute)
		}
		if len(seen) != 3 {
			t.Errorf("the pages have %d runs, want 3", len(seen))
		}
		if resp, _ := get(t, api, "dana", "/t/acme/runs?since=1h&after=!.x"); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("a cursor that nobody made is answered with %d, want 400", resp.StatusCode)
		}
	})
}

// A client that has the latest state is told so, and can wait for the next.
func TestConditionalGet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, tracker := newAPI(t, 1)
		page, _ := tracker.List(t.Context(), runs.Query{Tenant: "acme"})
		ref := page.Runs[0].Ref()
		path := "/t/acme/runs/" + ref.ID
		resp, _ := get(t, api, "dana", path)
		tag := resp.Header.Get("ETag")
		if tag == "" {
			t.Fatal("no ETag")
		}
		if resp, body := get(t, api, "dana", path, "If-None-Match", "W/"+tag); resp.StatusCode != http.StatusNotModified || body != "" {
			t.Errorf("with the tag: %d %q, want 304 and nothing", resp.StatusCode, body)
		}
		began := time.Now()
		if resp, _ := get(t, api, "dana", path, "If-None-Match", tag, "Prefer", "respond-async, wait=20"); resp.StatusCode != http.StatusNotModified {
			t.Errorf("after waiting in vain: %d, want 304", resp.StatusCode)
		}
		if took := time.Since(began); took < 20*time.Second || took > 22*time.Second {
			t.Errorf("waited %v, want 20s", took)
		}
		go func() {
			time.Sleep(5 * time.Second)
			if _, err := tracker.RequestCancel(context.WithoutCancel(t.Context()), ref, runs.User("dana", ""), ""); err != nil {
				t.Error(err)
			}
		}()
		began = time.Now()
		resp, body := get(t, api, "dana", path, "If-None-Match", tag, "Prefer", "wait=20")
		if took := time.Since(began); resp.StatusCode != http.StatusOK || !strings.Contains(body, `"canceled"`) || took > 7*time.Second {
			t.Errorf("after a change: %d in %v\n%s", resp.StatusCode, took, body)
		}
	})
}

func TestNewAPINeedsAnAuthorizer(t *testing.T) {
	_, tracker := newAPI(t, 0)
	who := func(*http.Request) (runs.Actor, error) { return runs.User("dana", ""), nil }
	for name, cfg := range map[string]monitor.Config{
		"Authorizer": {Runs: tracker, Who: who},
		"Who":        {Runs: tracker, Authorizer: runs.Roles(nil)},
		"Runs":       {Who: who, Authorizer: runs.Roles(nil)},
	} {
		if _, err := monitor.NewAPI(cfg); err == nil || !strings.Contains(err.Error(), "Config."+name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

// Every error of package runs has an answer of its own.
func TestStatusOf(t *testing.T) {
	tests := []struct {
		err  error
		want int
	}{
		{runs.ErrNotFound, 404},
		{runs.ErrForbidden, 403},
		{runs.ErrInvalid, 400},
		{runs.ErrUnknownType, 400},
		{runs.ErrBadCursor, 400},
		{runs.ErrInputMismatch, 422},
		{runs.ErrActive, 409},
		{runs.ErrDispatchFailed, 503},
		{runs.ErrStoreUnavailable, 503},
		{context.DeadlineExceeded, 503},
		{monitor.ErrUnauthenticated, 401},
		{errors.New("hunter2"), 500},
	}
	for _, tt := range tests {
		got, f := monitor.StatusOf(fmt.Errorf("start: %w", tt.err))
		if got != tt.want || !f.Reason.Known() || f.Message == "" || strings.Contains(f.Message, "hunter2") {
			t.Errorf("StatusOf(%v) = %d, %+v; want %d", tt.err, got, f, tt.want)
		}
	}
}

func FuzzParseQuery(f *testing.F) {
	f.Add("status=queued,running&outcome=failed&type=a.b&initiator=me&since=24h&limit=50&after=x")
	f.Add("from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00%2B02:00&since=7d")
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	f.Fuzz(func(t *testing.T, raw string) {
		v, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		q, err := monitor.ParseQuery(v, runs.User("dana", ""), now)
		if err != nil {
			if !errors.Is(err, runs.ErrInvalid) {
				t.Errorf("%q: %v is no ErrInvalid", raw, err)
			}
			return
		}
		if q.Query.Tenant != "" || q.Query.Limit < 0 || q.Query.Limit > runs.MaxLimit {
			t.Errorf("%q: %+v", raw, q)
		}
	})
}
