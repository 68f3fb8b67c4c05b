package monitor

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A control is something that people can do to a run. One that the actor has
// not the right to is shown all the same, and says so.
type control struct {
	Name    string // end of a message key, and of the address
	Allowed bool
	Once    string // makes the form's second sending harmless
}

// controls are what can be done to the run as it is.
func (h *Hub) controls(r *http.Request, p *page, run *runs.Run) []control {
	if h.cfg.Actions == nil || run.Inline {
		return nil
	}
	c := control{Name: "cancel"}
	right := runs.ActionCancelOther
	mine := run.Initiator.Is(p.Actor)
	switch {
	case run.Ended():
		c.Name, right = "retry", runs.ActionRetryOther
		if mine {
			right = runs.ActionRetryOwn
		}
		var b [12]byte
		rand.Read(b[:]) // never fails
		c.Once = hex.EncodeToString(b[:])
	case !run.Cancel.At.IsZero():
		return nil
	case mine:
		right = runs.ActionCancelOwn
	}
	c.Allowed = h.cfg.may(r.Context(), p.Actor, p.Tenant, right)
	return []control{c}
}

// formLimit is how large a form may be, in bytes.
const formLimit = 16 << 10

// cancel asks for the run to end, and leads back to it.
func (h *Hub) cancel(w http.ResponseWriter, r *http.Request, p *page) error {
	ref := runs.Ref{Tenant: p.Tenant, ID: r.PathValue("id")}
	if err := r.ParseForm(); err != nil {
		return runs.Public(runs.ErrInvalid, runs.ReasonInvalidInput, "The form could not be read.")
	}
	run, err := h.cfg.Actions.RequestCancel(r.Context(), ref, p.Actor, r.PostForm.Get("why"))
	if err != nil {
		return fmt.Errorf("cancel: %w", err)
	}
	http.Redirect(w, r, p.Path("runs", run.ID)+"?asked=cancel", http.StatusSeeOther)
	return nil
}

// retry starts the run again, and leads to the new one.
func (h *Hub) retry(w http.ResponseWriter, r *http.Request, p *page) error {
	ref := runs.Ref{Tenant: p.Tenant, ID: r.PathValue("id")}
	if err := r.ParseForm(); err != nil {
		return runs.Public(runs.ErrInvalid, runs.ReasonInvalidInput, "The form could not be read.")
	}
	once := ""
	if key := r.PostForm.Get("once"); key != "" {
		once = runs.OnceFor(p.Actor, key)
	}
	started, err := h.cfg.Actions.Retry(r.Context(), ref, p.Actor, once)
	if err != nil && (started.Run == nil || !errors.Is(err, runs.ErrDispatchFailed)) {
		return fmt.Errorf("retry: %w", err)
	}
	how := "joined"
	if started.Created {
		how = "new"
	}
	http.Redirect(w, r, p.Path("runs", started.Run.ID)+"?started="+how, http.StatusSeeOther)
	return nil
}

// acting limits what a form may send.
func acting(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, formLimit)
		serve(w, r)
	}
}
