package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// ErrRejected is what a [Notifier] reports, also wrapped, for a message that
// its receiver will never take. It is not tried again.
var ErrRejected = errors.New("the receiver will not take the message")

// A Notifier carries a message to somewhere else. Package notifytest checks
// these promises. It is safe for concurrent use.
type Notifier interface {
	// Notify returns when m was taken, with its title, body and URL. An error
	// means that it is to be tried again later, unless it is [ErrRejected]. It
	// has a reason, which the log of deliveries keeps: one that follows from a
	// standard error or is declared with [runs.Public], as in
	// runs.Public(notify.ErrRejected, runs.ReasonNotFound, ""). Its text has
	// nothing of what the receiver said, which could be a secret.
	//
	// The same m.Delivery may come more than once, as a process may die between
	// the sending and its record; what arrives has it, or something made of it,
	// so that the receiver can tell. ctx ends when the attempt has taken too
	// long; then Notify returns soon.
	Notify(ctx context.Context, m Message) error
}

// A Message is a notification on its way.
type Message struct {
	Delivery string // the same at each attempt, for receivers that look for doubles
	Notification
	Text
	Language Language // of the text, for what a notifier adds to it; empty means English
	URL      string   // of the page of the run; empty if there is none
}

// A DeliveryState is what became of a delivery.
type DeliveryState string

// The states of a delivery.
const (
	DeliveryPending   DeliveryState = "pending"
	DeliveryDelivered DeliveryState = "delivered"
	DeliveryGivenUp   DeliveryState = "given_up" // rejected, or tried too often
)

// A Delivery is one notification that is to go through one channel, and what
// became of that.
type Delivery struct {
	Channel      string
	Notification Notification
	State        DeliveryState
	Attempt      int         // how often it was taken
	Reason       runs.Reason // why the latest attempt failed; empty if none did
	NextAt       time.Time   // not taken earlier; zero or not once it is settled
	CreatedAt    time.Time
	SettledAt    time.Time // when it was delivered or given up; else zero
}

// ID names the delivery; there is one for each channel and notification.
func (d Delivery) ID() string { return d.Channel + "/" + d.Notification.ID }

// Validate reports [ErrInvalid] for a delivery that no store keeps.
func (d Delivery) Validate() error {
	if err := checkChannel(d.Channel); err != nil {
		return err
	}
	switch d.State {
	case DeliveryPending, DeliveryDelivered, DeliveryGivenUp:
	default:
		return fmt.Errorf("%w: a delivery in no state", ErrInvalid)
	}
	switch {
	case d.CreatedAt.IsZero(), d.State == DeliveryPending && d.NextAt.IsZero():
		return fmt.Errorf("%w: a delivery of no time", ErrInvalid)
	case d.Attempt < 0, d.Reason != "" && !d.Reason.Known():
		return fmt.Errorf("%w: a delivery with an unknown reason, or less than no attempts", ErrInvalid)
	case !d.Notification.Unread():
		return fmt.Errorf("%w: a delivery of what was read already", ErrInvalid)
	}
	return d.Notification.Validate()
}

// checkChannel reports whether a channel can have this name.
func checkChannel(name string) error {
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return fmt.Errorf("%w: the name of a channel has lower-case letters, digits, - and _ only", ErrInvalid)
		}
	}
	if name == "" || len(name) > 100 {
		return fmt.Errorf("%w: the name of a channel is empty or too long", ErrInvalid)
	}
	return nil
}

// An Outbox keeps what is to be delivered, and what became of it. It promises
// the same as an [Inbox] about concurrency, instants and errors; package
// notifytest checks these promises, too.
type Outbox interface {
	// Add keeps deliveries, all of them or none, except those whose ID is there
	// already, which stay as they are. It reports [ErrInvalid].
	Add(ctx context.Context, deliveries ...Delivery) error

	// Take returns pending deliveries of a channel whose NextAt has come: of many
	// those that have waited longest, in any order. Each has one attempt more
	// than before, and is not taken again before t.Until. Of any number of
	// concurrent calls one gets it.
	Take(ctx context.Context, t Taking) ([]Delivery, error)

	// Settle records what became of an attempt: State, Reason, NextAt and
	// SettledAt of d. It reports [ErrConflict] unless the kept delivery is
	// pending and its attempt is that of d; then nothing is changed.
	Settle(ctx context.Context, d Delivery) error

	// Log returns the deliveries that match q, newest first by CreatedAt, each
	// once over the pages. It reports [ErrBadCursor].
	Log(ctx context.Context, q LogQuery) (LogPage, error)

	// Forget deletes the oldest deliveries that are settled and were created
	// before an instant, at most so many, and returns how many there were.
	Forget(ctx context.Context, before time.Time, limit int) (deleted int, err error)
}

// A Taking says which deliveries to take.
type Taking struct {
	Channel string
	Now     time.Time
	Until   time.Time // of the attempt: it is due again then unless it is settled
	Limit   int       // 0 means 50; more than runs.MaxLimit means that
}

// A LogQuery selects deliveries.
type LogQuery struct {
	State DeliveryState // empty means any
	After Cursor
	Limit int // 0 means 50; more than runs.MaxLimit means that
}

// PageSize is how many deliveries a page has at most.
func (q LogQuery) PageSize() int { return runs.PageSize(q.Limit) }

// A LogPage is one part of a list of deliveries.
type LogPage struct {
	Deliveries []Delivery
	Next       Cursor // empty on the last page
}
