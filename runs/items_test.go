package runs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

func TestItems(t *testing.T) {
	store := memruns.New()
	tracker := newTracker(t, runs.Config{
		Store: store,
		Items: store,
		Operations: []runs.Operation{op(func(_ context.Context, x *runs.Exec, _ selection) error {
			x.Total(3)
			x.Total(2) // never lowered; and there turn out to be more
			x.Succeed("a")
			x.Fail("b", runs.Public(nil, runs.ReasonThrottled, ""))
			x.Succeed("b") // keeps its first outcome
			x.Skip("c", runs.ReasonUnsupported)
			x.Skip("d", "no such reason")
			x.Succeed("") // a defect of the handler
			x.Add("objects", 5)
			x.Add("objects", -3)
			x.Note("source", "contoso")
			return nil
		})},
	})
	begin(t, tracker)
	got := wait(t, tracker, start(t, tracker, request(nil)).Run)
	wantEnd(t, got, runs.OutcomePartiallySucceeded, "")
	want := runs.Counts{Total: 5, Succeeded: 2, Failed: 1, Skipped: 2, Extra: map[string]int64{"objects": 5}}
	if diff := cmp.Diff(want, got.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if got.Context["source"] != "contoso" {
		t.Errorf("context = %v", got.Context)
	}
	page, err := tracker.Items(t.Context(), runs.ItemQuery{Run: got.Ref()})
	if err != nil {
		t.Fatalf("Items: %v", err)
	}
	var list []string
	for _, it := range page.Items {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s %s", it.Key, it.Outcome, it.Reason)))
	}
	if diff := cmp.Diff([]string{"a succeeded", "b failed throttled", "c skipped unsupported", "d skipped", "item e3b0c442 succeeded"}, list); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
}

// Items that are being stored when the handler returns are stored at the end of the
// run, and nobody is warned of that.
func TestItemsAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &hooked{Store: memruns.New()}
		storing := make(chan struct{})
		var once sync.Once
		store.put = func(ctx context.Context, ref runs.Ref, attempt int, items []runs.Item) error {
			first := false
			once.Do(func() { first = true })
			if first {
				close(storing)
				<-ctx.Done()
				return ctx.Err()
			}
			return store.Store.PutItems(ctx, ref, attempt, items)
		}
		log := &journal{}
		tracker := newTracker(t, runs.Config{
			Store: store, Items: store, Logger: log.logger(),
			Operations: []runs.Operation{op(func(_ context.Context, x *runs.Exec, _ selection) error {
				x.Succeed("a")
				<-storing
				return nil
			})},
		})
		begin(t, tracker)
		got := wait(t, tracker, start(t, tracker, request(nil)).Run)
		page, err := tracker.Items(t.Context(), runs.ItemQuery{Run: got.Ref()})
		if err != nil || len(page.Items) != 1 || log.String() != "" {
			t.Errorf("%d items, %v, and the log has %q; want one item and nothing", len(page.Items), err, log)
		}
	})
}

// Items that go to a store without the run cost neither the run nor its worker,
// and the log says what is wrong.
func TestItemsOfAnotherStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &journal{}
		tracker := newTracker(t, runs.Config{
			Store: memruns.New(), Items: memruns.New(), Logger: log.logger(),
			Operations: []runs.Operation{op(func(ctx context.Context, x *runs.Exec, _ selection) error {
				x.Succeed("a")
				time.Sleep(time.Minute) // items are stored meanwhile
				x.Succeed("b")
				return ctx.Err()
			})},
		})
		begin(t, tracker)
		began := time.Now()
		got := wait(t, tracker, start(t, tracker, request(nil)).Run)
		wantEnd(t, got, runs.OutcomeSucceeded, "")
		if took := time.Since(began); got.Counts.Succeeded != 2 || got.Lost != 0 || took > 70*time.Second {
			t.Errorf("succeeded %d, lost %d, took %v; want 2, 0, a minute", got.Counts.Succeeded, got.Lost, took)
		}
		if text := log.String(); !strings.Contains(text, "items were refused") || !strings.Contains(text, runs.ErrNotFound.Error()) {
			t.Errorf("log has %q; want that items were refused, and why", text)
		}
	})
}

