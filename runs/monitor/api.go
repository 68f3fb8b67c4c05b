package monitor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// An API serves runs as JSON:
//
//	GET /t/{tenant}/runs             newest first; filters as in the query below
//	GET /t/{tenant}/runs/counts      by status and outcome, capped
//	GET /t/{tenant}/runs/{id}        with ETag, If-None-Match and Prefer: wait=20
//	GET /t/{tenant}/runs/{id}/items  ?outcome=failed,skipped&reason=throttled
//	GET /t/{tenant}/types            the operations that are declared
//	GET /me                          who asks
//
// Filters of runs: status, outcome, type (each a list with commas), initiator
// (an id, or "me"), target (an id), since (24h, 7d) or from and to (RFC 3339 or
// a day), not.status, not.outcome, not.type, not.initiator, q (see
// [ParseSearch]), limit (1 to 200), after (a cursor). What else is in the query
// is ignored. With q or a not. filter a page may be short although there is a
// next one.
//
// Lists answer {"data":[…],"next":"cursor"}; the last page has no next. Errors
// are application/problem+json (RFC 9457) with a reason of package runs as
// code. It is safe for concurrent use.
type API struct {
	cfg   Config
	mux   *http.ServeMux
	inHub bool // it is below a hub, whose pages its documents link to
}

// NewAPI returns an API made of cfg, or an error that says what is missing.
func NewAPI(cfg Config) (*API, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	a := &API{cfg: cfg, mux: http.NewServeMux()}
	a.mux.HandleFunc("GET /t/{tenant}/runs", a.Viewing(a.list))
	a.mux.HandleFunc("GET /t/{tenant}/runs/counts", a.Viewing(a.counts))
	a.mux.HandleFunc("GET /t/{tenant}/runs/{id}", a.Viewing(a.get))
	a.mux.HandleFunc("GET /t/{tenant}/runs/{id}/items", a.Viewing(a.items))
	a.mux.HandleFunc("GET /t/{tenant}/types", a.Viewing(a.types))
	a.mux.HandleFunc("GET /me", a.me)
	return a, nil
}

// ServeHTTP implements [http.Handler].
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.serve(w, mounted(r, a.cfg.BasePath))
}

// serve answers a request whose path begins behind the base path.
func (a *API) serve(w http.ResponseWriter, r *http.Request) {
	if err := routed(w, r, a.mux); err != nil {
		status, f := StatusOf(err)
		WriteProblem(w, status, f)
		return
	}
	a.mux.ServeHTTP(w, r)
}

// errMethod is reported for a path that has no such method.
var errMethod = errors.New("method not allowed")

// routed reports why the mux has no handler for a request, if it has none. The
// mux knows whether the path or the method is wrong; it only says so in plain
// text. It would lead to another spelling of the path, but does not know below
// which other path it is mounted.
func routed(w http.ResponseWriter, r *http.Request, mux *http.ServeMux) error {
	h, pattern := mux.Handler(r)
	if clean := path.Clean(r.URL.Path); pattern != "" && (r.URL.Path == clean || r.URL.Path == clean+"/") {
		return nil
	}
	said := make(header)
	h.ServeHTTP(said, r)
	if allow := http.Header(said).Get("Allow"); allow != "" {
		w.Header().Set("Allow", allow)
		return errMethod
	}
	return fmt.Errorf("route: %w", runs.ErrNotFound)
}

// header is an [http.ResponseWriter] of which only the header is wanted.
type header http.Header

func (h header) Header() http.Header         { return http.Header(h) }
func (h header) Write(b []byte) (int, error) { return len(b), nil }
func (h header) WriteHeader(int)             {}

// A Viewer is who makes a request, and the tenant that the request is about,
// in which they may view.
type Viewer struct {
	runs.Actor
	Tenant string
}

// Viewing returns a handler that lets in who may view the tenant that the
// path's "{tenant}" names, and answers the error of serve as [StatusOf] says.
// Hosts use it for JSON of their own.
func (a *API) Viewing(serve func(w http.ResponseWriter, r *http.Request, v Viewer) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		actor, err := a.who(r)
		v := Viewer{actor, r.PathValue("tenant")}
		if err == nil {
			err = a.cfg.Authorizer.Authorize(r.Context(), actor, v.Tenant, runs.ActionView)
		}
		if err == nil {
			err = serve(w, r, v)
		}
		if err != nil {
			a.fail(w, r, err)
		}
	}
}

func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, f := StatusOf(err)
	if status >= http.StatusInternalServerError && r.Context().Err() == nil {
		a.cfg.Logger.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
	}
	WriteProblem(w, status, f)
}

