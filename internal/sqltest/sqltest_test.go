package sqltest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
)

func TestEachIsEmptyAndItsOwn(t *testing.T) {
	var first, second sqltest.DB
	for _, db := range []*sqltest.DB{&first, &second} {
		sqltest.Each(t, func(t *testing.T, opened sqltest.DB) {
			*db = opened
			// The second time, a table that is left would be in the way.
			if _, err := opened.Write.Exec("CREATE TABLE word (text text)"); err != nil {
				t.Fatal(err)
			}
			if _, err := opened.Write.Exec("INSERT INTO word VALUES ('atlas')"); err != nil {
				t.Fatal(err)
			}
			var got string
			again := sqltest.Open(t, opened.DSN)
			if err := again.Read.QueryRow("SELECT text FROM word").Scan(&got); err != nil || got != "atlas" {
				t.Errorf("opened again, it has %q, %v; want atlas", got, err)
			}
		})
	}
	if first.DSN == second.DSN {
		t.Errorf("two tests share %s", first.DSN)
	}
}

func TestSQLite(t *testing.T) {
	db := sqltest.SQLite(t)
	settings := map[string]string{}
	for _, pragma := range []string{"journal_mode", "synchronous", "foreign_keys", "busy_timeout"} {
		var value string
		if err := db.Write.QueryRow("PRAGMA " + pragma).Scan(&value); err != nil {
			t.Fatal(err)
		}
		settings[pragma] = value
	}
	want := map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "10000"}
	if diff := cmp.Diff(want, settings); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if _, err := db.Read.Exec("CREATE TABLE word (text text)"); err == nil {
		t.Error("the handle for reading can write")
	}
}

// With a server in the environment nobody starts one, so this starts one to
// see that it ends.
func TestClusterEnds(t *testing.T) {
	cluster := start(t, sqltest.Quick()...)
	dir := socketDir(t, cluster.URL)
	if _, err := os.Stat(dir); err != nil {
		t.Fatalf("before Close: %v", err)
	}
	for setting, want := range map[string]string{"fsync": "off", "autovacuum": "off", "full_page_writes": "on"} {
		if got := show(t, cluster.URL, setting); got != want {
			t.Errorf("%s is %s, want %s", setting, got, want)
		}
	}
	if err := cluster.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close, the folder of the server: %v; want it gone", err)
	}
}

// TestClusterOutlivesNoOwner starts this test binary as a process that starts
// a server and is killed.
func TestClusterOutlivesNoOwner(t *testing.T) {
	const child = "SQLTEST_CHILD"
	if os.Getenv(child) != "" {
		cluster := start(t)
		if _, err := os.Stdout.WriteString(cluster.URL + "\n"); err != nil {
			t.Fatal(err)
		}
		select {} // until killed
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestClusterOutlivesNoOwner$")
	cmd.Env = append(os.Environ(), child+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	server, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(server, "postgres://") {
		skipOrFail(t, fmt.Sprintf("no server: the process said %q, then %v", server, err))
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the process that was killed reports no error")
	}
	dir := socketDir(t, strings.TrimSpace(server))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the server in %s outlives the process that started it", dir)
		case <-tick.C:
		}
	}
}

func TestCount(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, plain sqltest.DB) {
		ctx := t.Context()
		db, counter := sqltest.Count(t, plain.DSN)
		exec := func(c bunkit.Conn, query string, args ...any) {
			t.Helper()
			if _, err := c.ExecContext(ctx, db.Dialect.Bind(query), args...); err != nil {
				t.Fatal(err)
			}
		}
		exec(db.Write.DB, "CREATE TABLE word (text text)")
		counter.Take()

		tx, err := db.Write.DB.BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		exec(tx, "INSERT INTO word VALUES ($1)", "a")
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		select1, err := db.Read.DB.PrepareContext(ctx, "SELECT text FROM word")
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			var got string
			if err := select1.QueryRowContext(ctx).Scan(&got); err != nil || got != "a" {
				t.Errorf("got %q, %v; want a", got, err)
			}
		}
		if err := select1.Close(); err != nil {
			t.Error(err)
		}
		tx, err = db.Write.DB.BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		want := []string{
			"BEGIN", db.Dialect.Bind("INSERT INTO word VALUES ($1)"), "COMMIT",
			"SELECT text FROM word", "SELECT text FROM word",
			"BEGIN", "ROLLBACK",
		}
		if diff := cmp.Diff(want, counter.Take()); diff != "" {
			t.Errorf("statements (-want +got):\n%s", diff)
		}
		if got := counter.Take(); len(got) != 0 {
			t.Errorf("taken twice: %q", got)
		}
	})
}

// pgx takes a slice as an array only if the wrapper asks it.
func TestCountPassesArrays(t *testing.T) {
	db, _ := sqltest.Count(t, sqltest.Postgres(t).DSN)
	var got int
	err := db.Read.DB.QueryRowContext(t.Context(), "SELECT cardinality($1::text[])", []string{"a", "b"}).Scan(&got)
	if err != nil || got != 2 {
		t.Errorf("cardinality = %d, %v; want 2", got, err)
	}
}

func start(t *testing.T, settings ...string) *sqltest.Cluster {
	t.Helper()
	cluster, err := sqltest.StartCluster(context.WithoutCancel(t.Context()), settings...)
	if errors.Is(err, sqltest.ErrNoPostgres) {
		skipOrFail(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	return cluster
}

func show(t *testing.T, server, setting string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	var value string
	err = conn.QueryRow(t.Context(), "SHOW "+setting).Scan(&value)
	if err := errors.Join(err, conn.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	return value
}

func skipOrFail(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func socketDir(t *testing.T, server string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("host")
}

func TestLine(t *testing.T) {
	db, line := sqltest.Through(t, sqltest.Postgres(t).DSN)
	ask := func(patience time.Duration) (time.Duration, error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		begun := time.Now()
		_, err := db.Read.ExecContext(ctx, "SELECT 1")
		return time.Since(begun), err
	}
	for range 2 {
		line.Set(sqltest.Quality{})
		if _, err := ask(time.Minute); err != nil {
			t.Errorf("good line: %v", err)
		}
		line.Set(sqltest.Quality{Latency: 100 * time.Millisecond})
		if took, err := ask(time.Minute); err != nil || took < 200*time.Millisecond {
			t.Errorf("slow line: %v after %v, want an answer after 200ms", err, took)
		}
		line.Set(sqltest.Quality{Silent: true})
		if _, err := ask(100 * time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("silent line: %v, want %v", err, context.DeadlineExceeded)
		}
		line.Set(sqltest.Quality{Cut: true})
		if _, err := ask(time.Minute); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("cut line: %v, want an error at once", err)
		}
	}
}
