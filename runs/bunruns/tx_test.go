package bunruns_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

// A transaction is one that a test began.
type transaction interface {
	bun.IConn
	Commit() error
	Rollback() error
}

// beginners are the ways to begin a transaction.
var beginners = map[string]func(ctx context.Context, db sqltest.DB) (transaction, error){
	"bun.Tx": func(ctx context.Context, db sqltest.DB) (transaction, error) {
		return db.Write.BeginTx(ctx, nil)
	},
	"*bun.Tx": func(ctx context.Context, db sqltest.DB) (transaction, error) {
		tx, err := db.Write.BeginTx(ctx, nil)
		return &tx, err
	},
	"*sql.Tx": func(ctx context.Context, db sqltest.DB) (transaction, error) {
		return db.Write.DB.BeginTx(ctx, nil)
	},
}

func eachBeginner(t *testing.T, body func(t *testing.T, db sqltest.DB, begin func() transaction)) {
	t.Helper()
	for name, begin := range beginners {
		t.Run(name, func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
				body(t, db, func() transaction {
					tx, err := begin(t.Context(), db)
					if err != nil {
						t.Fatal(err)
					}
					return tx
				})
			})
		})
	}
}

// insertsInTx is a store that inserts its first runs each in a transaction of
// the caller. The lists of a thousand runs would take long.
type insertsInTx struct {
	*bunruns.Store
	db sqltest.DB
	n  atomic.Int64
}

func (s *insertsInTx) Insert(ctx context.Context, r *runs.Run) (*runs.Run, bool, error) {
	if s.n.Add(1) > 16 {
		return s.Store.Insert(ctx, r)
	}
	tx, err := beginners["*sql.Tx"](ctx, s.db)
	if err != nil {
		return nil, false, err
	}
	stored, inserted, err := s.In(tx).Insert(ctx, r)
	if err != nil {
		return nil, false, errors.Join(err, tx.Rollback())
	}
	return stored, inserted, tx.Commit()
}

// Within a transaction, Insert keeps the promises that it keeps without one.
func TestStoreWithTransactions(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		fresh := emptied(db, open(t, db))
		runstest.TestStore(t, func(t testing.TB) runs.Store { return &insertsInTx{Store: fresh(t), db: db} })
	})
}

// A program is a tracker of which a test sees what it does.
type program struct {
	*runs.Tracker
	store *bunruns.Store

	mu       sync.Mutex
	rung     []string // the IDs that were dispatched
	observed []string // stages, as "ID status"
	refuse   error    // of the dispatcher
}

type numbered struct{ N int }

