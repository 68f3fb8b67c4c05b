package graphtest_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

const tenantID = "11111111-2222-4333-8444-555555555555"

// A fixture is a server with one tenant, and a client that knows nothing but
// net/http and JSON.
type fixture struct {
	tb     testing.TB
	srv    *graphtest.Server
	tenant *graphtest.Tenant
	base   string
	client *http.Client
	token  string
	off    []graphtest.Rule // that the server does not obey
	header http.Header
}

// newFixture serves cfg without a network.
func newFixture(tb testing.TB, cfg graphtest.Config) *fixture {
	tb.Helper()
	cfg.Tenants = append(cfg.Tenants, tenantID)
	srv, err := graphtest.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	f := &fixture{tb: tb, srv: srv, tenant: srv.Tenant(tenantID), base: "http://graph.test", client: srv.Client(), header: make(http.Header)}
	if f.token, err = srv.IssueToken(graphtest.Grant{Tenant: tenantID}); err != nil {
		tb.Fatal(err)
	}
	return f
}

// listen moves the fixture to a real connection.
func (f *fixture) listen() *fixture {
	f.tb.Helper()
	base, err := f.srv.Start()
	if err != nil {
		f.tb.Fatal(err)
	}
	f.base, f.client = base, &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
	f.tb.Cleanup(func() {
		f.client.CloseIdleConnections()
		if err := f.srv.Close(); err != nil {
			f.tb.Error(err)
		}
	})
	return f
}

// add puts a document into the tenant and returns its id.
func (f *fixture) add(path, doc string) string {
	f.tb.Helper()
	id, err := f.tenant.Add(path, json.RawMessage(doc))
	if err != nil {
		f.tb.Fatal(err)
	}
	return id
}

// A reply is a response read to its end.
type reply struct {
	status int
	header http.Header
	body   string
	err    error // of reading the body
}

func (r reply) object(tb testing.TB) object {
	tb.Helper()
	var o object
	if err := json.Unmarshal([]byte(r.body), &o); err != nil {
		tb.Fatalf("answer %d is not JSON: %v\n%.300s", r.status, err, r.body)
	}
	return o
}

// do sends a request; url is absolute or begins with a slash.
func (f *fixture) do(method, url, body string) reply {
	f.tb.Helper()
	r, err := f.try(method, url, body)
	if err != nil {
		f.tb.Fatal(err)
	}
	return r
}

func (f *fixture) try(method, url, body string) (reply, error) {
	f.tb.Helper()
	if strings.HasPrefix(url, "/") {
		url = f.base + url
	}
	req, err := http.NewRequestWithContext(f.tb.Context(), method, strings.ReplaceAll(url, " ", "%20"), strings.NewReader(body))
	if err != nil {
		f.tb.Fatal(err)
	}
	maps.Copy(req.Header, f.header)
	if f.token != "" {
		req.Header.Set("Authorization", "Bearer "+f.token)
	}
	if body != "" && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{status: resp.StatusCode, header: resp.Header, body: string(b), err: err}, nil
}

// get returns the JSON of a 200.
func (f *fixture) get(url string) object {
	f.tb.Helper()
	r := f.do(http.MethodGet, url, "")
	if r.status != http.StatusOK || r.err != nil {
		f.tb.Fatalf("GET %s: %d %v\n%.600s", url, r.status, r.err, r.body)
	}
	return r.object(f.tb)
}

// refused checks that a GET fails with a status and an error code.
func (f *fixture) refused(url string, status int, code string) string {
	f.tb.Helper()
	r := f.do(http.MethodGet, url, "")
	e := r.object(f.tb).obj("error")
	if r.status != status || e.str("code") != code {
		f.tb.Errorf("GET %s: %d %q, want %d %q\n%.300s", url, r.status, e.str("code"), status, code, r.body)
	}
	return e.str("message")
}

// all follows next links and returns every object.
func (f *fixture) all(url string) []object {
	f.tb.Helper()
	var out []object
	for pages := 0; url != ""; pages++ {
		if pages > 1000 {
			f.tb.Fatalf("paging of %s does not end", url)
		}
		page := f.get(url)
		out = append(out, page.list("value")...)
		url = page.str("@odata.nextLink")
	}
	return out
}

// An object is decoded JSON.
type object map[string]any

func (o object) has(name string) bool   { _, ok := o[name]; return ok }
func (o object) str(name string) string { s, _ := o[name].(string); return s }
func (o object) num(name string) int    { n, _ := o[name].(float64); return int(n) }
func (o object) obj(name string) object { m, _ := o[name].(map[string]any); return m }
func (o object) list(name string) []object {
	items, _ := o[name].([]any)
	var out []object
	for _, item := range items {
		m, _ := item.(map[string]any)
		out = append(out, m)
	}
	return out
}

func ids(objs []object) []string {
	out := make([]string, 0, len(objs))
	for _, o := range objs {
		out = append(out, o.str("id"))
	}
	return out
}
