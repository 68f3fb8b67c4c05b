package contract_test

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// A schema is Microsoft's metadata of the beta version.
type schema struct {
	Types map[string]*schemaType `json:"types"`
	Paths []struct {
		Path       string `json:"path"`
		Type       string `json:"type"`
		Collection bool   `json:"collection"`
	} `json:"paths"`
	Operations []struct {
		Name   string  `json:"name"`
		Bind   string  `json:"bind"`
		Params []param `json:"params"`
	} `json:"operations"`
}

type param struct {
	Name string `json:"name"`
}

type schemaType struct {
	Kind       string
	Base       string
	Abstract   bool
	Properties map[string]schemaProperty
	Nav        map[string]schemaProperty
}

type schemaProperty struct {
	Type       string
	Collection bool
}

func readSchema(t *testing.T) *schema {
	t.Helper()
	s := decode[schema](t, dataFile(t, "schema/beta.json.gz"))
	return &s
}

// isA reports whether a type is base or derives from it.
func (s *schema) isA(name, base string) bool {
	for name != "" {
		if name == base {
			return true
		}
		typ, ok := s.Types[name]
		if !ok {
			return false
		}
		name = typ.Base
	}
	return false
}

// derived returns base and the types that derive from it.
func (s *schema) derived(base string) []string {
	var out []string
	for name := range s.Types {
		if s.isA(name, base) {
			out = append(out, name)
		}
	}
	return out
}

// member returns a property or navigation of a type, its own or inherited.
func (s *schema) member(name, member string) (schemaProperty, bool) {
	for name != "" && s.Types[name] != nil {
		if p, ok := s.Types[name].Properties[member]; ok {
			return p, true
		}
		if p, ok := s.Types[name].Nav[member]; ok {
			return p, true
		}
		name = s.Types[name].Base
	}
	return schemaProperty{}, false
}

// absent are the types and paths of the registry that the metadata does not
// have, and why.
var absent = map[string]string{
	"managementCondition":       "retired",
	"termsOfUseAgreement":       "not among the roots of the copy at hand",
	"inventoryPolicy":           "newer than the metadata",
	"officeClientConfiguration": "no longer in the metadata",
	"cloudPcProvisioningPolicy": "not among the roots of the copy at hand",
}

func TestSchemaHasTheTypes(t *testing.T) {
	s := readSchema(t)
	for typ := range contract.All() {
		for _, pattern := range typ.OData {
			found := false
			for name := range s.Types {
				found = found || matches(pattern, name)
			}
			if _, exempt := absent[typ.Key]; found == exempt {
				t.Errorf("%s: the metadata has %s: %t, want %t", typ.Key, pattern, found, !exempt)
			}
		}
	}
}

// matches is a second, slower opinion on patterns.
func matches(pattern, name string) bool {
	ok, err := filepath.Match(pattern, name)
	return err == nil && ok
}

func TestSchemaHasThePaths(t *testing.T) {
	s := readSchema(t)
	byPath := map[string]string{}
	for _, p := range s.Paths {
		byPath[p.Path] = p.Type
	}
	for _, c := range contract.Collections() {
		base, ok := byPath[strings.ReplaceAll(c.Path, "{parent}", "{id}")]
		if _, exempt := absent[c.Types[0].Key]; exempt || c.Types[0].Key == "deviceManagementSettings" {
			continue // those settings are a property, not a path
		}
		if !ok {
			t.Errorf("%s (%s) is no path of the metadata", c.Path, c.Types[0].Key)
			continue
		}
		// Every concrete type of the path has a type of the registry that
		// knows it by name.
		for _, name := range s.derived(base) {
			typ := c.Classify(name)
			known := slices.ContainsFunc(typ.OData, func(p string) bool { return matches(p, name) })
			if !known && !s.Types[name].Abstract && !looselyAbstract[name] {
				t.Errorf("%s: %s is not among the types of %s", c.Path, name, typ.Key)
			}
		}
	}
}

// looselyAbstract are types that the metadata does not call abstract and of
// which there are no objects.
var looselyAbstract = map[string]bool{
	"mobileApp": true, "mobileLobApp": true, "managedApp": true, "managedMobileLobApp": true, "mobileAppRelationship": true,
	"deviceCompliancePolicy": true, "deviceEnrollmentConfiguration": true, "windowsAutopilotDeploymentProfile": true,
	"enrollmentProfile": true, "depEnrollmentBaseProfile": true, "namedLocation": true, "managedEBook": true,
	"managedDeviceMobileAppConfiguration": true, "deviceManagementResourceAccessProfileBase": true,
	"roleDefinition": true, "roleAssignment": true, "windowsInformationProtection": true, "targetedManagedAppProtection": true,
	"whatIfAnalysisResult": true, "privateLinkNamedLocation": true, "serviceTagNamedLocation": true,
}

