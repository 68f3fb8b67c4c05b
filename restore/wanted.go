package restore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/runs"
)

// Reasons of this package.
const (
	ReasonUnmapped runs.Reason = "ext.restore.unmapped"   // something that is referred to has no counterpart
	ReasonSkipped  runs.Reason = "ext.restore.skipped"    // the mapping gives it up
	ReasonPending  runs.Reason = "ext.restore.dependency" // something that it needs was not restored
	ReasonSecret   runs.Reason = "ext.restore.secret"     // a secret is not in the backup
	ReasonConsent  runs.Reason = "ext.restore.consent"    // somebody has to agree to this kind once more
	ReasonProvided runs.Reason = "ext.restore.provided"   // the service makes such objects itself

	// ReasonCircle says that objects refer to each other and none of them is there.
	ReasonCircle runs.Reason = "ext.restore.circle"

	// ReasonImmutable says that the object differs in something that is given
	// once, when an object is created.
	ReasonImmutable runs.Reason = "ext.restore.immutable"
)

// A wanted is what an item is to be in the target.
type wanted struct {
	*state

	// blocked is why the item cannot be written; empty if it can. pending says
	// that something it refers to is still to be created.
	blocked runs.Reason
	pending bool

	// unassigned is why its assignments are not written; empty if they are, or
	// there are none.
	unassigned runs.Reason

	// givenUp is what it is written without because the mapping says so, in words.
	givenUp []string

	provided bool
}

// holds reports whether the content of an object is what is wanted.
func (w *wanted) holds(is *state) bool { return is.hash == w.hash }

// reaches reports whether an object has the assignments that are wanted.
func (w *wanted) reaches(is *state) bool {
	return w.unassigned != "" || w.assignments == nil || is.assignmentHash == w.assignmentHash
}

// wanted returns what the item is to be; see translate.
func (j *job) wanted(ctx context.Context, e *entry) (*wanted, error) {
	p, err := j.payload(ctx, e)
	if err != nil {
		return nil, err
	}
	return j.translate(e, p)
}

// translate returns what the item that was captured as p is to be, with
// everything that it refers to in terms of the target.
func (j *job) translate(e *entry, p *backup.Payload) (*wanted, error) {
	w := &wanted{provided: p.Provided}
	if p.Parent != "" && j.parent(p.Parent) == "" {
		w.blocked = ReasonUnmapped
	}
	refs, _ := e.typ.References(p.Content, p.Assignments)
	content, err := contract.Rewrite(nil, p.Content, j.contentChanges(refs, w))
	if err != nil {
		return nil, runs.Public(err, runs.ReasonBadResponse, "What was captured cannot be put into terms of this tenant.")
	}
	assignments, err := j.assignmentsFor(p, refs, w)
	if err != nil {
		return nil, runs.Public(err, runs.ReasonBadResponse, "The assignments that were captured cannot be put into terms of this tenant.")
	}
	if p.Provided && e.typ.Write.Provided == contract.PartContent {
		assignments, w.unassigned = nil, ""
	}
	if w.state, err = newState(e.typ, content, assignments); err != nil {
		return nil, err
	}
	return w, nil
}

// parent returns the id that the object has in the target below which another one
// is, or an empty one if it is not there.
func (j *job) parent(id string) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range j.items {
		switch {
		case e.ID != id:
		case e.Object != "":
			return e.Object
		case e.Decision == "" || e.Decision.Writes():
			return Pending + id
		}
	}
	if j.r.Origin == j.r.Tenant {
		return id
	}
	return ""
}

// contentChanges returns what is to be replaced in the content, and notes in w
// what stands in the way of writing it. No condition is ever left out.
func (j *job) contentChanges(refs []contract.Reference, w *wanted) []contract.Replacement {
	var changes []contract.Replacement
	for _, ref := range refs {
		if ref.Assignment || ref.ID == "" {
			continue
		}
		to := j.resolve(ref)
		switch {
		case to.skip && ref.Relation == contract.ScopedBy && isElement(ref.Pointer):
			// A scope tag says who may administer the object, not whom it
			// concerns: without it fewer people may.
			changes = append(changes, contract.Replacement{Pointer: ref.Pointer, Old: ref.ID})
			w.giveUp(j.inWords(ref))
		case to.reason != "":
			w.blocked = to.reason
		default:
			w.pending = w.pending || to.pending
			if to.id != ref.ID {
				changes = append(changes, contract.Replacement{Pointer: ref.Pointer, Old: ref.ID, New: to.id})
			}
		}
	}
	return changes
}

// giveUp notes what it is written without.
func (w *wanted) giveUp(what string) {
	if !slices.Contains(w.givenUp, what) {
		w.givenUp = append(w.givenUp, what)
	}
}

