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
//	GET /t/{tenant}/events           what becomes of runs, as server-sent events
//	GET /me                          who asks
//	GET /openapi.json                all of this for programs
//
// With [Config].Inbox
//
//	GET  /notifications              the actor's, newest first; ?unread=1, ?type=
//	GET  /notifications/unread       how many there are
//	POST /notifications/{id}/read
//	POST /notifications/read-all
//
// and with [Config].Actions
//
//	POST /t/{tenant}/runs/{id}/cancel  {"why":"…"}
//	POST /t/{tenant}/runs/{id}/retry   with Idempotency-Key
//
// Filters of runs: status (outcomes too, and the names of the hub's tabs: active,
// partial, all), outcome, type (each a list with commas), initiator
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
	mux   routes
	inHub bool // it is below a hub, whose pages its documents link to
	live  *live
	guard *http.CrossOriginProtection
}

// NewAPI returns an API made of cfg, or an error that says what is missing.
func NewAPI(cfg Config) (*API, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	a := &API{cfg: cfg, guard: http.NewCrossOriginProtection()}
	a.live = newLive(&a.cfg)
	a.guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		WriteProblem(w, http.StatusForbidden, runs.Failure{
			Reason: runs.ReasonPermissionDenied, Message: "Requests from other sites may not change anything.",
		})
	}))
	a.mux.HandleFunc("GET /t/{tenant}/runs", a.Viewing(a.list))
	a.mux.HandleFunc("GET /t/{tenant}/runs/counts", a.Viewing(a.counts))
	a.mux.HandleFunc("GET /t/{tenant}/runs/{id}", a.Viewing(a.get))
	a.mux.HandleFunc("GET /t/{tenant}/runs/{id}/items", a.Viewing(a.items))
	a.mux.HandleFunc("GET /t/{tenant}/types", a.Viewing(a.types))
	a.mux.HandleFunc("GET /t/{tenant}/events", a.Viewing(a.events))
	a.mux.HandleFunc("GET /me", a.being(a.me))
	a.mux.HandleFunc("GET /openapi.json", openAPI)
	if cfg.Inbox != nil {
		a.mux.HandleFunc("GET /notifications", a.being(a.notes))
		a.mux.HandleFunc("GET /notifications/unread", a.being(a.unread))
		a.mux.HandleFunc("POST /notifications/{id}/read", a.being(a.readNote))
		a.mux.HandleFunc("POST /notifications/read-all", a.being(a.readAllNotes))
	}
	if cfg.Actions != nil {
		a.mux.HandleFunc("POST /t/{tenant}/runs/{id}/cancel", a.Viewing(a.cancel))
		a.mux.HandleFunc("POST /t/{tenant}/runs/{id}/retry", a.Viewing(a.retry))
	}
	return a, nil
}

// Close ends the streams and long polls that are open and refuses new ones, so
// that a server can stop; see [http.Server.RegisterOnShutdown]. It does not wait
// for them. Everything else is answered as before.
func (a *API) Close() { a.live.close() }

// ServeHTTP implements [http.Handler].
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.serve(w, mounted(r, a.cfg.BasePath))
}

// serve answers a request whose path begins behind the base path.
func (a *API) serve(w http.ResponseWriter, r *http.Request) {
	identify(w, r)
	if err := routed(w, r, &a.mux.ServeMux); err != nil {
		status, f := StatusOf(err)
		WriteProblem(w, status, f)
		return
	}
	a.guard.Handler(&a.mux).ServeHTTP(w, r)
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

// being returns a handler that lets in whoever is somebody.
func (a *API) being(serve func(w http.ResponseWriter, r *http.Request, actor runs.Actor) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		actor, err := a.who(r)
		if err == nil {
			err = serve(w, r, actor)
		}
		if err != nil {
			a.fail(w, r, err)
		}
	}
}

func (a *API) me(w http.ResponseWriter, _ *http.Request, actor runs.Actor) error {
	WriteJSON(w, http.StatusOK, actor)
	return nil
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
	writeTagged(w, r, List{data, string(f.Next(page.Next))})
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
	writeTagged(w, r, tally)
	return nil
}

// get answers with one run. A client that knows it can wait for a change.
func (a *API) get(w http.ResponseWriter, r *http.Request, v Viewer) error {
	id, known := r.PathValue("id"), r.Header.Get("If-None-Match")
	var wake <-chan struct{}
	deadline, stop := context.WithTimeout(r.Context(), 0)
	if wait := preferredWait(r.Header); wait > 0 && known != "" {
		f := &follower{tenant: v.Tenant, ids: []string{id}}
		leave, err := a.live.join(f)
		if err != nil {
			return err
		}
		defer leave()
		wake = f.wake
		deadline, stop = context.WithTimeout(r.Context(), wait)
		extend(w, wait)
	}
	defer stop()
	for {
		run, err := a.readRun(r.Context(), v, id)
		if err != nil {
			return err
		}
		body, tag := encode(a.document(r, run))
		if !matches(known, tag) || run.Ended() || deadline.Err() != nil {
			answerTagged(w, r, body, tag)
			return nil
		}
		select {
		case <-deadline.Done():
		case <-a.live.closed:
			stop()
		case <-wake:
		}
	}
}

// extend gives an answer that is late on purpose the time that it needs.
func extend(w http.ResponseWriter, wait time.Duration) {
	rc := http.NewResponseController(w)
	// A writer without deadlines is the host's choice.
	_ = rc.SetReadDeadline(time.Time{})
	_ = rc.SetWriteDeadline(time.Now().Add(wait + writeTimeout)) //nolint:forbidigo // the connection's clock
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
	writeTagged(w, r, List{page.Items, string(page.Next)})
	return nil
}

func (a *API) types(w http.ResponseWriter, r *http.Request, _ Viewer) error {
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
	writeTagged(w, r, List{Data: data})
	return nil
}

func (a *API) document(r *http.Request, run *runs.Run) Document {
	d := NewDocument(run, a.base(r))
	if page := a.pageOf(r, run.Ref()); page != "" {
		d.Links["page"] = page
	}
	return d
}

// base is what links to the API begin with.
func (a *API) base(r *http.Request) string {
	if a.cfg.BasePath != "" && !a.inHub {
		return a.cfg.BasePath // also in a handler of the host's, see Viewing
	}
	return basePath(r)
}

// pageOf is the path of the page that shows a run; empty if there is none.
func (a *API) pageOf(r *http.Request, ref runs.Ref) string {
	switch {
	case a.cfg.Page != nil:
		return a.cfg.Page(ref)
	case a.inHub:
		return runPath(strings.TrimSuffix(basePath(r), apiPath), ref)
	}
	return ""
}
