package main

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/runs"
)

// The visitor of a fresh demo has something to read, once.
func TestDemoNotifications(t *testing.T) {
	t.Parallel()
	db := "file:" + t.TempDir() + "/demo.db"
	for range 2 { // the second time the database is not fresh
		opts, err := parseOptions([]string{"-db", db}, env(), io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		h, err := newHost(t.Context(), opts, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := h.seed(t.Context()); err != nil {
			t.Fatal(err)
		}
		page, err := h.stores.inbox.List(t.Context(), notify.Query{Recipient: demoUsers[0]})
		if err != nil {
			t.Fatal(err)
		}
		unread, outcomes := 0, map[runs.Outcome]int{}
		for _, n := range page.Notifications {
			if n.Stage == runs.StatusCompleted {
				outcomes[n.Outcome]++
				if n.Unread() {
					unread++
				}
			}
		}
		want := map[runs.Outcome]int{
			runs.OutcomeSucceeded: 2, runs.OutcomePartiallySucceeded: 2, runs.OutcomeFailed: 2,
			runs.OutcomeCanceled: 2, runs.OutcomeBlocked: 2,
		}
		if diff := cmp.Diff(want, outcomes); diff != "" || unread != 4 {
			t.Errorf("%d are unread, want 4\n%s", unread, diff)
		}
		if _, err := h.tracker.Start(t.Context(), notify.DailyPrune(time.Now())); err != nil {
			t.Errorf("the host may not delete old notifications: %v", err)
		}
		h.close()
	}
}
