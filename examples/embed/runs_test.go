package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

// open serves a shop with three orders until the test ends. With orders in its
// file and runs in memory, or both in the file.
func open(t *testing.T, inMemory bool) (*shop, *httptest.Server) {
	t.Helper()
	s, err := openShop(t.Context(), filepath.Join(t.TempDir(), "shop.db"))
	if err != nil {
		t.Fatal(err)
	}
	s.pause = 0
	if err := s.fill(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	add := s.addRuns
	if inMemory {
		store := memruns.New()
		add = func(context.Context) (func(context.Context) error, error) { return s.addRunsIn(store, store) }
	}
	work, err := add(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	worked := make(chan error, 1)
	go func() { worked <- work(ctx) }()
	server := httptest.NewServer(s.mux)
	t.Cleanup(func() {
		server.Close()
		stop()
		if err := <-worked; err != nil {
			t.Errorf("work: %v", err)
		}
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s, server
}

// do requests something as a user, follows where that leads, and returns the
// path it came to.
func do(t *testing.T, server *httptest.Server, method, path, as string) (status int, at, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if as != "" {
		r.SetBasicAuth(as, "demo")
	}
	resp, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Request.URL.Path, string(all)
}

func TestShipping(t *testing.T) {
	for name, inMemory := range map[string]bool{"memory": true, "the shop's database": false} {
		t.Run(name, func(t *testing.T) {
			s, server := open(t, inMemory)
			status, run, _ := do(t, server, "POST", "/orders/ship", "bob")
			if status != http.StatusOK || !strings.HasPrefix(run, "/ops/t/shop/runs/") {
				t.Fatalf("the button leads to %s, %d", run, status)
			}
			for deadline := time.Now().Add(30 * time.Second); ; {
				_, _, said := do(t, server, "GET", "/ops/api"+strings.TrimPrefix(run, "/ops"), "ada")
				if strings.Contains(said, `"outcome":"succeeded"`) && strings.Contains(said, `"succeeded":3`) {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("the run does not succeed: %s", said)
				}
			}
			if left, err := s.open(t.Context()); err != nil || len(left) != 0 {
				t.Errorf("%q are left, %v", left, err)
			}
			if status, _, page := do(t, server, "GET", run, "ada"); status != http.StatusOK || !strings.Contains(page, "order-002") {
				t.Errorf("the run's page is %d %s", status, page)
			}
		})
	}
}

// The hub has the shop's users, and asks what they may see.
func TestWhoMay(t *testing.T) {
	s, server := open(t, true)
	const guest = "INSERT INTO users SELECT 'guest', password, 'guest' FROM users WHERE name = 'ada'"
	if _, err := s.write.ExecContext(t.Context(), guest); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		method, path, as string
		want             int
	}{
		{"GET", "/ops/t/shop/", "ada", http.StatusOK},
		{"GET", "/ops/t/shop/runs", "ada", http.StatusOK},
		{"GET", "/ops/t/shop/runs", "bob", http.StatusOK},
		{"GET", "/ops/t/shop/runs", "guest", http.StatusNotFound},
		{"GET", "/ops/t/other/runs", "ada", http.StatusNotFound},
		{"GET", "/ops/t/shop/runs", "", http.StatusUnauthorized}, // the shop's own, where that leads
		{"GET", "/ops/t/shop/runs", "eve", http.StatusUnauthorized},
		{"GET", "/", "guest", http.StatusOK},
		{"POST", "/orders/ship", "", http.StatusUnauthorized},
		{"POST", "/orders/ship", "guest", http.StatusNotFound},
	} {
		if status, at, _ := do(t, server, tt.method, tt.path, tt.as); status != tt.want {
			t.Errorf("%s %s as %q is %d at %s, want %d", tt.method, tt.path, tt.as, status, at, tt.want)
		}
	}
}

// What it takes stays short.
func TestUnder80Lines(t *testing.T) {
	src, err := os.ReadFile("runs.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(src, []byte("\n")); n >= 80 {
		t.Errorf("runs.go has %d lines", n)
	}
}
