package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

// Two starts at once are one run.
func TestStartTwice(t *testing.T) {
	t.Parallel()
	eachDB(t, func(t *testing.T, db string) {
		graph := newGraph(t, graphtest.Config{Faults: []graphtest.Fault{{Delay: 50 * time.Millisecond}}}, madeUp())
		c := serveTenant(t, graph, db)
		answers := make(chan startJSON, 20)
		for range cap(answers) {
			go func() {
				var s startJSON
				c.do("oskar", "POST", runsOf, `{"type":"inventory.sync"}`, &s)
				answers <- s
			}()
		}
		ids, created := map[string]bool{}, 0
		for range cap(answers) {
			s := <-answers
			ids[s.Run.ID] = true
			if s.Created {
				created++
			}
		}
		if len(ids) != 1 || created != 1 || ids[""] {
			t.Errorf("%d starts gave %d runs, %d of them created; want one", cap(answers), len(ids), created)
		}
	})
}

func TestStartErrors(t *testing.T) {
	t.Parallel()
	graph := newGraph(t, graphtest.Config{}, madeUp())
	c := serveTenant(t, graph, "memory")
	tests := []struct {
		user, path, body, key string
		status                int
		code                  string
	}{
		{"", runsOf, `{"type":"inventory.sync"}`, "", 401, "authentication_failed"},
		{"stranger", runsOf, `{"type":"inventory.sync"}`, "", 404, "not_found"},
		{"stranger", runsOf, `not JSON`, "", 404, "not_found"},
		{"fred", runsOf, `{"type":"inventory.sync"}`, "", 404, "not_found"},
		{"olivia", "/api/v1/t/unknown/runs", `{"type":"inventory.sync"}`, "", 404, "not_found"},
		{"rosa", runsOf, `{"type":"inventory.sync"}`, "", 403, "permission_denied"},
		{"olivia", runsOf, `{"type":"no.such"}`, "", 400, "invalid_input"},
		{"olivia", runsOf, `{"type":"inventory.sync","params":{"policy_types":[]}}`, "", 400, "invalid_input"},
		{"olivia", runsOf, `{"type":"inventory.sync","params":{"categories":[]}}`, "", 400, "invalid_input"},
		{"olivia", runsOf, `{"type":"inventory.sync","params":{"policy_types":["none"]}}`, "", 400, "invalid_input"},
		{"olivia", runsOf, `{"type":"inventory.sync","params":{"no_such":1}}`, "", 400, "invalid_input"},
		{"olivia", runsOf, `{"type":"inventory.sync","params":[]}`, "", 400, "invalid_input"},
		{"olivia", runsOf, `{"type":"inventory.sync","extra":1}`, "", 400, "invalid_input"},
		{"olivia", runsOf, `{"type":"inventory.sync","tenant":"fabrikam"}`, "", 400, "invalid_input"},
		{"olivia", runsOf, `{"type":"inventory.sync","initiator":{"id":"mika"}}`, "", 400, "invalid_input"},
		{"olivia", runsOf, `{"type":"inventory.sync"}{}`, "", 400, "invalid_input"},
		{"olivia", runsOf, ``, "", 400, "invalid_input"},
		{"olivia", runsOf, strings.Repeat("x", 300<<10), "", 400, "invalid_input"},
		{"olivia", runsOf, `{"type":"inventory.sync","params":{"policy_types":["` + strings.Repeat("x", 70<<10) + `"]}}`, "", 400, "invalid_input"},
		{"olivia", runsOf, `{"type":"inventory.sync"}`, strings.Repeat("k", 256), 400, "invalid_input"},
	}
	for _, tt := range tests {
		var p struct {
			Code, Detail string
			Status       int
		}
		status, header := c.do(tt.user, "POST", tt.path, tt.body, &p, "Idempotency-Key", tt.key)
		if status != tt.status || p.Status != tt.status || p.Code != tt.code || p.Detail == "" || header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%.60s as %q: %d %+v, want %d %s", tt.body, tt.user, status, p, tt.status, tt.code)
		}
	}
	var list struct{ Data []runJSON }
	if c.do("olivia", "GET", runsOf, "", &list); len(list.Data) != 0 {
		t.Errorf("refused starts have left %d runs", len(list.Data))
	}
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	graph := newGraph(t, graphtest.Config{}, madeUp())
	c := serveTenant(t, graph, "memory")
	body := `{"type":"inventory.sync","params":{"policy_types":["assignmentFilter"]}}`
	var first, again, other startJSON
	status, header := c.do("oskar", "POST", runsOf, body, &first, "Idempotency-Key", "k1")
	if want := runsOf + "/" + first.Run.ID; status != http.StatusAccepted || header.Get("Location") != want {
		t.Errorf("first: %d at %q, want 202 at %q", status, header.Get("Location"), want)
	}
	c.wait(first.Run.ID)
	if status, _ := c.do("oskar", "POST", runsOf, body, &again, "Idempotency-Key", "k1"); status != http.StatusOK || again.Created || again.Run.ID != first.Run.ID {
		t.Errorf("again: %d, created %v, run %s; want 200 and the run that has ended", status, again.Created, again.Run.ID)
	}
	if status, _ := c.do("olivia", "POST", runsOf, body, &other, "Idempotency-Key", "k1"); status != http.StatusAccepted || !other.Created {
		t.Errorf("somebody else: %d, created %v; want a new run", status, other.Created)
	}
	if status, _ := c.do("oskar", "POST", runsOf, `{"type":"inventory.sync"}`, nil, "Idempotency-Key", "k1"); status != http.StatusUnprocessableEntity {
		t.Errorf("with other params: %d, want 422", status)
	}
}

