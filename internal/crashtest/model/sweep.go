package model

import (
	"context"
	"errors"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

func past() time.Time { return time.Now().Add(-time.Hour) }

func (w *world) stepExpire(d *dice) error {
	r := w.pick(d, func(r *run) bool { return r.status == runs.StatusRunning })
	if r == nil {
		return nil
	}
	w.say("the lease of %s is over", r.ref.Short())
	r.expired = true
	return w.until("end of the lease", func() (bool, error) {
		err := w.touch(r, func(is *runs.Run) { is.LeaseUntil = past() })
		return err == nil, notConflict(err)
	})
}

func (w *world) stepUnpark(d *dice) error {
	r := w.pick(d, func(r *run) bool { return r.parked })
	if r == nil {
		return nil
	}
	w.say("the time of %s has come", r.ref.Short())
	r.parked = false
	return w.touch(r, func(is *runs.Run) { is.NotBefore = time.Time{} })
}

// stepSweep has a new process look around once.
func (w *world) stepSweep(d *dice) error {
	silent := w.pick(d, func(r *run) bool { return !r.active() && !r.announced && !r.due })
	if silent != nil && d.roll(2) == 0 {
		silent.due = true
		if err := w.touch(silent, func(is *runs.Run) { is.NextRing = past() }); err != nil {
			return err
		}
	}
	deaf := d.roll(5) == 0
	mode := d.roll(8)
	w.say("a sweep, observer deaf %t, dispatcher %d", deaf, mode)
	if mode >= 3 {
		mode = 11
	}
	return w.sweep(deaf, w.dispatcher(d, mode, nil))
}

func (w *world) sweep(deaf bool, dispatch func(ctx context.Context, ref runs.Ref) error) error {
	clear(w.refused)
	p := w.newProcess(false)
	p.gate.sweeping = true
	p.gate.setDispatch(dispatch)
	w.set(&w.deaf, deaf)
	w.begin(p)
	err := w.swept(p, deaf)
	p.stop()
	<-p.stopped
	w.set(&w.deaf, false)
	return err
}

// swept waits until the sweep that p began with has done its work.
func (w *world) swept(p *process, deaf bool) error {
	var all []*run
	for _, r := range w.runs {
		switch {
		case r.status == runs.StatusRunning && r.expired:
			r.lost++
			r.expired, r.owner = false, nil
			switch {
			case r.canceled:
				r.finish(runs.OutcomeCanceled, runs.ReasonCanceled)
				r.announced = !deaf
			case r.lost >= maxLost:
				r.finish(runs.OutcomeFailed, runs.ReasonWorkerLost)
				r.announced = !deaf
			default:
				r.status = runs.StatusQueued
			}
			all = append(all, r)
		case r.due && !r.active():
			r.due, r.announced = false, !deaf
			all = append(all, r)
		}
	}
	err := w.until("end of a sweep", func() (bool, error) {
		p.gate.mu.Lock()
		defer p.gate.mu.Unlock()
		return p.gate.looked, nil
	})
	for _, r := range all {
		err = errors.Join(err, w.settles(r))
		if r.active() || r.announced {
			continue
		}
		err = errors.Join(err, w.until("telling of "+r.ref.Short()+" to be put off", func() (bool, error) {
			is, err := w.store.Get(w.ctx, r.ref)
			w.mu.Lock()
			defer w.mu.Unlock()
			return err == nil && w.refused[r.ref.ID] > 0 && time.Until(is.NextRing) > 0, err
		}))
	}
	return err
}

// replace puts a new process, which begins with a sweep, in the place of one
// that is gone.
func (w *world) replace(n int) error {
	w.procs[n] = w.newProcess(true)
	return w.swept(w.procs[n], false)
}
