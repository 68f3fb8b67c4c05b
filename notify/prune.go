package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// PruneType is the type of the runs that delete old notifications and
// deliveries. They belong to [runs.SystemTenant].
const PruneType runs.Type = "notifications.prune"

// PruneConfig says what is deleted from where. Inbox is required.
type PruneConfig struct {
	Inbox  Inbox
	Outbox Outbox // nil means that there is none

	// Keep is how long notifications, and deliveries that are settled, are kept;
	// 0 means 90 days. It should not be shorter than a run may wait for its
	// announcement: one that was deleted would be made again.
	Keep time.Duration

	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
}

// pruneBatch is how many rows are deleted at a time.
const pruneBatch = 500

// PruneOperation returns the operation "notifications.prune", or says what is
// wrong with cfg. A run counts what it deleted as succeeded. After a crash, or
// the next day, it goes on where it was. Only system actors may start it, in
// [runs.SystemTenant]; see [DailyPrune].
func PruneOperation(cfg PruneConfig) (runs.Operation, error) {
	if cfg.Inbox == nil || cfg.Keep < 0 {
		return runs.Operation{}, errors.New("notify: PruneConfig.Inbox is missing, or Keep is negative")
	}
	if cfg.Keep == 0 {
		cfg.Keep = 90 * 24 * time.Hour
	}
	if cfg.Now == nil {
		cfg.Now = time.Now //nolint:forbidigo // the one default
	}
	return runs.Spec[struct{}]{
		Type:        PruneType,
		Label:       "Deletion of old notifications",
		Description: "Deletes the notifications of all users that were kept long enough.",
		Expected:    time.Hour,
		Prepare: func(_ context.Context, tenant string, _ *struct{}) error {
			if tenant != runs.SystemTenant {
				return runs.Public(nil, runs.ReasonInvalidInput, "Old notifications are deleted by the system, for all users at once.")
			}
			return nil
		},
		Handle: func(ctx context.Context, x *runs.Exec, _ struct{}) error {
			before := cfg.Now().Add(-cfg.Keep)
			err := pruneAll(ctx, x, before, cfg.Inbox.Prune)
			if err == nil && cfg.Outbox != nil {
				err = pruneAll(ctx, x, before, cfg.Outbox.Forget)
			}
			return err
		},
	}.Operation(), nil
}

// pruneAll deletes in batches until there are no more.
func pruneAll(ctx context.Context, x *runs.Exec, before time.Time, prune func(context.Context, time.Time, int) (int, error)) error {
	for n := pruneBatch; n == pruneBatch; {
		var err error
		if n, err = prune(ctx, before, pruneBatch); err != nil {
			return fmt.Errorf("delete old notifications: %w", err)
		}
		x.Count(int64(n), 0, 0)
		// Others may want the database, too.
		pause := time.NewTimer(10 * time.Millisecond)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return context.Cause(ctx)
		}
	}
	return nil
}

// DailyPrune returns the request for the pruning of the day, in UTC, that now is
// in. However often and by however many processes it is started, there is one
// run a day.
func DailyPrune(now time.Time) runs.Request {
	return runs.Request{
		Tenant:    runs.SystemTenant,
		Type:      PruneType,
		Params:    struct{}{},
		Initiator: runs.System("retention"),
		Once:      "day " + now.UTC().Format(time.DateOnly),
	}
}
