package bunnotify_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/notify/bunnotify"
	"github.com/tenantatlas/tenantatlas/runs"
)

var dana = runs.User("dana", "Dana")

func TestMigrate(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		if err := s.Put(t.Context(), ended(1)); err != nil {
			t.Fatal(err)
		}
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatalf("again: %v", err)
		}
		if n, err := s.Unread(t.Context(), dana, 10); n != 1 || err != nil {
			t.Errorf("after a second Migrate there are %d notifications, %v; want 1", n, err)
		}
		if err := s.Revert(t.Context(), -1); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Unread(t.Context(), dana, 10); err == nil {
			t.Error("after Revert there is an inbox")
		}
		open(t, db)
		if n, err := s.Unread(t.Context(), dana, 10); n != 0 || err != nil {
			t.Errorf("up again, there are %d notifications, %v; want none", n, err)
		}
	})
}

func TestDriver(t *testing.T) {
	sqltest.TestDriver(t, bunnotify.New, notify.ErrStoreUnavailable, func(ctx context.Context, s *bunnotify.Store) map[string]func() error {
		d := notify.Delivery{Channel: "hook", Notification: ended(1), State: notify.DeliveryPending, NextAt: morning, CreatedAt: morning}
		return map[string]func() error{
			"Put":    func() error { return s.Put(ctx, ended(1)) },
			"List":   func() error { _, err := s.List(ctx, notify.Query{Recipient: dana}); return err },
			"Unread": func() error { _, err := s.Unread(ctx, dana, 1); return err },
			"Mark":   func() error { _, err := s.Mark(ctx, notify.Mark{Recipient: dana, All: true, Unread: true}); return err },
			"Prune":  func() error { _, err := s.Prune(ctx, morning, 1); return err },
			"Add":    func() error { return s.Add(ctx, d) },
			"Take":   func() error { _, err := s.Take(ctx, notify.Taking{Channel: "hook", Now: morning}); return err },
			"Settle": func() error { return s.Settle(ctx, d) },
			"Log":    func() error { _, err := s.Log(ctx, notify.LogQuery{}); return err },
			"Forget": func() error { _, err := s.Forget(ctx, morning, 1); return err },
		}
	})
}

// All of more notifications than one statement marks are marked.
func TestMarkMany(t *testing.T) {
	db := sqltest.SQLite(t)
	s := open(t, db)
	const many = 1100
	for i := range many {
		if err := s.Put(t.Context(), ended(i)); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := s.Mark(t.Context(), notify.Mark{Recipient: dana, All: true, At: morning}); n != many || err != nil {
		t.Errorf("Mark changed %d, %v; want %d", n, err, many)
	}
}

// A context that ends while a call waits for another writer ends the call.
func TestContextEndsWaiting(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		if err := s.Put(t.Context(), ended(1)); err != nil {
			t.Fatal(err)
		}
		tx, err := db.Write.DB.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		if _, err := tx.ExecContext(t.Context(), "DELETE FROM notify_inbox"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := s.Mark(ctx, notify.Mark{Recipient: dana, IDs: []string{ended(1).ID}, At: morning}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Mark reports %v, want context.DeadlineExceeded", err)
		}
	})
}

// A page of some types is short when it has looked at enough, and the next one
// goes on from there.
func TestLookIsBounded(t *testing.T) {
	s := open(t, sqltest.SQLite(t))
	const many = 2500
	for i := range many {
		n := ended(i + 1)
		if i > 0 {
			n.Run.Type = "another.type"
		}
		if err := s.Put(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	q := notify.Query{Recipient: dana, Types: []runs.Type{ended(1).Run.Type}}
	first, err := s.List(t.Context(), q)
	if err != nil || len(first.Notifications) != 0 || first.Next == "" {
		t.Fatalf("the first page has %d and the cursor %q, %v; want none, and more", len(first.Notifications), first.Next, err)
	}
	q.After = first.Next
	second, err := s.List(t.Context(), q)
	if err != nil || len(second.Notifications) != 1 || second.Next != "" {
		t.Errorf("the second page has %d and the cursor %q, %v; want the last one", len(second.Notifications), second.Next, err)
	}
}
