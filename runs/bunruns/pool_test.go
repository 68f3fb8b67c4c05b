package bunruns_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
	"github.com/tenantatlas/tenantatlas/runs/pondruns"
)

// exhausted is a pool of one connection that a query of somebody else has taken
// until the test ends.
func exhausted(t *testing.T, db sqltest.DB) sqltest.DB {
	t.Helper()
	shared := sqltest.Open(t, db.DSN)
	pool := shared.Read.DB
	pool.SetMaxOpenConns(1)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	if db.Dialect == bunkit.PostgreSQL {
		go func() {
			_, err := pool.ExecContext(ctx, "SELECT pg_sleep(600)")
			ended <- err
		}()
	} else {
		conn, err := pool.Conn(ctx)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			<-ctx.Done()
			ended <- errors.Join(ctx.Err(), conn.Close())
		}()
	}
	t.Cleanup(func() {
		if pool.Stats().InUse != 1 {
			t.Error("the pool was not exhausted until the end")
		}
		cancel()
		if err := <-ended; err == nil {
			t.Error("the query was not cut short")
		}
	})
	for pool.Stats().InUse == 0 {
		time.Sleep(time.Millisecond)
	}
	return shared
}

// When others have taken all connections but those that are the runs' own,
// starts, claims, heartbeats, cancels and ends go on.
func TestLeaseSurvivesExhaustedPool(t *testing.T) {
	db := sqltest.Postgres(t)
	open(t, db)
	shared := exhausted(t, db)
	db.Write.SetMaxOpenConns(1)
	s, err := bunruns.New(bunruns.DB{Write: db.Write, Read: shared.Read})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.List(short(t), runs.Query{Tenant: "acme"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("list: %v; want it to wait for the exhausted pool", err)
	}
	cause := make(chan error, 1)
	tracker, err := runs.New(runs.Config{
		Store: s, Dispatcher: pondruns.New(pondruns.Config{Workers: 1}), Heartbeat: 500 * time.Millisecond,
		Operations: []runs.Operation{runs.Define(typeA, func(ctx context.Context, _ *runs.Exec, in numbered) error {
			if in.N == 1 {
				return nil
			}
			<-ctx.Done()
			cause <- context.Cause(ctx)
			return ctx.Err()
		})},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- tracker.Run(ctx) }()
	started, err := tracker.Start(t.Context(), numberedRequest(0))
	if err != nil {
		t.Fatal(err)
	}
	claimed := runs.Run{}
	for beats := int64(0); beats < 3; {
		r, err := tracker.Get(t.Context(), started.Run.Ref())
		if errors.Is(err, runs.ErrStoreUnavailable) {
			continue // a heartbeat that came to its end has closed the connection
		} else if err != nil {
			t.Fatal(err)
		}
		if r.Attempt == 1 && claimed.ID == "" {
			claimed = *r
		}
		beats = r.Revision - claimed.Revision
		if claimed.ID != "" && beats >= 3 && !r.LeaseUntil.After(claimed.LeaseUntil) {
			t.Errorf("after %d heartbeats the lease ends at %v, as it did before", beats, r.LeaseUntil)
		}
	}
	// The request makes a heartbeat conflict, and read what has happened.
	if _, err := tracker.RequestCancel(t.Context(), started.Run.Ref(), runs.User("dana", ""), "enough"); err != nil {
		t.Fatal(err)
	}
	if err := <-cause; !errors.Is(err, runs.ErrCanceled) {
		t.Errorf("the handler ended because of %v, want %v", err, runs.ErrCanceled)
	}
	for n, want := range []runs.Outcome{runs.OutcomeCanceled, runs.OutcomeSucceeded} {
		if n == 1 {
			if started, err = tracker.Start(t.Context(), numberedRequest(1)); err != nil {
				t.Fatal(err)
			}
		}
		r, err := tracker.Wait(t.Context(), started.Run.Ref())
		if err != nil || r.Outcome != want || r.Lost != 0 {
			t.Errorf("the run is %+v, %v; want %s, never lost", r, err, want)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// With one pool for everything a heartbeat would wait with everybody else.
func TestSharedPoolIsExhausted(t *testing.T) {
	db := sqltest.Postgres(t)
	r := insert(t, open(t, db), &runs.Run{Tenant: "acme", ID: "r1", Type: typeA, Status: runs.StatusRunning, Attempt: 1})
	s, err := bunruns.New(exhausted(t, db).DB)
	if err != nil {
		t.Fatal(err)
	}
	r.Timing.Lease = time.Minute
	if _, err := s.Update(short(t), r); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("update: %v; want it to wait", err)
	}
}

// With SQLite, queries that have taken all connections for reading are not in
// the way of a heartbeat.
func TestReadersDoNotDelayHeartbeats(t *testing.T) {
	db := sqltest.SQLite(t)
	r := insert(t, open(t, db), &runs.Run{Tenant: "acme", ID: "r1", Type: typeA, Status: runs.StatusRunning, Attempt: 1})
	s, err := bunruns.New(bunruns.DB{Write: db.Write, Read: exhausted(t, db).Read})
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		r.Timing.Lease = time.Minute
		if r, err = s.Update(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}

// short is a context for a call that has to wait in vain.
func short(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}
