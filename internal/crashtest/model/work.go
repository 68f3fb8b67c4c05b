package model

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// puppet returns a handler that waits for what to do, perhaps one whose run was
// taken from it.
func (w *world) puppet(d *dice) *puppet {
	var all []*puppet
	for _, p := range w.procs {
		all = append(all, p.puppets...)
	}
	if len(all) == 0 {
		return nil
	}
	return all[d.roll(len(all))]
}

// owns reports whether what u writes counts.
func (u *puppet) owns() bool { return u.run.owner == u && u.run.status == runs.StatusRunning }

// stepItems has a handler report items and waits until they are stored, or
// until it knows that it is no longer its run.
func (w *world) stepItems(d *dice) error {
	u := w.puppet(d)
	if u == nil {
		return nil
	}
	if over := u.ctx.Err() != nil; over && !u.owns() {
		return nil // it knows that its time is over, and says no more
	}
	var items []runs.Item
	for range 1 + d.roll(3) {
		items = append(items, runs.Item{
			Key:     fmt.Sprint("item ", d.roll(12)),
			Outcome: []runs.ItemOutcome{runs.ItemSucceeded, runs.ItemSucceeded, runs.ItemFailed, runs.ItemSkipped}[d.roll(4)],
		})
	}
	f := d.fault(2)
	w.say("attempt %d of %s reports %d items%v; its own: %t", u.attempt, u.run.ref.Short(), len(items), f, u.owns())
	var err error
	news, before := false, u.run.counts.Processed()
	u.proc.during("Update", f, func() {
		u.tell(order{items: items})
		for _, it := range items {
			news = news || !u.before[it.Key]
		}
		if !news {
			return // nobody writes anything
		}
		if !u.owns() {
			err = w.until("end of a lost attempt's context", func() (bool, error) { return u.ctx.Err() != nil, nil })
			return
		}
		for _, it := range items {
			if _, again := u.run.items[it.Key]; !again {
				u.run.items[it.Key] = item{it.Outcome, u.attempt}
			}
		}
		u.run.counts = u.run.tally()
		err = w.settles(u.run)
		for deadline := time.Now().Add(patience); err == nil && w.checkItems(u.run) != nil; {
			if time.Now().After(deadline) {
				err = w.checkItems(u.run)
			}
			time.Sleep(time.Millisecond)
		}
	})
	if err != nil {
		return err
	}
	switch {
	case !news:
		return w.check(u.run)
	case u.owns():
		u.run.expired = false // it has been heard of
		u.saw = u.saw || u.run.canceled && u.run.counts.Processed() != before
		// A report that is under way, because its last answer got lost, or
		// because of an item that is no news, is over before the next step.
		time.Sleep(10 * time.Millisecond)
		return nil
	}
	if !errors.Is(context.Cause(u.ctx), runs.ErrLeaseLost) && !u.saw {
		return fmt.Errorf("context of a lost attempt ended because of %w", context.Cause(u.ctx))
	}
	// What it would do again and again is over.
	u.tell(order{end: func(context.Context, *runs.Exec) error { return nil }})
	return errors.Join(w.check(u.run), w.checkItems(u.run))
}

// An ending is how a handler ends, and what becomes of its run.
type ending struct {
	name    string
	end     func(ctx context.Context, x *runs.Exec) error
	outcome func(c runs.Counts) (runs.Outcome, runs.Reason) // nil if the run is queued again
	parks   bool
}

func always(o runs.Outcome, reason runs.Reason) func(runs.Counts) (runs.Outcome, runs.Reason) {
	return func(runs.Counts) (runs.Outcome, runs.Reason) { return o, reason }
}

func endings() []ending {
	byCounts := func(c runs.Counts) (runs.Outcome, runs.Reason) {
		switch {
		case c.Failed == 0:
			return runs.OutcomeSucceeded, ""
		case c.Succeeded > 0:
			return runs.OutcomePartiallySucceeded, ""
		default:
			return runs.OutcomeFailed, ""
		}
	}
	return []ending{
		{"returns", func(context.Context, *runs.Exec) error { return nil }, byCounts, false},
		{"fails", func(context.Context, *runs.Exec) error { return errBoom }, always(runs.OutcomeFailed, runs.ReasonInternal), false},
		{"is partial", func(context.Context, *runs.Exec) error { return runs.Partial(errBoom) }, func(c runs.Counts) (runs.Outcome, runs.Reason) {
			if c.Succeeded > 0 {
				return runs.OutcomePartiallySucceeded, runs.ReasonInternal
			}
			return runs.OutcomeFailed, runs.ReasonInternal
		}, false},
		{"is blocked", func(context.Context, *runs.Exec) error { return runs.Blocked(runs.ReasonNotReady, "") }, always(runs.OutcomeBlocked, runs.ReasonNotReady), false},
		{"panics", func(context.Context, *runs.Exec) error { panic("boom") }, always(runs.OutcomeFailed, runs.ReasonPanic), false},
		{"ends its goroutine", func(context.Context, *runs.Exec) error { runtime.Goexit(); return nil }, always(runs.OutcomeFailed, runs.ReasonPanic), false},
		{"parks", func(_ context.Context, x *runs.Exec) error { return x.Park(time.Hour, runs.ReasonApproval) }, nil, true},
	}
}

func (w *world) stepEnd(d *dice) error {
	u := w.puppet(d)
	if u == nil {
		return nil
	}
	all := endings()
	n := d.roll(len(all) + 3)
	if n >= len(all) {
		n = 0 // most do their work
	}
	f := d.fault(3)
	deaf := d.roll(6) == 0
	w.say("attempt %d of %s %s%v, observer deaf %t; its own: %t", u.attempt, u.run.ref.Short(), all[n].name, f, deaf, u.owns())
	return w.endPuppet(u, all[n], f, deaf)
}

func (w *world) endPuppet(u *puppet, e ending, f fault, deaf bool) error {
	owns := u.owns()
	time.Sleep(time.Millisecond) // as in step
	w.set(&w.deaf, deaf)
	u.proc.during("Update", f, func() { u.tell(order{end: e.end}) })
	w.set(&w.deaf, false)
	r := u.run
	if owns && r.canceled && !u.saw {
		// It may have learnt of it in the meantime.
		is, err := w.store.Get(w.ctx, r.ref)
		if err != nil {
			return err
		}
		u.saw = is.Outcome == runs.OutcomeCanceled
	}
	switch {
	case !owns:
	case e.name != "returns" && u.saw, e.parks && r.canceled:
		r.counts = r.tally()
		r.finish(runs.OutcomeCanceled, runs.ReasonCanceled)
		r.announced = !deaf
	case e.parks:
		r.status, r.owner, r.parked, r.expired, r.counts = runs.StatusQueued, nil, true, false, r.tally()
	default:
		r.counts = r.tally()
		r.finish(e.outcome(r.counts))
		r.announced = !deaf
	}
	if owns && (!e.parks || f.n == 0) { // whose answer is lost does not know that it left
		delete(u.proc.sawBusy, r.ref.Tenant+w.laneOf(r))
	}
	return errors.Join(w.check(r), w.checkItems(r))
}
