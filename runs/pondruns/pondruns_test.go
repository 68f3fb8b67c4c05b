package pondruns_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/pondruns"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

func TestDispatcher(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  pondruns.Config
		room int
	}{
		{"zero", pondruns.Config{}, 128},
		{"negative", pondruns.Config{Workers: -1, Queue: -1}, 128},
		{"least", pondruns.Config{Workers: 1, Queue: 1}, 1},
		{"more workers than queue", pondruns.Config{Workers: 8, Queue: 5}, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			runstest.TestDispatcher(t, func(testing.TB) runstest.Engine {
				return runstest.Engine{Dispatcher: pondruns.New(tt.cfg), Room: tt.room}
			})
		})
	}
}

func ref(n int) runs.Ref { return runs.Ref{Tenant: "acme", ID: fmt.Sprint("r", n), Type: "test.run"} }

// work calls Work until the function it returns is called, which waits for it.
func work(t testing.TB, d *pondruns.Dispatcher, claim runs.Claim) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Work(ctx, claim) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Work: %v", err)
		}
	}
}

// claimOf returns a claim whose executions call f.
func claimOf(f func(ref runs.Ref)) runs.Claim {
	return func(_ context.Context, ref runs.Ref) (func(context.Context), error) {
		return func(context.Context) { f(ref) }, nil
	}
}

func TestWorkersAreBounded(t *testing.T) {
	const workers = 3
	d := pondruns.New(pondruns.Config{Workers: workers, Queue: 100})
	var now, most atomic.Int64
	done := make(chan struct{}, 100)
	gate := make(chan struct{})
	stop := work(t, d, claimOf(func(runs.Ref) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		gate <- struct{}{}
		now.Add(-1)
		done <- struct{}{}
	}))
	defer stop()
	for i := range 100 {
		if err := d.Dispatch(t.Context(), ref(i)); err != nil {
			t.Fatalf("Dispatch: %v", err)
		}
	}
	for range 100 {
		<-gate
	}
	for range 100 {
		<-done
	}
	if got := most.Load(); got > workers {
		t.Errorf("%d executions at a time, want %d at most", got, workers)
	}
}

// TestFull: a pool that is full refuses a million references at once and needs
// no memory for them.
func TestFull(t *testing.T) {
	const workers, queue, submits = 2, 100, 1_000_000
	d := pondruns.New(pondruns.Config{Workers: workers, Queue: queue})
	gate := make(chan struct{})
	var executed atomic.Int64
	stop := work(t, d, claimOf(func(runs.Ref) {
		<-gate
		executed.Add(1)
	}))

	accepted := 0
	heap := liveHeap()
	for i := range submits {
		switch err := d.Dispatch(t.Context(), runs.Ref{Tenant: "acme", ID: "r", Type: "test.run"}); {
		case err == nil:
			accepted++
		case !errors.Is(err, runs.ErrFull):
			t.Fatalf("Dispatch %d: %v, want %v", i, err, runs.ErrFull)
		}
	}
	if grown := int64(liveHeap()) - int64(heap); grown > 1<<20 {
		t.Errorf("the heap has grown by %d bytes, want it flat", grown)
	}
	if accepted < queue || accepted > queue+workers {
		t.Errorf("%d references accepted, want %d to %d", accepted, queue, queue+workers)
	}
	close(gate)
	for executed.Load() < int64(accepted) {
		runtime.Gosched()
	}
	stop()
	if got := executed.Load(); got != int64(accepted) {
		t.Errorf("%d executions, want %d", got, accepted)
	}
}

func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestWorkTwice(t *testing.T) {
	d := pondruns.New(pondruns.Config{})
	claimed := make(chan struct{})
	stop := work(t, d, claimOf(func(runs.Ref) { close(claimed) }))
	defer stop()
	if err := d.Dispatch(t.Context(), ref(1)); err != nil {
		t.Fatalf("Dispatch: %v", err)
	}
	<-claimed
	if err := d.Work(t.Context(), claimOf(func(runs.Ref) {})); err == nil {
		t.Error("a second Work at the same time reports no error")
	}
}

// TestGoexit: an execution that ends its goroutine costs no worker.
func TestGoexit(t *testing.T) {
	d := pondruns.New(pondruns.Config{Workers: 1})
	last := make(chan struct{})
	for i := range 3 {
		if err := d.Dispatch(t.Context(), ref(i)); err != nil {
			t.Fatalf("Dispatch: %v", err)
		}
	}
	stop := work(t, d, claimOf(func(r runs.Ref) {
		if r == ref(2) {
			close(last)
		}
		runtime.Goexit()
	}))
	<-last
	stop()
}

