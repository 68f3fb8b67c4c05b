package natsruns_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/natsruns"
)

type input struct {
	N int `json:"n"`
}

func request(n int) runs.Request {
	return runs.Request{Tenant: "acme", Type: "test.run", Params: input{n}, Initiator: runs.User("dana", "Dana")}
}

// track returns a Tracker that executes runs with handle until the test ends.
func track(t *testing.T, store runs.Store, d runs.Dispatcher, handle func(ctx context.Context, n int) error) *runs.Tracker {
	t.Helper()
	tracker, err := runs.New(runs.Config{
		Store:      store,
		Dispatcher: d,
		Operations: []runs.Operation{
			runs.Define("test.run", func(ctx context.Context, _ *runs.Exec, in input) error { return handle(ctx, in.N) }),
		},
		Sweep: 100 * time.Millisecond,
		Ring:  2 * time.Second, // longer than a start waits for its dispatcher
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- tracker.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run the tracker: %v", err)
		}
	})
	return tracker
}

// A tally is how often each run was executed, and where.
type tally struct {
	mu    sync.Mutex
	times map[int]int
	by    map[string]int
}

func (c *tally) handler(name string) func(context.Context, int) error {
	return func(_ context.Context, n int) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.times[n]++
		c.by[name]++
		return nil
	}
}

func (c *tally) of(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.times[n]
}

// ended waits for the end of a run.
func ended(t *testing.T, tracker *runs.Tracker, ref runs.Ref) *runs.Run {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, err := tracker.Wait(ctx, ref)
	if err != nil {
		t.Fatalf("wait for %s: %v", ref.ID, err)
	}
	return r
}

// succeeded waits for the end of a run, which has to be its first attempt.
func succeeded(t *testing.T, tracker *runs.Tracker, ref runs.Ref) {
	t.Helper()
	r := ended(t, tracker, ref)
	if r.Outcome != runs.OutcomeSucceeded || r.Attempt != 1 || r.Lost != 0 {
		t.Errorf("run %s ended %s at attempt %d, and lost %d workers; want it succeeded at the first", ref.ID, r.Outcome, r.Attempt, r.Lost)
	}
}

// startAll starts n runs with 8 callers, alternately with each of the trackers,
// and counts those that are through. Runs that the dispatcher refused are among
// them.
func startAll(t *testing.T, trackers []*runs.Tracker, n int, through *atomic.Int64) []runs.Started {
	t.Helper()
	all := make([]runs.Started, n)
	var callers sync.WaitGroup
	for c := range 8 {
		callers.Go(func() {
			for i := c; i < n; i += 8 {
				s, err := trackers[i%len(trackers)].Start(t.Context(), request(i))
				if err != nil && !errors.Is(err, runs.ErrDispatchFailed) {
					t.Errorf("Start: %v", err)
				}
				all[i] = s
				through.Add(1)
			}
		})
	}
	callers.Wait()
	return all
}

func TestTwoProcesses(t *testing.T) {
	broker := newBroker(t)
	store := memruns.New()
	count := &tally{times: map[int]int{}, by: map[string]int{}}
	trackers := []*runs.Tracker{
		track(t, store, open(t, natsruns.Config{JetStream: broker.connect(t), Workers: 4}), count.handler("first")),
		track(t, store, open(t, natsruns.Config{JetStream: broker.connect(t), Workers: 4}), count.handler("second")),
	}
	for i, s := range startAll(t, trackers, 200, new(atomic.Int64)) {
		succeeded(t, trackers[0], s.Run.Ref())
		if got := count.of(i); got != 1 {
			t.Errorf("run %d was executed %d times, want once", i, got)
		}
	}
	if count.by["first"] == 0 || count.by["second"] == 0 {
		t.Errorf("executions by process are %v, want some by each", count.by)
	}
}

// TestRedelivery: any number of messages for a run make one execution.
func TestRedelivery(t *testing.T) {
	broker := newBroker(t)
	d := open(t, natsruns.Config{JetStream: broker.connect(t), Workers: 4})
	begun, blocked := make(chan struct{}, 10), make(chan struct{})
	tracker := track(t, memruns.New(), d, func(context.Context, int) error {
		begun <- struct{}{}
		<-blocked
		return nil
	})
	s, err := tracker.Start(t.Context(), request(1))
	if err != nil {
		t.Fatal(err)
	}
	ref := s.Run.Ref()
	dispatch(t, d, ref, ref, ref)
	receive(t, "execution", begun)
	dispatch(t, d, ref, ref, ref)
	js := broker.connect(t)
	await(t, "answer to each message", func() bool {
		waiting, unanswered := left(t, js)
		return waiting == 0 && unanswered == 0
	})
	close(blocked)
	succeeded(t, tracker, ref)
	dispatch(t, d, ref, ref, ref)
	await(t, "answer to each message", func() bool {
		waiting, unanswered := left(t, js)
		return waiting == 0 && unanswered == 0
	})
	if n := len(begun); n > 0 {
		t.Errorf("executed %d times more", n)
	}
}

