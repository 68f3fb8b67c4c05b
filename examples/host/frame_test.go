package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A buffer can be written and read at the same time.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// requests returns the lines about requests of a log in JSON.
func (b *buffer) requests(t *testing.T) (all []map[string]any) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for line := range strings.Lines(b.b.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		if m["msg"] == "request" {
			all = append(all, m)
		}
	}
	return all
}

// serveLogged serves a host with one tenant and a log.
func serveLogged(t *testing.T, faults ...graphtest.Fault) (*host, *client, *buffer) {
	t.Helper()
	graph := newGraph(t, graphtest.Config{Faults: faults}, madeUp())
	base, err := graph.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = graph.Close() })
	log := &buffer{}
	h, c := serveBoth(t, tenantArgs(base, "memory")...)
	h.log = newLogger(log)
	return h, c, log
}

// One line a request says what it was by its route, and nothing that its client
// has made up but the ID, which is of few letters.
func TestRequestLog(t *testing.T) {
	t.Parallel()
	_, c, log := serveLogged(t)
	const secret = "hunter2"
	c.do("rosa", "GET", runsOf+"?target="+secret, "", nil, "X-Request-Id", "abc-1")
	c.do("rosa", "GET", "/t/contoso/inventory/items/"+secret+"/"+secret+"?q="+secret, "", nil, "X-Request-Id", secret+"\u202e")
	c.do(secret, "GET", "/ops/t/"+secret+"/runs/"+secret, "", nil, "User-Agent", secret, "Referer", secret)
	c.do("rosa", "POST", runsOf, `{"type":"`+secret+`"}`, nil, "Sec-Fetch-Site", "cross-site")
	c.do("rosa", secret, "/"+secret+"%0a%1b[31m", "", nil)
	var got []string
	for _, m := range log.requests(t) {
		if ms, ok := m["ms"].(float64); !ok || ms < 0 || m["bytes"] == 0.0 || m["request"] == "" {
			t.Errorf("%v has no duration, size or ID", m)
		}
		got = append(got, fmt.Sprint(m["method"], " ", m["route"], " ", m["status"]))
		for _, key := range []string{"time", "level", "msg", "request", "method", "route", "status", "ms", "bytes"} {
			delete(m, key)
		}
		if len(m) > 0 {
			t.Errorf("a line says also %v", m)
		}
	}
	want := []string{
		"GET /api/v1/t/{tenant}/runs 200",
		"GET /t/{tenant}/inventory/items/{kind}/{id} 404",
		"GET /ops/t/{tenant}/runs/{id} 404",
		"POST /api/v1/t/{tenant}/runs 403",
		"other / 404",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
	if text := log.b.String(); !strings.Contains(text, `"request":"abc-1"`) || strings.Contains(text, secret) {
		t.Errorf("the log has no ID or what a client has said:\n%s", text)
	}
}

// What is there by another method says by which, whoever answers for it: the host
// or the API in it.
func TestMethods(t *testing.T) {
	t.Parallel()
	_, c := serveBoth(t, append(tenantArgs("http://127.0.0.1:1", "memory"), "-actions")...)
	for _, tt := range []struct{ method, path, allow string }{
		{"DELETE", runsOf, "GET, HEAD, POST"},
		{"PUT", runsOf + "/x", "GET, HEAD"},
		{"GET", runsOf + "/x/cancel", "POST"},
		{"POST", "/api/v1/t/contoso/inventory/items", "GET, HEAD"},
		{"DELETE", "/api/v1/t/contoso/inventory/items/a/b", "GET, HEAD"},
		{"DELETE", "/api/v1/t/contoso/restores/x", "GET, HEAD, PATCH"},
		{"POST", "/api/v1/me", "GET, HEAD"},
		{"POST", "/api/v1/no/such", ""},
	} {
		var p struct{ Status int }
		want := http.StatusMethodNotAllowed
		if tt.allow == "" {
			want = http.StatusNotFound
		}
		status, header := c.do("olivia", tt.method, tt.path, "", &p)
		if status != want || p.Status != want || header.Get("Allow") != tt.allow {
			t.Errorf("%s %s: %d, Allow %q; want %d, %q", tt.method, tt.path, status, header.Get("Allow"), want, tt.allow)
		}
	}
}

// What others have said cannot break a line, color a terminal or turn its text
// around, in any kind of value.
func TestLogInjection(t *testing.T) {
	t.Parallel()
	const evil = "a\r\nlevel=ERROR msg=forged \x1b[31mred\x00\u202eback\u2066\u200b\u0085\u2028end\xff"
	for name, v := range map[string]any{
		"string": evil, "error": errors.New(evil), "list": []string{evil}, "bytes": []byte(evil), "nested": slog.GroupValue(slog.String("inner", evil)),
	} {
		var b bytes.Buffer
		newLogger(&b).Error(evil, name, v)
		text := b.String()
		if strings.Count(text, "\n") != 1 || strings.ContainsAny(text, "\r\x1b\x00\u202e\u2066\u200b\u0085\u2028") || strings.Contains(text, `\u`) || strings.Contains(text, `\n`) {
			t.Errorf("as %s: %q", name, text)
		}
		if name != "bytes" && strings.Count(text, "forged") != 2 {
			t.Errorf("as %s the text is gone: %q", name, text)
		}
	}
}

// A log that is no terminal is JSON.
func TestLogForm(t *testing.T) {
	t.Parallel()
	f, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	newLogger(f).Info("hello")
	raw, err := os.ReadFile(f.Name())
	if err != nil || !json.Valid(raw) {
		t.Errorf("a file gets %q, %v", raw, err)
	}
}

// A handler that panics is an error with the ID of the request; when half of the
// answer is out, the client sees that the rest is missing.
func TestPanic(t *testing.T) {
	t.Parallel()
	h, _, log := serveLogged(t)
	half := false
	handler := h.common(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if half {
			_, _ = io.WriteString(w, "half")
		}
		panic("secret\x1b")
	}), func(*http.Request) string { return "/test" })
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "secret") || w.Header().Get("X-Request-Id") == "" {
		t.Errorf("a panic is answered with %d %s", w.Code, w.Body)
	}
	half = true
	defer func() {
		if v := recover(); v != http.ErrAbortHandler { //nolint:errorlint // a panic's value
			t.Errorf("half an answer ends with %v, want http.ErrAbortHandler", v)
		}
		if n := strings.Count(log.b.String(), "handler panicked"); n != 2 || len(log.requests(t)) != 2 {
			t.Errorf("%d of 2 panics are in the log:\n%s", n, log.b.String())
		}
	}()
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}

