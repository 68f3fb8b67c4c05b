// Package notifytest tests implementations of [notify.Inbox], [notify.Outbox]
// and [notify.Notifier].
//
// A driver's own test is one call for each:
//
//	func TestInbox(t *testing.T) {
//		notifytest.TestInbox(t, func(t testing.TB) notify.Inbox { return open(t) })
//	}
package notifytest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/runs"
)

// TestInbox checks that the inboxes open returns keep every promise of
// [notify.Inbox]. It calls open once for each promise; every inbox must be
// empty.
func TestInbox(t *testing.T, open func(t testing.TB) notify.Inbox) {
	checkAll(t, inboxPromises, open)
}

// TestOutbox does the same for [notify.Outbox].
func TestOutbox(t *testing.T, open func(t testing.TB) notify.Outbox) {
	checkAll(t, outboxPromises, open)
}

// A promise is one sentence of the documentation. Its check returns an error
// rather than failing a test, so that notifytest can be tested.
type promise[S any] struct {
	name, text string
	check      func(ctx context.Context, s S) error
}

func checkAll[S any](t *testing.T, promises []promise[S], open func(t testing.TB) S) {
	t.Helper()
	for _, p := range promises {
		t.Run(p.name, func(t *testing.T) {
			if err := p.check(t.Context(), open(t)); err != nil {
				t.Errorf("%v\nbroken promise: %s", err, p.text)
			}
		})
	}
}

// The people of the tests.
var (
	dana = runs.User("dana", "Dana")
	erin = runs.User("erin", "Erin")
)

// at returns an instant so many minutes after the first.
func at(minutes int) time.Time {
	return time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC).Add(time.Duration(minutes) * time.Minute)
}

// ended returns a notification that a run has ended.
func ended(who runs.Actor, run string, minutes int) notify.Notification {
	return notify.Of(&runs.Run{
		Tenant: "acme", ID: run, Type: "inventory.sync", Status: runs.StatusCompleted, Outcome: runs.OutcomeSucceeded,
		Initiator: who, CompletedAt: at(minutes),
	})
}

// full returns a notification in which every field but ReadAt differs from
// zero.
func full() notify.Notification {
	return notify.Of(&runs.Run{
		Tenant: "acme", ID: "r-full", Type: "backup_set.verify", Status: runs.StatusCompleted, Outcome: runs.OutcomeFailed,
		Initiator: dana, CompletedAt: at(-7), Failure: runs.Because(runs.ReasonThrottled),
		Target: runs.Target{Kind: "backup_set", ID: "set-7", Name: "Größe “A” <b>\u2028"},
		Counts: runs.Counts{Total: 1 << 53, Succeeded: 3, Failed: 2, Skipped: 1, Extra: map[string]int64{"objects": 1}},
	})
}

// name returns the IDs of the runs of notifications.
func name(all []notify.Notification) []string {
	names := []string{}
	for _, n := range all {
		names = append(names, n.Run.ID)
	}
	return names
}

// want compares what something gave with what it should have given.
func want(what string, want, got any) error {
	if reflect.DeepEqual(want, got) {
		return nil
	}
	return fmt.Errorf("%s: got %s, want %s", what, text(got), text(want))
}

func wantErr(what string, want, got error) error {
	if !errors.Is(got, want) {
		return fmt.Errorf("%s: error is %v, want %v", what, got, want) //nolint:errorlint // not to be mistaken for it
	}
	return nil
}

// text shows v in an error.
func text(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%+v", v)
	}
	return string(raw)
}

// first returns the first error of steps, each of which is only made if those
// before went well.
func first(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
