package main

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
)

//go:embed templates
var templates embed.FS

// A page is what every template gets.
type page struct {
	Title   string
	Section string // the entry of the navigation that is current
	Tenant  string
	Tenants []string // those that the actor may view
	Actor   runs.Actor
	Role    runs.Role
	Demo    bool
	Users   []runs.Actor // whom the demo can switch to
	Path    string       // of this page, to come back to
	Hub     monitor.Parts
	Data    any
}

// May reports whether the actor has the right to do a in the tenant.
func (p page) May(a runs.Action) bool { return p.Role.May(a) }

func (h *host) parsePages() (*template.Template, error) {
	t, err := template.New("").Funcs(template.FuncMap{
		"when":       when,
		"percent":    percent,
		"runPath":    func(r *runs.Run) string { return runPath(r.Ref()) },
		"itemPath":   itemPath,
		"advice":     func(r runs.Reason) string { return r.Advice() },
		"link":       withQuery,
		"kind":       kindTitle,
		"label":      h.label,
		"nameOf":     nameOf,
		"ref":        refValue,
		"tone":       tone,
		"words":      words,
		"unresolved": directory.Unresolved,
	}).ParseFS(templates, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse templates: %w", err)
	}
	return t, nil
}

func (h *host) routePages(mux *router) {
	mux.HandleFunc("GET /{$}", h.home)
	mux.HandleFunc("GET /t/{tenant}/inventory", h.viewing(h.inventoryPage))
	mux.HandleFunc("POST /t/{tenant}/inventory/sync", h.viewing(h.startSync))
	mux.HandleFunc("GET /t/{tenant}/inventory/coverage", h.viewing(h.coveragePage))
	mux.HandleFunc("GET /t/{tenant}/inventory/items/{kind}/{id}", h.viewing(h.itemPage))
	h.routeBackupPages(mux)
	h.routeRestorePages(mux)
	h.routeGroupPages(mux)
	mux.Handle(opsBase+"/", h.hub)
	if h.opts.demo {
		mux.HandleFunc("POST /demo/user", h.switchUser)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		h.failPage(w, r, page{}, fmt.Errorf("page: %w", runs.ErrNotFound))
	})
}

// home leads to the first tenant that the actor may view.
func (h *host) home(w http.ResponseWriter, r *http.Request) {
	actor, err := h.identity.who(r)
	if err == nil {
		if names := h.visible(r, actor); len(names) > 0 {
			http.Redirect(w, r, "/t/"+url.PathEscape(names[0])+"/inventory", http.StatusSeeOther)
			return
		}
		err = fmt.Errorf("home: %w", runs.ErrNotFound)
	}
	h.failPage(w, r, page{Actor: actor}, err)
}

// visible lists the tenants that the actor may view.
func (h *host) visible(r *http.Request, actor runs.Actor) []string {
	var names []string
	for _, t := range h.opts.tenants {
		if h.authorizer.Would(r.Context(), actor, t.name, runs.ActionView) == nil {
			names = append(names, t.name)
		}
	}
	return names
}

// viewing lets in who may view the tenant, and shows the error of serve.
func (h *host) viewing(serve func(w http.ResponseWriter, r *http.Request, p page) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p := page{Section: "inventory", Path: r.URL.RequestURI()}
		var err error
		if p.Actor, err = h.identity.who(r); err == nil {
			tenant := r.PathValue("tenant")
			if err = h.authorizer.Authorize(r.Context(), p.Actor, tenant, runs.ActionView); err == nil {
				p.Tenant = tenant
				p.Role, err = h.identity.role(r.Context(), p.Actor, tenant)
			}
		}
		if err == nil {
			err = serve(w, r, p)
		}
		if err != nil {
			h.failPage(w, r, p, err)
		}
	}
}

// render writes a page. It is buffered, so that an error in the middle does
// not leave half of one.
func (h *host) render(w http.ResponseWriter, r *http.Request, status int, name string, p page) error {
	var err error
	if p.Hub, err = h.hub.Embed(r, opsBase, p.Actor, p.Tenant); err != nil {
		return err
	}
	p.Demo, p.Tenants = h.opts.demo, h.visible(r, p.Actor)
	if p.Demo {
		p.Users = demoUsers
	}
	var b bytes.Buffer
	if err := h.pages.ExecuteTemplate(&b, name, p); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a client that is gone cannot be told
	return nil
}

// frame writes the host's document around a page of the hub.
func (h *host) frame(w io.Writer, r *http.Request, f monitor.Frame) error {
	p := page{
		Title: f.Title, Section: "runs", Tenant: f.Tenant, Actor: f.Actor, Path: opsBase + r.URL.RequestURI(), Demo: h.opts.demo,
		Hub: monitor.Parts{Head: f.Head, Widgets: f.Widgets}, Data: f,
	}
	if r.Method != http.MethodGet {
		p.Path = "/"
	}
	if p.Demo {
		p.Users = demoUsers
	}
	if p.Tenant != "" {
		var err error
		if p.Role, err = h.identity.role(r.Context(), p.Actor, p.Tenant); err != nil {
			return err
		}
	}
	return h.pages.ExecuteTemplate(w, "ops.html", p)
}

