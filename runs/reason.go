package runs

import "strings"

// A Reason is a stable code for why something failed. The set is closed and
// only grows; what is special to one program is "ext.area.detail", each part a
// word of lower-case letters, digits and underscores.
type Reason string

// The reasons that everybody shares.
const (
	ReasonThrottled        Reason = "throttled"
	ReasonPermissionDenied Reason = "permission_denied"
	ReasonUnauthenticated  Reason = "authentication_failed"
	ReasonNotFound         Reason = "not_found"
	ReasonGone             Reason = "gone"
	ReasonConflict         Reason = "conflict"
	ReasonInvalidInput     Reason = "invalid_input"
	ReasonTimeout          Reason = "timeout"
	ReasonCanceled         Reason = "canceled"
	ReasonWorkerLost       Reason = "worker_lost"
	ReasonPanic            Reason = "panic"
	ReasonDispatchFailed   Reason = "dispatch_failed"
	ReasonUnreachable      Reason = "dependency_unreachable"
	ReasonBadResponse      Reason = "bad_response"
	ReasonPagingLoop       Reason = "paging_loop"
	ReasonInconsistentRead Reason = "inconsistent_read"
	ReasonOutcomeUnknown   Reason = "outcome_unknown"
	ReasonApproval         Reason = "approval_required"
	ReasonUnsupported      Reason = "unsupported"
	ReasonNotReady         Reason = "not_ready"
	ReasonInternal         Reason = "internal"
)

// Known reports whether r is one of the reasons above or a well-formed
// extension.
func (r Reason) Known() bool {
	if sentence, _ := r.text(); sentence != "" {
		return true
	}
	rest, ok := strings.CutPrefix(string(r), "ext.")
	area, detail, ok2 := strings.Cut(rest, ".")
	return ok && ok2 && len(r) <= 100 && isWord(area) && isWord(detail)
}

// Sentence says in one line for people what r means.
func (r Reason) Sentence() string {
	if sentence, _ := r.text(); sentence != "" {
		return sentence
	}
	return "The operation failed."
}

// Advice says in one line what somebody can do about r.
func (r Reason) Advice() string {
	if _, advice := r.text(); advice != "" {
		return advice
	}
	return "Look at the details of the run."
}

func (r Reason) text() (sentence, advice string) {
	switch r {
	case ReasonThrottled:
		return "The service asked for fewer requests.", "Try again in a few minutes, or run fewer operations at a time."
	case ReasonPermissionDenied:
		return "Permission was denied.", "Ask an administrator to grant the missing permission, then try again."
	case ReasonUnauthenticated:
		return "Signing in to the service failed.", "Check the credentials and whether they have expired."
	case ReasonNotFound:
		return "What was asked for does not exist.", "Check whether it was deleted or renamed."
	case ReasonGone:
		return "It disappeared while it was being read.", "Run the operation again."
	case ReasonConflict:
		return "It was changed by somebody else meanwhile.", "Look at the current state and decide again."
	case ReasonInvalidInput:
		return "The input is not valid.", "Correct the input and start again."
	case ReasonTimeout:
		return "It took too long.", "Try again; if it happens often, allow more time or do less at once."
	case ReasonCanceled:
		return "The operation was canceled.", "Start it again when it is wanted."
	case ReasonWorkerLost:
		return "The worker vanished before the operation was finished.", "Check the health and the memory of the workers, then try again."
	case ReasonPanic:
		return "The operation stopped because of a defect in the program.", "Report it together with the ID of the run."
	case ReasonDispatchFailed:
		return "The operation could not be handed to a worker.", "Check that the workers are reachable, then start it again."
	case ReasonUnreachable:
		return "A service that is needed could not be reached.", "Check the network and the state of the service, then try again."
	case ReasonBadResponse:
		return "The service answered in an unexpected way.", "Try again; if it stays, report it together with the request ID."
	case ReasonPagingLoop:
		return "The service's list did not come to an end.", "Try again later; the list was not taken over."
	case ReasonInconsistentRead:
		return "The data changed while it was being read.", "Run the operation again."
	case ReasonOutcomeUnknown:
		return "It is not known whether the change was made.", "Look at the current state before trying again."
	case ReasonApproval:
		return "Another administrator has to approve the change.", "Ask for the approval; the operation goes on by itself."
	case ReasonUnsupported:
		return "This is not supported.", "See the documentation for what is supported."
	case ReasonNotReady:
		return "Something that has to be there first is missing.", "Do the step that comes before, then start again."
	case ReasonInternal:
		return "The operation failed unexpectedly.", "Try again; if it stays, report it together with the ID of the run."
	default:
		return "", ""
	}
}
