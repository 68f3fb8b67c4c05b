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
	s, err := bunruns.New(db.DB)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// databases are the ways to a fresh database.
var databases = map[string]func(t testing.TB) sqltest.DB{
	"sqlite":   sqltest.SQLite,
	"postgres": sqltest.Postgres,
}

func TestStore(t *testing.T) {
	for name, fresh := range databases {
		t.Run(name, func(t *testing.T) {
			runstest.TestStore(t, func(t testing.TB) runs.Store { return open(t, fresh(t)) })
		})
	}
}

// Two stores with pools of their own are what two processes have.
func TestStoresOfOneDatabase(t *testing.T) {
	for name, fresh := range databases {
		t.Run(name, func(t *testing.T) {
			runstest.TestStore(t, func(t testing.TB) runs.Store {
				db := fresh(t)
				return runstest.Alternate(open(t, db), open(t, sqltest.Open(t, db.DSN)))
			})
		})
	}
}

func TestItemStore(t *testing.T) {
	for name, fresh := range databases {
		t.Run(name, func(t *testing.T) {
			runstest.TestItemStore(t, func(t testing.TB) (runs.Store, runs.ItemStore) {
				s := open(t, fresh(t))
				return s, s
			})
		})
	}
}

func TestCounter(t *testing.T) {
	for name, fresh := range databases {
		t.Run(name, func(t *testing.T) {
			runstest.TestCounter(t, func(t testing.TB) (runs.Store, runs.Counter) {
				s := open(t, fresh(t))
				return s, s
			})
		})
	}
}
