package graphtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// A schema is Graph's own metadata, as far as the server can use it.
type schema struct {
	Types map[string]struct {
		Base       string                           `json:"base"`
		Abstract   bool                             `json:"abstract"`
		Derived    []string                         `json:"derived"`
		Properties map[string]json.RawMessage       `json:"properties"`
		Nav        map[string]struct{ Type string } `json:"nav"`
	} `json:"types"`
	Paths []struct {
		Path       string `json:"path"`
		Type       string `json:"type"`
		Collection bool   `json:"collection"`
	} `json:"paths"`

	Enums      map[string]enumeration `json:"enums"`
	Operations []operation            `json:"operations"`

	names map[string]map[string]bool // lower-case properties and navigations, by type
}

// UseSchema reads metadata of beta, uncompressed JSON of the form
// {"types": {name: {base, abstract, derived, properties, nav}}, "paths":
// [{path, type, collection}]}. From then on $select, $filter and $orderby are
// refused when they name a property that neither the type of the list nor one
// of its base or derived types has. It reports an error when the metadata
// contradicts what the server believes about paths, types and children.
// Call it before the first request.
// Source: graph.md section 4, fidelity guard.
func (s *Server) UseSchema(r io.Reader) error {
	sc := &schema{names: make(map[string]map[string]bool)}
	if err := json.NewDecoder(r).Decode(sc); err != nil {
		return fmt.Errorf("read schema: %w", err)
	}
	var wrong []error
	types := make(map[string]string)
	for _, p := range sc.Paths {
		types[strings.TrimPrefix(p.Path, "/")] = p.Type
		if sp := s.table[strings.ToLower(strings.TrimPrefix(p.Path, "/"))]; sp != nil && sp.is(single) == p.Collection {
			wrong = append(wrong, fmt.Errorf("%s: one object or a list", sp.name))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.table)) {
		sp := s.table[key]
		if want := types[sp.name]; want != "" && want != sp.typ {
			wrong = append(wrong, fmt.Errorf("%s: type %s, schema says %s", sp.name, sp.typ, want))
		}
		wrong = append(wrong, sc.compare(sp, sp.name)...)
	}
	if len(wrong) > 0 {
		return fmt.Errorf("compare schema: %w", errors.Join(wrong...))
	}
	s.schema = sc
	return nil
}

// compare checks a spec and its children, and learns their property names.
func (sc *schema) compare(sp *spec, at string) []error {
	t, ok := sc.Types[sp.typ]
	if !ok {
		return nil // younger than the metadata
	}
	var wrong []error
	if t.Abstract != sp.is(abstract) {
		wrong = append(wrong, fmt.Errorf("%s: abstract %v, schema says %v", at, sp.is(abstract), t.Abstract))
	}
	if sc.names[sp.typ] == nil {
		sc.names[sp.typ] = sc.properties(sp.typ)
	}
	for _, kid := range sp.kids {
		if !sc.names[sp.typ][strings.ToLower(kid.name)] {
			wrong = append(wrong, fmt.Errorf("%s: no navigation property %s in the schema", at, kid.name))
		}
		if nav, ok := t.Nav[kid.name]; ok && strings.TrimPrefix(nav.Type, "graph.") != kid.typ {
			wrong = append(wrong, fmt.Errorf("%s: %s is %s, schema says %s", at, kid.name, kid.typ, nav.Type))
		}
		wrong = append(wrong, sc.compare(kid, at+"/"+kid.name)...)
	}
	return wrong
}

// properties are the names that a type, its bases and all types derived from
// it have.
func (sc *schema) properties(typ string) map[string]bool {
	names := map[string]bool{"id": true}
	add := func(typ string) {
		for k := range sc.Types[typ].Properties {
			names[strings.ToLower(k)] = true
		}
		for k := range sc.Types[typ].Nav {
			names[strings.ToLower(k)] = true
		}
	}
	seen := make(map[string]bool)
	var down func(typ string)
	down = func(typ string) {
		if seen[typ] {
			return
		}
		seen[typ] = true
		add(typ)
		for _, d := range sc.Types[typ].Derived {
			down(d)
		}
	}
	down(typ)
	for base := sc.Types[typ].Base; base != "" && !seen[base]; base = sc.Types[base].Base {
		seen[base] = true
		add(base)
	}
	return names
}

// check refuses options that name a property the type does not have.
func (sc *schema) check(sp *spec, o *options) error {
	if sc == nil || sc.names[sp.typ] == nil {
		return nil
	}
	var err error
	known := func(path string) {
		path = strings.TrimSpace(path)
		for strings.HasPrefix(path, "microsoft.graph.") {
			_, path, _ = strings.Cut(path, "/")
		}
		name, _, _ := strings.Cut(path, "/")
		if name != "" && name != "*" && !sc.names[sp.typ][strings.ToLower(name)] {
			err = badOption("Parsing OData Select and Expand failed: Could not find a property named '%s' on type 'microsoft.graph.%s'.", name, sp.typ)
		}
	}
	for _, name := range o.sel {
		known(name)
	}
	known(o.order)
	if o.filter != nil {
		o.filter.uses(func(name string) {
			switch name {
			case "not", "ne", "isof", "in>15", "startswith", "endswith", "contains":
			default:
				known(name)
			}
		})
	}
	for i := range o.expand {
		if kid := sp.kid(o.expand[i].nav); kid != nil && err == nil {
			err = sc.check(kid, &o.expand[i].opts)
		}
	}
	return err
}
