package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tenantatlas/tenantatlas/runs"
)

// Config says what an [Observer] notifies of, and where. Inbox is required.
type Config struct {
	Inbox Inbox

	// Stages are what is notified of. If nil, when a run is queued and when it
	// has ended. That a run has ended is told exactly once, whatever crashes;
	// the stages before are told at best effort, at most once.
	Stages []runs.Status

	// Courier carries the notifications further. If nil, nobody does.
	Courier *Courier
}

// An Observer is a [runs.Observer] that notifies the initiators of runs.
// Systems and schedules have no inbox; what they start nobody is notified of.
type Observer struct{ cfg Config }

var _ runs.Observer = (*Observer)(nil)

// NewObserver returns an Observer made of cfg, or an error that says what is
// wrong with it.
func NewObserver(cfg Config) (*Observer, error) {
	if cfg.Inbox == nil {
		return nil, errors.New("notify: Config.Inbox is missing; memnotify.New() keeps notifications in memory")
	}
	if cfg.Stages == nil {
		cfg.Stages = []runs.Status{runs.StatusQueued, runs.StatusCompleted}
	}
	for _, s := range cfg.Stages {
		switch s {
		case runs.StatusQueued, runs.StatusRunning, runs.StatusCompleted:
		default:
			return nil, fmt.Errorf("notify: Config.Stages has %q, which no run comes to", s)
		}
	}
	cfg.Stages = slices.Clone(cfg.Stages)
	return &Observer{cfg}, nil
}

// Observe implements [runs.Observer]. Telling it the same twice changes
// nothing, so a Tracker that does not know whether it has told may repeat it.
func (o *Observer) Observe(ctx context.Context, r *runs.Run) error {
	if r.Initiator.Kind != runs.ActorUser || !slices.Contains(o.cfg.Stages, r.Status) {
		return nil
	}
	n := Of(r)
	if err := o.cfg.Inbox.Put(ctx, n); err != nil {
		return fmt.Errorf("notify of a run: %w", err)
	}
	if o.cfg.Courier == nil {
		return nil
	}
	return o.cfg.Courier.Enqueue(ctx, n)
}
