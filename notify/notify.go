package notify

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// What an [Inbox] and an [Outbox] report: the errors of package runs, so that a
// program needs to know one set only.
var (
	ErrBadCursor        = runs.ErrBadCursor        // the cursor is of another list
	ErrConflict         = runs.ErrConflict         // the delivery was settled or taken again meanwhile
	ErrInvalid          = runs.ErrInvalid          // no store keeps this
	ErrStoreUnavailable = runs.ErrStoreUnavailable // try again later
)

// A Notification tells one person about one stage of one run. It is plain data
// and holds facts only; a [Presenter] makes text of it.
type Notification struct {
	// ID follows from Run, Stage and Recipient; see [Notification.Identify].
	ID string

	Recipient runs.Actor // whom it is for
	Run       runs.Ref
	Stage     runs.Status  // what the run had come to
	Outcome   runs.Outcome // how it ended; empty unless Stage is completed
	Reason    runs.Reason  // why it failed as a whole; empty if it did not
	Target    runs.Target  // what the run acted on; may be empty
	Counts    runs.Counts  // by items, without Extra

	At     time.Time // when the run came to this stage
	ReadAt time.Time // zero while it is unread
}

// Of returns the notification for the initiator of r about the stage that r is
// in.
func Of(r *runs.Run) Notification {
	at := r.CreatedAt
	switch r.Status {
	case runs.StatusRunning:
		at = r.StartedAt
	case runs.StatusCompleted:
		at = r.CompletedAt
	case runs.StatusQueued:
		// Also one that is queued again was queued when it was created.
	}
	n := Notification{
		Recipient: r.Initiator,
		Run:       r.Ref(),
		Stage:     r.Status,
		Outcome:   r.Outcome,
		Reason:    r.Failure.Reason,
		Target:    r.Target,
		Counts:    r.Counts,
		At:        runs.Instant(at),
	}
	n.Counts.Extra = nil
	n.ID = n.Identify()
	return n
}

// Identify returns the ID that n has to have: the same for everything that
// tells one recipient about one stage of one run.
func (n Notification) Identify() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q", n.Run.Tenant, n.Run.ID, n.Stage, n.Recipient.Kind, n.Recipient.ID))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// Validate reports [ErrInvalid] unless n has the ID that [Notification.Identify]
// says, an instant, and otherwise what a run could have.
func (n Notification) Validate() error {
	switch {
	case !n.Recipient.Valid():
		return fmt.Errorf("%w: a notification for nobody", ErrInvalid)
	case n.ID != n.Identify():
		return fmt.Errorf("%w: the ID of a notification is not its own", ErrInvalid)
	case n.At.IsZero():
		return fmt.Errorf("%w: a notification of no time", ErrInvalid)
	case len(n.Counts.Extra) > 0:
		return fmt.Errorf("%w: a notification with further figures", ErrInvalid)
	}
	r := runs.Run{
		Tenant: n.Run.Tenant, ID: n.Run.ID, Type: n.Run.Type, Status: n.Stage, Outcome: n.Outcome,
		Initiator: n.Recipient, Target: n.Target, Counts: n.Counts, Failure: runs.Failure{Reason: n.Reason},
	}
	return r.Validate()
}

// Unread reports whether nobody has read n.
func (n Notification) Unread() bool { return n.ReadAt.IsZero() }

// An Inbox keeps notifications for their recipients. Package notifytest checks
// these promises:
//
// All methods are safe for concurrent use, also from several processes where
// the inbox outlives one. A write that returned without an error is seen by
// every read that begins afterwards. A recipient is an actor's kind and ID; what
// is another's is not found, not counted and not changed. Instants are kept as
// [runs.Instant] says. An inbox that cannot be reached reports
// [ErrStoreUnavailable]; a context that ends makes a call return soon, with the
// context's error.
type Inbox interface {
	// Put keeps n, unless one with its ID is kept already: that one stays as it
	// is, read or not. It reports [ErrInvalid] for a notification that is not
	// [Notification.Validate].
	Put(ctx context.Context, n Notification) error

	// List returns the notifications that match q, newest first by At, each once
	// over the pages. A page may be short although there are more; only an empty
	// Next means the end. It reports [ErrBadCursor], and [ErrInvalid] for a query
	// without a recipient.
	List(ctx context.Context, q Query) (Page, error)

	// Unread counts the unread notifications of a recipient, up to limit, where
	// it stops.
	Unread(ctx context.Context, recipient runs.Actor, limit int) (int, error)

	// Mark marks notifications as m says, and returns how many of them it
	// changed. One that was read before keeps its ReadAt. It reports
	// [ErrInvalid] for a mark without a recipient, or without an instant unless
	// it is to unread.
	Mark(ctx context.Context, m Mark) (changed int, err error)

	// Prune deletes the oldest notifications from before an instant, at most so
	// many, whoever they are for, and returns how many there were.
	Prune(ctx context.Context, before time.Time, limit int) (deleted int, err error)
}

// A Query selects notifications of one recipient. Zero fields do not restrict.
type Query struct {
	Recipient runs.Actor  // required; by kind and ID
	IDs       []string    // any of them; at most [runs.MaxLimit] are looked at
	Types     []runs.Type // of the run; any of them
	Unread    bool        // only those that are unread
	Read      bool        // only those that are read
	After     Cursor      // the Next of the page before
	Limit     int         // 0 means 50; more than runs.MaxLimit means that
}

// PageSize is how many notifications a page has at most.
func (q Query) PageSize() int { return runs.PageSize(q.Limit) }

// A Cursor is a position in a list, opaque to callers.
type Cursor = runs.Cursor

// A Page is one part of a list of notifications.
type Page struct {
	Notifications []Notification
	Next          Cursor // empty on the last page
}

// A Mark says which notifications of one recipient to mark, and how.
type Mark struct {
	Recipient runs.Actor // required; by kind and ID
	IDs       []string   // these; at most [runs.MaxLimit] are looked at
	All       bool       // all of them instead, whatever IDs says
	At        time.Time  // when they were read
	Unread    bool       // mark as unread instead; At is not looked at
}

// Validate reports [ErrInvalid] for a mark that says too little.
func (m Mark) Validate() error {
	if !m.Recipient.Valid() {
		return fmt.Errorf("%w: a mark of nobody", ErrInvalid)
	}
	if m.At.IsZero() && !m.Unread {
		return fmt.Errorf("%w: a mark of no time", ErrInvalid)
	}
	return nil
}
