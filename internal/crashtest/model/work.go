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
	news := ""
	for _, it := range items {
		if !u.before[it.Key] {
			w.marks++
			news = fmt.Sprint(w.marks)
		}
	}
	var err error
	u.proc.during("Update", f, func() {
		u.tell(order{items: items, mark: news})
		switch {
		case news == "": // nobody writes anything
		case u.owns():
			err = w.reported(u, items, news)
		default:
			err = w.until("end of a lost attempt's context", func() (bool, error) { return u.ctx.Err() != nil, nil })
		}
	})
	switch {
	case err != nil:
		return err
	case news == "":
		return w.check(u.run)
	case u.owns():
		return nil
	}
	if !errors.Is(context.Cause(u.ctx), runs.ErrLeaseLost) && !u.saw {
		return fmt.Errorf("context of a lost attempt ended because of %w", context.Cause(u.ctx))
	}
	// What it would do again and again is over.
	u.tell(order{end: func(context.Context, *runs.Exec) error { return nil }})
	return errors.Join(w.check(u.run), w.checkItems(u.run))
}

// reported waits until what u has reported is stored, and nothing of it is under
// way any more.
func (w *world) reported(u *puppet, items []runs.Item, mark string) error {
	r := u.run
	for _, it := range items {
		if _, again := r.items[it.Key]; !again {
			r.items[it.Key] = item{it.Outcome, u.attempt}
		}
	}
	r.counts = r.tally()
	r.expired = false           // it has been heard of
	u.saw = u.saw || r.canceled // it hears of that
	return w.until("report "+mark, func() (bool, error) {
		is, err := w.store.Get(w.ctx, r.ref)
		if err != nil || is.Context["mark"] != mark || !u.proc.gate.quiet() || u.saw && u.ctx.Err() == nil {
			return false, err
		}
		return w.checkItems(r) == nil, w.check(r)
	})
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
