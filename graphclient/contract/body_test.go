package contract_test

import (
	"strings"
	"testing"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// An id in a body is refused on a create, and on an update it is that of another
// tenant's object. Only an object whose id the caller chooses has one there.
func TestBodiesHoldNoID(t *testing.T) {
	const id = "0c9b8c1e-5f2b-4d0e-9f6a-3f0d8e6d1a11"
	for typ := range contract.All() {
		doc := []byte(`{"@odata.type":"#microsoft.graph.` + typ.OData[0] + `","id":"` + id + `","displayName":"d"}`)
		for name, body := range map[string]func(dst, doc []byte) ([]byte, error){"create": typ.CreateBody, "update": typ.UpdateBody} {
			got, err := body(nil, doc)
			if err != nil {
				t.Errorf("%s: %s: %v", typ.Key, name, err)
				continue
			}
			if want := typ.Write.Shape == contract.WriteUpsert; strings.Contains(string(got), id) != want {
				t.Errorf("%s: %s body %s, want the id in it: %t", typ.Key, name, got, want)
			}
		}
	}
}
