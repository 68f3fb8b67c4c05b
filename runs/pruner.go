package runs

import (
	"context"
	"time"
)

// A Pruner is a [Store] from which runs that have ended can be deleted. Package
// runs/prune decides which. A store may be none; then its runs stay for good.
type Pruner interface {
	// Ended returns runs of all tenants that are completed and announced, and
	// were completed before an instant: at most limit of them, or 50 if limit
	// is 0, in the order of CompletedAt and then of ID, beyond the one that
	// after describes, or from the first if that is zero. Fewer than limit
	// means that there are no more. A run whose CompletedAt is zero is never
	// among them.
	Ended(ctx context.Context, before time.Time, after EndedRun, limit int) ([]EndedRun, error)

	// Delete deletes those of the runs that are completed and announced, with
	// their items, and returns how many runs these were. It leaves every other
	// alone: one that is active or not announced, another tenant's, one that is
	// not there. ref.Type is not looked at. Items go before their run, in
	// bounded transactions, so that there are never any without one; a run
	// that others refer to, by RetryOf or in a link, goes like any other.
	// After an error some may be deleted that the number does not have.
	Delete(ctx context.Context, refs []Ref) (deleted int, err error)
}

// An EndedRun is what decides how long a run is kept.
type EndedRun struct {
	Ref
	Outcome     Outcome
	Once        string
	CompletedAt time.Time
}