// who asks the host who makes a request. An actor that is nobody is refused, and
// an error that does not say so means that nobody could find out.
func (a *API) who(r *http.Request) (runs.Actor, error) {
	actor, err := a.cfg.Who(r)
	switch {
	case err == nil && !actor.Valid():
		return runs.Actor{}, ErrUnauthenticated
	case err != nil && !errors.Is(err, ErrUnauthenticated):
		return runs.Actor{}, fmt.Errorf("%w: %w", errWho, err)
	}
	return actor, err
}

func (a *API) me(w http.ResponseWriter, r *http.Request) {
	actor, err := a.who(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	WriteJSON(w, http.StatusOK, actor)
}

func (a *API) list(w http.ResponseWriter, r *http.Request, v Viewer) error {
	f, err := ParseQuery(r.URL.Query(), v.Actor, a.cfg.Now())
	if err != nil {
		return err
	}
	page, err := a.readRuns(r.Context(), v, f)
	if err != nil {
		return err
	}
	data := make([]Document, len(page.Runs))
	for i, run := range page.Runs {
		data[i] = a.document(r, run)
	}
	WriteJSON(w, http.StatusOK, List{data, string(page.Next)})
	return nil
}

func (a *API) counts(w http.ResponseWriter, r *http.Request, v Viewer) error {
	f, err := ParseQuery(r.URL.Query(), v.Actor, a.cfg.Now())
	if err != nil {
		return err
	}
	tally, err := a.readCounts(r.Context(), v, f)
	if err != nil {
		return err
	}
	WriteJSON(w, http.StatusOK, tally)
	return nil
}

func (a *API) get(w http.ResponseWriter, r *http.Request, v Viewer) error {
	known := r.Header.Get("If-None-Match")
	deadline, stop := context.WithTimeout(r.Context(), preferredWait(r.Header))
	defer stop()
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		run, err := a.readRun(r.Context(), v, r.PathValue("id"))
		if err != nil {
			return err
		}
		body, tag := encode(a.document(r, run))
		if !matches(known, tag) || run.Ended() {
			w.Header().Set("ETag", tag)
			if matches(known, tag) {
				w.WriteHeader(http.StatusNotModified)
				return nil
			}
			writeBody(w, http.StatusOK, "application/json", body)
			return nil
		}
		select {
		case <-deadline.Done():
			w.Header().Set("ETag", tag)
			w.WriteHeader(http.StatusNotModified)
			return nil
		case <-time.After(pause):
		}
	}
}

func (a *API) items(w http.ResponseWriter, r *http.Request, v Viewer) error {
	f, err := parseItemQuery(r.URL.Query())
	if err != nil {
		return err
	}
	// An unknown run is an error, not an empty list.
	run, err := a.readRun(r.Context(), v, r.PathValue("id"))
	if err != nil {
		return err
	}
	f.query.Run = run.Ref()
	page, err := a.readItems(r.Context(), f)
	if err != nil {
		return err
	}
	WriteJSON(w, http.StatusOK, List{page.Items, string(page.Next)})
	return nil
}

func (a *API) types(w http.ResponseWriter, _ *http.Request, _ Viewer) error {
	type typeJSON struct {
		Type        runs.Type `json:"type"`
		Label       string    `json:"label"`
		Description string    `json:"description,omitempty"`
		Timeout     float64   `json:"timeout_seconds,omitempty"`
		Expected    float64   `json:"expected_seconds,omitempty"`
	}
	data := []typeJSON{}
	for _, op := range a.cfg.Runs.Operations() {
		data = append(data, typeJSON{op.Type, op.Label, op.Description, op.Timeout.Seconds(), op.Expected.Seconds()})
	}
	WriteJSON(w, http.StatusOK, List{Data: data})
	return nil
}

func (a *API) document(r *http.Request, run *runs.Run) Document {
	d := NewDocument(run, basePath(r))
	switch {
	case a.cfg.Page != nil:
		d.Links["page"] = a.cfg.Page(run.Ref())
	case a.inHub:
		d.Links["page"] = strings.TrimSuffix(basePath(r), apiPath) + strings.TrimPrefix(d.Links["self"], basePath(r))
	}
	return d
}

// matches reports whether an If-None-Match header names the tag. A weak tag
// matches too: RFC 9110 compares weakly here.
func matches(header, tag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		if part = strings.TrimPrefix(strings.TrimSpace(part), "W/"); part == tag || part == "*" {
			return true
		}
	}
	return false
}