// Without an item store a run has its first failures.
func TestItemsWithoutStore(t *testing.T) {
	const n = runs.MaxFailures + 50
	tracker := newTracker(t, runs.Config{
		Operations: []runs.Operation{op(func(_ context.Context, x *runs.Exec, _ selection) error {
			for i := range n {
				x.Fail(fmt.Sprint(i), runs.Public(nil, runs.ReasonGone, ""))
			}
			return nil
		})},
	})
	begin(t, tracker)
	got := wait(t, tracker, start(t, tracker, request(nil)).Run)
	if got.Counts.Failed != n || len(got.Failures) != runs.MaxFailures {
		t.Errorf("%d failed and %d are kept, want %d and %d", got.Counts.Failed, len(got.Failures), n, runs.MaxFailures)
	}
	page, err := tracker.Items(t.Context(), runs.ItemQuery{Run: got.Ref(), Reason: runs.ReasonGone})
	if err != nil || len(page.Items) != runs.MaxFailures {
		t.Errorf("Items = %d, %v; want %d", len(page.Items), err, runs.MaxFailures)
	}
	if page, _ := tracker.Items(t.Context(), runs.ItemQuery{Run: got.Ref(), Outcomes: []runs.ItemOutcome{runs.ItemSucceeded}}); len(page.Items) != 0 {
		t.Errorf("succeeded items = %v, want none", page.Items)
	}
}

// All failed items that a run has by itself are on one page.
func TestItemsWithoutStoreAreOnePage(t *testing.T) {
	tracker := newTracker(t, runs.Config{Operations: []runs.Operation{op(func(_ context.Context, x *runs.Exec, _ selection) error {
		for i := range 5 {
			x.Fail(fmt.Sprint(i), errors.New("x"))
		}
		return nil
	})}})
	begin(t, tracker)
	r := wait(t, tracker, start(t, tracker, request(nil)).Run)
	page, err := tracker.Items(t.Context(), runs.ItemQuery{Run: r.Ref(), Limit: 2})
	if err != nil || len(page.Items) != 5 || page.Next != "" {
		t.Errorf("Items = %d, next %q, %v; want all 5, the last page", len(page.Items), page.Next, err)
	}
	_, err = tracker.Items(t.Context(), runs.ItemQuery{Run: r.Ref(), After: "elsewhere"})
	wantErr(t, "Items after a cursor", err, runs.ErrBadCursor)
}

// An item is kept under what is visible of its key, or under a digest if no
// store keeps that. It does not vanish, and it does not cost the run.
func TestItemKeys(t *testing.T) {
	tests := []struct {
		name, key, want string
	}{
		{"plain", "policy 7/ü", "policy 7/ü"},
		{"letters of four bytes", "\U00020000\U0001d49c", "\U00020000\U0001d49c"},
		{"controls", "a\r\nSet-Cookie: x\x00", "aSet-Cookie: x"},
		{"turned around", "a\u202egpj\u200b", "agpj"},
		{"line separator", "a\u2028b", "ab"},
		{"broken UTF-8", "\xff1", "\uFFFD1"},
		{"as long as can be", strings.Repeat("x", runs.MaxText), strings.Repeat("x", runs.MaxText)},
		{"empty", "", "item e3b0c442"},
		{"nothing visible", "\x00\u202e", "item d6579cac"},
		{"too long", strings.Repeat("x", runs.MaxText+1), "item c6d8e990"},
		{"too long in bytes", strings.Repeat("\U00020000", 300), "item ada41659"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			store := memruns.New()
			calls := 0
			tracker := newTracker(t, runs.Config{Store: store, Items: store, Operations: []runs.Operation{op(func(_ context.Context, x *runs.Exec, _ selection) error {
				calls++
				x.Succeed("other")
				x.Fail(tt.key, errors.New("x"))
				x.Fail(tt.key, errors.New("again"))
				return nil
			})}})
			begin(t, tracker)
			r := wait(t, tracker, start(t, tracker, request(nil)).Run)
			wantEnd(t, r, runs.OutcomePartiallySucceeded, "")
			if calls != 1 || r.Counts.Failed != 1 || len(r.Failures) != 1 || r.Failures[0].Key != tt.want {
				t.Errorf("executed %d times, %d failed: %+v; want once, 1, %q", calls, r.Counts.Failed, r.Failures, tt.want)
			}
			page, err := tracker.Items(t.Context(), runs.ItemQuery{Run: r.Ref(), Outcomes: []runs.ItemOutcome{runs.ItemFailed}})
			if err != nil || len(page.Items) != 1 || page.Items[0].Key != tt.want {
				t.Errorf("Items = %+v, %v; want %q", page.Items, err, tt.want)
			}
		})
	}
}
