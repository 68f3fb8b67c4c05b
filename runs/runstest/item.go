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

// TestItemStore checks that the item stores open returns keep every promise of
// [runs.ItemStore]. It calls open once for each promise, which returns the
// store that the runs are in, too; often that is the same. Both must be empty.
func TestItemStore(t *testing.T, open func(t testing.TB) (runs.Store, runs.ItemStore)) {
	checkAll(t, slices.Concat(itemPromises, fencePromises, itemQueryPromises), func(t testing.TB) itemStores {
		s, items := open(t)
		return itemStores{s, items}
	})
}

type itemStores struct {
	runs.Store
	runs.ItemStore
}

var itemPromises = []promise[itemStores]{
	{
		name: "items-put",
		text: "PutItems keeps items with the run's attempt, and a read that begins afterwards sees them",
		check: func(ctx context.Context, s itemStores) error {
			r, err := running(ctx, s, "r1")
			if err != nil {
				return err
			}
			want := []runs.Item{
				{Key: "a", Outcome: runs.ItemSucceeded, At: created},
				{Key: "b", Outcome: runs.ItemFailed, Failure: runs.Because(runs.ReasonNotFound), At: created.Add(hour)},
				{Key: "c", Outcome: runs.ItemSkipped, Failure: runs.Failure{Reason: "ext.test.odd", Message: "Unchanged."}},
			}
			in := slices.Clone(want)
			in[1].Attempt = 99 // is not the caller's to say
			if err := s.PutItems(ctx, r.Ref(), r.Attempt, in); err != nil {
				return fmt.Errorf("put: %w", err)
			}
			for i := range want {
				want[i].Attempt = r.Attempt
			}
			return hasItems(ctx, s, r, want...)
		},
	},
	{
		name: "items-replace",
		text: "PutItems replaces items with the same key, and keeps the others",
		check: func(ctx context.Context, s itemStores) error {
			r, err := running(ctx, s, "r1")
			if err != nil {
				return err
			}
			if err := put(ctx, s, r, failed("a"), failed("b")); err != nil {
				return err
			}
			if err := put(ctx, s, r, succeeded("b"), succeeded("c")); err != nil {
				return err
			}
			return hasItems(ctx, s, r, at(r, failed("a")), at(r, succeeded("b")), at(r, succeeded("c")))
		},
	},
	{
		name: "items-twice",
		text: "of items with the same key in one call the last is kept",
		check: func(ctx context.Context, s itemStores) error {
			r, err := running(ctx, s, "r1")
			if err != nil {
				return err
			}
			if err := put(ctx, s, r, failed("a"), succeeded("b"), succeeded("a"), failed("b"), failed("c"), failed("c")); err != nil {
				return err
			}
			return hasItems(ctx, s, r, at(r, succeeded("a")), at(r, failed("b")), at(r, failed("c")))
		},
	},
	{
		name: "items-own",
		text: "items belong to one run",
		check: func(ctx context.Context, s itemStores) error {
			r1, err := running(ctx, s, "r1")
			if err != nil {
				return err
			}
			r2, err := running(ctx, s, "r2")
			if err != nil {
				return err
			}
			if err := errors.Join(put(ctx, s, r1, failed("a")), put(ctx, s, r2, succeeded("a"), failed("b"))); err != nil {
				return err
			}
			if err := hasItems(ctx, s, r1, at(r1, failed("a"))); err != nil {
				return err
			}
			return hasItems(ctx, s, r2, at(r2, succeeded("a")), at(r2, failed("b")))
		},
	},
	{
		name: "items-attempts",
		text: "the items of an earlier attempt stay, and a later one may replace them",
		check: func(ctx context.Context, s itemStores) error {
			r, err := running(ctx, s, "r1")
			if err != nil {
				return err
			}
			if err := put(ctx, s, r, succeeded("a"), failed("b")); err != nil {
				return err
			}
			first := r.Clone()
			r.Status = runs.StatusQueued
			if r, err = update(ctx, s, r); err != nil {
				return err
			}
			if r, err = update(ctx, s, begin(r)); err != nil {
				return err
			}
			if err := put(ctx, s, r, succeeded("b")); err != nil {
				return err
			}
			if _, err := update(ctx, s, end(r.Clone())); err != nil {
				return err
			}
			return hasItems(ctx, s, r, at(first, succeeded("a")), at(r, succeeded("b")))
		},
	},
	{
		name: "items-leave-run",
		text: "PutItems leaves the run as it is, and its revision",
		check: func(ctx context.Context, s itemStores) error {
			r, err := running(ctx, s, "r1")
			if err != nil {
				return err
			}
			if err := put(ctx, s, r, failed("a")); err != nil {
				return err
			}
			return isStored(ctx, s, r)
		},
	},
	{
		name: "items-invalid",
		text: "PutItems reports ErrInvalid for an item that is not Validate, and keeps none of the items",
		check: func(ctx context.Context, s itemStores) error {
			r, err := running(ctx, s, "r1")
			if err != nil {
				return err
			}
			for _, bad := range []runs.Item{
				{Outcome: runs.ItemSucceeded},
				{Key: "b"},
				{Key: "b", Outcome: "lost"},
				{Key: "b\x00", Outcome: runs.ItemSucceeded},
				{Key: "b\xff", Outcome: runs.ItemSucceeded},
				{Key: strings.Repeat("b", runs.MaxText+1), Outcome: runs.ItemSucceeded},
				{Key: "b", Outcome: runs.ItemFailed, Failure: runs.Failure{Reason: "bad luck"}},
				{Key: "b", Outcome: runs.ItemFailed, Failure: runs.Failure{Reason: runs.ReasonGone, Message: "\x00"}},
			} {
				err := s.PutItems(ctx, r.Ref(), r.Attempt, []runs.Item{succeeded("a"), bad, succeeded("c")})
				if err := wantErr(fmt.Sprintf("put of %+v", bad), err, runs.ErrInvalid); err != nil {
					return err
				}
			}
			return hasItems(ctx, s, r)
		},
	},
	{
		name: "items-values",
		text: "items are kept byte by byte, their instants in UTC and in microseconds",
		check: func(ctx context.Context, s itemStores) error {
			r, err := running(ctx, s, "r1")
			if err != nil {
				return err
			}
			var want []runs.Item
			for _, text := range []string{" \u0001\u007f ", `'"\ %s $1 ? :a`, "Z", "a", "é", "日本語 👩‍👩‍👧", "\U0010ffff"} {
				want = append(want, runs.Item{
					Key: text, Outcome: runs.ItemFailed, Failure: runs.Failure{Reason: "ext.test.odd", Message: text},
					At: time.Date(2026, 3, 29, 2, 30, 0, 123456789, time.FixedZone("", 3600)),
				})
			}
			if err := put(ctx, s, r, want...); err != nil {
				return err
			}
			slices.SortFunc(want, func(a, b runs.Item) int { return strings.Compare(a.Key, b.Key) })
			for i := range want {
				want[i] = at(r, want[i])
				want[i].At = runs.Instant(want[i].At)
			}
			return hasItems(ctx, s, r, want...)
		},
	},
	{
		name: "items-limits",
		text: "items that are as large as Validate allows are kept, for a run that is so, too",
		check: func(ctx context.Context, s itemStores) error {
			r := largest(3)
			r.Status, r.Outcome = runs.StatusRunning, ""
			r, err := insert(ctx, s, r)
			if err != nil {
				return err
			}
			rng := rand.New(rand.NewPCG(4, 1)) //nolint:gosec // repeatable on purpose
			var want []runs.Item
			for range 3 {
				text := noise(rng, runs.MaxText)
				want = append(want, at(r, runs.Item{Key: text, Outcome: runs.ItemSkipped, Failure: runs.Failure{Reason: runs.ReasonGone, Message: text}}))
			}
			if err := put(ctx, s, r, want...); err != nil {
				return err
			}
			slices.SortFunc(want, func(a, b runs.Item) int { return strings.Compare(a.Key, b.Key) })
			return hasItems(ctx, s, r, want...)
		},
	},
	{
		name: "items-many",
		text: "PutItems keeps any number of items at once",
		check: func(ctx context.Context, s itemStores) error {
			r, err := running(ctx, s, "r1")
			if err != nil {
				return err
			}
			var want []runs.Item
			for i := range 7000 { // more than a statement has room for parameters
				want = append(want, at(r, failed(id(i))))
			}
			if err := put(ctx, s, r, want...); err != nil {
				return err
			}
			if err := put(ctx, s, r); err != nil {
				return fmt.Errorf("no items: %w", err)
			}
			return hasItems(ctx, s, r, want...)
		},
	},
	{
		name: "items-context-ended",
		text: "a context that ends makes a call return soon, with the context's error",
		check: func(ctx context.Context, s itemStores) error {
			r, err := running(ctx, s, "r1")
			if err != nil {
				return err
			}
			for _, ended := range endedContexts(ctx) {
				err := s.PutItems(ended.ctx, r.Ref(), r.Attempt, []runs.Item{failed("a")})
				if err := wantErr("put", err, ended.want); err != nil {
					return err
				}
				_, err = s.Items(ended.ctx, runs.ItemQuery{Run: r.Ref()})
				if err := wantErr("items", err, ended.want); err != nil {
					return err
				}
			}
			return nil
		},
	},
}

