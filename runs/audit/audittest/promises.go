package audittest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/audit"
)

func writePromises() []promise {
	return []promise{
		{
			name: "head-empty",
			text: "Head returns the zero Head if nothing was appended",
			check: func(ctx context.Context, s audit.Store) error {
				return on(ctx, s).head(acme, "", "").append(globex, "", "g1", plain(1, 1)...).head(acme, "", "").err
			},
		},
		{
			name: "append-keeps",
			text: "what one call has stored every later call sees, as it was given",
			check: func(ctx context.Context, s audit.Store) error {
				rows := []audit.Row{
					row(1, "user:dana", "", "start", ""),
					row(2, "system:tracker", "run:1", "completed", "restore.execute"),
				}
				return on(ctx, s).append(acme, "", "h2", rows...).head(acme, "h2", "").rows(acme, rows...).
					append(acme, "h2", "h3", plain(3, 1)...).head(acme, "h3", "").
					rows(acme, slices.Concat(rows, plain(3, 1))...).err
			},
		},
		{
			name: "append-own",
			text: "the Store keeps rows of its own: what the caller does to those it gave or got changes nothing",
			check: func(ctx context.Context, s audit.Store) error {
				rows := plain(1, 1)
				sc := on(ctx, s).append(acme, "", "h1", rows...)
				rows[0].Body[0], rows[0].Seal[0] = 'x', 'x'
				sc.rows(acme, plain(1, 1)...)
				return sc.step("spoil", func() error {
					got, err := s.Rows(ctx, acme, 0, 1)
					if err == nil && len(got) == 1 {
						got[0].Body[0], got[0].Seal[0] = 'x', 'x'
					}
					return err
				}).rows(acme, plain(1, 1)...).err
			},
		},
		{
			name: "append-conflict",
			text: "Append stores nothing and reports runs.ErrConflict unless the head is last",
			check: func(ctx context.Context, s audit.Store) error {
				return on(ctx, s).
					conflict(func() error { return s.Append(ctx, acme, "h0", "h1", plain(1, 1)) }).
					head(acme, "", "").rows(acme).
					append(acme, "", "h1", plain(1, 1)...).
					conflict(func() error { return s.Append(ctx, acme, "", "h2", plain(2, 1)) }).
					conflict(func() error { return s.Append(ctx, acme, "h2", "h3", plain(2, 1)) }).
					head(acme, "h1", "").rows(acme, plain(1, 1)...).err
			},
		},
		{
			name: "append-all-or-nothing",
			text: "a number that is taken is an error, and then neither the head nor any row is stored",
			check: func(ctx context.Context, s audit.Store) error {
				sc := on(ctx, s).append(acme, "", "h2", plain(1, 2)...)
				return sc.step("taken", func() error {
					if s.Append(ctx, acme, "h2", "h3", plain(2, 2)) == nil {
						return errors.New("a number was given twice")
					}
					return nil
				}).head(acme, "h2", "").rows(acme, plain(1, 2)...).err
			},
		},
		{name: "append-race", text: "of appends behind the same last one is stored", check: checkRace},
	}
}

func checkRace(ctx context.Context, s audit.Store) error {
	const rivals = 8
	last := ""
	for round := range int64(5) {
		errs := make([]error, rivals)
		var wg sync.WaitGroup
		for i := range rivals {
			wg.Go(func() {
				errs[i] = s.Append(ctx, acme, last, fmt.Sprintf("%d-%d", round, i), plain(round+1, 1))
			})
		}
		wg.Wait()
		won := 0
		for i, err := range errs {
			switch {
			case err == nil:
				won++
				last = fmt.Sprintf("%d-%d", round, i)
			case !errors.Is(err, runs.ErrConflict):
				return err
			}
		}
		if won != 1 {
			return fmt.Errorf("%d of %d appends were stored, want one", won, rivals)
		}
	}
	return on(ctx, s).head(acme, last, "").rows(acme, plain(1, 5)...).err
}

