package buninventory

import (
	"context"
	"fmt"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/inventory"
)

// explain says what failed, in the errors of package inventory.
func (s *Store) explain(ctx context.Context, doing string, err error) error {
	return bunkit.Explain(ctx, doing, err, inventory.ErrStoreUnavailable)
}

// Sizes that keep every key of an index below what PostgreSQL allows, 2,704
// bytes.
const (
	maxName = 255 // of a tenant, kind, run or selection
	maxID   = 512 // of an id, a hash or a folded name
)

// checkNames returns an error unless all of the names can be part of a key.
func checkNames(names ...string) error {
	for _, n := range names {
		if len(n) > maxName || !bunkit.Storable(n) {
			return fmt.Errorf("%w: a name that is too long or no text", inventory.ErrInvalid)
		}
	}
	return nil
}

// checkSync reports whether the sync can write.
func checkSync(s inventory.Sync) error {
	if s.Tenant == "" {
		return fmt.Errorf("%w: no tenant", inventory.ErrInvalid)
	}
	return checkNames(s.Tenant, s.Run, s.Selection)
}
