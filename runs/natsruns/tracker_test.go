package natsruns_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/enginetest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/natsruns"
)

func TestTwoProcesses(t *testing.T) {
	broker := newBroker(t)
	store := memruns.New()
	enginetest.TwoProcesses(t, func() (runs.Store, enginetest.Engine) {
		return store, open(t, natsruns.Config{JetStream: broker.connect(t), Workers: 4})
	})
}

// TestRedelivery: any number of messages for a run make one execution.
func TestRedelivery(t *testing.T) {
	broker := newBroker(t)
	d := open(t, natsruns.Config{JetStream: broker.connect(t), Workers: 4})
	begun, blocked := make(chan struct{}, 10), make(chan struct{})
	tracker := enginetest.Track(t, memruns.New(), d, func(context.Context, int) error {
		begun <- struct{}{}
		<-blocked
		return nil
	})
	s, err := tracker.Start(t.Context(), enginetest.Request(1))
	if err != nil {
		t.Fatal(err)
	}
	ref := s.Run.Ref()
	enginetest.Dispatch(t, d, ref, ref, ref)
	enginetest.Receive(t, "execution", begun)
	enginetest.Dispatch(t, d, ref, ref, ref)
	js := broker.connect(t)
	enginetest.Await(t, "answer to each message", func() bool {
		waiting, unanswered := left(t, js)
		return waiting == 0 && unanswered == 0
	})
	close(blocked)
	enginetest.Succeeded(t, tracker, ref)
	enginetest.Dispatch(t, d, ref, ref, ref)
	enginetest.Await(t, "answer to each message", func() bool {
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
	count := new(enginetest.Tally)
	trackers := []*runs.Tracker{
		enginetest.Track(t, store, open(t, natsruns.Config{JetStream: broker.connect(t), Workers: 4}), count.Handler("first")),
		enginetest.Track(t, store, open(t, natsruns.Config{JetStream: broker.connect(t), Workers: 4}), count.Handler("second")),
	}
	const n, restarts = 1000, 4
	var through atomic.Int64
	started := make(chan []runs.Started, 1)
	go func() { started <- enginetest.StartAll(t, trackers, n, &through) }()
	for i := range restarts {
		enginetest.Await(t, "start", func() bool { return through.Load() > int64(i*n/restarts) })
		broker.stop()
		broker.start(t)
	}
	enginetest.ExecutedOnce(t, trackers[0], enginetest.Receive(t, "start of all", started), count)
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
				if err := d.Dispatch(t.Context(), enginetest.Ref(c)); err != nil {
					t.Errorf("Dispatch: %v", err)
					return
				}
				through.Add(1)
			}
		})
	}
	for range 3 {
		before := through.Load()
		enginetest.Await(t, "dispatch", func() bool { return through.Load() > before+100 })
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
	tracker := enginetest.Track(t, memruns.New(), d, func(_ context.Context, n int) error {
		begun <- n
		<-blocked
		return nil
	})
	first, err := tracker.Start(t.Context(), enginetest.Request(1))
	if err != nil {
		t.Fatal(err)
	}
	enginetest.Receive(t, "execution", begun)

	broker.stop()
	begin := time.Now()
	s, err := tracker.Start(t.Context(), enginetest.Request(2))
	if !errors.Is(err, runs.ErrDispatchFailed) || s.Run.Failure.Reason != runs.ReasonDispatchFailed {
		t.Errorf("Start without a server: %+v, %v, want %v", s.Run, err, runs.ErrDispatchFailed)
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("Start without a server took %v, want 2s at most", took)
	}
	close(blocked)
	enginetest.Succeeded(t, tracker, first.Run.Ref())

	broker.start(t)
	enginetest.Await(t, "start", func() bool {
		s, err = tracker.Start(t.Context(), enginetest.Request(3))
		return err == nil
	})
	enginetest.Succeeded(t, tracker, s.Run.Ref())
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
	stop := enginetest.Work(t, d, func(_ context.Context, r runs.Ref) (func(context.Context), error) {
		claimed <- r
		return nil, nil
	})
	defer stop()
	enginetest.Dispatch(t, d, enginetest.Ref(1))
	enginetest.Receive(t, "claim", claimed)
	if err := js.DeleteStream(t.Context(), "RUNS"); err != nil {
		t.Fatal(err)
	}
	open(t, natsruns.Config{JetStream: js})
	enginetest.Dispatch(t, d, enginetest.Ref(2))
	if got := enginetest.Receive(t, "claim", claimed); got != enginetest.Ref(2) {
		t.Errorf("claimed %v, want %v", got, enginetest.Ref(2))
	}
}
