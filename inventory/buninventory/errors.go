package buninventory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/inventory"
)

// explain says what failed, and makes errors of the database what package
// inventory says. The text of err stays in it, for logs.
func (s *Store) explain(ctx context.Context, doing string, err error) error {
	switch ended := ctx.Err(); {
	case err == nil:
		return nil
	case ended != nil && errors.Is(err, ended):
	case ended != nil: // drivers report it in words of their own
		return fmt.Errorf("%s: %w: %w", doing, ended, err)
	case bunkit.Unreachable(err), bunkit.Transient(err), errors.Is(err, sql.ErrConnDone),
		errors.Is(err, context.DeadlineExceeded): // which then is one of the driver's, not of ctx
		return fmt.Errorf("%s: %w: %w", doing, inventory.ErrStoreUnavailable, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// Sizes that keep every key of an index below what PostgreSQL allows, 2,704
// bytes.
const (
	maxName = 255 // of a tenant, kind, run or selection
	maxID   = 512 // of an id, a hash or a folded name
)

// storable reports whether a column can hold all of the texts. PostgreSQL
// refuses others even as a parameter of a query.
func storable(texts ...string) bool {
	for _, t := range texts {
		if !utf8.ValidString(t) || strings.ContainsRune(t, 0) {
			return false
		}
	}
	return true
}

// checkNames returns an error unless all of the names can be part of a key.
func checkNames(names ...string) error {
	for _, n := range names {
		if len(n) > maxName || !storable(n) {
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
