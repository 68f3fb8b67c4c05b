// Package memruns keeps runs in memory, for tests and for programs that can
// afford to forget.
package memruns

import (
	"context"
	"sync"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

var (
	_ runs.Store     = (*Store)(nil)
	_ runs.Counter   = (*Store)(nil)
	_ runs.ItemStore = (*Store)(nil)
	_ runs.Pruner    = (*Store)(nil)
)

// A Store is a [runs.Store], a [runs.ItemStore], a [runs.Counter] and a
// [runs.Pruner] in memory.
// Its clock is time.Now, which package testing/synctest can fake. The zero
// value is empty and ready. It must not be copied.
type Store struct {
	mu    sync.RWMutex
	byID  map[string]*entry
	keys  map[scoped]*entry          // active runs by tenant and key
	lanes map[scoped]*entry          // running runs by tenant and lane
	onces map[onceKey]*entry         // all runs that have a Once
	lists map[string]map[group]*list // by tenant; what lists walk along
	due   map[runs.Type]*queue       // what waits for somebody
	held  map[string]map[*entry]bool // running runs by instance, if it has a name
	over  list                       // what ended and is announced, by when it ended
	items map[string]*items          // by run ID
}

// New returns an empty Store.
func New() *Store { return new(Store) }

// A scoped text means something within its tenant.
type scoped struct{ tenant, text string }

type onceKey struct {
	tenant string
	typ    runs.Type
	once   string
}

// now is the store's clock.
func now() time.Time { return time.Now() } //nolint:forbidigo // the one documented default

// Insert implements [runs.Store].
func (s *Store) Insert(ctx context.Context, r *runs.Run) (*runs.Run, bool, error) {
	if err := check(ctx, r); err != nil {
		return nil, false, err
	}
	next := keep(r)
	next.Revision = 1

	s.mu.Lock()
	defer s.mu.Unlock()
	if same := s.same(next); same != nil {
		return same.Clone(), false, nil
	}
	if s.byID[next.ID] != nil {
		return nil, false, runs.ErrExists
	}
	e := &entry{id: next.ID}
	if s.laneBusy(e, next) {
		return nil, false, runs.ErrLaneBusy
	}
	if s.byID == nil {
		s.byID = map[string]*entry{}
		s.keys = map[scoped]*entry{}
		s.lanes = map[scoped]*entry{}
		s.onces = map[onceKey]*entry{}
		s.lists = map[string]map[group]*list{}
		s.due = map[runs.Type]*queue{}
		s.held = map[string]map[*entry]bool{}
		s.over.compare = compareMarks
	}
	s.byID[e.id] = e
	if next.Once != "" {
		s.onces[onceKey{next.Tenant, next.Type, next.Once}] = e
	}
	s.replace(e, next)
	return next.Clone(), true, nil
}

// check reports what makes a write impossible whatever is stored.
func check(ctx context.Context, r *runs.Run) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return r.Validate()
}

// same returns the run that r joins.
func (s *Store) same(r *runs.Run) *runs.Run {
	if r.Once != "" {
		if e := s.onces[onceKey{r.Tenant, r.Type, r.Once}]; e != nil {
			return e.run
		}
	}
	if r.Key != "" && r.Active() {
		if e := s.keys[scoped{r.Tenant, string(r.Key)}]; e != nil {
			return e.run
		}
	}
	return nil
}

// laneBusy reports whether r, which e is to hold, would be the second one
// running in its lane.
func (s *Store) laneBusy(e *entry, r *runs.Run) bool {
	if r.Lane == "" || r.Status != runs.StatusRunning {
		return false
	}
	other := s.lanes[scoped{r.Tenant, r.Lane}]
	return other != nil && other != e
}

// Get implements [runs.Store].
func (s *Store) Get(ctx context.Context, ref runs.Ref) (*runs.Run, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	e := s.find(ref.Tenant, ref.ID)
	var r *runs.Run
	if e != nil {
		r = e.run
	}
	s.mu.RUnlock()
	if r == nil {
		return nil, runs.ErrNotFound
	}
	return r.Clone(), nil
}

