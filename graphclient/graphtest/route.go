package graphtest

import (
	"net/url"
	"slices"
	"strings"
)

// A route is a request path understood: which specs its segments are, which
// are ids. Whether the objects exist is not known yet.
type route struct {
	root  *spec
	steps []step
	fn    string // trailing "$count", "delta", function or action name
	args  string // what stood in the parentheses of fn
	class string // path with ids replaced
	bad   string // segment the service has no resource for
}

// A step is a list or single object, and the object chosen of it.
type step struct {
	spec   *spec
	key    string
	hasKey bool
	cast   string // type name of a cast behind it
}

// last is the list or object the route leads to.
func (r *route) last() *step { return &r.steps[len(r.steps)-1] }

// onObject reports whether the route leads to one object.
func (r *route) onObject() bool { return r.last().hasKey || r.last().spec.is(single) }

// routeOf parses a path without version, query and leading slash. The lock of
// t is held.
func (t *Tenant) routeOf(path string) *route {
	segs := strings.Split(strings.Trim(path, "/"), "/")
	r := &route{}
	n, key, hasKey := t.rootOf(r, segs)
	if r.root == nil {
		r.bad, r.class = segs[n], strings.Join(segs, "/")
		return r
	}
	r.class = r.root.name
	r.steps = append(r.steps, step{spec: r.root, key: key, hasKey: hasKey})
	if hasKey {
		r.class += "/{id}"
	}
	for _, seg := range segs[n:] {
		if r.advance(seg); r.bad != "" {
			break
		}
	}
	return r
}

// advance reads one more segment: function, type cast, id or child.
func (r *route) advance(seg string) {
	name, args, call := cutCall(seg)
	cur := r.last()
	cast := ""
	if strings.HasPrefix(strings.ToLower(name), "microsoft.graph.") {
		cast = afterDot(name)
		name = cast
	}
	switch {
	case r.fn != "":
		r.bad = seg
	case cur.spec.named(name, r.onObject()):
		r.fn, r.args = name, args
		r.class += "/" + name
	case cast != "":
		cur.cast = cast
	case !r.onObject():
		cur.key, cur.hasKey = unescape(seg), true
		r.class += "/{id}"
	default:
		r.child(seg, name, args, call)
	}
}

func (r *route) child(seg, name, args string, call bool) {
	cur := r.last()
	kid := cur.spec.kid(name)
	if kid == nil || kid.is(castOnly) && cur.cast == "" {
		r.bad = seg
		r.class += "/" + name
		return
	}
	next := step{spec: kid}
	r.class += "/" + kid.name
	if call {
		next.key, next.hasKey = strings.Trim(unescape(args), "'"), true
		r.class += "/{id}"
	}
	r.steps = append(r.steps, next)
}

// rootOf finds the longest root that segs begin with and returns how many
// segments it took. Without one it returns the index of the first segment
// that no root has.
func (t *Tenant) rootOf(r *route, segs []string) (n int, key string, hasKey bool) {
	deepest := 0
	for n = min(len(segs), 4); n > 0; n-- {
		name, args, call := cutCall(segs[n-1])
		path := strings.ToLower(strings.Join(append(segs[:n-1:n-1], name), "/"))
		found := t.table[path]
		if raw := t.roots[path]; raw != nil {
			found = raw.spec
		}
		if found == nil {
			continue
		}
		r.root = found
		if call && !found.is(single) {
			return n, strings.Trim(unescape(args), "'"), true
		}
		return n, "", false
	}
	for n = min(len(segs)-1, 3); n > 0 && deepest == 0; n-- {
		prefix := strings.ToLower(strings.Join(segs[:n], "/")) + "/"
		for path := range t.table {
			if strings.HasPrefix(path, prefix) {
				deepest = n
				break
			}
		}
	}
	return deepest, "", false
}

// named reports whether name is a function, action or count of what the
// route has reached, rather than an id or child.
func (s *spec) named(name string, onObject bool) bool {
	switch strings.ToLower(name) {
	case "$count", "$ref", "$value":
		return true
	case "delta":
		return s.is(deltaList) && !onObject
	}
	return foldIn(s.functions, name) || onObject && foldIn(s.actions, name)
}

// cutCall splits "name(args)".
func cutCall(seg string) (name, args string, call bool) {
	open := strings.IndexByte(seg, '(')
	if open <= 0 || !strings.HasSuffix(seg, ")") {
		return seg, "", false
	}
	return seg[:open], seg[open+1 : len(seg)-1], true
}

// foldIn reports whether list has name in any case.
func foldIn(list []string, name string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, name) })
}

func afterDot(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

func unescape(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}

// A place is a route with its objects found.
type place struct {
	spec   *spec
	parent *object // whose children spec are; nil at a root
	obj    *object // the object chosen, nil for a list
	path   string  // canonical, ids in parentheses
	cast   string
	lost   string // id that does not exist
}

// find follows the route. The lock of t is held.
func (t *Tenant) find(r *route) place {
	var p place
	var path strings.Builder
	for i := range r.steps {
		s := &r.steps[i]
		p.parent, p.obj = p.obj, nil
		p.spec, p.cast = s.spec, s.cast
		if i > 0 {
			path.WriteByte('/')
		}
		path.WriteString(s.spec.name)
		switch {
		case s.hasKey:
			path.WriteString("('" + s.key + "')")
			p.obj = t.object(s.spec, p.parent, s.key)
		case s.spec.is(single):
			if all := t.objects(s.spec, p.parent); len(all) > 0 {
				p.obj = all[0]
			}
		default:
			continue // a list; only the last step can be one
		}
		if p.obj == nil {
			p.lost = s.key
			if !s.hasKey {
				p.lost = s.spec.name
			}
			p.path = path.String()
			return p
		}
	}
	p.path = path.String()
	return p
}
