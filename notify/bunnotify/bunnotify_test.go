package bunnotify_test

import (
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/notify/bunnotify"
	"github.com/tenantatlas/tenantatlas/notify/notifytest"
)

// open returns the store in db, which it migrates.
func open(t testing.TB, db sqltest.DB) *bunnotify.Store {
	t.Helper()
	return sqltest.Migrated(t, db, bunnotify.New)
}

func TestInbox(t *testing.T) {
	for name, fresh := range sqltest.Databases() {
		t.Run(name, func(t *testing.T) {
			notifytest.TestInbox(t, func(t testing.TB) notify.Inbox { return open(t, fresh(t)) })
		})
	}
}

func TestOutbox(t *testing.T) {
	for name, fresh := range sqltest.Databases() {
		t.Run(name, func(t *testing.T) {
			notifytest.TestOutbox(t, func(t testing.TB) notify.Outbox { return open(t, fresh(t)) })
		})
	}
}
