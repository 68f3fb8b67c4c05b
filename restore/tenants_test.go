package restore_test

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/restore"
)

// realTenant returns the exported tenant that tests are given, if there is one.
func realTenant(t *testing.T) graphtest.Document {
	t.Helper()
	dir := os.Getenv("TENANTATLAS_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data")
	}
	f, err := os.Open(filepath.Join(dir, "tenant", "tenant.json.gz"))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("no exported tenant: ", err)
	}
	defer f.Close()
	doc, err := graphtest.ReadDocument(f)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestRealTenantAfterWipe(t *testing.T) {
	doc := realTenant(t)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, doc)
		known := w.useSchema(doc)
		set := w.backup()
		w.wipe()
		r := w.plan(contoso, set.ID)
		p := w.preview(contoso, r.ID).Preview
		if p.Decisions[restore.Create] < 290 || len(p.Blockers) > 0 {
			t.Errorf("decisions %v, blockers %v, want at least 290 to create, and none", p.Decisions, p.Blockers)
		}
		w.execute(contoso, r.ID)
		for _, v := range w.server.Violations() {
			if !known[v] {
				t.Errorf("a request holds what the metadata does not allow: %s", v)
			}
		}
		for ref, i := range w.items(contoso, r.ID) {
			if i.Decision.Writes() && i.Result != restore.Verified {
				t.Errorf("%v %q: %s, %s %s %s %+v", ref, i.Name, i.Decision, i.Result, i.Reason, i.Message, i.Changes)
			}
		}
	})
}

// useSchema has the bodies of requests compared with Graph's own metadata, and
// returns what the objects hold already that it does not have.
func (w *world) useSchema(doc graphtest.Document) map[string]bool {
	w.t.Helper()
	dir := os.Getenv("TENANTATLAS_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data")
	}
	f, err := os.Open(filepath.Join(dir, "schema", "beta.json.gz"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.server.UseSchema(z); err != nil {
		w.t.Fatal(err)
	}
	known := make(map[string]bool)
	for path, objects := range doc {
		for _, o := range objects {
			typ := contract.Classify("/"+path, odata(o))
			if typ == nil || len(typ.OData) == 0 {
				continue
			}
			for _, v := range w.server.Validate(typ.OData[0], o) {
				known[v] = true
			}
		}
	}
	return known
}

// A tenant can be restored into another one, in which groups, filters and tags
// have other ids.
func TestRestoreElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, graphtest.DemoTenant(1, 1))
		other := w.server.Tenant(fabrikam)
		w.copyTo(other, "groups", func(id string) string { return strings.Repeat("f", 8) + id[8:] })
		w.copyTo(other, "deviceManagement/groupPolicyDefinitions", func(id string) string { return id })
		set := w.importTo(fabrikam, w.backup().ID)
		if set.Origin != contoso {
			t.Errorf("the set is from %q, want %q", set.Origin, contoso)
		}
		r := w.plan(fabrikam, set.ID)
		groups := 0
		for _, m := range r.Mapping {
			if m.Kind == contract.TargetGroup && m.To != "" {
				if groups++; m.To == m.ID {
					t.Errorf("group %s is mapped to itself in another tenant", m.ID)
				}
			}
		}
		if groups == 0 {
			t.Error("no group was mapped by its name")
		}
		if p := w.preview(fabrikam, r.ID).Preview; p.Decisions[restore.Create] < 80 {
			t.Errorf("decisions %v, want at least 80 to create", p.Decisions)
		}
		w.execute(fabrikam, r.ID)
		for ref, i := range w.items(fabrikam, r.ID) {
			if i.Decision.Writes() && i.Result != restore.Verified {
				t.Errorf("%v %q: %s, %s %s %s %+v", ref, i.Name, i.Decision, i.Result, i.Reason, i.Message, i.Changes)
			}
		}
		w.noStrangers(other)

		again := w.plan(fabrikam, set.ID)
		w.preview(fabrikam, again.ID)
		before := w.server.Writes()
		w.execute(fabrikam, again.ID)
		if n := w.server.Writes() - before; n > 0 {
			t.Errorf("a second execution has sent %d writes, want none", n)
		}
	})
}

// copyTo adds what contoso has in a list to another tenant, under other ids.
func (w *world) copyTo(other *graphtest.Tenant, path string, rename func(id string) string) {
	w.t.Helper()
	for _, id := range w.server.Tenant(contoso).IDs(path) {
		doc, err := w.server.Tenant(contoso).Get(path, id)
		if err == nil {
			doc, err = contract.WithMember(nil, doc, "id", []byte(`"`+rename(id)+`"`))
		}
		if err == nil {
			_, err = other.Add(path, doc)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// noStrangers checks that nothing in a tenant is assigned to a group of another.
func (w *world) noStrangers(tenant *graphtest.Tenant) {
	w.t.Helper()
	groups := tenant.IDs("groups")
	for _, path := range tenant.Paths() {
		for _, id := range tenant.IDs(path) {
			doc, err := tenant.Get(path, id)
			if err != nil {
				w.t.Fatal(err)
			}
			typ := contract.Classify("/"+path, odata(doc))
			if typ == nil {
				continue
			}
			refs, _ := typ.References(doc, contract.Member(doc, "assignments"))
			for _, r := range refs {
				if r.Relation == contract.AssignedTo && r.Target == contract.TargetGroup && !slices.Contains(groups, r.ID) {
					w.t.Errorf("an object of %s refers to the group %s, which the tenant does not have", path, r.ID)
				}
			}
		}
	}
}
