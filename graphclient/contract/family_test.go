package contract_test

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// neverListed are types that the metadata does not call abstract, and of which no
// list has an object.
var neverListed = map[string]bool{"namedLocation": true, "whatIfAnalysisResult": true}

// TestSchemaFamilies holds the types of every collection against the metadata.
func TestSchemaFamilies(t *testing.T) {
	type family struct {
		Declared string
		Types    []string
	}
	s := readSchema(t)
	byPath := map[string]string{}
	for _, p := range s.Paths {
		byPath[p.Path] = p.Type
	}
	want, got := map[string]family{}, map[string]family{}
	for _, c := range contract.Collections() {
		base := byPath[strings.ReplaceAll(c.Path, "{parent}", "{id}")]
		f := family{Types: slices.DeleteFunc(s.derived(base), func(name string) bool { return s.Types[name].Abstract || neverListed[name] })}
		if slices.Sort(f.Types); slices.Contains(f.Types, base) {
			f.Declared = base
		}
		if all := s.derived(base); len(all) > 1 && !cmp.Equal(f.Types, []string{base}) {
			want[c.Path] = f
		}
	}
	for _, path := range contract.FamilyPaths() {
		declared, types := contract.Family(path)
		got[path] = family{declared, types}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("types by collection (-want +got):\n%s", diff)
	}
}

func TestSupport(t *testing.T) {
	const all, preview, seen = contract.Restorable, contract.PreviewOnly, contract.InventoryOnly
	for _, tt := range []struct {
		kind, odata string
		want        contract.Support
		says        string
	}{
		{"deviceConfiguration", "#microsoft.graph.windows10GeneralConfiguration", all, ""},
		{"deviceConfiguration", "windows10GeneralConfiguration", all, ""},
		{"deviceConfiguration", "#microsoft.graph.somethingFromNextYear", preview, "this version does not know the type somethingFromNextYear;"},
		{"deviceConfiguration", "#microsoft.graph.deviceConfiguration", preview, "does not know"}, // abstract
		{"deviceConfiguration", "*", preview, "does not know the type;"},
		{"deviceConfiguration", "a type, https://example.com/?", preview, "does not know the type;"},
		{"deviceConfiguration", strings.Repeat("x", 200), preview, "does not know the type;"},
		{"deviceConfiguration", "", preview, "does not say of which type it is"},
		{"customConfiguration", "#microsoft.graph.iosCustomConfiguration", all, ""},
		{"customConfiguration", "#microsoft.graph.fridgeCustomConfiguration", preview, "fridgeCustomConfiguration"},
		{"updateRing", "#microsoft.graph.iosUpdateConfiguration", all, ""},
		{"mobileApp", "#microsoft.graph.winGetApp", all, ""},
		{"mobileApp", "#microsoft.graph.win32LobApp", preview, "the package is encrypted"},
		{"mobileApp", "#microsoft.graph.fridgeApp", preview, "fridgeApp"},
		{"mobileApp", "", preview, "does not say"},
		{"enrollmentRestriction", "#microsoft.graph.deviceEnrollmentLimitConfiguration", all, ""},
		{"enrollmentRestriction", "", preview, "does not say"},
		{"deviceCompliancePolicy", "#microsoft.graph.linuxCompliancePolicy", preview, "linuxCompliancePolicy"},
		// Kinds with one type, which Graph says or not.
		{"configurationPolicy", "#microsoft.graph.deviceManagementConfigurationPolicy", all, ""},
		{"configurationPolicy", "deviceManagementConfigurationPolicy", all, ""},
		{"configurationPolicy", "", all, ""},
		{"configurationPolicy", "#microsoft.graph.deviceManagementConfigurationPolicyV9", preview, "PolicyV9"},
		{"conditionalAccessPolicy", "", all, ""},
		{"conditionalAccessPolicy", "#microsoft.graph.whatIfAnalysisResult", preview, "whatIf"},
		// Collections whose own type is one that objects can be of.
		{"assignmentFilter", "", all, ""},
		{"assignmentFilter", "#microsoft.graph.payloadCompatibleAssignmentFilter", all, ""},
		{"roleDefinition", "", all, ""},
		{"roleDefinition", "#microsoft.graph.roleDefinition", all, ""},
		{"depEnrollmentProfile", "", all, ""},
		{"namedLocation", "#microsoft.graph.serviceTagNamedLocation", all, ""},
		{"namedLocation", "", preview, "does not say"},
		// Kinds that are not restored say so first.
		{"windowsInformationProtection", "#microsoft.graph.somethingFromNextYear", seen, "Microsoft has deprecated it"},
		{"managedEBook", "", preview, "books are bought"},
	} {
		typ, ok := contract.Lookup(tt.kind)
		if !ok {
			t.Fatalf("no kind %s", tt.kind)
		}
		support, reason := typ.Support(tt.odata)
		if support != tt.want || !strings.Contains(reason, tt.says) || (reason == "") != (tt.says == "") {
			t.Errorf("%s of type %q is %s: %q, want %s, and it to say %q", tt.kind, tt.odata, support, reason, tt.want, tt.says)
		}
	}
	if support, reason := contract.Unknown("/deviceManagement/somethingNew").Support("x"); support != seen || reason == "" {
		t.Errorf("an object of an unknown collection is %s: %q, want it to be inventory only, with a reason", support, reason)
	}
}

// TestNamedTypesAreSupported asks for every type that the registry names.
func TestNamedTypesAreSupported(t *testing.T) {
	for typ := range contract.All() {
		for _, name := range typ.OData {
			if support, reason := typ.Support(name); support != typ.Write.Support && !strings.Contains(name, "*") && !excepted(typ, name) {
				t.Errorf("%s of type %s is %s: %s", typ.Key, name, support, reason)
			}
		}
	}
}

func excepted(typ *contract.Type, name string) bool {
	return slices.ContainsFunc(typ.Write.Except, func(e contract.Exception) bool {
		return slices.ContainsFunc(e.OData, func(p string) bool { return matches(p, name) })
	})
}

// TestTenantIsSupported refuses no object of real tenants and no example of
// Microsoft's documentation for its type.
func TestTenantIsSupported(t *testing.T) {
	asked := 0
	check := func(path string, doc []byte) {
		name := strings.TrimPrefix(contract.Text(contract.Member(doc, "@odata.type")), "#microsoft.graph.")
		typ := contract.Classify(path, name)
		if typ == nil || typ.Write.Support != contract.Restorable || excepted(typ, name) {
			return
		}
		s, err := typ.Summarize(doc)
		if err != nil {
			t.Error(err)
		}
		asked++
		if support, reason := typ.Support(s.OData); support != contract.Restorable {
			t.Errorf("%s: an object of type %q is %s: %s", path, name, support, reason)
		}
	}
	for _, o := range tenantObjects(t) {
		check(o.path, o.doc)
	}
	for _, series := range []string{"j0eyv-ca", "oib-2025"} {
		for path, docs := range decode[map[string][]json.RawMessage](t, dataFile(t, "drift/"+series+"/base.tenant.json.gz")) {
			for _, doc := range docs {
				check("/"+path, doc)
			}
		}
	}
	for line := range bytes.Lines(dataFile(t, "examples/msdocs-beta.jsonl.gz")) {
		e := decode[struct {
			Method, URL string
			Body        json.RawMessage
		}](t, line)
		u, err := url.Parse(e.URL)
		if err == nil && e.Method == "POST" && json.Valid(e.Body) {
			check(strings.TrimPrefix(u.Path, "/beta"), e.Body)
		}
	}
	if asked < 400 {
		t.Errorf("looked at %d objects, want all", asked)
	}
}
