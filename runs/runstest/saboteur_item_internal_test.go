package runstest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tenantatlas/tenantatlas/runs"
)

// putting breaks PutItems by changing what is put.
func putting(change func(ref *runs.Ref, items []runs.Item) []runs.Item) func(b *broken) {
	return func(b *broken) {
		b.putItems = func(ctx context.Context, ref runs.Ref, attempt int, items []runs.Item) error {
			items = change(&ref, slices.Clone(items))
			return b.Store.PutItems(ctx, ref, attempt, items)
		}
	}
}

// refusing breaks PutItems by refusing what it has to keep.
func refusing(bad func(items []runs.Item) bool) func(b *broken) {
	return func(b *broken) {
		b.putItems = func(ctx context.Context, ref runs.Ref, attempt int, items []runs.Item) error {
			if bad(items) {
				return errors.New("refused")
			}
			return b.Store.PutItems(ctx, ref, attempt, items)
		}
	}
}

// answering breaks PutItems by changing its answer.
func answering(change func(r *runs.Run, err error) error) func(b *broken) {
	return func(b *broken) {
		b.putItems = func(ctx context.Context, ref runs.Ref, attempt int, items []runs.Item) error {
			r, _ := b.Store.Get(ctx, ref)
			return change(r, b.Store.PutItems(ctx, ref, attempt, items))
		}
	}
}

// askingItems breaks Items by changing what is asked.
func askingItems(change func(q *runs.ItemQuery)) func(b *broken) {
	return func(b *broken) {
		b.items = func(ctx context.Context, q runs.ItemQuery) (runs.ItemPage, error) {
			change(&q)
			return b.Store.Items(ctx, q)
		}
	}
}

// listedItems breaks Items by changing what it returns.
func listedItems(change func(p *runs.ItemPage)) func(b *broken) {
	return func(b *broken) {
		b.items = func(ctx context.Context, q runs.ItemQuery) (runs.ItemPage, error) {
			p, err := b.Store.Items(ctx, q)
			change(&p)
			return p, err
		}
	}
}

var itemSaboteurs = []saboteur{
	{"items-put", putting(func(_ *runs.Ref, items []runs.Item) []runs.Item {
		for i := range items {
			items[i].Message = ""
		}
		return items
	})},
	{"items-put", listedItems(func(p *runs.ItemPage) {
		for i := range p.Items {
			p.Items[i].Attempt = 0
		}
	})},
	{"items-replace", func(b *broken) { // the first one stays
		kept := map[string]bool{}
		putting(func(_ *runs.Ref, items []runs.Item) []runs.Item {
			return slices.DeleteFunc(items, func(it runs.Item) bool {
				taken := kept[it.Key]
				kept[it.Key] = true
				return taken
			})
		})(b)
	}},
	{"items-twice", refusing(func(items []runs.Item) bool {
		seen := map[string]bool{}
		for _, it := range items {
			if seen[it.Key] {
				return true
			}
			seen[it.Key] = true
		}
		return false
	})},
	{"items-own", putting(func(ref *runs.Ref, items []runs.Item) []runs.Item {
		ref.ID = "r1"
		return items
	})},
	{"items-attempts", listedItems(func(p *runs.ItemPage) {
		last := 0
		for _, it := range p.Items {
			last = max(last, it.Attempt)
		}
		p.Items = slices.DeleteFunc(p.Items, func(it runs.Item) bool { return it.Attempt < last })
	})},
	{"items-leave-run", func(b *broken) {
		b.putItems = func(ctx context.Context, ref runs.Ref, attempt int, items []runs.Item) error {
			r, err := b.Store.Get(ctx, ref)
			if err == nil {
				_, err = b.Store.Update(ctx, r)
			}
			return errors.Join(err, b.Store.PutItems(ctx, ref, attempt, items))
		}
	}},
	{"items-invalid", func(b *broken) { // one by one
		b.putItems = func(ctx context.Context, ref runs.Ref, attempt int, items []runs.Item) error {
			for _, it := range items {
				if err := b.Store.PutItems(ctx, ref, attempt, []runs.Item{it}); err != nil {
					return err
				}
			}
			return nil
		}
	}},
	{"items-values", putting(func(_ *runs.Ref, items []runs.Item) []runs.Item {
		for i := range items {
			items[i].At = items[i].At.Truncate(time.Millisecond)
		}
		return items
	})},
	{"items-values", putting(func(_ *runs.Ref, items []runs.Item) []runs.Item {
		for i := range items {
			items[i].Key = strings.TrimSpace(items[i].Key)
		}
		return items
	})},
	{"items-limits", refusing(func(items []runs.Item) bool {
		return slices.ContainsFunc(items, func(it runs.Item) bool { return len(it.Key) > 500 })
	})},
	{"items-many", refusing(func(items []runs.Item) bool { return len(items) > 4000 })},
	{"items-context-ended", func(b *broken) {
		b.items = func(ctx context.Context, q runs.ItemQuery) (runs.ItemPage, error) {
			return b.Store.Items(context.WithoutCancel(ctx), q)
		}
	}},

	{"fence-attempt", func(b *broken) {
		b.putItems = func(ctx context.Context, ref runs.Ref, _ int, items []runs.Item) error {
			r, err := b.Store.Get(ctx, ref)
			if err != nil {
				return err
			}
			return b.Store.PutItems(ctx, ref, r.Attempt, items)
		}
	}},
	{"fence-attempt", answering(func(r *runs.Run, err error) error {
		if r.Status == runs.StatusQueued {
			return nil
		}
		return err
	})},
	{"fence-completed", answering(func(r *runs.Run, err error) error {
		if r.Ended() {
			return nil
		}
		return err
	})},
	{"fence-lease", func(b *broken) {
		b.putItems = func(ctx context.Context, ref runs.Ref, attempt int, items []runs.Item) error {
			r, err := b.Store.Get(ctx, ref)
			if err == nil && r.LeaseUntil.Before(time.Now()) {
				return runs.ErrConflict
			}
			return errors.Join(err, b.Store.PutItems(ctx, ref, attempt, items))
		}
	}},
	{"fence-missing", answering(func(r *runs.Run, err error) error {
		if r == nil {
			return runs.ErrConflict
		}
		return err
	})},
	{"fence-at-once", func(b *broken) { // says that it kept what it did not
		b.putItems = func(ctx context.Context, ref runs.Ref, attempt int, items []runs.Item) error {
			return errors.Join(b.Store.PutItems(ctx, ref, attempt, items[:1]), b.Store.PutItems(ctx, ref, attempt, nil))
		}
	}},

	{"items-order", listedItems(func(p *runs.ItemPage) {
		slices.SortFunc(p.Items, func(a, b runs.Item) int { return cmp.Compare(strings.ToLower(a.Key), strings.ToLower(b.Key)) })
	})},
	{"items-page-size", askingItems(func(q *runs.ItemQuery) { q.Limit = cmp.Or(q.Limit, 100) })},
	{"items-filter", askingItems(func(q *runs.ItemQuery) { q.Reason = "" })},
	{"items-filter", askingItems(func(q *runs.ItemQuery) { q.Outcomes = q.Outcomes[:min(1, len(q.Outcomes))] })},
	{"items-missing", askingItems(func(q *runs.ItemQuery) { q.Run.Tenant = acme })},
	{"items-meanwhile", func(b *broken) { // counts what was shown
		b.items = func(ctx context.Context, q runs.ItemQuery) (runs.ItemPage, error) {
			offset, _ := strconv.Atoi(string(q.After))
			size := q.Limit
			q.After, q.Limit = "", runs.MaxLimit
			p, err := b.Store.Items(ctx, q)
			p.Items = p.Items[min(offset, len(p.Items)):]
			if len(p.Items) > size {
				p.Items, p.Next = p.Items[:size], runs.Cursor(strconv.Itoa(offset+size))
			}
			return p, err
		}
	}},
	{"items-cursor", func(b *broken) {
		b.items = func(ctx context.Context, q runs.ItemQuery) (runs.ItemPage, error) {
			p, err := b.Store.Items(ctx, q)
			if errors.Is(err, runs.ErrBadCursor) {
				q.After = ""
				return b.Store.Items(ctx, q)
			}
			return p, err
		}
	}},
}

