package natsruns_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tenantatlas/tenantatlas/internal/enginetest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/natsruns"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

func TestDispatcher(t *testing.T) {
	broker := newBroker(t)
	for _, room := range []int{0, 5} {
		t.Run(fmt.Sprint("room ", room), func(t *testing.T) {
			n := 0
			runstest.TestDispatcher(t, func(t testing.TB) runstest.Engine {
				js := broker.connect(t)
				n++
				stream := fmt.Sprintf("S%d_%d", room, n) // nobody else's
				if room > 0 {
					if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{
						Name: stream, Subjects: []string{stream + ".ref"}, MaxMsgs: int64(room),
						Discard: jetstream.DiscardNew, Retention: jetstream.WorkQueuePolicy,
					}); err != nil {
						t.Fatal(err)
					}
				}
				return runstest.Engine{Dispatcher: open(t, natsruns.Config{JetStream: js, Stream: stream, Workers: 8}), Room: room}
			})
		})
	}
}

func TestNewRefuses(t *testing.T) {
	js := newBroker(t).connect(t)
	for _, tt := range []struct {
		name string
		cfg  natsruns.Config
		want string // "" if it is fine
	}{
		{"least", natsruns.Config{JetStream: js}, ""},
		{"negative workers", natsruns.Config{JetStream: js, Workers: -1}, ""},
		{"no server", natsruns.Config{}, "Config.JetStream is missing"},
		{"stream", natsruns.Config{JetStream: js, Stream: "a.b"}, "Config.Stream"},
		{"consumer", natsruns.Config{JetStream: js, Consumer: "a b"}, "Config.Consumer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := natsruns.New(tt.cfg)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("New: %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("New: error is %v, want one about %q", err, tt.want)
			}
		})
	}
}

// TestEnsure: eight processes that start together create the stream and its
// consumer, and do not change what somebody else has created.
func TestEnsure(t *testing.T) {
	js := newBroker(t).connect(t)
	errs := make([]error, 8)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			d, err := natsruns.New(natsruns.Config{JetStream: js})
			errs[i] = errors.Join(err, d.Ensure(t.Context()))
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	if _, err := js.UpdateStream(t.Context(), jetstream.StreamConfig{
		Name: "RUNS", Subjects: []string{"RUNS.ref"}, MaxMsgs: 7, Discard: jetstream.DiscardNew, Retention: jetstream.WorkQueuePolicy,
	}); err != nil {
		t.Fatal(err)
	}
	open(t, natsruns.Config{JetStream: js})
	stream, err := js.Stream(t.Context(), "RUNS")
	if err != nil {
		t.Fatal(err)
	}
	if got := stream.CachedInfo().Config.MaxMsgs; got != 7 {
		t.Errorf("the stream's limit is %d, want the 7 that it was set to", got)
	}
}

func TestWorkReports(t *testing.T) {
	js := newBroker(t).connect(t)
	d, err := natsruns.New(natsruns.Config{JetStream: js})
	if err != nil {
		t.Fatal(err)
	}
	nothing := func(context.Context, runs.Ref) (func(context.Context), error) { return nil, nil }
	if err := d.Work(t.Context(), nothing); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("Work without a stream: %v, want %v", err, jetstream.ErrStreamNotFound)
	}
	if err := d.Dispatch(t.Context(), enginetest.Ref(1)); err == nil {
		t.Error("Dispatch without a stream reports no error")
	}

	if err := d.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	claimed, done := make(chan struct{}), make(chan error)
	go func() {
		done <- d.Work(t.Context(), func(context.Context, runs.Ref) (func(context.Context), error) {
			close(claimed)
			return nil, nil
		})
	}()
	enginetest.Dispatch(t, d, enginetest.Ref(1))
	enginetest.Receive(t, "claim", claimed)
	if err := d.Work(t.Context(), nothing); err == nil {
		t.Error("a second Work at the same time reports no error")
	}
	js.Conn().Close()
	if err := enginetest.Receive(t, "end of Work", done); err == nil {
		t.Error("Work reports no error although its connection was closed")
	}
}

func TestGoexit(t *testing.T) {
	enginetest.Goexit(t, open(t, natsruns.Config{JetStream: newBroker(t).connect(t), Workers: 1}))
}

// left is how many messages the consumer has not delivered, and how many it
// waits to hear about.
func left(t *testing.T, js jetstream.JetStream) (waiting, unanswered int) {
	t.Helper()
	consumer, err := js.Consumer(t.Context(), "RUNS", "workers")
	if err != nil {
		t.Fatal(err)
	}
	info := consumer.CachedInfo()
	return int(info.NumPending), info.NumAckPending
}

