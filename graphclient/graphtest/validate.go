package graphtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// A property is one of a type, as the metadata has it.
type property struct {
	Type       string   `json:"type"`
	Collection bool     `json:"collection"`
	ReadOnly   []string `json:"readOnly"`
}

// An operation is an action or function that is bound to a type.
type operation struct {
	Name   string      `json:"name"`
	Bind   string      `json:"bind"`
	Params []parameter `json:"params"`
}

// A parameter is one of an operation.
type parameter struct {
	Name string `json:"name"`
	property
}

// An enumeration is a type with a list of values.
type enumeration struct {
	Members []string `json:"members"`
}

// Violations returns what the bodies of requests have held, since [Server.UseSchema],
// that the metadata does not allow: properties that a type does not have, values
// of another type, members that an enumeration does not have, objects of abstract
// types that do not say which they are. Each is there once, sorted, and begins
// with the type and the property. Such requests are answered as if nothing were
// wrong: the metadata is not complete.
// Source: graph.md section 4, fidelity guard.
func (s *Server) Violations() []string {
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	all := make([]string, 0, len(s.violations))
	for v := range s.violations {
		all = append(all, v)
	}
	sort.Strings(all)
	return all
}

// Validate returns what of a document the metadata does not allow, in the words
// of [Server.Violations], for an object of the given type, which its @odata.type
// may make more special.
func (s *Server) Validate(typ string, doc json.RawMessage) []string {
	if s.schema == nil {
		return nil
	}
	v := validator{schema: s.schema}
	v.object(typ, doc)
	return v.found
}

// validate notes what is wrong with the body of a call that changes p.
func (c *call) validate(p place) {
	sc := c.srv.schema
	if sc == nil || len(c.body) == 0 || c.version != "beta" {
		return
	}
	v := validator{schema: sc}
	typ := p.spec.typ
	if p.obj != nil && p.obj.typ != "" {
		typ = p.obj.typ
	}
	switch {
	case c.route.fn == "$ref":
	case c.route.fn != "":
		v.action(typ, c.route.fn, c.body)
	default:
		v.patch = c.method == "PATCH"
		v.object(typ, c.body)
	}
	c.srv.stats.mu.Lock()
	defer c.srv.stats.mu.Unlock()
	if c.srv.violations == nil {
		c.srv.violations = make(map[string]bool)
	}
	for _, f := range v.found {
		c.srv.violations[f] = true
	}
}

// A validator compares documents with metadata.
type validator struct {
	schema *schema
	patch  bool // the document need not say its type
	found  []string
}

func (v *validator) wrong(format string, args ...any) {
	v.found = append(v.found, fmt.Sprintf(format, args...))
}

// action checks the parameters of a bound action.
func (v *validator) action(typ, name string, body []byte) {
	for bind := typ; bind != ""; bind = v.schema.Types[bind].Base {
		for _, op := range v.schema.Operations {
			if op.Bind != bind || !strings.EqualFold(op.Name, name) {
				continue
			}
			for k, value := range membersOf(body) {
				i := slices.IndexFunc(op.Params, func(p parameter) bool { return p.Name == k })
				if i < 0 {
					v.wrong("%s/%s: no parameter %s", bind, name, k)
					continue
				}
				v.value(bind+"/"+name+" "+k, op.Params[i].property, value)
			}
			return
		}
	}
	if _, known := v.schema.Types[typ]; known {
		v.wrong("%s: no action %s", typ, name)
	}
}

// object checks an object whose declared type is typ.
func (v *validator) object(typ string, doc []byte) {
	if is := strings.TrimPrefix(text(member(doc, "@odata.type")), graphNamespace); is != "" {
		if _, known := v.schema.Types[is]; !known {
			return // younger than the metadata
		}
		if !v.schema.isA(is, typ) {
			v.wrong("%s: @odata.type %s is none", typ, is)
		}
		typ = is
	} else if v.schema.Types[typ].Abstract && !v.patch {
		v.wrong("%s: abstract, and no @odata.type", typ)
		return
	}
	if _, known := v.schema.Types[typ]; !known {
		return
	}
	for k, value := range membersOf(doc) {
		name, annotation, _ := strings.Cut(k, "@")
		if annotation == "odata.type" || k == "id" {
			continue
		}
		prop, nav, ok := v.schema.lookup(typ, name)
		switch {
		case !ok:
			v.wrong("%s %s: no such property", typ, name)
		case annotation == "odata.bind":
			if nav == "" {
				v.wrong("%s %s: bound, and no navigation", typ, name)
			}
		case nav != "":
			inner := validator{schema: v.schema}
			inner.value(typ+" "+name, property{Type: nav, Collection: isArray(value)}, value)
			v.found = append(v.found, inner.found...)
		case len(prop.ReadOnly) > 0 && slices.Contains(prop.ReadOnly, "Computed"):
			v.wrong("%s %s: read-only", typ, name)
		default:
			v.value(typ+" "+name, prop, value)
		}
	}
}

// value checks the value of a property.
func (v *validator) value(at string, p property, value []byte) {
	if string(value) == "null" {
		return
	}
	if p.Collection {
		if !isArray(value) {
			v.wrong("%s: no array", at)
			return
		}
		p.Collection = false
		for e := range elements(value) {
			v.value(at, p, e)
		}
		return
	}
	typ, graph := strings.CutPrefix(p.Type, "graph.")
	enum, isEnum := v.schema.Enums[typ]
	switch {
	case graph && isEnum:
		v.enum(at, typ, enum, value)
	case graph:
		if !isObject(value) {
			v.wrong("%s: no object", at)
			return
		}
		inner := validator{schema: v.schema}
		inner.object(typ, value)
		v.found = append(v.found, inner.found...)
	case !fits(p.Type, value):
		v.wrong("%s: not of type %s", at, p.Type)
	}
}

func (v *validator) enum(at, typ string, e enumeration, value []byte) {
	if len(value) == 0 || value[0] != '"' {
		v.wrong("%s: no member of %s", at, typ)
		return
	}
	for name := range strings.SplitSeq(text(value), ",") {
		if !slices.Contains(e.Members, name) && name != "unknownFutureValue" {
			v.wrong("%s: %s has no member %s", at, typ, name)
		}
	}
}

// fits reports whether a value can be of a primitive type.
func fits(typ string, value []byte) bool {
	if len(value) == 0 {
		return false
	}
	number := value[0] == '-' || '0' <= value[0] && value[0] <= '9'
	switch typ {
	case "Edm.Boolean":
		return value[0] == 't' || value[0] == 'f'
	case "Edm.Int32", "Edm.Int64", "Edm.Byte", "Edm.Number":
		return number && !strings.ContainsAny(string(value), ".eE") || typ == "Edm.Number" && number
	case "Edm.Double", "Edm.Single":
		return number
	}
	return value[0] == '"'
}

// isA reports whether typ is base or derived from it.
func (sc *schema) isA(typ, base string) bool {
	for ; typ != ""; typ = sc.Types[typ].Base {
		if typ == base {
			return true
		}
	}
	return false
}

// lookup finds a property or navigation of a type or of one of its bases.
func (sc *schema) lookup(typ, name string) (p property, nav string, ok bool) {
	for ; typ != ""; typ = sc.Types[typ].Base {
		if raw, found := sc.Types[typ].Properties[name]; found {
			return p, "", json.Unmarshal(raw, &p) == nil
		}
		if n, found := sc.Types[typ].Nav[name]; found {
			return p, n.Type, true
		}
	}
	return p, "", false
}
