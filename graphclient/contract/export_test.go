package contract

import "slices"

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
