package memrestore_test

import (
	"testing"

	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/restore/memrestore"
	"github.com/tenantatlas/tenantatlas/restore/restoretest"
)

func TestStore(t *testing.T) {
	t.Run("backup", func(t *testing.T) {
		restoretest.TestBackupStore(t, func(testing.TB) backup.Store { return memrestore.New() })
	})
	t.Run("restore", func(t *testing.T) {
		restoretest.TestRestoreStore(t, func(testing.TB) restore.Store { return memrestore.New() })
	})
}
