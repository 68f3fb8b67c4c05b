// Package memrestore keeps backups and restores in memory, for tests and for
// programs that can afford to forget.
package memrestore

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/runs"
)

var _ backup.Store = (*Store)(nil)

// A Store is a [backup.Store] and a [restore.Store] in memory. The zero value is
// empty and ready. It must not be copied.
type Store struct {
	mu      sync.RWMutex
	tenants map[string]*tenant
}

// New returns an empty Store.
func New() *Store { return new(Store) }

// A tenant is the backups of one.
type tenant struct {
	sets     map[string]*set
	versions map[string]*version // by ID
	latest   map[state]*version
	chain    []backup.Link
	key      []byte
	restores map[string]*document
	answers  map[question]restore.Answer
}

// A set is a backup set as it is kept.
type set struct {
	backup.Set
	items   map[inventory.Ref]*item
	sealing *backup.Sealing
	uses    map[string]time.Time
}

type item struct {
	version *version
	staged  bool
}

// A version is an object's state as it is kept.
type version struct {
	backup.Version
	sealed []byte
	sets   int // that have it
}

// A state is what two versions of an object share that are the same.
type state struct {
	ref               inventory.Ref
	hash, assignments string
}

func stateOf(v *backup.Version) state { return state{v.Ref(), v.Hash, v.AssignmentsHash} }

// read calls f with the tenant, an empty one if there is none, while nobody
// writes.
func (s *Store) read(ctx context.Context, name string, f func(t *tenant) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	t := s.tenants[name]
	if t == nil {
		t = new(tenant)
	}
	return f(t)
}

