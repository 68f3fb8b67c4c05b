package contract_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// TestSchemaPolymorphism walks all properties that documents of the registry
// can have, and holds the two tables of types against what it finds.
func TestSchemaPolymorphism(t *testing.T) {
	s := readSchema(t)
	families, exact := map[string]bool{}, map[string]bool{}
	for _, p := range s.slots(t) {
		if len(s.derived(p.typ)) > 1 {
			families[p.name] = true
			if !s.Types[p.typ].Abstract {
				exact[p.typ] = true
			}
		}
	}
	for _, p := range s.slots(t) {
		if families[p.name] && len(s.derived(p.typ)) == 1 {
			exact[p.typ] = true
		}
	}
	// Compared apart, or by its id alone.
	delete(families, "assignments")
	delete(families, "presentation")
	if diff := cmp.Diff(slices.Sorted(maps.Keys(families)), contract.Polymorphic()); diff != "" {
		t.Errorf("properties of several types (-want +got):\n%s", diff)
	}
	maps.DeleteFunc(exact, func(name string, _ bool) bool { return strings.HasSuffix(name, "Assignment") })
	if diff := cmp.Diff(slices.Sorted(maps.Keys(exact)), contract.Declared()); diff != "" {
		t.Errorf("types that stand as they are declared (-want +got):\n%s", diff)
	}
}

// A slot is a property and its declared type.
type slot struct{ name, typ string }

// slots returns the properties with structured values of all documents.
func (s *schema) slots(t *testing.T) []slot {
	t.Helper()
	var todo []string
	for _, c := range contract.Collections() {
		for _, p := range s.Paths {
			if p.Path == strings.ReplaceAll(c.Path, "{parent}", "{id}") {
				todo = append(todo, s.derived(p.Type)...)
			}
		}
	}
	var out []slot
	seen := map[string]bool{}
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		if seen[name] {
			continue
		}
		seen[name] = true
		for base := name; base != "" && s.Types[base] != nil; base = s.Types[base].Base {
			for member, p := range s.parts(base) {
				typ := strings.TrimPrefix(p.Type, "graph.")
				if st := s.Types[typ]; st != nil && (st.Kind == "complex" || st.Kind == "entity") {
					out = append(out, slot{member, typ})
					todo = append(todo, s.derived(typ)...)
				}
			}
		}
	}
	return out
}

// parts returns the properties of a type and the navigations that documents
// hold, by $expand or as children.
func (s *schema) parts(name string) map[string]schemaProperty {
	held := []string{
		"apps", "assignments", "settings", "categories", "relationships", "definitionValues", "presentationValues",
		"presentation", "definition", "items", "localizedNotificationMessages", "scheduledActionsForRule",
		"scheduledActionConfigurations", "combinationConfigurations", "authenticationStrength",
		"protectedAppLockerFiles", "exemptAppLockerFiles", "privacyAccessControls", "value",
	}
	out := maps.Clone(s.Types[name].Properties)
	if out == nil {
		out = map[string]schemaProperty{}
	}
	for member, p := range s.Types[name].Nav {
		if slices.Contains(held, member) {
			out[member] = p
		}
	}
	return out
}
