package bunruns_test

import (
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

// open returns the store in db, which it migrates.
func open(t testing.TB, db sqltest.DB) *bunruns.Store {
	t.Helper()
	return sqltest.Migrated(t, db, bunruns.New)
}

// emptied returns a function that empties s and returns it, which is faster
// than to make a new one.
func emptied[S any](db sqltest.DB, s S) func(t testing.TB) S {
	return func(t testing.TB) S {
		t.Helper()
		execute(t, db, "DELETE FROM operation_runs")
		execute(t, db, "DELETE FROM operation_run_items")
		return s
	}
}

func TestStore(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		runstest.TestStore(t, emptied[runs.Store](db, open(t, db)))
	})
}

// Two stores with pools of their own are what two processes have.
func TestStoresOfOneDatabase(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		other := sqltest.Open(t, db.DSN)
		runstest.TestStore(t, emptied(db, runstest.Alternate(open(t, db), open(t, other))))
	})
}

func TestItemStore(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		fresh := emptied(db, open(t, db))
		runstest.TestItemStore(t, func(t testing.TB) (runs.Store, runs.ItemStore) { s := fresh(t); return s, s })
	})
}

func TestCounter(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		fresh := emptied(db, open(t, db))
		runstest.TestCounter(t, func(t testing.TB) (runs.Store, runs.Counter) { s := fresh(t); return s, s })
	})
}

func TestPruner(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		fresh := emptied(db, open(t, db))
		runstest.TestPruner(t, func(t testing.TB) (runs.Store, runs.ItemStore, runs.Pruner) {
			s := fresh(t)
			return s, s, s
		})
	})
}