// write calls f with the tenant while nobody else does anything.
func (s *Store) write(ctx context.Context, name string, f func(t *tenant) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if name == "" {
		return fmt.Errorf("%w: no tenant", backup.ErrInvalid)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tenants == nil {
		s.tenants = make(map[string]*tenant)
	}
	t := s.tenants[name]
	if t == nil {
		t = &tenant{
			sets: make(map[string]*set), versions: make(map[string]*version), latest: make(map[state]*version),
			restores: make(map[string]*document), answers: make(map[question]restore.Answer),
		}
		s.tenants[name] = t
	}
	return f(t)
}

// Key implements [backup.Keys].
func (s *Store) Key(ctx context.Context, name string) (key []byte, err error) {
	err = s.read(ctx, name, func(t *tenant) error {
		if t.key == nil {
			return backup.ErrNotFound
		}
		key = bytes.Clone(t.key)
		return nil
	})
	return key, err
}

// PutKey implements [backup.Keys].
func (s *Store) PutKey(ctx context.Context, name string, wrapped []byte) (key []byte, err error) {
	err = s.write(ctx, name, func(t *tenant) error {
		if t.key == nil {
			t.key = bytes.Clone(wrapped)
		}
		key = bytes.Clone(t.key)
		return nil
	})
	return key, err
}

// CreateSet implements [backup.Sets].
func (s *Store) CreateSet(ctx context.Context, b *backup.Set) error {
	if b.ID == "" {
		return fmt.Errorf("%w: no ID", backup.ErrInvalid)
	}
	return s.write(ctx, b.Tenant, func(t *tenant) error {
		if t.sets[b.ID] != nil {
			return backup.ErrExists
		}
		is := *b
		is.Items, is.Sealed, is.Manifest, is.Seq, is.Complete = 0, time.Time{}, "", 0, false
		t.sets[b.ID] = &set{Set: is, items: make(map[inventory.Ref]*item), uses: make(map[string]time.Time)}
		return nil
	})
}

// GetSet implements [backup.Sets].
func (s *Store) GetSet(ctx context.Context, name, id string) (b *backup.Set, err error) {
	err = s.read(ctx, name, func(t *tenant) error {
		is := t.sets[id]
		if is == nil {
			return backup.ErrNotFound
		}
		found := is.Set
		b = &found
		return nil
	})
	return b, err
}

// UseSet implements [backup.Sets].
func (s *Store) UseSet(ctx context.Context, name, id, holder string, until time.Time) error {
	return s.write(ctx, name, func(t *tenant) error {
		if t.sets[id] == nil {
			return backup.ErrNotFound
		}
		t.sets[id].uses[holder] = until
		return nil
	})
}

// Stage implements [backup.Versions].
func (s *Store) Stage(ctx context.Context, name, id string, staged []backup.Staged) (kept []backup.Version, err error) {
	err = s.write(ctx, name, func(t *tenant) error {
		is := t.sets[id]
		if is == nil {
			return backup.ErrNotFound
		}
		if err := t.check(staged); err != nil {
			return err
		}
		for _, one := range staged {
			kept = append(kept, t.stage(is, one).Version)
		}
		return nil
	})
	return kept, err
}

// check reports whether all of staged can be kept.
func (t *tenant) check(staged []backup.Staged) error {
	states := make(map[string]state, len(staged))
	for i := range staged {
		v := &staged[i].Version
		if v.ID == "" || v.Kind == "" || v.Object == "" || v.Hash == "" {
			return fmt.Errorf("%w: an item without ID, kind, object or hash", backup.ErrInvalid)
		}
		is, had := states[v.ID]
		if was := t.versions[v.ID]; !had && was != nil {
			is, had = stateOf(&was.Version), true
		}
		if had && is != stateOf(v) {
			return fmt.Errorf("%w: an ID of another version", backup.ErrInvalid)
		}
		states[v.ID] = stateOf(v)
	}
	return nil
}

func (t *tenant) stage(is *set, one backup.Staged) *version {
	ref := one.Ref()
	if i := is.items[ref]; i != nil {
		return i.version
	}
	v := t.latest[stateOf(&one.Version)]
	if v == nil {
		v = &version{Version: one.Version, sealed: bytes.Clone(one.Sealed)}
		t.versions[v.ID], t.latest[stateOf(&v.Version)] = v, v
	}
	v.sets++
	is.items[ref] = &item{version: v, staged: true}
	return v
}

// GetVersion implements [backup.Versions].
func (s *Store) GetVersion(ctx context.Context, name, id string) (v backup.Version, sealed []byte, err error) {
	err = s.read(ctx, name, func(t *tenant) error {
		is := t.versions[id]
		if is == nil {
			return backup.ErrNotFound
		}
		v, sealed = is.Version, bytes.Clone(is.sealed)
		return nil
	})
	return v, sealed, err
}

// Head implements [backup.Chain].
func (s *Store) Head(ctx context.Context, name string) (head *backup.Link, err error) {
	err = s.read(ctx, name, func(t *tenant) error {
		if n := len(t.chain); n > 0 {
			l := t.chain[n-1]
			head = &l
		}
		return nil
	})
	return head, err
}

// Links implements [backup.Chain].
func (s *Store) Links(ctx context.Context, name string, after int64, limit int) (links []backup.Link, err error) {
	err = s.read(ctx, name, func(t *tenant) error {
		from := min(max(int(after), 0), len(t.chain))
		to := min(from+runs.PageSize(limit), len(t.chain))
		links = slices.Clone(t.chain[from:to])
		return nil
	})
	return links, err
}

// GetSealing implements [backup.Chain].
func (s *Store) GetSealing(ctx context.Context, name, id string) (sealing *backup.Sealing, err error) {
	err = s.read(ctx, name, func(t *tenant) error {
		is := t.sets[id]
		if is == nil || is.sealing == nil {
			return backup.ErrNotFound
		}
		sealing = clone(is.sealing)
		return nil
	})
	return sealing, err
}

func clone(s *backup.Sealing) *backup.Sealing {
	return &backup.Sealing{Manifest: bytes.Clone(s.Manifest), Certificate: bytes.Clone(s.Certificate), Complete: s.Complete}
}

// Append implements [backup.Chain].
func (s *Store) Append(ctx context.Context, l backup.Link, sealing *backup.Sealing) error {
	return s.write(ctx, l.Tenant, func(t *tenant) error {
		if l.Seq != int64(len(t.chain))+1 {
			return backup.ErrConflict
		}
		is := t.sets[l.Set]
		if is == nil {
			return backup.ErrNotFound
		}
		if sealing == nil {
			for _, until := range is.uses {
				if !until.Before(l.At) {
					return backup.ErrInUse
				}
			}
			t.remove(is)
		} else {
			is.seal(l, sealing)
		}
		t.chain = append(t.chain, l)
		return nil
	})
}

func (is *set) seal(l backup.Link, sealing *backup.Sealing) {
	for _, i := range is.items {
		i.staged = false
	}
	is.sealing = clone(sealing)
	is.Items, is.Sealed, is.Manifest, is.Seq, is.Complete = len(is.items), l.At, l.Manifest, l.Seq, sealing.Complete
}

func (t *tenant) remove(is *set) {
	for _, i := range is.items {
		if i.version.sets--; i.version.sets == 0 {
			delete(t.versions, i.version.ID)
			delete(t.latest, stateOf(&i.version.Version))
		}
	}
	delete(t.sets, is.ID)
}
