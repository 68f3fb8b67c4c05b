// Package enginetest has what the tests of dispatchers for different engines share:
// beyond the suite of package runstest, with which strangers test theirs, the ways
// to wait for what an engine does in its own time, and trackers that count what
// they execute.
package enginetest

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// An Engine is a dispatcher that delivers, too.
type Engine interface {
	runs.Dispatcher
	runs.Worker
}

// patience is how long anything may take.
const patience = 20 * time.Second

// Ref returns the n-th reference.
func Ref(n int) runs.Ref { return runs.Ref{Tenant: "acme", ID: fmt.Sprint("r", n), Type: "test.run"} }

// Work calls Work until the function it returns is called, which waits for it.
func Work(t testing.TB, e Engine, claim runs.Claim) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Work(ctx, claim) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Work: %v", err)
		}
	})
}

// Dispatch dispatches all of them.
func Dispatch(t testing.TB, e Engine, all ...runs.Ref) {
	t.Helper()
	for _, ref := range all {
		if err := e.Dispatch(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
	}
}

// Await asks until f holds, with pauses.
func Await(t testing.TB, what string, f func() bool) {
	t.Helper()
	pause := time.NewTicker(5 * time.Millisecond)
	defer pause.Stop()
	for deadline := time.Now().Add(patience); !f(); <-pause.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not happen", what)
		}
	}
}

// Receive is <-c, but not forever.
func Receive[T any](t testing.TB, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("%s does not happen", what)
	}
	return v
}

// A Log can be read while it is written.
type Log struct {
	mu  sync.Mutex
	all strings.Builder
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// Goexit tests that an execution that ends its goroutine costs no worker. The
// engine has one.
func Goexit(t *testing.T, e Engine) {
	t.Helper()
	last := make(chan struct{})
	stop := Work(t, e, func(_ context.Context, r runs.Ref) (func(context.Context), error) {
		if r == Ref(1) {
			runtime.Goexit()
		}
		return func(context.Context) {
			if r == Ref(2) {
				close(last)
			}
			runtime.Goexit()
		}, nil
	})
	Dispatch(t, e, Ref(0), Ref(1), Ref(2))
	Receive(t, "execution", last)
	stop()
}
