package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
)

const entraID = "11111111-2222-3333-4444-555555555555"

// A client talks to a host as a user would.
type client struct {
	t    *testing.T
	base string
	http *http.Client
}

// serveHost serves a host with these flags until the test ends.
func serveHost(t *testing.T, args ...string) *client {
	t.Helper()
	opts, err := parseOptions(args, credentials, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	h, err := newHost(t.Context(), opts, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.tracker.Run(ctx) }()
	server := httptest.NewServer(h.handler())
	t.Cleanup(func() {
		server.Close()
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		h.close()
	})
	return &client{t, server.URL, &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// serveTenant serves a host for the tenant "contoso" of graph.
func serveTenant(t *testing.T, graph *graphtest.Server, db string) *client {
	t.Helper()
	base, err := graph.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = graph.Close() })
	return serveHost(t, "-demo=false", "-db", db, "-graph-url", base, "-graph-token-url", base+"/{tenant}/oauth2/v2.0/token",
		"-tenant", "contoso="+entraID, "-tenant", "fabrikam="+entraID+"-none", "-auth-header", "X-User",
		"-role", "olivia=owner", "-role", "mika=manager", "-role", "oskar=operator", "-role", "rosa=readonly", "-role", "fred=owner@fabrikam")
}

// do makes a request as user, decodes the answer into v, and returns its status
// and headers.
func (c *client) do(user, method, path, body string, v any, header ...string) (int, http.Header) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if user != "" {
		r.Header.Set("X-User", user)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := c.http.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	switch v := v.(type) {
	case nil:
	case *string:
		*v = string(raw)
	default:
		if err := json.Unmarshal(raw, v); err != nil {
			c.t.Fatalf("%s %s: %d, %v\n%s", method, path, resp.StatusCode, err, raw)
		}
	}
	return resp.StatusCode, resp.Header
}

type runJSON struct {
	ID, Status, Outcome string
	Revision            int64
	Counts              map[string]int
	Failure             struct{ Reason string }
	Failures            []struct{ Key, Reason string }
}

type startJSON struct {
	Run     runJSON
	Created bool
	Code    string
}

const runsOf = "/api/v1/t/contoso/runs"

// sync syncs the tenant and returns the run when it has ended.
func (c *client) sync(params string) runJSON {
	c.t.Helper()
	var s startJSON
	if status, _ := c.do("oskar", "POST", runsOf, `{"type":"inventory.sync","params":`+params+`}`, &s); status != http.StatusAccepted {
		c.t.Fatalf("start: %d", status)
	}
	return c.wait(s.Run.ID)
}

func (c *client) wait(id string) runJSON {
	c.t.Helper()
	tag := ""
	for {
		var r runJSON
		status, header := c.do("rosa", "GET", runsOf+"/"+id, "", nil, "If-None-Match", tag, "Prefer", "wait=20")
		if status == http.StatusOK {
			c.do("rosa", "GET", runsOf+"/"+id, "", &r)
			if r.Status == "completed" {
				return r
			}
		}
		tag = header.Get("ETag")
	}
}

type itemJSON struct {
	Kind        string          `json:"kind"`
	ID          string          `json:"external_id"`
	Name        string          `json:"display_name"`
	Hash        string          `json:"hash"`
	LastSeen    time.Time       `json:"last_seen_at"`
	Missing     bool            `json:"missing"`
	Content     json.RawMessage `json:"content"`
	Assignments json.RawMessage `json:"assignments"`
}

// items lists the whole inventory.
func (c *client) items() []itemJSON {
	c.t.Helper()
	var all []itemJSON
	for after := ""; ; {
		var page struct {
			Data []itemJSON
			Next string
		}
		path := "/api/v1/t/contoso/inventory/items?limit=200&after=" + url.QueryEscape(after)
		if status, _ := c.do("rosa", "GET", path, "", &page); status != http.StatusOK {
			c.t.Fatalf("items: %d", status)
		}
		all = append(all, page.Data...)
		if after = page.Next; after == "" {
			return all
		}
	}
}

// eachDB runs body on memory, SQLite and PostgreSQL.
func eachDB(t *testing.T, body func(t *testing.T, db string)) {
	for name, open := range map[string]func(t *testing.T) string{
		"memory":   func(*testing.T) string { return "memory" },
		"sqlite":   func(t *testing.T) string { t.Helper(); return "file:" + filepath.Join(t.TempDir(), "host.db") },
		"postgres": func(t *testing.T) string { t.Helper(); return sqltest.Postgres(t).DSN },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // mostly, they wait for the pace that Graph allows
			body(t, open(t))
		})
	}
}

