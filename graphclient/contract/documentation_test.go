package contract_test

import (
	"bytes"
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// documented returns the status of every documented POST, by its path with
// ids as "{id}".
func documented(t *testing.T) map[string]int {
	t.Helper()
	ids := regexp.MustCompile(`\{[^}]*\}|[0-9a-f]{8}-[0-9a-f-]{27,}`)
	out := map[string]int{}
	for line := range bytes.Lines(dataFile(t, "examples/msdocs-beta.jsonl.gz")) {
		e := decode[struct {
			Method, URL string
			Status      json.Number
		}](t, line)
		u, err := url.Parse(e.URL)
		status, numErr := e.Status.Int64()
		if e.Method == "POST" && err == nil && numErr == nil {
			out[strings.TrimPrefix(ids.ReplaceAllString(u.Path, "{id}"), "/beta")] = int(status)
		}
	}
	return out
}

// TestDocumentation compares what assigning and other actions answer with
// Microsoft's examples. Those of plain creates and updates are generated and
// often wrong.
func TestDocumentation(t *testing.T) {
	examples := documented(t)
	compared := 0
	compare := func(typ *contract.Type, action string, status int) {
		for _, l := range typ.Lists {
			want, ok := examples[l.Path+"/{id}/"+action]
			if !ok || status == 0 {
				continue
			}
			compared++
			if status != want {
				t.Errorf("%s: %s answers %d, want the documented %d", typ.Key, action, status, want)
			}
		}
	}
	for typ := range contract.All() {
		switch typ.Assign.Shape {
		case contract.AssignReplace, contract.AssignNamed:
			compare(typ, "assign", typ.Assign.Status)
		case contract.AssignOneByOne:
			compare(typ, "assignments", typ.Assign.Status)
		case contract.AssignNone, contract.AssignWithBody:
		}
		for _, a := range typ.Write.Actions {
			compare(typ, a.Path, a.Status)
		}
	}
	if compared < 30 {
		t.Errorf("compared %d actions, want the most of them", compared)
	}
}