// TestAnswers: a message ends when there was nothing to do, after its claim
// failed a few times, when the worker panicked, and when it cannot be read.
func TestAnswers(t *testing.T) {
	js := newBroker(t).connect(t)
	log := new(enginetest.Log)
	d := open(t, natsruns.Config{JetStream: js, Workers: 1, Logger: slog.New(slog.NewTextHandler(log, nil))})
	if _, err := js.Publish(t.Context(), "RUNS.ref", []byte("no reference")); err != nil {
		t.Fatal(err)
	}
	claims := map[runs.Ref]int{}
	done := make(chan struct{})
	stop := enginetest.Work(t, d, func(_ context.Context, r runs.Ref) (func(context.Context), error) {
		claims[r]++
		switch r {
		case enginetest.Ref(0):
			return nil, nil
		case enginetest.Ref(1):
			panic("claim panic")
		case enginetest.Ref(2):
			return func(context.Context) { panic("execute panic") }, nil
		default:
			if claims[r] < 4 {
				return nil, errors.New("out of reach")
			}
			return func(context.Context) { close(done) }, nil
		}
	})
	enginetest.Dispatch(t, d, enginetest.Ref(3), enginetest.Ref(0), enginetest.Ref(1), enginetest.Ref(2))
	enginetest.Receive(t, "execution", done)
	stop()
	if diff := cmp.Diff(map[runs.Ref]int{enginetest.Ref(0): 1, enginetest.Ref(1): 1, enginetest.Ref(2): 1, enginetest.Ref(3): 4}, claims); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	enginetest.Await(t, "answer to each message", func() bool {
		waiting, unanswered := left(t, js)
		return waiting == 0 && unanswered == 0
	})
	for _, want := range []string{
		`msg="message is no reference" subject=RUNS.ref`,
		`msg="claim failed" run=r3 type=test.run error="out of reach"`,
		`msg="worker panicked" run=r1 type=test.run panic="claim panic"`,
		`msg="worker panicked" run=r2 type=test.run panic="execute panic"`,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log has no %s:\n%s", want, log.String())
		}
	}
}

// TestAcknowledgedBetween: a message is acknowledged after the claim, and before
// the execution ends.
func TestAcknowledgedBetween(t *testing.T) {
	js := newBroker(t).connect(t)
	d := open(t, natsruns.Config{JetStream: js})
	claiming, claim, executing, execute := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan struct{})
	stop := enginetest.Work(t, d, func(context.Context, runs.Ref) (func(context.Context), error) {
		close(claiming)
		<-claim
		return func(context.Context) {
			close(executing)
			<-execute
		}, nil
	})
	enginetest.Dispatch(t, d, enginetest.Ref(1))
	enginetest.Receive(t, "claim", claiming)
	if _, unanswered := left(t, js); unanswered != 1 {
		t.Errorf("%d messages wait for an answer during the claim, want 1", unanswered)
	}
	close(claim)
	enginetest.Receive(t, "execution", executing)
	enginetest.Await(t, "acknowledgment", func() bool {
		_, unanswered := left(t, js)
		return unanswered == 0
	})
	close(execute)
	stop()
}

// TestWorkersAreBounded: a process fetches no more than it executes, so that
// another one can have the rest.
func TestWorkersAreBounded(t *testing.T) {
	broker := newBroker(t)
	js := broker.connect(t)
	first := open(t, natsruns.Config{JetStream: js, Workers: 2})
	second := open(t, natsruns.Config{JetStream: broker.connect(t), Workers: 2})
	begun, blocked := make(chan runs.Ref, 10), make(chan struct{})
	stop := enginetest.Work(t, first, func(_ context.Context, r runs.Ref) (func(context.Context), error) {
		begun <- r
		return func(context.Context) { <-blocked }, nil
	})
	enginetest.Dispatch(t, first, enginetest.Ref(0), enginetest.Ref(1), enginetest.Ref(2), enginetest.Ref(3))
	enginetest.Receive(t, "claim", begun)
	enginetest.Receive(t, "claim", begun)
	enginetest.Await(t, "rest of 2 messages", func() bool {
		waiting, unanswered := left(t, js)
		return waiting == 2 && unanswered == 0
	})
	rest := make(chan runs.Ref, 10)
	stopSecond := enginetest.Work(t, second, func(_ context.Context, r runs.Ref) (func(context.Context), error) {
		rest <- r
		return nil, nil
	})
	enginetest.Receive(t, "claim by the second process", rest)
	enginetest.Receive(t, "claim by the second process", rest)
	stopSecond()
	if n := len(begun); n > 0 {
		t.Errorf("%d more claims by a process whose workers are busy", n)
	}
	close(blocked)
	stop()
}

// TestGivesBack: what the server has sent to a process that stops can be had by
// others at once, and not only when the server has waited for an answer.
func TestGivesBack(t *testing.T) {
	d := open(t, natsruns.Config{JetStream: newBroker(t).connect(t), Workers: 4})
	var mu sync.Mutex
	claimed := map[runs.Ref]bool{}
	claim := func(_ context.Context, r runs.Ref) (func(context.Context), error) {
		mu.Lock()
		defer mu.Unlock()
		claimed[r] = true
		return nil, nil
	}
	begin := time.Now()
	const n = 300
	for i := range n {
		stop := enginetest.Work(t, d, claim)
		enginetest.Dispatch(t, d, enginetest.Ref(i))
		stop() // just when the message arrives
	}
	defer enginetest.Work(t, d, claim)()
	enginetest.Await(t, "claim of all", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(claimed) == n
	})
	if took := time.Since(begin); took > 9*time.Second {
		t.Errorf("claims of all took %v", took)
	}
}
