// Package meminventory keeps an inventory in memory, for tests and for
// programs that can afford to forget.
package meminventory

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tenantatlas/tenantatlas/inventory"
)

var _ inventory.Store = (*Store)(nil)

// A Store is an [inventory.Store] in memory. The zero value is empty and
// ready. It must not be copied.
type Store struct {
	mu      sync.RWMutex
	tenants map[string]*tenant
	packer  inventory.Packer
}

// New returns an empty Store.
func New() *Store { return new(Store) }

// A tenant is the inventory of one.
type tenant struct {
	kinds    map[string]*kind
	contents map[string]*content         // by hash
	targets  map[inventory.Ref]referrers // what refers to something
	reports  map[string]*report          // by run
}

// referrers are the items that refer to the same thing.
type referrers map[inventory.Ref]struct{}

// A kind holds the items of one kind.
type kind struct {
	byID          map[string]*record
	sorted        []*record // by folded name and id
	covered, full time.Time
	scopes        map[string]scope // by selection; "" is any
}

// A record is an item as it is kept.
type record struct {
	item   inventory.Item
	fold   string // of the name
	stamp  string
	linked bool
	links  []inventory.Link
}

// A scope is what decides whether items of a kind are missing: when the last
// two finished runs covered the kind.
type scope struct {
	last, before time.Time
	consistent   bool // the last one
}

// A content is one document, however many items have it.
type content struct {
	packed []byte
	unused time.Time // when nothing was found to refer to it; zero if something does
}

// A report is the coverage of one run.
type report struct {
	sync     inventory.Sync
	finished time.Time
	kinds    map[string]inventory.Coverage
}

// latest returns when the run was last heard of.
func (r *report) latest() time.Time {
	var at time.Time
	for _, c := range r.kinds {
		if c.At.After(at) {
			at = c.At
		}
	}
	return at
}

// read calls f with the tenant, nil if there is none, while nobody writes.
func (s *Store) read(ctx context.Context, name string, f func(t *tenant) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return f(s.tenants[name])
}

// write calls f with the tenant while nobody else does anything.
func (s *Store) write(ctx context.Context, name string, f func(t *tenant) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if name == "" {
		return fmt.Errorf("%w: no tenant", inventory.ErrInvalid)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tenants == nil {
		s.tenants = make(map[string]*tenant)
	}
	t := s.tenants[name]
	if t == nil {
		t = &tenant{
			kinds:    make(map[string]*kind),
			contents: make(map[string]*content),
			targets:  make(map[inventory.Ref]referrers),
			reports:  make(map[string]*report),
		}
		s.tenants[name] = t
	}
	return f(t)
}

// kind returns the kind with this key, which it adds if there is none.
func (t *tenant) kind(key string) *kind {
	k := t.kinds[key]
	if k == nil {
		k = &kind{byID: make(map[string]*record), scopes: make(map[string]scope)}
		t.kinds[key] = k
	}
	return k
}

// record returns the item that ref names, or nil.
func (t *tenant) record(ref inventory.Ref) *record {
	if t == nil || t.kinds[ref.Kind] == nil {
		return nil
	}
	return t.kinds[ref.Kind].byID[ref.ID]
}

// Known implements [inventory.Store].
func (s *Store) Known(ctx context.Context, name, key string) (inventory.Known, error) {
	known := inventory.Known{Items: make(map[string]inventory.Trace)}
	err := s.read(ctx, name, func(t *tenant) error {
		if t == nil || t.kinds[key] == nil {
			return nil
		}
		k := t.kinds[key]
		known.CoveredAt, known.FullAt = k.covered, k.full
		for id, r := range k.byID {
			known.Items[id] = inventory.Trace{
				Hash: r.item.Hash, AssignmentsHash: r.item.AssignmentsHash, Stamp: r.stamp, Linked: r.linked,
			}
		}
		return nil
	})
	return known, err
}

// Get implements [inventory.Reader].
func (s *Store) Get(ctx context.Context, name string, ref inventory.Ref, selection string) (inventory.Document, error) {
	var doc inventory.Document
	err := s.read(ctx, name, func(t *tenant) error {
		r := t.record(ref)
		if r == nil {
			return inventory.ErrNotFound
		}
		doc.Item = t.show(r, selection)
		var err error
		if doc.Content, err = s.content(t, r.item.Hash); err != nil || r.item.AssignmentsHash == "" {
			return err
		}
		doc.Assignments, err = s.content(t, r.item.AssignmentsHash)
		return err
	})
	return doc, err
}

// Content implements [inventory.Reader].
func (s *Store) Content(ctx context.Context, name, hash string) (doc json.RawMessage, err error) {
	err = s.read(ctx, name, func(t *tenant) error {
		doc, err = s.content(t, hash)
		return err
	})
	return doc, err
}

func (s *Store) content(t *tenant, hash string) (json.RawMessage, error) {
	if t == nil || t.contents[hash] == nil {
		return nil, inventory.ErrNotFound
	}
	return s.packer.Unpack(t.contents[hash].packed)
}

// Hide implements [inventory.Store].
func (s *Store) Hide(ctx context.Context, name string, ref inventory.Ref, hidden bool) error {
	return s.write(ctx, name, func(t *tenant) error {
		r := t.record(ref)
		if r == nil {
			return inventory.ErrNotFound
		}
		r.item.Hidden = hidden
		return nil
	})
}

// show returns the item of r for somebody else, with what is derived.
func (t *tenant) show(r *record, selection string) inventory.Item {
	i := r.item
	i.ScopeTags = slices.Clone(i.ScopeTags)
	i.Meta = maps.Clone(i.Meta)
	i.Missing, i.Confidence = t.kinds[i.Kind].missing(r, selection)
	return i
}

func (k *kind) missing(r *record, selection string) (bool, inventory.Confidence) {
	s := k.scopes[selection]
	switch {
	case !r.item.LastSeenAt.Before(s.last):
		return false, ""
	case s.consistent && r.item.LastSeenAt.Before(s.before):
		return true, inventory.ConfidenceHigh
	default:
		return true, inventory.ConfidenceLow
	}
}