// loadTenant returns a server with a tenant: the exported one, if it is at
// hand, else a made-up one; and how many objects each list of it has, groups
// and people apart.
func loadTenant(t *testing.T, cfg graphtest.Config) (server *graphtest.Server, objects map[string]int) {
	t.Helper()
	server, err := graphtest.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	tenant, err := server.AddTenant(entraID)
	if err != nil {
		t.Fatal(err)
	}
	doc := graphtest.DemoTenant(7, 1)
	if file, err := os.Open(filepath.Join(dataDir(), "tenant", "tenant.json.gz")); err == nil {
		defer file.Close()
		if doc, err = graphtest.ReadDocument(file); err != nil {
			t.Fatal(err)
		}
	} else if os.Getenv("TENANTATLAS_DATA") != "" {
		t.Fatal(err)
	} else {
		t.Log("the exported tenant is not at hand; using a made-up one")
	}
	if err := tenant.LoadDocument(doc); err != nil {
		t.Fatal(err)
	}
	objects = make(map[string]int)
	for path, list := range doc {
		if path != "groups" && path != "users" {
			objects[path] = len(list)
		}
	}
	return server, objects
}

func dataDir() string {
	if dir := os.Getenv("TENANTATLAS_DATA"); dir != "" {
		return dir
	}
	return filepath.Join("..", "..", "..", "shared", "data")
}

// A sync finds every object once, with all of its children, and a second one
// changes nothing but when they were last seen.
func TestSync(t *testing.T) {
	eachDB(t, func(t *testing.T, db string) {
		graph, objects := loadTenant(t, graphtest.Config{})
		c := serveTenant(t, graph, db)
		first := c.sync(`{}`)
		if first.Outcome != "succeeded" {
			t.Fatalf("the first sync is %+v", first)
		}
		before := c.items()
		seen := make(map[string]bool)
		for _, it := range before {
			if key := it.Kind + " " + it.ID; seen[key] || it.Missing || it.Hash == "" {
				t.Errorf("item %s: seen before %v, missing %v, hash %q", key, seen[key], it.Missing, it.Hash)
			} else {
				seen[key] = true
			}
		}
		total := 0
		for path, n := range objects {
			total += n
			for _, id := range graph.Tenant(entraID).IDs(path) {
				if !hasID(before, id) {
					t.Errorf("%s/%s is not in the inventory", path, id)
				}
			}
		}
		if len(before) < total {
			t.Errorf("%d items, want at least the %d objects of the tenant", len(before), total)
		}
		checkSettings(t, c, graph, before)

		second := c.sync(`{}`)
		if second.Outcome != "succeeded" || second.Counts["new"] != 0 || second.Counts["changed"] != 0 || second.Counts["unchanged"] != len(before) {
			t.Errorf("the second sync is %+v, want %d unchanged and nothing else", second, len(before))
		}
		after := c.items()
		for i := range after {
			if i < len(before) && !after[i].LastSeen.After(before[i].LastSeen) {
				t.Errorf("%s %s was last seen at %v, want later than %v", after[i].Kind, after[i].ID, after[i].LastSeen, before[i].LastSeen)
			}
			after[i].LastSeen = time.Time{}
		}
		for i := range before {
			before[i].LastSeen = time.Time{}
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("the second sync has changed items (-before +after):\n%s", diff)
		}
		if n := graph.Writes(); n != 0 {
			t.Errorf("%d writes to Graph, want none", n)
		}
	})
}

func hasID(items []itemJSON, id string) bool {
	for _, it := range items {
		if it.ID == id {
			return true
		}
	}
	return false
}

