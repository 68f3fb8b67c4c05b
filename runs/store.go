package runs

import (
	"context"
	"errors"
	"time"
)

// What a store reports. Everything else that goes wrong in one is wrapped as it
// is and means that the call had no result that the caller may rely on.
var (
	// ErrNotFound is reported for a run that does not exist, that belongs to
	// another tenant than the one asked for, or that the actor may not know of.
	ErrNotFound = errors.New("not found")

	// ErrExists is reported by [Store.Insert] for an ID that is taken.
	ErrExists = errors.New("run ID is taken")

	// ErrConflict is reported by [Store.Update] when the stored run has moved
	// on since the caller read it, and by [ItemStore.PutItems] when the attempt
	// is no longer the running one.
	ErrConflict = errors.New("run was changed concurrently")

	// ErrLaneBusy is reported by [Store.Update] and [Store.Insert] for a run
	// that would be the second running one in its lane.
	ErrLaneBusy = errors.New("lane is busy")

	// ErrNotDue is reported by [Store.Update] for a queued run whose NotBefore
	// has not come: until then it stays queued or is canceled.
	ErrNotDue = errors.New("run is not due")

	// ErrBadCursor is reported by the lists for a cursor that another query
	// made, or nobody. The caller starts over without one.
	ErrBadCursor = errors.New("cursor does not belong to this list")

	// ErrInvalid is reported for a run, an item or a request that no store
	// keeps; see [Run.Validate].
	ErrInvalid = errors.New("invalid")

	// ErrStoreUnavailable is reported when the store could not be reached, so
	// that the caller may try again later.
	ErrStoreUnavailable = errors.New("store is unavailable")
)

// A Store keeps runs. Programs use a [Tracker], which adds the rules of a run's
// life on top; a Store only has to keep what it is given, and to keep these
// promises, which package runstest checks:
//
// All methods are safe for concurrent use, also from several processes where
// the store outlives one. The caller owns the runs it passes and those it gets
// back. A write that returned without an error is durable as far as the store
// ever is, and a read that begins afterwards sees it. Instants are kept as
// [Instant] says; texts are equal if their bytes are, and one that no run can
// have, such as broken UTF-8, finds nothing. A store that cannot be reached
// reports [ErrStoreUnavailable]; a context that ends makes a call return soon,
// with the context's error.
type Store interface {
	// Insert adds r with revision 1, its instants stamped, and returns it with
	// true. If a kept run of the same tenant and type has r.Once, or else r is
	// active and an active run of the tenant has r.Key, Insert writes nothing
	// and returns that run, whole, with false. Of any number of concurrent
	// calls with one key, exactly one gets true. Insert reports [ErrExists] if
	// r.ID is taken (for a run that would join itself, either answer is right),
	// [ErrLaneBusy] if r is running in a lane where another run is, and
	// [ErrInvalid] for a run that is not [Run.Validate].
	Insert(ctx context.Context, r *Run) (stored *Run, inserted bool, err error)

	// Get returns the run that ref names; ref.Type is not looked at. It reports
	// [ErrNotFound] for a run of another tenant as for none at all.
	Get(ctx context.Context, ref Ref) (*Run, error)

	// Update replaces the stored run by r, its instants stamped, and returns it
	// with the next revision, and without Params, which the caller has. Tenant,
	// ID, Type, Key, Once, Lane, Inline, Params, Initiator, RetryOf and CreatedAt
	// stay as they were inserted. It reports [ErrConflict] unless the stored
	// revision is r.Revision, [ErrLaneBusy] if r is to run in a lane where
	// another run does, [ErrNotDue] if the stored run is queued with a NotBefore
	// that has not come by the store's clock and r is neither queued nor
	// canceled, [ErrNotFound], and [ErrInvalid]; then nothing is changed.
	Update(ctx context.Context, r *Run) (*Run, error)

	// List returns the runs that match q, newest first, each once over the
	// pages; the order is that of the IDs. A page may be short although there
	// are more; only an empty Next means the end. Runs that are inserted
	// meanwhile may be missed, never the ones that were there. The listed runs
	// carry no Params, Context and Failures. It reports [ErrBadCursor], and
	// [ErrInvalid] for a query without a tenant.
	List(ctx context.Context, q Query) (Page, error)

	// Due returns runs of all tenants that wait for a worker or for their
	// announcement, by the store's clock, whole and the longest waiting first;
	// see [DueQuery].
	Due(ctx context.Context, q DueQuery) ([]*Run, error)
}

