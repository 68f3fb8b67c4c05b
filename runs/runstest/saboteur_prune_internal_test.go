package runstest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// endingWith breaks Ended by changing what is asked, or what it returns.
func endingWith(ask func(before *time.Time, after *runs.EndedRun, limit *int), change func(page []runs.EndedRun) []runs.EndedRun) func(b *broken) {
	return func(b *broken) {
		b.ended = func(ctx context.Context, before time.Time, after runs.EndedRun, limit int) ([]runs.EndedRun, error) {
			if ask != nil {
				ask(&before, &after, &limit)
			}
			page, err := b.Store.Ended(ctx, before, after, limit)
			if change != nil {
				page = change(page)
			}
			return page, err
		}
	}
}

// deleting breaks Delete by changing what is named, or how many there were.
func deleting(ask func(b *broken, refs []runs.Ref) []runs.Ref, change func(n int) int) func(b *broken) {
	return func(b *broken) {
		b.delete = func(ctx context.Context, refs []runs.Ref) (int, error) {
			named := len(refs)
			if ask != nil {
				refs = ask(b, slices.Clone(refs))
			}
			n, err := b.Store.Delete(ctx, refs)
			if change != nil {
				n = change(named)
			}
			return n, err
		}
	}
}

// announcing makes every end announced at once, so that it may be deleted.
func announcing(b *broken) {
	b.insert = func(ctx context.Context, r *runs.Run) (*runs.Run, bool, error) {
		r = r.Clone()
		r.Announced = r.Announced || r.Ended()
		return b.Store.Insert(ctx, r)
	}
	b.update = func(ctx context.Context, r *runs.Run) (*runs.Run, error) {
		r = r.Clone()
		r.Announced = r.Announced || r.Ended()
		return b.Store.Update(ctx, r)
	}
}