// TestRestart: the server stops and comes back while runs are started. Every
// run ends; those that were accepted succeed, once, and the others have failed
// without being executed.
func TestRestart(t *testing.T) {
	broker := newBroker(t)
	store := memruns.New()
	count := &tally{times: map[int]int{}, by: map[string]int{}}
	trackers := []*runs.Tracker{
		track(t, store, open(t, natsruns.Config{JetStream: broker.connect(t), Workers: 4}), count.handler("first")),
		track(t, store, open(t, natsruns.Config{JetStream: broker.connect(t), Workers: 4}), count.handler("second")),
	}
	const n, restarts = 1000, 4
	var through atomic.Int64
	started := make(chan []runs.Started, 1)
	go func() { started <- startAll(t, trackers, n, &through) }()
	for i := range restarts {
		await(t, "start", func() bool { return through.Load() > int64(i*n/restarts) })
		broker.stop()
		broker.start(t)
	}
	wantAllExecutedOnce(t, trackers[0], receive(t, "start of all", started), count)
}

// wantAllExecutedOnce checks that every run has ended: those that the dispatcher
// accepted have succeeded at once, the others have failed and were not executed.
// Most must be accepted.
func wantAllExecutedOnce(t *testing.T, tracker *runs.Tracker, all []runs.Started, count *tally) {
	t.Helper()
	accepted := 0
	for i, s := range all {
		if s.Run == nil {
			t.Fatalf("run %d does not exist", i)
		}
		want, times := runs.OutcomeSucceeded, 1
		if s.Run.Outcome == runs.OutcomeFailed {
			want, times = runs.OutcomeFailed, 0
		} else {
			accepted++
		}
		r := ended(t, tracker, s.Run.Ref())
		if r.Outcome != want || r.Attempt != times || count.of(i) != times {
			t.Errorf("run %d ended %s at attempt %d after %d executions; want it %s after %d",
				i, r.Outcome, r.Attempt, count.of(i), want, times)
		}
	}
	if accepted < len(all)/2 {
		t.Errorf("%d of %d runs were accepted, want most of them", accepted, len(all))
	}
}

// TestDispatchOutlastsRestart: a Dispatch that has time waits for the server that
// comes up, although it was the one before that has heard of it.
func TestDispatchOutlastsRestart(t *testing.T) {
	broker := newBroker(t)
	d := open(t, natsruns.Config{JetStream: broker.connect(t)})
	var through atomic.Int64
	ended := make(chan struct{})
	var callers sync.WaitGroup
	for c := range 8 {
		callers.Go(func() {
			for {
				select {
				case <-ended:
					return
				default:
				}
				if err := d.Dispatch(t.Context(), ref(c)); err != nil {
					t.Errorf("Dispatch: %v", err)
					return
				}
				through.Add(1)
			}
		})
	}
	for range 3 {
		before := through.Load()
		await(t, "dispatch", func() bool { return through.Load() > before+100 })
		broker.stop()
		broker.start(t)
	}
	close(ended)
	callers.Wait()
}

// TestLostServer: while the server is away Dispatch says so in time, what is
// executed goes on, and when it is back the same call of Work does.
func TestLostServer(t *testing.T) {
	broker := newBroker(t)
	d := open(t, natsruns.Config{JetStream: broker.connect(t), Workers: 4})
	begun, blocked := make(chan int, 10), make(chan struct{})
	tracker := track(t, memruns.New(), d, func(_ context.Context, n int) error {
		begun <- n
		<-blocked
		return nil
	})
	first, err := tracker.Start(t.Context(), request(1))
	if err != nil {
		t.Fatal(err)
	}
	receive(t, "execution", begun)

	broker.stop()
	begin := time.Now()
	s, err := tracker.Start(t.Context(), request(2))
	if !errors.Is(err, runs.ErrDispatchFailed) || s.Run.Failure.Reason != runs.ReasonDispatchFailed {
		t.Errorf("Start without a server: %+v, %v, want %v", s.Run, err, runs.ErrDispatchFailed)
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("Start without a server took %v, want 2s at most", took)
	}
	close(blocked)
	succeeded(t, tracker, first.Run.Ref())

	broker.start(t)
	await(t, "start", func() bool {
		s, err = tracker.Start(t.Context(), request(3))
		return err == nil
	})
	succeeded(t, tracker, s.Run.Ref())
	close(begun)
	for n := range begun {
		if n == 2 {
			t.Error("the run that has failed was executed")
		}
	}
}

// TestLostConsumer: Work goes on when somebody has created the consumer again.
func TestLostConsumer(t *testing.T) {
	js := newBroker(t).connect(t)
	d := open(t, natsruns.Config{JetStream: js})
	claimed := make(chan runs.Ref, 10)
	stop := work(t, d, func(_ context.Context, r runs.Ref) (func(context.Context), error) {
		claimed <- r
		return nil, nil
	})
	defer stop()
	dispatch(t, d, ref(1))
	receive(t, "claim", claimed)
	if err := js.DeleteStream(t.Context(), "RUNS"); err != nil {
		t.Fatal(err)
	}
	open(t, natsruns.Config{JetStream: js})
	dispatch(t, d, ref(2))
	if got := receive(t, "claim", claimed); got != ref(2) {
		t.Errorf("claimed %v, want %v", got, ref(2))
	}
}
