package browsertest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
)

type accept struct{}

func (accept) Dispatch(context.Context, runs.Ref) error { return nil }

// notes is an inbox with one note of everybody's.
type notes struct {
	mu   sync.Mutex
	read bool
	run  runs.Ref
}

func (n *notes) note() monitor.Note {
	note := monitor.Note{
		ID: "n1", Run: n.run, Title: "Inventory sync failed", Body: "1 of 2 items.",
		Status: runs.StatusCompleted, Outcome: runs.OutcomeFailed, CreatedAt: time.Unix(1e9, 0).UTC(),
	}
	if n.read {
		note.ReadAt = time.Unix(1e9+1, 0).UTC()
	}
	return note
}

func (n *notes) Notes(_ context.Context, _ runs.Actor, _ monitor.NoteQuery) (monitor.NotePage, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return monitor.NotePage{Notes: []monitor.Note{n.note()}, Next: "n1"}, nil
}

func (n *notes) Note(_ context.Context, _ runs.Actor, id string) (monitor.Note, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if id != "n1" {
		return monitor.Note{}, runs.ErrNotFound
	}
	return n.note(), nil
}

func (n *notes) Unread(context.Context, runs.Actor, int) (int, error) { return 1, nil }

func (n *notes) Mark(_ context.Context, _ runs.Actor, _ []string, read bool) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.read = read
	return nil
}

func (n *notes) MarkAll(ctx context.Context, actor runs.Actor) error {
	return n.Mark(ctx, actor, nil, true)
}