// TestLog: what a worker survives is logged under the run's ID.
func TestLog(t *testing.T) {
	var log bytes.Buffer
	d := pondruns.New(pondruns.Config{Workers: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for i := range 3 {
		if err := d.Dispatch(t.Context(), ref(i)); err != nil {
			t.Fatalf("Dispatch: %v", err)
		}
	}
	last := make(chan struct{})
	tried := 0
	stop := work(t, d, func(_ context.Context, r runs.Ref) (func(context.Context), error) {
		switch r {
		case ref(0):
			if tried++; tried == 1 {
				return nil, errors.New("out of reach")
			}
			return func(context.Context) { close(last) }, nil
		case ref(1):
			panic("claim panic")
		default:
			return func(context.Context) { panic("execute panic") }, nil
		}
	})
	<-last
	stop()
	for _, want := range []string{
		`msg="claim failed" run=r0 type=test.run error="out of reach"`,
		`msg="worker panicked" run=r1 type=test.run panic="claim panic"`,
		`msg="worker panicked" run=r2 type=test.run panic="execute panic"`,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log has no %s:\n%s", want, log.String())
		}
	}
}

// BenchmarkIdle is the time from a Dispatch to an idle pool until the claim.
func BenchmarkIdle(b *testing.B) {
	d := pondruns.New(pondruns.Config{})
	claimed := make(chan struct{})
	stop := work(b, d, func(context.Context, runs.Ref) (func(context.Context), error) {
		claimed <- struct{}{}
		return nil, nil
	})
	defer stop()
	for b.Loop() {
		if err := d.Dispatch(b.Context(), ref(1)); err != nil {
			b.Fatal(err)
		}
		<-claimed
	}
}

// BenchmarkBusy is the time that one reference takes when there are always
// more.
func BenchmarkBusy(b *testing.B) {
	d := pondruns.New(pondruns.Config{Queue: 1024})
	stop := work(b, d, func(context.Context, runs.Ref) (func(context.Context), error) { return nil, nil })
	defer stop()
	for b.Loop() {
		for d.Dispatch(b.Context(), ref(1)) != nil {
			runtime.Gosched()
		}
	}
}

func ExampleNew() {
	d := pondruns.New(pondruns.Config{Workers: 8})

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	executed := make(chan runs.Ref)
	go func() { // Tracker.Run does this
		_ = d.Work(ctx, func(_ context.Context, ref runs.Ref) (func(context.Context), error) {
			return func(context.Context) { executed <- ref }, nil
		})
	}()

	err := d.Dispatch(ctx, runs.Ref{Tenant: "acme", ID: "r1", Type: "report.import"})
	fmt.Println(err)
	select {
	case ref := <-executed:
		fmt.Println(ref.ID)
	case <-time.After(time.Minute):
	}
	// Output:
	// <nil>
	// r1
}

// TestFullKeepsNothing: a million references that find no room leave nothing
// behind; a tenth of them unless TENANTATLAS_LONG is 1.
func TestFullKeepsNothing(t *testing.T) {
	many := 100_000
	if os.Getenv("TENANTATLAS_LONG") == "1" {
		many = 1_000_000
	}
	d := pondruns.New(pondruns.Config{Workers: 2, Queue: 10})
	blocked := make(chan struct{})
	begun := make(chan struct{}, 20)
	stop := work(t, d, claimOf(func(runs.Ref) {
		begun <- struct{}{}
		<-blocked
	}))
	accepted := 0
	offer := func(n int) {
		for i := range n {
			switch err := d.Dispatch(t.Context(), ref(i)); {
			case err == nil:
				accepted++
			case !errors.Is(err, runs.ErrFull):
				t.Fatalf("Dispatch: %v", err)
			}
		}
	}
	offer(1000)
	<-begun
	<-begun
	offer(1000) // the queue is full again
	before := heap()
	offer(many)
	if grown := int64(heap()) - int64(before); grown > 1<<20 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	if accepted > 2+10+2 { // and those that the workers hold in their hands
		t.Errorf("%d references were accepted by 2 workers and a queue of 10", accepted)
	}
	close(blocked)
	stop()
}

// heap is the memory that is in use.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
