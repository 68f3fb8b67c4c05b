package bunruns

import (
	"context"
	"fmt"
	"strings"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/runs"
)

// explain says what failed, in the errors of package runs.
func (s *Store) explain(ctx context.Context, doing string, err error) error {
	return bunkit.Explain(ctx, doing, err, runs.ErrStoreUnavailable)
}

// duplicate returns what the run that an update would have made doubles, or
// err itself. Databases name the index, or its columns.
func duplicate(err error) error {
	switch {
	case err == nil || !bunkit.Duplicate(err):
		return err
	case strings.Contains(err.Error(), "operation_runs_lane"), strings.Contains(err.Error(), "operation_runs.lane"):
		return fmt.Errorf("%w: %w", runs.ErrLaneBusy, err)
	default:
		return fmt.Errorf("%w: %w", runs.ErrConflict, err) // its key is another run's by now
	}
}
