package restore

import (
	"context"
	"time"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/runs"
)

// What a [Store] reports: the errors of package backup, so that a program needs
// to know one set only.
var (
	ErrNotFound         = backup.ErrNotFound         // there is no such restore in this tenant
	ErrConflict         = backup.ErrConflict         // somebody else has changed it; look again
	ErrExists           = backup.ErrExists           // the ID is taken
	ErrBadCursor        = backup.ErrBadCursor        // the cursor is of another list
	ErrInvalid          = backup.ErrInvalid          // no store keeps this
	ErrStoreUnavailable = backup.ErrStoreUnavailable // try again later
)

// A Store keeps restores. Programs use a [Planner] and the operations of this
// package; a Store only has to keep these promises, which package restoretest
// checks.
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
	Documents
	Journal
	Memory
}

// Documents keeps the documents of restores.
type Documents interface {
	// Create adds a restore, and sets r.Revision to 1. It reports [ErrExists] if the
	// tenant has one with this ID, and [ErrInvalid] for one without tenant or
	// ID.
	Create(ctx context.Context, r *Restore) error

	// Get returns a restore, or [ErrNotFound].
	Get(ctx context.Context, tenant, id string) (*Restore, error)

	// Replace replaces a restore, apart from Tenant, ID, Set, CreatedAt,
	// CreatedBy and RerunOf, and sets r.Revision to the next one. It reports
	// [ErrConflict] unless the stored revision is r.Revision, and
	// [ErrNotFound].
	Replace(ctx context.Context, r *Restore) error

	// List returns the restores that match q, newest first, those of one
	// instant by descending ID, without their mappings; each once over the
	// pages. It reports [ErrBadCursor].
	List(ctx context.Context, q Query) (Page, error)
}

// A Query selects restores of one tenant.
type Query struct {
	Tenant string // required
	Set    string // if not empty
	After  Cursor // the Next of the page before
	Limit  int    // 0 means 50; more than [runs.MaxLimit] means that
}

// A Page is one part of a list of restores.
type Page struct {
	Restores []Restore
	Next     Cursor // empty on the last page
}

// A Cursor is a position in a list, opaque to callers.
type Cursor = runs.Cursor

// Journal keeps the items of restores. Every write names the fence that its
// writer has, and reports [ErrConflict], changing nothing, unless that is the
// Fence of the stored restore: whoever was believed dead writes nothing any more.
// It reports [ErrNotFound] if there is no such restore.
type Journal interface {
	// Clear removes all items of a restore.
	Clear(ctx context.Context, tenant, restore string, fence int64) error

	// Put adds items, or replaces those of the same objects; of several for one
	// object the last stays. It reports [ErrInvalid], keeping none of them, for
	// an item without kind or ID.
	Put(ctx context.Context, tenant, restore string, fence int64, items []Item) error

	// Items returns the items that match q in the order of their kinds, folded
	// names (see [inventory.Fold]) and ids, each by its bytes; each once over
	// the pages. It reports [ErrBadCursor]. A restore that is not there has no
	// items.
	Items(ctx context.Context, q ItemQuery) (ItemPage, error)
}

// An ItemQuery selects items of one restore. Several values in one field mean
// any of them.
type ItemQuery struct {
	Tenant    string // required
	Restore   string // required
	Kind      string // if not empty
	Decisions []Decision
	Results   []Result
	After     Cursor
	Limit     int // 0 means 50; more than [runs.MaxLimit] means that
}

// An ItemPage is one part of a list of items.
type ItemPage struct {
	Items []Item
	Next  Cursor // empty on the last page
}

// Memory keeps what was found out about two tenants once: what somebody has
// answered when something was mapped, and what objects of a backup have become.
type Memory interface {
	// Remember keeps answers, replacing those to the same question, which is
	// the origin, the kind and the ID; of several to one question the last
	// stays. It reports [ErrInvalid], keeping none of them, for one without
	// origin, kind, ID or To.
	Remember(ctx context.Context, tenant string, answers []Answer) error

	// Recall returns the answers that there are to questions about these things
	// of the origin, which is a tenant: each once, in no particular order.
	Recall(ctx context.Context, tenant, origin string, refs []inventory.Ref) ([]Answer, error)
}

// An Answer says what stands in a tenant for something of another one, or of the
// same one before it was restored.
type Answer struct {
	Origin string // the tenant that ID is of
	inventory.Ref
	To string // the id in this tenant
	By runs.Actor
	At time.Time
}
