package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/tenantatlas/tenantatlas/runs"
)

// errWho marks errors of Config.Who.
var errWho = errors.New("who asks is unknown")

// retryAfter is when to come back after 429, in seconds, if nobody says better.
const retryAfter = "10"

// A Problem is the body of an error: application/problem+json, RFC 9457.
type Problem struct {
	Title  string            `json:"title"`  // of the status
	Status int               `json:"status"` // of HTTP
	Code   runs.Reason       `json:"code"`
	Detail string            `json:"detail"`          // one safe sentence
	Links  map[string]string `json:"links,omitempty"` // such as "run", for a start that failed
}

// StatusOf says how an error is answered: the HTTP status, and the reason and
// sentence that may be shown. The error's own text is for the log.
func StatusOf(err error) (int, runs.Failure) {
	switch {
	case errors.Is(err, errWho):
		return http.StatusServiceUnavailable, runs.Failure{Reason: runs.ReasonUnreachable, Message: "It cannot be found out who you are. Try again."}
	case errors.Is(err, errMethod):
		return http.StatusMethodNotAllowed, runs.Failure{Reason: runs.ReasonUnsupported, Message: "This method is not allowed here."}
	case errors.Is(err, errTooManyStreams):
		return http.StatusTooManyRequests, runs.Failure{Reason: runs.ReasonThrottled, Message: "You have too many streams open. Close some."}
	case errors.Is(err, errClosing):
		return http.StatusServiceUnavailable, runs.Failure{Reason: runs.ReasonUnreachable, Message: "This server is about to stop. Try again."}
	case errors.Is(err, ErrUnauthenticated):
		return http.StatusUnauthorized, runs.Failure{Reason: runs.ReasonUnauthenticated, Message: "Sign in first."}
	case errors.Is(err, runs.ErrNotFound):
		return http.StatusNotFound, runs.Because(runs.ReasonNotFound)
	case errors.Is(err, runs.ErrForbidden):
		return http.StatusForbidden, runs.Failure{Reason: runs.ReasonPermissionDenied, Message: "Your role in this tenant does not allow this."}
	case errors.Is(err, runs.ErrBadCursor):
		return http.StatusBadRequest, runs.Failure{Reason: runs.ReasonInvalidInput, Message: "The cursor belongs to another list. Start over without it."}
	case errors.Is(err, runs.ErrInputMismatch):
		return http.StatusUnprocessableEntity, runs.Failure{Reason: runs.ReasonInvalidInput, Message: "The idempotency key was used with other params."}
	case errors.Is(err, errors.ErrUnsupported):
		return http.StatusNotImplemented, runs.Because(runs.ReasonUnsupported)
	case errors.Is(err, runs.ErrConflict), errors.Is(err, runs.ErrLaneBusy), errors.Is(err, runs.ErrExists):
		return http.StatusConflict, runs.Because(runs.ReasonConflict)
	case errors.Is(err, runs.ErrActive):
		return http.StatusConflict, runs.Failure{Reason: runs.ReasonConflict, Message: "The run has not ended yet."}
	case errors.Is(err, runs.ErrDispatchFailed):
		return http.StatusServiceUnavailable, runs.Because(runs.ReasonDispatchFailed)
	case errors.Is(err, runs.ErrInvalid):
		f, _ := runs.FailureOf(err)
		return http.StatusBadRequest, f
	case errors.Is(err, runs.ErrStoreUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return http.StatusServiceUnavailable, runs.Because(runs.ReasonUnreachable)
	default:
		// Whoever limits what can be done says so with runs.Public.
		if f, _ := runs.FailureOf(err); f.Reason == runs.ReasonThrottled {
			return http.StatusTooManyRequests, f
		}
		return http.StatusInternalServerError, runs.Because(runs.ReasonInternal)
	}
}

// WriteProblem answers with a [Problem].
func WriteProblem(w http.ResponseWriter, status int, f runs.Failure) {
	writeProblem(w, Problem{Title: http.StatusText(status), Status: status, Code: f.Reason, Detail: f.Message})
}

// WriteProblemLinks is WriteProblem with links.
func WriteProblemLinks(w http.ResponseWriter, status int, f runs.Failure, links map[string]string) {
	writeProblem(w, Problem{Title: http.StatusText(status), Status: status, Code: f.Reason, Detail: f.Message, Links: links})
}

func writeProblem(w http.ResponseWriter, p Problem) {
	body, _ := encode(p)
	h := w.Header()
	h.Del("ETag")
	if p.Status == http.StatusTooManyRequests && h.Get("Retry-After") == "" {
		h.Set("Retry-After", retryAfter)
	}
	writeBody(w, p.Status, "application/problem+json", body)
}

// WriteJSON answers with v. A value that JSON cannot hold is answered with 500.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		WriteProblem(w, http.StatusInternalServerError, runs.Because(runs.ReasonInternal))
		return
	}
	writeBody(w, status, "application/json", body)
}

func writeBody(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	// The client is gone if this fails; there is nobody to tell.
	_, _ = w.Write(append(body, '\n'))
}
