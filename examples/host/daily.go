package main

import (
	"context"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// daily starts what is to be done once a day, until ctx ends. It asks every
// hour; the request's Once makes it one run a day, however many hosts there are.
func (h *host) daily(ctx context.Context, request func(now time.Time) runs.Request) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		req := request(time.Now())
		if _, err := h.tracker.Start(ctx, req); err != nil && ctx.Err() == nil {
			h.log.WarnContext(ctx, "daily run was not started", "type", req.Type, "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
