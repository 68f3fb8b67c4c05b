package contract_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"testing"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// A step is one change of a real tenant's history.
type step struct {
	Changed []struct {
		Path, ID string
		Pointers []struct{ Op, Ptr string }
		After    json.RawMessage
	}
}

// noisePointers are changes that nobody made: what the service counts and
// stamps, annotations, and properties that it began to send.
var noisePointers = regexp.MustCompile(`^/(lastModifiedDateTime|modifiedDateTime|deletedDateTime|settingCount|templateId|partialEnablementStrategy|priorityMetaData|creationSource|version)$` +
	`|^/#|@odata\.|/id$|^/assignments`)

// TestHistory replays the changes of real tenants: a form changes exactly if
// somebody changed the object.
func TestHistory(t *testing.T) {
	for _, series := range []string{"j0eyv-ca", "oib-2025"} {
		t.Run(series, func(t *testing.T) {
			before := map[string]json.RawMessage{}
			for path, docs := range decode[map[string][]json.RawMessage](t, dataFile(t, "drift/"+series+"/base.tenant.json.gz")) {
				for _, doc := range docs {
					before[path+"/"+decode[struct{ ID string }](t, doc).ID] = doc
				}
			}
			history := decode[struct{ Steps []step }](t, dataFile(t, "drift/"+series+"/steps.json.gz"))
			noise, meantToo := 0, 0
			for _, s := range history.Steps {
				for _, c := range s.Changed {
					key := c.Path + "/" + c.ID
					typ := contract.Classify("/"+c.Path, decode[struct {
						OData string `json:"@odata.type"`
					}](t, c.After).OData)
					old := before[key]
					before[key] = c.After
					if typ == nil || old == nil {
						continue // a group, or added in a step before
					}
					changed := !bytes.Equal(normalize(t, typ, old), normalize(t, typ, c.After))
					var meant []string
					for _, p := range c.Pointers {
						addedNull := p.Op == "add" && at(t, string(c.After), p.Ptr) == nil
						if !addedNull && !noisePointers.MatchString(p.Ptr) {
							meant = append(meant, p.Ptr)
						}
					}
					if changed {
						meantToo++
					} else {
						noise++
					}
					if changed != (len(meant) > 0) {
						t.Errorf("%s %s: form changed: %t, by %v", typ.Key, c.ID, changed, meant)
					}
				}
			}
			if meantToo == 0 || noise == 0 {
				t.Errorf("%d changes and %d times noise, want both", meantToo, noise)
			}
		})
	}
}
