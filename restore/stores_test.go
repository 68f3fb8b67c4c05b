package restore_test

import (
	"context"
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/inventory/buninventory"
	"github.com/tenantatlas/tenantatlas/inventory/meminventory"
	"github.com/tenantatlas/tenantatlas/restore/bunrestore"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
)

// eachStore calls do with what opens stores of every kind. It is called within
// a bubble of its own, and may be called once.
func eachStore(t *testing.T, do func(t *testing.T, open func(t *testing.T) stores)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) {
		do(t, func(t *testing.T) stores {
			s := memory(t)
			s.inventory, s.directory = meminventory.New(), meminventory.NewDirectory()
			return s
		})
	})
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		migrate(t, openSQL(t, db))
		do(t, func(t *testing.T) stores { return openSQL(t, sqltest.Open(t, db.DSN)) })
	})
}

// openSQL returns the stores in a database.
func openSQL(t *testing.T, db sqltest.DB) stores {
	t.Helper()
	r, err := bunruns.New(db.DB)
	if err != nil {
		t.Fatal(err)
	}
	items, err := buninventory.New(db.DB)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := bunrestore.New(db.DB)
	if err != nil {
		t.Fatal(err)
	}
	return stores{runs: r, inventory: items, directory: items.Directory(), backups: kept, restores: kept}
}

// migrate makes the tables of the stores.
func migrate(t *testing.T, s stores) {
	t.Helper()
	for _, store := range []any{s.runs, s.inventory, s.restores} {
		if err := store.(interface {
			Migrate(ctx context.Context) error
		}).Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
