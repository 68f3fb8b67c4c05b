package contract

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// A node is a value in a document and its place.
type node struct {
	value   any
	pointer string
	parent  map[string]any // the object around it; nil at the top
}

// get returns a member of an object; its value is nil if there is none.
func (n node) get(key string) node {
	o, _ := n.value.(map[string]any)
	return node{value: o[key], pointer: n.pointer + "/" + pointerEscape(key), parent: o}
}

// text returns the string that n has under key.
func (n node) text(key string) string {
	s, _ := n.get(key).value.(string)
	return s
}

// each calls f for every element of an array, and for anything else itself.
func (n node) each(f func(node)) {
	a, ok := n.value.([]any)
	if !ok {
		f(n)
		return
	}
	for i, v := range a {
		f(node{value: v, pointer: n.pointer + "/" + strconv.Itoa(i), parent: n.parent})
	}
}

// An extraction collects the references of one document.
type extraction struct {
	references []Reference
	warnings   []Warning
	assignment bool
}

func (x *extraction) parse(doc []byte) node {
	if len(doc) == 0 {
		return node{}
	}
	var v any
	if err := json.Unmarshal(doc, &v); err != nil {
		x.warn(node{}, "invalid JSON")
		return node{}
	}
	return node{value: v}
}

func (x *extraction) warn(n node, message string) {
	x.warnings = append(x.warnings, Warning{Pointer: n.pointer, Message: message})
}

func (x *extraction) add(r Reference, n node) {
	r.Pointer, r.Assignment = n.pointer, x.assignment
	if r.Relation == "" {
		r.Relation = DependsOn
	}
	x.references = append(x.references, r)
}

func (x *extraction) scopeTags(doc node) {
	for _, key := range []string{"roleScopeTagIds", "roleScopeTags"} {
		x.at(doc, key, func(n node) {
			// Role assignments give the tags themselves.
			if _, ok := n.value.(map[string]any); ok {
				n = n.get("id")
			}
			x.id(link{target: "roleScopeTag", relation: ScopedBy}, n)
		})
	}
}

// follow adds the references that l finds in doc.
func (x *extraction) follow(l link, doc node) {
	visit := func(n node) { x.id(l, n) }
	if l.walk != nil {
		visit = func(n node) { l.walk(x, n) }
	}
	if path, deep := strings.CutPrefix(l.path, "*."); deep {
		search(doc, path, visit)
		return
	}
	x.at(doc, l.path, visit)
}

// at calls visit for every value that a dotted path leads to from n.
func (x *extraction) at(n node, path string, visit func(node)) {
	key, rest, more := cutKey(path)
	n.each(func(n node) {
		if _, ok := n.value.(map[string]any); !ok {
			if n.value != nil {
				x.warn(n, "expected an object")
			}
			return
		}
		next := n.get(key)
		switch {
		case next.value == nil:
		case more:
			x.at(next, rest, visit)
		default:
			next.each(visit)
		}
	})
}

// cutKey cuts the first key off a dotted path. The dot of "@odata.bind" and
// "@odata.type" is part of a key.
func cutKey(path string) (key, rest string, more bool) {
	key, rest, more = strings.Cut(path, ".")
	if strings.HasSuffix(key, "@odata") {
		tail, after, further := strings.Cut(rest, ".")
		return key + "." + tail, after, further
	}
	return key, rest, more
}

// search calls visit for every value under key, at any depth, in the order of
// the keys.
func search(n node, key string, visit func(node)) {
	switch v := n.value.(type) {
	case map[string]any:
		for _, k := range sortedKeys(v) {
			next := n.get(k)
			if k == key {
				next.each(visit)
			}
			search(next, key, visit)
		}
	case []any:
		n.each(func(e node) { search(e, key, visit) })
	}
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// id adds the reference of l whose id is n.
func (x *extraction) id(l link, n node) {
	if n.value == nil {
		return
	}
	s, ok := n.value.(string)
	if !ok {
		x.warn(n, "expected an id")
		return
	}
	if s, ok = l.idIn(s); !ok {
		x.warn(n, "id of an unknown form")
		return
	}
	if s == "" || s == zeroID {
		return
	}
	r := Reference{Relation: l.relation, Target: l.target, ID: s, Exclude: l.exclude}
	if target, known := l.words[s]; known {
		if target == "" {
			return
		}
		r.Target, r.ID = target, ""
	}
	if l.name != "" {
		r.Name, _ = n.parent[l.name].(string)
	}
	x.add(r, n)
}

// idIn returns the id that a value holds.
func (l link) idIn(s string) (string, bool) {
	switch {
	case l.bound:
		// .../deviceConfigurations('id') or .../deviceConfigurations/id
		s = s[strings.LastIndexByte(s, '/')+1:]
		if _, quoted, found := strings.Cut(s, "('"); found {
			return strings.CutSuffix(quoted, "')")
		}
		return s, s != ""
	case l.cut != "":
		_, s, found := strings.Cut(s, l.cut)
		return s, found
	}
	return s, true
}
