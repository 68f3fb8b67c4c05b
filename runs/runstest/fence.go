package runstest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tenantatlas/tenantatlas/runs"
)

// fencePromises say whose items are refused.
var fencePromises = []promise[itemStores]{
	{
		name: "fence-attempt",
		text: "PutItems reports ErrConflict, and keeps none of the items, unless the run is running its given attempt",
		check: func(ctx context.Context, s itemStores) error {
			r, err := running(ctx, s, "r1")
			if err != nil {
				return err
			}
			if err := put(ctx, s, r, succeeded("a")); err != nil {
				return err
			}
			first := r.Clone()
			r.Status = runs.StatusQueued
			if r, err = update(ctx, s, r); err != nil {
				return err
			}
			if err := isFenced(ctx, s, r, r.Attempt, "queued again"); err != nil {
				return err
			}
			if r, err = update(ctx, s, begin(r)); err != nil {
				return err
			}
			for _, attempt := range []int{first.Attempt, r.Attempt + 1, 0, -1} {
				if err := isFenced(ctx, s, r, attempt, "running"); err != nil {
					return err
				}
			}
			return hasItems(ctx, s, r, at(first, succeeded("a")))
		},
	},
	{
		name: "fence-completed",
		text: "PutItems reports ErrConflict, and keeps none of the items, for a completed run",
		check: func(ctx context.Context, s itemStores) error {
			r, err := running(ctx, s, "r1")
			if err != nil {
				return err
			}
			if r, err = update(ctx, s, end(r)); err != nil {
				return err
			}
			if err := isFenced(ctx, s, r, r.Attempt, "completed"); err != nil {
				return err
			}
			return hasItems(ctx, s, r)
		},
	},
	{
		name: "fence-lease",
		text: "PutItems looks at the attempt, not at the lease",
		check: func(ctx context.Context, s itemStores) error {
			r, err := running(ctx, s, "r1")
			if err != nil {
				return err
			}
			r.Timing.Lease = 1
			if r, err = update(ctx, s, r); err != nil {
				return err
			}
			if err := put(ctx, s, r, succeeded("a")); err != nil {
				return err
			}
			return hasItems(ctx, s, r, at(r, succeeded("a")))
		},
	},
	{
		name: "fence-missing",
		text: "PutItems reports ErrNotFound for a run that is not there, as for another tenant's",
		check: func(ctx context.Context, s itemStores) error {
			r, err := running(ctx, s, "r1")
			if err != nil {
				return err
			}
			for _, ref := range []runs.Ref{
				{Tenant: acme, ID: "r2", Type: testRun},
				{Tenant: globex, ID: "r1", Type: testRun},
				{Tenant: acme, ID: "r1\x00", Type: testRun},
				{Tenant: acme, Type: testRun},
			} {
				err := s.PutItems(ctx, ref, r.Attempt, []runs.Item{failed("a")})
				if err := wantErr(fmt.Sprintf("put for %q", ref), err, runs.ErrNotFound); err != nil {
					return err
				}
			}
			return hasItems(ctx, s, r)
		},
	},
	{
		name: "fence-at-once",
		text: "when a run is completed while its items are put, those are kept that were put without an error, and no others",
		check: func(ctx context.Context, s itemStores) error {
			for i := range 10 {
				if err := endWhilePutting(ctx, s, id(i)); err != nil {
					return err
				}
			}
			return nil
		},
	},
}

func isFenced(ctx context.Context, s itemStores, r *runs.Run, attempt int, when string) error {
	err := s.PutItems(ctx, r.Ref(), attempt, []runs.Item{failed("a"), failed("b")})
	return wantErr(fmt.Sprintf("put for attempt %d of a run that is %s in attempt %d", attempt, when, r.Attempt), err, runs.ErrConflict)
}

