package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/runs"
)

// writerOf returns what makes the requests for an item.
func (w *execution) writerOf(e *entry, path, parent string, content []byte, provided bool) (*writer, error) {
	i := slices.IndexFunc(e.typ.Lists, func(l contract.List) bool { return l.Path == path })
	if i < 0 {
		return nil, runs.Public(nil, runs.ReasonUnsupported, "It was captured from a place that this release does not know.")
	}
	if parent != "" {
		parent = w.parent(parent)
	}
	return &writer{typ: e.typ, url: w.target.URL, list: e.typ.Lists[i], parent: parent, doc: content, provided: provided}, nil
}

// object writes the object of an item, without its assignments. It reports true
// if it has to wait for another item.
func (w *execution) object(ctx context.Context, e *entry) (wait bool, err error) {
	switch {
	case e.Step == Done || e.Step == Written || e.Step == Assigned:
		return false, nil
	case e.mayBeThere():
		return false, nil // it waits: see reconcileAll
	}
	if e.typ.Write.Consent != "" && e.Kind != guarded && !slices.Contains(w.in.Consent, e.Kind) {
		return false, w.fail(ctx, e, Failed, ReasonConsent, explain(ReasonConsent))
	}
	t, err := w.prepare(ctx, e)
	if err != nil {
		return false, w.settle(ctx, e, err)
	}
	if t.want.pending {
		return true, nil
	}
	var is *state
	switch {
	case e.Step == Created: // an earlier attempt came so far
		is, err = w.find(ctx, t)
	case t.isNew():
		if e.Step == Planned {
			err = w.vacant(ctx, t)
		}
		if err == nil {
			err = w.create(ctx, t)
		}
	default:
		is, err = w.update(ctx, t)
	}
	if err == nil && e.Step == Created {
		err = w.complete(ctx, t, is)
	}
	if err == nil && e.Step == Written && t.whole(is) {
		return false, w.glance(ctx, t)
	}
	return false, w.settle(ctx, e, err)
}

// isNew reports whether the item is written by a request that creates an object
// each time it is sent.
func (e *entry) isNew() bool {
	if e.Decision != Create {
		return false
	}
	shape := e.typ.Write.Shape
	return shape != contract.WriteUpsert && shape != contract.WriteSingleton
}

// mayBeThere reports whether a request was sent that may have created the object,
// so that another one may create a second.
func (e *entry) mayBeThere() bool { return e.Step == Intent && e.Approval == "" && e.isNew() }

// create creates the object. The intent is stored before the request is sent.
func (w *execution) create(ctx context.Context, t *task) error {
	call, err := t.writer.create()
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	if t.Step != Intent {
		t.Step, t.IntentAt = Intent, runs.Instant(w.cfg.Now())
		if err := w.put(ctx, t.entry); err != nil {
			return err
		}
	}
	reply, err := w.send(ctx, t, call)
	for isRefused(err) {
		if found, _, err := w.adopt(ctx, t); err != nil || found {
			return err
		}
		reply, err = w.send(ctx, t, call)
	}
	if e, ok := errors.AsType[*CallError](err); ok && e.Unknown {
		t.Tries++
		if err := w.put(ctx, t.entry); err != nil {
			return err
		}
		found, rerr := w.reconcile(ctx, t)
		if rerr != nil || found {
			return rerr
		}
		return errWaiting
	}
	if err != nil {
		return err
	}
	id := contract.Text(contract.Member(reply.Body, "id"))
	if id == "" {
		return runs.Public(nil, runs.ReasonBadResponse, "The service has created the object and does not say its ID.")
	}
	return w.created(ctx, t, id)
}

func isRefused(err error) bool {
	e, ok := errors.AsType[*CallError](err)
	return ok && e.Refused
}

// createTries is how often an object is created that then is not there.
const createTries = 3

// created notes the object that an item has become, also for later restores.
func (w *execution) created(ctx context.Context, t *task, id string) error {
	answer := Answer{Origin: w.r.Origin, Ref: t.Ref, To: id, By: w.x.Run().Initiator, At: runs.Instant(w.cfg.Now())}
	if err := w.cfg.Store.Remember(ctx, w.r.Tenant, []Answer{answer}); err != nil {
		return fmt.Errorf("remember: %w", err)
	}
	w.claim(t.entry, id)
	t.Step = Created
	return w.put(ctx, t.entry)
}