// Two keys are refused: nobody knows which of them was meant.
func TestTwoIdempotencyKeys(t *testing.T) {
	t.Parallel()
	h, _ := serveBoth(t, tenantArgs("http://127.0.0.1:1", "memory")...)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, runsOf, strings.NewReader(`{"type":"inventory.sync"}`))
	r.Header.Set("X-User", "oskar")
	r.Header.Add("Idempotency-Key", "k1")
	r.Header.Add("Idempotency-Key", "k2")
	w := httptest.NewRecorder()
	h.handler().ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "more than one Idempotency-Key") {
		t.Errorf("%d %s, want 400", w.Code, w.Body)
	}
}

// A refusal says what is wrong, by the name that it has in the request.
func TestRefusalsSayWhat(t *testing.T) {
	t.Parallel()
	_, c := serveBoth(t, tenantArgs("http://127.0.0.1:1", "memory")...)
	for _, tt := range []struct{ method, path, body, want string }{
		{"POST", runsOf, `{"type":"inventory.sync","extra":1}`, "extra"},
		{"POST", runsOf, `{"type":7}`, "type"},
		{"POST", runsOf, `{"type":"inventory.sync","params":{"no_such":1}}`, "no_such"},
		{"POST", runsOf, `{"type":"inventory.sync"}{}`, "more than one"},
		{"POST", runsOf, ``, "empty"},
		{"POST", runsOf, `{"type":"backup_set.verify"}`, "backup_set"},
		{"POST", runsOf, `{"type":"backup_set.verify","params":{}}`, "backup_set"},
		{"POST", runsOf, `{"type":"backup_set.export","params":{"backup_set":""}}`, "backup_set"},
		{"POST", runsOf, `{"type":"backup_set.add_policies","params":{"all":true}}`, "backup_set"},
		{"POST", runsOf, `{"type":"restore.preview","params":{}}`, "restore"},
		{"POST", runsOf, `{"type":"restore.execute","params":{}}`, "restore"},
		{"GET", "/api/v1/t/contoso/inventory/links?kind=", "", "kind"},
		{"GET", "/api/v1/t/contoso/inventory/links?kind=assignmentFilter", "", "id"},
		{"GET", runsOf + "?status=queued,failed", "", "status"},
	} {
		var p struct {
			Code, Detail string
			Status       int
		}
		status, header := c.do("olivia", tt.method, tt.path, tt.body, &p)
		if status != http.StatusBadRequest || p.Status != status || p.Code != "invalid_input" || !strings.Contains(p.Detail, tt.want) ||
			header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s %s: %d %+v, want 400 that says %q", tt.method, tt.path, tt.body, status, p, tt.want)
		}
	}
}

// The form starts a sync and leads to its run; another site's form does not.
func TestSyncForm(t *testing.T) {
	t.Parallel()
	graph := newGraph(t, graphtest.Config{Faults: []graphtest.Fault{{Delay: 20 * time.Millisecond}}}, madeUp())
	c := serveTenant(t, graph, "memory")
	status, header := c.do("oskar", "POST", "/t/contoso/inventory/sync", "", nil, "Sec-Fetch-Site", "same-origin")
	if to := header.Get("Location"); status != http.StatusSeeOther || !strings.HasPrefix(to, "/ops/t/contoso/runs/") || !strings.HasSuffix(to, "?started=new") {
		t.Errorf("the form: %d to %q, want 303 to the run", status, to)
	}
	if _, header = c.do("mika", "POST", "/t/contoso/inventory/sync", "", nil); !strings.HasSuffix(header.Get("Location"), "?started=joined") {
		t.Errorf("the form again leads to %q, want to join", header.Get("Location"))
	}
	var p struct{ Code string }
	if status, _ := c.do("oskar", "POST", "/t/contoso/inventory/sync", "", &p, "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden || p.Code != "permission_denied" {
		t.Errorf("another site's form: %d %s, want 403", status, p.Code)
	}
}
