package notify_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/notify/memnotify"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

// What was kept long enough goes, once a day.
func TestPrune(t *testing.T) {
	const many = 1200 // more than goes at a time
	store := memnotify.New()
	for i := range many {
		n := notify.Of(ended(fmt.Sprint("r", i)))
		if i%2 == 0 { // it is no older than 90 days
			n.At = morning.Add(24 * time.Hour)
		}
		d := notify.Delivery{
			Channel: "hook", Notification: n, CreatedAt: n.At, SettledAt: n.At, State: notify.DeliveryDelivered,
		}
		if err := errors.Join(store.Put(t.Context(), n), store.Add(t.Context(), d)); err != nil {
			t.Fatal(err)
		}
	}
	now := morning.Add(91 * 24 * time.Hour)
	op, err := notify.PruneOperation(notify.PruneConfig{Inbox: store, Outbox: store, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	tracker := runstest.New(t, runs.Config{Operations: []runs.Operation{op}})
	r := tracker.Execute(notify.DailyPrune(now))
	if r.Outcome != runs.OutcomeSucceeded || r.Counts.Succeeded != many {
		t.Errorf("the run ended as %s with %+v, want %d deleted", r.Outcome, r.Counts, many)
	}
	if n, err := store.Unread(t.Context(), dana, 2*many); n != many/2 || err != nil {
		t.Errorf("%d notifications are left, %v; want %d", n, err, many/2)
	}
	again, err := tracker.Start(t.Context(), notify.DailyPrune(now.Add(time.Hour)))
	if err != nil || again.Created || again.Run.ID != r.ID {
		t.Errorf("the same day again: %+v, %v; want the run that there is", again, err)
	}
	if _, err := tracker.Start(t.Context(), runs.Request{Tenant: "acme", Type: notify.PruneType, Initiator: dana}); err == nil {
		t.Error("a person can start it for a tenant")
	}
	if _, err := notify.PruneOperation(notify.PruneConfig{}); err == nil {
		t.Error("PruneOperation accepts no inbox")
	}
}
