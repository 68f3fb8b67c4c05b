package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/audit"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
)

const (
	importPath = "/backup-sets/import"
	maxArchive = 256 << 20 // bytes
)

func (h *host) routeBackups(mux *router) {
	const sets = " " + apiBase + "/t/{tenant}/backup-sets"
	mux.HandleFunc("GET"+sets, h.backing(h.listSets))
	mux.HandleFunc("POST"+sets, h.backing(h.createSet))
	mux.HandleFunc("POST "+apiBase+"/t/{tenant}"+importPath, h.backing(h.importSet))
	mux.HandleFunc("GET"+sets+"/{id}", h.backing(h.getSet))
	mux.HandleFunc("DELETE"+sets+"/{id}", h.backing(h.deleteSet))
	mux.HandleFunc("GET"+sets+"/{id}/items", h.backing(h.listSetItems))
	mux.HandleFunc("GET"+sets+"/{id}/certificate", h.backing(h.getCertificate))
	mux.HandleFunc("GET"+sets+"/{id}/export", h.backing(h.exportSet))
}

// backing lets in who may view the tenant, and answers the errors that only
// backups and restores have.
func (h *host) backing(serve func(w http.ResponseWriter, r *http.Request, v monitor.Viewer) error) http.HandlerFunc {
	return h.api.Viewing(func(w http.ResponseWriter, r *http.Request, v monitor.Viewer) error {
		err := serve(w, r, v)
		if status, f, ok := backupProblem(err); ok {
			monitor.WriteProblem(w, status, f)
			return nil
		}
		return err
	})
}

// backupProblem says how an error is answered that [monitor.StatusOf] does not
// know.
func backupProblem(err error) (int, runs.Failure, bool) {
	switch {
	case errors.Is(err, backup.ErrInUse):
		return http.StatusConflict, runs.Failure{Reason: runs.ReasonConflict, Message: "A restore needs this backup set. It can be deleted once nobody does."}, true
	case errors.Is(err, backup.ErrConflict):
		return http.StatusConflict, runs.Failure{Reason: runs.ReasonConflict, Message: "Somebody has changed it meanwhile. Nothing of yours was kept: look at it again, then repeat your change."}, true
	case errors.Is(err, backup.ErrExists):
		return http.StatusConflict, runs.Because(runs.ReasonConflict), true
	case errors.Is(err, backup.ErrArchive):
		return http.StatusBadRequest, runs.Failure{Reason: runs.ReasonInvalidInput, Message: "The archive is not a whole export of a backup set."}, true
	case errors.Is(err, backup.ErrCorrupt):
		return http.StatusUnprocessableEntity, runs.Failure{Reason: backup.ReasonDamaged, Message: "The backup is not what was captured. Nothing is read from it."}, true
	case errors.Is(err, backup.ErrKey):
		return http.StatusServiceUnavailable, runs.Failure{Reason: runs.ReasonUnreachable, Message: "The key of the backups is not available."}, true
	}
	return 0, runs.Failure{}, false
}

// The kinds of what runs are about, and of what is changed by other means; they are
// in runs and in the audit.
const (
	kindSet     = "backup_set"
	kindRestore = "restore"
)

// allow reports why the actor may not do a to the object of a kind that the address
// names, or that is to be made. What is allowed is in the audit then.
func (h *host) allow(r *http.Request, actor runs.Actor, tenant string, a runs.Action, kind string) error {
	return h.authorizer.AuthorizeOn(r.Context(), actor, tenant, a, audit.Object{Kind: kind, ID: r.PathValue("id")})
}

func (h *host) listSets(w http.ResponseWriter, r *http.Request, v monitor.Viewer) error {
	q := r.URL.Query()
	limit, err := monitor.ParseLimit(q)
	if err != nil {
		return err
	}
	page, err := h.stores.backups.ListSets(r.Context(), backup.SetQuery{Tenant: v.Tenant, After: runs.Cursor(q.Get("after")), Limit: limit})
	if err != nil {
		return err
	}
	writeList(w, page.Sets, page.Next)
	return nil
}

func (h *host) createSet(w http.ResponseWriter, r *http.Request, v monitor.Viewer) error {
	if err := h.allow(r, v.Actor, v.Tenant, runs.ActionStart, kindSet); err != nil {
		return err
	}
	var body struct {
		Name        string `json:"name"`
		Description string `json:"description"`
	}
	if err := monitor.ReadJSON(r.Body, &body); err != nil {
		return err
	}
	set, err := backup.NewSet(r.Context(), h.stores.backups, v.Tenant, body.Name, body.Description, v.Actor, time.Now())
	if err != nil {
		return err
	}
	writeCreated(w, v.Tenant, "backup-sets", set.ID, set)
	return nil
}

// writeCreated answers with an object that is new.
func writeCreated(w http.ResponseWriter, tenant, list, id string, object any) {
	w.Header().Set("Location", apiBase+"/t/"+url.PathEscape(tenant)+"/"+list+"/"+url.PathEscape(id))
	monitor.WriteJSON(w, http.StatusCreated, object)
}

func (h *host) getSet(w http.ResponseWriter, r *http.Request, v monitor.Viewer) error {
	set, err := h.stores.backups.GetSet(r.Context(), v.Tenant, r.PathValue("id"))
	if err != nil {
		return err
	}
	monitor.WriteJSON(w, http.StatusOK, set)
	return nil
}