// newAPI returns an API with runs of every kind, and some of their ids.
func newAPI(t *testing.T) (h http.Handler, ended, queued string) {
	t.Helper()
	store := memruns.New()
	box := new(notes)
	op := runs.Spec[map[string]int]{
		Type: "inventory.sync", Label: "Inventory sync", Description: "Reads everything.", Timeout: time.Hour, Expected: time.Minute,
		Target: func(map[string]int) runs.Target { return runs.Target{Kind: "tenant", ID: "t1", Name: "Contoso"} },
	}.Operation()
	access := runs.Roles(func(_ context.Context, a runs.Actor, _ string) (runs.Role, error) {
		return map[string]runs.Role{"dana": runs.RoleOwner, "rosa": runs.RoleReadonly}[a.ID], nil
	})
	tracker, err := runs.New(runs.Config{Store: store, Items: store, Dispatcher: accept{}, Operations: []runs.Operation{op}, Authorizer: access})
	if err != nil {
		t.Fatal(err)
	}
	dana := runs.User("dana", "Dana")
	done, err := tracker.Do(t.Context(), runs.Request{Tenant: "acme", Type: "inventory.sync", Initiator: dana}, func(_ context.Context, x *runs.Exec) error {
		x.Total(3)
		x.Succeed("a")
		x.Fail("b", runs.Public(nil, runs.ReasonThrottled, ""))
		x.Skip("c", runs.ReasonUnsupported)
		x.Add("objects", 7)
		x.Note("selection", "everything")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	waiting, err := tracker.Start(t.Context(), runs.Request{Tenant: "acme", Type: "inventory.sync", Initiator: dana})
	if err != nil {
		t.Fatal(err)
	}
	box.run = done.Run.Ref()
	api, err := monitor.NewAPI(monitor.Config{
		Runs: tracker, Authorizer: access, Inbox: box, Actions: tracker,
		Who: func(r *http.Request) (runs.Actor, error) {
			if id := r.Header.Get("X-User"); id != "" {
				return runs.User(id, id), nil
			}
			return runs.Actor{}, monitor.ErrUnauthenticated
		},
		Page: func(ref runs.Ref) string { return "/ops/" + ref.ID },
	})
	if err != nil {
		t.Fatal(err)
	}
	return api, done.Run.ID, waiting.Run.ID
}

// Every route answers as its description says, in every way that it can.
func TestAnswersAreAsDescribed(t *testing.T) {
	api, ended, queued := newAPI(t)
	described := do(t, api, request{user: "dana", method: "GET", path: "/openapi.json"})
	text, err := io.ReadAll(described.Body)
	if err != nil {
		t.Fatal(err)
	}
	document, err := libopenapi.NewDocument(text)
	if err != nil {
		t.Fatal(err)
	}
	check, errs := validator.NewValidator(document)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if ok, errs := check.ValidateDocument(); !ok {
		for _, e := range errs {
			t.Errorf("the description: %s: %s", e.Message, e.Reason)
		}
	}
	const asJSON = "application/json"
	run := "/t/acme/runs/"
	called := make(map[string]bool)
	for _, q := range []request{
		{user: "dana", path: "/t/acme/runs", route: "/t/{tenant}/runs", status: 200},
		{user: "dana", path: "/t/acme/runs?limit=1&status=queued,completed&initiator=me&since=24h", route: "/t/{tenant}/runs", status: 200},
		{user: "dana", path: "/t/acme/runs?limit=0", status: 400, route: "/t/{tenant}/runs", broken: true},
		{user: "", path: "/t/acme/runs", status: 401},
		{user: "eve", path: "/t/acme/runs", status: 404},
		{user: "dana", path: "/t/acme/runs/counts", route: "/t/{tenant}/runs/counts", status: 200},
		{user: "dana", path: run + ended, route: "/t/{tenant}/runs/{id}", status: 200},
		{user: "dana", path: run + queued, status: 200},
		{user: "dana", path: run + "gone", status: 404},
		{user: "dana", path: run + ended + "/items", route: "/t/{tenant}/runs/{id}/items", status: 200},
		{user: "dana", path: run + ended + "/items?outcome=failed&limit=1", status: 200},
		{user: "dana", path: "/t/acme/events?active=1&inbox=1&run=" + ended, accept: asJSON, route: "/t/{tenant}/events", status: 200},
		{user: "dana", path: "/t/acme/events", accept: asJSON, status: 400},
		{user: "dana", path: "/t/acme/types", route: "/t/{tenant}/types", status: 200},
		{user: "dana", path: "/me", route: "/me", status: 200},
		{user: "", path: "/me", status: 401},
		{user: "dana", path: "/notifications", route: "/notifications", status: 200},
		{user: "dana", path: "/notifications/unread", route: "/notifications/unread", status: 200},
		{user: "dana", method: "POST", path: "/notifications/n1/read", route: "/notifications/{id}/read", status: 204},
		{user: "dana", method: "POST", path: "/notifications/gone/read", status: 404},
		{user: "dana", path: "/notifications?unread=1", status: 200},
		{user: "dana", method: "POST", path: "/notifications/read-all", route: "/notifications/read-all", status: 204},
		{user: "dana", path: "/openapi.json", route: "/openapi.json", status: 200},
		{user: "rosa", method: "POST", path: run + queued + "/cancel", status: 403},
		{user: "dana", method: "POST", path: run + queued + "/cancel", body: `{"why":"not needed"}`, route: "/t/{tenant}/runs/{id}/cancel", status: 200},
		{user: "dana", path: run + queued, status: 200},
		{user: "dana", method: "POST", path: run + queued + "/retry", route: "/t/{tenant}/runs/{id}/retry", status: 202},
		{user: "dana", method: "POST", path: run + queued + "/retry", status: 200},
		{user: "dana", method: "POST", path: run + "gone/retry", status: 404},
	} {
		if q.method == "" {
			q.method = http.MethodGet
		}
		resp := do(t, api, q)
		if resp.StatusCode != q.status {
			body, _ := io.ReadAll(resp.Body)
			t.Errorf("%s %s as %q: %d, want %d; %s", q.method, q.path, q.user, resp.StatusCode, q.status, body)
			continue
		}
		if q.route != "" {
			called[q.method+" "+q.route] = true
		}
		if ok, errs := check.ValidateHttpResponse(q.http(t), resp); !ok {
			for _, e := range errs {
				t.Errorf("%s %s: %s: %s %v", q.method, q.path, e.Message, e.Reason, e.SchemaValidationErrors)
			}
		}
		if q.broken {
			continue
		}
		if ok, errs := check.ValidateHttpRequest(q.http(t)); !ok {
			for _, e := range errs {
				t.Errorf("%s %s is not described: %s: %s", q.method, q.path, e.Message, e.Reason)
			}
		}
	}
	for _, route := range routes(t, text) {
		if !called[route] {
			t.Errorf("nobody called %s", route)
		}
	}
}

// What is not as described is found: this very test can fail.
func TestOtherAnswersAreFound(t *testing.T) {
	api, ended, _ := newAPI(t)
	text, err := io.ReadAll(do(t, api, request{path: "/openapi.json"}).Body)
	if err != nil {
		t.Fatal(err)
	}
	document, err := libopenapi.NewDocument(text)
	if err != nil {
		t.Fatal(err)
	}
	check, errs := validator.NewValidator(document)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	q := request{user: "dana", path: "/t/acme/runs/" + ended}
	for name, body := range map[string]string{
		"another field":   `{"id":"x","tenant":"acme","type":"a.b","status":"queued","initiator":{"kind":"user","id":"x"},"counts":{"total":0,"processed":0,"succeeded":0,"failed":0,"skipped":0},"attempt":1,"revision":1,"created_at":"2026-01-02T03:04:05Z","links":{},"params":{}}`,
		"a field less":    `{"id":"x"}`,
		"a wrong instant": `{"id":"x","tenant":"acme","type":"a.b","status":"queued","initiator":{"kind":"user","id":"x"},"counts":{"total":0,"processed":0,"succeeded":0,"failed":0,"skipped":0},"attempt":1,"revision":1,"created_at":5,"links":{}}`,
	} {
		rec := httptest.NewRecorder()
		rec.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(rec, body)
		if ok, _ := check.ValidateHttpResponse(q.http(t), rec.Result()); ok {
			t.Errorf("%s is not found", name)
		}
	}
}

type request struct {
	user, method, path, accept, body string
	status                           int
	route                            string // in the description
	broken                           bool   // it is not allowed, which is the point
}

func (q request) http(t *testing.T) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), q.method, q.path, strings.NewReader(q.body))
	r.Header.Set("X-User", q.user)
	if q.accept != "" {
		r.Header.Set("Accept", q.accept)
	}
	if q.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func do(t *testing.T, h http.Handler, q request) *http.Response {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, q.http(t))
	return rec.Result()
}

// routes are the methods and paths of the description.
func routes(t *testing.T, text []byte) (all []string) {
	t.Helper()
	var doc struct {
		Paths map[string]map[string]any
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	for path, methods := range doc.Paths {
		for method := range methods {
			if method != "parameters" {
				all = append(all, fmt.Sprint(strings.ToUpper(method), " ", path))
			}
		}
	}
	sort.Strings(all)
	return all
}
