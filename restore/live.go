package restore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/internal/parallel"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/runs"
)

// living is what the target has of one kind.
type living struct {
	err  error // why that is not known
	byID map[string]*object
	like map[contract.Identity][]*object // those with the same identity
}

// An object is one that is in the target.
type object struct {
	id   string
	want inventory.Want
}

// listParallel is how many collections are listed at a time.
const listParallel = 8

// list lists what the target has of the kinds. Its error means that the run
// cannot go on; what concerns one kind is with the kind.
func (j *job) list(ctx context.Context, types []*contract.Type) (map[string]*living, error) {
	all := make(map[string]*living, len(types))
	for _, t := range types {
		all[t.Key] = &living{byID: make(map[string]*object), like: make(map[contract.Identity][]*object)}
	}
	var mu sync.Mutex
	note := func(c *contract.Collection, page inventory.ListPage, err error) {
		mu.Lock()
		defer mu.Unlock() // also of a panic, or the other lists would wait
		for _, at := range page.Objects {
			add(all, c, at)
		}
		if err == nil || errors.Is(err, inventory.ErrNoCollection) {
			return
		}
		for _, t := range c.Types {
			if l := all[t.Key]; l != nil {
				l.err = fmt.Errorf("list %s: %w", c.Path, err)
			}
		}
	}
	g, ctx := parallel.WithContext(ctx)
	g.SetLimit(listParallel)
	for _, c := range inventory.Collections(types) {
		g.Go(func() error {
			for page, err := range j.target.List(ctx, c) {
				note(c, page, err)
			}
			return context.Cause(ctx)
		})
	}
	return all, g.Wait()
}

// add notes an object that was listed.
func add(all map[string]*living, c *contract.Collection, at inventory.Listed) {
	t := c.Types[0]
	if len(c.Types) > 1 {
		t = c.Classify(contract.Text(contract.Member(at.Doc, "@odata.type")))
	}
	l := all[t.Key]
	if l == nil {
		return
	}
	s, err := t.Summarize(at.Doc)
	id := inventory.ItemID(t, c.List, s.ID)
	if err != nil || id == "" || l.byID[id] != nil {
		return
	}
	at.Doc = bytes.Clone(at.Doc) // not the whole page
	o := &object{id: id, want: inventory.NewWant(t, c.List, at, s)}
	l.byID[id] = o
	like := t.IdentityOf(at.Doc, s)
	l.like[like] = append(l.like[like], o)
}

// A state is what an object of the target holds.
type state struct {
	content, assignments json.RawMessage // as Graph writes them
	form, assignmentForm []byte          // normal forms
	hash, assignmentHash string
}

// read reads objects of the target whole, and calls got with each.
func (j *job) read(ctx context.Context, objects []*object, got func(i int, s *state, err error)) error {
	var wants []inventory.Want
	var at []int
	for i, o := range objects {
		if o.want.Content || o.want.Assignments {
			wants, at = append(wants, o.want), append(at, i)
			continue
		}
		s, err := stateOf(&o.want, inventory.Reading{})
		got(i, s, err)
	}
	if len(wants) == 0 {
		return nil
	}
	for i, r := range j.target.Read(ctx, wants) {
		s, err := stateOf(&wants[i], r)
		got(at[i], s, err)
	}
	return context.Cause(ctx)
}

func stateOf(w *inventory.Want, r inventory.Reading) (*state, error) {
	content, assignments, err := w.Whole(r)
	if err != nil {
		return nil, err
	}
	return newState(w.Type, content, assignments)
}

// newState returns what an object with these documents holds.
func newState(t *contract.Type, content, assignments json.RawMessage) (*state, error) {
	s := &state{content: content, assignments: assignments}
	writable, err := t.Writable(content)
	if err == nil {
		s.form, err = t.Normalize(nil, writable)
	}
	if err != nil {
		return nil, runs.Public(err, runs.ReasonBadResponse, "")
	}
	s.hash = hashOf(s.form)
	if assignments != nil {
		own, err := contract.AssignmentBody(nil, assignments) // not those of policy sets
		if err == nil {
			s.assignmentForm, err = contract.NormalizeAssignments(nil, own)
		}
		if err != nil {
			return nil, runs.Public(err, runs.ReasonBadResponse, "")
		}
		s.assignmentHash = hashOf(s.assignmentForm)
	}
	return s, nil
}