// update changes the object, if it is still what the preview has seen.
func (w *execution) update(ctx context.Context, t *task) (*state, error) {
	if t.Object == "" {
		w.claim(t.entry, t.ID) // one that is there in any case, or whose id is ours to choose
	}
	var is *state
	if t.Hash != "" {
		var err error
		if is, err = w.look(ctx, t); err != nil {
			return nil, err
		}
		if t.Step == Planned && (is.hash != t.Hash || is.assignmentHash != t.AssignmentsHash) {
			return nil, errChanged
		}
	}
	if t.Step == Planned { // who comes after a crash knows that a change may be ours
		t.Step, t.IntentAt = Intent, runs.Instant(w.cfg.Now())
		if err := w.put(ctx, t.entry); err != nil {
			return nil, err
		}
	}
	if is == nil || !t.want.holds(is) {
		call, err := t.writer.update(t.Object)
		if err != nil {
			return nil, fmt.Errorf("update: %w", err)
		}
		if err := w.repeat(ctx, t, call); err != nil {
			return nil, err
		}
	}
	return is, w.created(ctx, t, t.Object)
}

// complete sends what a write takes after the first request.
func (w *execution) complete(ctx context.Context, t *task, is *state) error {
	if err := w.await(ctx, t); err != nil {
		return err
	}
	if t.typ.Write.Shape == contract.WriteTwoStep && t.Decision == Create {
		call, err := t.writer.update(t.Object)
		if err != nil {
			return fmt.Errorf("second step: %w", err)
		}
		if err := w.repeat(ctx, t, call); err != nil {
			return err
		}
	}
	if len(t.typ.Write.Actions) > 0 && (is == nil || !t.want.holds(is)) {
		if err := w.actions(ctx, t, is); err != nil {
			return err
		}
	}
	t.Step = Written
	return w.put(ctx, t.entry)
}

// actions sends the requests for the parts of an object. After an unclear answer
// they are made anew from what is there then.
func (w *execution) actions(ctx context.Context, t *task, is *state) error {
	for try := 1; ; try++ {
		var content []byte
		if is != nil {
			content = is.content
		}
		calls, err := t.writer.actions(t.Object, content)
		if err != nil {
			return fmt.Errorf("actions: %w", err)
		}
		for _, call := range calls {
			if _, err = w.send(ctx, t, call); err != nil {
				break
			}
		}
		if again, err := t.again(ctx, err, &try); !again {
			return err
		}
		if is, err = w.find(ctx, t); err != nil {
			return err
		}
	}
}

// again waits until what ended with err may be sent once more, after a look at
// what is there by then. If it may not, or need not, err is returned. A try that
// was throttled does not count.
func (t *task) again(ctx context.Context, err error, try *int) (bool, error) {
	e, ok := errors.AsType[*CallError](err)
	switch {
	case !ok:
		return false, err
	case e.Refused:
		*try--
		return true, nil // the target waits before it sends the next one
	case !e.Unknown && !t.unseen(e), *try >= writeTries:
		return false, err
	}
	err = pause(ctx, *try)
	return err == nil, err
}

// unseen reports whether e says that an object is not there which has just been
// created, and cannot be seen everywhere yet.
func (t *task) unseen(e *CallError) bool {
	return e.Reason == runs.ReasonNotFound && t.Decision == Create
}

// writeTries is how often something is written that may be written twice.
const writeTries = 4

// repeat sends a request that has the same effect if it is sent twice.
func (w *execution) repeat(ctx context.Context, t *task, call Call) error {
	for try := 1; ; try++ {
		_, err := w.send(ctx, t, call)
		e, ok := errors.AsType[*CallError](err)
		switch {
		case err == nil || !ok || try == writeTries:
			return err
		case t.unseen(e):
			if err = pause(ctx, try); err == nil {
				_, err = w.find(ctx, t)
			}
		case e.Unknown:
			err = pause(ctx, try)
		}
		if err != nil {
			return err
		}
	}
}

// pause waits longer with each try.
func pause(ctx context.Context, try int) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(time.Duration(1<<try) * time.Second):
		return nil
	}
}

