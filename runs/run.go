package runs

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/bits"
	"slices"
	"time"
)

// A Type names what a run does, as "resource.action": "inventory.sync". A type
// is declared by an [Operation] before it is used.
type Type string

// SystemTenant is the tenant of housekeeping runs, such as the deletion of old
// runs. It is reserved: requests for it are accepted from system actors only.
const SystemTenant = "_system"

// A Status is the stage of a run's life.
type Status string

// The stages of a run's life; there are no others.
//
//	queued ──→ running ──→ completed
//	   ↑           │           ↑
//	   └───────────┘           │    a worker was lost, stopped, or parked the run
//	   └───────────────────────┘    canceled, blocked or undispatched before it ran
const (
	StatusQueued    Status = "queued"
	StatusRunning   Status = "running"
	StatusCompleted Status = "completed" // final
)

// An Outcome says how a completed run ended. It is empty before.
type Outcome string

// The ways in which a run can end.
const (
	OutcomeSucceeded          Outcome = "succeeded"           // nothing failed, also when there was nothing to do
	OutcomePartiallySucceeded Outcome = "partially_succeeded" // at least one item succeeded and at least one failed
	OutcomeFailed             Outcome = "failed"              // nothing succeeded, or the run could not proceed
	OutcomeCanceled           Outcome = "canceled"            // somebody asked for it to end
	OutcomeBlocked            Outcome = "blocked"             // it was not allowed, or not able, to begin
)

// A Ref names one run. It is all that a [Dispatcher] needs to carry.
type Ref struct {
	Tenant string // the tenant the run belongs to; never empty
	ID     string // unique within the store
	Type   Type   // decides which handler executes the run
}

// Ref names r.
func (r *Run) Ref() Ref { return Ref{Tenant: r.Tenant, ID: r.ID, Type: r.Type} }

// Short is the last eight digits of the ID, which is what people read to each
// other.
func (r Ref) Short() string { return r.ID[max(0, len(r.ID)-8):] }

// A Target is what a run acts on: one backup set, one restore. It may be
// empty.
type Target struct {
	Kind string `json:"kind,omitempty"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"` // the name as it was when the run was started
}

// Counts are a run's progress by items. They never decrease within an attempt.
type Counts struct {
	Total     int64            // items there are to do; 0 while that is unknown
	Succeeded int64            // items done
	Failed    int64            // items that could not be done
	Skipped   int64            // items that did not need to be done
	Extra     map[string]int64 // further figures by name, such as "objects"
}

// Processed is the number of items that are settled, one way or another.
func (c Counts) Processed() int64 { return c.Succeeded + c.Failed + c.Skipped }

// Percent is the settled share of the items, rounded down, and whether it is
// known: it is not while Total is unknown or was too low. A run that is not
// completed never shows more than 99.
func (c Counts) Percent() (percent int, known bool) {
	done := c.Processed()
	if c.Total <= 0 || done < 0 || done > c.Total {
		return 0, false
	}
	// In 128 bits, because a hundred times a large count overflows 64.
	hi, lo := bits.Mul64(uint64(done), 100)
	p, _ := bits.Div64(hi, lo, uint64(c.Total))
	return min(int(p), 99), true
}

// A CancelRequest records that somebody asked for a run to end. The zero value
// means that nobody did.
type CancelRequest struct {
	At  time.Time
	By  Actor
	Why string // free text of the one who asked, sanitized
}

// An ItemFailure is an item that failed, as it is kept on the run itself.
type ItemFailure struct {
	Key string `json:"key"`
	Failure
}

// MaxFailures is how many failed items a run keeps on its own record. All of
// them are in the [ItemStore], where there is one.
const MaxFailures = 100

// A Run is the record of one operation: who asked for it, whether it is still
// going, how it ended and what failed. It is plain data; the rules of its life
// are the [Tracker]'s, which is the only one to change it.
type Run struct {
	Tenant string // the tenant it belongs to; never empty
	ID     string // a UUID of version 7, so that IDs sort by age
	Type   Type   // what it does

	Status  Status
	Outcome Outcome // empty until the run is completed

	Key  Key    // no two active runs of a tenant share one; empty shares with nobody
	Once string // no two kept runs of a tenant and type share one; empty shares with nobody
	Lane string // no two running runs of a tenant share one; empty shares with nobody

	// Inline says that whoever started the run also executes it; see
	// [Tracker.Do]. Nobody else can, so it is never queued.
	Inline bool

	Initiator Actor
	Target    Target
	Params    json.RawMessage   // the handler's input; never changes and is never shown
	Context   map[string]string // facts for people, sanitized

	Counts   Counts
	Failure  Failure       // why the run as a whole failed; zero if it did not
	Failures []ItemFailure // the first [MaxFailures] items that failed
	Waiting  Failure       // why a parked run waits; zero if it does not

	Attempt int // raised by every claim; writes of an earlier attempt are refused
	Lost    int // how often a worker vanished; waiting and deploys do not count
	Rings   int // how often it was offered, or its end announced, in vain

	// Instance is the name of the process that has claimed the run, if it has
	// one, and Incarnation tells the starts of a process with this name apart.
	// A queued run has neither.
	Instance    string
	Incarnation string

	// Instants that the store's clock stamps and compares. See [Timing].
	LeaseUntil time.Time // a running run whose lease is over has lost its worker
	NotBefore  time.Time // a queued run is not claimed earlier; zero means at once
	NextRing   time.Time // a queued or unannounced run is not offered again earlier

	// Timing asks the store to move those instants with the next Insert or
	// Update. It is an instruction, not part of the record: what a store
	// returns has a zero Timing.
	Timing Timing

	Announced bool // the observers have seen the end of this run

	Cancel   CancelRequest
	RetryOf  string // the ID of the run that this one tries again
	Revision int64  // 1 when inserted, one more after each update

	CreatedAt   time.Time
	StartedAt   time.Time // of the latest attempt; zero until claimed
	CompletedAt time.Time // zero until completed
	UpdatedAt   time.Time
}

// Timing says how far from the store's own now the instants of a run are to be
// set. A zero duration leaves the instant as the run has it.
type Timing struct {
	Lease time.Duration // sets LeaseUntil
	Delay time.Duration // sets NotBefore
	Ring  time.Duration // sets NextRing
}

// Stamp moves the instants of r as r.Timing asks, and clears it. Stores call it
// with their clock's now before they keep a run.
func (r *Run) Stamp(now time.Time) {
	now = Instant(now)
	if r.Timing.Lease > 0 {
		r.LeaseUntil = now.Add(r.Timing.Lease)
	}
	if r.Timing.Delay > 0 {
		r.NotBefore = now.Add(r.Timing.Delay)
	}
	if r.Timing.Ring > 0 {
		r.NextRing = now.Add(r.Timing.Ring)
	}
	r.Timing = Timing{}
}

// Instant is t as every store keeps it: UTC, in microseconds, without a
// monotonic reading.
func Instant(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// Active reports whether r is queued or running, and so holds its key.
func (r *Run) Active() bool { return r.Status == StatusQueued || r.Status == StatusRunning }

// Ended reports whether r is completed, which is final.
func (r *Run) Ended() bool { return r.Status == StatusCompleted }

// Clone returns a copy of r that shares nothing with it.
func (r *Run) Clone() *Run {
	c := *r
	c.Params = bytes.Clone(r.Params)
	c.Context = maps.Clone(r.Context)
	c.Counts.Extra = maps.Clone(r.Counts.Extra)
	c.Failures = slices.Clone(r.Failures)
	return &c
}
