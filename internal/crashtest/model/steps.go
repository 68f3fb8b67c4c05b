package model

import (
	"errors"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A dice gives the small numbers that a word holds.
type dice uint64

// roll returns a number below n.
func (d *dice) roll(n int) int {
	v := uint64(*d) % uint64(n)
	*d = dice(uint64(*d)/uint64(n) ^ v*0x9e3779b97f4a7c15)
	return int(v)
}

// step takes the step that word stands for, and checks what it concerns.
func (w *world) step(word uint64) error {
	time.Sleep(time.Millisecond) // no two things happen at the very same instant
	d := dice(word)
	steps := []struct {
		weight int
		take   func(d *dice) error
	}{
		{14, w.stepStart},
		{22, w.stepClaim},
		{18, w.stepItems},
		{16, w.stepEnd},
		{7, w.stepCancel},
		{6, w.stepExpire},
		{8, w.stepSweep},
		{4, w.stepUnpark},
		{2, w.stepRetry},
		{1, w.stepStop},
		{1, w.stepCrash},
		{1, func(*dice) error { w.say("look at everything"); return w.checkAll() }},
	}
	total := 0
	for _, s := range steps {
		total += s.weight
	}
	n := d.roll(total)
	for _, s := range steps {
		if n < s.weight {
			return s.take(&d)
		}
		n -= s.weight
	}
	return nil
}

func (w *world) say(format string, args ...any) {
	w.steps = append(w.steps, fmt.Sprintf(format, args...))
}

func (w *world) process(d *dice) (*process, int) {
	n := d.roll(len(w.procs))
	return w.procs[n], n
}

// pick returns one of the latest runs that is as wanted, or nil.
func (w *world) pick(d *dice, wanted func(r *run) bool) *run {
	var found []*run
	for i := len(w.runs) - 1; i >= 0 && i > len(w.runs)-40; i-- {
		if wanted(w.runs[i]) {
			found = append(found, w.runs[i])
		}
	}
	if len(found) == 0 {
		return nil
	}
	return found[d.roll(len(found))]
}

// tries is how often a tracker tries to start, or to claim.
const tries = 3

func anyRun(*run) bool { return true }

// A fault is what goes wrong with the calls of one step.
type fault struct {
	n     int
	after bool
}

func (f fault) String() string {
	switch {
	case f.n == 0:
		return ""
	case f.after:
		return fmt.Sprintf(", %d answers lost", f.n)
	default:
		return fmt.Sprintf(", %d calls failed", f.n)
	}
}

// fault returns none mostly, else one of up to most.
func (d *dice) fault(most int) fault {
	if d.roll(4) > 0 {
		return fault{}
	}
	return fault{1 + d.roll(most), d.roll(2) == 0}
}

// during arms a fault while f runs.
func (p *process) during(method string, is fault, f func()) {
	p.gate.arm(method, is.n, is.after)
	f()
	p.gate.arm("", 0, false)
}

// settles waits until r is stored as it should be.
func (w *world) settles(r *run) error {
	var last error
	err := w.until("", func() (bool, error) {
		last = w.check(r)
		return last == nil, nil
	})
	if err != nil {
		return last
	}
	return nil
}

// finish makes r a completed run.
func (r *run) finish(o runs.Outcome, reason runs.Reason) {
	r.status, r.outcome, r.reason = runs.StatusCompleted, o, reason
	r.owner, r.parked, r.expired = nil, false, false
}

var errBoom = errors.New("boom")

func (w *world) stepCancel(d *dice) error {
	r := w.pick(d, (*run).active)
	if d.roll(6) == 0 || r == nil {
		r = w.pick(d, anyRun)
	}
	if r == nil {
		return nil
	}
	p, n := w.process(d)
	f := d.fault(1)
	w.say("process %d cancels %s, which is %s%v", n, r.ref.Short(), r.status, f)
	var err error
	p.during("Update", f, func() { _, err = p.tracker.RequestCancel(w.ctx, r.ref, runs.User("eli", ""), "why not") })
	effect := r.status == runs.StatusQueued || r.status == runs.StatusRunning && !r.canceled
	if f.n > 0 && effect {
		if !errors.Is(err, runs.ErrStoreUnavailable) {
			return fmt.Errorf("cancel while the store was down: %w", err)
		}
		if !f.after || !p.gate.lost() {
			return w.check(r)
		}
	} else if err != nil {
		return fmt.Errorf("cancel: %w", err)
	}
	switch {
	case !effect:
	case r.status == runs.StatusQueued:
		r.canceled = true
		r.finish(runs.OutcomeCanceled, runs.ReasonCanceled)
		r.announced = f.n == 0
	default:
		r.canceled = true
		if r.owner != nil && r.owner.proc == p && f.n == 0 {
			r.owner.saw = true
		}
	}
	return w.check(r)
}

// touch changes an instant of a run, which a clock would do, and with it the
// revision, as anybody may.
func (w *world) touch(r *run, change func(is *runs.Run)) error {
	is, err := w.store.Get(w.ctx, r.ref)
	if err != nil {
		return err
	}
	change(is)
	_, err = w.store.Update(w.ctx, is)
	return err
}

func notConflict(err error) error {
	if errors.Is(err, runs.ErrConflict) {
		return nil
	}
	return err
}
