package bunkit_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // registers "pgx"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
)

type verdict struct{ transient, duplicate, unreachable bool }

func judge(err error) verdict {
	return verdict{bunkit.Transient(err), bunkit.Duplicate(err), bunkit.Unreachable(err)}
}

// The errors that a statement and a caller can cause are the same in both.
func TestJudgeBoth(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		pool := db.Write.DB
		for _, statement := range []string{
			"CREATE TABLE word (id integer PRIMARY KEY, text text, size integer NOT NULL)",
			"CREATE UNIQUE INDEX word_text ON word (text)",
			"INSERT INTO word VALUES (1, 'a', 1)",
		} {
			if _, err := pool.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		late, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
		defer cancel()
		tests := []struct {
			name, statement string
			ctx             context.Context
			want            verdict
		}{
			{"primary key", "INSERT INTO word VALUES (1, 'b', 1)", t.Context(), verdict{duplicate: true}},
			{"unique index", "INSERT INTO word VALUES (2, 'a', 1)", t.Context(), verdict{duplicate: true}},
			{"not null", "INSERT INTO word VALUES (2, 'b', NULL)", t.Context(), verdict{}},
			{"syntax", "INSERT INTO", t.Context(), verdict{}},
			{"no table", "INSERT INTO nowhere VALUES (1)", t.Context(), verdict{}},
			{"canceled", "INSERT INTO word VALUES (2, 'b', 1)", ended, verdict{}},
			{"too late", "INSERT INTO word VALUES (2, 'b', 1)", late, verdict{}},
		}
		for _, test := range tests {
			_, err := pool.ExecContext(test.ctx, test.statement)
			if err == nil {
				t.Errorf("%s: no error", test.name)
			}
			if got := judge(fmt.Errorf("insert: %w", err)); got != test.want {
				t.Errorf("%s: %v is %+v, want %+v", test.name, err, got, test.want)
			}
		}
	})
	if got := judge(nil); got != (verdict{}) {
		t.Errorf("nil is %+v", got)
	}
	if got := judge(errors.New("other")); got != (verdict{}) {
		t.Errorf("another error is %+v", got)
	}
}

func TestJudgeSQLite(t *testing.T) {
	db := sqltest.SQLite(t)
	tx, err := db.Write.Begin() // takes the lock
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	write, _ := bunkit.SQLiteDSN(fileOf(t, db))
	impatient := openSQLite(t, write+"&_pragma=busy_timeout(0)")
	_, err = impatient.Exec("CREATE TABLE word (text text)")
	if got, want := judge(err), (verdict{transient: true}); got != want {
		t.Errorf("locked: %v is %+v, want %+v", err, got, want)
	}
	write, _ = bunkit.SQLiteDSN(filepath.Join(t.TempDir(), "no", "such", "folder.db"))
	err = openSQLite(t, write).Ping()
	if got, want := judge(err), (verdict{unreachable: true}); got != want {
		t.Errorf("no folder: %v is %+v, want %+v", err, got, want)
	}
}

func fileOf(t *testing.T, db sqltest.DB) string {
	t.Helper()
	var seq, name, file string
	if err := db.Read.DB.QueryRow("PRAGMA database_list").Scan(&seq, &name, &file); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestJudgePostgres(t *testing.T) {
	db := sqltest.Postgres(t)
	ctx := t.Context()
	t.Run("serialization", func(t *testing.T) {
		if _, err := db.Write.Exec("CREATE TABLE word (id int PRIMARY KEY); INSERT INTO word VALUES (1)"); err != nil {
			t.Fatal(err)
		}
		err := serialize(ctx, db.Write.DB)
		if got, want := judge(err), (verdict{transient: true}); got != want {
			t.Errorf("%v is %+v, want %+v", err, got, want)
		}
	})
	t.Run("terminated", func(t *testing.T) {
		conn, err := db.Write.DB.Conn(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, err = conn.ExecContext(ctx, "SELECT pg_terminate_backend(pg_backend_pid())")
		if got, want := judge(err), (verdict{unreachable: true}); got != want {
			t.Errorf("%v is %+v, want %+v", err, got, want)
		}
	})
	t.Run("nobody answers", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close() // so that its port has no listener
		u := url.URL{Scheme: "postgres", Host: l.Addr().String(), Path: "/postgres"}
		refused, err := sql.Open("pgx", u.String())
		if err != nil {
			t.Fatal(err)
		}
		defer refused.Close()
		err = refused.PingContext(ctx)
		if got, want := judge(err), (verdict{unreachable: true}); got != want {
			t.Errorf("%v is %+v, want %+v", err, got, want)
		}
	})
}

// serialize returns the error of a transaction that another one overtook.
func serialize(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var id int
	if err := tx.QueryRowContext(ctx, "SELECT id FROM word").Scan(&id); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "UPDATE word SET id = id + 1"); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "UPDATE word SET id = id + 1")
	return err
}

type deadlock struct{}

func (deadlock) Error() string    { return "deadlock detected" }
func (deadlock) SQLState() string { return "40P01" }

func TestRetry(t *testing.T) {
	other := errors.New("other")
	tests := []struct {
		name  string
		errs  []error // of the calls; the last one repeats
		calls int
		want  error
	}{
		{"at once", []error{nil}, 1, nil},
		{"no use", []error{other}, 1, other},
		{"third time", []error{deadlock{}, deadlock{}, nil}, 3, nil},
		{"no use any more", []error{deadlock{}, other}, 2, other},
		{"never", []error{deadlock{}}, bunkit.Attempts, deadlock{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin, calls := time.Now(), 0
				err := bunkit.Retry(t.Context(), func(context.Context) error {
					calls++
					return test.errs[min(calls, len(test.errs))-1]
				})
				if !errors.Is(err, test.want) || calls != test.calls {
					t.Errorf("Retry = %v after %d calls, want %v after %d", err, calls, test.want, test.calls)
				}
				// Waits of 5, 10, 20, 40 ms, each from half to one and a half.
				full := time.Duration(1<<(calls-1)-1) * 5 * time.Millisecond
				if got := time.Since(begin); got < full/2 || got > full*3/2 {
					t.Errorf("Retry waited %v, want about %v", got, full)
				}
			})
		})
	}
}

func TestRetryEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		err := bunkit.Retry(ctx, func(context.Context) error {
			calls++
			cancel()
			return deadlock{}
		})
		if !errors.Is(err, deadlock{}) || calls != 1 {
			t.Errorf("Retry = %v after %d calls, want %v after 1", err, calls, deadlock{})
		}
	})
}

func TestStorable(t *testing.T) {
	for text, want := range map[string]bool{"": true, "é\n'\"": true, "\ufffd": true, "a\x00b": false, "a\xc3": false} {
		if got := bunkit.Storable("fine", text); got != want {
			t.Errorf("Storable(%q) = %v, want %v", text, got, want)
		}
	}
}
