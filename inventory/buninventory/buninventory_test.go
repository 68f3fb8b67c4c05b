package buninventory_test

import (
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/buninventory"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
	"github.com/tenantatlas/tenantatlas/inventory/inventorytest"
)

// open returns the store in db, which it migrates.
func open(t testing.TB, db sqltest.DB) *buninventory.Store {
	t.Helper()
	return sqltest.Migrated(t, db, buninventory.New)
}

func TestStore(t *testing.T) {
	for name, fresh := range sqltest.Databases() {
		t.Run(name, func(t *testing.T) {
			inventorytest.TestStore(t, func(t testing.TB) inventory.Store { return open(t, fresh(t)) })
		})
	}
}

func TestDirectory(t *testing.T) {
	for name, fresh := range sqltest.Databases() {
		t.Run(name, func(t *testing.T) {
			inventorytest.TestDirectory(t, func(t testing.TB) directory.Store { return open(t, fresh(t)).Directory() })
		})
	}
}
