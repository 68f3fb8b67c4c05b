package restore

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/internal/parallel"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/runs"
)

// waitToSee has the item wait for a part of what is left of the window, in which
// what was done may not be seen yet.
func (w *execution) waitToSee(t *task) error {
	left := t.IntentAt.Add(w.cfg.Window).Sub(w.cfg.Now())
	least := min(10*time.Second, w.cfg.Window/8)
	return w.wait(t.entry, min(max(left, least), max(left/8, least)), runs.ReasonOutcomeUnknown)
}

// clockSkew is by how much the service's clock may be behind ours.
const clockSkew = 5 * time.Minute

// reconcile finds out what became of a request that may have created the object.
// It reports true if the object is there: then the item is Created. If it is not
// there and the service has had its time to show it, the item is Planned again.
// Else the item waits.
func (w *execution) reconcile(ctx context.Context, t *task) (found bool, err error) {
	found, candidates, err := w.adopt(ctx, t)
	if err != nil || found {
		return found, err
	}
	if w.cfg.Now().Before(t.IntentAt.Add(w.cfg.Window)) {
		return false, w.waitToSee(t)
	}
	if len(candidates) > 0 {
		return false, errUnclear
	}
	if t.Tries >= createTries { // some errors of the service mean that it does not want to
		return false, runs.Public(nil, runs.ReasonUnreachable, "The service has failed each time that it was to create the object, and the object is not there.")
	}
	t.Step = Planned
	if err := w.put(ctx, t.entry); err != nil {
		return false, err
	}
	return false, nil
}

// reconcileAll finds out what became of all requests that earlier attempts may
// have sent, before anything is created: of two items with one name, the object of
// the one is nothing that could be meant by the other. So all take the objects that
// are equal to them before any is judged.
func (w *execution) reconcileAll(ctx context.Context, items []*entry) error {
	for _, judge := range []bool{false, true} {
		g, gctx := parallel.WithContext(ctx)
		g.SetLimit(writeParallel)
		for _, e := range items {
			if !e.mayBeThere() {
				continue
			}
			g.Go(func() error {
				t, err := w.prepare(gctx, e)
				switch {
				case err != nil:
				case judge:
					_, err = w.reconcile(gctx, t)
				default:
					_, _, err = w.adopt(gctx, t)
				}
				return w.settle(gctx, e, err)
			})
		}
		err := g.Wait()
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// adopt looks for the object that a request has created, and makes it the item's.
// If there is none it returns those that it could become.
func (w *execution) adopt(ctx context.Context, t *task) (found bool, candidates []*object, err error) {
	all, err := w.list(ctx, []*contract.Type{t.typ})
	if err != nil {
		return false, nil, err
	}
	l := all[t.Kind]
	if l.err != nil {
		return false, nil, w.wait(t.entry, time.Minute, runs.ReasonUnreachable)
	}
	candidates = w.candidates(t, l)
	equal, err := w.equalOnes(ctx, t, candidates)
	if err != nil {
		return false, nil, err
	}
	for _, o := range equal { // those that are equal are interchangeable
		if w.claim(t.entry, o.id) {
			return true, nil, w.created(ctx, t, o.id)
		}
	}
	return false, candidates, nil
}

// candidates returns the objects that the request could have created: those of
// the item's identity that no other item is, and that are not older than the
// request.
func (w *execution) candidates(t *task, l *living) []*object {
	taken := w.taken(t)
	var out []*object
	for _, o := range l.like[t.id] {
		at, err := time.Parse(time.RFC3339, contract.Text(contract.Member(o.want.Object.Doc, "createdDateTime")))
		if err == nil && at.Before(t.IntentAt.Add(-clockSkew)) || taken[o.id] {
			continue
		}
		out = append(out, o)
	}
	return out
}

// taken returns the objects that are other items of the kind.
func (w *execution) taken(t *task) map[string]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := make(map[string]bool)
	for id := range w.objects {
		if id.Kind == t.Kind {
			taken[id.ID] = true
		}
	}
	return taken
}

// equalOnes returns those objects that hold what the request that creates the item
// does. What further requests write is not looked at.
func (w *execution) equalOnes(ctx context.Context, t *task, objects []*object) ([]*object, error) {
	if t.typ.Write.Shape == contract.WriteTwoStep || len(objects) == 0 {
		return objects, nil // that request holds no more than the identity
	}
	want, err := t.firstForm(t.want.content)
	if err != nil {
		return nil, err
	}
	var equal []*object
	var failed error
	err = w.read(ctx, objects, func(i int, s *state, rerr error) {
		if rerr != nil {
			return // it is gone, or cannot be seen yet
		}
		form, err := t.firstForm(s.content)
		if failed = err; err == nil && bytes.Equal(form, want) {
			equal = append(equal, objects[i])
		}
	})
	return equal, errors.Join(err, failed)
}

// firstForm is the normal form of what the request that creates the object holds
// of a content.
func (t *task) firstForm(content []byte) ([]byte, error) {
	w := *t.writer
	w.doc = content
	doc, err := w.without(func(a contract.Action) bool { return !w.immutable(a.From) })
	if err == nil {
		doc, err = t.typ.Writable(doc)
	}
	if err != nil {
		return nil, err
	}
	return t.typ.Normalize(nil, doc)
}

// wait notes that something has to pass before the item can go on.
func (w *execution) wait(e *entry, d time.Duration, reason runs.Reason) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	e.Reason = reason
	w.waiting, w.reason = append(w.waiting, d), reason
	return errWaiting
}

// claim notes which object of the target the item is, and reports whether no
// other item is.
func (w *execution) claim(e *entry, id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := inventory.Ref{Kind: e.Kind, ID: id}
	if w.objects[at] && e.Object != id {
		return false
	}
	e.Object, w.objects[at] = id, true
	return true
}