// tenantNames are the tenants that the hub can change to.
func (h *host) tenantNames(context.Context, runs.Actor) ([]string, error) {
	var names []string
	for _, t := range h.opts.tenants {
		names = append(names, t.name)
	}
	return names, nil
}

// failPage shows an error as the API would answer it.
func (h *host) failPage(w http.ResponseWriter, r *http.Request, p page, err error) {
	status, f := monitor.StatusOf(err)
	// What is not offered here is no fault, and who has left waits for nothing.
	if status >= http.StatusInternalServerError && status != http.StatusNotImplemented && r.Context().Err() == nil {
		h.log.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
	}
	h.failPageWith(w, r, p, status, f)
}

// failPageWith shows a failure that is known to be safe.
func (h *host) failPageWith(w http.ResponseWriter, r *http.Request, p page, status int, f runs.Failure) {
	p.Title, p.Path = http.StatusText(status), "/"
	data := struct {
		runs.Failure
		Status  int
		Request string
		Back    string // the page with the form that was sent
	}{f, status, w.Header().Get("X-Request-Id"), ""}
	if from, err := url.Parse(r.Referer()); err == nil && r.Method == http.MethodPost && from.Host == r.Host && localPath(from.RequestURI()) {
		data.Back = from.RequestURI()
	}
	p.Data = data
	if err := h.render(w, r, status, "error.html", p); err != nil {
		h.log.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
		monitor.WriteProblem(w, status, f)
	}
}

// switchUser makes the demo's visitor another user.
func (h *host) switchUser(w http.ResponseWriter, r *http.Request) {
	user := r.PostFormValue("user")
	for _, u := range demoUsers {
		if u.ID == user {
			http.SetCookie(w, &http.Cookie{Name: demoCookie, Value: user, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
			break
		}
	}
	to := r.PostFormValue("to")
	if !localPath(to) {
		to = "/"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// localPath reports whether s is a path of this host and nothing that a browser
// would take for another one.
func localPath(s string) bool {
	u, err := url.Parse(s)
	return err == nil && !u.IsAbs() && u.Host == "" && strings.HasPrefix(s, "/") &&
		!strings.HasPrefix(s, "//") && !strings.Contains(s, `\`)
}

func runPath(ref runs.Ref) string {
	return opsBase + "/t/" + url.PathEscape(ref.Tenant) + "/runs/" + url.PathEscape(ref.ID)
}

func itemPath(tenant, kind, id string) string {
	return "/t/" + url.PathEscape(tenant) + "/inventory/items/" + url.PathEscape(kind) + "/" + url.PathEscape(id)
}

// withQuery returns a query with one more parameter, for a link to the same
// page.
func withQuery(q url.Values, name, value string) string {
	next := url.Values{}
	maps.Copy(next, q)
	next.Set(name, value)
	return "?" + next.Encode()
}

// percent is how far a run is, or nil if that is not known.
func percent(r *runs.Run) *int {
	if p, known := r.Counts.Percent(); known && r.Active() {
		return &p
	}
	return nil
}

// when shows a time, which the hub's modules show in the visitor's zone.
func when(t time.Time) template.HTML {
	if t.IsZero() {
		return "–"
	}
	text := t.UTC().Format(time.DateTime)
	return template.HTML(`<time class="ops-time" data-absolute datetime="` + t.UTC().Format(time.RFC3339) + //nolint:gosec // digits
		`" title="` + text + ` UTC">` + text + `</time>`)
}

// links lead from a run to what it was about.
func links(r *runs.Run) []monitor.Link {
	at := "/t/" + url.PathEscape(r.Tenant)
	switch {
	case r.Tenant == runs.SystemTenant:
		return nil
	case r.Target.Kind == kindSet:
		return []monitor.Link{{Label: "Backup set", Address: setPath(r.Tenant, r.Target.ID)}}
	case r.Target.Kind == kindRestore:
		return []monitor.Link{{Label: "Restore", Address: at + "/restores/" + url.PathEscape(r.Target.ID)}}
	case r.Type == inventory.SyncType:
		return []monitor.Link{{Label: "Inventory", Address: at + "/inventory"}, {Label: "Coverage", Address: at + "/inventory/coverage"}}
	case r.Type == directory.SyncType:
		return []monitor.Link{{Label: "Groups", Address: fmt.Sprintf("%s/groups", at)}} // alone, the path would be taken for one of Graph's
	}
	return nil
}
