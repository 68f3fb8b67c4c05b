package directory

import (
	"context"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A Cache answers questions about groups from what is stored. It is the half of
// a [Store] that pages and other packages need.
//
// All methods are safe for concurrent use. The caller owns what it gets. A
// tenant that is unknown has no groups. A store that cannot be reached reports
// [ErrStoreUnavailable]; a context that ends makes a call return soon, with the
// context's error.
type Cache interface {
	// Lookup returns those of the groups with these ids that are known, missing
	// ones included, by the ids that were asked for. There may be any number of
	// ids. The letters of a GUID may be in any case: a group that is stored
	// with one in lower case, as the service writes them, or in upper case is
	// found by all spellings; see [Respelled].
	Lookup(ctx context.Context, tenant string, ids []string) (map[string]Group, error)

	// List returns the groups that match q in the order of their folded names
	// (see [Fold]) and ids, each by its bytes; with Text, those whose names
	// begin with it come before all others. Each comes once over the pages,
	// unless its name changes meanwhile. A page may be short although there are
	// more; only an empty Next means the end. It reports [ErrBadCursor] for a
	// cursor that another query made, or nobody.
	List(ctx context.Context, q Query) (Page, error)

	// State returns how far the syncs of a tenant are; a zero one if there was
	// none.
	State(ctx context.Context, tenant string) (State, error)
}

// A Store keeps the groups of any number of tenants. Programs use [Operation],
// which fills it; a Store only has to keep these promises, which package
// inventorytest checks.
//
// All methods are safe for concurrent use, also from several processes where
// the store outlives one. A write that returned without an error is as durable
// as the store ever is, and a read that begins afterwards sees it; one that
// returned an error has changed nothing. Tenants are invisible to each other.
// Instants are passed in UTC and whole microseconds, and come back equal. Links
// come back byte for byte. Nothing that was passed is kept hold of.
type Store interface {
	Cache

	// Begin makes r the round of its tenant, of which no page was put yet. It
	// reports [ErrConflict] unless r.At is later than any that was finished,
	// and not before that of the round before.
	Begin(ctx context.Context, r Round) error

	// Put records one page of r: the last change of each of its groups, and
	// that the round goes on at p.Next. A group that is there was seen at r.At,
	// and is not missing any more. One that was removed is missing from now on,
	// if it was known, and keeps everything else. Put reports [ErrConflict] if r
	// is not the tenant's round or was finished, and [ErrInvalid] for a group
	// without an id.
	Put(ctx context.Context, r Round, p Part) error

	// Finish records that r has come to its end, and the link for the next one.
	// Groups that are not missing count as seen at r.At. If r is full, those of
	// which it has put nothing are missing from now on, and keep when they were
	// last seen. Then groups are forgotten that were last seen [PurgeAfter] or
	// longer before r.At, if they were missing before r already; at most 10,000
	// of them, the others next time. To finish again changes nothing. It
	// reports [ErrConflict] if r is not the tenant's round.
	Finish(ctx context.Context, r Round, link string) (Summary, error)
}

// A Round is one enumeration: of all groups or, from a link on, of those that
// changed. Run and Full say which one it is of a tenant's.
type Round struct {
	Tenant string // required
	Run    string // required
	Full   bool

	// At is when the round began. What it sees counts as seen then, because it
	// may have gone while the round was under way.
	At time.Time
}

// A State says how far the syncs of a tenant are.
type State struct {
	// SyncedAt is the At of the round that was finished last, FullAt that of
	// the last one that was full. Zero if there is none.
	SyncedAt, FullAt time.Time

	// Link is where to ask for what changed since; empty before the first round
	// was finished. It is the source's, opaque, and lets nobody in; it is kept
	// byte for byte and not shown.
	Link string

	// Round was begun last; zero if there was none. Next is where it goes on,
	// empty if no page of it was put or it was finished. Groups and Removed
	// are how many groups its pages had that are there, and that are not.
	Round           Round
	Next            string
	Groups, Removed int
}

// Over reports whether the round that was begun last was finished.
func (s *State) Over() bool { return s.SyncedAt.Equal(s.Round.At) }

// Runs reports whether r is the round that was begun last, and not over.
func (s *State) Runs(r Round) bool {
	return s.Round.Run == r.Run && s.Round.Full == r.Full && !s.Over()
}

// Follows reports whether r may be begun; see [Store].
func (s *State) Follows(r Round) bool {
	return r.At.After(s.SyncedAt) && !r.At.Before(s.Round.At)
}

// A Summary says what the end of a round has changed.
type Summary struct {
	Missed int // groups that a full round did not find any more
	Purged int // groups that were forgotten
}

// A Query selects groups of one tenant.
type Query struct {
	Tenant string // required

	// Text, if not empty, selects groups whose folded name contains it, or
	// whose id begins with it, both folded; see [Fold].
	Text string

	// Name, if not empty, selects groups with exactly this name.
	Name string

	After Cursor // the Next of the page before
	Limit int    // 0 means 50; more than [MaxLimit] means MaxLimit
}

// MaxLimit is the largest page of a list.
const MaxLimit = runs.MaxLimit

// PageSize is how many groups a page has at most.
func (q Query) PageSize() int { return runs.PageSize(q.Limit) }

// A Cursor is a position in a list, opaque to callers.
type Cursor = runs.Cursor

// A Page is one part of a list of groups.
type Page struct {
	Groups []Group
	Next   Cursor // empty on the last page
}
