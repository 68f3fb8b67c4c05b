package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
)

func (h *host) routeAPI(mux *http.ServeMux) {
	mux.Handle(apiBase+"/", http.StripPrefix(apiBase, h.api))
	mux.HandleFunc("POST "+apiBase+"/t/{tenant}/runs", h.api.Viewing(h.startRun))
	inv := "GET " + apiBase + "/t/{tenant}/inventory"
	mux.HandleFunc(inv+"/items", h.api.Viewing(h.listItems))
	mux.HandleFunc(inv+"/items/{kind}/{id}", h.api.Viewing(h.getItem))
	mux.HandleFunc(inv+"/coverage", h.api.Viewing(h.getCoverage))
	mux.HandleFunc(inv+"/links", h.api.Viewing(h.listLinks))
}

// startRun starts a run of any type: 202 for a new one, 200 for one that was
// there already.
func (h *host) startRun(w http.ResponseWriter, r *http.Request, v monitor.Viewer) error {
	var body struct {
		Type   runs.Type       `json:"type"`
		Params json.RawMessage `json:"params"`
	}
	if err := decode(r.Body, &body); err != nil {
		return err
	}
	req := runs.Request{Tenant: v.Tenant, Type: body.Type, Initiator: v.Actor}
	if len(body.Params) > 0 && !bytes.Equal(body.Params, []byte("null")) {
		req.Params = body.Params
	}
	if key := r.Header.Get("Idempotency-Key"); key != "" {
		if len(key) > 255 {
			return runs.Public(runs.ErrInvalid, runs.ReasonInvalidInput, "The Idempotency-Key is longer than 255 bytes.")
		}
		req.Once = runs.OnceFor(v.Actor, key)
	}
	started, err := h.tracker.Start(r.Context(), req)
	if errors.Is(err, runs.ErrDispatchFailed) && started.Run != nil {
		status, f := monitor.StatusOf(err)
		doc := monitor.NewDocument(started.Run, apiBase)
		monitor.WriteProblemLinks(w, status, f, map[string]string{"run": doc.Links["self"], "page": runPath(started.Run.Ref())})
		return nil
	}
	if err != nil {
		return err
	}
	doc := monitor.NewDocument(started.Run, apiBase)
	doc.Links["page"] = runPath(started.Run.Ref())
	status := http.StatusOK
	if started.Created {
		status = http.StatusAccepted
	}
	w.Header().Set("Location", doc.Links["self"])
	monitor.WriteJSON(w, status, map[string]any{"run": doc, "created": started.Created})
	return nil
}

// decode reads one JSON object, strictly.
func decode(body io.Reader, v any) error {
	dec := json.NewDecoder(body)
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil {
		if _, err = dec.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		err = runs.ErrInvalid
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return invalidInput("The body is too large.")
	}
	return invalidInput("The body is not one JSON object of the expected form.")
}

func invalidInput(message string) error {
	return runs.Public(runs.ErrInvalid, runs.ReasonInvalidInput, message)
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
	if page.Items == nil {
		page.Items = []inventory.Item{}
	}
	monitor.WriteJSON(w, http.StatusOK, monitor.List{Data: page.Items, Next: string(page.Next)})
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
	page, err := h.stores.inventory.Links(r.Context(), inventory.LinkQuery{
		Tenant: v.Tenant,
		From:   inventory.Ref{Kind: q.Get("kind"), ID: q.Get("id")},
		After:  runs.Cursor(q.Get("after")),
		Limit:  limit,
	})
	if err != nil {
		return err
	}
	if page.Links == nil {
		page.Links = []inventory.Link{}
	}
	monitor.WriteJSON(w, http.StatusOK, monitor.List{Data: page.Links, Next: string(page.Next)})
	return nil
}
