package monitor

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A Hub serves runs as pages for people, with the style sheet and the modules
// that they need, and below "api" the JSON that the modules ask for; see [API].
// Pages are whole without JavaScript: each is a GET whose address is all its
// state, and each action is a form. It is safe for concurrent use.
type Hub struct {
	cfg       Config
	api       *API
	mux       routes
	guard     *http.CrossOriginProtection
	templates *template.Template
	assets    *assets
	languages languages
}

// New returns a hub made of cfg, or an error that says what is missing. It does
// nothing in the background.
func New(cfg Config) (*Hub, error) {
	api, err := NewAPI(cfg)
	if err != nil {
		return nil, err
	}
	api.inHub = true
	h := &Hub{cfg: api.cfg, api: api, guard: http.NewCrossOriginProtection()}
	if h.assets, err = readAssets(); err != nil {
		return nil, fmt.Errorf("monitor: %w", err)
	}
	if h.languages, err = readLanguages(cfg.Messages); err != nil {
		return nil, fmt.Errorf("monitor: %w", err)
	}
	if h.templates, err = parseTemplates(); err != nil {
		return nil, fmt.Errorf("monitor: %w", err)
	}
	h.guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.fail(w, r, h.newPage(r), fmt.Errorf("request from another site: %w", runs.ErrForbidden))
	}))
	h.route()
	return h, nil
}

func (h *Hub) route() {
	h.mux.HandleFunc("GET /static/{name...}", h.assets.serve)
	h.mux.HandleFunc("GET /{$}", h.page("", h.home))
	h.mux.HandleFunc("GET /settings", h.page("settings", h.settingsPage))
	h.mux.HandleFunc("GET /help", h.page("help", h.helpPage))
	const tenant = "/t/{tenant}"
	h.mux.HandleFunc("GET "+tenant+"/{$}", h.page("overview", h.overviewPage))
	h.mux.HandleFunc("GET "+tenant+"/types", h.page("types", h.typesPage))
	h.mux.HandleFunc("GET "+tenant+"/runs", h.page("runs", h.runsPage))
	h.mux.HandleFunc("GET "+tenant+"/runs/{id}", h.page("runs", h.runPage))
	for _, format := range []string{"csv", "jsonl"} {
		h.mux.HandleFunc("GET "+tenant+"/runs."+format, h.page("runs", h.runsExport(format)))
		h.mux.HandleFunc("GET "+tenant+"/runs/{id}/items."+format, h.page("runs", h.itemsExport(format)))
	}
	if h.cfg.Actions != nil {
		h.mux.HandleFunc("POST "+tenant+"/runs/{id}/cancel", acting(h.page("runs", h.cancel)))
		h.mux.HandleFunc("POST "+tenant+"/runs/{id}/retry", acting(h.page("runs", h.retry)))
	}
	if h.cfg.Audit != nil {
		h.mux.HandleFunc("GET "+tenant+"/audit", h.page("audit", h.auditPage))
		h.mux.HandleFunc("GET "+tenant+"/audit.jsonl", h.page("audit", h.auditExport))
	}
	if h.cfg.Inbox != nil {
		const notes = "/notifications"
		h.mux.HandleFunc("GET "+notes, h.page("notifications", h.notesPage))
		h.mux.HandleFunc("GET "+notes+"/{id}", h.page("notifications", h.openNote))
		h.mux.HandleFunc("POST "+notes+"/{id}/read", acting(h.page("notifications", h.markNotes(h.markOne(true)))))
		h.mux.HandleFunc("POST "+notes+"/{id}/unread", acting(h.page("notifications", h.markNotes(h.markOne(false)))))
		h.mux.HandleFunc("POST "+notes+"/read-all", acting(h.page("notifications", h.markNotes(h.markAll))))
	}
}

// apiPath is where a hub has its JSON, behind the base path.
const apiPath = "/api"

// ContentSecurityPolicy is what browsers are told about the hub's pages. A page
// of the host with the parts of [Hub.Embed] needs no more than this allows.
const ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// ServeHTTP implements [http.Handler].
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = mounted(r, h.cfg.BasePath)
	identify(w, r)
	header := w.Header()
	header.Set("Content-Security-Policy", ContentSecurityPolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	if strings.HasPrefix(r.URL.Path, apiPath+"/") {
		h.api.serve(w, below(r, apiPath, basePath(r)+apiPath))
		return
	}
	if err := routed(w, r, &h.mux.ServeMux); err != nil {
		h.fail(w, r, h.newPage(r), err)
		return
	}
	h.guard.Handler(&h.mux).ServeHTTP(w, r)
}

