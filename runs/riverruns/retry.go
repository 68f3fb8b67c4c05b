package riverruns

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/riverqueue/river"
)

const (
	// slotPause is how long a worker rests when the store could not be asked.
	// It keeps its slot, since the next claim would fare no better.
	slotPause = 100 * time.Millisecond

	// maxSnooze is how long the job of a failed claim is put off at most. Up to
	// this, River needs no leader to bring it back.
	maxSnooze = 5 * time.Second
)

// rest rests after the claim of j has failed, and returns how long to put j
// off: longer each time.
func (d *Dispatcher) rest(ctx context.Context, j *river.Job[job], err error) time.Duration {
	if ctx.Err() != nil {
		return 0 // for another process
	}
	d.cfg.Logger.WarnContext(ctx, "claim failed", "run", j.Args.ID, "type", j.Args.Type, "error", err)
	pause := time.NewTimer(slotPause)
	defer pause.Stop()
	select {
	case <-ctx.Done():
		return 0
	case <-pause.C:
	}
	return min(slotPause<<min(snoozes(j), 10), maxSnooze)
}

// snoozes is how often j was put off.
func snoozes(j *river.Job[job]) int {
	var kept struct {
		Snoozes int `json:"snoozes"`
	}
	if json.Unmarshal(j.Metadata, &kept) != nil {
		return 0 // somebody else has written it
	}
	return max(kept.Snoozes, 0)
}

// survive logs what recover has returned.
func (d *Dispatcher) survive(ctx context.Context, j *river.Job[job], v any) {
	if v != nil {
		d.cfg.Logger.ErrorContext(ctx, "worker panicked", "run", j.Args.ID, "type", j.Args.Type,
			"panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	}
}
