package graphtest_test

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

// ofReads are the switches that have nothing to do with writes.
var ofReads = []string{
	"Pages", "BetweenPages", "LinkLifetime", "LinkGone", "HonourTop", "ExpandCap", "Forbidden", "ScopeListFlat", "RefuseCasts",
	"DeltaTokenLifetime", "DeltaBadRequest", "DeltaDuplicates", "PartialIDs", "UnknownEnums", "BatchInOrder", "BatchBase64",
}

// The page on writes has a row for every rule, with its words and its source, and
// for every switch.
func TestPageOnWrites(t *testing.T) {
	text, err := os.ReadFile("../../docs/graph-writes.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for _, r := range graphtest.Rules() {
		if row := "| `" + string(r.Rule) + "` | " + r.Text + " | " + r.Source + " | "; !strings.Contains(page, row) {
			t.Errorf("there is no row that begins %s", row)
		}
	}
	for f := range reflect.TypeFor[graphtest.Quirks]().Fields() {
		if !slices.Contains(ofReads, f.Name) && !strings.Contains(page, f.Name) {
			t.Errorf("there is no row for the switch %s", f.Name)
		}
	}
}
