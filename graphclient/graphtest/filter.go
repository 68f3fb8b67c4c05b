package graphtest

import (
	"strings"
)

// An expr is a parsed $filter. match decides for one object; uses calls fn
// with every property and function name, so that lists can refuse some.
type expr interface {
	match(o *object) bool
	uses(fn func(name string))
}

type (
	logical struct {
		and  bool
		l, r expr
	}
	not     struct{ x expr }
	isof    struct{ typ string }
	compare struct {
		path []string
		op   string
		val  []byte // JSON literal
	}
	oneOf struct {
		path []string
		vals [][]byte
	}
	textCall struct {
		fn   string // startswith, endswith, contains
		path []string
		arg  string
	}
	anyOf struct { // prop/any(x:x eq 'v')
		path []string
		val  []byte
	}
)

func (e *logical) match(o *object) bool {
	if e.and {
		return e.l.match(o) && e.r.match(o)
	}
	return e.l.match(o) || e.r.match(o)
}
func (e *logical) uses(fn func(string)) { e.l.uses(fn); e.r.uses(fn) }

func (e *not) match(o *object) bool { return !e.x.match(o) }
func (e *not) uses(fn func(string)) {
	if _, ok := e.x.(*isof); !ok {
		fn("not")
	}
	e.x.uses(fn)
}

func (e *isof) match(o *object) bool { return o.typ == e.typ }
func (e *isof) uses(fn func(string)) { fn("isof") }

func (e *compare) match(o *object) bool {
	v := lookup(o.body, e.path)
	c, ok := order(v, e.val)
	switch e.op {
	case "eq":
		return ok && c == 0
	case "ne":
		return !ok || c != 0
	case "gt":
		return ok && c > 0
	case "ge":
		return ok && c >= 0
	case "lt":
		return ok && c < 0
	}
	return ok && c <= 0
}

func (e *compare) uses(fn func(string)) {
	fn(strings.Join(e.path, "/"))
	if e.op == "ne" {
		fn("ne")
	}
}

func (e *oneOf) match(o *object) bool {
	v := lookup(o.body, e.path)
	for _, want := range e.vals {
		if c, ok := order(v, want); ok && c == 0 {
			return true
		}
	}
	return false
}

func (e *oneOf) uses(fn func(string)) {
	fn(strings.Join(e.path, "/"))
	if len(e.vals) > 15 {
		fn("in>15")
	}
}

func (e *textCall) match(o *object) bool {
	v, arg := strings.ToLower(text(lookup(o.body, e.path))), strings.ToLower(e.arg)
	switch e.fn {
	case "startswith":
		return strings.HasPrefix(v, arg)
	case "endswith":
		return strings.HasSuffix(v, arg)
	}
	return strings.Contains(v, arg)
}
func (e *textCall) uses(fn func(string)) { fn(e.fn); fn(strings.Join(e.path, "/")) }

func (e *anyOf) match(o *object) bool {
	for v := range elements(lookup(o.body, e.path)) {
		if c, ok := order(v, e.val); ok && c == 0 {
			return true
		}
	}
	return false
}
func (e *anyOf) uses(fn func(string)) { fn(strings.Join(e.path, "/")) }

// lookup follows property names into a document; a type cast in the path
// changes nothing.
func lookup(doc []byte, path []string) []byte {
	for _, name := range path {
		if doc = member(doc, name); doc == nil {
			return nil
		}
	}
	return doc
}

// order compares two JSON scalars: strings without case, as the service does,
// numbers by value. A missing value equals null. ok is false when they cannot
// be compared.
func order(a, b []byte) (c int, ok bool) {
	if len(a) == 0 {
		a = []byte("null")
	}
	switch {
	case a[0] == '"' && b[0] == '"':
		return strings.Compare(strings.ToLower(text(a)), strings.ToLower(text(b))), true
	case string(a) == string(b):
		return 0, true
	}
	x, okX := number(a)
	y, okY := number(b)
	switch {
	case !okX || !okY:
		return 0, false
	case x < y:
		return -1, true
	case x > y:
		return 1, true
	}
	return 0, true
}
