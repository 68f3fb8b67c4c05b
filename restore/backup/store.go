package backup

import (
	"context"
	"errors"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// What a [Store] reports: the errors of package runs, and two more.
var (
	ErrNotFound         = runs.ErrNotFound         // there is no such thing in this tenant
	ErrConflict         = runs.ErrConflict         // somebody else was first; look again
	ErrBadCursor        = runs.ErrBadCursor        // the cursor is of another list
	ErrInvalid          = runs.ErrInvalid          // no store keeps this
	ErrStoreUnavailable = runs.ErrStoreUnavailable // try again later

	// ErrExists is reported for a set whose ID is taken.
	ErrExists = errors.New("backup set exists")

	// ErrInUse is reported for a set that is not deleted because somebody needs
	// it.
	ErrInUse = errors.New("backup set is in use")
)

// A Store keeps the backups of any number of tenants. Programs use
// [AddOperation] and its siblings, which fill it; a Store only has to keep these
// promises, which package restoretest checks.
//
// All methods are safe for concurrent use, also from several processes where the
// store outlives one. A write that returned without an error is as durable as
// the store ever is, and a read that begins afterwards sees it; one that returned
// an error has changed nothing. Tenants are invisible to each other. Instants are
// passed in UTC and whole microseconds, and come back equal, as does everything
// else; texts are valid UTF-8. Nothing that was passed is kept hold of, and the
// caller owns what it gets. What is too large for a store, or has characters that
// it cannot keep, is [ErrInvalid].
type Store interface {
	Sets
	Versions
	Chain
	Keys
}

// Sets keeps what a set is, apart from its items.
type Sets interface {
	// CreateSet adds an empty set. Items, Sealed, Manifest, Seq and Complete
	// are not looked at. It reports [ErrExists] if the tenant has a set with
	// this ID, and [ErrInvalid] for one without tenant or ID.
	CreateSet(ctx context.Context, s *Set) error

	// GetSet returns a set, or [ErrNotFound].
	GetSet(ctx context.Context, tenant, id string) (*Set, error)

	// ListSets returns the sets that match q, newest first, those of one
	// instant by descending ID; each once over the pages. It reports
	// [ErrBadCursor].
	ListSets(ctx context.Context, q SetQuery) (SetPage, error)

	// UseSet notes that holder needs the set until then; a holder that says so
	// again moves the instant, to the past if it needs the set no longer. It
	// reports [ErrNotFound].
	UseSet(ctx context.Context, tenant, id, holder string, until time.Time) error
}

// Versions keeps what was captured.
type Versions interface {
	// Stage adds items to a set, whose payloads are sealed by a [Vault], and
	// returns for each, in their order, the version that the set now has of the
	// object. If the tenant has a version of the object with the same Hash and
	// AssignmentsHash already, in any set, that one is taken and the new one is
	// not kept. If the set has the object already, staged or not, nothing is
	// changed for it, and what the set has is returned; so it is for the second
	// one if an object is staged twice. Staged items are in no list, except
	// where it says so, until [Chain].Append has appended a manifest. It
	// reports [ErrNotFound] if there is no such set, and [ErrInvalid], keeping
	// none of them, for an item without ID, kind, object or hash, and for one
	// whose ID is that of another version.
	Stage(ctx context.Context, tenant, set string, staged []Staged) ([]Version, error)

	// ListItems returns the items that match q in the order of their kinds,
	// folded names and ids, each by its bytes; each once over the pages. It
	// reports [ErrBadCursor]. A set that is not there has no items.
	ListItems(ctx context.Context, q ItemQuery) (ItemPage, error)

	// GetVersion returns a version and its sealed payload, or [ErrNotFound]; a
	// version that is only staged is there.
	GetVersion(ctx context.Context, tenant, id string) (Version, []byte, error)

	// VersionsOf returns the versions of an object once for each set that has
	// it, those captured last first, and those of one capture by descending ID
	// of the set. It returns limit at most; 0 means 50, and more than
	// [runs.MaxLimit] means that.
	VersionsOf(ctx context.Context, tenant, kind, id string, limit int) ([]Item, error)
}

// A Staged is an item to be added.
type Staged struct {
	Version
	Sealed []byte
}

// Chain keeps manifests, certificates and the links between them.
type Chain interface {
	// Head returns the last link of the tenant's chain, or nil if it has none.
	Head(ctx context.Context, tenant string) (*Link, error)

	// Append adds l to its tenant's chain, as one step with what it stands for.
	// If sealing is not nil, it becomes the set's, the staged items of the set
	// become items, the set's Items is how many there are, and its Sealed,
	// Manifest, Seq and Complete are l.At, l.Manifest, l.Seq and
	// sealing.Complete. If it is nil, the set is deleted, with its items,
	// manifest and uses, and with the versions that no other set has, staged or
	// not. Append reports [ErrConflict] unless l.Seq
	// is one more than that of the head, [ErrNotFound] if there is no such set,
	// and [ErrInUse], if the set was to be deleted, unless every use of it
	// ended before l.At.
	Append(ctx context.Context, l Link, sealing *Sealing) error

	// Links returns the links of a chain after the one with this number, in
	// order, limit at most; 0 means 50, and more than [runs.MaxLimit] means
	// that.
	Links(ctx context.Context, tenant string, after int64, limit int) ([]Link, error)

	// GetSealing returns what was last appended for the set, or [ErrNotFound].
	GetSealing(ctx context.Context, tenant, set string) (*Sealing, error)
}

// A Sealing is what makes a set whole. All of it is JSON.
type Sealing struct {
	Manifest    []byte // of a [Manifest]
	Certificate []byte // of a [Certificate]
	Complete    bool   // of the certificate
}
