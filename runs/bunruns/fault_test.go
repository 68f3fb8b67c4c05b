package bunruns_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
)

func openSQLite(t *testing.T, name string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", name)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// A line is what connections to a server go through, until it is cut.
type line struct {
	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("connection refused")}
	}
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err == nil {
		l.conns = append(l.conns, c)
	}
	return c, err
}

func (l *line) set(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
	for _, c := range l.conns {
		c.Close()
	}
	l.conns = nil
}

// A server that has gone away takes the connections with it that were open.
func TestServerGone(t *testing.T) {
	plain := sqltest.Postgres(t)
	config, err := pgx.ParseConfig(plain.DSN)
	if err != nil {
		t.Fatal(err)
	}
	var l line
	config.DialFunc = l.dial
	pool := stdlib.OpenDB(*config)
	defer pool.Close()
	s := open(t, sqltest.DB{DB: bunkit.Postgres(pool)})
	r := insert(t, s, &runs.Run{Tenant: "acme", ID: "r1", Type: typeA, Status: runs.StatusQueued})
	l.set(true)
	for range 3 {
		if _, err := s.Update(t.Context(), r); !errors.Is(err, runs.ErrStoreUnavailable) {
			t.Errorf("update: error is %v, want %v", err, runs.ErrStoreUnavailable)
		}
		if _, err := s.Get(t.Context(), r.Ref()); !errors.Is(err, runs.ErrStoreUnavailable) {
			t.Errorf("get: error is %v, want %v", err, runs.ErrStoreUnavailable)
		}
	}
	l.set(false)
	if _, err := s.Update(t.Context(), r); err != nil {
		t.Errorf("update when the server is back: %v", err)
	}
}

// collision is what drivers report when writers were in each other's way.
type collision struct{}

func (collision) Error() string    { return "secret text of the server" }
func (collision) SQLState() string { return "40P01" }
func (collision) Code() int        { return 5 }

// A colliding connector fails the next left statements that write.
type colliding struct {
	driver.Connector
	left *atomic.Int64
}

func (c colliding) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return collidingConn{conn.(fullConn), c.left}, nil
}

type fullConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
}

type collidingConn struct {
	fullConn
	left *atomic.Int64
}

func (c collidingConn) fail(text string) error {
	verb, _, _ := strings.Cut(text, " ")
	if (verb == "WITH" || verb == "INSERT" || verb == "UPDATE") && c.left.Add(-1) >= 0 {
		return collision{}
	}
	return nil
}

func (c collidingConn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	if err := c.fail(text); err != nil {
		return nil, err
	}
	return c.fullConn.PrepareContext(ctx, text)
}

func (c collidingConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.fail(text); err != nil {
		return nil, err
	}
	return c.fullConn.QueryContext(ctx, text, args)
}

func (c collidingConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.fail(text); err != nil {
		return nil, err
	}
	return c.fullConn.ExecContext(ctx, text, args)
}

// TestCollisions has writes collide: four times in a row is survived, five
// times is not, and the caller may try again later.
func TestCollisions(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, plain sqltest.DB) {
		open(t, plain)
		var left atomic.Int64
		var db bunruns.DB
		if path, ok := strings.CutPrefix(plain.DSN, "sqlite:"); ok {
			write, read := bunkit.SQLiteDSN(path)
			connector, err := sqlite.NewConnector(write)
			if err != nil {
				t.Fatal(err)
			}
			db = bunkit.SQLite(sql.OpenDB(colliding{connector, &left}), openSQLite(t, read))
		} else {
			config, err := pgx.ParseConfig(plain.DSN)
			if err != nil {
				t.Fatal(err)
			}
			db = bunkit.Postgres(sql.OpenDB(colliding{stdlib.GetConnector(*config), &left}))
		}
		defer db.Write.Close()
		defer db.Read.Close()
		s, err := bunruns.New(db)
		if err != nil {
			t.Fatal(err)
		}
		r := &runs.Run{Tenant: "acme", ID: "r1", Type: typeA, Status: runs.StatusRunning, Attempt: 1, Key: "k1"}
		for _, call := range []struct {
			name string
			do   func() error
		}{
			{"insert", func() error { _, _, err := s.Insert(t.Context(), r); return err }},
			{"put items", func() error {
				return s.PutItems(t.Context(), r.Ref(), 1, []runs.Item{{Key: "a", Outcome: runs.ItemSucceeded}})
			}},
			{"update", func() error {
				next := r.Clone()
				next.Revision = 1
				_, err := s.Update(t.Context(), next)
				return err
			}},
		} {
			left.Store(5)
			err := call.do()
			if !errors.Is(err, runs.ErrStoreUnavailable) || !errors.As(err, new(collision)) {
				t.Errorf("%s: error after 5 collisions is %v, want %v with its cause", call.name, err, runs.ErrStoreUnavailable)
			}
			if f, _ := runs.FailureOf(err); strings.Contains(f.Message, "secret") {
				t.Errorf("%s: %q is shown", call.name, f.Message)
			}
			left.Store(4)
			if err := call.do(); err != nil {
				t.Errorf("%s: error after 4 collisions: %v", call.name, err)
			}
		}
	})
}

