package inventory

import (
	"context"
	"encoding/json"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A Reader answers questions about the inventory from what is stored. It is
// the half of a [Store] that pages and other packages need.
//
// All methods are safe for concurrent use. The caller owns what it gets. A
// tenant that is unknown has an empty inventory. A store that cannot be
// reached reports [ErrStoreUnavailable]; a context that ends makes a call
// return soon, with the context's error.
type Reader interface {
	// List returns the items that match q in the order of their kinds, folded
	// names (see [Fold]) and ids, each by its bytes; each once over the pages,
	// unless its name changes meanwhile. A page may be short although there are
	// more; only an empty Next means the end. It reports [ErrBadCursor]
	// for a cursor that another query made, or nobody.
	List(ctx context.Context, q Query) (Page, error)

	// Get returns one item with its contents. Missing is derived in the scope
	// of selection, as in [Query]. It reports [ErrNotFound].
	Get(ctx context.Context, tenant string, ref Ref, selection string) (Document, error)

	// Links returns the links that match q in the order of their fields: From,
	// Type, To by kind and id, Exclude; each once over the pages. The name of
	// a target that is an item is the item's, otherwise the one that was put.
	// It reports [ErrBadCursor].
	Links(ctx context.Context, q LinkQuery) (LinkPage, error)

	// Coverage returns the coverage of the run that q names. It reports
	// [ErrNotFound] if there is none.
	Coverage(ctx context.Context, q CoverageQuery) (Report, error)

	// Content returns the content or the assignments with this hash, as they
	// were put. It reports [ErrNotFound].
	Content(ctx context.Context, tenant, hash string) (json.RawMessage, error)
}

// A Store keeps the inventory of any number of tenants. Programs use
// [Operation], which fills it; a Store only has to keep these promises, which
// package inventorytest checks.
//
// All methods are safe for concurrent use, also from several processes where
// the store outlives one. A write that returned without an error is as durable
// as the store ever is, and a read that begins afterwards sees it; one that
// returned an error has changed nothing. Tenants are invisible to each other.
// Instants are passed in UTC and whole microseconds, and come back equal.
// Nothing that was passed is kept hold of.
type Store interface {
	Reader

	// Known returns what a sync needs to know about a kind before it lists it.
	Known(ctx context.Context, tenant, kind string) (Known, error)

	// Put adds the entries or replaces those that are there, together with
	// their contents and links; see [Entry]. FirstSeenAt is kept from the first
	// Put, and Hidden as it is. A content is stored once per hash; the first
	// one stays. Put reports [ErrInvalid] for an entry without kind, id or
	// hash, and for one with a hash whose content is neither there nor brought.
	Put(ctx context.Context, s Sync, entries []Entry) error

	// Cover records that s is done with a kind, replacing what it had recorded
	// about the kind before. If c.Status is succeeded, every item of the kind
	// is marked as seen by s at c.At, in one go, except for those with the ids
	// in missed, which stay as they are, and of those that were seen later:
	// what was last seen never moves back, here or in Put, although syncs of
	// different selections overlap. Otherwise no item is touched.
	Cover(ctx context.Context, s Sync, c Coverage, missed []string) error

	// Finish records that s has come to its end, at the given instant, so that
	// from now on its coverage decides what is missing. To finish again
	// changes nothing. Then the store forgets what nobody needs any more of
	// the tenant: contents that no item refers to, if a Finish has found that
	// [ContentGrace] or longer before at and they were not put since, and
	// coverage except that of the newest [KeptReports] runs of each selection,
	// by their latest At.
	Finish(ctx context.Context, s Sync, at time.Time) error

	// Hide sets Hidden of an item. It reports [ErrNotFound].
	Hide(ctx context.Context, tenant string, ref Ref, hidden bool) error
}

const (
	// ContentGrace is how long a content is kept that no item refers to.
	ContentGrace = 24 * time.Hour

	// KeptReports is how many reports of each selection are kept. What is
	// missing does not depend on them.
	KeptReports = 20
)

// An Entry is an item as it is written.
type Entry struct {
	// Item is the new state of the item. Put ignores FirstSeenAt of an item
	// that is there, and Hidden, Missing and Confidence of any.
	Item

	// Trace is what [Store.Known] returns for the item from now on, apart
	// from the fields that Item has.
	Stamp  string
	Linked bool

	// Content and Assignments belong to the hashes of Item. Either may be nil
	// if the store has it already, or another entry of the same call brings it.
	Content, Assignments json.RawMessage

	// Links replace those from the item; their From and Missing are ignored.
	// They are looked at only if Linked is true; otherwise the stored links
	// stay.
	Links []Link
}

// Known is what a store knows of a kind.
type Known struct {
	// CoveredAt is the latest At of a coverage of the kind by any run,
	// FullAt the latest of one that succeeded and was Full. Zero if there is
	// none.
	CoveredAt, FullAt time.Time
	// Items are the traces of all items of the kind by id, missing ones
	// included.
	Items map[string]Trace
}

// A Trace is what is remembered of an item in order to notice a change.
type Trace struct {
	Hash, AssignmentsHash string

	// Stamp stands for the state in which the object was listed when its
	// content was read; empty if nothing can be told from the list.
	Stamp  string
	Linked bool // the links from the item are those of its contents
}

// A Query selects items of one tenant.
type Query struct {
	Tenant string // required
	Kind   string // if not empty

	// Text, if not empty, selects items whose folded name contains it, or
	// whose id begins with it, both folded; see [Fold].
	Text string

	// Missing selects, if true, only items that are missing.
	Missing bool

	// Selection is the scope of Missing: the hash of a selection, or empty for
	// any. An item is missing if the latest finished run of that selection
	// with a succeeded coverage of its kind covered the kind later than the
	// item was last seen. Confidence is high if that coverage is not
	// [Coverage.Inconsistent], and the one before it of the same scope, too,
	// covered the kind later than that.
	Selection string

	After Cursor // the Next of the page before
	Limit int    // 0 means 50; more than [MaxLimit] means MaxLimit
}

// MaxLimit is the largest page of a list.
const MaxLimit = runs.MaxLimit

// PageSize is how many items a page has at most.
func (q Query) PageSize() int { return runs.PageSize(q.Limit) }

// A Cursor is a position in a list, opaque to callers.
type Cursor = runs.Cursor

// A Page is one part of a list of items.
type Page struct {
	Items []Item
	Next  Cursor // empty on the last page
}

// A LinkQuery selects links of one tenant. A zero Ref does not restrict.
type LinkQuery struct {
	Tenant    string // required
	From, To  Ref
	Selection string // the scope of Missing, as in [Query]
	After     Cursor
	Limit     int // 0 means 50; more than [MaxLimit] means MaxLimit
}

// PageSize is how many links a page has at most.
func (q LinkQuery) PageSize() int { return runs.PageSize(q.Limit) }

// A LinkPage is one part of a list of links.
type LinkPage struct {
	Links []Link
	Next  Cursor // empty on the last page
}

// A CoverageQuery names a run: by its ID, finished or not, or else the one
// that was finished last, of that selection or, if this too is empty, of any.
type CoverageQuery struct {
	Tenant    string // required
	Run       string
	Selection string
}
