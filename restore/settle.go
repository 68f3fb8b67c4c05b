package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tenantatlas/tenantatlas/runs"
)

// settle takes in why an item could not be written. It returns only errors that
// end the run.
func (w *execution) settle(ctx context.Context, e *entry, err error) error {
	call, isCall := errors.AsType[*CallError](err)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, errWaiting):
		return nil // the journal says for what
	case errors.Is(err, runs.ErrLeaseLost), errors.Is(err, ErrStoreUnavailable):
		return err
	case errors.Is(err, errChanged):
		return w.fail(ctx, e, Conflicted, runs.ReasonConflict, "Somebody has changed the object since the preview. It was left as it is.")
	case errors.Is(err, errDeleted):
		return w.fail(ctx, e, Conflicted, runs.ReasonConflict, "Somebody has deleted the object since the preview. A rerun brings it back.")
	case errors.Is(err, errMade):
		return w.fail(ctx, e, Conflicted, runs.ReasonConflict, "The tenant has got such an object since the preview. It was left as it is, and none was created. A rerun compares with it.")
	case errors.Is(err, errUnclear):
		return w.fail(ctx, e, Unclear, runs.ReasonOutcomeUnknown, "Several objects could be the one that was created. Look at them, and remove what is too much.")
	case isCall:
		e.RequestID = call.RequestID
		return w.fail(ctx, e, Failed, call.Reason, call.Message)
	}
	f, _ := runs.FailureOf(err)
	return w.fail(ctx, e, Failed, f.Reason, f.Message)
}

var (
	errWaiting = errors.New("item waits")
	errChanged = errors.New("object was changed since the preview")
	errUnclear = errors.New("several objects could be meant")
)

// put stores how far items are, before anything else is done with them.
func (w *execution) put(ctx context.Context, items ...*entry) error {
	rows := make([]Item, len(items))
	for i, e := range items {
		rows[i] = e.Item
	}
	err := w.cfg.Store.Put(ctx, w.r.Tenant, w.r.ID, w.r.Fence, rows)
	if errors.Is(err, ErrConflict) {
		return fmt.Errorf("journal: %w", runs.ErrLeaseLost)
	}
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// leaveAll settles the items that are not to be written, whatever there is, and
// tells those that are done.
func (w *execution) leaveAll(ctx context.Context) error {
	var left []*entry
	for _, e := range w.items {
		switch {
		case e.Step == Done: // by an earlier attempt, which may have died before it could say so
			if !w.x.Done(e.key()) {
				w.tell(e)
			}
		case !e.Decision.Writes() && e.Decision != Unchanged:
			e.Step, e.Result = Done, e.Decision.result()
			left = append(left, e)
		}
	}
	for some := range slices.Chunk(left, storeTogether) {
		if err := w.settleAll(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

// storeTogether is how many items are stored at a time.
const storeTogether = 100

// result is what becomes of an item of which this was decided, if nothing is
// written.
func (d Decision) result() Result {
	switch d {
	case Skip:
		return Skipped
	case Ambiguous:
		return Unclear
	case Conflict:
		return Conflicted
	default:
		return Failed
	}
}

// fail settles an item with a result that is none of the good ones.
func (w *execution) fail(ctx context.Context, e *entry, result Result, reason runs.Reason, message string) error {
	e.Reason, e.Message = reason, message
	return w.settleAs(ctx, e, result)
}

// settleAs stores what became of an item, and then tells it.
func (w *execution) settleAs(ctx context.Context, e *entry, result Result) error {
	e.Step, e.Result = Done, result
	return w.settleAll(ctx, []*entry{e})
}

// settleAll stores what became of items, and then tells it.
func (w *execution) settleAll(ctx context.Context, items []*entry) error {
	if err := w.put(ctx, items...); err != nil {
		return err
	}
	for _, e := range items {
		w.tell(e)
	}
	return nil
}

// tell reports what became of an item that is done. One whose assignments could
// not be written is not right.
func (w *execution) tell(e *entry) {
	switch {
	case e.Result == Skipped:
		w.x.Skip(e.key(), e.Reason)
	case e.Result != Same && e.Result != Verified:
		w.x.Fail(e.key(), runs.Public(nil, e.Reason, e.Message))
	case e.AssignmentsReason != "" && e.Result == Verified:
		w.x.Fail(e.key(), runs.Public(nil, e.AssignmentsReason, "It was restored without its assignments. "+explain(e.AssignmentsReason)))
	default:
		w.x.Succeed(e.key())
	}
}

// conclude records what became of the restore.
func (w *execution) conclude(ctx context.Context) error {
	results := make(map[Result]int)
	for _, e := range w.items {
		results[e.Result]++
	}
	return w.record(ctx, results)
}

func (w *execution) record(ctx context.Context, results map[Result]int) error {
	for {
		now := runs.Instant(w.cfg.Now())
		w.r.Execution = &Execution{Run: w.x.Run().ID, DryRun: w.in.dry(), At: now, Results: results}
		w.r.UpdatedAt = now
		err := w.cfg.Store.Replace(ctx, w.r)
		if !errors.Is(err, ErrConflict) {
			return err
		}
		fence := w.r.Fence
		if w.r, err = w.cfg.Store.Get(ctx, w.r.Tenant, w.r.ID); err != nil {
			return err
		}
		if w.r.Fence != fence {
			return fmt.Errorf("journal: %w", runs.ErrLeaseLost)
		}
	}
}
