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
		message = refused(e)
	}
	if e.RequestID != "" {
		message += " Request ID: " + e.RequestID + "."
	}
	return runs.Public(err, reason, message)
}

// refused says why the service has refused a request, as far as that is known.
func refused(e *graphclient.Error) string {
	if text, ok := causes[e.Cause]; ok {
		return "The service refused the request: " + text + "."
	}
	if e.Code != "" {
		return "The service refused the request (" + e.Code + ")."
	}
	return "The service refused the request."
}

// causes are the sentences for what the client knows.
var causes = map[graphclient.Cause]string{ //nolint:gochecknoglobals // a constant table
	graphclient.CauseAbstractType:  "it does not know the type of the object, or one of its properties cannot be set",
	graphclient.CauseReadOnly:      "it sets one of the properties itself",
	graphclient.CauseBlockAction:   "a compliance policy needs one action that blocks, and no more",
	graphclient.CauseScopeTag:      "the role of the application does not have one of the object's scope tags",
	graphclient.CauseUnknownFilter: "an assignment names a filter that is not there",
	graphclient.CauseNotPublished:  "the app or file is still being processed",
	graphclient.CauseDefaults:      "security defaults are on in this tenant, and have to be off before a policy can be enforced",
	graphclient.CauseReference:     "something that the object refers to is not there",
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
