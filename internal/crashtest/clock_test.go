//go:build unix

package crashtest_test

import (
	"context"
	"math"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/crashtest/model"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

// off is a clock that is wrong.
func off(by time.Duration) func(cfg *runs.Config) {
	return func(cfg *runs.Config) {
		longer(cfg)
		cfg.Now = func() time.Time { return time.Now().Add(by) }
	}
}

// TestClocksApart has processes share runs whose clocks are twenty minutes
// apart: nobody takes a run from one that is alive, a run of a dead one is taken
// after its lease, and no run ends before it began.
func TestClocksApart(t *testing.T) {
	for name, by := range map[string]time.Duration{"first is ahead": 10 * time.Minute, "first is behind": -10 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it mostly waits
			eachStore(t, func(t *testing.T, s model.Store) {
				t.Parallel()
				var dead atomic.Bool
				dying := broken(s, func(string, *runs.Run) runstest.Fault {
					if dead.Load() {
						return runstest.Fault{Before: errDown}
					}
					return runstest.Fault{}
				})
				release := make(chan struct{})
				first, _ := track(t, dying, off(by), func(ctx context.Context, _ *runs.Exec, in input) error {
					if in.N == 1 {
						<-release
						return nil
					}
					<-ctx.Done()
					return ctx.Err()
				})
				alive, lost := begin(t, first, 1), begin(t, first, 2)
				for _, ref := range []runs.Ref{alive, lost} {
					eventually(t, "claim", func() bool { return get(t, s, ref).Status == runs.StatusRunning })
				}
				track(t, s, off(-by), func(context.Context, *runs.Exec, input) error { return nil })
				time.Sleep(4 * time.Second) // longer than a lease
				close(release)
				if r := ended(t, s, alive); r.Attempt != 1 || r.Lost != 0 || r.Outcome != runs.OutcomeSucceeded {
					t.Errorf("the run of a process that is alive ended as %s in attempt %d, lost %d times", r.Outcome, r.Attempt, r.Lost)
				}
				dead.Store(true)
				began := time.Now()
				r := ended(t, s, lost)
				if r.Attempt != 2 || r.Lost != 1 || r.Outcome != runs.OutcomeSucceeded {
					t.Errorf("the run of a dead process ended as %s in attempt %d, lost %d times", r.Outcome, r.Attempt, r.Lost)
				}
				if took := time.Since(began); took < time.Second || took > 30*time.Second {
					t.Errorf("it was taken after %v, want about a lease, which is 3s", took)
				}
				if r.StartedAt.Before(r.CreatedAt) || r.CompletedAt.Before(r.StartedAt) {
					t.Errorf("the run was created at %v, started at %v and completed at %v", r.CreatedAt, r.StartedAt, r.CompletedAt)
				}
			})
		})
	}
}

// TestClockStepsBack sets a process's clock back while it executes a run: no
// duration is below zero, and later runs still come first in lists.
func TestClockStepsBack(t *testing.T) {
	eachStore(t, func(t *testing.T, s model.Store) {
		var back atomic.Int64
		tracker, _ := track(t, s, func(cfg *runs.Config) {
			cfg.Now = func() time.Time { return time.Now().Add(-time.Duration(back.Load())) }
		}, func(context.Context, *runs.Exec, input) error {
			back.Add(int64(time.Hour))
			return nil
		})
		var order []string
		for n := range 3 {
			ref := begin(t, tracker, n)
			r := ended(t, s, ref)
			order = append([]string{ref.ID}, order...)
			if r.StartedAt.Before(r.CreatedAt) || r.CompletedAt.Before(r.StartedAt) {
				t.Errorf("created at %v, started at %v, completed at %v", r.CreatedAt, r.StartedAt, r.CompletedAt)
			}
		}
		page, err := tracker.List(t.Context(), runs.Query{Tenant: "acme"})
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range page.Runs {
			if r.ID != order[i] {
				t.Errorf("run %d of the list is %s, want %s", i, r.ID, order[i])
			}
		}
	})
}