// endWhilePutting completes a run while several goroutines put items.
func endWhilePutting(ctx context.Context, s itemStores, name string) error {
	r, err := running(ctx, s, name)
	if err != nil {
		return err
	}
	var want []runs.Item
	var endErr error
	errs := make([]error, atOnce)
	together(func(i int) {
		if i == atOnce/2 {
			_, endErr = update(ctx, s, end(r.Clone()))
			return
		}
		errs[i] = s.PutItems(ctx, r.Ref(), r.Attempt, []runs.Item{failed(id(2 * i)), failed(id(2*i + 1))})
	})
	if endErr != nil {
		return endErr
	}
	for i, err := range errs {
		switch {
		case i == atOnce/2:
		case err == nil:
			want = append(want, at(r, failed(id(2*i))), at(r, failed(id(2*i+1))))
		case !errors.Is(err, runs.ErrConflict):
			return fmt.Errorf("put items: %w", err)
		}
	}
	return hasItems(ctx, s, r, want...)
}

var itemQueryPromises = []promise[itemStores]{
	{
		name: "items-order",
		text: "Items returns items in the order of their keys' bytes, each once over the pages",
		check: func(ctx context.Context, s itemStores) error {
			r, err := running(ctx, s, "r1")
			if err != nil {
				return err
			}
			keys := []string{"b", "é", "B", "a", "10", "2", "Z", "_", "-", "aa", "e\u0301", "z", "~"}
			for _, key := range keys {
				if err := put(ctx, s, r, succeeded(key)); err != nil {
					return err
				}
			}
			var want []runs.Item
			for _, key := range slices.Sorted(slices.Values(keys)) {
				want = append(want, at(r, succeeded(key)))
			}
			for _, limit := range []int{1, 2, 5, 12, 13, 14} {
				if err := listsItems(ctx, s, runs.ItemQuery{Run: r.Ref(), Limit: limit}, want...); err != nil {
					return fmt.Errorf("limit %d: %w", limit, err)
				}
			}
			return nil
		},
	},
	{
		name: "items-page-size",
		text: "a Limit of 0 means 50, and more than MaxLimit means MaxLimit",
		check: func(ctx context.Context, s itemStores) error {
			r, err := manyItems(ctx, s)
			if err != nil {
				return err
			}
			for limit, want := range map[int]int{0: 50, -1: 50, 7: 7, runs.MaxLimit: runs.MaxLimit, 1000: runs.MaxLimit} {
				page, err := s.Items(ctx, runs.ItemQuery{Run: r.Ref(), Limit: limit})
				if err != nil {
					return fmt.Errorf("items: %w", err)
				}
				if len(page.Items) != want || page.Next == "" {
					return fmt.Errorf("limit %d: %d items, next %q; want %d and a next", limit, len(page.Items), page.Next, want)
				}
			}
			return nil
		},
	},
	{
		name: "items-filter",
		text: "Items returns the items that match the query",
		check: func(ctx context.Context, s itemStores) error {
			r, err := manyItems(ctx, s)
			if err != nil {
				return err
			}
			for _, q := range []runs.ItemQuery{
				{Outcomes: []runs.ItemOutcome{runs.ItemFailed}},
				{Outcomes: []runs.ItemOutcome{runs.ItemSkipped, runs.ItemSucceeded}},
				{Reason: runs.ReasonThrottled},
				{Reason: runs.ReasonGone, Outcomes: []runs.ItemOutcome{runs.ItemSkipped}},
				{Reason: runs.ReasonPanic},
				{Outcomes: []runs.ItemOutcome{"\x00"}},
				{Reason: "\x00"},
			} {
				var want []runs.Item
				for i := range manyN {
					it := at(r, manyItem(i))
					if (len(q.Outcomes) == 0 || slices.Contains(q.Outcomes, it.Outcome)) && (q.Reason == "" || q.Reason == it.Reason) {
						want = append(want, it)
					}
				}
				for _, limit := range []int{1, 20, 0} {
					q.Run, q.Limit = r.Ref(), limit
					if err := listsItems(ctx, s, q, want...); err != nil {
						return fmt.Errorf("outcomes %q, reason %q, limit %d: %w", q.Outcomes, q.Reason, limit, err)
					}
				}
			}
			return nil
		},
	},
	{
		name: "items-missing",
		text: "a run that is not there has no items, as another tenant's",
		check: func(ctx context.Context, s itemStores) error {
			if _, err := manyItems(ctx, s); err != nil {
				return err
			}
			for _, ref := range []runs.Ref{{Tenant: acme, ID: "r2"}, {Tenant: globex, ID: "r1"}, {ID: "r1"}, {Tenant: acme, ID: "r1\x00"}} {
				if err := listsItems(ctx, s, runs.ItemQuery{Run: ref}); err != nil {
					return fmt.Errorf("run %q: %w", ref, err)
				}
			}
			return nil
		},
	},
	{
		name: "items-meanwhile",
		text: "items that are put while somebody turns the pages hide none that were there, and show none twice",
		check: func(ctx context.Context, s itemStores) error {
			r, err := running(ctx, s, "r1")
			if err != nil {
				return err
			}
			if err := put(ctx, s, r, failed("b"), failed("d"), failed("f"), failed("h")); err != nil {
				return err
			}
			first, err := s.Items(ctx, runs.ItemQuery{Run: r.Ref(), Limit: 2})
			if err != nil {
				return fmt.Errorf("items: %w", err)
			}
			if err := put(ctx, s, r, failed("a"), failed("c"), succeeded("d"), failed("g")); err != nil {
				return err
			}
			if err := sameItems([]runs.Item{at(r, failed("b")), at(r, failed("d"))}, first.Items); err != nil {
				return err
			}
			return listsItems(ctx, s, runs.ItemQuery{Run: r.Ref(), Limit: 2, After: first.Next},
				at(r, failed("f")), at(r, failed("g")), at(r, failed("h")))
		},
	},
	{
		name:  "items-cursor",
		text:  "Items reports ErrBadCursor for a cursor that another query made, or nobody",
		check: checkItemCursors,
	},
}

