package runstest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// TestPruner checks that the pruners open returns keep every promise of
// [runs.Pruner]. It calls open once for each promise, which returns the store
// that the runs are in and the one that their items are in, too; usually all
// are the same. They must be empty.
func TestPruner(t *testing.T, open func(t testing.TB) (runs.Store, runs.ItemStore, runs.Pruner)) {
	checkAll(t, prunePromises, func(t testing.TB) pruners {
		s, items, p := open(t)
		return pruners{s, items, p}
	})
}

type pruners struct {
	runs.Store
	runs.ItemStore
	runs.Pruner
}

// endedAt returns a run that ended some minutes after created, announced.
func endedAt(tenant, id string, minutes int) *runs.Run {
	r := ended(tenant, id)
	r.CompletedAt = created.Add(time.Duration(minutes) * time.Minute)
	return r
}

// described is what Ended says of r.
func described(r *runs.Run) runs.EndedRun {
	return runs.EndedRun{Ref: r.Ref(), Outcome: r.Outcome, Once: r.Once, CompletedAt: r.CompletedAt}
}

// hasEnded checks that exactly these runs ended before an instant, page by
// page.
func hasEnded(ctx context.Context, p runs.Pruner, before time.Time, limit int, want ...*runs.Run) error {
	var all []runs.EndedRun
	var after runs.EndedRun
	for {
		page, err := p.Ended(ctx, before, after, limit)
		if err != nil {
			return fmt.Errorf("ended: %w", err)
		}
		all = append(all, page...)
		if len(page) > limit {
			return fmt.Errorf("ended: %d runs, want %d at most", len(page), limit)
		}
		if len(page) < limit {
			break
		}
		if len(all) > 2*len(want)+limit {
			return fmt.Errorf("ended: %d runs and no end, want %d", len(all), len(want))
		}
		after = page[len(page)-1]
	}
	if len(all) != len(want) {
		return fmt.Errorf("ended: %v, want %d runs", all, len(want))
	}
	for i, r := range want {
		if got, want := all[i], described(r); got.Ref != want.Ref || got.Outcome != want.Outcome || got.Once != want.Once || !got.CompletedAt.Equal(want.CompletedAt) {
			return fmt.Errorf("ended: run %d is %+v, want %+v", i, got, want)
		}
	}
	return nil
}

// deletes checks how many of the runs Delete deletes.
func deletes(ctx context.Context, p runs.Pruner, want int, refs ...runs.Ref) error {
	n, err := p.Delete(ctx, refs)
	if err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	if n != want {
		return fmt.Errorf("delete: deleted %d, want %d", n, want)
	}
	return nil
}

// stages returns a run of acme in each stage but the last, by what it is.
func stages(ctx context.Context, s runs.Store) (map[string]*runs.Run, error) {
	unannounced := endedAt(acme, "unannounced", 1)
	unannounced.Announced = false
	all := map[string]*runs.Run{
		"queued":      queued(acme, "queued", "k1"),
		"running":     begin(queued(acme, "running", "k2")),
		"unannounced": unannounced,
	}
	for what, r := range all {
		r.CompletedAt = created.Add(time.Minute) // which says nothing by itself
		stored, err := insert(ctx, s, r)
		if err != nil {
			return nil, err
		}
		all[what] = stored
	}
	return all, nil
}

