package contract

import (
	"iter"
	"slices"
	"strings"
)

// A Collection is one list request: a path and the types found there.
type Collection struct {
	List
	// Types are the types of the objects, the most specific first and the
	// general one last. Only a path that several types share has more than
	// one.
	Types []*Type
	// Bucket is what a request for the list counts against.
	Bucket Bucket
}

// All returns the types in the order in which a restore would write them,
// those without an order first.
func All() iter.Seq[*Type] { return slices.Values(registry.types) }

// Lookup returns the type with the given key.
func Lookup(key string) (*Type, bool) {
	t, ok := registry.byKey[key]
	return t, ok
}

// Collections returns every list that the types need, each path once. A path
// that several types share is listed without a filter and its objects are
// told apart by [Classify].
func Collections() []*Collection { return slices.Clone(registry.collections) }

// Classify returns the type of an object that was listed at path (without
// query, with "{parent}" in place of the parent's id) and whose @odata.type
// is odataType, which may be empty. An object that no type claims is the
// path's general type's. Classify returns nil only for a path that no type
// has.
func Classify(path, odataType string) *Type {
	c, ok := registry.byPath[path]
	if !ok {
		return nil
	}
	return c.Classify(odataType)
}

// Classify returns the type of an object of c; see the function of that name.
func (c *Collection) Classify(odataType string) *Type {
	last := len(c.Types) - 1
	for _, t := range c.Types[:last] {
		if matchAny(t.OData, odataName(odataType)) {
			return t
		}
	}
	return c.Types[last]
}

// Unknown returns a raw type for a collection that the registry does not
// have: its objects can be listed, read and hashed, never restored. The key
// is "unknown:" and the path.
func Unknown(path string) *Type {
	t := &Type{
		Key:      "unknown:" + path,
		Title:    path,
		Category: Tenant,
		Name:     "displayName",
		Lists:    at(path),
		Write:    seen("the program does not know this type"),
		Bucket:   BucketOf(path),
		Source:   "unknown",
	}
	t.compile()
	return t
}

// registry is filled once and only read ever after.
var registry = newTable(areas())

// A table is the registry in the forms that look-ups need.
type table struct {
	types       []*Type
	byKey       map[string]*Type
	byPath      map[string]*Collection
	buckets     map[string]Bucket
	collections []*Collection
}

func newTable(areas [][]Type) *table {
	r := &table{byKey: map[string]*Type{}, byPath: map[string]*Collection{}, buckets: otherBuckets()}
	for _, area := range areas {
		for i := range area {
			t := &area[i]
			if t.Write.Path == "" && t.Write.Shape != WriteNone {
				t.Write.Path = t.Lists[0].Path
			}
			t.compile()
			r.types = append(r.types, t)
			r.byKey[t.Key] = t
			for _, l := range t.Lists {
				r.list(t, l)
			}
		}
	}
	slices.SortStableFunc(r.types, func(a, b *Type) int { return a.Order - b.Order })
	return r
}

// list adds a place where t is listed.
func (r *table) list(t *Type, l List) {
	c, ok := r.byPath[l.Path]
	if !ok {
		c = &Collection{List: l, Bucket: t.Bucket}
		if l.Bucket != "" {
			c.Bucket = l.Bucket
		}
		r.byPath[l.Path] = c
		r.bucket(l.Path, c.Bucket)
		r.collections = append(r.collections, c)
	}
	// The general type goes last, whatever the order in the tables.
	if n := len(c.Types); n > 0 && c.Types[n-1].General {
		c.Types = slices.Insert(c.Types, n-1, t)
	} else {
		c.Types = append(c.Types, t)
	}
}

// bucket notes what requests below a list count against.
func (r *table) bucket(path string, b Bucket) {
	path, _, _ = strings.Cut(path, "/{parent}")
	r.buckets[path] = b
}