// Close ends the streams and long polls that are open; see [API.Close].
func (h *Hub) Close() { h.api.Close() }

// identify gives the answer the id of the request, unless the host has.
func identify(w http.ResponseWriter, r *http.Request) {
	if h := w.Header(); h.Get("X-Request-Id") == "" {
		h.Set("X-Request-Id", requestID(r.Header.Get("X-Request-Id")))
	}
}

// requestID takes over the id that a proxy has given, if it looks like one.
func requestID(given string) string {
	const allowed = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_."
	if given != "" && len(given) <= 64 && strings.Trim(given, allowed) == "" {
		return given
	}
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// page returns a handler that lets in who may view the tenant of the path, or
// anybody who is somebody if the path has none, and shows the error of serve.
func (h *Hub) page(section string, serve func(w http.ResponseWriter, r *http.Request, p *page) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p := h.newPage(r)
		p.Section = section
		err := h.enter(r, p)
		if err == nil {
			err = serve(w, r, p)
		}
		if err != nil {
			h.fail(w, r, p, err)
		}
	}
}

// enter finds out who asks and whether they may view the tenant.
func (h *Hub) enter(r *http.Request, p *page) error {
	actor, err := h.api.who(r)
	if err != nil {
		return err
	}
	p.Actor = actor
	if tenant := r.PathValue("tenant"); tenant != "" {
		if err := h.cfg.Authorizer.Authorize(r.Context(), actor, tenant, runs.ActionView); err != nil {
			return err
		}
		p.Tenant = tenant
		return nil
	}
	// A page of no tenant keeps the way back to the one it was reached from.
	if tenant := r.URL.Query().Get("tenant"); tenant != "" && h.cfg.may(r.Context(), actor, tenant, runs.ActionView) {
		p.Tenant = tenant
	}
	return nil
}

// tenants lists those that the actor can change to.
func (h *Hub) tenants(ctx context.Context, actor runs.Actor) ([]string, error) {
	if h.cfg.Tenants == nil || !actor.Valid() {
		return nil, nil
	}
	all, err := h.cfg.Tenants(ctx, actor)
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	var visible []string
	for _, t := range all[:min(len(all), runs.MaxLimit)] {
		if h.cfg.may(ctx, actor, t, runs.ActionView) {
			visible = append(visible, t)
		}
	}
	return visible, nil
}

// home leads to the first tenant that the actor may view. A hub that knows of no
// list of tenants asks which.
func (h *Hub) home(w http.ResponseWriter, r *http.Request, p *page) error {
	if tenant := r.URL.Query().Get("tenant"); tenant != "" {
		http.Redirect(w, r, p.Base+"/t/"+url.PathEscape(tenant)+"/", http.StatusSeeOther)
		return nil
	}
	if h.cfg.Tenants == nil {
		p.Title = p.T("home.title")
		return h.render(w, r, http.StatusOK, "home", p)
	}
	tenants, err := h.tenants(r.Context(), p.Actor)
	if err != nil {
		return err
	}
	if len(tenants) == 0 {
		return fmt.Errorf("home: %w", runs.ErrNotFound)
	}
	http.Redirect(w, r, p.Base+"/t/"+url.PathEscape(tenants[0])+"/", http.StatusSeeOther)
	return nil
}

// fail shows an error as the API would answer it.
func (h *Hub) fail(w http.ResponseWriter, r *http.Request, p *page, err error) {
	if to, ok := errors.AsType[*signIn](err); ok {
		http.Redirect(w, r, to.address, http.StatusSeeOther)
		return
	}
	status, f := StatusOf(err)
	if status >= http.StatusInternalServerError && r.Context().Err() == nil {
		h.cfg.Logger.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
	}
	p.Title = p.T(fmt.Sprintf("error.%d", status))
	data := failure{Failure: f, Status: status, Request: w.Header().Get("X-Request-Id"), Resource: p.Tenant != "" && r.PathValue("id") != ""}
	if errors.Is(err, runs.ErrBadCursor) {
		data.StartOver = withQuery(p.Base+r.URL.EscapedPath(), without(r.URL.Query(), "after", "trail"))
	}
	p.Data = data
	if err := h.render(w, r, status, "error", p); err != nil {
		h.cfg.Logger.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
		WriteProblem(w, status, f)
	}
}

type failure struct {
	runs.Failure
	Status    int
	Request   string
	Resource  bool   // it was about one thing, which may have been deleted
	StartOver string // the list from its beginning, if the cursor was wrong
}
