package runs

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
)

// A Failure is the part of an error that is kept and shown. It is safe by
// construction: neither field ever comes from the text of an arbitrary error.
// The zero value means that nothing failed.
type Failure struct {
	Reason  Reason `json:"reason,omitempty"`  // a stable code; programs switch on it
	Message string `json:"message,omitempty"` // one short sentence for people
}

// Because returns the failure with this reason and the reason's own sentence.
func Because(r Reason) Failure { return Failure{Reason: r, Message: r.Sentence()} }

// A publicError carries what its author declared safe to show.
type publicError struct {
	failure Failure
	cause   error // for the log only; may be nil
}

func (e *publicError) Error() string {
	if e.cause == nil {
		return e.failure.Message
	}
	return fmt.Sprintf("%s (%s): %v", e.failure.Message, e.failure.Reason, e.cause)
}

func (e *publicError) Unwrap() error { return e.cause }

// Public wraps err so that a run records this reason and message; the text of
// err goes to the log only. An empty message stands for the reason's own
// sentence. A reason that is not [Reason.Known] becomes [ReasonInternal], and
// message passes through [Sanitize] in case somebody was careless; do not rely
// on that and do not build message from another error's text, since nobody
// knows what is in it. err may be nil.
func Public(err error, reason Reason, message string) error {
	if !reason.Known() {
		reason = ReasonInternal
	}
	f := Because(reason)
	if message != "" {
		f.Message = Sanitize(message)
	}
	return &publicError{f, err}
}

// FailureOf returns what may be kept about err: what was declared [Public], or
// a reason that follows from a standard error (a deadline, a cancellation, a
// permission, the network), or else [ReasonInternal] with an id under which the
// log has the error's text. The id is empty unless the log is needed. A nil err
// has no failure.
func FailureOf(err error) (f Failure, id string) {
	if err == nil {
		return Failure{}, ""
	}
	if e, ok := errors.AsType[*publicError](err); ok {
		return e.failure, ""
	}
	for _, known := range []struct {
		target error
		reason Reason
	}{
		{context.DeadlineExceeded, ReasonTimeout},
		{context.Canceled, ReasonCanceled},
		{ErrForbidden, ReasonPermissionDenied},
		{ErrStoreUnavailable, ReasonUnreachable},
		{fs.ErrPermission, ReasonPermissionDenied},
		{fs.ErrNotExist, ReasonNotFound},
		{ErrNotFound, ReasonNotFound},
		{ErrInvalid, ReasonInvalidInput},
	} {
		if errors.Is(err, known.target) {
			return Because(known.reason), ""
		}
	}
	if e, ok := errors.AsType[net.Error](err); ok {
		if e.Timeout() {
			return Because(ReasonTimeout), ""
		}
		return Because(ReasonUnreachable), ""
	}
	var b [4]byte
	rand.Read(b[:]) // never fails
	id = hex.EncodeToString(b[:])
	return Failure{
		Reason:  ReasonInternal,
		Message: fmt.Sprintf("The operation failed unexpectedly. The log has the details under %s.", id),
	}, id
}
