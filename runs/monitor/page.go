package monitor

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

//go:embed templates
var templateFiles embed.FS

func parseTemplates() (*template.Template, error) {
	t, err := template.ParseFS(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse templates: %w", err)
	}
	return t, nil
}

// A Frame is a page of the hub without the document around it, for
// [Config].Layout. Its parts are finished HTML.
type Frame struct {
	Status  int    // of HTTP; it has been written when Layout is called
	Title   string // plain text
	Lang    string // for the attribute lang of the document
	Section string // which entry of Nav is current: "runs", "notifications", …; may be empty
	Tenant  string // empty on pages of no tenant
	Actor   runs.Actor

	Head    template.HTML // for the end of the head: style sheet and module
	Nav     template.HTML // the hub's own navigation with the bell
	Main    template.HTML // the content, for a <main id="main">
	Widgets template.HTML // for the end of the body
}

// A page is what every template gets.
type page struct {
	Base    string // what paths begin with
	Lang    string
	Title   string
	Section string
	Tenant  string
	Tenants []string
	Actor   runs.Actor
	Inbox   bool // there are notifications
	Unread  int  // up to unreadLimit
	Now     time.Time
	Data    any

	Audit bool // there is one, which the actor may see

	hub *Hub
}

// unreadLimit is how far unread notes are counted.
const unreadLimit = 100

func (h *Hub) newPage(r *http.Request) *page {
	wished := ""
	if h.cfg.Language != nil {
		wished = h.cfg.Language(r)
	}
	return &page{
		Base:  basePath(r),
		Lang:  h.languages.choose(wished, r),
		Now:   h.cfg.Now().UTC(),
		Inbox: h.cfg.Inbox != nil,
		hub:   h,
	}
}

// T is a message in the language of the page.
func (p *page) T(key string, args ...any) string { return p.hub.languages.text(p.Lang, key, args...) }

// Asset is the address of a file of the hub; empty if there is none.
func (p *page) Asset(name string) string {
	if path := p.hub.assets.path(name); path != "" {
		return p.Base + path
	}
	return ""
}

// Path is the address of a page of the tenant.
func (p *page) Path(parts ...string) string {
	var path strings.Builder
	path.WriteString(p.Base + "/t/" + url.PathEscape(p.Tenant))
	for _, part := range parts {
		path.WriteString("/" + url.PathEscape(part))
	}
	return path.String()
}

// Global is the address of a page of no tenant, with the way back.
func (p *page) Global(name string) string {
	if p.Tenant == "" {
		return p.Base + "/" + name
	}
	return p.Base + "/" + name + "?tenant=" + url.QueryEscape(p.Tenant)
}

// Dir is the address of the tenant's first page.
func (p *page) Dir() string { return p.Path() + "/" }

// Words are the messages that the modules show, as JSON.
func (p *page) Words() (string, error) {
	b, err := json.Marshal(p.hub.languages.some(p.Lang, "js.", "status.", "trouble.", "ago.", "span."))
	return string(b), err
}

// render writes a page. It is buffered, so that an error in the middle does not
// leave half of one.
func (h *Hub) render(w http.ResponseWriter, r *http.Request, status int, name string, p *page) error {
	var err error
	if p.Tenants, err = h.tenants(r.Context(), p.Actor); err != nil && status < http.StatusBadRequest {
		return err
	}
	p.Audit = h.cfg.Audit != nil && p.Tenant != "" && h.cfg.may(r.Context(), p.Actor, p.Tenant, runs.ActionViewAudit)
	h.countUnread(r, p)
	f := Frame{Status: status, Title: p.Title, Lang: p.Lang, Section: p.Section, Tenant: p.Tenant, Actor: p.Actor}
	for name, part := range map[string]*template.HTML{"head": &f.Head, "nav": &f.Nav, name: &f.Main, "widgets": &f.Widgets} {
		if *part, err = h.execute(name, p); err != nil {
			return err
		}
	}
	var b bytes.Buffer
	if h.cfg.Layout != nil {
		err = h.cfg.Layout(&b, r, f)
	} else {
		err = h.templates.ExecuteTemplate(&b, "document", struct {
			Frame
			Skip string
		}{f, p.T("nav.skip")})
	}
	if err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", p.Lang)
	w.Header().Set("Cache-Control", "no-store")
	body := compressed(w, r, b.Bytes())
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone cannot be told
	return nil
}

func (h *Hub) execute(name string, p *page) (template.HTML, error) {
	var b bytes.Buffer
	if err := h.templates.ExecuteTemplate(&b, name, p); err != nil {
		return "", fmt.Errorf("render %s: %w", name, err)
	}
	return template.HTML(b.String()), nil //nolint:gosec // html/template made it
}

// Parts are what a page of the host needs to show what runs. Each is finished
// HTML.
type Parts struct {
	Head    template.HTML // for the end of the head: style sheet and module
	Bell    template.HTML // the link to the notifications with their number; empty without an inbox
	Widgets template.HTML // for the end of the body: the progress of runs; empty without a tenant
}

// Embed returns the parts for a page of the host that answers r. base is where
// the hub is mounted. tenant is the one whose runs are shown, or empty; the
// caller has checked that the actor may view it.
func (h *Hub) Embed(r *http.Request, base string, actor runs.Actor, tenant string) (Parts, error) {
	p := h.newPage(r)
	p.Base, p.Actor, p.Tenant = base, actor, tenant
	h.countUnread(r, p)
	var parts Parts
	var err error
	if parts.Head, err = h.execute("head", p); err == nil {
		parts.Widgets, err = h.execute("widgets", p)
	}
	if err == nil && p.Inbox && actor.Valid() {
		parts.Bell, err = h.execute("bell", p)
	}
	return parts, err
}

// countUnread counts the actor's notes. The count decorates a page; without it
// the page is still right.
func (h *Hub) countUnread(r *http.Request, p *page) {
	if !p.Inbox || !p.Actor.Valid() {
		return
	}
	var err error
	if p.Unread, err = h.cfg.Inbox.Unread(r.Context(), p.Actor, unreadLimit); err != nil {
		h.cfg.Logger.WarnContext(r.Context(), "unread notes were not counted", "error", err)
	}
}
