package restore

import (
	"time"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A Decision is what a preview says is to be done with an item; empty while it
// has not said so.
type Decision string

// The decisions.
const (
	Create     Decision = "create"
	Update     Decision = "update"
	Unchanged  Decision = "unchanged"
	Skip       Decision = "skip"        // not to be restored: its kind cannot be, or the mapping says so
	Conflict   Decision = "conflict"    // the object is not what the restore was planned for
	Blocked    Decision = "blocked"     // something that it needs is not there
	NeedsInput Decision = "needs_input" // it has secrets that the backup does not hold
	Ambiguous  Decision = "ambiguous"   // several objects could be meant
)

// Writes reports whether an execution writes the item.
func (d Decision) Writes() bool { return d == Create || d == Update }

// A Step is how far the writing of an item is. Each is stored before the next
// one is begun, so that whoever comes after a crash knows what may have
// happened.
type Step string

// The steps, in their order.
const (
	Planned  Step = "planned"  // nothing was sent
	Intent   Step = "intent"   // a request that creates the object may have been sent
	Created  Step = "created"  // the object is there, and Object names it
	Written  Step = "written"  // with all its parts
	Assigned Step = "assigned" // and its assignments
	Done     Step = "done"     // and Result says what became of it
)

// A Result is what became of an item.
type Result string

// The results.
const (
	Verified   Result = "verified"   // written, read back and equal
	Differs    Result = "differs"    // written, and the service has made something else of it
	Unverified Result = "unverified" // written, and not to be seen within the window of consistency
	Same       Result = "unchanged"  // it was so already
	Skipped    Result = "skipped"
	Conflicted Result = "conflict"  // somebody else has changed the object since the preview
	Unclear    Result = "ambiguous" // several objects could be what a request has created
	Waiting    Result = "waiting"   // for the approval of a second administrator
	Failed     Result = "failed"
)

// Pending is what an id in the backup begins with where the id of an object is to
// be that the restore is still to create.
const Pending = "pending "

// An Item is one object of a restore: what the preview has decided, and the
// journal of what was done.
type Item struct {
	inventory.Ref
	Name    string `json:"display_name,omitempty"`
	Version string `json:"version"`

	Decision Decision    `json:"decision"`
	Reason   runs.Reason `json:"reason,omitempty"`  // of the decision, or of the result
	Message  string      `json:"message,omitempty"` // safe to show

	// Object is the id that the object has in the target; empty until it is
	// known. Hash and AssignmentsHash are those that it had at the preview.
	Object          string `json:"object,omitempty"`
	Hash            string `json:"live_hash,omitempty"`
	AssignmentsHash string `json:"live_assignments_hash,omitempty"`

	// ReportOnly says that the object is a Conditional Access policy which is
	// written report-only, although it was enforced; see [Config].
	ReportOnly bool `json:"report_only,omitempty"`

	// Changes are what a write would change; bounded, see [MaxChanges]. Ids are
	// those of the target, with [Pending].
	Changes []inventory.Change `json:"changes,omitempty"`
	// Assignments says whether they are written, and if not why.
	AssignmentsReason runs.Reason `json:"assignments_reason,omitempty"`

	Step       Step      `json:"step"`
	IntentAt   time.Time `json:"intent_at,omitzero"`
	Result     Result    `json:"result,omitempty"`
	RequestID  string    `json:"request_id,omitempty"` // of the last write; what Microsoft's support asks for
	Approval   string    `json:"approval,omitempty"`   // the code of the request for approval
	ApprovalAt time.Time `json:"approval_at,omitzero"` // when it was asked for
	Request    []byte    `json:"-"`                    // that waits for the approval, byte by byte
	Tries      int       `json:"-"`                    // how often a request to create it has had no clear answer
}