func (s *Store) find(tenant, id string) *entry {
	if e := s.byID[id]; e != nil && e.run.Tenant == tenant {
		return e
	}
	return nil
}

// Update implements [runs.Store].
func (s *Store) Update(ctx context.Context, r *runs.Run) (*runs.Run, error) {
	if err := check(ctx, r); err != nil {
		return nil, err
	}
	next := keep(r)

	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.find(next.Tenant, next.ID)
	if e == nil {
		return nil, runs.ErrNotFound
	}
	old := e.run
	if old.Revision != next.Revision {
		return nil, runs.ErrConflict
	}
	next.Revision++
	next.Type, next.Key, next.Once, next.Lane = old.Type, old.Key, old.Once, old.Lane
	next.Inline, next.Params, next.Initiator = old.Inline, old.Params, old.Initiator
	next.RetryOf, next.CreatedAt = old.RetryOf, old.CreatedAt
	if s.laneBusy(e, next) {
		return nil, runs.ErrLaneBusy
	}
	waits := old.Status == runs.StatusQueued && old.NotBefore.After(now())
	if waits && next.Status != runs.StatusQueued && next.Outcome != runs.OutcomeCanceled {
		return nil, runs.ErrNotDue
	}
	if !old.Active() && next.Active() && next.Key != "" && s.keys[scoped{next.Tenant, string(next.Key)}] != nil {
		return nil, runs.ErrConflict // somebody else has its key now
	}
	s.replace(e, next)
	out := *next
	out.Params = nil
	return out.Clone(), nil
}

// replace makes next the run of e, everywhere.
func (s *Store) replace(e *entry, next *runs.Run) {
	old := e.run
	if old != nil {
		s.unhold(e)
		s.queue(old.Type).remove(e)
		if isOver(old) {
			s.over.remove(overMark(e))
		}
	}
	if old == nil || groupOf(old) != groupOf(next) {
		if old != nil {
			s.list(old).remove(byID(e))
		}
		s.list(next).add(byID(e))
	}
	e.run = next
	s.hold(e)
	s.queue(next.Type).add(e)
	if isOver(next) {
		s.over.add(overMark(e))
	}
}

// hold gives e the key and the lane that its run has, and e to the instance that
// has claimed it.
func (s *Store) hold(e *entry) {
	r := e.run
	if r.Key != "" && r.Active() {
		s.keys[scoped{r.Tenant, string(r.Key)}] = e
	}
	if r.Lane != "" && r.Status == runs.StatusRunning {
		s.lanes[scoped{r.Tenant, r.Lane}] = e
	}
	if r.Instance != "" && r.Status == runs.StatusRunning {
		if s.held[r.Instance] == nil {
			s.held[r.Instance] = map[*entry]bool{}
		}
		s.held[r.Instance][e] = true
	}
}

func (s *Store) unhold(e *entry) {
	r := e.run
	if r.Key != "" && r.Active() {
		delete(s.keys, scoped{r.Tenant, string(r.Key)})
	}
	if r.Lane != "" && r.Status == runs.StatusRunning {
		delete(s.lanes, scoped{r.Tenant, r.Lane})
	}
	if held := s.held[r.Instance]; held != nil {
		if delete(held, e); len(held) == 0 {
			delete(s.held, r.Instance)
		}
	}
}

// keep returns r as it is kept: the store's own, stamped, in the store's
// instants.
func keep(r *runs.Run) *runs.Run {
	c := r.Clone()
	c.Stamp(now())
	for _, t := range []*time.Time{
		&c.LeaseUntil, &c.NotBefore, &c.NextRing,
		&c.CreatedAt, &c.StartedAt, &c.CompletedAt, &c.UpdatedAt, &c.Cancel.At,
	} {
		*t = runs.Instant(*t)
	}
	return c
}
