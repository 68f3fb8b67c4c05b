package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/inventory"
)

// errMade says that what an item is to create is there by now.
var errMade = errors.New("object was made since the preview")

// A survey is what there is, before anything is created, of what a preview has not
// seen.
type survey struct {
	made   map[inventory.Ref]string   // what another restore has made of an item since the preview
	there  map[string]*living         // objects of the tenant, by kind
	others map[inventory.Ref]bool     // of them, those that items out of scope are
	open   map[contract.Identity]bool // of what may have been created by an earlier attempt
}

// lookAround surveys what the items are to create.
func (w *execution) lookAround(ctx context.Context) error {
	var refs []inventory.Ref
	var types []*contract.Type
	w.survey.open = make(map[contract.Identity]bool)
	for _, e := range w.items {
		switch {
		case e.mayBeThere():
			if _, err := w.identify(ctx, e); err == nil {
				w.survey.open[e.id] = true
			} else if err := w.settle(ctx, e, err); err != nil {
				return err
			}
		case e.Step == Planned && e.isNew():
			refs = append(refs, e.Ref)
			if !slices.Contains(types, e.typ) {
				types = append(types, e.typ)
			}
		}
	}
	if len(refs) == 0 {
		return nil
	}
	answers, err := w.cfg.Store.Recall(ctx, w.r.Tenant, w.r.Origin, refs)
	if err != nil {
		return fmt.Errorf("recall: %w", err)
	}
	w.survey.made = make(map[inventory.Ref]string)
	for _, a := range answers {
		if a.At.After(w.r.Preview.At) {
			w.survey.made[a.Ref] = a.To
		}
	}
	if w.survey.others, err = w.others(ctx); err != nil {
		return err
	}
	w.survey.there, err = w.list(ctx, types)
	return err
}

// vacant reports errMade if there is by now what the item is to create. What another
// restore has made need not be in a list yet.
func (w *execution) vacant(ctx context.Context, t *task) error {
	l := w.survey.there[t.Kind]
	if l == nil || w.survey.open[t.id] {
		return nil
	}
	if l.err != nil {
		return l.err
	}
	if id := w.survey.made[t.Ref]; id != "" {
		made := *t.entry
		made.Object = id
		_, err := w.look(ctx, &task{entry: &made, writer: t.writer})
		if err == nil {
			return errMade
		}
		if !errors.Is(err, inventory.ErrGone) {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range l.like[t.id] {
		if at := (inventory.Ref{Kind: t.Kind, ID: o.id}); !w.objects[at] && !w.survey.others[at] {
			return errMade
		}
	}
	return nil
}