func TestSchemaHasTheNamesAndChildren(t *testing.T) {
	s := readSchema(t)
	for typ := range contract.All() {
		if _, exempt := absent[typ.Key]; exempt {
			continue
		}
		for _, name := range concrete(s, typ) {
			for _, l := range typ.Lists {
				property := l.Name
				if property == "" {
					property = typ.Name
				}
				if _, ok := s.member(name, property); !ok && property != "" && len(typ.Lists) == 1 {
					t.Errorf("%s: %s has no property %s", typ.Key, name, property)
				}
			}
			for _, c := range typ.ChildrenOf(name) {
				p, ok := s.member(name, c.Name)
				if !ok {
					t.Errorf("%s: %s has no child %s", typ.Key, name, c.Name)
				}
				if ok && p.Collection == c.Single {
					t.Errorf("%s: child %s of %s is a collection: %t", typ.Key, c.Name, name, p.Collection)
				}
				if c.Count != "" {
					if _, ok := s.member(name, c.Count); !ok {
						t.Errorf("%s: %s has no property %s", typ.Key, name, c.Count)
					}
				}
			}
		}
	}
}

// concrete returns the types of the metadata that typ is for.
func concrete(s *schema, typ *contract.Type) []string {
	var out []string
	for name, st := range s.Types {
		if st.Kind == "entity" && !st.Abstract && slices.ContainsFunc(typ.OData, func(p string) bool { return p != "*" && matches(p, name) }) {
			if !strings.Contains(typ.OData[0], "*") || s.isA(name, "deviceConfiguration") || s.isA(name, "mobileApp") {
				out = append(out, name)
			}
		}
	}
	return out
}

// TestSchemaNavigations finds the references of configuration profiles that
// the registry would lose.
func TestSchemaNavigations(t *testing.T) {
	s := readSchema(t)
	for _, name := range s.derived("deviceConfiguration") {
		if s.Types[name].Abstract {
			continue
		}
		typ := contract.Classify("/deviceManagement/deviceConfigurations", name)
		var got []string
		for _, c := range typ.ChildrenOf(name) {
			if c.Name != "privacyAccessControls" {
				got = append(got, c.Name)
			}
		}
		want := references(s, name)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s (%s) has the navigations %v, want %v", name, typ.Key, got, want)
		}
	}
}

// references returns the navigations of a type that lead to other objects.
func references(s *schema, name string) []string {
	found := map[string]bool{}
	for ; name != "" && name != "deviceConfiguration"; name = s.Types[name].Base {
		for nav, p := range s.Types[name].Nav {
			target := strings.TrimPrefix(p.Type, "graph.")
			if s.isA(target, "deviceConfiguration") || target == "deviceManagementDerivedCredentialSettings" {
				found[nav] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// TestSchemaAssigns compares the name of the array in an assign request with
// the action's parameters.
func TestSchemaAssigns(t *testing.T) {
	s := readSchema(t)
	compared := 0
	for typ := range contract.All() {
		if typ.Assign.Shape != contract.AssignReplace && typ.Assign.Shape != contract.AssignNamed {
			continue
		}
		for _, name := range concrete(s, typ) {
			for _, op := range s.Operations {
				if op.Name != "assign" || !s.isA(name, op.Bind) {
					continue
				}
				compared++
				if !slices.ContainsFunc(op.Params, func(p param) bool { return p.Name == typ.Assign.Body }) {
					t.Errorf("%s: assign of %s has the parameters %v, not %s", typ.Key, name, op.Params, typ.Assign.Body)
				}
			}
		}
	}
	if compared < 100 {
		t.Errorf("compared %d concrete types with their action, want most of them", compared)
	}
}

// TestSchemaActions does the same for the other actions.
func TestSchemaActions(t *testing.T) {
	s := readSchema(t)
	for typ := range contract.All() {
		for _, a := range typ.Write.Actions {
			if strings.Contains(a.Path, "/") || a.Path == "localizedNotificationMessages" || a.Path == "combinationConfigurations" ||
				a.Path == "updateAllowedCombinations" {
				continue // collections, and an action that the copy at hand lacks
			}
			var params [][]string
			for _, op := range s.Operations {
				if op.Name == a.Path {
					var names []string
					for _, p := range op.Params {
						names = append(names, p.Name)
					}
					params = append(params, names)
				}
			}
			want := append([]string{a.Body}, a.With...)
			if a.Body == "" {
				want = nil
			}
			if !slices.ContainsFunc(params, func(names []string) bool {
				return !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(names, w) })
			}) {
				t.Errorf("%s: %s takes %v in no version of the action: %v", typ.Key, a.Path, want, params)
			}
		}
	}
}
