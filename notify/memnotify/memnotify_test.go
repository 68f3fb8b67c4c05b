package memnotify_test

import (
	"testing"

	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/notify/memnotify"
	"github.com/tenantatlas/tenantatlas/notify/notifytest"
)

func TestInbox(t *testing.T) {
	notifytest.TestInbox(t, func(testing.TB) notify.Inbox { return memnotify.New() })
}

func TestOutbox(t *testing.T) {
	notifytest.TestOutbox(t, func(testing.TB) notify.Outbox { return memnotify.New() })
}