// TestServerClockSteps sets the clock of PostgreSQL, or what stands in front of
// it, forward and back by an hour. Forward a run may be taken from a process
// that is alive; it ends once all the same.
func TestServerClockSteps(t *testing.T) {
	t.Parallel() // it mostly waits
	plain := sqltest.Postgres(t)
	u, err := url.Parse(plain.DSN)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	schema := q.Get("search_path")
	q.Set("search_path", schema+",pg_catalog") // ours is found first
	u.RawQuery = q.Encode()
	db := sqltest.Open(t, u.String())
	execute := func(statement string) {
		t.Helper()
		if _, err := plain.Write.DB.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	execute("CREATE TABLE step (by interval NOT NULL)")
	execute("INSERT INTO step VALUES ('0')")
	execute("CREATE FUNCTION statement_timestamp() RETURNS timestamptz LANGUAGE plpgsql STABLE AS " +
		"'BEGIN RETURN pg_catalog.statement_timestamp() + (SELECT by FROM " + schema + ".step); END'")
	s := migrated(t, db)
	var told atomic.Int64
	observe := func(cfg *runs.Config) {
		longer(cfg)
		cfg.Observers = []runs.Observer{counting{&told}}
	}
	var calls atomic.Int64
	began, release := make(chan struct{}, 10), make(chan struct{})
	handle := func(ctx context.Context, _ *runs.Exec, _ input) error {
		calls.Add(1)
		began <- struct{}{}
		select {
		case <-release:
		case <-ctx.Done():
		}
		return ctx.Err()
	}
	first, _ := track(t, s, observe, handle)
	ref := begin(t, first, 1)
	<-began
	track(t, migrated(t, sqltest.Open(t, u.String())), observe, handle)
	execute("UPDATE step SET by = '1 hour'")
	// The next heartbeat is by the new clock; whether a sweep comes first is
	// chance.
	heartbeat := func() {
		t.Helper()
		until := get(t, s, ref).LeaseUntil
		eventually(t, "heartbeat", func() bool {
			r := get(t, s, ref)
			return r.Status == runs.StatusRunning && !r.LeaseUntil.Equal(until)
		})
	}
	heartbeat()
	execute("UPDATE step SET by = '-1 hour'")
	heartbeat()
	heartbeat()
	close(release)
	r := ended(t, s, ref)
	eventually(t, "announcement", func() bool { return get(t, s, ref).Announced })
	if r.Outcome != runs.OutcomeSucceeded || int64(r.Attempt) != calls.Load() || r.Attempt != r.Lost+1 || told.Load() != 1 {
		t.Errorf("the run ended as %s in attempt %d after %d losses and %d calls, told %d times; want succeeded, one attempt more than losses, told once",
			r.Outcome, r.Attempt, r.Lost, calls.Load(), told.Load())
	}
	if r.CompletedAt.Before(r.StartedAt) {
		t.Errorf("started at %v, completed at %v", r.StartedAt, r.CompletedAt)
	}
}

// A counting observer counts the ends that it is told of.
type counting struct{ told *atomic.Int64 }

func (c counting) Observe(_ context.Context, r *runs.Run) error {
	if r.Ended() {
		c.told.Add(1)
	}
	return nil
}

// TestFarTimes parks runs for as long as a Duration can be, which is further
// than a date of today can be moved: they wait, and nothing comes around to the
// past.
func TestFarTimes(t *testing.T) {
	eachStore(t, func(t *testing.T, s model.Store) {
		waits := []time.Duration{math.MinInt64, -time.Hour, 0, 400 * 24 * time.Hour, 100 * 365 * 24 * time.Hour, math.MaxInt64}
		tracker, _ := track(t, s, nil, func(_ context.Context, x *runs.Exec, in input) error {
			if x.Run().Attempt > 1 {
				return nil
			}
			return x.Park(waits[in.N], runs.ReasonApproval)
		})
		for n, wait := range waits {
			ref := begin(t, tracker, n)
			if wait <= 0 {
				if r := ended(t, s, ref); r.Outcome != runs.OutcomeSucceeded || r.Attempt != 2 {
					t.Errorf("parked for %v, the run ended as %s in attempt %d; want succeeded in 2", wait, r.Outcome, r.Attempt)
				}
				continue
			}
			eventually(t, "parking", func() bool { r := get(t, s, ref); return r.Status == runs.StatusQueued && r.Attempt == 1 })
			if left := time.Until(get(t, s, ref).NotBefore); left < 399*24*time.Hour {
				t.Errorf("parked for %v, the run waits for %v", wait, left)
			}
			due, err := s.Due(t.Context(), runs.DueQuery{Types: []runs.Type{trouble}, Claimable: true})
			if err != nil || len(due) > 0 {
				t.Errorf("parked for %v, %d runs are claimable, %v", wait, len(due), err)
			}
		}
	})
	for _, at := range []time.Time{
		{}, time.Date(1677, 9, 21, 0, 0, 0, 0, time.UTC), // before which no nanoseconds since 1970 fit
		time.Date(2262, 4, 12, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 60, 0, time.UTC),
	} {
		eachStore(t, func(t *testing.T, s model.Store) {
			tracker, _ := track(t, s, func(cfg *runs.Config) { cfg.Now = func() time.Time { return at } },
				func(context.Context, *runs.Exec, input) error { return nil })
			ref := begin(t, tracker, 1)
			r := ended(t, s, ref)
			if r.Outcome != runs.OutcomeSucceeded || !r.CreatedAt.Equal(at) || !r.CompletedAt.Equal(at) {
				t.Errorf("at %v, a run was created at %v and ended at %v as %s", at, r.CreatedAt, r.CompletedAt, r.Outcome)
			}
		})
	}
}
