package runstest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

var listPromises = []promise[runs.Store]{
	{
		name: "list-order",
		text: "List returns the newest first, which is the order of the bytes of their IDs",
		check: func(ctx context.Context, s runs.Store) error {
			names := []string{"r1", "a", "Z", "10", "é", "-", "z", "2", "_", "R2", "~", "r10"}
			for i, name := range names {
				r := queued(acme, name, "")
				r.CreatedAt = created.Add(-time.Duration(i) * hour) // is not what counts
				if err := insertAll(ctx, s, r); err != nil {
					return err
				}
			}
			slices.Sort(names)
			slices.Reverse(names)
			return lists(ctx, s, runs.Query{Tenant: acme}, names...)
		},
	},
	{
		name: "list-pages",
		text: "List returns each run once over the pages, and not more than Limit in one",
		check: func(ctx context.Context, s runs.Store) error {
			var want []string
			for i := range 10 {
				if err := insertAll(ctx, s, queued(acme, id(i), "")); err != nil {
					return err
				}
				want = append([]string{id(i)}, want...)
			}
			for _, limit := range []int{1, 2, 3, 5, 9, 10, 11} {
				if err := lists(ctx, s, runs.Query{Tenant: acme, Limit: limit}, want...); err != nil {
					return fmt.Errorf("limit %d: %w", limit, err)
				}
			}
			return nil
		},
	},
	{
		name: "list-limits",
		text: "a Limit of 0 means 50, and more than MaxLimit means MaxLimit",
		check: func(ctx context.Context, s runs.Store) error {
			const n = runs.MaxLimit + 10
			if err := insertMany(ctx, s, manyQueued(n)); err != nil {
				return err
			}
			for limit, want := range map[int]int{0: 50, -1: 50, 199: 199, runs.MaxLimit: runs.MaxLimit, n: runs.MaxLimit} {
				page, err := s.List(ctx, runs.Query{Tenant: acme, Limit: limit})
				if err != nil {
					return fmt.Errorf("list: %w", err)
				}
				if len(page.Runs) != want || page.Next == "" {
					return fmt.Errorf("limit %d: %d runs, next %q; want %d and a next", limit, len(page.Runs), page.Next, want)
				}
			}
			return nil
		},
	},
	{
		name: "list-tenant",
		text: "List returns the runs of one tenant only, whatever else is asked",
		check: func(ctx context.Context, s runs.Store) error {
			if err := insertAll(ctx, s, queued(acme, "r1", ""), queued(globex, "r2", ""), queued(acme, "r3", "")); err != nil {
				return err
			}
			if err := lists(ctx, s, runs.Query{Tenant: globex}, "r2"); err != nil {
				return err
			}
			if err := lists(ctx, s, runs.Query{Tenant: "initech"}); err != nil {
				return err
			}
			return lists(ctx, s, runs.Query{Tenant: globex, IDs: []string{"r1", "r2", "r3"}, Types: []runs.Type{testRun}}, "r2")
		},
	},
	{
		name: "list-no-tenant",
		text: "List reports ErrInvalid for a query without a tenant",
		check: func(ctx context.Context, s runs.Store) error {
			if err := insertAll(ctx, s, queued(acme, "r1", "")); err != nil {
				return err
			}
			_, err := s.List(ctx, runs.Query{IDs: []string{"r1"}})
			return wantErr("list", err, runs.ErrInvalid)
		},
	},
	{
		name: "list-lean",
		text: "the listed runs carry everything but Params, Context and Failures",
		check: func(ctx context.Context, s runs.Store) error {
			want, err := insert(ctx, s, full(acme, "r1"))
			if err != nil {
				return err
			}
			want.Params, want.Context, want.Failures = nil, nil, nil
			page, err := s.List(ctx, runs.Query{Tenant: acme})
			got, err := only(page.Runs, err)
			if err != nil {
				return fmt.Errorf("list: %w", err)
			}
			return diff(want, got)
		},
	},
	{
		name: "list-sees-writes",
		text: "a List that begins after a write sees it",
		check: func(ctx context.Context, s runs.Store) error {
			r, err := insert(ctx, s, queued(acme, "r1", ""))
			if err != nil {
				return err
			}
			q := runs.Query{Tenant: acme, Statuses: []runs.Status{runs.StatusQueued}}
			if err := lists(ctx, s, q, "r1"); err != nil {
				return err
			}
			if r, err = update(ctx, s, begin(r)); err != nil {
				return err
			}
			if err := lists(ctx, s, q); err != nil {
				return err
			}
			if err := lists(ctx, s, runs.Query{Tenant: acme, Statuses: []runs.Status{runs.StatusRunning}}, "r1"); err != nil {
				return err
			}
			if _, err = update(ctx, s, end(r)); err != nil {
				return err
			}
			return lists(ctx, s, runs.Query{Tenant: acme, Outcomes: []runs.Outcome{runs.OutcomeSucceeded}}, "r1")
		},
	},
	{
		name: "list-meanwhile",
		text: "runs that are inserted or changed while somebody turns the pages hide none that were there, and show none twice",
		check: func(ctx context.Context, s runs.Store) error {
			var want []string
			for i := range 10 {
				if err := insertAll(ctx, s, queued(acme, id(10*i), "")); err != nil {
					return err
				}
				want = append([]string{id(10 * i)}, want...)
			}
			n := 0
			got, err := walkPages(ctx, s, runs.Query{Tenant: acme, Limit: 2}, func(page []*runs.Run) error {
				n++
				for _, r := range page { // before, between and behind the cursor's place
					r, err := get(ctx, s, acme, r.ID)
					if err != nil {
						return err
					}
					if _, err := update(ctx, s, begin(r)); err != nil {
						return err
					}
				}
				if n > 8 {
					return nil
				}
				return insertAll(ctx, s, queued(acme, id(1000+n), ""), queued(acme, id(10*n+5), ""))
			})
			if err != nil {
				return err
			}
			names := ids(got)
			if sorted := slices.Sorted(slices.Values(names)); len(slices.Compact(sorted)) != len(names) {
				return fmt.Errorf("listed %v, one of them twice", names)
			}
			names = slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(want, name) })
			return same("the runs that were there, as listed", want, names)
		},
	},
	{
		name: "list-leaving",
		text: "the pages go on where they were, also if the run that was the last on one does not match any more",
		check: func(ctx context.Context, s runs.Store) error {
			for i := range 6 {
				if err := insertAll(ctx, s, queued(acme, id(i), "")); err != nil {
					return err
				}
			}
			got, err := walkPages(ctx, s, runs.Query{Tenant: acme, Statuses: []runs.Status{runs.StatusQueued}, Limit: 2}, func(page []*runs.Run) error {
				for _, r := range page {
					r, err := get(ctx, s, acme, r.ID)
					if err != nil {
						return err
					}
					if _, err := update(ctx, s, end(r)); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
			return same("listed", []string{id(5), id(4), id(3), id(2), id(1), id(0)}, ids(got))
		},
	},
}

// lists checks that the pages of q have the runs want, in this order.
func lists(ctx context.Context, s runs.Store, q runs.Query, want ...string) error {
	got, err := walkPages(ctx, s, q, func([]*runs.Run) error { return nil })
	if err != nil {
		return err
	}
	return same("listed", want, ids(got))
}

// maxPages is how many pages a list may need for the few runs of a test.
const maxPages = 2000

// walkPages returns the runs of all pages of q, and calls visit after each.
func walkPages(ctx context.Context, s runs.Store, q runs.Query, visit func(page []*runs.Run) error) ([]*runs.Run, error) {
	var all []*runs.Run
	for range maxPages {
		page, err := s.List(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("list: %w", err)
		}
		if size := runs.PageSize(q.Limit); len(page.Runs) > size {
			return nil, fmt.Errorf("list: a page of %d runs, want %d at most", len(page.Runs), size)
		}
		all = append(all, page.Runs...)
		if err := visit(page.Runs); err != nil {
			return nil, err
		}
		if page.Next == "" {
			return all, nil
		}
		q.After = page.Next
	}
	return nil, errors.New("list: the pages do not end")
}
