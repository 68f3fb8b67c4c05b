package restore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/internal/parallel"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/runs"
)

// compareTogether is how many items are compared at a time. What is there of the
// next ones is read meanwhile.
const compareTogether = 50

// A chunk is items that are compared together, with what is there of each, or why
// that is not known.
type chunk struct {
	items  []*entry
	states []*state
	errs   []error
	err    error // why the run cannot go on
}

// compareAll decides about all items and stores what was decided. That is done in
// their order, since those that others depend on come first.
func (j *job) compareAll(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	work, ctx := parallel.WithContext(ctx)
	defer func() { _ = work.Wait() }() // chunks have their errors
	defer cancel()
	chunks := slices.Collect(slices.Chunk(j.items, compareTogether))
	begin := func(i int) chan *chunk {
		read := make(chan *chunk, 1)
		if i < len(chunks) {
			work.Go(func() error {
				defer close(read)
				read <- j.readAll(ctx, chunks[i])
				return nil
			})
		}
		return read
	}
	next := begin(0)
	for i := range chunks {
		read := next
		next = begin(i + 1)
		c := <-read
		if c == nil {
			return work.Wait() // it has panicked
		}
		if err := j.decideAll(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// readAll reads what there is of items.
func (j *job) readAll(ctx context.Context, items []*entry) *chunk {
	c := &chunk{items: items, states: make([]*state, len(items)), errs: make([]error, len(items))}
	var objects []*object
	var at []int
	for i, e := range items {
		switch {
		case e.Decision != "":
		case j.live[e.Kind].err != nil:
			c.errs[i] = j.live[e.Kind].err
		case e.Object != "":
			c.errs[i] = errUnread
			objects, at = append(objects, j.live[e.Kind].byID[e.Object]), append(at, i)
		}
	}
	c.err = j.read(ctx, objects, func(i int, s *state, err error) { c.states[at[i]], c.errs[at[i]] = s, err })
	return c
}

var errUnread = errors.New("object was not read")

// decideAll decides about the items of a chunk and stores what was decided.
func (j *job) decideAll(ctx context.Context, c *chunk) error {
	if c.err != nil {
		return c.err
	}
	rows := make([]Item, len(c.items))
	for i, e := range c.items {
		if e.Decision == "" && c.errs[i] != nil {
			f, _ := runs.FailureOf(c.errs[i])
			e.decide(Blocked, f.Reason, f.Message)
		} else if e.Decision == "" {
			if err := j.compare(ctx, e, c.states[i]); err != nil {
				return err
			}
		}
		rows[i] = e.Item
		j.report(e)
	}
	if err := j.cfg.Store.Put(ctx, j.r.Tenant, j.r.ID, j.r.Fence, rows); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// compare decides about an item by what is there, which is nil for nothing.
func (j *job) compare(ctx context.Context, e *entry, is *state) error {
	want, err := j.wanted(ctx, e)
	if err != nil { // it is about this item, and said with it
		f, _ := runs.FailureOf(err)
		e.decide(Blocked, f.Reason, f.Message)
		return nil
	}
	caution := ""
	if e.ReportOnly = j.endangers(e, want, is); e.ReportOnly {
		caution = "It was enforced, and is restored report-only: nothing shows that the account for emergencies is excluded."
		if err := want.disarm(e); err != nil {
			return err
		}
	}
	e.AssignmentsReason = want.unassigned
	equal := false
	if is != nil {
		e.Hash, e.AssignmentsHash = is.hash, is.assignmentHash
		equal = want.holds(is) && want.reaches(is)
	}
	switch {
	case equal:
		e.decide(Unchanged, "", "")
	case want.blocked != "":
		e.decide(Blocked, want.blocked, explain(want.blocked))
	case e.needs:
		e.decide(NeedsInput, ReasonSecret, explain(ReasonSecret))
	case want.provided && (is == nil || e.typ.Foundation):
		e.decide(Skip, ReasonProvided, explain(ReasonProvided))
	case is == nil:
		e.decide(Create, "", caution)
	default:
		e.decide(Update, "", caution)
		e.Changes, err = changes(is, want)
		if names := immutable(e.typ, is, want); len(names) > 0 {
			e.decide(Blocked, ReasonImmutable, "It differs in what cannot be changed once an object is there: "+
				strings.Join(names, ", ")+". Delete the object in the tenant to have it restored as a new one, or leave this item out.")
		}
	}
	if want.unassigned != "" && e.Decision.Writes() && e.Message == "" {
		e.Reason, e.Message = want.unassigned, "Its assignments are not written. "+explain(want.unassigned)
	}
	if e.Decision.Writes() {
		e.Message = strings.TrimSpace(e.Message + " " + want.without())
	}
	return err
}

// immutable returns the properties in which a content differs although only a
// create can set them.
func immutable(t *contract.Type, is *state, want *wanted) []string {
	var names []string
	for _, name := range append([]string{"@odata.type"}, t.Write.Immutable...) {
		later := slices.ContainsFunc(t.Write.Actions, func(a contract.Action) bool { return a.From == name })
		if !later && !bytes.Equal(contract.Member(is.form, name), contract.Member(want.form, name)) {
			names = append(names, name)
		}
	}
	return names
}

// MaxChanges is how many changes of an item are kept.
const MaxChanges = 50

// changes returns what a write would change.
func changes(is *state, want *wanted) ([]inventory.Change, error) {
	all, _, err := inventory.Diff(is.form, want.form)
	if err != nil {
		return nil, err
	}
	if want.unassigned == "" && is.assignmentForm != nil && want.assignmentForm != nil {
		more, _, err := inventory.Diff(is.assignmentForm, want.assignmentForm)
		if err != nil {
			return nil, err
		}
		for _, c := range more {
			c.Pointer = "/assignments" + c.Pointer
			all = append(all, c)
		}
	}
	return all[:min(len(all), MaxChanges)], nil
}
