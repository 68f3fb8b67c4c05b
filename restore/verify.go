package restore

import (
	"context"
	"fmt"
	"slices"

	"github.com/tenantatlas/tenantatlas/runs"
)

// Sizes of looking at what was written.
const (
	glanceTogether = 20  // items, while others are still written
	verifyTogether = 100 // when all are
)

// whole reports whether nothing is left to be written of an item whose object was
// written, as far as that can be known without looking: is is what was there
// before, nil if nobody has looked.
func (t *task) whole(is *state) bool {
	switch {
	case t.want.unassigned != "" || t.want.assignments == nil:
		return true
	case is != nil:
		return t.want.reaches(is)
	default: // what was created has none yet
		return t.Decision == Create && string(t.want.assignmentForm) == "[]"
	}
}

// glance looks at items that were written a while ago, while others still are:
// writes are what the service allows fewest of, so that reading between them takes
// no time. The item is looked at with later ones. What is as it was to be is
// settled; the rest goes on as if nobody had looked.
func (w *execution) glance(ctx context.Context, t *task) error {
	w.mu.Lock()
	w.unseen = append(w.unseen, t)
	var due []*task
	if len(w.unseen) >= 2*glanceTogether { // the younger half may not be visible yet
		due = slices.Clone(w.unseen[:glanceTogether])
		w.unseen = slices.Delete(w.unseen, 0, glanceTogether)
	}
	w.mu.Unlock()
	_, err := w.inspect(ctx, due, false)
	return err
}

// glanceRest looks at those that glance has kept for later.
func (w *execution) glanceRest(ctx context.Context) error {
	due := w.unseen // nothing else is under way
	w.unseen = nil
	_, err := w.inspect(ctx, due, false)
	return err
}

// verify looks at what was written until it is what it was to be, or the service
// has had its time to show it.
func (w *execution) verify(ctx context.Context) error {
	var left []*entry
	for _, e := range w.items {
		if e.Step == Assigned {
			left = append(left, e)
		}
	}
	end := w.cfg.Now().Add(w.cfg.Settle)
	for try := 1; len(left) > 0; try++ {
		last := !w.cfg.Now().Before(end)
		var again []*entry
		for some := range slices.Chunk(left, verifyTogether) {
			tasks, err := w.prepareAll(ctx, some)
			if err != nil {
				return err
			}
			if tasks, err = w.inspect(ctx, tasks, last); err != nil {
				return err
			}
			for _, t := range tasks {
				again = append(again, t.entry)
			}
		}
		if left = again; len(left) > 0 {
			if err := pause(ctx, min(try, 4)); err != nil {
				return err
			}
		}
	}
	return nil
}

// prepareAll works out what items were to be, and settles those of which that is
// not known.
func (w *execution) prepareAll(ctx context.Context, items []*entry) ([]*task, error) {
	tasks := make([]*task, 0, len(items))
	for _, e := range items {
		t, err := w.prepare(ctx, e)
		if err == nil {
			tasks = append(tasks, t)
		} else if err := w.settle(ctx, e, err); err != nil {
			return nil, err
		}
	}
	return tasks, nil
}

// inspect reads the objects of items and settles those that are as they were to be,
// and all of them the last time. It returns the others.
func (w *execution) inspect(ctx context.Context, tasks []*task, last bool) (left []*task, err error) {
	objects := make([]*object, len(tasks))
	for i, t := range tasks {
		objects[i] = t.there()
	}
	states := make([]*state, len(tasks))
	if err := w.read(ctx, objects, func(i int, s *state, _ error) { states[i] = s }); err != nil {
		return nil, err
	}
	var right []*task
	for i, t := range tasks {
		is := states[i]
		switch {
		case is != nil && t.want.holds(is) && t.want.reaches(is):
			right = append(right, t)
		case !last:
			left = append(left, t)
		default:
			if err := w.wrong(ctx, t, is); err != nil {
				return nil, err
			}
		}
	}
	return left, w.verified(ctx, right)
}

// wrong settles an item that is not what it was to be; is is what it is, nil if it
// cannot be seen.
func (w *execution) wrong(ctx context.Context, t *task, is *state) (err error) {
	if is == nil {
		return w.fail(ctx, t.entry, Unverified, runs.ReasonNotFound, "It was written, and the service does not show it yet.")
	}
	if t.Changes, err = changes(is, t.want); err != nil {
		return fmt.Errorf("differences: %w", err)
	}
	return w.fail(ctx, t.entry, Differs, runs.ReasonConflict, "It was written, and the service has made something else of it.")
}

// verified settles items that were written and are right.
func (w *execution) verified(ctx context.Context, tasks []*task) error {
	if len(tasks) == 0 {
		return nil
	}
	items := make([]*entry, len(tasks))
	for i, t := range tasks {
		t.Step, t.Result, t.AssignmentsReason = Done, Verified, t.want.unassigned
		items[i] = t.entry
	}
	return w.settleAll(ctx, items)
}
