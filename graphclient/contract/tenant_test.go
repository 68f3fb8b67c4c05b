package contract_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// TestTenantIsClassified sorts every object of a real tenant.
func TestTenantIsClassified(t *testing.T) {
	found := map[string]int{}
	for _, o := range tenantObjects(t) {
		typ := contract.Classify(o.path, o.odata)
		if typ == nil {
			t.Errorf("%s is no path of the registry", o.path)
			continue
		}
		found[typ.Key]++
		s, err := typ.Summarize(o.doc)
		if err != nil {
			t.Errorf("%s: %v", typ.Key, err)
		}
		head := decode[map[string]any](t, o.doc)
		if s.ID == "" || s.ID != head["id"] {
			t.Errorf("%s: ID = %q, want %v", typ.Key, s.ID, head["id"])
		}
		if s.Name == "" || s.Name != head[typ.Name] {
			t.Errorf("%s: name = %q, want %v", typ.Key, s.Name, head[typ.Name])
		}
		if s.OData == "" {
			t.Errorf("%s %s: no OData type", typ.Key, s.ID)
		}
		if _, says := head["lastModifiedDateTime"]; says == s.Modified.IsZero() && typ.Category != contract.ConditionalAccess {
			t.Errorf("%s %s: modified %v", typ.Key, s.ID, s.Modified)
		}
		platformless := map[string]bool{"conditionalAccessPolicy": true, "namedLocation": true, "notificationMessageTemplate": true, "enrollmentRestriction": true, "intent": true}
		if (s.Platform == contract.NoPlatform) && !platformless[typ.Key] {
			t.Errorf("%s %s (%s): no platform", typ.Key, s.ID, s.OData)
		}
	}
	for key, want := range map[string]int{
		"configurationPolicy": 124, "conditionalAccessPolicy": 53, "assignmentFilter": 28, "deviceCompliancePolicy": 27,
		"mobileApp": 17, "deviceConfiguration": 13, "updateRing": 6, "customConfiguration": 1, "iosManagedAppProtection": 9,
		"androidManagedAppProtection": 9, "intent": 4, "enrollmentStatusPage": 1, "enrollmentRestriction": 2,
	} {
		if found[key] != want {
			t.Errorf("%d objects are %s, want %d", found[key], key, want)
		}
	}
}

// TestTenantNormalizes compares every object with itself as other answers of
// Graph would show it.
func TestTenantNormalizes(t *testing.T) {
	s := readSchema(t)
	declared := map[string]string{}
	for _, p := range s.Paths {
		declared[p.Path] = p.Type
	}
	for _, o := range tenantObjects(t) {
		typ := contract.Classify(o.path, o.odata)
		form := normalize(t, typ, o.doc)
		if again := normalize(t, typ, form); !bytes.Equal(form, again) {
			t.Errorf("%s: normalizing twice is not normalizing once\n%s", typ.Key, firstDifference(form, again))
		}
		for name, change := range map[string]func(any) any{
			"without annotations": func(v any) any { return s.minimal(v, declared[o.path]) },
			"from another tenant's clock": func(v any) any {
				o := v.(map[string]any)
				o["id"], o["version"], o["lastModifiedDateTime"] = "other", 99, "2031-01-01T00:00:00Z"
				o["assignments"], o["isAssigned"], o["@odata.etag"] = []any{}, true, `W/"1"`
				return o
			},
			"with null for missing": func(v any) any { return nulls(v) },
		} {
			v := decode[any](t, o.doc)
			doc, err := json.Marshal(change(v))
			if err != nil {
				t.Fatal(err)
			}
			if other := normalize(t, typ, doc); !bytes.Equal(form, other) {
				t.Errorf("%s %s: want the same form\n%s", typ.Key, name, firstDifference(form, other))
			}
		}
	}
}

// TestTenantChangesShow changes the name of every object.
func TestTenantChangesShow(t *testing.T) {
	for _, o := range tenantObjects(t) {
		typ := contract.Classify(o.path, o.odata)
		v := decode[map[string]any](t, o.doc)
		v[typ.Name] = v[typ.Name].(string) + "!"
		doc, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(normalize(t, typ, o.doc), normalize(t, typ, doc)) {
			t.Errorf("%s: another name gives the same form", typ.Key)
		}
	}
}