// await waits for a service that creates objects by and by.
func (w *execution) await(ctx context.Context, t *task) error {
	a := t.typ.Write.Await
	if a == nil || t.Decision != Create {
		return nil
	}
	for end := w.cfg.Now().Add(w.cfg.Window); ; {
		is, err := w.look(ctx, t)
		if err == nil {
			switch contract.Text(contract.Member(is.content, a.Property)) {
			case a.Done, "":
				return nil
			case a.Failed:
				return runs.Public(nil, runs.ReasonBadResponse, "The service could not finish creating the object.")
			}
		}
		if w.cfg.Now().After(end) {
			return runs.Public(err, runs.ReasonTimeout, "The service has not finished creating the object.")
		}
		if err := pause(ctx, 3); err != nil {
			return err
		}
	}
}

// look reads the object whole as it is now.
func (w *execution) look(ctx context.Context, t *task) (is *state, err error) {
	rerr := w.read(ctx, []*object{t.there()}, func(_ int, s *state, e error) { is, err = s, e })
	return is, errors.Join(rerr, err)
}

// find is look for an object that may be too new to be seen. It waits for a while,
// and then leaves the item for later.
func (w *execution) find(ctx context.Context, t *task) (*state, error) {
	for try, end := 1, w.cfg.Now().Add(w.cfg.Settle); ; try++ {
		is, err := w.look(ctx, t)
		if err == nil || !errors.Is(err, inventory.ErrGone) || t.Decision != Create {
			return is, err
		}
		switch now := w.cfg.Now(); {
		case now.Before(end):
			if err := pause(ctx, min(try, 4)); err != nil {
				return nil, err
			}
		case now.Before(t.IntentAt.Add(w.cfg.Window)):
			return nil, w.waitToSee(t)
		default:
			return nil, runs.Public(err, runs.ReasonGone, "It was created, and somebody has deleted it.")
		}
	}
}

// there is the object of the target that the item is.
func (t *task) there() *object {
	want := inventory.Want{
		Type: t.typ, List: t.writer.list, Object: inventory.Listed{Parent: t.writer.parent},
		ID: t.Object, OData: t.summary.OData, Content: true,
	}
	if t.writer.list.Singleton {
		want.ID = ""
	}
	switch t.typ.Assign.Read {
	case contract.AssignedAtPath, contract.AssignedInList:
		want.Assignments = true
	case contract.AssignedNowhere, contract.AssignedInRead, contract.AssignedInBody:
	}
	return &object{id: t.Object, want: want}
}

// assignments writes who gets the object, when everything is there that they
// refer to.
func (w *execution) assignments(ctx context.Context, e *entry) (wait bool, err error) {
	if e.Step != Written {
		return false, nil
	}
	t, err := w.prepare(ctx, e)
	if err != nil {
		return false, w.settle(ctx, e, err)
	}
	if t.want.pending {
		return true, nil
	}
	if t.want.unassigned != "" {
		e.AssignmentsReason = t.want.unassigned
	} else if t.want.assignments != nil {
		if err := w.assign(ctx, t); err != nil {
			return false, w.settle(ctx, e, err)
		}
	}
	e.Step = Assigned
	if err := w.put(ctx, e); err != nil {
		return false, err
	}
	return false, w.glance(ctx, t)
}

func (w *execution) assign(ctx context.Context, t *task) error {
	for try := 1; ; try++ {
		is, err := w.find(ctx, t)
		if err != nil {
			return err
		}
		if t.want.reaches(is) {
			return nil
		}
		if t.doubt(w.cfg) {
			return w.waitToSee(t)
		}
		calls, err := t.writer.assign(t.Object, t.want.assignments, is.assignments)
		if err != nil {
			return fmt.Errorf("assign: %w", err)
		}
		single := t.typ.Assign.Shape == contract.AssignOneByOne
		if single { // who comes after a crash must not send it once more before it can be seen
			t.Reason, t.IntentAt = runs.ReasonOutcomeUnknown, runs.Instant(w.cfg.Now())
			if err := w.put(ctx, t.entry); err != nil {
				return err
			}
		}
		for _, call := range calls {
			if _, err = w.send(ctx, t, call); err != nil {
				break
			}
		}
		if e, ok := errors.AsType[*CallError](err); ok && e.Unknown && single {
			return w.waitToSee(t)
		}
		t.Reason = ""
		if again, err := t.again(ctx, err, &try); !again {
			return err
		}
	}
}

// doubt reports whether an assignment was sent of which it cannot be known yet
// what became of it.
func (t *task) doubt(cfg Config) bool {
	return t.typ.Assign.Shape == contract.AssignOneByOne && t.Reason == runs.ReasonOutcomeUnknown &&
		cfg.Now().Before(t.IntentAt.Add(cfg.Window))
}
