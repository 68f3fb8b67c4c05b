package graphsource

import (
	"errors"
	"strings"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/runs"
)

// Public declares what of a Graph error may be shown: the reason, the
// permissions that are missing and the id that Microsoft's support asks for.
func Public(err error) error {
	e, ok := errors.AsType[*graphclient.Error](err)
	if !ok {
		return err
	}
	reason := reasonOf(e.Reason)
	message := reason.Sentence()
	switch {
	case e.Reason == graphclient.ErrForbidden && len(e.Scopes) > 0:
		message += " One of these permissions is needed: " + strings.Join(e.Scopes, ", ") + "."
	case e.Reason == graphclient.ErrTooLarge:
		message = "The service answered with more than is allowed."
	case e.Reason == graphclient.ErrInvalidRequest:
		message = "The service refused the request."
	}
	if e.RequestID != "" {
		message += " Request ID: " + e.RequestID + "."
	}
	return runs.Public(err, reason, message)
}

func reasonOf(r graphclient.Reason) runs.Reason {
	switch r {
	case graphclient.ErrUnauthenticated:
		return runs.ReasonUnauthenticated
	case graphclient.ErrForbidden:
		return runs.ReasonPermissionDenied
	case graphclient.ErrApprovalRequired:
		return runs.ReasonApproval
	case graphclient.ErrNotFound:
		return runs.ReasonNotFound
	case graphclient.ErrResync:
		return runs.ReasonGone
	case graphclient.ErrConflict:
		return runs.ReasonConflict
	case graphclient.ErrThrottled:
		return runs.ReasonThrottled
	case graphclient.ErrUnreachable:
		return runs.ReasonUnreachable
	case graphclient.ErrOutcomeUnknown:
		return runs.ReasonOutcomeUnknown
	case graphclient.ErrPagingLoop:
		return runs.ReasonPagingLoop
	case graphclient.ErrInvalidRequest, graphclient.ErrBadResponse, graphclient.ErrTooLarge:
		return runs.ReasonBadResponse
	default:
		return runs.ReasonInternal
	}
}
