package bunrestore_test

import (
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/restore/bunrestore"
	"github.com/tenantatlas/tenantatlas/restore/restoretest"
)

// open returns the store in db, which it migrates.
func open(t testing.TB, db sqltest.DB) *bunrestore.Store {
	t.Helper()
	return sqltest.Migrated(t, db, bunrestore.New)
}

func TestBackupStore(t *testing.T) {
	for name, fresh := range sqltest.Databases() {
		t.Run(name, func(t *testing.T) {
			restoretest.TestBackupStore(t, func(t testing.TB) backup.Store { return open(t, fresh(t)) })
		})
	}
}

func TestRestoreStore(t *testing.T) {
	for name, fresh := range sqltest.Databases() {
		t.Run(name, func(t *testing.T) {
			restoretest.TestRestoreStore(t, func(t testing.TB) restore.Store { return open(t, fresh(t)) })
		})
	}
}