// An Inserter inserts runs as [Store.Insert] does, in a transaction that
// somebody else ends. See [Tracker.In].
type Inserter interface {
	Insert(ctx context.Context, r *Run) (stored *Run, inserted bool, err error)
}

// A Counter is a [Store] that counts without listing. [Tracker.Counts] needs
// one.
type Counter interface {
	// Count counts the runs of q's tenant that match q by status and, of the
	// completed ones, by outcome. No single figure goes beyond limit; one that
	// reached it makes the tally capped. A store may look at the newest thousand
	// runs only, at the least, and makes the tally capped if there were more.
	// q.After and q.Limit are not looked at.
	// It reports [ErrInvalid] for a query without a tenant.
	Count(ctx context.Context, q Query, limit int) (Tally, error)
}

// A Tally is the number of runs by status and by outcome. Figures that are zero
// are left out.
type Tally struct {
	Status  map[Status]int  `json:"status"`
	Outcome map[Outcome]int `json:"outcome"`
	Capped  bool            `json:"capped"` // a figure means "that many or more"
}

// A Query selects runs of one tenant. Zero fields do not restrict; several
// values in one field mean any of them.
type Query struct {
	Tenant    string // required
	IDs       []string
	Types     []Type
	Statuses  []Status
	Outcomes  []Outcome
	Initiator Actor     // by kind and ID, each if not empty
	Target    Target    // by kind and ID, each if not empty
	From, To  time.Time // created at or after From, and before To
	After     Cursor    // the Next of the page before
	Limit     int       // 0 means 50; more than MaxLimit means MaxLimit
}

// MaxLimit is the largest page of a list.
const MaxLimit = 200

// PageSize is how many entries a page with this Limit has at most.
func PageSize(limit int) int {
	if limit <= 0 {
		return 50
	}
	return min(limit, MaxLimit)
}

// A Cursor is a position in a list, opaque to callers. A store keeps the
// promises about it by putting a checksum of the query and of the position
// beside the position.
type Cursor string

// A Page is one part of a list of runs.
type Page struct {
	Runs []*Run
	Next Cursor // empty on the last page
}

// A DueQuery selects runs that need somebody's attention:
//
//   - queued ones whose NotBefore and NextRing have both come;
//   - running ones whose lease is over;
//   - completed ones that are not announced and whose NextRing has come.
//
// An instant that is zero has come, and such a lease is over.
//
// With Claimable set it selects only queued runs whose NotBefore has come, and
// does not look at NextRing.
//
// With Instance set it selects only running runs that a process of this name has
// claimed in another incarnation than the given one, and looks at nothing else
// but Types and Limit.
type DueQuery struct {
	Types     []Type // only these; none selects nothing
	Status    Status // only runs with this status; empty means any
	Claimable bool
	Limit     int // at most this many; 0 means 50

	Instance    string
	Incarnation string
}

// An ItemStore keeps the items of runs: what became of each thing that a run
// worked on. Stores of runs usually are one too, but a [Tracker] keeps items
// only if Config.Items says so.
type ItemStore interface {
	// PutItems keeps items, replacing those with the same key, also among
	// themselves, if the run is running its given attempt. Else it reports
	// [ErrConflict], and keeps none of them. It reports [ErrNotFound] for a run
	// that is not there and [ErrInvalid] for an item that is not
	// [Item.Validate].
	PutItems(ctx context.Context, ref Ref, attempt int, items []Item) error

	// Items returns the items of one run that match q, in the order of their
	// keys' bytes, each once over the pages. A run that is not there has none.
	// It reports [ErrBadCursor].
	Items(ctx context.Context, q ItemQuery) (ItemPage, error)
}

// An ItemOutcome says what became of an item.
type ItemOutcome string

// What can become of an item.
const (
	ItemSucceeded ItemOutcome = "succeeded"
	ItemFailed    ItemOutcome = "failed"
	ItemSkipped   ItemOutcome = "skipped"
)

// An Item is one thing that a run worked on.
type Item struct {
	Key     string      `json:"key"`
	Outcome ItemOutcome `json:"outcome"`
	Failure             // why it failed or was skipped; zero if it succeeded
	Attempt int         `json:"attempt"` // of the run, which settled it; PutItems sets it
	At      time.Time   `json:"at"`
}

// An ItemQuery selects items of one run.
type ItemQuery struct {
	Run      Ref           // required
	Outcomes []ItemOutcome // any of them; none does not restrict
	Reason   Reason        // if not empty
	After    Cursor
	Limit    int // 0 means 50; more than MaxLimit means MaxLimit
}

// An ItemPage is one part of a list of items.
type ItemPage struct {
	Items []Item
	Next  Cursor // empty on the last page
}