func readPromises() []promise {
	return []promise{
		{
			name: "rows-window",
			text: "Rows returns the rows with a greater number, smallest first, limit of them at most; numbers below 1 are no exception",
			check: func(ctx context.Context, s audit.Store) error {
				all := plain(-3, 12)
				return on(ctx, s).append(acme, "", "h", all...).
					read("from the beginning", all, func() ([]audit.Row, error) { return s.Rows(ctx, acme, math.MinInt64, 100) }).
					read("a window", all[5:8], func() ([]audit.Row, error) { return s.Rows(ctx, acme, 1, 3) }).
					read("behind the end", nil, func() ([]audit.Row, error) { return s.Rows(ctx, acme, 8, 3) }).err
			},
		},
		{
			name: "tenants",
			text: "a tenant has its own head, numbers and rows",
			check: func(ctx context.Context, s audit.Store) error {
				theirs := []audit.Row{row(1, "user:gil", "run:2", "cancel", "")}
				return on(ctx, s).append(acme, "", "a", plain(1, 2)...).append(globex, "", "g", theirs...).
					head(acme, "a", "").rows(globex, theirs...).list(globex, audit.Filter{}, 10, theirs...).
					list(acme, audit.Filter{Index: audit.Index{Actor: "user:gil"}}, 10).
					prune(acme, "", "b", 2).rows(globex, theirs...).head(globex, "g", "").err
			},
		},
		{
			name: "list-pages",
			text: "List returns rows with the greatest number first, limit of them at most, and more leads on to all others",
			check: func(ctx context.Context, s audit.Store) error {
				all := plain(1, 25)
				newest := slices.Clone(all)
				slices.Reverse(newest)
				sc := on(ctx, s).append(acme, "", "h", all...)
				for _, limit := range []int{1, 7, 25, 100} {
					sc.list(acme, audit.Filter{}, limit, newest...)
				}
				return sc.list(globex, audit.Filter{}, 10).err
			},
		},
		{name: "list-filter", text: "List returns the rows that the filter selects, and no others", check: checkFilter},
		{name: "list-rare", text: "more leads to rows however far they lie apart", check: checkRare},
	}
}

func checkFilter(ctx context.Context, s audit.Store) error {
	var all []audit.Row
	for i := range int64(64) {
		pick := func(bit int64, a, b string) string {
			if i>>bit&1 == 0 {
				return a
			}
			return b
		}
		all = append(all, row(i+1, pick(0, "user:dana", "user:eli"), pick(1, "run:1", ""),
			audit.Event(pick(2, "start", "join")), runs.Action(pick(3, "start", "restore.execute"))))
	}
	sc := on(ctx, s).append(acme, "", "h", all...)
	for i := range 16 {
		pick := func(bit int, value string) string {
			if i>>bit&1 == 0 {
				return ""
			}
			return value
		}
		for _, f := range []audit.Filter{{}, {After: 10}, {Before: 50}, {After: 20, Before: 30}} {
			f.Index = audit.Index{
				Actor: pick(0, "user:eli"), Object: pick(1, "run:1"),
				Event: audit.Event(pick(2, "join")), Action: runs.Action(pick(3, "restore.execute")),
			}
			var want []audit.Row
			for _, r := range slices.Backward(all) {
				if f.Matches(r) {
					want = append(want, r)
				}
			}
			sc.list(acme, f, 3, want...)
		}
	}
	return sc.err
}

func checkRare(ctx context.Context, s audit.Store) error {
	const n = 5000
	all := plain(1, n)
	all[0] = row(1, "user:eli", "run:1", "join", "restore.execute")
	all[n-2] = row(n-1, "user:eli", "run:1", "join", "restore.execute")
	sc := on(ctx, s)
	last := ""
	for i := 0; i < n; i += 1000 {
		next := fmt.Sprint("h", i)
		sc.append(acme, last, next, all[i:i+1000]...)
		last = next
	}
	for _, x := range []audit.Index{
		{Actor: "user:eli"},
		{Event: "join"},
		{Object: "run:1", Event: "join"},
		{Actor: "user:eli", Action: "restore.execute"},
	} {
		sc.list(acme, audit.Filter{Index: x}, 10, all[n-2], all[0])
	}
	return sc.err
}

func prunePromises() []promise {
	return []promise{
		{
			name: "prune",
			text: "Prune makes next the base and deletes the rows up to upTo; an Append leaves the base alone",
			check: func(ctx context.Context, s audit.Store) error {
				return on(ctx, s).append(acme, "", "h5", plain(1, 5)...).
					prune(acme, "", "b2", 2).head(acme, "h5", "b2").rows(acme, plain(3, 3)...).
					append(acme, "h5", "h6", plain(6, 1)...).head(acme, "h6", "b2").
					prune(acme, "b2", "b4", 4).head(acme, "h6", "b4").rows(acme, plain(5, 2)...).err
			},
		},
		{
			name: "prune-conflict",
			text: "Prune does nothing and reports runs.ErrConflict unless the base is base",
			check: func(ctx context.Context, s audit.Store) error {
				return on(ctx, s).append(acme, "", "h5", plain(1, 5)...).
					conflict(func() error { return s.Prune(ctx, acme, "b0", "b2", 2) }).
					head(acme, "h5", "").rows(acme, plain(1, 5)...).err
			},
		},
	}
}