// TestContextEnds lets a write wait for somebody else's transaction.
func TestContextEnds(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		r := insert(t, s, &runs.Run{Tenant: "acme", ID: "r1", Type: typeA, Status: runs.StatusRunning, Attempt: 1})
		other := begin(t, db)
		for _, call := range []struct {
			name string
			do   func(ctx context.Context) error
		}{
			{"update", func(ctx context.Context) error { _, err := s.Update(ctx, r); return err }},
			{"put items", func(ctx context.Context) error {
				return s.PutItems(ctx, r.Ref(), 1, []runs.Item{{Key: "a", Outcome: runs.ItemSucceeded}})
			}},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			begun := time.Now()
			err := call.do(ctx)
			cancel()
			if took := time.Since(begun); took > 5*time.Second { // half of what SQLite waits for a lock
				t.Errorf("%s: returned after %v", call.name, took)
			}
			if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, runs.ErrStoreUnavailable) {
				t.Errorf("%s: error is %v, want %v and nothing about the store", call.name, err, context.DeadlineExceeded)
			}
		}
		if err := other.Rollback(); err != nil {
			t.Fatal(err)
		}
		// A server may come to a write that nobody waits for any more.
		for err := runs.ErrConflict; errors.Is(err, runs.ErrConflict); {
			if r, err = s.Get(t.Context(), r.Ref()); err == nil {
				_, err = s.Update(t.Context(), r)
			}
			if err != nil && !errors.Is(err, runs.ErrConflict) {
				t.Errorf("update afterwards: %v", err)
			}
		}
	})
}

// begin begins a transaction that changes the run r1 in db as a rescue would,
// from a pool of its own.
func begin(t *testing.T, db sqltest.DB) *sql.Tx {
	t.Helper()
	tx, err := sqltest.Open(t, db.DSN).Write.DB.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tx.Rollback() }) // if it has not ended
	if _, err := tx.ExecContext(t.Context(), "UPDATE operation_runs SET attempt = attempt + 1, revision = revision + 1 WHERE id = 'r1'"); err != nil {
		t.Fatal(err)
	}
	return tx
}

// TestItemsOfLostAttempt has a worker store items while its run is being taken
// from it.
func TestItemsOfLostAttempt(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		r := insert(t, s, &runs.Run{Tenant: "acme", ID: "r1", Type: typeA, Status: runs.StatusRunning, Attempt: 1})
		rescue := begin(t, db)
		put := make(chan error)
		go func() {
			put <- s.PutItems(t.Context(), r.Ref(), 1, []runs.Item{{Key: "a", Outcome: runs.ItemSucceeded}})
		}()
		select {
		case err := <-put:
			t.Fatalf("items were put beside the rescue: %v", err)
		case <-time.After(50 * time.Millisecond): // it waits
		}
		if err := rescue.Commit(); err != nil {
			t.Fatal(err)
		}
		if err := <-put; !errors.Is(err, runs.ErrConflict) {
			t.Errorf("error is %v, want %v", err, runs.ErrConflict)
		}
		page, err := s.Items(t.Context(), runs.ItemQuery{Run: r.Ref()})
		if err != nil || len(page.Items) != 0 {
			t.Errorf("items of the lost attempt: %+v, %v; want none", page.Items, err)
		}
	})
}

// A run that is active again while another one has its key is refused by the
// index alone.
func TestUpdateDuplicatesKey(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		old := insert(t, s, &runs.Run{Tenant: "acme", ID: "r1", Type: typeA, Key: "k", Status: runs.StatusCompleted, Outcome: runs.OutcomeFailed})
		insert(t, s, &runs.Run{Tenant: "acme", ID: "r2", Type: typeA, Key: "k", Status: runs.StatusQueued})
		old.Status, old.Outcome = runs.StatusQueued, ""
		if _, err := s.Update(t.Context(), old); !errors.Is(err, runs.ErrConflict) {
			t.Errorf("error is %v, want %v", err, runs.ErrConflict)
		}
	})
}
