package model

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

func (w *world) stepStart(d *dice) error {
	p, n := w.process(d)
	in := input{Key: d.roll(keys), Note: d.roll(2)}
	typ := []runs.Type{w.plain, w.laned}[d.roll(2)]
	req := runs.Request{Tenant: tenantName(d.roll(tenants)), Type: typ, Params: in, Initiator: runs.User("dana", "")}
	if d.roll(5) == 0 {
		req.Once = fmt.Sprint("once ", d.roll(10))
	}
	f := d.fault(3)
	mode := d.roll(12)
	if f.n >= tries {
		mode = 11 // it is accepted; who knows when the tracker finds the run
	}
	w.say("process %d starts %s key %d note %d once %q for %s%v, dispatcher %d", n, typ, in.Key, in.Note, req.Once, req.Tenant, f, mode)
	var claimed *puppet
	p.gate.setDispatch(w.dispatcher(d, mode, &claimed))
	var s runs.Started
	var err error
	begun := time.Now()
	p.during("Insert", f, func() { s, err = p.tracker.Start(w.ctx, req) })
	p.gate.setDispatch(nil)
	if err == nil && mode >= 1 && mode <= 3 && claimed == nil && time.Since(begun) >= recordsFor {
		return ErrStalled // the failed dispatch could not be recorded in time
	}
	return w.started(p, req, in, f, mode, s, err, "", claimed)
}

// recordsFor is how long a start tries to record that its dispatch has failed. If
// the store takes longer, the run stays queued, and nobody can say for how long.
const recordsFor = 1200 * time.Millisecond

// dispatcher returns how a dispatcher takes a reference.
func (w *world) dispatcher(d *dice, mode int, claimed **puppet) func(ctx context.Context, ref runs.Ref) error {
	switch mode {
	case 0:
		return func(context.Context, runs.Ref) error { return runs.ErrFull }
	case 1:
		return func(context.Context, runs.Ref) error { return errors.New("no") }
	case 2:
		return func(context.Context, runs.Ref) error { panic("no") }
	case 3: // accepted and delivered, and then an error
		elsewhere, _ := w.process(d)
		var once sync.Once // the tracker may offer the run on its own account, too
		return func(_ context.Context, ref runs.Ref) error {
			once.Do(func() {
				*claimed, _ = w.claim(elsewhere, ref, 1)
				if *claimed == nil {
					for key := range 2 {
						elsewhere.sawBusy[ref.Tenant+w.lane(input{Key: key})] = true
					}
				}
			})
			return errors.New("no")
		}
	default:
		return nil
	}
}

// started checks the answer to a start.
func (w *world) started(p *process, req runs.Request, in input, f fault, mode int, s runs.Started, err error, retryOf string, claimed *puppet) error {
	onceKey := req.Tenant + string(req.Type) + req.Once
	same := w.onces[onceKey]
	byOnce := same != nil && req.Once != ""
	if !byOnce {
		same = w.active(req.Tenant, req.Type, in.Key)
	}
	unknown := f.n >= tries
	switch {
	case unknown:
		if !errors.Is(err, runs.ErrStoreUnavailable) {
			return fmt.Errorf("start while the store was down: %w", err)
		}
		if !f.after || same != nil {
			return nil
		}
		s.Run = &runs.Run{ID: p.gate.last}
	case same != nil && byOnce && same.in != in:
		if !errors.Is(err, runs.ErrInputMismatch) {
			return fmt.Errorf("start with another input and the same Once: %w", err)
		}
		return nil
	case same != nil:
		switch {
		case err != nil:
			return fmt.Errorf("join: %w", err)
		case s.Created || s.Run.ID != same.ref.ID || s.SameInput != (same.in == in):
			return fmt.Errorf("join gave %s, created %t, same input %t; want %s, and the input is %+v", s.Run.Ref().Short(), s.Created, s.SameInput, same.ref.Short(), same.in)
		}
		return w.check(same)
	case s.Run == nil || !s.Created || w.byID[s.Run.ID] != nil:
		return fmt.Errorf("start gave %+v, %w; want a new run", s, err)
	}
	r := &run{
		ref: runs.Ref{Tenant: req.Tenant, ID: s.Run.ID, Type: req.Type}, in: in, once: req.Once, retry: retryOf,
		status: runs.StatusQueued, items: map[string]item{},
	}
	w.runs = append(w.runs, r)
	w.byID[r.ref.ID] = r
	if req.Once != "" {
		w.onces[onceKey] = r
	}
	switch {
	case unknown: // nobody has offered it
	case mode == 3 && claimed != nil:
		if err != nil {
			return fmt.Errorf("start of a run that was claimed: %w", err)
		}
		w.begun(r, claimed)
		if err := w.arrives(claimed); err != nil {
			return err
		}
	case mode >= 1 && mode <= 3:
		if !errors.Is(err, runs.ErrDispatchFailed) {
			return fmt.Errorf("start without a dispatcher: %w", err)
		}
		r.finish(runs.OutcomeFailed, runs.ReasonDispatchFailed)
		r.announced = true
	case err != nil:
		return fmt.Errorf("start: %w", err)
	}
	return w.check(r)
}

func (w *world) active(tenant string, typ runs.Type, key int) *run {
	for _, r := range w.runs {
		if r.active() && r.ref.Tenant == tenant && r.ref.Type == typ && r.in.Key == key {
			return r
		}
	}
	return nil
}

func (w *world) stepRetry(d *dice) error {
	r := w.pick(d, anyRun)
	if r == nil {
		return nil
	}
	p, n := w.process(d)
	w.say("process %d retries %s, which is %s", n, r.ref.Short(), r.status)
	s, err := p.tracker.Retry(w.ctx, r.ref, runs.User("eli", ""), "")
	if r.active() {
		if !errors.Is(err, runs.ErrActive) {
			return fmt.Errorf("retry of an active run: %w", err)
		}
		return nil
	}
	req := runs.Request{Tenant: r.ref.Tenant, Type: r.ref.Type}
	return w.started(p, req, r.in, fault{}, -1, s, err, r.ref.ID, nil)
}
