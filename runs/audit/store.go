package audit

import (
	"context"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A Row is an entry as a [Store] keeps it.
type Row struct {
	Seq   int64
	Body  []byte // the entry in its canonical form
	Seal  []byte // of Body
	Index Index
}

// An Index is what rows are found by. It repeats what the body says; [Log.Verify]
// compares them.
type Index struct {
	Actor  string // kind:id
	Object string // kind:id, or empty
	Event  Event
	Action runs.Action
}

// A Head is where a tenant's chain ends and where what is kept of it begins:
// two texts of a [Checkpoint], which are nothing more to a [Store].
type Head struct {
	Last string // empty if there was never an entry
	Base string // empty if the first entry was never deleted
}

// A Filter selects rows. Every zero field selects all.
type Filter struct {
	Index  Index
	After  int64 // only rows with a greater number
	Before int64 // only rows with a smaller number; 0 means no limit
}

// Matches reports whether f selects the row.
func (f Filter) Matches(r Row) bool {
	is := func(want, got string) bool { return want == "" || want == got }
	return r.Seq > f.After && (f.Before == 0 || r.Seq < f.Before) &&
		is(f.Index.Actor, r.Index.Actor) && is(f.Index.Object, r.Index.Object) &&
		is(string(f.Index.Event), string(r.Index.Event)) && is(string(f.Index.Action), string(r.Index.Action))
}

// A Store keeps the chains of tenants. It keeps what it is given, knows no key
// and decides nothing. Its methods are safe for concurrent use, also by several
// processes, and report [runs.ErrStoreUnavailable] when they may succeed later.
// What one call has stored every later call sees.
type Store interface {
	// Head returns the tenant's head, which is zero if nothing was appended.
	Head(ctx context.Context, tenant string) (Head, error)

	// Append stores rows and makes next the tenant's Head.Last, if that is last
	// now, or else stores nothing and reports [runs.ErrConflict]. Either all of
	// it happens or nothing. It leaves Head.Base alone. Rows come in the order
	// of their numbers; one that is taken is an error.
	Append(ctx context.Context, tenant, last, next string, rows []Row) error

	// Rows returns the tenant's rows with a number greater than after, smallest
	// first, limit of them at most. Numbers below 1 are no exception.
	Rows(ctx context.Context, tenant string, after int64, limit int) ([]Row, error)

	// List returns those of the tenant's rows that f selects, greatest number
	// first, limit of them at most. It looks at a bounded number of rows:
	// if there may be more than it returns, more is the number before which to
	// go on, and else 0. A page may be short, even empty, and have more.
	List(ctx context.Context, tenant string, f Filter, limit int) (rows []Row, more int64, err error)

	// Prune makes next the tenant's Head.Base, if that is base now, and deletes
	// the rows with numbers up to upTo, or else does nothing and reports
	// [runs.ErrConflict]. Either all of it happens or nothing.
	Prune(ctx context.Context, tenant, base, next string, upTo int64) error
}
