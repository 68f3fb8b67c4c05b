package bunkit_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
)

// A bulk writes and finds any number of rows, more than a database is given at
// once too, and in both dialects alike.
func TestBulk(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		if _, err := db.Write.DB.ExecContext(t.Context(), "CREATE TABLE kept (owner text, n bigint, note text)"); err != nil {
			t.Fatal(err)
		}
		put := bunkit.NewBulk(db.Dialect, "INSERT INTO kept (owner, n, note) SELECT $1::text, r.n, r.note FROM ROWS WHERE r.note <> 'none'",
			[]bunkit.Column{{Name: "n", Kind: "bigint"}, {Name: "note", Kind: "text"}})
		find := bunkit.NewBulk(db.Dialect, "SELECT k.n FROM ROWS JOIN kept AS k ON k.owner = $1 AND k.n = r.n", []bunkit.Column{{Name: "n", Kind: "bigint"}})
		const many = 2345
		var rows, asked [][]any
		for n := range many {
			rows = append(rows, []any{n, "some"})
			asked = append(asked, []any{n})
		}
		rows = append(rows, []any{many, "none"})
		asked = append(asked, []any{many})
		found := make(map[int]int)
		err := db.Locked(t.Context(), bunkit.Lock{Name: "test"}, func(ctx context.Context, tx *sql.Tx) error {
			if err := put.Exec(ctx, tx, "dana", rows); err != nil {
				return err
			}
			return find.Query(ctx, tx, "dana", asked, func(rows *sql.Rows) error {
				var n int
				err := rows.Scan(&n)
				found[n]++
				return err
			})
		})
		if err != nil || len(found) != many || found[many-1] != 1 {
			t.Errorf("found %d rows, %v; want %d", len(found), err, many)
		}
	})
}

// What Locked runs is undone if it fails, and kept if not; two with one lock do
// not overlap.
func TestLocked(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		if _, err := db.Write.DB.ExecContext(t.Context(), "CREATE TABLE counted (n bigint)"); err != nil {
			t.Fatal(err)
		}
		errWant := errors.New("want")
		add := func(fail error) error {
			return db.Locked(t.Context(), bunkit.Lock{Name: "test"}, func(ctx context.Context, tx *sql.Tx) error {
				var n int
				if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM counted").Scan(&n); err != nil {
					return err
				}
				if _, err := tx.ExecContext(ctx, db.Dialect.Bind("INSERT INTO counted VALUES ($1)"), n); err != nil {
					return err
				}
				return fail
			})
		}
		if err := add(errWant); !errors.Is(err, errWant) {
			t.Fatalf("Locked reports %v, want what its function did", err)
		}
		const adders = 4
		errs := make(chan error)
		for range adders {
			go func() { errs <- add(nil) }()
		}
		for range adders {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		var got []int
		err := bunkit.Query(t.Context(), db.Read.DB, "SELECT n FROM counted ORDER BY n", nil, func(rows *sql.Rows) error {
			var n int
			err := rows.Scan(&n)
			got = append(got, n)
			return err
		})
		if diff := cmp.Diff([]int{0, 1, 2, 3}, got); diff != "" || err != nil {
			t.Errorf("rows that each count the ones before (-want +got), %v:\n%s", err, diff)
		}
	})
}
