package inventory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/runs"
)

// An object is one that was listed, together with what is known of it and
// what is to be read.
type object struct {
	kind    *kind
	id      string // of the item
	summary contract.Summary
	stamp   string
	trace   Trace
	known   bool // whether there is an item
	deep    bool // the list has only part of the content
	want    Want
}

// plan decides what has to be read of o.
//
// Who gets an object can change without a trace in its list, so assignments
// are read every time, unless they came with the list. Content is read when
// the list shows that it has moved, or cannot show it.
func (o *object) plan(full bool, h *hasher) error {
	o.deep = o.want.Content
	var err error
	if o.stamp, err = o.stampOf(o.want.Object.Doc, h); err != nil {
		return err
	}
	moved := !o.known || o.stamp == "" || o.stamp != o.trace.Stamp
	o.want.Content = o.deep && (full || moved || o.want.Type.Assign.Read == contract.AssignedInRead)
	return nil
}

// stampOf stands for the state of o as its list shows it. It is empty if the
// object does not say when it was modified.
func (o *object) stampOf(doc []byte, h *hasher) (string, error) {
	if o.summary.Modified.IsZero() {
		return "", nil
	}
	stamp := o.summary.Modified.Format(time.RFC3339Nano)
	if !o.deep {
		return stamp, nil // what is in the list will be compared itself
	}
	sum, err := h.sum(o.want.Type.Normalize, doc)
	if err != nil {
		return "", runs.Public(err, runs.ReasonBadResponse, "")
	}
	return fmt.Sprintf("%s %d %s", stamp, o.summary.Count, sum[:16]), nil
}

// errStore marks errors of the store.
var errStore = errors.New("store")

// found is what became of an object.
type found struct {
	entry    Entry
	write    bool // the store does not have entry yet
	isNew    bool
	changed  bool // in content or assignments
	warnings int
}

// compare works out what o is now and whether the store knows.
func (j *job) compare(ctx context.Context, o *object, r Reading, h *hasher) (found, error) {
	now, err := o.state(r, h)
	if err != nil {
		return found{}, runs.Public(err, runs.ReasonBadResponse, "")
	}
	f := found{
		isNew:   !o.known,
		changed: o.known && (now.hash != o.trace.Hash || now.assignmentsHash != o.trace.AssignmentsHash),
	}
	f.write = f.isNew || f.changed || o.stamp != o.trace.Stamp || j.links && !o.trace.Linked
	if !f.write {
		return f, nil
	}
	f.entry, f.warnings, err = j.entry(ctx, o, &now)
	// Links that were not extracted from what has changed are out of date.
	f.entry.Linked = j.links || o.trace.Linked && !f.changed
	return f, err
}

// A state is what an object holds now.
type state struct {
	content         []byte // as it came; nil if it was not read, because it has not moved
	hash            string
	assignments     []byte // normalized; nil if objects of the kind are not assigned
	assignmentsHash string
}

func (o *object) state(r Reading, h *hasher) (s state, err error) {
	t, doc := o.want.Type, o.want.Object.Doc
	s = state{content: doc, hash: o.trace.Hash}
	if o.deep {
		s.content = r.Content
	}
	if s.content != nil {
		if s.hash, err = h.sum(t.Normalize, s.content); err != nil {
			return state{}, err
		}
	}
	list, separate := o.want.assignments(s.content, r)
	if !separate {
		return s, nil
	}
	if s.assignments, err = contract.NormalizeAssignments(nil, list); err != nil {
		return state{}, err
	}
	s.assignmentsHash = hashOf(s.assignments)
	return s, nil
}

// A hasher hashes the forms of documents and keeps the memory that they take
// for the next one. It is for one goroutine at a time.
type hasher struct{ form []byte }

func (h *hasher) sum(normalize func(dst, doc []byte) ([]byte, error), doc []byte) (string, error) {
	form, err := normalize(h.form[:0], doc)
	if err != nil {
		return "", err
	}
	h.form = form
	return hashOf(form), nil
}
