package runs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

var (
	// ErrUnknownType is reported for a type that was not declared.
	ErrUnknownType = fmt.Errorf("%w: unknown type of run", ErrInvalid)

	// ErrInputMismatch is reported by [Tracker.Start] when a kept run has the
	// same Once but other params.
	ErrInputMismatch = errors.New("the idempotency key was used with other params")

	// ErrDispatchFailed is reported by [Tracker.Start] together with the run,
	// which has failed: it was stored, but could not be handed to a worker.
	ErrDispatchFailed = errors.New("dispatch failed")
)

// A Request asks for a run. Tenant, Type and Initiator are required.
type Request struct {
	Tenant    string
	Type      Type
	Params    any // encoded as JSON, a json.RawMessage as it is; nil means {}
	Initiator Actor

	// Once makes the request repeatable: as long as a run of this tenant and
	// type with the same Once is kept, that run is the answer. See [OnceFor]
	// for keys that clients choose. Empty means that every request counts. A
	// request that joins a run leaves no trace of its Once.
	Once string

	retryOf string
	action  Action // what else the initiator must be allowed; empty for nothing
}

// A Started is the answer to a [Request].
type Started struct {
	Run *Run

	// Created is false if the run was there already. That is a success: the
	// caller has joined it.
	Created bool

	// SameInput is false if the caller has joined a run whose key is the same
	// although its params differ in something that the key leaves out.
	SameInput bool
}

// What a start may wait for; see also stageTimeout. It answers within 2 s
// whatever happens behind the store. The store itself has longer, in all its
// tries: one that is overloaded would else refuse starts that only needed
// patience. One that is down says so at once.
const (
	insertTimeout   = 5 * time.Second
	dispatchTimeout = 1200 * time.Millisecond
)

// Start records the run that req asks for, offers it to the dispatcher and
// returns it. If an active run with the same key is there, or a kept one with
// the same Once, Start returns that one, and neither writes nor dispatches.
//
// The run exists before the dispatcher hears of it. If the dispatcher refuses
// it, the run fails at once, so that it never looks queued when it is not, and
// Start returns it together with [ErrDispatchFailed]. A dispatcher that is full
// is no failure.
//
// Start reports [ErrForbidden] or [ErrNotFound] as the [Authorizer] says,
// [ErrInvalid] (see [FailureOf] for a sentence), [ErrInputMismatch], and what
// the store reports. After [ErrStoreUnavailable] the run may exist all the same:
// the same request once more joins it.
func (t *Tracker) Start(ctx context.Context, req Request) (Started, error) {
	s, err := t.start(ctx, req)
	if err != nil {
		err = fmt.Errorf("start %s: %w", req.Type, err)
	}
	return s, err
}

func (t *Tracker) start(ctx context.Context, req Request) (Started, error) {
	r, err := t.plan(ctx, req)
	if err != nil {
		return Started{}, err
	}
	s, err := t.insert(ctx, t.cfg.Store, startTries, r)
	if err != nil {
		return s, err
	}
	if !s.Created {
		return t.join(ctx, r, s)
	}
	t.observeStage(ctx, s.Run)
	return t.offerNew(ctx, s)
}

// plan authorizes and validates req, in this order, and returns the run to
// insert.
func (t *Tracker) plan(ctx context.Context, req Request) (*Run, error) {
	op := t.ops[req.Type]
	raw, in, inErr := decodeParams(op, req.Params)
	need := ActionStart
	if op != nil && inErr == nil {
		need = op.spec.action(in)
	}
	now := t.now()
	q := Question{Actor: req.Initiator, Tenant: req.Tenant, Action: need, Step: StepStart}
	q.Run = Ref{Tenant: req.Tenant, ID: t.ids.next(now), Type: req.Type}
	if req.action != "" {
		again := q
		again.Action, again.Step, again.Run.ID = req.action, StepRetry, req.retryOf
		if err := t.ask(ctx, again); err != nil {
			return nil, err
		}
	}
	if err := t.ask(ctx, q); err != nil {
		return nil, err
	}
	switch {
	case op == nil:
		return nil, Public(ErrUnknownType, ReasonInvalidInput, "There is no such type of operation.")
	case inErr != nil:
		return nil, asInvalid(inErr)
	case !req.Initiator.Valid():
		return nil, invalid("initiator has no ID or no known kind")
	case req.Tenant == SystemTenant && req.Initiator.Kind != ActorSystem:
		return nil, invalid("tenant %s is reserved", SystemTenant)
	}
	req.Initiator.Name = displayName(req.Initiator.Name)
	r := &Run{
		Tenant:    req.Tenant,
		ID:        q.Run.ID,
		Type:      req.Type,
		Status:    StatusQueued,
		Once:      req.Once,
		Initiator: req.Initiator,
		Params:    raw,
		RetryOf:   req.retryOf,
		CreatedAt: now,
		UpdatedAt: now,
		Timing:    Timing{Ring: t.cfg.Ring}, // the first ring is Start's own
	}
	if err := op.spec.plan(ctx, r, in); err != nil {
		return nil, asInvalid(err)
	}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	return r, nil
}

