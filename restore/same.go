package restore

import (
	"context"
	"errors"
	"slices"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/inventory"
)

// errDeleted says that what was as it should be is not there any more.
var errDeleted = errors.New("object was deleted since the preview")

// leaveSame settles the items that the preview has found unchanged, if they still
// are: an execution can come long after its preview, and must not report what it
// has not seen.
func (w *execution) leaveSame(ctx context.Context) error {
	var items []*entry
	var types []*contract.Type
	for _, e := range w.items {
		if e.Step == Done || e.Decision != Unchanged {
			continue
		}
		items = append(items, e)
		if !slices.Contains(types, e.typ) {
			types = append(types, e.typ)
		}
	}
	if len(items) == 0 {
		return nil
	}
	there, err := w.list(ctx, types)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(items, storeTogether) {
		if err := w.leaveIfSame(ctx, some, there); err != nil {
			return err
		}
	}
	return nil
}

// leaveIfSame settles a few of them by what is there.
func (w *execution) leaveIfSame(ctx context.Context, items []*entry, there map[string]*living) error {
	var found []*entry
	var objects []*object
	why := make(map[*entry]error)
	for _, e := range items {
		l := there[e.Kind]
		switch o := l.byID[e.Object]; {
		case l.err != nil:
			why[e] = l.err
		case o == nil:
			why[e] = errDeleted
		default:
			why[e] = errUnread
			found, objects = append(found, e), append(objects, o)
		}
	}
	err := w.read(ctx, objects, func(i int, is *state, err error) {
		e := found[i]
		switch {
		case errors.Is(err, inventory.ErrGone):
			err = errDeleted
		case err == nil && (is.hash != e.Hash || is.assignmentHash != e.AssignmentsHash):
			err = errChanged
		}
		why[e] = err
	})
	if err != nil {
		return err
	}
	var same []*entry
	for _, e := range items {
		if why[e] == nil {
			e.Step, e.Result = Done, Same
			same = append(same, e)
		} else if err := w.settle(ctx, e, why[e]); err != nil {
			return err
		}
	}
	return w.settleAll(ctx, same)
}