// TestTenantRefers finds the assignments of every object.
func TestTenantRefers(t *testing.T) {
	assigned, tags, wantTags := 0, 0, 0
	for _, o := range tenantObjects(t) {
		typ := contract.Classify(o.path, o.odata)
		refs, warnings := typ.References(o.doc, nil)
		for _, w := range warnings {
			t.Errorf("%s: %s at %s", typ.Key, w.Message, w.Pointer)
		}
		for _, r := range refs {
			if r.Assignment && r.Relation == contract.AssignedTo {
				assigned++
			}
			if r.Relation == contract.ScopedBy {
				tags++
			}
		}
		head := decode[struct{ RoleScopeTagIDs, RoleScopeTags []string }](t, o.doc)
		wantTags += len(head.RoleScopeTagIDs) + len(head.RoleScopeTags)
		for _, id := range groupIDs(decode[any](t, o.assignmentsOrNull())) {
			if !refersTo(refs, contract.TargetGroup, id) {
				t.Errorf("%s: the group %s of an assignment is not among the references", typ.Key, id)
			}
		}
	}
	if assigned != 45 {
		t.Errorf("found %d assignments, want 45", assigned)
	}
	if tags != wantTags || tags == 0 {
		t.Errorf("found %d scope tags, want %d", tags, wantTags)
	}
}

func (o object) assignmentsOrNull() json.RawMessage {
	if o.assignments == nil {
		return json.RawMessage("null")
	}
	return o.assignments
}

func refersTo(refs []contract.Reference, target, id string) bool {
	for _, r := range refs {
		if r.Target == target && r.ID == id {
			return true
		}
	}
	return false
}

// groupIDs returns every groupId in v, whatever it is a part of.
func groupIDs(v any) []string {
	var out []string
	switch v := v.(type) {
	case map[string]any:
		if id, ok := v["groupId"].(string); ok {
			out = append(out, id)
		}
		for _, e := range v {
			out = append(out, groupIDs(e)...)
		}
	case []any:
		for _, e := range v {
			out = append(out, groupIDs(e)...)
		}
	}
	return out
}

// TestTenantRedacts redacts every object: what is left is valid JSON, and
// nothing but secrets is gone.
func TestTenantRedacts(t *testing.T) {
	for _, o := range tenantObjects(t) {
		typ := contract.Classify(o.path, o.odata)
		got, secrets, err := typ.Redact(nil, o.doc)
		if err != nil {
			t.Errorf("%s: %v", typ.Key, err)
			continue
		}
		if !json.Valid(got) {
			t.Errorf("%s: invalid JSON after redaction", typ.Key)
		}
		if len(secrets) > 0 { // those who published the objects have left them out
			t.Errorf("%s: %v is taken for a secret", typ.Key, secrets)
		}
		if !bytes.Equal(normalize(t, typ, got), normalize(t, typ, o.doc)) {
			t.Errorf("%s: redaction changed an object without secrets", typ.Key)
		}
	}
}

func normalize(t testing.TB, typ *contract.Type, doc []byte) []byte {
	t.Helper()
	out, err := typ.Normalize(nil, doc)
	if err != nil {
		t.Fatalf("normalize: %v", err)
	}
	return out
}

// minimal takes away what metadata=minimal does not send: annotations,
// actions, and the types of values that are of the declared type. It goes by
// the metadata, not by the registry.
func (s *schema) minimal(v any, declared string) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = s.minimal(v[i], declared)
		}
	case map[string]any:
		actual := declared
		if name, ok := v["@odata.type"].(string); ok {
			actual = strings.TrimPrefix(name, "#microsoft.graph.")
		}
		out := map[string]any{}
		for k, e := range v {
			if strings.HasPrefix(k, "#") || strings.Contains(k, "@odata.") {
				continue
			}
			p, _ := s.member(actual, k)
			out[k] = s.minimal(e, strings.TrimPrefix(p.Type, "graph."))
		}
		if actual != declared && declared != "" {
			out["@odata.type"] = v["@odata.type"]
		}
		return out
	}
	return v
}

// nulls adds nulls, empty texts and empty arrays to every object.
func nulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = nulls(e)
		}
		v["propertyOfTomorrow"], v["anotherOne"], v["andOne"] = nil, "", []any{}
	case []any:
		for i := range v {
			v[i] = nulls(v[i])
		}
	}
	return v
}

// firstDifference shows where two documents part.
func firstDifference(a, b []byte) string {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	from := max(i-60, 0)
	return fmt.Sprintf("…%s\n…%s", a[from:min(i+80, len(a))], b[from:min(i+80, len(b))])
}
