package main

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
)

func (h *host) routeAPI(mux *router) {
	mux.Handle(apiBase+"/", mux.orMethods(http.StripPrefix(apiBase, h.api)))
	mux.HandleFunc("POST "+apiBase+"/t/{tenant}/runs", h.api.Viewing(h.startRun))
	inv := "GET " + apiBase + "/t/{tenant}/inventory"
	mux.HandleFunc(inv+"/items", h.api.Viewing(h.listItems))
	mux.HandleFunc(inv+"/items/{kind}/{id}", h.api.Viewing(h.getItem))
	mux.HandleFunc(inv+"/coverage", h.api.Viewing(h.getCoverage))
	mux.HandleFunc(inv+"/links", h.api.Viewing(h.listLinks))
	h.routeGroups(mux)
	h.routeBackups(mux)
	h.routeRestores(mux)
}

// startRun starts a run of any type: 202 for a new one, 200 for one that was
// there already.
func (h *host) startRun(w http.ResponseWriter, r *http.Request, v monitor.Viewer) error {
	var body struct {
		Type   runs.Type       `json:"type"`
		Params json.RawMessage `json:"params"`
	}
	if err := monitor.ReadJSON(r.Body, &body); err != nil {
		return err
	}
	req := runs.Request{Tenant: v.Tenant, Type: body.Type, Initiator: v.Actor}
	if len(body.Params) > 0 && !bytes.Equal(body.Params, []byte("null")) {
		req.Params = body.Params
	}
	var err error
	if req.Once, err = monitor.OnceOf(r, v.Actor); err != nil {
		return err
	}
	started, err := h.queue.Start(r.Context(), req)
	return h.api.WriteStarted(w, r, v, started, err)
}

func (h *host) listItems(w http.ResponseWriter, r *http.Request, v monitor.Viewer) error {
	q := r.URL.Query()
	limit, err := monitor.ParseLimit(q)
	if err != nil {
		return err
	}
	page, err := h.stores.inventory.List(r.Context(), inventory.Query{
		Tenant: v.Tenant,
		Kind:   q.Get("kind"),
		Text:   q.Get("q"),
		After:  runs.Cursor(q.Get("after")),
		Limit:  limit,
	})
	if err != nil {
		return err
	}
	writeList(w, page.Items, page.Next)
	return nil
}

func (h *host) getItem(w http.ResponseWriter, r *http.Request, v monitor.Viewer) error {
	doc, err := h.stores.inventory.Get(r.Context(), v.Tenant, inventory.Ref{Kind: r.PathValue("kind"), ID: r.PathValue("id")}, "")
	if err != nil {
		return err
	}
	monitor.WriteJSON(w, http.StatusOK, doc)
	return nil
}

func (h *host) getCoverage(w http.ResponseWriter, r *http.Request, v monitor.Viewer) error {
	report, err := h.stores.inventory.Coverage(r.Context(), inventory.CoverageQuery{Tenant: v.Tenant, Run: r.URL.Query().Get("run")})
	if err != nil {
		return err
	}
	monitor.WriteJSON(w, http.StatusOK, report)
	return nil
}

func (h *host) listLinks(w http.ResponseWriter, r *http.Request, v monitor.Viewer) error {
	q := r.URL.Query()
	limit, err := monitor.ParseLimit(q)
	if err != nil {
		return err
	}
	from := inventory.Ref{Kind: q.Get("kind"), ID: q.Get("id")}
	if from.Kind == "" || from.ID == "" {
		return runs.Public(runs.ErrInvalid, runs.ReasonInvalidInput, "Links are those of one object. Give its kind and its id.")
	}
	page, err := h.stores.inventory.Links(r.Context(), inventory.LinkQuery{
		Tenant: v.Tenant,
		From:   from,
		After:  runs.Cursor(q.Get("after")),
		Limit:  limit,
	})
	if err != nil {
		return err
	}
	if err := h.find.nameGroups(r.Context(), v.Tenant, page.Links); err != nil {
		return err
	}
	writeList(w, page.Links, page.Next)
	return nil
}

// writeList answers with a page of a list, which may be empty.
func writeList[T any](w http.ResponseWriter, data []T, next runs.Cursor) {
	if data == nil {
		data = []T{}
	}
	monitor.WriteJSON(w, http.StatusOK, monitor.List{Data: data, Next: string(next)})
}
