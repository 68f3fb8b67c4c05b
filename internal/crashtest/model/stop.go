package model

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// stepStop ends a process in good order; its handlers obey.
func (w *world) stepStop(d *dice) error {
	p, n := w.process(d)
	w.say("process %d stops", n)
	p.stop()
	var all []error
	for len(p.puppets) > 0 {
		u := p.puppets[0]
		owns, r := u.owns(), u.run
		u.tell(order{end: func(ctx context.Context, _ *runs.Exec) error {
			if owns {
				<-ctx.Done()
			}
			return ctx.Err()
		}})
		switch {
		case !owns:
		case u.saw, r.canceled:
			r.counts = r.tally()
			r.finish(runs.OutcomeCanceled, runs.ReasonCanceled)
			r.announced = true
		default:
			r.status, r.owner, r.expired, r.counts = runs.StatusQueued, nil, false, r.tally()
		}
		all = append(all, w.check(r), w.checkItems(r))
	}
	<-p.stopped
	return errors.Join(append(all, w.replace(n))...)
}

// stepCrash ends a process as a power cut does.
func (w *world) stepCrash(d *dice) error {
	p, n := w.process(d)
	w.say("process %d crashes", n)
	var all []*run
	for _, u := range p.puppets {
		if u.owns() {
			u.run.owner = nil
			all = append(all, u.run)
		}
	}
	w.crash(p)
	var err error
	for _, r := range all {
		err = errors.Join(err, w.check(r), w.checkItems(r))
	}
	return errors.Join(err, w.replace(n))
}

func (w *world) crash(p *process) {
	p.gate.die()
	p.stop()
	for len(p.puppets) > 0 {
		p.puppets[0].tell(order{end: func(context.Context, *runs.Exec) error { return nil }})
	}
	<-p.stopped
}

// drain ends everything, and checks that everybody was told.
func (w *world) drain() error {
	w.say("everything comes to its end")
	p := w.procs[0]
	for _, p := range w.procs {
		for len(p.puppets) > 0 {
			if err := w.endPuppet(p.puppets[0], endings()[0], fault{}, false); err != nil {
				return err
			}
		}
	}
	for _, r := range w.runs {
		if r.status == runs.StatusRunning || r.parked || !r.active() && !r.announced {
			r.expired, r.due, r.parked = true, true, false
			err := w.touch(r, func(is *runs.Run) {
				switch is.Status {
				case runs.StatusQueued:
					is.NotBefore = time.Time{}
				case runs.StatusRunning:
					is.LeaseUntil = past()
				case runs.StatusCompleted:
					is.NextRing = past()
				}
			})
			if err != nil {
				return err
			}
		}
	}
	if err := w.sweep(false, nil); err != nil {
		return err
	}
	w.crash(p)
	if err := w.replace(0); err != nil { // one that remembers no busy lane
		return err
	}
	for _, r := range w.runs {
		if r.status != runs.StatusQueued {
			continue
		}
		u, err := w.claim(w.procs[0], r.ref, r.attempt+1)
		if u == nil {
			return fmt.Errorf("claim of %s at the end: %w", r.ref.Short(), err)
		}
		w.begun(r, u)
		if err := errors.Join(w.arrives(u), w.endPuppet(u, endings()[0], fault{}, false)); err != nil {
			return err
		}
	}
	for _, r := range w.runs {
		if r.active() || !r.announced {
			return fmt.Errorf("%s is %s at the end, announced %t", r.ref.Short(), r.status, r.announced)
		}
	}
	return w.checkAll()
}