// checkSettings compares the settings of every policy of the settings catalog
// with what the tenant has.
func checkSettings(t *testing.T, c *client, graph *graphtest.Server, items []itemJSON) {
	t.Helper()
	long := 0
	for _, it := range items {
		if it.Kind != "configurationPolicy" {
			continue
		}
		raw, err := graph.Tenant(entraID).Get("deviceManagement/configurationPolicies", it.ID)
		if err != nil {
			t.Fatal(err)
		}
		var want, got struct{ Settings []json.RawMessage }
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		var one itemJSON
		c.do("rosa", "GET", "/api/v1/t/contoso/inventory/items/"+it.Kind+"/"+it.ID, "", &one)
		if err := json.Unmarshal(one.Content, &got); err != nil {
			t.Fatalf("%s: %v", it.ID, err)
		}
		if len(got.Settings) != len(want.Settings) {
			t.Errorf("%s has %d settings, want %d", it.Name, len(got.Settings), len(want.Settings))
		}
		if len(want.Settings) > 25 {
			long++
		}
	}
	if long == 0 {
		t.Error("no policy has more than one page of settings, so this shows little")
	}
}

// With trouble on the way the rest is found, and what could not be read is
// named.
func TestSyncWithTrouble(t *testing.T) {
	const forbidden = "deviceManagement/deviceCompliancePolicies"
	eachDB(t, func(t *testing.T, db string) {
		graph, objects := loadTenant(t, graphtest.Config{
			Seed:   3,
			Faults: append(graphtest.Flaky(0.02, 0.01), graphtest.Fault{Prefix: "/" + forbidden, Kind: graphtest.FaultForbidden}),
		})
		c := serveTenant(t, graph, db)
		got := c.sync(`{}`)
		if got.Outcome != "partially_succeeded" || len(got.Failures) != 1 ||
			got.Failures[0].Key != "deviceCompliancePolicy" || got.Failures[0].Reason != "permission_denied" {
			t.Fatalf("the sync is %+v, want it partial because of deviceCompliancePolicy", got)
		}
		items := c.items()
		for path := range objects {
			for _, id := range graph.Tenant(entraID).IDs(path) {
				if has := hasID(items, id); has != (path != forbidden) {
					t.Errorf("%s/%s is in the inventory: %v", path, id, has)
				}
			}
		}
		var coverage struct {
			Run   string
			Kinds []struct{ Kind, Status, Reason string }
		}
		c.do("rosa", "GET", "/api/v1/t/contoso/inventory/coverage", "", &coverage)
		if coverage.Run != got.ID || len(coverage.Kinds) != got.Counts["total"] {
			t.Errorf("coverage of run %s with %d kinds, want %s with %d", coverage.Run, len(coverage.Kinds), got.ID, got.Counts["total"])
		}
		for _, k := range coverage.Kinds {
			if want := k.Kind == "deviceCompliancePolicy"; (k.Status == "failed") != want {
				t.Errorf("%s is %s because of %q", k.Kind, k.Status, k.Reason)
			}
		}
	})
}

// What was deleted is missing, and not gone; what failed is neither.
func TestMissing(t *testing.T) {
	eachDB(t, func(t *testing.T, db string) {
		graph, _ := loadTenant(t, graphtest.Config{})
		tenant := graph.Tenant(entraID)
		c := serveTenant(t, graph, db)
		c.sync(`{}`)
		const path = "deviceManagement/assignmentFilters"
		gone := tenant.IDs(path)[0]
		if err := tenant.Delete(path, gone); err != nil {
			t.Fatal(err)
		}
		graph.SetFaults(graphtest.Fault{Prefix: "/deviceManagement/configurationPolicies", Kind: graphtest.FaultForbidden})
		c.sync(`{}`)
		for _, it := range c.items() {
			if it.Missing != (it.ID == gone) {
				t.Errorf("%s %s is missing: %v", it.Kind, it.Name, it.Missing)
			}
		}
	})
}

