package runs

import (
	"context"
	"errors"
)

// ErrFull is reported by a [Dispatcher] that has no room just now. The run
// stays truthfully queued and is offered again as soon as a slot is free.
var ErrFull = errors.New("dispatcher is full")

// A Dispatcher carries the reference of a queued run to something that claims
// and executes it: at least once, now or later, here or elsewhere. It is only a
// doorbell. The store's row is the queue, so a reference that is lost, late or
// delivered twice costs time and nothing else.
//
// An error means that the reference was not accepted, and [ErrFull] that there
// is no room yet. Dispatch must not wait for the run, nor for room. It must be
// safe for concurrent use and may be called before and after [Worker.Work].
// Package runstest checks this.
type Dispatcher interface {
	Dispatch(ctx context.Context, ref Ref) error
}

// A Worker is a [Dispatcher] that also receives references in this process.
// [Tracker.Run] calls Work once.
type Worker interface {
	// Work claims and executes the runs whose references arrive, until ctx
	// ends. Then it claims no more, waits for the executions that have begun,
	// and returns; the Tracker cancels those that take too long. Executions get
	// a context that outlives ctx. A panic of claim or execute is the Worker's
	// to survive. It returns nil when ctx ended, else why it cannot go on; it
	// may be called again then.
	Work(ctx context.Context, claim Claim) error
}

// A Claim takes a run for this process. It is separate from the execution so
// that a broker can acknowledge once the claim is durable. A nil execute means
// that there is nothing to do here: acknowledge and forget. An error means that
// the store could not be asked: deliver the reference again later.
//
// Every execute that was returned must be called, once.
type Claim func(ctx context.Context, ref Ref) (execute func(context.Context), err error)

// An Observer learns of what became of a run after it is stored. It is called
// on a goroutine of its own, one call at a time per run and stage unless the
// one before did not return in time, and must not change r.
//
// For a completed run Observe is called at least once, until every observer of
// the Tracker returned nil for it, by any process and also after a crash; so it
// must be idempotent. Of the earlier stages it is told each time a run gets
// there, which is once for every attempt, and as far as it answers soon; an
// error is only logged.
type Observer interface {
	Observe(ctx context.Context, r *Run) error
}
