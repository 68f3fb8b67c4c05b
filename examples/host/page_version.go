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

// A diffData is what differs between two states of an object.
type diffData struct {
	Before, After string // what people call them
	Rows          []row
}

// A row is a difference as people read it. What both values begin and end with is
// apart, unless it is little.
type row struct {
	Where         string
	Start, End    string
	Before, After string // between Start and End
	IDs           string // what the names in it stand for, a line each
	Gone, New     bool   // one of them is not there
}

// trim moves what both values begin and end with out of them.
func (r *row) trim() {
	before, after := []rune(r.Before), []rune(r.After)
	short, start, end := min(len(before), len(after)), 0, 0
	for start < short && before[start] == after[start] {
		start++
	}
	for end < short-start && before[len(before)-1-end] == after[len(after)-1-end] {
		end++
	}
	if 3*(start+end) < short {
		return // they are about something else
	}
	r.Start, r.End = string(before[:start]), string(before[len(before)-end:])
	r.Before, r.After = string(before[start:len(before)-end]), string(after[start:len(after)-end])
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

// readable is a value in lines, if it is long, or as it is if it was cut.
func readable(value string) string {
	var text string
	if json.Unmarshal([]byte(value), &text) == nil {
		return text
	}
	if len(value) < 40 {
		return value
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
		Sets        map[string]string // names by ID, of those that have one of Others
		Content     string
		Assignments string
		With        *backup.Version
		Diff        diffData
		More        bool
	}{Version: &v, Payload: payload, Content: readable(string(payload.Content)), Assignments: readable(string(payload.Assignments))}
	if d.Others, err = h.stores.backups.VersionsOf(r.Context(), p.Tenant, v.Kind, v.Object, 0); err != nil {
		return err
	}
	sets := make([]string, len(d.Others))
	for i, o := range d.Others {
		sets[i] = o.Set
	}
	if d.Sets, err = h.setNames(r.Context(), p.Tenant, sets); err != nil {
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
		d.Diff.Before, d.Diff.After = "The other version", "This version"
		if d.Diff.Rows, d.More, err = diff(before, payload); err != nil {
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
	names := captured(before, after)
	rows := names.rows(changes)
	if before.Assignments == nil || after.Assignments == nil {
		return rows, more, nil
	}
	changes, cut, err := compareForms(contract.NormalizeAssignments, before.Assignments, after.Assignments)
	for _, c := range names.rows(changes) {
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