var pruneSaboteurs = []saboteur{
	{"ended", announcing},
	{"ended", endingWith(nil, func(page []runs.EndedRun) []runs.EndedRun { // one tenant only
		return slices.DeleteFunc(page, func(r runs.EndedRun) bool { return r.Tenant != acme })
	})},
	{"ended", endingWith(nil, func(page []runs.EndedRun) []runs.EndedRun {
		for i := range page {
			page[i].Once = ""
		}
		return page
	})},
	{"ended-announced", announcing},
	{"ended-announced", func(b *broken) { // forgets what is changed later
		b.update = func(ctx context.Context, r *runs.Run) (*runs.Run, error) {
			r = r.Clone()
			if r.Announced {
				r.CompletedAt = r.UpdatedAt
			}
			return b.Store.Update(ctx, r)
		}
	}},
	{"ended-before", endingWith(func(before *time.Time, _ *runs.EndedRun, _ *int) { *before = before.Add(time.Microsecond) }, nil)},
	{"ended-before", endingWith(func(before *time.Time, _ *runs.EndedRun, _ *int) { *before = runs.Instant(*before) }, nil)},
	{"ended-before", func(b *broken) {
		b.insert = func(ctx context.Context, r *runs.Run) (*runs.Run, bool, error) {
			r = r.Clone()
			if r.CompletedAt.IsZero() {
				r.CompletedAt = r.CreatedAt
			}
			return b.Store.Insert(ctx, r)
		}
	}},
	{"ended-order", endingWith(nil, func(page []runs.EndedRun) []runs.EndedRun {
		slices.SortFunc(page, func(a, b runs.EndedRun) int { return strings.Compare(a.ID, b.ID) })
		return page
	})},
	{"ended-order", endingWith(func(_ *time.Time, after *runs.EndedRun, _ *int) { after.ID = "" }, nil)},
	{"ended-limit", endingWith(func(_ *time.Time, _ *runs.EndedRun, limit *int) { *limit = cmp.Or(*limit, 100) }, nil)},

	{"delete", deleting(nil, func(n int) int { return n })},
	{"delete", deleting(func(*broken, []runs.Ref) []runs.Ref { return nil }, func(n int) int { return n })},
	{"delete", func(b *broken) { // keeps the Once
		gone := map[string]bool{}
		b.delete = func(ctx context.Context, refs []runs.Ref) (int, error) {
			for _, ref := range refs {
				gone["once "+ref.ID] = true
			}
			return b.Store.Delete(ctx, refs)
		}
		b.insert = func(ctx context.Context, r *runs.Run) (*runs.Run, bool, error) {
			if gone[r.Once] {
				return r, false, nil
			}
			return b.Store.Insert(ctx, r)
		}
	}},
	{"delete-many", deleting(func(_ *broken, refs []runs.Ref) []runs.Ref { return refs[:min(len(refs), 100)] }, nil)},
	{"delete-many", deleting(nil, func(n int) int { return n })},
	{"delete-many", func(b *broken) {
		b.delete = func(ctx context.Context, refs []runs.Ref) (int, error) {
			if len(refs) == 0 {
				return 0, errors.New("an empty list")
			}
			return b.Store.Delete(ctx, refs)
		}
	}},
	{"delete-active", announcing},
	{"delete-active", deleting(func(b *broken, refs []runs.Ref) []runs.Ref { // ends what it deletes
		ctx := context.Background()
		for _, ref := range refs {
			if r, err := b.Store.Get(ctx, ref); err == nil && r.Active() {
				_, _ = b.Store.Update(ctx, end(r))
			}
		}
		return refs
	}, nil)},
	{"delete-active", deleting(nil, func(n int) int { return n })},
	{"delete-tenant", deleting(func(_ *broken, refs []runs.Ref) []runs.Ref {
		for i := range refs {
			refs[i].Tenant = acme
		}
		return refs
	}, nil)},
	{"delete-tenant", deleting(func(_ *broken, refs []runs.Ref) []runs.Ref {
		return slices.DeleteFunc(refs, func(ref runs.Ref) bool { return ref.Type == otherRun })
	}, nil)},
	{"delete-items", func(b *broken) { // leaves the items of what it deletes
		left := map[string]runs.Ref{}
		b.delete = func(ctx context.Context, refs []runs.Ref) (int, error) {
			left[refs[0].ID] = refs[1] // who has as many
			return b.Store.Delete(ctx, refs)
		}
		b.items = func(ctx context.Context, q runs.ItemQuery) (runs.ItemPage, error) {
			if other, ok := left[q.Run.ID]; ok {
				q.Run = other
			}
			return b.Store.Items(ctx, q)
		}
	}},
	{"delete-meanwhile", func(b *broken) { // begins after the run that the cursor names
		last := map[runs.Cursor]runs.Ref{}
		b.list = func(ctx context.Context, q runs.Query) (runs.Page, error) {
			if ref, ok := last[q.After]; ok {
				if _, err := b.Store.Get(ctx, ref); err != nil {
					return runs.Page{}, runs.ErrBadCursor
				}
			}
			page, err := b.Store.List(ctx, q)
			if page.Next != "" {
				last[page.Next] = page.Runs[len(page.Runs)-1].Ref()
			}
			return page, err
		}
	}},
	{"delete-meanwhile", func(b *broken) { // counts what was shown
		shown := 0
		b.list = func(ctx context.Context, q runs.Query) (runs.Page, error) {
			more := q.After != ""
			if q.After = ""; !more {
				shown = 0
			}
			q.Limit = runs.MaxLimit
			page, err := b.Store.List(ctx, q)
			page.Runs = page.Runs[min(shown, len(page.Runs)):]
			if len(page.Runs) > 10 {
				page.Runs, page.Next = page.Runs[:10], "more"
			}
			shown += len(page.Runs)
			return page, err
		}
	}},
	{"prune-model", deleting(func(_ *broken, refs []runs.Ref) []runs.Ref { return refs[:len(refs)-1] }, nil)},
	{"prune-model", announcing},
	{"prune-context-ended", func(b *broken) {
		b.ended = func(ctx context.Context, before time.Time, after runs.EndedRun, limit int) ([]runs.EndedRun, error) {
			return b.Store.Ended(context.WithoutCancel(ctx), before, after, limit)
		}
	}},
	{"prune-context-ended", func(b *broken) {
		b.delete = func(ctx context.Context, refs []runs.Ref) (int, error) {
			return b.Store.Delete(context.WithoutCancel(ctx), refs)
		}
	}},
}