// newProgram returns one whose sweep, which it has only if it runs, is quick.
func newProgram(t *testing.T, db sqltest.DB) *program {
	t.Helper()
	p := &program{store: open(t, db)}
	tracker, err := runs.New(runs.Config{
		Store: p.store, Dispatcher: p, Observers: []runs.Observer{p},
		Sweep: 10 * time.Millisecond, Ring: 20 * time.Millisecond,
		Operations: []runs.Operation{
			runs.Define(typeA, func(context.Context, *runs.Exec, numbered) error { return nil }),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	p.Tracker = tracker
	return p
}

func (p *program) Dispatch(_ context.Context, ref runs.Ref) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rung = append(p.rung, ref.ID)
	return p.refuse
}

func (p *program) Observe(_ context.Context, r *runs.Run) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.observed = append(p.observed, r.ID+" "+string(r.Status))
	return nil
}

// heard checks what was dispatched and observed until now.
func (p *program) heard(t *testing.T, rung, observed []string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if diff := cmp.Diff(rung, p.rung); diff != "" {
		t.Errorf("dispatched (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(observed, p.observed); diff != "" {
		t.Errorf("observed (-want +got):\n%s", diff)
	}
}

func (p *program) missing(t *testing.T, ref runs.Ref) {
	t.Helper()
	if r, err := p.store.Get(t.Context(), ref); !errors.Is(err, runs.ErrNotFound) {
		t.Errorf("get: %v, %v; want %v", r, err, runs.ErrNotFound)
	}
	due, err := p.store.Due(t.Context(), runs.DueQuery{Types: []runs.Type{typeA}, Claimable: true})
	if err != nil || len(due) > 0 {
		t.Errorf("claimable: %v, %v; want none", due, err)
	}
}

func numberedRequest(n int) runs.Request {
	return runs.Request{Tenant: "acme", Type: typeA, Params: numbered{n}, Initiator: runs.User("dana", "Dana")}
}

// startIn starts the n-th run in tx, which is to be created or joined.
func (p *program) startIn(t *testing.T, tx bun.IConn, n int, created bool) runs.Ref {
	t.Helper()
	s, err := p.In(p.store.In(tx)).Start(t.Context(), numberedRequest(n))
	if err != nil {
		t.Fatal(err)
	}
	if s.Created != created || !s.SameInput || s.Run.Status != runs.StatusQueued {
		t.Fatalf("started %+v, created = %v, same input = %v; want it queued, %v and true", s.Run, s.Created, s.SameInput, created)
	}
	return s.Run.Ref()
}

func commit(t *testing.T, tx transaction) {
	t.Helper()
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

func rollback(t *testing.T, tx transaction) {
	t.Helper()
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
}

func TestCommitAndRing(t *testing.T) {
	eachBeginner(t, func(t *testing.T, db sqltest.DB, begin func() transaction) {
		p := newProgram(t, db)
		tx := begin()
		first, second := p.startIn(t, tx, 1, true), p.startIn(t, tx, 2, true)
		if again := p.startIn(t, tx, 1, false); again != first {
			t.Errorf("joined %v, want the run of the same transaction, %v", again, first)
		}
		p.missing(t, first) // which also says that a read need not wait
		p.heard(t, nil, nil)
		commit(t, tx)
		p.heard(t, nil, nil)
		nobody := runs.Ref{Tenant: "acme", ID: "nobody", Type: typeA}
		if err := p.Ring(t.Context(), first, nobody, second); err != nil {
			t.Error(err)
		}
		p.heard(t, []string{first.ID, second.ID}, []string{first.ID + " queued", second.ID + " queued"})
	})
}

func TestRollback(t *testing.T) {
	eachBeginner(t, func(t *testing.T, db sqltest.DB, begin func() transaction) {
		p := newProgram(t, db)
		tx := begin()
		ref := p.startIn(t, tx, 1, true)
		rollback(t, tx)
		if err := p.Ring(t.Context(), ref); err != nil {
			t.Error(err)
		}
		p.missing(t, ref)
		p.heard(t, nil, nil)
		if s, err := p.Start(t.Context(), numberedRequest(1)); err != nil || !s.Created {
			t.Errorf("start of the same: created = %v, %v; want a new run", s.Created, err)
		}
	})
}

func TestCommitWithoutRing(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		p := newProgram(t, db)
		tx, err := beginners["bun.Tx"](t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		ref := p.startIn(t, tx, 1, true)
		commit(t, tx)
		p.heard(t, nil, nil)

		ctx, cancel := context.WithCancel(t.Context())
		swept := make(chan error, 1)
		go func() { swept <- p.Run(ctx) }()
		for range time.Tick(time.Millisecond) {
			p.mu.Lock()
			n := len(p.rung)
			p.mu.Unlock()
			if n > 0 || t.Context().Err() != nil {
				break
			}
		}
		cancel()
		if err := <-swept; err != nil {
			t.Error(err)
		}
		if len(p.rung) == 0 || p.rung[0] != ref.ID {
			t.Errorf("the sweep offered %v, want %s", p.rung, ref.ID)
		}
	})
}

func TestRingFails(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		p := newProgram(t, db)
		tx, err := beginners["*sql.Tx"](t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		first, second := p.startIn(t, tx, 1, true), p.startIn(t, tx, 2, true)
		commit(t, tx)
		p.refuse = errors.New("refused")
		if err := p.Ring(t.Context(), first, second); !errors.Is(err, runs.ErrDispatchFailed) {
			t.Errorf("ring: error is %v, want %v", err, runs.ErrDispatchFailed)
		}
		for _, ref := range []runs.Ref{first, second} {
			r, err := p.store.Get(t.Context(), ref)
			if err != nil || r.Failure.Reason != runs.ReasonDispatchFailed {
				t.Errorf("run is %+v, %v; want it failed because of %s", r, err, runs.ReasonDispatchFailed)
			}
		}
		p.refuse = nil
		if err := p.Ring(t.Context(), first); err != nil {
			t.Errorf("ring for what has ended: %v", err)
		}
		p.heard(t, []string{first.ID, second.ID}, []string{
			first.ID + " queued", first.ID + " completed", second.ID + " queued", second.ID + " completed",
		})
	})
}

// What others have committed is joined, also by a transaction that is older.
func TestJoinInTransaction(t *testing.T) {
	eachBeginner(t, func(t *testing.T, db sqltest.DB, begin func() transaction) {
		p := newProgram(t, db)
		var older transaction
		if db.Dialect == bunkit.PostgreSQL {
			older = begin()
			if _, err := older.ExecContext(t.Context(), "SELECT count(*) FROM operation_runs"); err != nil {
				t.Fatal(err)
			}
		}
		s, err := p.Start(t.Context(), numberedRequest(1))
		if err != nil {
			t.Fatal(err)
		}
		if older == nil {
			older = begin()
		}
		if ref := p.startIn(t, older, 1, false); ref != s.Run.Ref() {
			t.Errorf("joined %v, want %v", ref, s.Run.Ref())
		}
		p.startIn(t, older, 2, true)
		rollback(t, older)
		if r, err := p.Get(t.Context(), s.Run.Ref()); err != nil || r.Revision != 1 {
			t.Errorf("the joined run is %+v, %v; want it untouched", r, err)
		}
	})
}

// Two open transactions start the same: the second waits for the first, and
// joins it or not.
func TestTwoOpenTransactions(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		for _, commits := range []bool{true, false} {
			t.Run(fmt.Sprint("commits=", commits), func(t *testing.T) {
				p := newProgram(t, db)
				execute(t, db, "DELETE FROM operation_runs")
				tx, err := beginners["bun.Tx"](t.Context(), db)
				if err != nil {
					t.Fatal(err)
				}
				first := p.startIn(t, tx, 1, true)
				second := make(chan runs.Ref, 1)
				go func() {
					other, err := beginners["*sql.Tx"](t.Context(), db)
					if err != nil {
						t.Error(err)
						close(second)
						return
					}
					s, err := p.In(p.store.In(other)).Start(t.Context(), numberedRequest(1))
					if err := errors.Join(err, other.Commit()); err != nil || s.Created == commits {
						t.Errorf("second start: created = %v, %v; want %v", s.Created, err, !commits)
						close(second)
						return
					}
					second <- s.Run.Ref()
				}()
				if db.Dialect == bunkit.PostgreSQL {
					awaitLock(t, db, 1)
				}
				if commits {
					commit(t, tx)
				} else {
					rollback(t, tx)
				}
				if got := <-second; (got == first) != commits {
					t.Errorf("first start is %v, second %v; the same: %v, want %v", first, got, got == first, commits)
				}
			})
		}
	})
}

