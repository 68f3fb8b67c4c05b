package bunnotify_test

import (
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/notify/bunnotify"
	"github.com/tenantatlas/tenantatlas/notify/notifytest"
)

// open returns a store in a fresh database.
func open(t testing.TB, db sqltest.DB) *bunnotify.Store {
	t.Helper()
	s, err := bunnotify.New(db.DB)
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

func TestInbox(t *testing.T) {
	for name, fresh := range databases {
		t.Run(name, func(t *testing.T) {
			notifytest.TestInbox(t, func(t testing.TB) notify.Inbox { return open(t, fresh(t)) })
		})
	}
}

func TestOutbox(t *testing.T) {
	for name, fresh := range databases {
		t.Run(name, func(t *testing.T) {
			notifytest.TestOutbox(t, func(t testing.TB) notify.Outbox { return open(t, fresh(t)) })
		})
	}
}