// without says what it is written without; empty if that is nothing.
func (w *wanted) without() string {
	if len(w.givenUp) == 0 {
		return ""
	}
	const together = 5 // in one sentence
	some := slices.Clone(w.givenUp[:min(len(w.givenUp), together)])
	if more := len(w.givenUp) - len(some); more > 0 {
		some = append(some, fmt.Sprint(more, " more"))
	}
	return "It is written without what the mapping gives up: " + strings.Join(some, ", ") + "."
}

// inWords says what is lost with a reference that the mapping gives up.
func (j *job) inWords(ref contract.Reference) string {
	name := directory.Unresolved(ref.ID)
	if m := j.mappings[mappingKey(ref.Target, ref.ID)]; m != nil && m.Name != "" {
		name = "“" + m.Name + "”"
	}
	switch ref.Relation {
	case contract.ScopedBy:
		return "the scope tag " + name
	case contract.UsesFilter:
		return "assignments with the filter " + name
	case contract.AssignedTo, contract.DependsOn:
	}
	return "assignments to " + name
}

// isElement reports whether a pointer leads to an element of an array.
func isElement(pointer string) bool {
	_, err := strconv.Atoi(pointer[strings.LastIndexByte(pointer, '/')+1:])
	return err == nil
}

// assignmentsFor returns the assignments in terms of the target. An entry that
// includes somebody is left out if the mapping gives up what it refers to: that
// is fewer than intended. Nothing else ever is: an exclusion or a filter that
// cannot be had keeps all assignments of the object from being written.
func (j *job) assignmentsFor(p *backup.Payload, refs []contract.Reference, w *wanted) (json.RawMessage, error) {
	if p.Assignments == nil {
		return nil, nil
	}
	var changes []contract.Replacement
	var left []contract.Reference
	leave := make(map[string]bool) // entries, by their index
	for _, ref := range refs {
		if !ref.Assignment || ref.ID == "" {
			continue
		}
		to := j.resolve(ref)
		at, _, _ := strings.Cut(ref.Pointer[1:], "/")
		switch {
		case to.skip && !excludes(refs, at):
			leave[at], left = true, append(left, ref)
		case to.reason != "":
			w.unassigned = to.reason
		case to.pending:
			w.pending = true
			changes = append(changes, contract.Replacement{Pointer: ref.Pointer, Old: ref.ID, New: to.id})
		case to.id != ref.ID:
			changes = append(changes, contract.Replacement{Pointer: ref.Pointer, Old: ref.ID, New: to.id})
		}
	}
	if w.unassigned != "" {
		return p.Assignments, nil // they are not written
	}
	for _, ref := range left {
		w.giveUp(j.inWords(ref))
	}
	doc, err := contract.Rewrite(nil, p.Assignments, changes)
	if err != nil || len(leave) == 0 {
		return doc, err
	}
	var all, kept []json.RawMessage
	if err := json.Unmarshal(doc, &all); err != nil {
		return nil, err
	}
	kept = []json.RawMessage{}
	for i, entry := range all {
		if !leave[strconv.Itoa(i)] {
			kept = append(kept, entry)
		}
	}
	return json.Marshal(kept)
}

// excludes reports whether the assignment with this index takes somebody out.
func excludes(refs []contract.Reference, index string) bool {
	for _, ref := range refs {
		if ref.Assignment && ref.Relation == contract.AssignedTo && ref.Exclude && strings.HasPrefix(ref.Pointer, "/"+index+"/") {
			return true
		}
	}
	return false
}

// A resolution is what a reference leads to in the target.
type resolution struct {
	id      string
	pending bool        // it is still to be created; id stands for it
	skip    bool        // the mapping gives it up
	reason  runs.Reason // why there is no id
}

func (j *job) resolve(ref contract.Reference) resolution {
	key := mappingKey(ref.Target, ref.ID)
	m := j.mappings[key]
	switch {
	case m == nil:
		return resolution{reason: ReasonUnmapped} // the plan is older than the set
	case m.State == Everywhere:
		return resolution{id: ref.ID}
	case m.State == InSet:
		e := j.byRef[key]
		j.mu.Lock()
		defer j.mu.Unlock()
		switch {
		case e == nil:
			return resolution{reason: ReasonUnmapped}
		case e.Object != "":
			return resolution{id: e.Object}
		case e.Decision == "" || e.Decision.Writes():
			return resolution{id: Pending + ref.ID, pending: true}
		default:
			return resolution{reason: ReasonPending}
		}
	case m.Skip:
		return resolution{skip: true, reason: ReasonSkipped}
	case m.To != "" && mappingKey(ref.Target, m.To) == key:
		return resolution{id: ref.ID} // as it was captured
	case m.To != "":
		return resolution{id: m.To}
	default:
		return resolution{reason: ReasonUnmapped}
	}
}
