package natsruns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tenantatlas/tenantatlas/runs"
)

// Work implements [runs.Worker]. It reports an error if the consumer cannot be
// reached when it begins, or when the connection is closed for good; otherwise
// it waits for the server to come back. A second call at the same time is an
// error.
func (d *Dispatcher) Work(ctx context.Context, claim runs.Claim) error {
	if !d.working.CompareAndSwap(false, true) {
		return errors.New("natsruns: Work is under way already")
	}
	defer d.working.Store(false)
	w := &worker{Dispatcher: d, ctx: ctx, claim: claim, slots: make(chan struct{}, d.cfg.Workers)}
	defer w.running.Wait()

	messages, err := w.subscribe()
	for err == nil {
		err = w.receive(messages)
		w.giveBack(messages)
		messages, err = w.subscribeAgain(err)
	}
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("receive from stream %s: %w", d.cfg.Stream, err)
}

// A worker is one call of Work.
type worker struct {
	*Dispatcher
	ctx     context.Context // of Work
	claim   runs.Claim
	slots   chan struct{} // one element for each worker that is busy, or waits for a message
	running sync.WaitGroup
}

const (
	// beat is how often the server says that it is there while there are no
	// messages; after two that are missing they are asked for again.
	beat = time.Second

	// restart is how long to wait before the next try to receive messages.
	restart = time.Second

	// slotPause is how long a worker rests when the store could not be asked.
	// It keeps its slot, since the next claim would fare no better.
	slotPause = 100 * time.Millisecond

	// maxDelay is how long the message of a failed claim is put off at most.
	maxDelay = 5 * time.Second
)

func (w *worker) subscribe() (jetstream.MessagesContext, error) {
	if err := w.ctx.Err(); err != nil {
		return nil, err
	}
	consumer, err := w.cfg.JetStream.Consumer(w.ctx, w.cfg.Stream, w.cfg.Consumer)
	if err != nil {
		return nil, err
	}
	// A message is asked for when Next is called, and not before.
	return consumer.Messages(jetstream.PullMaxMessages(1), jetstream.PullHeartbeat(beat))
}

// subscribeAgain tries to after err, until it succeeds, ctx ends or the
// connection is closed.
func (w *worker) subscribeAgain(err error) (jetstream.MessagesContext, error) {
	for w.ctx.Err() == nil && !w.cfg.JetStream.Conn().IsClosed() {
		w.cfg.Logger.WarnContext(w.ctx, "messages are not received", "stream", w.cfg.Stream, "consumer", w.cfg.Consumer, "error", err)
		w.pause(restart)
		var messages jetstream.MessagesContext
		if messages, err = w.subscribe(); err == nil {
			return messages, nil
		}
	}
	return nil, err
}

// receive handles messages, each on a goroutine of its own, until ctx ends or
// it cannot go on.
func (w *worker) receive(messages jetstream.MessagesContext) error {
	for {
		select {
		case <-w.ctx.Done():
			return w.ctx.Err()
		case w.slots <- struct{}{}:
		}
		msg, err := messages.Next(jetstream.NextContext(w.ctx))
		if err == nil {
			w.running.Go(func() {
				defer func() { <-w.slots }()
				w.handle(msg)
			})
			continue
		}
		<-w.slots
		if !errors.Is(err, jetstream.ErrNoHeartbeat) {
			return err
		}
	}
}

// giveBack returns to the server what it may have sent meanwhile.
func (w *worker) giveBack(messages jetstream.MessagesContext) {
	messages.Drain()
	for {
		msg, err := messages.Next(jetstream.NextMaxWait(time.Second))
		if err != nil {
			return // none is left, or the server is gone and will notice
		}
		w.answer(msg.Nak)
	}
}

// handle claims and executes what msg names, and survives it.
func (w *worker) handle(msg jetstream.Msg) {
	var m message
	defer func() {
		if v := recover(); v != nil {
			w.cfg.Logger.ErrorContext(w.ctx, "worker panicked", "run", m.ID, "type", m.Type,
				"panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
	}()
	if err := json.Unmarshal(msg.Data(), &m); err != nil {
		w.cfg.Logger.ErrorContext(w.ctx, "message is no reference", "subject", msg.Subject(), "error", err)
		w.answer(msg.Term)
		return
	}
	if execute := w.take(msg, runs.Ref{Tenant: m.Tenant, ID: m.ID, Type: m.Type}); execute != nil {
		execute(context.WithoutCancel(w.ctx))
	}
}

// take claims the run and answers the message.
func (w *worker) take(msg jetstream.Msg, ref runs.Ref) (execute func(context.Context)) {
	answer := msg.Ack // also after a panic: the sweep offers the run again
	defer func() { w.answer(answer) }()
	if w.ctx.Err() != nil {
		answer = msg.Nak
		return nil
	}
	execute, err := w.claim(w.ctx, ref)
	if err != nil {
		delay := w.rest(msg, ref, err)
		answer = func() error { return msg.NakWithDelay(delay) }
	}
	return execute
}

// rest rests after a claim has failed, and returns how long to put the message
// off: longer each time.
func (w *worker) rest(msg jetstream.Msg, ref runs.Ref, err error) time.Duration {
	if w.ctx.Err() != nil {
		return 0 // for another process
	}
	w.cfg.Logger.WarnContext(w.ctx, "claim failed", "run", ref.ID, "type", ref.Type, "error", err)
	w.pause(slotPause)
	meta, err := msg.Metadata()
	if err != nil {
		return maxDelay
	}
	return min(slotPause<<min(meta.NumDelivered, 10), maxDelay)
}

// answer tells the server what became of a message. If it does not hear that,
// it delivers the message again, which is harmless.
func (w *worker) answer(how func() error) {
	if err := how(); err != nil {
		w.cfg.Logger.WarnContext(w.ctx, "message was not answered", "stream", w.cfg.Stream, "error", err)
	}
}

// pause rests for d, or until ctx ends.
func (w *worker) pause(d time.Duration) {
	rest := time.NewTimer(d)
	defer rest.Stop()
	select {
	case <-w.ctx.Done():
	case <-rest.C:
	}
}
