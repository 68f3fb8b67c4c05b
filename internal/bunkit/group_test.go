package bunkit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
)

// A recorder does calls, which are numbers, a second at a time, and remembers
// which of them it did together.
type recorder struct {
	mu      sync.Mutex
	alone   []int
	batches [][]int
	bad     int   // the call that fails, and a batch with it
	err     error // how it does
}

func (r *recorder) one(ctx context.Context, call int) error {
	if err := sleep(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alone = append(r.alone, call)
	if call == r.bad {
		return r.err
	}
	return nil
}

func (r *recorder) many(ctx context.Context, calls []int) []error {
	errs := make([]error, len(calls))
	if err := sleep(ctx); err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.batches = append(r.batches, slices.Sorted(slices.Values(calls)))
	if r.bad != 0 && slices.Contains(calls, r.bad) {
		for i := range errs {
			errs[i] = bunkit.ErrAlone
		}
	}
	return errs
}

func sleep(ctx context.Context) error {
	select {
	case <-time.After(time.Second):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *recorder) group(direct int, exclusive bool) *bunkit.Group[int] {
	return &bunkit.Group[int]{Alone: r.one, Together: r.many, Direct: direct, Exclusive: exclusive, Most: 1000}
}

// calls does the calls from first to last at once, in a goroutine each, and
// sends what they return.
func calls(ctx context.Context, g *bunkit.Group[int], first, last int) <-chan error {
	errs := make(chan error, last-first+1)
	for i := first; i <= last; i++ {
		go func() { errs <- g.Do(ctx, i) }()
		synctest.Wait() // in this order
	}
	return errs
}

func TestGroup(t *testing.T) {
	for _, c := range []struct {
		name      string
		direct    int
		exclusive bool
		most      int
		n         int
		alone     []int
		batches   [][]int
		took      time.Duration
	}{
		{name: "idle", direct: 1, exclusive: true, n: 1, alone: []int{1}, took: time.Second},
		{name: "few", direct: 4, n: 4, alone: []int{1, 2, 3, 4}, took: time.Second},
		{name: "many", direct: 2, n: 9, alone: []int{1, 2}, batches: [][]int{{3}, {4, 5, 6, 7, 8, 9}}, took: 2 * time.Second},
		{name: "not few yet", direct: 4, n: 7, alone: []int{1, 2, 3, 4}, batches: [][]int{{5}, {6, 7}}, took: 2 * time.Second},
		{name: "one connection", direct: 1, exclusive: true, n: 9, alone: []int{1}, batches: [][]int{{2, 3, 4, 5, 6, 7, 8, 9}}, took: 2 * time.Second},
		{name: "two on one connection", direct: 1, exclusive: true, n: 2, alone: []int{1, 2}, took: 2 * time.Second},
		{name: "too many", direct: 1, exclusive: true, most: 3, n: 8, alone: []int{1, 8}, batches: [][]int{{2, 3, 4}, {5, 6, 7}}, took: 4 * time.Second},
		{name: "never alone", n: 3, batches: [][]int{{1}, {2, 3}}, took: 2 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var r recorder
				g := r.group(c.direct, c.exclusive)
				if c.most > 0 {
					g.Most = c.most
				}
				begun := time.Now()
				errs := calls(t.Context(), g, 1, c.n)
				for range c.n {
					if err := <-errs; err != nil {
						t.Error(err)
					}
				}
				if took := time.Since(begun); took != c.took {
					t.Errorf("it took %v, want %v", took, c.took)
				}
				slices.Sort(r.alone)
				if diff := cmp.Diff(c.alone, r.alone); diff != "" {
					t.Errorf("alone (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(c.batches, r.batches); diff != "" {
					t.Errorf("together (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A call that fails does so alone, and only once.
func TestGroupBadCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := errors.New("bad")
		r := recorder{bad: 5, err: bad}
		g := r.group(1, true)
		errs := make([]error, 10)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { errs[i] = g.Do(t.Context(), i) })
		}
		wg.Wait()
		for i, err := range errs {
			if want := i == 5; errors.Is(err, bad) != want || !want && err != nil {
				t.Errorf("call %d: error is %v", i, err)
			}
		}
		slices.Sort(r.alone)
		if diff := cmp.Diff([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, r.alone); diff != "" {
			t.Errorf("done (-want +got):\n%s", diff)
		}
	})
}

// What has left before its turn is not done; a batch that all have left is
// given up, one that somebody waits for is not.
func TestGroupContextEnds(t *testing.T) {
	for _, exclusive := range []bool{true, false} {
		t.Run(fmt.Sprint("exclusive ", exclusive), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var r recorder
				g := r.group(0, exclusive)
				first := calls(t.Context(), g, 1, 1)
				soon, cancel := context.WithTimeout(t.Context(), time.Second/2)
				defer cancel()
				queued := calls(soon, g, 2, 3)
				staying := calls(t.Context(), g, 4, 4)
				for range 2 {
					if err := <-queued; !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("in the queue: error is %v, want %v", err, context.DeadlineExceeded)
					}
				}
				if err := errors.Join(<-first, <-staying); err != nil {
					t.Error(err)
				}
				// Now in the batch.
				begun := time.Now()
				soon, cancel = context.WithTimeout(t.Context(), time.Second/2)
				defer cancel()
				if err := <-calls(soon, g, 5, 5); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("in the batch: error is %v, want %v", err, context.DeadlineExceeded)
				}
				if took := time.Since(begun); took != time.Second/2 {
					t.Errorf("it left after %v", took)
				}
				synctest.Wait()
				if err := <-calls(t.Context(), g, 6, 6); err != nil {
					t.Error(err)
				}
				if diff := cmp.Diff([][]int{{1}, {4}, {6}}, r.batches); diff != "" {
					t.Errorf("together (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// Calls that leave while they are told to go do not keep their places.
func TestGroupPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		g := r.group(2, false)
		for i := range 50 {
			soon, cancel := context.WithTimeout(t.Context(), time.Duration(i%4+1)*time.Second/2)
			errs := calls(soon, g, 1, i%7)
			for range i % 7 {
				if err := <-errs; err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
			}
			cancel()
		}
		synctest.Wait()
		r.alone, r.batches = nil, nil
		begun := time.Now()
		errs := calls(t.Context(), g, 1, 2)
		if err := errors.Join(<-errs, <-errs); err != nil {
			t.Error(err)
		}
		if took := time.Since(begun); took != time.Second || len(r.alone) != 2 {
			t.Errorf("two calls took %v, and %d went alone; want 1s and 2", took, len(r.alone))
		}
	})
}
