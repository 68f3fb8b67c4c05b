package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/prune"
)

// TestPruneRuns has an old run and a recent one.
func TestPruneRuns(t *testing.T) {
	t.Parallel()
	eachDB(t, func(t *testing.T, db string) {
		opts, err := parseOptions([]string{"-db", db}, credentials, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		h, err := newHost(t.Context(), opts, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer h.close()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- h.tracker.Run(ctx) }()
		defer func() {
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}()
		keep := map[bool]runs.Ref{}
		for _, kept := range []bool{true, false} {
			at := time.Now().AddDate(0, 0, map[bool]int{true: -89, false: -91}[kept])
			r, err := h.tracker.Import(ctx, &runs.Run{
				Tenant: "contoso", Type: "inventory.sync", Status: runs.StatusCompleted, Outcome: runs.OutcomeSucceeded,
				Initiator: demoUsers[0], CreatedAt: at, CompletedAt: at,
			})
			if err != nil {
				t.Fatal(err)
			}
			keep[kept] = r.Ref()
		}
		for i := range 2 {
			s, err := h.tracker.Start(ctx, prune.Daily(time.Now()))
			if err != nil || s.Created != (i == 0) {
				t.Fatalf("start %d: created %v, %v", i, s.Created, err)
			}
			if run, err := h.tracker.Wait(ctx, s.Run.Ref()); err != nil || run.Counts.Succeeded != 1 {
				t.Errorf("%+v, %v; want one run deleted", run, err)
			}
		}
		if _, err := h.tracker.Get(ctx, keep[true]); err != nil {
			t.Errorf("the recent run: %v", err)
		}
		if _, err := h.tracker.Get(ctx, keep[false]); !errors.Is(err, runs.ErrNotFound) {
			t.Errorf("the old run: error is %v, want %v", err, runs.ErrNotFound)
		}
	})
}

// Users neither prune nor see what did.
func TestUsersDoNotPrune(t *testing.T) {
	t.Parallel()
	c := serveHost(t, "-db", "memory")
	for path, want := range map[string]int{runsOf: http.StatusBadRequest, "/api/v1/t/_system/runs": http.StatusNotFound} {
		if status, _ := c.do("owner", "POST", path, `{"type":"runs.prune"}`, nil, "X-Demo-User", "owner"); status != want {
			t.Errorf("POST %s: %d, want %d", path, status, want)
		}
	}
}