// running inserts a run of acme and claims it.
func running(ctx context.Context, s runs.Store, id string) (*runs.Run, error) {
	r, err := insert(ctx, s, queued(acme, id, ""))
	if err != nil {
		return nil, err
	}
	return update(ctx, s, begin(r))
}

func put(ctx context.Context, s itemStores, r *runs.Run, items ...runs.Item) error {
	if err := s.PutItems(ctx, r.Ref(), r.Attempt, items); err != nil {
		return fmt.Errorf("put items: %w", err)
	}
	return nil
}

func succeeded(key string) runs.Item {
	return runs.Item{Key: key, Outcome: runs.ItemSucceeded, At: created}
}

func failed(key string) runs.Item {
	return runs.Item{Key: key, Outcome: runs.ItemFailed, Failure: runs.Because(runs.ReasonNotFound), At: created}
}

// at is the item as an attempt of r keeps it.
func at(r *runs.Run, it runs.Item) runs.Item {
	it.Attempt = r.Attempt
	return it
}

// hasItems checks that r has these items, and no others.
func hasItems(ctx context.Context, s itemStores, r *runs.Run, want ...runs.Item) error {
	return listsItems(ctx, s, runs.ItemQuery{Run: r.Ref(), Limit: runs.MaxLimit}, want...)
}

// listsItems checks that the pages of q have the items want, in this order.
func listsItems(ctx context.Context, s itemStores, q runs.ItemQuery, want ...runs.Item) error {
	var all []runs.Item
	for range maxPages {
		page, err := s.Items(ctx, q)
		if err != nil {
			return fmt.Errorf("items: %w", err)
		}
		if size := runs.PageSize(q.Limit); len(page.Items) > size {
			return fmt.Errorf("items: a page of %d, want %d at most", len(page.Items), size)
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return sameItems(want, all)
		}
		q.After = page.Next
	}
	return errors.New("items: the pages do not end")
}

func sameItems(want, got []runs.Item) error {
	for i, w := range want {
		if i < len(got) && got[i] != w {
			return fmt.Errorf("item %d = %s, want %s", i, show(got[i]), show(w))
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("%d items, want %d", len(got), len(want))
	}
	return nil
}
