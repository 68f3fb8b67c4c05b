package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/runs"
)

// startSync starts a sync of everything and leads to its run.
func (h *host) startSync(w http.ResponseWriter, r *http.Request, p page) error {
	return h.start(w, r, p, inventory.SyncType, inventory.Selection{}, "")
}

// active is a run of the type that has not ended, nil if there is none.
func (h *host) active(r *http.Request, tenant string, typ runs.Type) (*runs.Run, error) {
	list, err := h.tracker.List(r.Context(), runs.Query{
		Tenant: tenant, Types: []runs.Type{typ}, Statuses: []runs.Status{runs.StatusQueued, runs.StatusRunning}, Limit: 1,
	})
	if err != nil || len(list.Runs) == 0 {
		return nil, err
	}
	return list.Runs[0], nil
}

// inventoryPage lists items.
func (h *host) inventoryPage(w http.ResponseWriter, r *http.Request, p page) error {
	v := r.URL.Query()
	q := inventory.Query{
		Tenant:  p.Tenant,
		Kind:    v.Get("kind"),
		Text:    v.Get("q"),
		Missing: v.Get("missing") != "",
		After:   runs.Cursor(v.Get("after")),
	}
	list, err := h.stores.inventory.List(r.Context(), q)
	if err != nil {
		return err
	}
	report, err := h.report(r, p.Tenant)
	if err != nil {
		return err
	}
	active, err := h.active(r, p.Tenant, inventory.SyncType)
	if err != nil {
		return err
	}
	filter := url.Values{}
	for _, name := range []string{"kind", "q", "missing"} {
		if s := v.Get(name); s != "" {
			filter.Set(name, s)
		}
	}
	p.Title = "Inventory"
	data := struct {
		Items  []inventory.Item
		Titles map[string]string
		Kinds  []*contract.Type
		Query  url.Values
		Next   runs.Cursor
		First  bool
		Report inventory.Report
		Failed int
		Active *runs.Run
	}{Items: list.Items, Titles: titles(), Query: filter, Next: list.Next, First: q.After == "", Report: report, Active: active}
	for t := range contract.All() {
		data.Kinds = append(data.Kinds, t)
	}
	for _, c := range report.Kinds {
		if c.Status == runs.ItemFailed {
			data.Failed++
		}
	}
	p.Data = data
	return h.render(w, r, http.StatusOK, "inventory.html", p)
}

// report is the coverage of the sync that finished last; a zero one if none
// did.
func (h *host) report(r *http.Request, tenant string) (inventory.Report, error) {
	report, err := h.stores.inventory.Coverage(r.Context(), inventory.CoverageQuery{Tenant: tenant})
	if errors.Is(err, runs.ErrNotFound) {
		return inventory.Report{}, nil
	}
	return report, err
}

func titles() map[string]string {
	titles := make(map[string]string)
	for t := range contract.All() {
		titles[t.Key] = t.Title
	}
	return titles
}

// coveragePage says how complete the latest sync was.
func (h *host) coveragePage(w http.ResponseWriter, r *http.Request, p page) error {
	report, err := h.report(r, p.Tenant)
	if err != nil {
		return err
	}
	p.Title = "Coverage"
	p.Data = struct {
		Report inventory.Report
		Titles map[string]string
	}{report, titles()}
	return h.render(w, r, http.StatusOK, "coverage.html", p)
}

// usersShown is how many of those that use an item its page shows.
const usersShown = 50

// itemPage shows one item with its content and what it is linked to.
func (h *host) itemPage(w http.ResponseWriter, r *http.Request, p page) error {
	ref := inventory.Ref{Kind: r.PathValue("kind"), ID: r.PathValue("id")}
	doc, err := h.stores.inventory.Get(r.Context(), p.Tenant, ref, "")
	if err != nil {
		return err
	}
	links, err := h.stores.inventory.Links(r.Context(), inventory.LinkQuery{Tenant: p.Tenant, From: ref, Limit: runs.MaxLimit})
	if err != nil {
		return err
	}
	users, err := h.stores.inventory.Links(r.Context(), inventory.LinkQuery{Tenant: p.Tenant, To: ref, Limit: usersShown})
	if err != nil {
		return err
	}
	usedBy, err := h.find.nameUsers(r.Context(), p.Tenant, users.Links)
	if err != nil {
		return err
	}
	if err := h.find.nameGroups(r.Context(), p.Tenant, links.Links); err != nil {
		return err
	}
	title := ref.Kind
	if t, ok := contract.Lookup(ref.Kind); ok {
		title = t.Title
	}
	var content bytes.Buffer
	if err := json.Indent(&content, doc.Content, "", "  "); err != nil {
		return fmt.Errorf("show %s: %w", ref.Kind, err)
	}
	p.Title = doc.Name
	if p.Title == "" {
		p.Title = title
	}
	p.Data = struct {
		Item           inventory.Item
		Kind           string
		Content        string
		Links          []inventory.Link
		UsedBy         []user
		More           bool // than UsedBy
		HasAssignments bool
	}{doc.Item, title, content.String(), links.Links, usedBy, users.Next != "", len(doc.Assignments) > 0}
	return h.render(w, r, http.StatusOK, "item.html", p)
}
