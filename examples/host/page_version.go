package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore/backup"
)

// A row is a difference as people read it.
type row struct{ Where, Before, After string }

// rowsOf turns changes into rows.
func rowsOf(changes []inventory.Change) []row {
	rows := make([]row, len(changes))
	for i, c := range changes {
		rows[i] = row{where(c.Pointer), readable(c.Before), readable(c.After)}
	}
	return rows
}

// where is a JSON pointer in words: "settings › 3 › value".
func where(pointer string) string {
	if pointer == "" {
		return "everything"
	}
	parts := strings.Split(pointer[1:], "/")
	for i, part := range parts {
		parts[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
	}
	return strings.Join(parts, " › ")
}

// readable is a value in lines, or as it is if it was cut.
func readable(value string) string {
	var text string
	if json.Unmarshal([]byte(value), &text) == nil {
		return text
	}
	var b bytes.Buffer
	if json.Indent(&b, []byte(value), "", "  ") != nil {
		return value
	}
	return b.String()
}

// payload opens a version.
func (h *host) payload(r *http.Request, tenant, id string) (backup.Version, *backup.Payload, error) {
	v, sealed, err := h.stores.backups.GetVersion(r.Context(), tenant, id)
	if err != nil {
		return v, nil, err
	}
	p, err := h.backups.backup.Vault.Open(r.Context(), tenant, v.Ref(), id, sealed)
	return v, p, err
}

// versionPage shows a version of an object, beside another one if the query names
// it.
func (h *host) versionPage(w http.ResponseWriter, r *http.Request, p page) error {
	v, payload, err := h.payload(r, p.Tenant, r.PathValue("version"))
	if err != nil {
		return err
	}
	d := struct {
		Version     *backup.Version
		Payload     *backup.Payload
		Others      []backup.Item
		Content     string
		Assignments string
		With        *backup.Version
		Rows        []row
		More        bool
	}{Version: &v, Payload: payload, Content: readable(string(payload.Content)), Assignments: readable(string(payload.Assignments))}
	if d.Others, err = h.stores.backups.VersionsOf(r.Context(), p.Tenant, v.Kind, v.Object, 0); err != nil {
		return err
	}
	if id := r.URL.Query().Get("with"); id != "" {
		with, before, err := h.payload(r, p.Tenant, id)
		if err != nil {
			return err
		}
		if with.Kind != v.Kind {
			return invalid("Versions of different kinds of objects cannot be compared.")
		}
		d.With = &with
		if d.Rows, d.More, err = diff(before, payload); err != nil {
			return err
		}
	}
	p.Title, p.Data = nameOf(v.Name, v.Object), d
	return h.render(w, r, http.StatusOK, "version.html", p)
}

// diff compares what two versions mean: their normal forms, without what differs
// from one reading to the next.
func diff(before, after *backup.Payload) ([]row, bool, error) {
	t, ok := contract.Lookup(after.Kind)
	if !ok {
		return nil, false, invalid("Nothing is known of this kind of object, so its versions cannot be compared.")
	}
	changes, more, err := compareForms(t.Normalize, before.Content, after.Content)
	if err != nil {
		return nil, false, err
	}
	rows := rowsOf(changes)
	if before.Assignments == nil || after.Assignments == nil {
		return rows, more, nil
	}
	changes, cut, err := compareForms(contract.NormalizeAssignments, before.Assignments, after.Assignments)
	for _, c := range rowsOf(changes) {
		c.Where = "assignments › " + c.Where
		rows = append(rows, c)
	}
	return rows, more || cut, err
}

func compareForms(normalize func(dst, doc []byte) ([]byte, error), before, after []byte) ([]inventory.Change, bool, error) {
	a, err := normalize(nil, before)
	if err != nil {
		return nil, false, fmt.Errorf("normalize: %w", err)
	}
	b, err := normalize(nil, after)
	if err != nil {
		return nil, false, fmt.Errorf("normalize: %w", err)
	}
	return inventory.Diff(a, b)
}
