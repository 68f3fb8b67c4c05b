package bunrestore_test

import (
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/restore/bunrestore"
	"github.com/tenantatlas/tenantatlas/restore/restoretest"
)

// open returns a store in a fresh database.
func open(t testing.TB, db sqltest.DB) *bunrestore.Store {
	t.Helper()
	s, err := bunrestore.New(db.DB)
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

func TestBackupStore(t *testing.T) {
	for name, fresh := range databases {
		t.Run(name, func(t *testing.T) {
			restoretest.TestBackupStore(t, func(t testing.TB) backup.Store { return open(t, fresh(t)) })
		})
	}
}

func TestRestoreStore(t *testing.T) {
	for name, fresh := range databases {
		t.Run(name, func(t *testing.T) {
			restoretest.TestRestoreStore(t, func(t testing.TB) restore.Store { return open(t, fresh(t)) })
		})
	}
}