// Two starts at once are one run.
func TestStartTwice(t *testing.T) {
	eachDB(t, func(t *testing.T, db string) {
		graph, _ := loadTenant(t, graphtest.Config{Faults: []graphtest.Fault{{Delay: 50 * time.Millisecond}}})
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
	graph, _ := loadTenant(t, graphtest.Config{})
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
	graph, _ := loadTenant(t, graphtest.Config{})
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

// Every route and who may use it, in one table.
func TestRoutes(t *testing.T) {
	graph, _ := loadTenant(t, graphtest.Config{})
	c := serveTenant(t, graph, "memory")
	run := c.sync(`{"policy_types":["assignmentFilter","roleScopeTag"]}`)
	it := c.items()[0]
	item := "/inventory/items/" + it.Kind + "/" + it.ID
	routes := []string{
		"GET /api/v1/t/contoso/runs", "GET /api/v1/t/contoso/runs/RUN", "GET /api/v1/t/contoso/runs/RUN/items",
		"GET /api/v1/t/contoso/runs/counts", "GET /api/v1/t/contoso/types", "GET /api/v1/t/contoso/inventory/items",
		"GET /api/v1/t/contoso/ITEM", "GET /api/v1/t/contoso/inventory/coverage", "GET /api/v1/t/contoso/inventory/links",
		"POST /api/v1/t/contoso/runs", "GET /api/v1/me", "GET /t/contoso/inventory", "GET /t/contoso/ITEM",
		"GET /t/contoso/inventory/coverage", "POST /t/contoso/inventory/sync", "GET /ops/t/contoso/runs", "GET /ops/t/contoso/runs/RUN",
		"GET /", "GET /healthz", "GET /readyz", "GET /static/style.css", "GET /no/such/page", "GET /api/v1/no/such",
	}
	users := []string{"", "stranger", "fred", "rosa", "oskar", "mika", "olivia"}
	var b strings.Builder
	fmt.Fprintf(&b, "%-44s anonymous outsider other-tenant readonly operator manager owner\n", "")
	for _, route := range routes {
		method, path, _ := strings.Cut(route, " ")
		path = strings.NewReplacer("RUN", run.ID, "/ITEM", item).Replace(path)
		fmt.Fprintf(&b, "%-44s", route)
		for _, user := range users {
			body := ""
			if method == "POST" {
				body = `{"type":"inventory.sync","params":{"policy_types":["assignmentFilter"]}}`
			}
			status, _ := c.do(user, method, path, body, nil)
			if status == http.StatusAccepted {
				status = http.StatusOK // new or joined is a matter of time
			}
			fmt.Fprintf(&b, " %d", status)
		}
		b.WriteString("\n")
	}
	want, err := os.ReadFile("testdata/routes.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
}

// Every page says what it has to, with the security headers, and to nobody what
// is in a name as markup.
func TestPages(t *testing.T) {
	graph, _ := loadTenant(t, graphtest.Config{})
	const evil = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>`
	doc, err := json.Marshal(map[string]string{"displayName": evil, "description": evil, "platform": "windows10AndLater", "rule": "(device.model -eq \"x\")"})
	if err != nil {
		t.Fatal(err)
	}
	id, err := graph.Tenant(entraID).Add("deviceManagement/assignmentFilters", doc)
	if err != nil {
		t.Fatal(err)
	}
	c := serveTenant(t, graph, "memory")
	run := c.sync(`{"policy_types":["assignmentFilter"]}`)
	for path, want := range map[string]string{
		"/t/contoso/inventory":                                   "Sync now",
		"/t/contoso/inventory?kind=assignmentFilter&q=script":    "&lt;script&gt;",
		"/t/contoso/inventory?q=nothing+has+this":                "Nothing matches",
		"/t/contoso/inventory/items/assignmentFilter/" + id:      "&lt;script&gt;",
		"/t/contoso/inventory/items/assignmentFilter/no-such-id": "404",
		"/t/contoso/inventory/coverage":                          "Assignment filters",
		"/ops/t/contoso/runs":                                    "Inventory sync",
		"/ops/t/contoso/runs?outcome=failed":                     "No operations",
		"/ops/t/contoso/runs?outcome=hunter2":                    "400",
		"/ops/t/contoso/runs/" + run.ID:                          "assignmentFilter",
		"/ops/t/contoso/runs/" + run.ID + "?started=new":         "queued",
		"/no/such/page":                                          "404",
	} {
		var html string
		_, header := c.do("rosa", "GET", path, "", &html)
		if !strings.Contains(html, want) || !strings.Contains(html, "</html>") {
			t.Errorf("%s has no %q:\n%s", path, want, html)
		}
		if strings.Contains(html, "<script") || strings.Contains(html, "<img src=x") || strings.Contains(html, "hunter2") || strings.Contains(html, "style=") {
			t.Errorf("%s has markup that it must not have:\n%s", path, html)
		}
		if !strings.HasPrefix(header.Get("Content-Security-Policy"), "default-src 'none'") || header.Get("X-Content-Type-Options") != "nosniff" || header.Get("X-Request-Id") == "" {
			t.Errorf("%s has the headers %v", path, header)
		}
	}
	var page string
	if c.do("rosa", "GET", "/t/contoso/inventory", "", &page); !strings.Contains(page, "disabled") {
		t.Error("somebody who may not start anything has a button to do so")
	}
	if n := graph.Stats().Requests; n == 0 {
		t.Error("the sync made no request")
	}
	graph.ResetStats()
	c.do("rosa", "GET", "/t/contoso/inventory", "", nil)
	c.do("rosa", "GET", "/ops/t/contoso/runs", "", nil)
	if n := graph.Stats().Requests; n != 0 {
		t.Errorf("pages made %d requests to Graph, want none", n)
	}
}

// The form starts a sync and leads to its run; another site's form does not.
func TestSyncForm(t *testing.T) {
	graph, _ := loadTenant(t, graphtest.Config{Faults: []graphtest.Fault{{Delay: 20 * time.Millisecond}}})
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

// The demo starts by itself, shows something of everything, and lets its
// visitor be somebody else.
func TestDemo(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	out, said := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"-addr", "127.0.0.1:0"}, env(), said, io.Discard)
		said.Close()
	}()
	var first bytes.Buffer
	buf := make([]byte, 256)
	for !bytes.ContainsRune(first.Bytes(), '\n') {
		n, err := out.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		first.Write(buf[:n])
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	line, _, _ := strings.Cut(first.String(), "\n")
	base, ok := strings.CutPrefix(line, "listening on ")
	if !ok {
		t.Fatalf("the first line is %q", line)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t, base, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if status, header := c.do("", "GET", "/", "", nil); status != http.StatusSeeOther || header.Get("Location") != "/t/contoso/inventory" {
		t.Errorf("/ leads to %q with %d", header.Get("Location"), status)
	}
	outcomes := map[string]bool{}
	for len(outcomes) < 6 { // until the demo is seeded
		var list struct{ Data []runJSON }
		c.do("", "GET", runsOf, "", &list)
		for _, r := range list.Data {
			outcomes[r.Outcome] = true
		}
	}
	for user, want := range map[string]int{"owner": 200, "readonly": 200, "outsider": 404, "nonsense": 401} {
		if status, _ := c.do("", "GET", runsOf, "", nil, "X-Demo-User", user); status != want {
			t.Errorf("as %s: %d, want %d", user, status, want)
		}
	}
	form := url.Values{"user": {"readonly"}, "to": {"/t/fabrikam/inventory"}}.Encode()
	if status, header := c.do("", "POST", "/demo/user", form, nil, "Content-Type", "application/x-www-form-urlencoded"); status != http.StatusSeeOther || header.Get("Location") != "/t/fabrikam/inventory" {
		t.Errorf("switching leads to %q with %d", header.Get("Location"), status)
	}
	var me runs.Actor
	if c.do("", "GET", "/api/v1/me", "", &me); me.ID != "readonly" {
		t.Errorf("after switching the visitor is %+v", me)
	}
	for _, to := range []string{"https://evil.example", "//evil.example", `/\evil.example`, "javascript:alert(1)"} {
		form := url.Values{"user": {"owner"}, "to": {to}}.Encode()
		if _, header := c.do("", "POST", "/demo/user", form, nil, "Content-Type", "application/x-www-form-urlencoded"); header.Get("Location") != "/" {
			t.Errorf("switching leads to %q", header.Get("Location"))
		}
	}
	var s startJSON
	c.do("", "POST", runsOf, `{"type":"inventory.sync"}`, &s, "X-Demo-User", "operator")
	for s.Run.Status != "completed" {
		c.do("", "GET", runsOf+"/"+s.Run.ID, "", &s.Run)
	}
	if s.Run.Outcome != "succeeded" {
		t.Errorf("the demo's sync is %+v", s.Run)
	}
	began := time.Now()
	stop()
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("the host took %v to stop", took)
	}
}

// An address that was asked for and is taken is an error that says so.
func TestAddressTaken(t *testing.T) {
	taken := httptest.NewServer(nil)
	defer taken.Close()
	err := run(t.Context(), []string{"-addr", taken.Listener.Addr().String()}, env(), io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "-addr") {
		t.Errorf("run: %v, want an error that says what to do", err)
	}
}
