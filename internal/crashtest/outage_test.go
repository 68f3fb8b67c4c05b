//go:build unix

package crashtest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/crashtest"
	"github.com/tenantatlas/tenantatlas/internal/crashtest/model"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

// A part of a store is what a process sees of it while some of its calls fail.
type part struct {
	runs.Store
	runs.ItemStore
}

// broken returns s with calls that fail while fails says so.
func broken(s model.Store, fails func(method string, r *runs.Run) runstest.Fault) model.Store {
	return part{runstest.Faulty(s, fails), s}
}

var errDown = fmt.Errorf("on purpose: %w", runs.ErrStoreUnavailable)

// TestStoreGone takes the store away from a process that executes a run, for
// longer than its lease, in every way there is. It stops by itself before
// another process begins, and when the store is back it changes nothing.
func TestStoreGone(t *testing.T) {
	for name, fault := range map[string]runstest.Fault{
		"calls fail":       {Before: errDown},
		"answers get lost": {After: errDown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it mostly waits
			eachStore(t, func(t *testing.T, s model.Store) {
				t.Parallel()
				var down atomic.Bool
				far := broken(s, func(string, *runs.Run) runstest.Fault {
					if down.Load() {
						return fault
					}
					return runstest.Fault{}
				})
				gone(t, s, far, down.Store)
			})
		})
	}
	for name, bad := range map[string]sqltest.Quality{"server is silent": {Silent: true}, "server is gone": {Cut: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			near := sqltest.Postgres(t)
			s := migrated(t, near)
			db, line := sqltest.Through(t, near.DSN)
			gone(t, s, crashtest.Open(t, db), func(down bool) {
				if down {
					line.Set(bad)
				} else {
					line.Set(sqltest.Quality{})
				}
			})
		})
	}
	t.Run("connections are used up", func(t *testing.T) {
		t.Parallel()
		near := sqltest.Postgres(t)
		s := migrated(t, near)
		db := sqltest.Open(t, near.DSN)
		db.Write.SetMaxOpenConns(2)
		var group sync.WaitGroup
		ctx, release := context.WithCancel(t.Context())
		gone(t, s, crashtest.Open(t, db), func(down bool) {
			if !down {
				release()
				group.Wait()
				return
			}
			for range 2 {
				conn, err := db.Write.Conn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				group.Go(func() {
					<-ctx.Done()
					conn.Close()
				})
			}
		})
	})
}

func migrated(t *testing.T, db sqltest.DB) model.Store {
	t.Helper()
	s := crashtest.Open(t, db)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// gone has a run executed by a process whose store is far, takes that away, and
// has a process whose store is near take over.
func gone(t *testing.T, near, far model.Store, take func(down bool)) {
	t.Helper()
	var stopped time.Time
	began, over, taken := make(chan struct{}), make(chan struct{}), make(chan struct{})
	first, stop := track(t, far, longer, func(ctx context.Context, x *runs.Exec, _ input) error {
		x.Succeed("first")
		close(began)
		<-ctx.Done()
		stopped = time.Now()
		close(over)
		<-taken
		x.Succeed("zombie")
		return nil
	})
	ref := begin(t, first, 1)
	<-began
	eventually(t, "first item", func() bool {
		page, err := near.Items(t.Context(), runs.ItemQuery{Run: ref})
		return err == nil && len(page.Items) == 1
	})
	take(true)
	var resumed time.Time
	track(t, near, longer, func(_ context.Context, x *runs.Exec, _ input) error {
		resumed = time.Now()
		close(taken)
		<-over // if it is not over yet that is found below
		x.Succeed("second")
		return nil
	})
	r := ended(t, near, ref)
	if !stopped.Before(resumed) {
		t.Errorf("the first process stopped %v after the second one had begun", stopped.Sub(resumed))
	}
	take(false)
	stop() // and so it has tried to write what it had
	after := get(t, near, ref)
	if after.Attempt != 2 || after.Lost != 1 || after.Outcome != runs.OutcomeSucceeded || after.Counts.Succeeded != 2 {
		t.Errorf("the run is %s in attempt %d, lost %d times, with %d items; want succeeded in 2, lost once, with 2",
			after.Outcome, after.Attempt, after.Lost, after.Counts.Succeeded)
	}
	if r.Announced && after.Revision != r.Revision {
		t.Errorf("revision %d has become %d", r.Revision, after.Revision)
	}
}

// TestSlowStore: over a line on which each answer takes seconds, callers get an
// error when their time is over, and nothing piles up behind them; when it is
// fast again, everything that was started ends.
func TestSlowStore(t *testing.T) {
	t.Parallel()
	near := sqltest.Postgres(t)
	s := migrated(t, near)
	db, line := sqltest.Through(t, near.DSN)
	tracker, _ := track(t, crashtest.Open(t, db), longer, func(context.Context, *runs.Exec, input) error { return nil })
	ended(t, s, begin(t, tracker, 0))

	before := runtime.NumGoroutine()
	line.Set(sqltest.Quality{Latency: 2 * time.Second})
	var callers sync.WaitGroup
	var most atomic.Int64
	const n = 40
	for i := range n {
		callers.Go(func() {
			for try := range 5 {
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				begun := time.Now()
				_, err := tracker.Start(ctx, runs.Request{Tenant: "acme", Type: trouble, Params: input{i*100 + try}, Initiator: runs.User("dana", "")})
				cancel()
				if took := time.Since(begun); took > 10*time.Second {
					t.Errorf("a start with 100ms took %v", took)
				}
				if err == nil || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("a start without an answer: %v, want %v", err, context.DeadlineExceeded)
				}
				most.Store(max(most.Load(), int64(runtime.NumGoroutine())))
			}
		})
	}
	callers.Wait()
	// Each caller, each connection and each end of the line is a few.
	if got := most.Load() - int64(before); got > 10*n {
		t.Errorf("%d callers made %d goroutines", n, got)
	}
	line.Set(sqltest.Quality{})
	ended(t, s, begin(t, tracker, 1_000_000))
	eventually(t, "end of all", func() bool {
		page, err := s.List(t.Context(), runs.Query{Tenant: "acme", Statuses: []runs.Status{runs.StatusQueued, runs.StatusRunning}})
		if err != nil {
			t.Fatal(err)
		}
		return len(page.Runs) == 0
	})
}
