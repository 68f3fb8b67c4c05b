package contract

import (
	"maps"
	"slices"
)

// LinkTargets returns what the links of all types lead to.
func LinkTargets() []string {
	var out []string
	for _, t := range registry.types {
		for _, l := range t.links {
			if l.walk == nil {
				out = append(out, l.target)
			}
		}
	}
	for _, kind := range policySetKinds {
		out = append(out, kind)
	}
	return out
}

// Polymorphic and Declared are the tables of that name.
func Polymorphic() []string { return slices.Clone(polymorphic) }

func Declared() []string { return slices.Clone(declared) }

// Family is what the registry has of the types of a collection: the one that an
// object is of which does not say, and all of them.
func Family(path string) (declared string, types []string) {
	f := families[path]
	return f.declared, slices.Clone(f.types)
}

// FamilyPaths returns the collections of several types.
func FamilyPaths() []string { return slices.Sorted(maps.Keys(families)) }
