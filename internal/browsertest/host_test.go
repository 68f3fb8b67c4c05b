package browsertest_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

// buildHost builds the reference host, with the flags of this test, so that the
// build cache has most of it already.
func buildHost(t testing.TB) string {
	t.Helper()
	args := []string{"build", "-o", filepath.Join(t.TempDir(), "host")}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "-race" || s.Key == "-gcflags" {
				args = append(args, s.Key+"="+s.Value)
			}
		}
	}
	build := exec.CommandContext(t.Context(), "go", append(args, "./examples/host")...)
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the host: %v\n%s", err, out)
	}
	return args[2]
}

// A host is a process of the reference host.
type host struct {
	base string // http://127.0.0.1:PORT
	cmd  *exec.Cmd
	log  *bytes.Buffer
	done chan error
}

// start runs the host until the test ends. It listens on a free port, unless
// args say otherwise.
func start(t testing.TB, binary string, args ...string) *host {
	t.Helper()
	h := &host{log: new(bytes.Buffer), done: make(chan error, 1)}
	h.cmd = exec.Command(binary, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	h.cmd.Env = append(os.Environ(), "GRAPH_CLIENT_ID=test", "GRAPH_CLIENT_SECRET=test")
	h.cmd.Stderr = h.log
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if lines.Scan() {
		h.base = strings.TrimPrefix(lines.Text(), "listening on ")
	}
	go func() {
		for lines.Scan() { // until it ends
		}
		h.done <- h.cmd.Wait()
	}()
	t.Cleanup(func() { h.stop(t) })
	if !strings.HasPrefix(h.base, "http://") {
		t.Fatalf("the host does not listen: %q", h.base)
	}
	return h
}

// stop ends the host as an operator does, and sees it end well.
func (h *host) stop(t testing.TB) {
	t.Helper()
	if h.done == nil {
		return
	}
	_ = h.cmd.Process.Signal(os.Interrupt)
	if err := <-h.done; err != nil {
		t.Errorf("the host has ended with %v\n%s", err, h.log)
	}
	h.done = nil
	if t.Failed() {
		t.Logf("the host has said:\n%s", h.log)
	}
}

// An operator's host reads a tenant whose pace the test sets.
func startTenant(t testing.TB, binary string, g *graph, args ...string) *host {
	t.Helper()
	return start(t, binary, append([]string{
		"-demo=false", "-auth-header", userHeader, "-role", "dana=owner", "-role", "rosa=readonly",
		"-tenant", "acme=" + entraID, "-graph-url", g.base, "-graph-token-url", g.base + "/{tenant}/oauth2/v2.0/token",
	}, args...)...)
}

const (
	userHeader = "X-User"
	entraID    = "c0475050-0000-4000-8000-000000000009"
)

// A graph is a Graph server that answers when it is let.
type graph struct {
	*graphtest.Server
	base   string
	refuse atomic.Bool // it lets nobody in

	mu   sync.Mutex
	pass chan struct{} // one for every answer; closed, it is in nobody's way
	free bool
}

func startGraph(t testing.TB) *graph {
	t.Helper()
	server, err := graphtest.New(graphtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	tenant, err := server.AddTenant(entraID)
	if err != nil {
		t.Fatal(err)
	}
	if err := tenant.LoadDocument(graphtest.DemoTenant(7, 1)); err != nil {
		t.Fatal(err)
	}
	g := &graph{Server: server, pass: make(chan struct{}, 1000)}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refused := g.refuse.Load()
		if refused || !strings.HasSuffix(r.URL.Path, "/token") {
			select {
			case <-g.gate():
			case <-r.Context().Done():
				return
			}
		}
		if refused {
			http.Error(w, `{"error":"invalid_client"}`, http.StatusUnauthorized)
			return
		}
		server.ServeHTTP(w, r)
	}))
	g.base = s.URL
	t.Cleanup(s.Close)
	t.Cleanup(g.release)
	return g
}

func (g *graph) gate() chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pass
}

// let lets n more answers pass.
func (g *graph) let(n int) {
	for range n {
		g.gate() <- struct{}{}
	}
}

// release lets all pass.
func (g *graph) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.free {
		g.free = true
		close(g.pass)
	}
}

// hold lets none pass any more.
func (g *graph) hold() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.free {
		g.free, g.pass = false, make(chan struct{}, 1000)
	}
}

// A counter stands before a host and counts the streams of events.
type counter struct {
	base         string
	now, highest atomic.Int32
}

func count(t *testing.T, base string) *counter {
	t.Helper()
	to, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	c := new(counter)
	proxy := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host
	}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/events") && r.Header.Get("Accept") == "text/event-stream" {
			c.highest.Store(max(c.highest.Load(), c.now.Add(1)))
			defer c.now.Add(-1)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	c.base = s.URL
	return c
}

// soon waits until ok, and says what did not happen.
func soon(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("in %v it has not happened that %s", patience, what)
		case <-again.C:
		}
	}
}

// patience is for machines that have other things to do, too.
const patience = 90 * time.Second

func path(tenant string, rest ...any) string {
	return "/ops/t/" + tenant + "/" + fmt.Sprint(rest...)
}