func (h *host) deleteSet(w http.ResponseWriter, r *http.Request, v monitor.Viewer) error {
	if err := h.allow(r, v.Actor, v.Tenant, runs.ActionDeleteSets, kindSet); err != nil {
		return err
	}
	if err := h.backups.backup.Delete(r.Context(), v.Tenant, r.PathValue("id"), v.Actor); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// A setItem is an item with what it lacks.
type setItem struct {
	backup.Item
	Quality []backup.Quality `json:"quality,omitempty"`
}

func (h *host) listSetItems(w http.ResponseWriter, r *http.Request, v monitor.Viewer) error {
	q := r.URL.Query()
	limit, err := monitor.ParseLimit(q)
	if err != nil {
		return err
	}
	set, err := h.stores.backups.GetSet(r.Context(), v.Tenant, r.PathValue("id"))
	if err != nil {
		return err
	}
	page, err := h.stores.backups.ListItems(r.Context(), backup.ItemQuery{
		Tenant: v.Tenant, Set: set.ID, Kind: q.Get("kind"), Text: q.Get("q"), After: runs.Cursor(q.Get("after")), Limit: limit,
	})
	if err != nil {
		return err
	}
	data := make([]setItem, len(page.Items))
	for i, item := range page.Items {
		data[i] = setItem{item, item.Quality()}
	}
	writeList(w, data, page.Next)
	return nil
}

func (h *host) getCertificate(w http.ResponseWriter, r *http.Request, v monitor.Viewer) error {
	c, err := h.certificate(r, v.Tenant, r.PathValue("id"))
	if err != nil {
		return err
	}
	monitor.WriteJSON(w, http.StatusOK, c)
	return nil
}

// certificate returns the certificate of a set. A set without items has none.
func (h *host) certificate(r *http.Request, tenant, set string) (*backup.Certificate, error) {
	sealing, err := h.stores.backups.GetSealing(r.Context(), tenant, set)
	if err != nil {
		return nil, err
	}
	c := new(backup.Certificate)
	if err := json.Unmarshal(sealing.Certificate, c); err != nil {
		return nil, fmt.Errorf("%w: the certificate cannot be read", backup.ErrCorrupt)
	}
	return c, nil
}

// exportSet streams a set as an archive. Once it has begun, an error can be told
// only by breaking off.
func (h *host) exportSet(w http.ResponseWriter, r *http.Request, v monitor.Viewer) error {
	if err := h.allow(r, v.Actor, v.Tenant, runs.ActionExport, kindSet); err != nil {
		return err
	}
	set, err := h.stores.backups.GetSet(r.Context(), v.Tenant, r.PathValue("id"))
	if err != nil {
		return err
	}
	d := &download{ResponseWriter: w, name: set.Name + ".zip"}
	err = backup.Export(r.Context(), h.stores.backups, h.backups.backup.Vault, v.Tenant, set.ID, d)
	if err != nil && d.begun {
		h.log.ErrorContext(r.Context(), "export broke off", "tenant", v.Tenant, "set", set.ID, "error", err)
		panic(http.ErrAbortHandler)
	}
	return err
}

// A download is an answer that takes as long as it takes, if only the client goes
// on reading.
type download struct {
	http.ResponseWriter
	name  string
	begun bool
}

const writeTimeout = time.Minute

func (d *download) Write(b []byte) (int, error) {
	if !d.begun {
		d.begun = true
		d.Header().Set("Content-Type", "application/zip")
		d.Header().Set("Content-Disposition", cmp.Or(mime.FormatMediaType("attachment", map[string]string{"filename": d.name}), "attachment"))
		d.Header().Set("Cache-Control", "no-store")
	}
	// A writer without deadlines has none to move.
	_ = http.NewResponseController(d.ResponseWriter).SetWriteDeadline(time.Now().Add(writeTimeout))
	return d.ResponseWriter.Write(b)
}

// importSet takes an archive over as a set. It is unpacked from a file, so that
// it need not fit into the memory.
func (h *host) importSet(w http.ResponseWriter, r *http.Request, v monitor.Viewer) error {
	if err := h.allow(r, v.Actor, v.Tenant, runs.ActionExport, kindSet); err != nil {
		return err
	}
	if is, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || is != "application/zip" {
		return invalid("An import is an archive of the type application/zip.")
	}
	select {
	case h.backups.turn <- struct{}{}:
		defer func() { <-h.backups.turn }()
	default:
		monitor.WriteProblem(w, http.StatusServiceUnavailable, runs.Failure{Reason: runs.ReasonThrottled, Message: "Another import is under way. Try again later."})
		return nil
	}
	file, err := os.CreateTemp("", "tenantatlas-import-")
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	defer os.Remove(file.Name())
	defer file.Close()
	// The time for a request of the usual size is too short.
	deadlines := http.NewResponseController(w)
	_ = errors.Join(deadlines.SetReadDeadline(time.Now().Add(importTimeout)), deadlines.SetWriteDeadline(time.Now().Add(2*importTimeout)))
	size, err := io.Copy(file, r.Body)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return invalid("The archive is larger than 256 MiB.")
	} else if err != nil {
		return invalid("The archive did not arrive as a whole.")
	}
	set, err := h.backups.backup.Import(r.Context(), v.Tenant, strings.TrimSpace(r.URL.Query().Get("name")), v.Actor, file, size)
	if err != nil {
		return err
	}
	writeCreated(w, v.Tenant, "backup-sets", set.ID, set)
	return nil
}

const importTimeout = 5 * time.Minute

func invalid(message string) error {
	return runs.Public(runs.ErrInvalid, runs.ReasonInvalidInput, message)
}
