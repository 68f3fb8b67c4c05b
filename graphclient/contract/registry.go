package contract

import (
	"iter"
	"slices"
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
// is odataType, which may be empty. It returns nil only for a path that no
// type has.
func Classify(path, odataType string) *Type {
	c, ok := registry.byPath[path]
	if !ok {
		return nil
	}
	return c.Classify(odataType)
}

// Classify returns the type of an object of c; see the function of that name.
func (c *Collection) Classify(odataType string) *Type {
	for _, t := range c.Types[:len(c.Types)-1] {
		if t.claims(odataType) {
			return t
		}
	}
	return c.Types[len(c.Types)-1]
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
		General:  true,
		Lists:    []List{{Path: path}},
		Write:    Write{Support: InventoryOnly, Reason: "this type is not known to the program"},
		Bucket:   BucketOf(path),
		Source:   "unknown",
	}
	t.compile()
	return t
}
