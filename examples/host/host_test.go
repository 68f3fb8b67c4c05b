package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
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
	_, c := serveBoth(t, args...)
	return c
}

// serveBoth serves a host as serveHost does, and returns it too.
func serveBoth(t *testing.T, args ...string) (*host, *client) {
	t.Helper()
	opts, err := parseOptions(args, credentials, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	h, err := newHost(t.Context(), opts, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return h, serveWith(t, h)
}

// serveWith serves h until the test ends, and then closes it.
func serveWith(t *testing.T, h *host) *client {
	t.Helper()
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
	return serveHost(t, tenantArgs(base, db)...)
}

// tenantArgs are the flags of a host for the tenant "contoso" of a Graph server.
func tenantArgs(base, db string) []string {
	return []string{
		"-demo=false", "-db", db, "-graph-url", base, "-graph-token-url", base + "/{tenant}/oauth2/v2.0/token",
		"-tenant", "contoso=" + entraID, "-tenant", "fabrikam=" + entraID + "-none", "-auth-header", "X-User",
		"-role", "olivia=owner", "-role", "mika=manager", "-role", "oskar=operator", "-role", "rosa=readonly", "-role", "fred=owner@fabrikam",
	}
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

// wait returns the run when it has ended.
func (c *client) wait(id string, header ...string) runJSON {
	c.t.Helper()
	tag := ""
	for {
		var r runJSON
		status, answer := c.do("rosa", "GET", runsOf+"/"+id, "", nil, append(header, "If-None-Match", tag, "Prefer", "wait=20")...)
		if status == http.StatusOK {
			c.do("rosa", "GET", runsOf+"/"+id, "", &r, header...)
			if r.Status == "completed" {
				return r
			}
		}
		tag = answer.Get("ETag")
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

// eachDB runs body on memory, SQLite and PostgreSQL, all at once: mostly, they
// wait for the pace that Graph allows.
func eachDB(t *testing.T, body func(t *testing.T, db string)) {
	for name, open := range map[string]func(t *testing.T) string{
		"memory":   func(*testing.T) string { return "memory" },
		"sqlite":   func(t *testing.T) string { t.Helper(); return "file:" + filepath.Join(t.TempDir(), "host.db") },
		"postgres": func(t *testing.T) string { t.Helper(); return sqltest.Postgres(t).DSN },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body(t, open(t))
		})
	}
}

// loadTenant returns a server with a tenant: the exported one, if it is at
// hand, else a made-up one; and how many objects each list of it has that a
// sync reads.
func loadTenant(t *testing.T, cfg graphtest.Config) (server *graphtest.Server, objects map[string]int) {
	t.Helper()
	doc := madeUp()
	if file, err := os.Open(filepath.Join(dataDir(), "tenant", "tenant.json.gz")); err == nil {
		defer file.Close()
		if doc, err = graphtest.ReadDocument(file); err != nil {
			t.Fatal(err)
		}
	} else if os.Getenv("TENANTATLAS_DATA") != "" || os.Getenv("CI") == "true" {
		t.Fatal(err)
	} else {
		t.Log("the exported tenant is not at hand; using a made-up one")
	}
	// A made-up tenant also has what other requests than those of a sync list.
	apart := []string{
		"groups", "users", "organization", "deviceManagement/auditEvents", "deviceManagement/depOnboardingSettings",
		"deviceManagement/groupPolicyDefinitions", "deviceManagement/templates",
	}
	objects = make(map[string]int)
	for path, list := range doc {
		if !slices.Contains(apart, path) {
			objects[path] = len(list)
		}
	}
	return newGraph(t, cfg, doc), objects
}

func madeUp() graphtest.Document { return graphtest.DemoTenant(7, 1) }

// newGraph returns a server with a tenant.
func newGraph(t *testing.T, cfg graphtest.Config, doc graphtest.Document) *graphtest.Server {
	t.Helper()
	server, err := graphtest.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	tenant, err := server.AddTenant(entraID)
	if err == nil {
		err = tenant.LoadDocument(doc)
	}
	if err != nil {
		t.Fatal(err)
	}
	return server
}

func dataDir() string {
	if dir := os.Getenv("TENANTATLAS_DATA"); dir != "" {
		return dir
	}
	return filepath.Join("..", "..", "..", "shared", "data")
}
