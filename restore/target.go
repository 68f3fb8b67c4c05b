package restore

import (
	"context"
	"encoding/json"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A Target is the tenant that is restored into: what is there, and a way to
// change it. What is sent is decided by this package and package contract; a
// Target only sends it, with the application's own rights. Its methods are safe
// for concurrent use.
type Target interface {
	inventory.Source

	// URL returns the address of what is at a path, for bodies of requests that
	// refer to other objects by their addresses.
	URL(path string) string

	// Approval returns how far a request for approval is, by its code.
	Approval(ctx context.Context, code string) (ApprovalState, error)

	// Send sends one request, once: it is not repeated when nobody knows what
	// became of it. Being throttled is waited out before a request is sent, and
	// afterwards, too, unless it is a POST. Its error is a [*CallError], or that
	// of the context.
	Send(ctx context.Context, c Call) (Reply, error)
}

// A Call is one request that changes something.
type Call struct {
	Method string
	Path   string          // relative to the version root, as package contract has it
	Body   json.RawMessage // nil for none

	// Justification is why the change is made, for the second administrator of
	// a tenant that wants one: at most 1,024 bytes. Approval is the code of a
	// request that was approved; then the call has to be equal to the first one
	// byte by byte, apart from these two.
	Justification string
	Approval      string
}

// A Reply is a good answer to a [Call].
type Reply struct {
	Body      json.RawMessage // nil for none
	RequestID string
}

// A CallError is why a call has no good answer. All of its fields but Err are
// safe to show.
type CallError struct {
	Reason    runs.Reason
	Message   string // empty means the sentence of the reason
	RequestID string
	Approval  string // with [runs.ReasonApproval]: the code of the request for it

	// Unknown says that nobody knows whether the call was carried out.
	Unknown bool

	// Refused says that the service has throttled a POST. It has been seen to
	// carry one out all the same, so it is sent again after a look at what is
	// there.
	Refused bool

	Err error
}

// Error says the reason.
func (e *CallError) Error() string { return "call: " + string(e.Reason) }

// Unwrap returns what the error was made of.
func (e *CallError) Unwrap() error { return e.Err }

// An ApprovalState says how far a request for the approval of a change is.
type ApprovalState string

// The states of a request for approval.
const (
	ApprovalPending  ApprovalState = "pending"
	ApprovalGranted  ApprovalState = "granted"
	ApprovalRefused  ApprovalState = "refused" // or withdrawn
	ApprovalOutdated ApprovalState = "expired" // nobody has answered in time
)
