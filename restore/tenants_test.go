package restore_test

import (
	"compress/gzip"
	"os"
	"path/filepath"
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
		w.wipe(contoso)
		r := w.plan(contoso, set.ID)
		p := w.preview(contoso, r.ID).Preview
		t.Logf("decisions %v, blockers %v", p.Decisions, p.Blockers)
		w.execute(contoso, r.ID)
		for _, v := range w.server.Violations() {
			if !known[v] {
				t.Errorf("a request holds what the metadata does not allow: %s", v)
			}
		}
		n := 0
		for ref, i := range w.items(contoso, r.ID) {
			if i.Decision.Writes() && i.Result != restore.Verified {
				t.Errorf("%v %q: %s, %s %s %s %+v", ref, i.Name, i.Decision, i.Result, i.Reason, i.Message, i.Changes)
			}
			if !i.Decision.Writes() && n < 20 {
				n++
				t.Logf("%v %q: %s %s", ref, i.Name, i.Decision, i.Reason)
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
