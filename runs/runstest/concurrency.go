package runstest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// atOnce is how many goroutines a test of concurrency uses.
const atOnce = 16

var concurrencyPromises = []promise[runs.Store]{
	{
		name: "concurrent-key",
		text: "of any number of concurrent Inserts with one key, exactly one gets true; the others get its run",
		check: func(ctx context.Context, s runs.Store) error {
			return oneInserts(ctx, s, func(i int) *runs.Run { return queued(acme, id(i), "k1") })
		},
	},
	{
		name: "concurrent-once",
		text: "of any number of concurrent Inserts with one Once, exactly one gets true; the others get its run",
		check: func(ctx context.Context, s runs.Store) error {
			return oneInserts(ctx, s, func(i int) *runs.Run {
				r := queued(acme, id(i), runs.Key(id(i)))
				r.Once = "slot 1"
				if i%2 == 0 {
					r = end(r) // which makes no difference
				}
				return r
			})
		},
	},
	{
		name: "concurrent-id",
		text: "of any number of concurrent Inserts with one ID, exactly one gets true; the others get ErrExists",
		check: func(ctx context.Context, s runs.Store) error {
			errs, inserted := make([]error, atOnce), make([]bool, atOnce)
			together(func(i int) {
				_, inserted[i], errs[i] = s.Insert(ctx, queued(acme, "r1", ""))
			})
			return oneWins(errs, runs.ErrExists, func(i int) error {
				if inserted[i] != (errs[i] == nil) {
					return fmt.Errorf("insert: inserted = %v, error is %v", inserted[i], errs[i])
				}
				return nil
			})
		},
	},
	{
		name: "concurrent-update",
		text: "of any number of concurrent Updates of one revision, exactly one succeeds; the others get ErrConflict",
		check: func(ctx context.Context, s runs.Store) error {
			r, err := insert(ctx, s, queued(acme, "r1", ""))
			for range 4 {
				if err != nil {
					return err
				}
				errs, stored := make([]error, atOnce), make([]*runs.Run, atOnce)
				together(func(i int) {
					next := r.Clone()
					next.Counts.Total = int64(i)
					stored[i], errs[i] = s.Update(ctx, next)
				})
				err = oneWins(errs, runs.ErrConflict, func(i int) error {
					if errs[i] != nil {
						return nil
					}
					got := stored[i]
					if got.Counts.Total != int64(i) || got.Revision != r.Revision+1 {
						return fmt.Errorf("update %d: got total %d of revision %d", i, got.Counts.Total, got.Revision)
					}
					got.Params = r.Params
					return isStored(ctx, s, got)
				})
				if err == nil {
					r, err = get(ctx, s, acme, "r1")
				}
			}
			return err
		},
	},
	{
		name: "concurrent-lane",
		text: "of any number of runs that are claimed at once in one lane, exactly one gets to run; the others get ErrLaneBusy",
		check: func(ctx context.Context, s runs.Store) error {
			for i := range atOnce {
				r := queued(acme, id(i), "")
				r.Lane = "lane"
				if err := insertAll(ctx, s, r); err != nil {
					return err
				}
			}
			errs := make([]error, atOnce)
			together(func(i int) {
				r := queued(acme, id(i), "")
				r.Revision = 1
				_, errs[i] = s.Update(ctx, begin(r))
			})
			if err := oneWins(errs, runs.ErrLaneBusy, func(int) error { return nil }); err != nil {
				return err
			}
			page, err := s.List(ctx, runs.Query{Tenant: acme, Statuses: []runs.Status{runs.StatusRunning}})
			if _, err = only(page.Runs, err); err != nil {
				return fmt.Errorf("running in one lane: %w", err)
			}
			return nil
		},
	},
	{
		name: "concurrent-own",
		text: "every one of many concurrent callers gets its own result",
		check: func(ctx context.Context, s runs.Store) error {
			errs := make([]error, atOnce)
			together(func(i int) {
				for j := range 4 {
					if errs[i] == nil {
						errs[i] = live(ctx, s, i, j)
					}
				}
			})
			return errors.Join(errs...)
		},
	},
}

