package monitor

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/audit"
)

// verifyTimeout is how long a page waits for a chain to be verified.
const verifyTimeout = 20 * time.Second

// An auditData is what the page of the audit shows.
type auditData struct {
	Entries       []audit.Entry
	Filter        map[string]string // what the form shows
	Hidden        map[string]string // what it keeps
	Events        []audit.Event
	Filtered      bool
	Newest, Older string
	Report        *audit.Report // nil unless it was asked for
	TooLong       bool          // it was, and has taken longer than people wait
	Checkpoint    string
	Verify        string
	Export        string
}

// auditPage lists who did what in a tenant, and verifies it on demand.
func (h *Hub) auditPage(w http.ResponseWriter, r *http.Request, p *page) error {
	if err := h.enterAudit(r, p); err != nil {
		return err
	}
	v := r.URL.Query()
	q, err := parseAuditQuery(v, p.Now)
	if err != nil {
		return err
	}
	q.Tenant = p.Tenant
	list, err := h.cfg.Audit.List(r.Context(), q)
	if err != nil {
		return err
	}
	self := p.Path("audit")
	data := auditData{
		Entries: list.Entries,
		Filter:  map[string]string{"actor": v.Get("actor"), "object": v.Get("object"), "event": v.Get("event")},
		Hidden:  make(map[string]string),
		Events: []audit.Event{
			audit.EventStart, audit.EventJoin, audit.EventRetry, audit.EventCancel, audit.EventClaim, audit.EventPhase, audit.EventAccess,
			audit.EventQueued, audit.EventRunning, audit.EventCompleted, audit.EventPrune,
		},
		Verify: withQuery(self, url.Values{"verify": {"1"}}),
		Export: p.Path("audit.jsonl"),
	}
	for _, name := range []string{"action", "since", "from", "to"} {
		if v.Get(name) != "" {
			data.Hidden[name] = v.Get(name)
		}
	}
	data.Filtered = q != audit.Query{Tenant: q.Tenant, After: q.After, Limit: q.Limit}
	if v.Get("verify") != "" {
		if err := h.verifyAudit(r.Context(), p.Tenant, &data); err != nil {
			return err
		}
		v.Del("verify")
	}
	if list.Next != "" {
		next := maps.Clone(v)
		next.Set("after", string(list.Next))
		if v.Has("since") { // every page of a list has the same beginning
			next.Del("since")
			next.Set("from", q.From.UTC().Format(time.RFC3339))
		}
		data.Older = withQuery(self, next)
	}
	if v.Has("after") {
		v.Del("after")
		data.Newest = withQuery(self, v)
	}
	p.Title, p.Data = p.T("audit.title"), data
	return h.render(w, r, http.StatusOK, "audit", p)
}

// enterAudit asks for the right to see the audit, which few members have.
func (h *Hub) enterAudit(r *http.Request, p *page) error {
	return h.cfg.Authorizer.Authorize(r.Context(), p.Actor, p.Tenant, runs.ActionViewAudit)
}

func (h *Hub) verifyAudit(ctx context.Context, tenant string, data *auditData) error {
	limited, cancel := context.WithTimeout(ctx, verifyTimeout)
	defer cancel()
	report, err := h.cfg.Audit.Verify(limited, tenant)
	switch {
	case err != nil && limited.Err() != nil && ctx.Err() == nil:
		data.TooLong = true
		return nil
	case err != nil:
		return err
	}
	data.Report = &report
	if report.Problem != nil {
		return nil // a checkpoint of it would be no help
	}
	c, err := h.cfg.Audit.Checkpoint(ctx, tenant)
	data.Checkpoint = c.String()
	return err
}

// auditExport sends all entries with their seals.
func (h *Hub) auditExport(w http.ResponseWriter, r *http.Request, p *page) error {
	if err := h.enterAudit(r, p); err != nil {
		return err
	}
	out := &attachment{w: w}
	err := h.cfg.Audit.Export(r.Context(), out, p.Tenant)
	if err != nil && out.begun {
		// The answer cannot be taken back. It begins with the number of the last
		// entry, so whoever verifies it finds that it is not whole.
		h.cfg.Logger.ErrorContext(r.Context(), "export of the audit has ended early", "error", err)
		return nil
	}
	if err == nil {
		out.begin() // also without an entry
	}
	return err
}

// An attachment is an answer that sets its headers when it begins.
type attachment struct {
	w     http.ResponseWriter
	begun bool
}

func (a *attachment) begin() {
	if a.begun {
		return
	}
	a.begun = true
	header := a.w.Header()
	header.Set("Content-Type", "application/jsonl")
	header.Set("Content-Disposition", `attachment; filename="audit.jsonl"`)
	header.Set("Cache-Control", "no-store")
}

func (a *attachment) Write(b []byte) (int, error) {
	a.begin()
	return a.w.Write(b)
}

// parseAuditQuery reads the filters of the audit. A name without a kind is that
// of a user or a run.
func parseAuditQuery(v url.Values, now time.Time) (audit.Query, error) {
	q := audit.Query{
		Event:  audit.Event(v.Get("event")),
		Action: runs.Action(v.Get("action")),
		After:  runs.Cursor(v.Get("after")),
	}
	if s := v.Get("actor"); s != "" {
		kind, id := kindOf(s, string(runs.ActorUser))
		q.Actor = runs.Actor{Kind: runs.ActorKind(kind), ID: id}
	}
	if s := v.Get("object"); s != "" {
		q.Object.Kind, q.Object.ID = kindOf(s, audit.RunObject(runs.Ref{}).Kind)
	}
	var window runs.Query
	if err := parseWindow(&window, v, now); err != nil {
		return q, err
	}
	q.From, q.To, q.Limit = window.From.Truncate(time.Second), window.To, window.Limit
	return q, nil
}

func kindOf(s, usual string) (kind, id string) {
	if kind, id, ok := strings.Cut(s, ":"); ok && kind != "" {
		return kind, id
	}
	return usual, s
}

// A runAudit is what the page of a run shows of the audit.
type runAudit struct {
	Joins int  // requests that joined it
	More  bool // there are more than that
	Href  string
}

// auditOf counts who joined a run, and leads those who may see it to its audit.
// The page of a run is right without it.
func (h *Hub) auditOf(ctx context.Context, p *page, run *runs.Run) (a runAudit) {
	if h.cfg.Audit == nil {
		return a
	}
	var err error
	if a.Joins, a.More, err = h.cfg.Audit.Joins(ctx, run.Ref()); err != nil {
		h.cfg.Logger.WarnContext(ctx, "joins were not counted", "run", run.ID, "error", err)
	}
	if h.cfg.may(ctx, p.Actor, p.Tenant, runs.ActionViewAudit) {
		a.Href = withQuery(p.Path("audit"), url.Values{"object": {run.ID}})
	}
	return a
}
