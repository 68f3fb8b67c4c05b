package runstest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

// broken is a store that breaks a promise: where it has a function, that is
// called instead of the store in memory.
type broken struct {
	*memruns.Store
	insert   func(ctx context.Context, r *runs.Run) (*runs.Run, bool, error)
	get      func(ctx context.Context, ref runs.Ref) (*runs.Run, error)
	update   func(ctx context.Context, r *runs.Run) (*runs.Run, error)
	list     func(ctx context.Context, q runs.Query) (runs.Page, error)
	due      func(ctx context.Context, q runs.DueQuery) ([]*runs.Run, error)
	putItems func(ctx context.Context, ref runs.Ref, attempt int, items []runs.Item) error
	items    func(ctx context.Context, q runs.ItemQuery) (runs.ItemPage, error)
	count    func(ctx context.Context, q runs.Query, limit int) (runs.Tally, error)
	ended    func(ctx context.Context, before time.Time, after runs.EndedRun, limit int) ([]runs.EndedRun, error)
	delete   func(ctx context.Context, refs []runs.Ref) (int, error)
}

func (b *broken) Insert(ctx context.Context, r *runs.Run) (*runs.Run, bool, error) {
	if b.insert != nil {
		return b.insert(ctx, r)
	}
	return b.Store.Insert(ctx, r)
}

func (b *broken) Get(ctx context.Context, ref runs.Ref) (*runs.Run, error) {
	if b.get != nil {
		return b.get(ctx, ref)
	}
	return b.Store.Get(ctx, ref)
}

func (b *broken) Update(ctx context.Context, r *runs.Run) (*runs.Run, error) {
	if b.update != nil {
		return b.update(ctx, r)
	}
	return b.Store.Update(ctx, r)
}

func (b *broken) List(ctx context.Context, q runs.Query) (runs.Page, error) {
	if b.list != nil {
		return b.list(ctx, q)
	}
	return b.Store.List(ctx, q)
}

func (b *broken) Due(ctx context.Context, q runs.DueQuery) ([]*runs.Run, error) {
	if b.due != nil {
		return b.due(ctx, q)
	}
	return b.Store.Due(ctx, q)
}

func (b *broken) PutItems(ctx context.Context, ref runs.Ref, attempt int, items []runs.Item) error {
	if b.putItems != nil {
		return b.putItems(ctx, ref, attempt, items)
	}
	return b.Store.PutItems(ctx, ref, attempt, items)
}

func (b *broken) Items(ctx context.Context, q runs.ItemQuery) (runs.ItemPage, error) {
	if b.items != nil {
		return b.items(ctx, q)
	}
	return b.Store.Items(ctx, q)
}

func (b *broken) Count(ctx context.Context, q runs.Query, limit int) (runs.Tally, error) {
	if b.count != nil {
		return b.count(ctx, q, limit)
	}
	return b.Store.Count(ctx, q, limit)
}

func (b *broken) Ended(ctx context.Context, before time.Time, after runs.EndedRun, limit int) ([]runs.EndedRun, error) {
	if b.ended != nil {
		return b.ended(ctx, before, after, limit)
	}
	return b.Store.Ended(ctx, before, after, limit)
}

func (b *broken) Delete(ctx context.Context, refs []runs.Ref) (int, error) {
	if b.delete != nil {
		return b.delete(ctx, refs)
	}
	return b.Store.Delete(ctx, refs)
}

// A saboteur breaks the promise with this name.
type saboteur struct {
	promise string
	breaks  func(b *broken)
}

// notices checks that every promise has a saboteur, and that its check notices
// every one.
func notices[S any](t *testing.T, promises []promise[S], saboteurs []saboteur, store func(b *broken) S) {
	t.Helper()
	for _, p := range promises {
		t.Run(p.name, func(t *testing.T) {
			n := 0
			for _, s := range saboteurs {
				if s.promise != p.name {
					continue
				}
				n++
				b := &broken{Store: memruns.New()}
				s.breaks(b)
				err := p.check(t.Context(), store(b))
				if err == nil {
					t.Errorf("saboteur %d passes %q", n, p.text)
				}
				t.Log(err)
			}
			if n == 0 {
				t.Errorf("nobody breaks %q", p.text)
			}
		})
	}
	for _, s := range saboteurs {
		if !slices.ContainsFunc(promises, func(p promise[S]) bool { return p.name == s.promise }) {
			t.Errorf("no promise is named %q", s.promise)
		}
	}
}

func TestStoreNotices(t *testing.T) {
	all := slices.Concat(insertSaboteurs, updateSaboteurs, valueSaboteurs, listSaboteurs, dueSaboteurs, concurrencySaboteurs)
	notices(t, storePromises(), all, func(b *broken) runs.Store { return b })
}

func TestItemStoreNotices(t *testing.T) {
	promises := slices.Concat(itemPromises, fencePromises, itemQueryPromises)
	notices(t, promises, itemSaboteurs, func(b *broken) itemStores { return itemStores{b, b} })
}

func TestCounterNotices(t *testing.T) {
	notices(t, countPromises, countSaboteurs, func(b *broken) counters { return counters{b, b} })
}

func TestPrunerNotices(t *testing.T) {
	notices(t, prunePromises, pruneSaboteurs, func(b *broken) pruners { return pruners{b, b, b} })
}

func TestPromisesAreNamedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range storePromises() {
		if seen[p.name] {
			t.Errorf("two promises are named %q", p.name)
		}
		seen[p.name] = true
	}
}

// TestAlternate: the stores take turns, and two that do not keep the same data
// cannot pass.
func TestAlternate(t *testing.T) {
	one := memruns.New()
	for _, p := range storePromises() {
		if p.name == "insert-then-get" {
			if err := p.check(t.Context(), Alternate(one, one)); err != nil {
				t.Errorf("two of the same: %v", err)
			}
			if p.check(t.Context(), Alternate(memruns.New(), memruns.New())) == nil {
				t.Error("two stores with data of their own pass as one")
			}
		}
	}
}
