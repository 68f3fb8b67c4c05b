package main

import (
	"net/http"
	"net/url"
	"time"

	"github.com/tenantatlas/tenantatlas/inventory/directory"
	"github.com/tenantatlas/tenantatlas/runs"
)

func (h *host) routeGroupPages(mux *router) {
	mux.HandleFunc("GET /t/{tenant}/groups", h.viewing(h.groupsPage))
	mux.HandleFunc("POST /t/{tenant}/groups/sync", h.viewing(h.startGroupSync))
	mux.HandleFunc("GET /t/{tenant}/access", h.viewing(h.accessPage))
	mux.HandleFunc("POST /t/{tenant}/access/signin", h.viewing(h.signInPage))
	mux.HandleFunc("POST /t/{tenant}/access/signout", h.viewing(h.signOutPage))
}

// startGroupSync starts a sync of the groups and leads to its run.
func (h *host) startGroupSync(w http.ResponseWriter, r *http.Request, p page) error {
	return h.start(w, r, p, directory.SyncType, struct{}{}, "")
}

// groupsPage lists the groups of the cache.
func (h *host) groupsPage(w http.ResponseWriter, r *http.Request, p page) error {
	v := r.URL.Query()
	q := directory.Query{Tenant: p.Tenant, Text: v.Get("q"), After: runs.Cursor(v.Get("after"))}
	list, err := h.stores.directory.List(r.Context(), q)
	if err != nil {
		return err
	}
	state, err := h.stores.directory.State(r.Context(), p.Tenant)
	if err != nil {
		return err
	}
	active, err := h.active(r, p.Tenant, directory.SyncType)
	if err != nil {
		return err
	}
	filter := url.Values{}
	if q.Text != "" {
		filter.Set("q", q.Text)
	}
	now := time.Now()
	var groups []groupJSON
	for _, g := range list.Groups {
		groups = append(groups, groupJSON{g, g.Stale(now)})
	}
	p.Title, p.Section = "Groups", "groups"
	p.Data = struct {
		Groups   []groupJSON
		Query    url.Values
		Next     runs.Cursor
		First    bool
		SyncedAt time.Time
		Stale    bool // nobody has synced for long
		Active   *runs.Run
	}{
		groups, filter, list.Next, q.After == "", state.SyncedAt,
		!state.SyncedAt.IsZero() && now.Sub(state.SyncedAt) >= directory.StaleAfter, active,
	}
	return h.render(w, r, http.StatusOK, "groups.html", p)
}
