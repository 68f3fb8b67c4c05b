package graphclient

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A Reason says what kind of error an [Error] is. It is itself an error, for
// errors.Is(err, graphclient.ErrForbidden), and a stable code to store.
type Reason string

// Error returns the reason in words.
func (r Reason) Error() string { return "graph: " + strings.ReplaceAll(string(r), "_", " ") }

// The reasons, one for each reaction that a caller can have.
const (
	// ErrInvalidRequest is what a request is that cannot succeed as it is: one
	// that this package refuses to send, or that Graph answers with 400 or
	// another 4xx that has no reason of its own.
	ErrInvalidRequest Reason = "invalid_request"

	// ErrUnauthenticated means that no token could be had, or that Graph
	// refused the token and, after one renewal, the next. Whatever else the
	// same client tries will end the same way.
	ErrUnauthenticated Reason = "unauthenticated"

	// ErrForbidden is Graph's 403. Scopes names the missing permissions, if
	// Graph did.
	ErrForbidden Reason = "permission_denied"

	// ErrApprovalRequired means that the tenant wants a second administrator
	// to approve the write. ApprovalCode identifies the request for it.
	ErrApprovalRequired Reason = "approval_required"

	// ErrNotFound is Graph's 404, and 410 for a single object.
	ErrNotFound Reason = "not_found"

	// ErrConflict is Graph's 409, 412 or 423: the object is not in the state
	// that the write assumed.
	ErrConflict Reason = "conflict"

	// ErrThrottled means that Graph still refused requests of this bucket when
	// patience, or the time left to the caller, was over. RetryAfter says when
	// to come back.
	ErrThrottled Reason = "throttled"

	// ErrUnreachable means that Graph or the token service could not be
	// reached, broke off, or answered 5xx, and repeating did not help. Nothing
	// was changed.
	ErrUnreachable Reason = "unreachable"

	// ErrOutcomeUnknown means that a write got no clear answer to one of its
	// attempts, so that it may or may not have taken effect. A POST or PATCH
	// is not repeated then; a PUT or DELETE was, and never got a good answer.
	// errors.Is finds the reason of the last answer as well.
	ErrOutcomeUnknown Reason = "outcome_unknown"

	// ErrBadResponse means that an answer is not what Graph gives: cut short,
	// not JSON, without the parts that it must have, or a next link that leads
	// elsewhere.
	ErrBadResponse Reason = "bad_response"

	// ErrTooLarge means that an answer exceeds a limit of [Config]: bytes after
	// decompression, compression ratio, nesting, or items on a page.
	ErrTooLarge Reason = "too_large"

	// ErrPagingLoop means that a list does not end: a link came twice, or
	// there were more pages, or more empty pages in a row, than [Config]
	// allows.
	ErrPagingLoop Reason = "paging_loop"

	// ErrResync means that a delta link is too old or was revoked. The caller
	// drops it and enumerates everything.
	ErrResync Reason = "resync_required"
)

// An Error is what a request to Graph ended with. All errors of this package
// are one, except the caller's own context errors and those of [New].
//
// Every field is safe to store and show; whatever came from outside has a
// fixed form or was dropped.
type Error struct {
	Reason Reason
	Method string // of the request
	Status int    // HTTP status, 0 without an answer

	// Code is Graph's own code ("ModelValidationFailure"), or this package's
	// for what never came from Graph ("dns", "tls", "truncated"). At most 64
	// letters, digits, dots, hyphens and underscores; may be empty.
	Code string

	// Cause says what a 400 was for; empty if that is not known.
	Cause Cause

	RequestID       string // Graph's id of the request; what support asks for
	ClientRequestID string // ours of the last attempt
	ActivityID      string // Intune's support reference, if it gave one
	Attempts        int    // how often the request was sent; 0 if never

	// Scopes are the permissions of which one would have sufficed.
	Scopes []string
	// ApprovalCode is set with [ErrApprovalRequired].
	ApprovalCode string
	// RetryAfter is how long Graph asked to wait; 0 if it did not.
	RetryAfter time.Duration
	// Claims is the claims challenge that a delegated token did not meet, as
	// JSON, for the host to sign the person in again. It is not part of the
	// text.
	Claims string

	cause error // a context error or a Reason; nothing with text from outside
	sent  bool  // the request may have reached Graph
	said  bool  // Graph gave RetryAfter, which may be 0
	final bool  // whoever failed has repeated it already
}

// Error says the reason, the status and the ids. The text holds nothing that
// is not safe to show.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Reason.Error())
	sep := " ("
	part := func(s string) {
		b.WriteString(sep)
		b.WriteString(s)
		sep = ", "
	}
	if e.Status != 0 {
		part(strings.TrimSpace(e.Method + " " + strconv.Itoa(e.Status) + " " + http.StatusText(e.Status)))
	}
	if e.Code != "" {
		part(e.Code)
	}
	if e.RequestID != "" {
		part("request-id " + e.RequestID)
	}
	if e.ClientRequestID != "" {
		part("client-request-id " + e.ClientRequestID)
	}
	if sep == ", " {
		b.WriteByte(')')
	}
	return b.String()
}

// Unwrap returns the reason, and with it the context error that ended the
// request, or what an unknown outcome would have been called had the request
// changed nothing.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.Reason}
	}
	return []error{e.Reason, e.cause}
}
