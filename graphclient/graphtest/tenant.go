package graphtest

import (
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
)

// A Tenant holds the objects of one Entra tenant. It is safe for concurrent
// use, also while the server answers requests.
type Tenant struct {
	id    string
	table map[string]*spec // shared with the server, never written
	now   func() time.Time

	mu      sync.RWMutex
	roots   map[string]*root // by lower-case path
	seq     uint64           // number of the newest change
	gone    []tombstone      // deleted objects of lists with delta, oldest first
	asked   []*approval
	ghosts  []ghost           // deleted objects that reads still show
	pending []settlement      // what the service finishes later
	secrets map[string][]byte // plain values of masked settings, by reference id
	history history
}

// A root is the content of a path of the table, or of a raw path.
type root struct {
	spec *spec
	list collection
}

// An object is one entity; its children hang on it as lists. It changes only
// under the write lock of its tenant.
type object struct {
	id   string
	typ  string // without namespace; "" when nobody knows
	spec *spec
	body []byte // compact, without annotations but those of derived nested types
	list []byte // what lists show, when that is less
	kids []*kidList
	refs []ref
	seq  uint64    // change that made it what it is
	made time.Time // when a request has created it; zero if none has

	was     *object   // what reads still show after a change, for a while
	changed time.Time // when that was
}

// A kidList is the content of one navigation property of an object.
type kidList struct {
	spec *spec
	list collection
}

// A ref is a navigation to an object that lives elsewhere.
type ref struct {
	nav  string
	path string // root path
	id   string
}

type tombstone struct {
	path string
	id   string
	seq  uint64
}

// A collection is an ordered list of objects with distinct ids.
type collection struct {
	objs []*object
	byID map[string]int // positions, kept once the list is long
}

const indexFrom = 32

func (c *collection) find(id string) int {
	if len(c.objs) < indexFrom {
		for i, o := range c.objs {
			if o.id == id {
				return i
			}
		}
		return -1
	}
	if c.byID == nil {
		c.byID = make(map[string]int, len(c.objs))
		for i, o := range c.objs {
			c.byID[o.id] = i
		}
	}
	if i, ok := c.byID[id]; ok {
		return i
	}
	return -1
}

func (c *collection) get(id string) *object {
	if i := c.find(id); i >= 0 {
		return c.objs[i]
	}
	return nil
}

func (c *collection) add(o *object) {
	c.objs = append(c.objs, o)
	switch {
	case c.byID != nil:
		c.byID[o.id] = len(c.objs) - 1
	case len(c.objs) >= indexFrom:
		c.find("") // builds the index, while the caller may write
	}
}

func (c *collection) remove(i int) {
	c.objs = append(c.objs[:i:i], c.objs[i+1:]...)
	c.byID = nil
	c.find("") // readers must not have to build the index
}

// kid returns the children of that kind, or nil.
func (o *object) kid(sp *spec) *kidList {
	for _, k := range o.kids {
		if k.spec == sp {
			return k
		}
	}
	return nil
}

// ID returns the Entra tenant id.
func (t *Tenant) ID() string { return t.id }

// Paths returns the list paths that hold at least one object, sorted.
func (t *Tenant) Paths() []string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var paths []string
	for _, r := range t.roots {
		if len(r.list.objs) > 0 {
			paths = append(paths, r.spec.name)
		}
	}
	sort.Strings(paths)
	return paths
}

// root returns the content of a path, or nil when the service has no such
// path. With create an unknown path becomes one that is served raw.
func (t *Tenant) root(path string, create bool) *root {
	key := strings.ToLower(path)
	if r := t.roots[key]; r != nil {
		return r
	}
	sp := t.table[key]
	switch {
	case sp == nil && !create:
		return nil
	case sp == nil:
		sp = rawSpec(path)
	case !create:
		return &root{spec: sp}
	}
	r := &root{spec: sp}
	t.roots[key] = r
	return r
}

// objects lists the children of a kind, or a root's objects for a nil parent.
func (t *Tenant) objects(sp *spec, parent *object) []*object {
	switch {
	case sp.compute != nil:
		return sp.compute(t, parent)
	case len(sp.views) > 0:
		var all []*object
		for _, path := range sp.views {
			if r := t.root(path, false); r != nil {
				all = append(all, r.list.objs...)
			}
		}
		return all
	case parent == nil:
		if r := t.root(sp.name, false); r != nil {
			return r.list.objs
		}
		return nil
	}
	var list []*object
	if k := parent.kid(sp); k != nil {
		list = k.list.objs
	}
	for _, l := range parent.refs {
		if l.nav != sp.name {
			continue
		}
		if o := t.linked(l); o != nil {
			list = append(slices.Clip(list), o)
		}
	}
	return list
}

// linked returns the object that a navigation leads to, or nil.
func (t *Tenant) linked(l ref) *object {
	if r := t.root(l.path, false); r != nil {
		return r.list.get(l.id)
	}
	r := t.routeOf(l.path) // a child of another object
	if r.bad != "" || r.fn != "" {
		return nil
	}
	if p := t.find(r); p.lost == "" {
		return t.object(p.spec, p.parent, l.id)
	}
	return nil
}

// object finds one of them by id.
func (t *Tenant) object(sp *spec, parent *object, id string) *object {
	if sp.compute == nil && len(sp.views) == 0 {
		if parent == nil {
			if r := t.root(sp.name, false); r != nil {
				return r.list.get(id)
			}
			return nil
		}
		if k := parent.kid(sp); k != nil {
			if o := k.list.get(id); o != nil {
				return o
			}
		}
	}
	for _, o := range t.objects(sp, parent) {
		if o.id == id {
			return o
		}
	}
	return nil
}
