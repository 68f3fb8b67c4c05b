package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
)

func (h *host) routeRestores(mux *router) {
	const restores = " " + apiBase + "/t/{tenant}/restores"
	mux.HandleFunc("GET"+restores, h.backing(h.listRestores))
	mux.HandleFunc("POST"+restores, h.backing(h.createRestore))
	mux.HandleFunc("GET"+restores+"/{id}", h.backing(h.getRestore))
	mux.HandleFunc("PATCH"+restores+"/{id}", h.backing(h.patchRestore))
	mux.HandleFunc("POST"+restores+"/{id}/rerun", h.backing(h.rerunRestore))
	mux.HandleFunc("GET"+restores+"/{id}/items", h.backing(h.listRestoreItems))
}

// A restoreJSON is a restore with what follows from it. A list leaves out the
// mappings.
type restoreJSON struct {
	restore.Restore
	Status  string            `json:"status"`
	Mapping []restore.Mapping `json:"mapping,omitzero"`
}

func jsonOf(r *restore.Restore) restoreJSON { return restoreJSON{*r, r.Status(), r.Mapping} }

func (h *host) listRestores(w http.ResponseWriter, r *http.Request, v monitor.Viewer) error {
	q := r.URL.Query()
	limit, err := monitor.ParseLimit(q)
	if err != nil {
		return err
	}
	page, err := h.stores.restores.List(r.Context(), restore.Query{
		Tenant: v.Tenant, Set: q.Get("backup_set"), After: runs.Cursor(q.Get("after")), Limit: limit,
	})
	if err != nil {
		return err
	}
	data := make([]restoreJSON, len(page.Restores))
	for i := range page.Restores {
		data[i] = jsonOf(&page.Restores[i])
		data[i].Mapping = nil
	}
	writeList(w, data, page.Next)
	return nil
}

func (h *host) createRestore(w http.ResponseWriter, r *http.Request, v monitor.Viewer) error {
	var body struct {
		Set     string `json:"backup_set"`
		Version string `json:"version"`
	}
	if err := monitor.ReadJSON(r.Body, &body); err != nil {
		return err
	}
	doc, err := h.newRestore(r, v, body.Set, body.Version)
	if err != nil {
		return err
	}
	writeRestore(w, http.StatusCreated, doc)
	return nil
}

// newRestore plans a restore of a set, or of one version of an object.
func (h *host) newRestore(r *http.Request, v monitor.Viewer, set, version string) (*restore.Restore, error) {
	if err := h.allow(r, v.Actor, v.Tenant, runs.ActionStart, kindRestore); err != nil {
		return nil, err
	}
	if (set == "") == (version == "") {
		return nil, invalid("Name a backup set, or a version of an object.")
	}
	if version != "" {
		return h.backups.planner.NewOfVersion(r.Context(), v.Tenant, version, v.Actor)
	}
	return h.backups.planner.New(r.Context(), v.Tenant, set, v.Actor)
}

// writeRestore answers with a restore, whose tag is its revision.
func writeRestore(w http.ResponseWriter, status int, doc *restore.Restore) {
	w.Header().Set("ETag", tagOf(doc.Revision))
	if status == http.StatusCreated {
		writeCreated(w, doc.Tenant, "restores", doc.ID, jsonOf(doc))
		return
	}
	monitor.WriteJSON(w, status, jsonOf(doc))
}

func tagOf(revision int64) string { return `"` + strconv.FormatInt(revision, 10) + `"` }

func (h *host) getRestore(w http.ResponseWriter, r *http.Request, v monitor.Viewer) error {
	doc, err := h.stores.restores.Get(r.Context(), v.Tenant, r.PathValue("id"))
	if err != nil {
		return err
	}
	if !monitor.NotModified(w, r, tagOf(doc.Revision)) {
		writeRestore(w, http.StatusOK, doc)
	}
	return nil
}

