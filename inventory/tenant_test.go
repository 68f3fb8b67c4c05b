package inventory_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/runs"
)

func TestDemoTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { testTenant(t, graphtest.DemoTenant(1, 1)) })
}

func TestRealTenant(t *testing.T) {
	doc := realTenant(t)
	synctest.Test(t, func(t *testing.T) {
		w := testTenant(t, doc)
		const all, groups = 393, 87
		if got, want := len(w.items(inventory.Query{})), all-groups; got != want {
			t.Errorf("found %d objects, want %d", got, want)
		}
	})
}

// testTenant syncs a tenant twice and compares the inventory with what the
// server has.
func testTenant(t *testing.T, doc graphtest.Document) *world {
	w := newWorld(t, options{doc: doc})
	run := w.sync(`{}`, runs.OutcomeSucceeded)
	objects := w.served()
	items := w.items(inventory.Query{})
	if got, want := run.Counts.Extra[inventory.CountObjects], int64(len(objects)); got != want {
		t.Errorf("the run counted %d objects, want %d", got, want)
	}
	if got, want := run.Counts.Extra[inventory.CountNew], int64(len(objects)); got != want {
		t.Errorf("the run counted %d new objects, want %d", got, want)
	}
	for ref, doc := range objects {
		if _, ok := items[ref]; !ok {
			t.Errorf("%v is not in the inventory", ref)
			continue
		}
		w.compare(ref, doc)
	}
	if c := w.coverage()["configurationPolicy"]; c.ChildrenRead <= 25*c.Objects/2 || c.ChildrenRead != c.ChildrenExpected {
		t.Errorf("read %d of %d settings of %d policies, want all, of several pages", c.ChildrenRead, c.ChildrenExpected, c.Objects)
	}
	for ref := range items {
		if _, ok := objects[ref]; !ok {
			t.Errorf("%v is in the inventory and not at the server", ref)
		}
	}

	before, links := w.dump(), w.links()
	again := w.sync(`{}`, runs.OutcomeSucceeded)
	if got, want := again.Counts.Extra, map[string]int64{inventory.CountObjects: int64(len(objects)), inventory.CountUnchanged: int64(len(objects))}; !cmp.Equal(want, got) {
		t.Errorf("counts of the second sync:\n%s", cmp.Diff(want, got))
	}
	if diff := cmp.Diff(before, w.dump()); diff != "" {
		t.Errorf("the second sync changed something (-first +second):\n%s", diff)
	}
	if diff := cmp.Diff(links, w.links()); diff != "" {
		t.Errorf("the second sync changed links (-first +second):\n%s", diff)
	}
	for ref, i := range w.items(inventory.Query{}) {
		if i.LastSeenRun != again.ID || !i.LastSeenAt.After(items[ref].LastSeenAt) || i.Missing {
			t.Errorf("%v was last seen at %v by %s, want by the second sync", ref, i.LastSeenAt, i.LastSeenRun)
		}
	}
	return w
}

// served returns what the server has: every object with its children.
func (w *world) served() map[inventory.Ref]json.RawMessage {
	objects := make(map[inventory.Ref]json.RawMessage)
	for _, c := range contract.Collections() {
		switch {
		case c.Singleton:
			w.singleton(objects, c)
		case c.Parent == "":
			w.list(objects, c, c.Path[1:])
		default:
			for _, parent := range w.tenant.IDs(c.Parent[1:]) {
				w.list(objects, c, strings.ReplaceAll(c.Path[1:], "{parent}", parent))
			}
		}
	}
	return objects
}

func (w *world) list(objects map[inventory.Ref]json.RawMessage, c *contract.Collection, path string) {
	for _, id := range w.tenant.IDs(path) {
		doc, err := w.tenant.Get(path, id)
		if err != nil {
			w.t.Fatal(err)
		}
		objects[inventory.Ref{Kind: c.Classify(str(contract.Member(doc, "@odata.type"))).Key, ID: id}] = doc
	}
}

func (w *world) singleton(objects map[inventory.Ref]json.RawMessage, c *contract.Collection) {
	resp, err := w.client.Do(w.t.Context(), graphclient.Request{Path: c.Path})
	if err != nil {
		return // not set up
	}
	ref := inventory.Ref{Kind: c.Types[0].Key, ID: str(contract.Member(resp.Body, "id"))}
	if len(c.Types[0].Lists) == 1 {
		ref.ID = ref.Kind
	}
	objects[ref] = resp.Body
}

// compare compares an item's contents with the object.
func (w *world) compare(ref inventory.Ref, doc json.RawMessage) {
	w.t.Helper()
	typ, _ := contract.Lookup(ref.Kind)
	item := w.get(ref.Kind, ref.ID)
	want, got := members(w.t, typ, doc), members(w.t, typ, item.Content)
	for name, value := range want {
		if diff := cmp.Diff(value, got[name]); diff != "" && !leftOut(ref.Kind, name) {
			w.t.Errorf("%s of %v (-want +got):\n%s", name, ref, diff)
		}
	}
	if item.AssignmentsHash == "" {
		return
	}
	list := normal(w.t, contract.NormalizeAssignments, contract.Member(doc, "assignments"))
	if string(item.Assignments) != list {
		w.t.Errorf("assignments of %v:\n got %s\nwant %s", ref, item.Assignments, list)
	}
}

// leftOut reports whether the contract leaves a member out, or writes it in
// another form than the server's own export does.
func leftOut(kind, name string) bool {
	switch name {
	case "relationships": // items of their own
		return kind == "mobileApp"
	case "categories": // say the same as the settings
		return kind == "intent"
	case "definitionValues": // the export repeats the definitions
		return kind == "groupPolicyConfiguration"
	case "files":
		return kind == "termsOfUseAgreement"
	}
	return strings.HasSuffix(name, "@odata.bind") // read by navigation
}

func members(t *testing.T, typ *contract.Type, doc []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(normal(t, typ.Normalize, doc)), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func normal(t *testing.T, normalize func(dst, doc []byte) ([]byte, error), doc []byte) string {
	t.Helper()
	form, err := normalize(nil, doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(form)
}

func str(value []byte) string { return strings.Trim(string(value), `"`) }

// dump returns everything that the inventory knows, but for when and by which
// run it was last seen.
func (w *world) dump() map[inventory.Ref]inventory.Document {
	w.t.Helper()
	all := make(map[inventory.Ref]inventory.Document)
	for ref := range w.items(inventory.Query{}) {
		doc := w.get(ref.Kind, ref.ID)
		doc.LastSeenAt, doc.LastSeenRun = doc.FirstSeenAt, ""
		all[ref] = doc
	}
	return all
}
