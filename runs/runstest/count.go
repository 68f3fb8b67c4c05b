package runstest

import (
	"context"
	"fmt"
	"maps"
	"testing"

	"github.com/tenantatlas/tenantatlas/runs"
)

// TestCounter checks that the counters open returns keep every promise of
// [runs.Counter]. It calls open once for each promise, which returns the store
// that the runs are in, too; usually that is the same. Both must be empty.
func TestCounter(t *testing.T, open func(t testing.TB) (runs.Store, runs.Counter)) {
	checkAll(t, countPromises, func(t testing.TB) counters {
		s, counter := open(t)
		return counters{s, counter}
	})
}

type counters struct {
	runs.Store
	runs.Counter
}

var countPromises = []promise[counters]{
	{
		name: "count",
		text: "Count counts the runs of a tenant that match a query by status and, of the completed ones, by outcome",
		check: func(ctx context.Context, s counters) error {
			population := mixed()
			if err := insertMany(ctx, s, population); err != nil {
				return err
			}
			for _, c := range filterCases() {
				c.q.Tenant = acme
				if err := counts(ctx, s, c.q, 1000, tally(population, c.want, 1000)); err != nil {
					return err
				}
			}
			return nil
		},
	},
	{
		name: "count-limit",
		text: "no figure goes beyond the limit; one that reached it makes the tally capped",
		check: func(ctx context.Context, s counters) error {
			population := mixed()
			if err := insertMany(ctx, s, population); err != nil {
				return err
			}
			for _, limit := range []int{1, 5, 6, 11, 12, 13, 55, 56, 57} {
				for _, c := range filterCases() {
					c.q.Tenant = acme
					if err := counts(ctx, s, c.q, limit, tally(population, c.want, limit)); err != nil {
						return err
					}
				}
			}
			return nil
		},
	},
	{
		name: "count-nothing",
		text: "figures that are zero are left out",
		check: func(ctx context.Context, s counters) error {
			if err := counts(ctx, s, runs.Query{Tenant: acme}, 10, runs.Tally{}); err != nil {
				return err
			}
			r, err := insert(ctx, s, queued(acme, "r1", ""))
			if err != nil {
				return err
			}
			if err := counts(ctx, s, runs.Query{Tenant: globex}, 10, runs.Tally{}); err != nil {
				return err
			}
			if _, err := update(ctx, s, end(r)); err != nil {
				return err
			}
			return counts(ctx, s, runs.Query{Tenant: acme}, 10, runs.Tally{
				Status:  map[runs.Status]int{runs.StatusCompleted: 1},
				Outcome: map[runs.Outcome]int{runs.OutcomeSucceeded: 1},
			})
		},
	},
	{
		name: "count-all-pages",
		text: "Count looks neither at q.After nor at q.Limit",
		check: func(ctx context.Context, s counters) error {
			if err := insertAll(ctx, s, queued(acme, "r1", ""), queued(acme, "r2", ""), queued(acme, "r3", "")); err != nil {
				return err
			}
			want := runs.Tally{Status: map[runs.Status]int{runs.StatusQueued: 3}}
			for _, after := range []runs.Cursor{"", "\x00", "r2"} {
				if err := counts(ctx, s, runs.Query{Tenant: acme, Limit: 1, After: after}, 10, want); err != nil {
					return err
				}
			}
			return nil
		},
	},
	{
		name: "count-no-tenant",
		text: "Count reports ErrInvalid for a query without a tenant",
		check: func(ctx context.Context, s counters) error {
			_, err := s.Count(ctx, runs.Query{IDs: []string{"r1"}}, 10)
			return wantErr("count", err, runs.ErrInvalid)
		},
	},
	{
		name: "count-odd",
		text: "a query with texts that no store keeps counts nothing",
		check: func(ctx context.Context, s counters) error {
			if err := insertAll(ctx, s, queued(acme, "r1", "")); err != nil {
				return err
			}
			for _, odd := range oddTexts[1:] {
				for _, q := range []runs.Query{{Tenant: odd}, {Tenant: acme, IDs: []string{odd}}, {Tenant: acme, Initiator: runs.User(odd, "")}} {
					if err := counts(ctx, s, q, 10, runs.Tally{}); err != nil {
						return fmt.Errorf("query with the text %q: %w", short(odd), err)
					}
				}
			}
			return nil
		},
	},
	{
		name: "count-context-ended",
		text: "a context that ends makes a call return soon, with the context's error",
		check: func(ctx context.Context, s counters) error {
			for _, ended := range endedContexts(ctx) {
				_, err := s.Count(ended.ctx, runs.Query{Tenant: acme}, 10)
				if err := wantErr("count", err, ended.want); err != nil {
					return err
				}
			}
			return nil
		},
	},
}

// counts checks what q counts.
func counts(ctx context.Context, s counters, q runs.Query, limit int, want runs.Tally) error {
	got, err := s.Count(ctx, q, limit)
	if err != nil {
		return fmt.Errorf("count: %w", err)
	}
	if !maps.Equal(got.Status, want.Status) || !maps.Equal(got.Outcome, want.Outcome) || got.Capped != want.Capped {
		return fmt.Errorf("%s: count up to %d = %+v, want %+v", describe(q), limit, got, want)
	}
	return nil
}

// tally counts acme's runs for which want holds.
func tally(population []*runs.Run, want func(r *runs.Run) bool, limit int) runs.Tally {
	t := runs.Tally{Status: map[runs.Status]int{}, Outcome: map[runs.Outcome]int{}}
	for _, r := range population {
		if r.Tenant != acme || !want(r) {
			continue
		}
		if t.Status[r.Status] = min(t.Status[r.Status]+1, limit); t.Status[r.Status] == limit {
			t.Capped = true
		}
		if r.Ended() {
			if t.Outcome[r.Outcome] = min(t.Outcome[r.Outcome]+1, limit); t.Outcome[r.Outcome] == limit {
				t.Capped = true
			}
		}
	}
	return t
}