// patchRestore changes the scope or the mapping. Who says which revision that is
// for, as If-Match or in the body, changes no other one.
func (h *host) patchRestore(w http.ResponseWriter, r *http.Request, v monitor.Viewer) error {
	var patch restore.Patch
	if err := monitor.ReadJSON(r.Body, &patch); err != nil {
		return err
	}
	match := r.Header.Get("If-Match")
	if match != "" && match != "*" {
		revision, err := strconv.ParseInt(strings.Trim(match, `"`), 10, 64)
		if err != nil || revision < 1 || match != tagOf(revision) || patch.Revision != 0 && patch.Revision != revision {
			revision = -1 // a tag that no restore has
		}
		patch.Revision = revision
	}
	doc, err := h.changeRestore(r, v, patch)
	if errors.Is(err, restore.ErrConflict) && match != "" {
		_, f, _ := backupProblem(err)
		monitor.WriteProblem(w, http.StatusPreconditionFailed, f)
		return nil
	}
	if err != nil {
		return err
	}
	writeRestore(w, http.StatusOK, doc)
	return nil
}

// changeRestore changes what the actor has the right to: answers about what
// stands for what need one of their own.
func (h *host) changeRestore(r *http.Request, v monitor.Viewer, patch restore.Patch) (*restore.Restore, error) {
	action := runs.ActionStart
	if len(patch.Mapping) > 0 {
		action = runs.ActionMapGroups
	}
	if err := h.allow(r, v.Actor, v.Tenant, action, kindRestore); err != nil {
		return nil, err
	}
	return h.backups.planner.Change(r.Context(), v.Tenant, r.PathValue("id"), patch, v.Actor)
}

func (h *host) rerunRestore(w http.ResponseWriter, r *http.Request, v monitor.Viewer) error {
	if err := h.allow(r, v.Actor, v.Tenant, runs.ActionStart, kindRestore); err != nil {
		return err
	}
	doc, err := h.backups.planner.Rerun(r.Context(), v.Tenant, r.PathValue("id"), v.Actor)
	if err != nil {
		return err
	}
	writeRestore(w, http.StatusCreated, doc)
	return nil
}

func (h *host) listRestoreItems(w http.ResponseWriter, r *http.Request, v monitor.Viewer) error {
	limit, err := monitor.ParseLimit(r.URL.Query())
	if err != nil {
		return err
	}
	q, err := itemQuery(r.URL.Query())
	if err != nil {
		return err
	}
	doc, err := h.stores.restores.Get(r.Context(), v.Tenant, r.PathValue("id"))
	if err != nil {
		return err
	}
	q.Tenant, q.Restore, q.Limit = v.Tenant, doc.ID, limit
	page, err := h.stores.restores.Items(r.Context(), q)
	if err != nil {
		return err
	}
	writeList(w, page.Items, page.Next)
	return nil
}

// decisions and results are what items can be filtered by.
func decisions() []restore.Decision {
	return []restore.Decision{
		restore.Create, restore.Update, restore.Unchanged, restore.Skip, restore.Conflict, restore.Blocked, restore.NeedsInput, restore.Ambiguous,
	}
}

func results() []restore.Result {
	return []restore.Result{
		restore.Verified, restore.Differs, restore.Unverified, restore.Same, restore.Skipped,
		restore.Conflicted, restore.Unclear, restore.Waiting, restore.Failed,
	}
}

// itemQuery reads the filters of the items of a restore.
func itemQuery(v url.Values) (q restore.ItemQuery, err error) {
	q.Kind, q.After = v.Get("kind"), runs.Cursor(v.Get("after"))
	if q.Decisions, err = choices(v, "decision", decisions()); err != nil {
		return q, err
	}
	q.Results, err = choices(v, "result", results())
	return q, err
}

// choices returns the values of a parameter, which are lists with commas.
func choices[T ~string](v url.Values, name string, known []T) ([]T, error) {
	var all []T
	for _, list := range v[name] {
		for s := range strings.SplitSeq(list, ",") {
			switch {
			case s == "":
			case !slices.Contains(known, T(s)):
				return nil, invalid(fmt.Sprintf("The parameter %s has an unknown value.", name))
			default:
				all = append(all, T(s))
			}
		}
	}
	return all, nil
}