// Faults are errors in the log; what a visitor can bring about at will is none.
func TestFailedPagesInTheLog(t *testing.T) {
	t.Parallel()
	h, _, log := serveLogged(t)
	left, leave := context.WithCancel(t.Context())
	leave()
	for _, tt := range []struct {
		name   string
		ctx    context.Context
		err    error
		logged int
	}{
		{"a fault", t.Context(), errors.New("disk on fire"), 1},
		{"a visitor who has left", left, context.Canceled, 0},
		{"what is not offered here", t.Context(), fmt.Errorf("sign in: %w", errors.ErrUnsupported), 0},
		{"what is not there", t.Context(), runs.ErrNotFound, 0},
	} {
		before := strings.Count(log.b.String(), "request failed")
		h.failPage(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil).WithContext(tt.ctx), page{}, tt.err)
		if n := strings.Count(log.b.String(), "request failed") - before; n != tt.logged {
			t.Errorf("%s is %d lines in the log, want %d", tt.name, n, tt.logged)
		}
	}
}

// Every answer has the headers that browsers are to heed.
func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	_, c, _ := serveLogged(t)
	run := c.sync(`{"policy_types":["assignmentFilter"]}`)
	want := map[string]string{
		"Content-Security-Policy":      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "same-origin",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Permissions-Policy":           "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
		"Strict-Transport-Security":    "max-age=31536000; includeSubDomains",
		"Access-Control-Allow-Origin":  "",
		"Server":                       "",
		"Set-Cookie":                   "",
	}
	for _, path := range []string{
		"/", "/t/contoso/inventory", "/ops/t/contoso/runs", "/ops/t/contoso/runs/" + run.ID, "/ops/t/contoso/runs.csv", "/ops/static/hub.css",
		"/static/style.css", "/healthz", "/metrics", "/no/such", runsOf, runsOf + "/none", "/api/v1/none", "//double", "/ops",
	} {
		_, header := c.do("rosa", "GET", path, "", nil, "Origin", "https://evil.example")
		got := map[string]string{}
		for name := range want {
			got[name] = header.Get(name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
		if kept := header.Get("Cache-Control") != "no-store"; kept != strings.Contains(path, "/static/") {
			t.Errorf("%s has Cache-Control: %s", path, header.Get("Cache-Control"))
		}
		if id := header.Get("X-Request-Id"); len(id) != 16 {
			t.Errorf("%s has the request ID %q", path, id)
		}
		if header.Get("Content-Type") == "" && header.Get("Location") == "" {
			t.Errorf("%s does not say what it is", path)
		}
	}
}

// Whatever changes something is refused when it comes from another site, and is
// no GET.
func TestCrossSite(t *testing.T) {
	t.Parallel()
	h, c, _ := serveLogged(t)
	run := c.sync(`{"policy_types":["assignmentFilter"]}`)
	before := len(runsIn(t, c))
	var tried int
	for _, pattern := range h.router().routes() {
		name, path, _ := strings.Cut(pattern, " ")
		if name == http.MethodGet || path == "" {
			continue
		}
		path = strings.NewReplacer("{tenant}", "contoso", "{id}", run.ID).Replace(path)
		for _, from := range [][]string{
			{"Sec-Fetch-Site", "cross-site"},
			{"Sec-Fetch-Site", "same-site"},
			{"Origin", "https://evil.example"},
			{"Origin", "null"},
		} {
			tried++
			if status, _ := c.do("olivia", name, path, `{"type":"inventory.sync"}`, nil, from...); status != http.StatusForbidden {
				t.Errorf("%s with %v: %d, want 403", pattern, from, status)
			}
		}
		if status, _ := c.do("olivia", "GET", path, "", nil); status == http.StatusAccepted {
			t.Errorf("GET %s does something", path)
		}
	}
	if after := len(runsIn(t, c)); after != before || tried < 20 {
		t.Errorf("%d requests of other sites have started %d runs", tried, after-before)
	}
}

func runsIn(t *testing.T, c *client) []runJSON {
	t.Helper()
	var list struct{ Data []runJSON }
	if status, _ := c.do("olivia", "GET", runsOf, "", &list); status != http.StatusOK {
		t.Fatalf("list: %d", status)
	}
	return list.Data
}

// Nobody can fill a tenant's queue: 10,000 different keys would be 10,000 runs.
func TestQueueLimit(t *testing.T) {
	t.Parallel()
	eachDB(t, func(t *testing.T, db string) {
		opts, err := parseOptions([]string{"-db", db, "-actions"}, env(), io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		h, err := newHost(t.Context(), opts, slog.New(slog.DiscardHandler)) // and nobody executes
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(h.close)
		h.queue.limit = 20
		server := httptest.NewServer(h.handler())
		t.Cleanup(server.Close)
		c := &client{t, server.URL, server.Client()}
		start := func(tenant, user string, n int) int {
			body := fmt.Sprintf(`{"type":"demo.rehearsal","params":{"name":"%d","steps":1}}`, n)
			var p struct{ Code string }
			status, header := c.do("", "POST", "/api/v1/t/"+tenant+"/runs", body, &p, "X-Demo-User", user)
			if status == http.StatusTooManyRequests && (p.Code != "throttled" || header.Get("Retry-After") == "") {
				t.Errorf("429 is %+v, %v", p, header)
			}
			return status
		}
		counts := map[int]int{}
		for n := range 50 {
			counts[start("contoso", "operator", n)]++
		}
		if diff := cmp.Diff(map[int]int{http.StatusAccepted: 20, http.StatusTooManyRequests: 30}, counts); diff != "" {
			t.Errorf("fifty starts (-want +got):\n%s", diff)
		}
		if status := start("contoso", "owner", 99); status != http.StatusTooManyRequests {
			t.Errorf("somebody else in the tenant: %d, want 429: it is the tenant's", status)
		}
		if status := start("fabrikam", "operator", 1); status != http.StatusAccepted {
			t.Errorf("another tenant: %d, want 202", status)
		}
		past, err := h.tracker.Import(t.Context(), failedRun())
		if err != nil {
			t.Fatal(err)
		}
		if status, _ := c.do("", "POST", runsOf+"/"+past.ID+"/retry", "", nil); status != http.StatusTooManyRequests {
			t.Errorf("a retry: %d, want 429", status)
		}
		if status, _ := c.do("", "POST", "/t/contoso/inventory/sync", "", nil); status != http.StatusTooManyRequests {
			t.Errorf("the form: %d, want 429", status)
		}
	})
}

func failedRun() *runs.Run {
	now := time.Now().UTC()
	past := demoPast()[2]
	past.Tenant, past.CreatedAt, past.StartedAt, past.CompletedAt, past.UpdatedAt = "contoso", now, now, now, now
	return &past
}

// A client cannot hold the server up: by its headers, by their size, by a body
// that is large or never comes.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	h, _, _ := serveLogged(t)
	server := newServer(h.handler())
	for name, limit := range map[string]time.Duration{
		"headers": server.ReadHeaderTimeout, "a request": server.ReadTimeout, "an answer": server.WriteTimeout, "idling": server.IdleTimeout,
	} {
		if limit <= 0 || limit > 2*time.Minute {
			t.Errorf("the limit for %s is %v", name, limit)
		}
	}
	server.ReadHeaderTimeout, server.ReadTimeout, server.IdleTimeout = 300*time.Millisecond, 600*time.Millisecond, time.Second
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	const start = "POST " + runsOf + " HTTP/1.1\r\nHost: x\r\nX-User: oskar\r\n"
	for name, tt := range map[string]struct{ send, want string }{
		"half a header":      {"GET / HTTP/1.1\r\nHost: x\r\n", ""},
		"many headers":       {"GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-Many: 1\r\n", 10_000) + "\r\n", "431"},
		"one large header":   {"GET / HTTP/1.1\r\nHost: x\r\nX-Large: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", "431"},
		"a body of 1 GB":     {start + "Content-Length: 1000000000\r\n\r\n" + strings.Repeat("x", 70<<10), "400"},
		"half a body":        {start + "Content-Length: 100\r\n\r\n{\"type\":", "400"},
		"two lengths":        {start + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "400"},
		"two users":          {"GET " + runsOf + " HTTP/1.1\r\nHost: x\r\nX-User: olivia\r\nX-User: rosa\r\nConnection: close\r\n\r\n", "401"},
		"length and chunks":  {start + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
		"a strange encoding": {start + "Transfer-Encoding: gzip\r\n\r\n", "501"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			go func() { _, _ = io.WriteString(conn, tt.send) }()
			answer, _ := io.ReadAll(bufio.NewReader(conn)) // until the server has had enough
			status := ""
			if fields := strings.Fields(string(answer)); len(fields) > 1 {
				status = fields[1]
			}
			if status != tt.want {
				t.Errorf("the answer is %q, want %q:\n%.300s", status, tt.want, answer)
			}
		})
	}
}
