package restoretest_test

import (
	"testing"

	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/restore/memrestore"
	"github.com/tenantatlas/tenantatlas/restore/restoretest"
)

// A driver's own test is two calls, if one type is both stores.
func ExampleTestBackupStore() {
	_ = func(t *testing.T) { // func TestStore(t *testing.T)
		restoretest.TestBackupStore(t, func(testing.TB) backup.Store { return memrestore.New() })
		restoretest.TestRestoreStore(t, func(testing.TB) restore.Store { return memrestore.New() })
	}
}
