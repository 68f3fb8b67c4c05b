package model

import (
	"errors"
	"fmt"

	"github.com/tenantatlas/tenantatlas/runs"
)

// claim lets p claim a run, and begins to execute what it gets.
func (w *world) claim(p *process, ref runs.Ref, next int) (*puppet, error) {
	u := &puppet{attempt: next, proc: p, orders: make(chan order), ended: make(chan struct{})}
	id := attempt{ref.ID, next}
	w.mu.Lock()
	w.arrived[id] = u
	w.mu.Unlock()
	execute, err := p.claim(w.ctx, ref)
	if execute == nil {
		w.mu.Lock()
		delete(w.arrived, id)
		w.mu.Unlock()
		return nil, err
	}
	p.puppets = append(p.puppets, u)
	p.group.Go(func() {
		defer close(u.ended)
		execute(w.ctx)
	})
	return u, nil
}

// begun makes u the owner of r; nil is a process that does not know that it is.
func (w *world) begun(r *run, u *puppet) {
	r.status, r.attempt, r.owner, r.counts = runs.StatusRunning, r.attempt+1, u, runs.Counts{}
	r.expired = false
	if u != nil {
		u.run, u.before = r, map[string]bool{}
		for key := range r.items {
			u.before[key] = true
		}
	}
}

// arrives waits until the handler has been called.
func (w *world) arrives(u *puppet) error {
	return w.until("call of the handler", func() (bool, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		return u.arrived, nil
	})
}

func (w *world) stepClaim(d *dice) error {
	r := w.pick(d, (*run).active)
	if d.roll(8) == 0 || r == nil {
		r = w.pick(d, anyRun) // a reference that comes late, or twice
	}
	if r == nil {
		return nil
	}
	p, n := w.process(d)
	f := d.fault(3)
	denied := d.roll(12) == 0
	w.say("process %d claims %s%v, denied %t", n, r.ref.Short(), f, denied)
	w.set(&w.denied, denied)
	var u *puppet
	var err error
	p.during("Update", f, func() { u, err = w.claim(p, r.ref, r.attempt+1) })
	w.set(&w.denied, false)

	lane := w.laneOf(r)
	switch {
	case r.status != runs.StatusQueued || r.parked:
		if u != nil || err != nil && (f.n == 0 || !errors.Is(err, runs.ErrStoreUnavailable)) {
			return fmt.Errorf("claim of a run that is %s, parked %t: %v, %w", r.status, r.parked, u, err)
		}
		if r.parked && w.holder(r.ref.Tenant, lane) != nil {
			p.sawBusy[r.ref.Tenant+lane] = true // it may have been refused for that
		}
	case denied && f.n > 0:
		if err == nil && u == nil && p.sawBusy[r.ref.Tenant+lane] {
			break // it did not even ask
		}
		if !errors.Is(err, runs.ErrStoreUnavailable) {
			return fmt.Errorf("block while the store was down: %v, %w", u, err)
		}
		if f.after && w.moved(r) {
			r.finish(runs.OutcomeBlocked, runs.ReasonPermissionDenied)
		}
	case denied:
		if u != nil || err != nil {
			return fmt.Errorf("claim without the right: %v, %w", u, err)
		}
		if p.sawBusy[r.ref.Tenant+lane] && w.check(r) == nil {
			break // it did not even ask
		}
		r.finish(runs.OutcomeBlocked, runs.ReasonPermissionDenied)
		r.announced = true
	case w.holder(r.ref.Tenant, lane) != nil && (f.n < tries || err == nil):
		if u != nil || err != nil {
			return fmt.Errorf("claim in a busy lane: %v, %w", u, err)
		}
		p.sawBusy[r.ref.Tenant+lane] = true
	case f.n >= tries && err != nil:
		if u != nil || !errors.Is(err, runs.ErrStoreUnavailable) {
			return fmt.Errorf("claim while the store was down: %v, %w", u, err)
		}
		if f.after && w.moved(r) {
			w.begun(r, nil) // without anybody knowing
		}
	case u == nil && err == nil && p.sawBusy[r.ref.Tenant+lane]:
		// It believes that the lane is still busy.
	case u == nil || err != nil:
		return fmt.Errorf("claim: %v, %w", u, err)
	default:
		delete(p.sawBusy, r.ref.Tenant+lane)
		w.begun(r, u)
		if err := w.arrives(u); err != nil {
			return err
		}
	}
	return w.check(r)
}

// moved reports whether a queued run has become something else by a write whose
// answer got lost. It need not: the process may have known an older revision,
// and the lost answer was that.
func (w *world) moved(r *run) bool {
	is, err := w.store.Get(w.ctx, r.ref)
	return err == nil && is.Status != runs.StatusQueued
}

// holder returns the run that is running in a lane.
func (w *world) holder(tenant, lane string) *run {
	for _, r := range w.runs {
		if lane != "" && r.status == runs.StatusRunning && r.ref.Tenant == tenant && w.laneOf(r) == lane {
			return r
		}
	}
	return nil
}
