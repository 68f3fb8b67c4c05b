package monitor

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/tenantatlas/tenantatlas/runs"
)

// maxBody is the size of a request's body beyond which it is refused, in bytes.
const maxBody = 64 << 10

// cancel asks a run to end: 200 with the run, which has not ended yet if it was
// running.
func (a *API) cancel(w http.ResponseWriter, r *http.Request, v Viewer) error {
	var body struct {
		Why string `json:"why"`
	}
	if err := ReadJSON(http.MaxBytesReader(w, r.Body, maxBody), &body); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	ref := runs.Ref{Tenant: v.Tenant, ID: r.PathValue("id")}
	run, err := a.cfg.Actions.RequestCancel(r.Context(), ref, v.Actor, body.Why)
	if err != nil {
		return err
	}
	a.redact(r.Context(), v, run)
	WriteJSON(w, http.StatusOK, a.document(r, run))
	return nil
}

// retry starts a run that does the same again.
func (a *API) retry(w http.ResponseWriter, r *http.Request, v Viewer) error {
	once, err := OnceOf(r, v.Actor)
	if err != nil {
		return err
	}
	started, err := a.cfg.Actions.Retry(r.Context(), runs.Ref{Tenant: v.Tenant, ID: r.PathValue("id")}, v.Actor, once)
	return a.WriteStarted(w, r, v, started, err)
}

// OnceOf turns the Idempotency-Key of a request into a [runs.Request].Once that
// belongs to the actor; without that header it is empty. It reports
// [runs.ErrInvalid] for one that is too long, and for more than one: nobody knows
// which of them a proxy or the client meant.
func OnceOf(r *http.Request, actor runs.Actor) (string, error) {
	const name = "Idempotency-Key"
	if len(r.Header.Values(name)) > 1 {
		return "", runs.Public(runs.ErrInvalid, runs.ReasonInvalidInput, "There is more than one Idempotency-Key.")
	}
	key := r.Header.Get(name)
	if len(key) > 255 {
		return "", runs.Public(runs.ErrInvalid, runs.ReasonInvalidInput, "The Idempotency-Key is longer than 255 bytes.")
	}
	return runs.OnceFor(actor, key), nil
}

// WriteStarted answers with what [runs.Tracker.Start] has returned: 202 for a new
// run, 200 for one that was there already, and a problem with the run's links
// if it could not be dispatched. It returns every other error, for
// [API.Viewing].
func (a *API) WriteStarted(w http.ResponseWriter, r *http.Request, v Viewer, started runs.Started, err error) error {
	failed := errors.Is(err, runs.ErrDispatchFailed) && started.Run != nil
	if err != nil && !failed {
		return err
	}
	run := started.Run.Clone()
	a.redact(r.Context(), v, run)
	doc := a.document(r, run)
	if failed {
		status, f := StatusOf(err)
		links := map[string]string{"run": doc.Links["self"]}
		if page := doc.Links["page"]; page != "" {
			links["page"] = page
		}
		WriteProblemLinks(w, status, f, links)
		return nil
	}
	status := http.StatusOK
	if started.Created {
		status = http.StatusAccepted
	}
	w.Header().Set("Location", doc.Links["self"])
	WriteJSON(w, status, map[string]any{"run": doc, "created": started.Created})
	return nil
}

// ReadJSON reads a body that is one JSON object into v, strictly: unknown fields
// are refused. It reports [runs.ErrInvalid] with a sentence that names the field,
// and io.EOF besides if the body is empty.
func ReadJSON(body io.Reader, v any) error {
	dec := json.NewDecoder(body)
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	kind, message := runs.ErrInvalid, ""
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		message = "The body is too large."
	} else if errors.Is(err, io.EOF) {
		kind, message = errors.Join(runs.ErrInvalid, io.EOF), "The body is empty. It is to be one JSON object."
	} else if err != nil {
		message = runs.InputProblem("The contents of the body", err)
	} else if _, err = dec.Token(); !errors.Is(err, io.EOF) {
		message = "The body is more than one JSON object."
	} else {
		return nil
	}
	return runs.Public(kind, runs.ReasonInvalidInput, message)
}
