package bunkit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"slices"
	"strings"
)

// Migrations are the steps by which the schema of one driver came to be what
// it is.
//
// Each step is two files of SQL, one to go there and one to go back, in the
// folder migrations and the folder of the dialect: for example
// migrations/postgres/0001_runs.up.sql and 0001_runs.down.sql. Their names give
// the order. A step may hold many statements; it runs in a transaction of its
// own, so it cannot begin or commit one, nor create an index concurrently.
//
// The names of applied steps are kept in the table <Driver>_migrations. Names
// that this binary does not know belong to a newer one; they are left alone.
type Migrations struct {
	Driver string // lower-case ASCII letters; for example "bunruns"
	Files  fs.FS  // what the driver embeds
}

// A step is one migration in one dialect.
type step struct {
	name     string
	up, down string
}

// Up applies the steps that are missing, in order. It may run in any number of
// processes at once: each step is applied by one of them, the others wait. If
// it fails or is cut short, the steps before are applied and the one under way
// is not, so it can be called again.
func (m Migrations) Up(ctx context.Context, db DB) error {
	db, d, steps, err := m.open(db)
	if err != nil {
		return fmt.Errorf("migrate %s: %w", m.Driver, err)
	}
	var done []string
	err = m.tx(ctx, db, d, func(tx *sql.Tx) error {
		done, err = m.applied(ctx, tx)
		return err
	})
	if err != nil {
		return fmt.Errorf("migrate %s: %w", m.Driver, err)
	}
	for _, s := range steps {
		if slices.Contains(done, s.name) {
			continue
		}
		if err := m.tx(ctx, db, d, func(tx *sql.Tx) error { return m.apply(ctx, tx, d, s) }); err != nil {
			return fmt.Errorf("migrate %s up to %s: %w", m.Driver, s.name, err)
		}
	}
	return nil
}

func (m Migrations) apply(ctx context.Context, tx *sql.Tx, d Dialect, s step) error {
	done, err := m.applied(ctx, tx)
	if err != nil || slices.Contains(done, s.name) {
		return err // another process was faster
	}
	if _, err := tx.ExecContext(ctx, s.up); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, d.Bind("INSERT INTO "+m.table()+" (name, applied_at) VALUES ($1, "+d.Now()+")"), s.name)
	return err
}

// Down goes back the last n of the applied steps, or all of them if n is
// negative, latest first. What those steps kept is lost.
func (m Migrations) Down(ctx context.Context, db DB, n int) error {
	db, d, steps, err := m.open(db)
	if err != nil {
		return fmt.Errorf("migrate %s: %w", m.Driver, err)
	}
	for more := true; more && n != 0; n-- {
		var last string
		err := m.tx(ctx, db, d, func(tx *sql.Tx) error {
			last, err = m.revert(ctx, tx, d, steps)
			return err
		})
		if err != nil {
			return fmt.Errorf("migrate %s down from %s: %w", m.Driver, last, err)
		}
		more = last != ""
	}
	return nil
}

// revert returns the name of the step that it reverts, which is empty if none
// is left.
func (m Migrations) revert(ctx context.Context, tx *sql.Tx, d Dialect, steps []step) (string, error) {
	done, err := m.applied(ctx, tx)
	if err != nil || len(done) == 0 {
		return "", err
	}
	last := done[len(done)-1]
	i := slices.IndexFunc(steps, func(s step) bool { return s.name == last })
	if i < 0 {
		return last, errors.New("a newer version applied it; it alone knows the way back")
	}
	if _, err := tx.ExecContext(ctx, steps[i].down); err != nil {
		return last, err
	}
	_, err = tx.ExecContext(ctx, d.Bind("DELETE FROM "+m.table()+" WHERE name = $1"), last)
	return last, err
}

func (m Migrations) open(db DB) (DB, Dialect, []step, error) {
	db, d, err := db.Check()
	if err != nil {
		return DB{}, 0, nil, err
	}
	if m.Driver == "" || strings.Trim(m.Driver, "abcdefghijklmnopqrstuvwxyz") != "" {
		return DB{}, 0, nil, fmt.Errorf("%q is no name for a driver", m.Driver)
	}
	steps, err := m.steps(d)
	return db, d, steps, err
}

// steps reads the files of one dialect. A file that does not fit is an error,
// because it would be a step that never happens.
func (m Migrations) steps(d Dialect) ([]step, error) {
	dir := "migrations/" + d.String()
	entries, err := fs.ReadDir(m.Files, dir)
	if err != nil {
		return nil, err
	}
	var steps []step
	for _, e := range entries { // sorted by name; .down.sql before .up.sql
		text, err := fs.ReadFile(m.Files, dir+"/"+e.Name())
		if err != nil {
			return nil, err
		}
		if name, ok := strings.CutSuffix(e.Name(), ".down.sql"); ok {
			steps = append(steps, step{name: name, down: string(text)})
			continue
		}
		name, ok := strings.CutSuffix(e.Name(), ".up.sql")
		if !ok || len(steps) == 0 || steps[len(steps)-1].name != name {
			return nil, fmt.Errorf("%s/%s is not one of the two files of a step", dir, e.Name())
		}
		steps[len(steps)-1].up = string(text)
	}
	for _, s := range steps {
		if strings.TrimSpace(s.up) == "" || strings.TrimSpace(s.down) == "" {
			return nil, fmt.Errorf("%s/%s is empty or has no way up", dir, s.name)
		}
	}
	return steps, nil
}

func (m Migrations) table() string { return m.Driver + "_migrations" }

// tx runs body in a transaction that keeps every other migration of this
// driver out, with the table of applied steps at hand.
func (m Migrations) tx(ctx context.Context, db DB, d Dialect, body func(*sql.Tx) error) error {
	return Retry(ctx, func(ctx context.Context) error {
		tx, err := db.Write.DB.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		if err := m.lock(ctx, tx, d); err != nil {
			return errors.Join(err, rollback(tx))
		}
		if err := body(tx); err != nil {
			return errors.Join(err, rollback(tx))
		}
		return tx.Commit()
	})
}

// lock takes a lock that ends with the transaction, whatever happens to this
// process. SQLite's transactions that write exclude each other anyway.
func (m Migrations) lock(ctx context.Context, tx *sql.Tx, d Dialect) error {
	instant := "INTEGER"
	if d == PostgreSQL {
		instant = "timestamptz"
		h := fnv.New64a()
		h.Write([]byte("tenantatlas " + m.table()))
		if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", int64(h.Sum64())); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS "+m.table()+
		" (name text NOT NULL PRIMARY KEY, applied_at "+instant+" NOT NULL)")
	return err
}

// applied returns the names of the applied steps in their order.
func (m Migrations) applied(ctx context.Context, tx *sql.Tx) (names []string, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT name FROM "+m.table())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	slices.Sort(names) // not by the database, whose collation may differ
	return names, rows.Err()
}

// rollback returns nil for a transaction that the driver has ended already.
func rollback(tx *sql.Tx) error {
	if err := tx.Rollback(); !errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return nil
}