// counting breaks Count.
func counting(ask func(q *runs.Query), change func(q runs.Query, t *runs.Tally, err error) error) func(b *broken) {
	return func(b *broken) {
		b.count = func(ctx context.Context, q runs.Query, limit int) (runs.Tally, error) {
			if ask != nil {
				ask(&q)
			}
			t, err := b.Store.Count(ctx, q, limit)
			if change != nil {
				err = change(q, &t, err)
			}
			return t, err
		}
	}
}

var countSaboteurs = []saboteur{
	{"count", counting(func(q *runs.Query) { q.Outcomes = nil }, nil)},
	{"count", counting(nil, func(_ runs.Query, t *runs.Tally, err error) error {
		delete(t.Outcome, runs.OutcomeBlocked)
		return err
	})},
	{"count-limit", counting(nil, func(_ runs.Query, t *runs.Tally, err error) error {
		t.Capped = false
		return err
	})},
	{"count-limit", func(b *broken) {
		b.count = func(ctx context.Context, q runs.Query, limit int) (runs.Tally, error) {
			return b.Store.Count(ctx, q, limit+1)
		}
	}},
	{"count-nothing", counting(nil, func(_ runs.Query, t *runs.Tally, err error) error {
		t.Status[runs.StatusQueued] += 0
		return err
	})},
	{"count-all-pages", counting(nil, func(q runs.Query, _ *runs.Tally, err error) error {
		if q.After != "" {
			return runs.ErrBadCursor
		}
		return err
	})},
	{"count-no-tenant", counting(func(q *runs.Query) { q.Tenant = cmp.Or(q.Tenant, acme) }, nil)},
	{"count-odd", counting(nil, func(q runs.Query, _ *runs.Tally, err error) error {
		if !utf8.ValidString(q.Tenant) {
			return errors.New("invalid byte sequence")
		}
		return err
	})},
	{"count-context-ended", func(b *broken) {
		b.count = func(ctx context.Context, q runs.Query, limit int) (runs.Tally, error) {
			return b.Store.Count(context.WithoutCancel(ctx), q, limit)
		}
	}},
}
