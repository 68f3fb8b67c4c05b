package restore_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore"
)

// amiss returns in what the small tenant is not restored: everything is there once
// and as it was, and the journal says so.
func (w *world) amiss(id string, left graphtest.Document) []string {
	w.t.Helper()
	wrong := append(w.once(), w.lies(id, left)...)
	for ref, i := range w.items(contoso, id) {
		if i.Decision.Writes() && i.Result != restore.Verified {
			wrong = append(wrong, fmt.Sprintf("%v is %s (%s, %s), want verified", ref, i.Result, i.Step, i.Message))
		}
	}
	return wrong
}

// lies returns in what the journal is not true: nothing is there that was not left
// and that no intent was stored for, and everything is there of which it says so,
// with the parts and the assignments that it says.
func (w *world) lies(id string, left graphtest.Document) (lies []string) {
	w.t.Helper()
	tenant := w.server.Tenant(contoso)
	items := w.items(contoso, id)
	begun := make(map[string]int) // items by kind
	for ref, i := range items {
		if i.Step == restore.Planned {
			continue
		}
		if i.Decision == restore.Create {
			begun[ref.Kind]++
		}
		if i.Step == restore.Intent || i.Step == restore.Done && i.Result != restore.Verified {
			continue
		}
		if why := w.unlike(items, ref); why != "" {
			lies = append(lies, fmt.Sprintf("the journal says that %v is %s as %s, which %s", ref, i.Step, i.Object, why))
		}
	}
	for path := range small() {
		ids := tenant.IDs(path)
		for _, id := range ids {
			lies = append(lies, w.broad(path, id)...)
		}
		typ := contract.Classify("/"+path, "")
		if typ == nil {
			continue
		}
		if known := len(left[path]) + begun[typ.Key]; len(ids) > known {
			lies = append(lies, fmt.Sprintf("%s has %d objects, and the journal knows of %d", path, len(ids), known))
		}
	}
	return lies
}

// unlike says in what an object is less than the journal says of its item.
func (w *world) unlike(items map[inventory.Ref]restore.Item, ref inventory.Ref) string {
	w.t.Helper()
	i := items[ref]
	typ, _ := contract.Lookup(ref.Kind)
	path := typ.Lists[0].Path[1:]
	is, err := w.server.Tenant(contoso).Get(path, i.Object)
	if err != nil {
		return "is not there"
	}
	var was []byte
	for _, doc := range small()[path] {
		if contract.Text(contract.Member(doc, "id")) == ref.ID {
			was = doc
		}
	}
	filter := items[inventory.Ref{Kind: "assignmentFilter", ID: "f1"}].Object
	was = bytes.ReplaceAll(was, []byte(`"f1"`), []byte(`"`+filter+`"`))
	want, got := wholeForm(w.t, typ, was), wholeForm(w.t, typ, is)
	switch {
	case i.Step != restore.Created && got.Content != want.Content:
		return "is " + got.Content
	case (i.Step == restore.Assigned || i.Step == restore.Done) && got.Assignments != want.Assignments:
		return "is assigned to " + got.Assignments
	}
	return ""
}

// wholeForm is the normal form of an object that the server holds.
func wholeForm(t *testing.T, typ *contract.Type, doc []byte) form {
	t.Helper()
	content, err := typ.Writable(doc)
	if err == nil {
		content, err = typ.Normalize(nil, content)
	}
	assignments := []byte("[]")
	if entries := contract.Member(doc, "assignments"); err == nil && entries != nil {
		if assignments, err = contract.AssignmentBody(nil, entries); err == nil {
			assignments, err = contract.NormalizeAssignments(nil, assignments)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return form{string(content), string(assignments)}
}

// once returns what the tenant has otherwise than once of the small one, and who
// gets more than before.
func (w *world) once() (wrong []string) {
	w.t.Helper()
	for path, want := range small() {
		ids := w.server.Tenant(contoso).IDs(path)
		if len(ids) != len(want) {
			wrong = append(wrong, fmt.Sprintf("%s has %d objects, want %d", path, len(ids), len(want)))
		}
		for _, id := range ids {
			wrong = append(wrong, w.broad(path, id)...)
		}
	}
	return wrong
}

// broad returns whom an object is assigned to but the one group, with its filter.
func (w *world) broad(path, id string) (wrong []string) {
	w.t.Helper()
	doc, err := w.server.Tenant(contoso).Get(path, id)
	if err != nil {
		w.t.Fatal(err)
	}
	var assignments []struct {
		Target target `json:"target"`
	}
	if raw := contract.Member(doc, "assignments"); raw != nil {
		if err := json.Unmarshal(raw, &assignments); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, a := range assignments {
		filtered := a.Target.Filter != "" && a.Target.FilterType == "include" || path != policies
		if a.Target.Type != include || a.Target.Group != "11111111-1111-1111-1111-111111111111" || !filtered {
			wrong = append(wrong, fmt.Sprintf("an object of %s is assigned to %+v", path, a.Target))
		}
	}
	return wrong
}