func checkItemCursors(ctx context.Context, s itemStores) error {
	r1, err := manyItems(ctx, s)
	if err != nil {
		return err
	}
	r2, err := running(ctx, s, "r2")
	if err != nil {
		return err
	}
	if err := put(ctx, s, r2, failed("a"), failed("b")); err != nil {
		return err
	}
	list, err := s.List(ctx, runs.Query{Tenant: acme, Limit: 1})
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	page, err := s.Items(ctx, runs.ItemQuery{Run: r1.Ref(), Limit: 1})
	if err != nil {
		return fmt.Errorf("items: %w", err)
	}
	bad := []runs.ItemQuery{
		{Run: r2.Ref(), After: page.Next},
		{Run: r1.Ref(), After: page.Next, Reason: runs.ReasonGone},
		{Run: r1.Ref(), After: page.Next, Outcomes: []runs.ItemOutcome{runs.ItemFailed}},
		{Run: r1.Ref(), After: list.Next},
	}
	for _, c := range badCursors(page.Next) {
		bad = append(bad, runs.ItemQuery{Run: r1.Ref(), After: c})
	}
	for _, q := range bad {
		_, err := s.Items(ctx, q)
		if err := wantErr("items", err, runs.ErrBadCursor); err != nil {
			return fmt.Errorf("cursor %q in %q, outcomes %q, reason %q: %w", short(string(q.After)), q.Run.ID, q.Outcomes, q.Reason, err)
		}
	}
	_, err = s.List(ctx, runs.Query{Tenant: acme, After: page.Next})
	return wantErr("list with a cursor of items", err, runs.ErrBadCursor)
}

// manyN is how many items manyItems makes: more than fit on any page.
const manyN = runs.MaxLimit + 10

// manyItems makes the run r1 with items of all outcomes.
func manyItems(ctx context.Context, s itemStores) (*runs.Run, error) {
	r, err := running(ctx, s, "r1")
	if err != nil {
		return nil, err
	}
	var all []runs.Item
	for i := range manyN {
		all = append(all, manyItem(i))
	}
	return r, put(ctx, s, r, all...)
}

func manyItem(i int) runs.Item {
	it := succeeded(id(i))
	switch i % 5 {
	case 1, 2:
		it = failed(it.Key)
	case 3:
		it.Outcome, it.Failure = runs.ItemSkipped, runs.Because(runs.ReasonGone)
	case 4:
		it.Outcome, it.Failure = runs.ItemFailed, runs.Because(runs.ReasonThrottled)
	}
	return it
}