func decodeParams(op *Operation, params any) (raw json.RawMessage, in any, err error) {
	if op == nil {
		return nil, nil, nil
	}
	switch p := params.(type) {
	case nil:
		raw = json.RawMessage("{}")
	case json.RawMessage:
		if raw = p; len(p) == 0 { // as an imported run has them
			raw = json.RawMessage("{}")
		}
	default:
		if raw, err = json.Marshal(p); err != nil {
			return nil, nil, Public(err, ReasonInvalidInput, "The params cannot be encoded as JSON.")
		}
	}
	if len(raw) > MaxParams {
		return nil, nil, Public(nil, ReasonInvalidInput, "The params are larger than 64 KiB.")
	}
	in, err = op.spec.decode(raw)
	return raw, in, err
}

// asInvalid makes err an [ErrInvalid] and keeps what it declares public.
func asInvalid(err error) error {
	if errors.Is(err, ErrInvalid) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrInvalid, err)
}

// insert stores r. When it is not known whether a try has succeeded, the next
// one has the same ID, so that there is never a second run.
func (t *Tracker) insert(ctx context.Context, into Inserter, tries int, r *Run) (Started, error) {
	var stored *Run
	var created bool
	ctx, cancel := context.WithTimeoutCause(ctx, insertTimeout, ErrStoreUnavailable)
	defer cancel()
	err := t.persist(ctx, tries, func(ctx context.Context, again bool) (err error) {
		stored, created, err = into.Insert(ctx, r)
		if again && errors.Is(err, ErrExists) {
			stored, err = t.cfg.Store.Get(ctx, r.Ref())
			created = err == nil
		}
		if err == nil && !created && again && stored.ID == r.ID {
			created = true // the try before has succeeded after all
		}
		return err
	})
	if err != nil {
		if errors.Is(context.Cause(ctx), ErrStoreUnavailable) {
			err = fmt.Errorf("%w: no answer in time: %w", ErrStoreUnavailable, err)
		}
		return Started{}, err
	}
	same := created || sameJSON(stored.Params, r.Params)
	if !created && !same && r.Once != "" && stored.Once == r.Once {
		return Started{}, ErrInputMismatch
	}
	return Started{Run: stored, Created: created, SameInput: same}, nil
}

// startTries is how often a start tries to reach the store.
const startTries = 3

// persist calls write until it succeeds, fails for a reason that will stay, or
// ctx ends, with pauses of 50 ms and more; at most tries times, if tries is not
// 0.
func (t *Tracker) persist(ctx context.Context, tries int, write func(ctx context.Context, again bool) error) error {
	pause := 50 * time.Millisecond
	for i := 1; ; i++ {
		err := write(ctx, i > 1)
		if err == nil || i == tries || isFinal(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
		pause = min(2*pause, time.Second)
	}
}

// offerNew offers a run that was just created to the dispatcher.
func (t *Tracker) offerNew(ctx context.Context, s Started) (Started, error) {
	if s.Run.Status != StatusQueued || s.Run.Attempt > 0 {
		return s, nil // it took long to learn that it is stored: somebody has it
	}
	_, err := t.offer(ctx, s.Run)
	if err == nil {
		return s, nil
	}
	// The caller may be gone, the record must not be.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dispatchTimeout)
	defer cancel()
	t.cfg.Logger.ErrorContext(ctx, "dispatch failed", "run", s.Run.ID, "type", s.Run.Type, "error", err)
	failed := s.Run.Clone()
	t.complete(failed, OutcomeFailed, Because(ReasonDispatchFailed), t.now())
	failed, uerr := t.update(ctx, failed)
	switch {
	case uerr == nil:
		s.Run = failed
		t.announce(ctx, failed)
		return s, fmt.Errorf("%w: %w", ErrDispatchFailed, err)
	case errors.Is(uerr, ErrConflict):
		return s, nil // a worker has it: the reference did arrive
	default:
		// It stays queued, truthfully: the sweep offers it again.
		t.cfg.Logger.ErrorContext(ctx, "failed dispatch was not recorded", "run", s.Run.ID, "type", s.Run.Type, "error", uerr)
		return s, nil
	}
}

// offer rings the dispatcher for r. A dispatcher that is full is no error: the
// run is offered again when a slot is free.
func (t *Tracker) offer(ctx context.Context, r *Run) (full bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dispatchTimeout)
	defer cancel()
	if t.worker != nil {
		t.handed.put(r)
	}
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("dispatcher panicked: %v", v)
		}
		if full || err != nil {
			t.handed.take(r.ID)
		}
	}()
	err = t.cfg.Dispatcher.Dispatch(ctx, r.Ref())
	if errors.Is(err, ErrFull) {
		t.full.Store(int64(t.handed.len() - 1))
		t.backlog.Store(true)
		return true, nil
	}
	return false, err
}

// isFinal reports whether a store would answer the same again.
func isFinal(err error) bool {
	for _, final := range []error{ErrConflict, ErrNotFound, ErrExists, ErrInvalid, ErrLaneBusy, ErrNotDue, ErrBadCursor, ErrLeaseLost} {
		if errors.Is(err, final) {
			return true
		}
	}
	return false
}
