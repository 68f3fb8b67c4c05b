package contract_test

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// repositoryRoot is the module's folder as the tests of this package see it.
const repositoryRoot = "../.."

// dataFile opens a file of the folder with real objects and Microsoft's
// schema. Without the folder the test is skipped, in CI it fails.
func dataFile(t testing.TB, name string) []byte {
	t.Helper()
	root := os.Getenv("TENANTATLAS_DATA")
	if root == "" {
		root = filepath.Join(repositoryRoot, "..", "shared", "data")
	}
	f, err := os.Open(filepath.Join(root, name))
	if errors.Is(err, fs.ErrNotExist) && os.Getenv("CI") != "true" {
		t.Skipf("%s is not here; set TENANTATLAS_DATA", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if filepath.Ext(name) == ".gz" {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// decode unmarshals JSON that has to be valid.
func decode[T any](t testing.TB, doc []byte) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(doc, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// An object is one of the real tenant's, with the path it is listed at.
type object struct {
	path, odata string
	doc         json.RawMessage
	assignments json.RawMessage
}

// tenantObjects returns the objects of the real tenant, groups apart.
func tenantObjects(t testing.TB) []object {
	t.Helper()
	var out []object
	for path, docs := range decode[map[string][]json.RawMessage](t, dataFile(t, "tenant/tenant.json.gz")) {
		if path == "groups" {
			continue
		}
		for _, doc := range docs {
			head := decode[struct {
				OData       string          `json:"@odata.type"`
				Assignments json.RawMessage `json:"assignments"`
			}](t, doc)
			out = append(out, object{path: "/" + path, odata: head.OData, doc: doc, assignments: head.Assignments})
		}
	}
	return out
}
