package main

import (
	"net/http"
	"net/url"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
)

// A tab selects runs by how they are doing.
type tab struct {
	Name, Query string
	Current     bool
}

// runsPage lists the runs of a tenant.
func (h *host) runsPage(w http.ResponseWriter, r *http.Request, p page) error {
	v := r.URL.Query()
	f, err := monitor.ParseQuery(v, p.Actor, time.Now())
	if err != nil {
		return err
	}
	q := f.Query
	q.Tenant = p.Tenant
	list, err := h.tracker.List(r.Context(), q)
	if err != nil {
		return err
	}
	filter := url.Values{}
	for _, name := range []string{"status", "outcome", "type", "initiator"} {
		if s := v.Get(name); s != "" {
			filter.Set(name, s)
		}
	}
	current := filter.Encode()
	tabs := []tab{
		{Name: "All"},
		{Name: "Active", Query: "status=queued%2Crunning"},
		{Name: "Succeeded", Query: "outcome=succeeded"},
		{Name: "Partial", Query: "outcome=partially_succeeded"},
		{Name: "Failed", Query: "outcome=failed"},
	}
	for i := range tabs {
		tabs[i].Current = tabs[i].Query == current
	}
	p.Title = "Operations"
	p.Data = struct {
		Tabs   []tab
		Runs   []*runs.Run
		Labels map[runs.Type]string
		Query  url.Values
		Next   runs.Cursor
		First  bool
	}{tabs, list.Runs, h.labels(), filter, list.Next, q.After == ""}
	for _, run := range list.Runs {
		if run.Active() {
			p.Refresh = 5
		}
	}
	return h.render(w, r, http.StatusOK, "runs.html", p)
}

func (h *host) labels() map[runs.Type]string {
	labels := make(map[runs.Type]string)
	for _, op := range h.tracker.Operations() {
		labels[op.Type] = op.Label
	}
	return labels
}

// runPage shows one run with its items.
func (h *host) runPage(w http.ResponseWriter, r *http.Request, p page) error {
	run, err := h.tracker.Get(r.Context(), runs.Ref{Tenant: p.Tenant, ID: r.PathValue("id")})
	if err != nil {
		return err
	}
	v := r.URL.Query()
	q := runs.ItemQuery{Run: run.Ref(), After: runs.Cursor(v.Get("after"))}
	if o := runs.ItemOutcome(v.Get("outcome")); o != "" {
		q.Outcomes = []runs.ItemOutcome{o}
	}
	items, err := h.tracker.Items(r.Context(), q)
	if err != nil {
		return err
	}
	label, expected := string(run.Type), time.Duration(0)
	for _, op := range h.tracker.Operations() {
		if op.Type == run.Type {
			label, expected = op.Label, op.Expected
		}
	}
	p.Title = label + " " + run.Ref().Short()
	p.Data = struct {
		Run     *runs.Run
		Label   string
		Items   runs.ItemPage
		Outcome string
		Flash   string
		Stale   bool
		JSON    string
	}{run, label, items, v.Get("outcome"), flash(v.Get("started"), label, run), h.stale(run, expected), monitor.NewDocument(run, apiBase).Links["self"]}
	if run.Active() {
		p.Refresh = 2
	}
	return h.render(w, r, http.StatusOK, "run.html", p)
}

// stale reports whether a run takes longer than it should, although its worker
// is alive.
func (h *host) stale(r *runs.Run, expected time.Duration) bool {
	return r.Status == runs.StatusRunning && expected > 0 && time.Since(r.StartedAt) > expected
}

// flash says what became of a start that led to this page.
func flash(started, label string, r *runs.Run) string {
	switch started {
	case "new":
		return label + " queued. It runs in the background."
	case "joined":
		return "This was already under way, started by " + r.Initiator.Name + "."
	default:
		return ""
	}
}