// live takes a run through its life, past a few things that must fail.
func live(ctx context.Context, s runs.Store, i, j int) error {
	in := full(fmt.Sprint("tenant ", i), fmt.Sprintf("r%d-%d", i, j))
	in.Status, in.Outcome, in.Lane = runs.StatusQueued, "", "lane"
	r, err := insert(ctx, s, in)
	if err != nil {
		return err
	}
	if err := joins(ctx, s, queued(in.Tenant, in.ID+"-again", in.Key), in.ID); err != nil {
		return err
	}
	for step := range 4 {
		stale := r.Clone()
		r.Counts.Total++
		if step == 0 {
			begin(r)
		}
		total := r.Counts.Total
		if r, err = update(ctx, s, r); err != nil {
			return err
		}
		if r.ID != in.ID || r.Counts.Total != total {
			return fmt.Errorf("update of %s returned %s with total %d, want %d", in.ID, r.ID, r.Counts.Total, total)
		}
		_, err := s.Update(ctx, stale)
		if err := wantErr("stale update", err, runs.ErrConflict); err != nil {
			return err
		}
		if err := isStored(ctx, s, r); err != nil {
			return err
		}
	}
	_, err = update(ctx, s, end(r))
	return err
}

// together calls f with 0 to atOnce-1 on goroutines that begin at once.
func together(f func(i int)) {
	begin := make(chan struct{})
	var wg sync.WaitGroup
	for i := range atOnce {
		wg.Go(func() {
			<-begin
			f(i)
		})
	}
	close(begin)
	wg.Wait()
}

// oneInserts inserts runs of which only one can be.
func oneInserts(ctx context.Context, s runs.Store, run func(i int) *runs.Run) error {
	stored, inserted, errs := make([]*runs.Run, atOnce), make([]bool, atOnce), make([]error, atOnce)
	together(func(i int) {
		stored[i], inserted[i], errs[i] = s.Insert(ctx, run(i))
	})
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("insert: %w", err)
	}
	var winners []string
	for i := range atOnce {
		if inserted[i] {
			winners = append(winners, id(i))
		}
	}
	if len(winners) != 1 {
		return fmt.Errorf("%d of %d inserts got true, want 1", len(winners), atOnce)
	}
	for i := range atOnce {
		if stored[i] == nil || stored[i].ID != winners[0] {
			return fmt.Errorf("insert of %s returned %v, want %s", id(i), stored[i], winners[0])
		}
		if !inserted[i] {
			if err := isMissing(ctx, s, acme, id(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// oneWins checks that one of the errors is nil and all others are want, and
// calls each with every index.
func oneWins(errs []error, want error, each func(i int) error) error {
	won := 0
	for i, err := range errs {
		if err == nil {
			won++
		} else if err := wantErr(fmt.Sprint("call ", i), err, want); err != nil {
			return err
		}
		if err := each(i); err != nil {
			return err
		}
	}
	if won != 1 {
		return fmt.Errorf("%d of %d calls succeeded, want 1", won, len(errs))
	}
	return nil
}

var contextPromises = []promise[runs.Store]{
	{
		name: "context-ended",
		text: "a context that ends makes a call return soon, with the context's error",
		check: func(ctx context.Context, s runs.Store) error {
			r, err := insert(ctx, s, queued(acme, "r1", ""))
			if err != nil {
				return err
			}
			for _, ended := range endedContexts(ctx) {
				for _, call := range []struct {
					name string
					f    func() error
				}{
					{"insert", func() error { _, _, err := s.Insert(ended.ctx, queued(acme, "r2", "")); return err }},
					{"get", func() error { _, err := s.Get(ended.ctx, r.Ref()); return err }},
					{"update", func() error { _, err := s.Update(ended.ctx, r); return err }},
					{"list", func() error { _, err := s.List(ended.ctx, runs.Query{Tenant: acme}); return err }},
					{"due", func() error { _, err := s.Due(ended.ctx, claimable()); return err }},
				} {
					if err := wantErr(call.name, call.f(), ended.want); err != nil {
						return err
					}
				}
			}
			return nil
		},
	},
}

type endedContext struct {
	ctx  context.Context
	want error
}

func endedContexts(ctx context.Context) []endedContext {
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	late, cancel := context.WithDeadline(ctx, time.Unix(0, 0))
	cancel()
	return []endedContext{{canceled, context.Canceled}, {late, context.DeadlineExceeded}}
}