var prunePromises = []promise[pruners]{
	{
		name: "ended",
		text: "Ended returns runs of all tenants that are completed and announced, with what decides how long they are kept",
		check: func(ctx context.Context, s pruners) error {
			if _, err := stages(ctx, s); err != nil {
				return err
			}
			a, b := endedAt(acme, "r2", 1), endedAt(globex, "r1", 2)
			a.Once, b.Outcome, b.Type = "slot", runs.OutcomeFailed, otherRun
			if err := insertAll(ctx, s, a, b); err != nil {
				return err
			}
			return hasEnded(ctx, s, future, 10, a, b)
		},
	},
	{
		name: "ended-announced",
		text: "a run is among them as soon as it is announced, at the instant at which it was completed",
		check: func(ctx context.Context, s pruners) error {
			r, err := insert(ctx, s, begin(queued(acme, "r1", "k")))
			if err != nil {
				return err
			}
			for _, step := range []func(){
				func() { end(r).Announced = false },
				func() { r.Announced = true },
				func() { r.UpdatedAt = r.UpdatedAt.Add(time.Hour) },
			} {
				step()
				var want []*runs.Run
				if r.Announced {
					want = append(want, r.Clone())
				}
				if r, err = update(ctx, s, r); err != nil {
					return err
				}
				if err := hasEnded(ctx, s, future, 10, want...); err != nil {
					return err
				}
			}
			return nil
		},
	},
	{
		name: "ended-before",
		text: "Ended returns what was completed before an instant, not at it; never a run that does not say when",
		check: func(ctx context.Context, s pruners) error {
			first, second, never := endedAt(acme, "r1", 1), endedAt(acme, "r2", 2), ended(acme, "r0")
			never.CompletedAt = time.Time{}
			if err := insertAll(ctx, s, first, second, never); err != nil {
				return err
			}
			return errors.Join(
				hasEnded(ctx, s, first.CompletedAt, 10),
				hasEnded(ctx, s, first.CompletedAt.Add(time.Nanosecond), 10, first),
				hasEnded(ctx, s, second.CompletedAt, 10, first),
				hasEnded(ctx, s, second.CompletedAt.Add(time.Microsecond), 10, first, second),
				hasEnded(ctx, s, time.Time{}, 10),
			)
		},
	},
	{
		name: "ended-order",
		text: "Ended returns them in the order of CompletedAt and then of ID, in pages beyond a given one",
		check: func(ctx context.Context, s pruners) error {
			var all []*runs.Run
			for i := range 23 {
				// Neither the order of insertion nor that of the IDs.
				all = append(all, endedAt([]string{acme, globex}[i%2], id(i*7%23), i*5%23/4))
			}
			if err := insertMany(ctx, s, all); err != nil {
				return err
			}
			slices.SortFunc(all, func(a, b *runs.Run) int {
				if c := a.CompletedAt.Compare(b.CompletedAt); c != 0 {
					return c
				}
				return strings.Compare(a.ID, b.ID)
			})
			for _, limit := range []int{1, 2, 5, 23, 24} {
				if err := hasEnded(ctx, s, future, limit, all...); err != nil {
					return fmt.Errorf("%d at a time: %w", limit, err)
				}
			}
			return nil
		},
	},
	{
		name: "ended-limit",
		text: "a limit of 0 means 50",
		check: func(ctx context.Context, s pruners) error {
			var all []*runs.Run
			for i := range 51 {
				all = append(all, endedAt(acme, id(i), i))
			}
			if err := insertMany(ctx, s, all); err != nil {
				return err
			}
			got, err := s.Ended(ctx, future, runs.EndedRun{}, 0)
			if err == nil && len(got) != 50 {
				err = fmt.Errorf("ended: %d runs, want 50", len(got))
			}
			return err
		},
	},
	{
		name: "delete",
		text: "Delete deletes completed and announced runs and says how many; their ID, Once and key are free then",
		check: func(ctx context.Context, s pruners) error {
			gone, stays := full(acme, "r1"), full(acme, "r2")
			if err := insertAll(ctx, s, gone, stays); err != nil {
				return err
			}
			if err := deletes(ctx, s, 1, gone.Ref()); err != nil {
				return err
			}
			stays.Revision = 1
			if err := errors.Join(
				isMissing(ctx, s, acme, "r1"),
				lists(ctx, s, runs.Query{Tenant: acme}, "r2"),
				lists(ctx, s, runs.Query{Tenant: acme, Types: []runs.Type{testRun}, Outcomes: []runs.Outcome{gone.Outcome}}, "r2"),
				lists(ctx, s, runs.Query{Tenant: acme, IDs: []string{"r1", "r2"}}, "r2"),
				hasEnded(ctx, s, future, 10, stays),
				isStored(ctx, s, stays),
				joins(ctx, s, full(acme, "r2"), "r2"),
				deletes(ctx, s, 0, gone.Ref()),
			); err != nil {
				return err
			}
			again, err := insert(ctx, s, gone)
			if err != nil {
				return err
			}
			return errors.Join(hasEnded(ctx, s, future, 10, again, stays), isStored(ctx, s, again))
		},
	},
	{
		name: "delete-many",
		text: "Delete takes any number of runs, also none and one twice, and counts each once",
		check: func(ctx context.Context, s pruners) error {
			var all []*runs.Run
			var refs []runs.Ref
			for i := range 230 {
				all = append(all, endedAt(acme, id(i), i))
				if i != 7 {
					refs = append(refs, all[i].Ref())
				}
			}
			if err := insertMany(ctx, s, all); err != nil {
				return err
			}
			return errors.Join(
				deletes(ctx, s, 0),
				deletes(ctx, s, 1, refs[0], refs[0]),
				deletes(ctx, s, 228, refs...),
				lists(ctx, s, runs.Query{Tenant: acme}, id(7)),
			)
		},
	},
	{
		name: "delete-active",
		text: "Delete leaves a run alone that is active or not announced, and counts only what it deleted",
		check: func(ctx context.Context, s pruners) error {
			staying, err := stages(ctx, s)
			if err != nil {
				return err
			}
			if _, err := insert(ctx, s, ended(acme, "r1")); err != nil {
				return err
			}
			refs := []runs.Ref{{Tenant: acme, ID: "r1"}}
			for _, r := range staying {
				refs = append(refs, r.Ref())
			}
			if err := deletes(ctx, s, 1, refs...); err != nil {
				return err
			}
			for what, r := range staying {
				if err := isStored(ctx, s, r); err != nil {
					return fmt.Errorf("%s: %w", what, err)
				}
			}
			return joins(ctx, s, queued(acme, "r9", "k1"), "queued")
		},
	},
	{
		name: "delete-tenant",
		text: "Delete leaves a run of another tenant alone, and one that is not there; the type is not looked at",
		check: func(ctx context.Context, s pruners) error {
			if err := insertAll(ctx, s, ended(acme, "r1"), ended(globex, "r2")); err != nil {
				return err
			}
			refs := []runs.Ref{{Tenant: globex, ID: "r1"}, {Tenant: acme, ID: "r2"}, {Tenant: acme, ID: "r3"}, {ID: "r1"}}
			for _, odd := range oddTexts {
				refs = append(refs, runs.Ref{Tenant: acme, ID: odd}, runs.Ref{Tenant: odd, ID: "r1"})
			}
			return errors.Join(
				deletes(ctx, s, 0, refs...),
				lists(ctx, s, runs.Query{Tenant: acme}, "r1"),
				lists(ctx, s, runs.Query{Tenant: globex}, "r2"),
				deletes(ctx, s, 1, runs.Ref{Tenant: acme, ID: "r1", Type: otherRun}),
				isMissing(ctx, s, acme, "r1"),
			)
		},
	},
	{
		name: "delete-items",
		text: "Delete deletes the items with their run, however many, and no others",
		check: func(ctx context.Context, s pruners) error {
			var all []*runs.Run
			for i := range 3 {
				r, err := insert(ctx, s, begin(queued(acme, id(i), "")))
				if err != nil {
					return err
				}
				for j := range 3 {
					var items []runs.Item
					for k := range 450 {
						items = append(items, runs.Item{Key: fmt.Sprintf("item %d %d", j, k), Outcome: runs.ItemSucceeded})
					}
					if err := s.PutItems(ctx, r.Ref(), 1, items); err != nil {
						return fmt.Errorf("put items: %w", err)
					}
				}
				if i < 2 {
					if r, err = update(ctx, s, end(r)); err != nil {
						return err
					}
				}
				all = append(all, r)
			}
			if err := deletes(ctx, s, 1, all[0].Ref(), all[2].Ref()); err != nil {
				return err
			}
			// A run with the same ID would show what was left behind.
			again, err := insert(ctx, s, begin(queued(acme, id(0), "")))
			if err != nil {
				return err
			}
			for i, want := range []int{0, 3 * 450, 3 * 450} {
				n, err := itemsOf(ctx, s, runs.Ref{Tenant: acme, ID: id(i)})
				if err != nil || n != want {
					return fmt.Errorf("items of run %d: %d, %w; want %d", i, n, err, want)
				}
			}
			return s.PutItems(ctx, again.Ref(), 1, []runs.Item{{Key: "item 0 0", Outcome: runs.ItemSucceeded}})
		},
	},
	{
		name: "delete-meanwhile",
		text: "a list that is paged through while runs are deleted has each of those that stay once",
		check: func(ctx context.Context, s pruners) error {
			var all []*runs.Run
			for i := range 40 {
				all = append(all, endedAt(acme, id(i), i))
			}
			if err := insertMany(ctx, s, all); err != nil {
				return err
			}
			q := runs.Query{Tenant: acme, Limit: 10, Outcomes: []runs.Outcome{runs.OutcomeSucceeded}}
			var got []string
			for {
				page, err := s.List(ctx, q)
				if err != nil {
					return fmt.Errorf("list: %w", err)
				}
				for _, r := range page.Runs {
					got = append(got, r.ID)
				}
				if q.After = page.Next; q.After == "" {
					break
				}
				// The one that the cursor names goes, and every third.
				doomed := []runs.Ref{{Tenant: acme, ID: got[len(got)-1]}}
				for i := 0; i < 40; i += 3 {
					doomed = append(doomed, all[i].Ref())
				}
				if _, err := s.Delete(ctx, doomed); err != nil {
					return fmt.Errorf("delete: %w", err)
				}
			}
			var want []string
			for i := 39; i >= 0; i-- {
				if i >= 30 || i%3 != 0 {
					want = append(want, id(i))
				}
			}
			if !slices.Equal(got, want) {
				return fmt.Errorf("list: %v, want %v", got, want)
			}
			return nil
		},
	},
	{
		name: "prune-model",
		text: "whatever runs there are and whichever are named, exactly those go that are completed, announced and named",
		check: func(ctx context.Context, s pruners) error {
			rng := rand.New(rand.NewPCG(20260102, 2)) //nolint:gosec // repeatable on purpose
			kept := map[string]*runs.Run{}
			for round := range 12 {
				var added []*runs.Run
				for i := range 30 {
					r := endedAt([]string{acme, globex}[rng.IntN(2)], id(100*round+i), rng.IntN(50))
					switch rng.IntN(5) {
					case 0:
						r.Announced = false
					case 1:
						r.Status, r.Outcome = runs.StatusQueued, ""
					}
					added = append(added, r)
					kept[r.ID] = r
				}
				if err := insertMany(ctx, s, added); err != nil {
					return err
				}
				var refs []runs.Ref
				want := 0
				for id, r := range kept {
					if rng.IntN(3) == 0 {
						refs = append(refs, r.Ref())
						if r.Ended() && r.Announced {
							want++
							delete(kept, id)
						}
					}
				}
				if err := deletes(ctx, s, want, refs...); err != nil {
					return err
				}
				if err := holds(ctx, s, kept); err != nil {
					return err
				}
			}
			return nil
		},
	},
	{
		name: "prune-context-ended",
		text: "a context that ends makes a call return soon, with the context's error",
		check: func(ctx context.Context, s pruners) error {
			if _, err := insert(ctx, s, ended(acme, "r1")); err != nil {
				return err
			}
			for _, ended := range endedContexts(ctx) {
				_, err := s.Ended(ended.ctx, future, runs.EndedRun{}, 10)
				if err := wantErr("ended", err, ended.want); err != nil {
					return err
				}
				_, err = s.Delete(ended.ctx, []runs.Ref{{Tenant: acme, ID: "r1"}})
				if err := wantErr("delete", err, ended.want); err != nil {
					return err
				}
			}
			return lists(ctx, s, runs.Query{Tenant: acme}, "r1")
		},
	},
}

// holds checks that s has exactly the kept runs.
func holds(ctx context.Context, s pruners, kept map[string]*runs.Run) error {
	ids := map[string][]string{acme: nil, globex: nil}
	var over []*runs.Run
	for id, r := range kept {
		ids[r.Tenant] = append(ids[r.Tenant], id)
		if r.Ended() && r.Announced {
			over = append(over, r)
		}
	}
	slices.SortFunc(over, func(a, b *runs.Run) int {
		if c := a.CompletedAt.Compare(b.CompletedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	for tenant, want := range ids {
		slices.Sort(want)
		slices.Reverse(want)
		if err := lists(ctx, s, runs.Query{Tenant: tenant}, want...); err != nil {
			return err
		}
	}
	return hasEnded(ctx, s, future, 20, over...)
}

// itemsOf counts the items of a run.
func itemsOf(ctx context.Context, s runs.ItemStore, ref runs.Ref) (n int, err error) {
	q := runs.ItemQuery{Run: ref, Limit: runs.MaxLimit}
	for {
		page, err := s.Items(ctx, q)
		if err != nil {
			return n, err
		}
		n += len(page.Items)
		if q.After = page.Next; q.After == "" {
			return n, nil
		}
	}
}