// awaitLock returns when n statements wait for a lock.
func awaitLock(t *testing.T, db sqltest.DB, n int) {
	t.Helper()
	for t.Context().Err() == nil {
		var waiting int
		err := db.Read.DB.QueryRowContext(t.Context(),
			"SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_stat_activity WHERE query LIKE '%operation_runs%')").Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
		if waiting >= n {
			return
		}
	}
}

// Two transactions of PostgreSQL wait for each other in a circle: one of them
// hears of it, and goes.
func TestDeadlockOfTransactions(t *testing.T) {
	db := sqltest.Postgres(t)
	p := newProgram(t, db)
	var all [2]transaction
	for i := range all {
		tx, err := beginners["bun.Tx"](t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		all[i] = tx
		p.startIn(t, tx, i, true)
	}
	errs := make([]error, 2)
	together(2, func(i int) {
		if _, errs[i] = p.In(p.store.In(all[i])).Start(t.Context(), numberedRequest(1-i)); errs[i] != nil {
			errs[i] = errors.Join(errs[i], all[i].Rollback())
			return
		}
		if err := all[i].Commit(); err != nil {
			t.Error(err)
		}
	})
	lost := errors.Join(errs...)
	if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(lost, runs.ErrStoreUnavailable) {
		t.Errorf("errors are %v; want one, %v", errs, runs.ErrStoreUnavailable)
	}
	page, err := p.List(t.Context(), runs.Query{Tenant: "acme"})
	if err != nil || len(page.Runs) != 2 {
		t.Errorf("%d runs, %v; want those of the other one, 2", len(page.Runs), err)
	}
}

// A transaction that cannot see the run that it would join begins anew.
func TestStricterTransaction(t *testing.T) {
	db := sqltest.Postgres(t)
	p := newProgram(t, db)
	for _, level := range []sql.IsolationLevel{sql.LevelRepeatableRead, sql.LevelSerializable} {
		tx, err := db.Write.BeginTx(t.Context(), &sql.TxOptions{Isolation: level})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(t.Context(), "SELECT 1 FROM operation_runs"); err != nil {
			t.Fatal(err)
		}
		s, err := p.Start(t.Context(), numberedRequest(int(level)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.In(p.store.In(tx)).Start(t.Context(), numberedRequest(int(level))); !errors.Is(err, runs.ErrStoreUnavailable) {
			t.Errorf("%v: error is %v, want %v", level, err, runs.ErrStoreUnavailable)
		}
		rollback(t, tx)
		if tx, err = db.Write.BeginTx(t.Context(), &sql.TxOptions{Isolation: level}); err != nil {
			t.Fatal(err)
		}
		if ref := p.startIn(t, tx, int(level), false); ref != s.Run.Ref() {
			t.Errorf("joined %v, want %v", ref, s.Run.Ref())
		}
		commit(t, tx)
	}
}

// What the store refuses, or cannot do, is no panic and leaves nothing.
func TestRefusedInTransaction(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		p := newProgram(t, db)
		tx, err := beginners["bun.Tx"](t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		req := numberedRequest(1)
		req.Type = "test.unknown"
		if _, err := p.In(p.store.In(tx)).Start(t.Context(), req); !errors.Is(err, runs.ErrUnknownType) {
			t.Errorf("unknown type: error is %v, want %v", err, runs.ErrUnknownType)
		}
		rollback(t, tx)
		if _, err := p.In(p.store.In(tx)).Start(t.Context(), numberedRequest(1)); !errors.Is(err, sql.ErrTxDone) {
			t.Errorf("after the end: error is %v, want %v", err, sql.ErrTxDone)
		}
		p.heard(t, nil, nil)
	})
}

// With SQLite, whoever writes while a transaction is open waits for its end, but
// not for longer than its context allows.
func TestWritersWaitForTransaction(t *testing.T) {
	db := sqltest.SQLite(t)
	p := newProgram(t, db)
	tx, err := beginners["bun.Tx"](t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	p.startIn(t, tx, 1, true)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if s, err := p.Start(ctx, numberedRequest(2)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("started %v, %v; want %v", s.Run, err, context.DeadlineExceeded)
	}
	commit(t, tx)
	if _, err := p.Start(t.Context(), numberedRequest(2)); err != nil {
		t.Errorf("after the commit: %v", err)
	}
}

// Many transactions start the same runs, every other one in vain.
func TestRaceOfTransactions(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		const callers, keys = 8, 10
		p := newProgram(t, db)
		var mu sync.Mutex
		created := map[string]bool{}
		together(callers, func(i int) {
			for n := range keys {
				tx, err := beginners["*sql.Tx"](t.Context(), db)
				if err != nil {
					t.Error(err)
					return
				}
				s, err := p.In(p.store.In(tx)).Start(t.Context(), numberedRequest(n))
				if (i+n)%2 == 0 || err != nil {
					if err := errors.Join(err, tx.Rollback()); err != nil {
						t.Error(err)
					}
					continue
				}
				if err := tx.Commit(); err != nil {
					t.Error(err)
				}
				if mu.Lock(); s.Created {
					created[s.Run.ID] = true
				}
				mu.Unlock()
			}
		})
		page, err := p.List(t.Context(), runs.Query{Tenant: "acme"})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Runs {
			if !created[r.ID] {
				t.Errorf("run %s is there, and nobody was told that it was created", r.ID)
			}
		}
		if len(page.Runs) != keys || len(created) != keys {
			t.Errorf("%d runs, %d created; want %d of each", len(page.Runs), len(created), keys)
		}
	})
}
