package buninventory_test

import (
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/buninventory"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
	"github.com/tenantatlas/tenantatlas/inventory/inventorytest"
)

// open returns a store in a fresh database.
func open(t testing.TB, db sqltest.DB) *buninventory.Store {
	t.Helper()
	s, err := buninventory.New(db.DB)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// databases are the ways to get a fresh database, by dialect.
var databases = map[string]func(t testing.TB) sqltest.DB{
	"sqlite":   sqltest.SQLite,
	"postgres": sqltest.Postgres,
}

func TestStore(t *testing.T) {
	for name, fresh := range databases {
		t.Run(name, func(t *testing.T) {
			inventorytest.TestStore(t, func(t testing.TB) inventory.Store { return open(t, fresh(t)) })
		})
	}
}

func TestDirectory(t *testing.T) {
	for name, fresh := range databases {
		t.Run(name, func(t *testing.T) {
			inventorytest.TestDirectory(t, func(t testing.TB) directory.Store { return open(t, fresh(t)).Directory() })
		})
	}
}
