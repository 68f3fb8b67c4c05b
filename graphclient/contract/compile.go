package contract

import (
	"slices"
	"strings"
)

// compile prepares t for use.
func (t *Type) compile() {
	t.rules = &rule{
		noise: index(GenericStrip(), t.noise),
		sets:  index([]string{"roleScopeTagIds", "roleScopeTags"}, t.sets),
		plain: len(t.OData) == 1 && !strings.Contains(t.OData[0], "*"),
	}
}

// index compiles dotted paths. A leading "*." matches at every depth.
func index(lists ...[]string) map[string][]pattern {
	out := map[string][]pattern{}
	for _, path := range slices.Concat(lists...) {
		rest, any := strings.CutPrefix(path, "*.")
		keys := strings.Split(rest, ".")
		last := len(keys) - 1
		out[keys[last]] = append(out[keys[last]], pattern{parents: keys[:last], any: any})
	}
	return out
}

// A table is the registry in the forms that look-ups need. It is filled once
// and read ever after.
type table struct {
	types       []*Type
	byKey       map[string]*Type
	byPath      map[string]*Collection
	collections []*Collection
}

var registry = newTable(catalog(), apps())

func newTable(areas ...[]Type) *table {
	r := &table{byKey: map[string]*Type{}, byPath: map[string]*Collection{}}
	for _, area := range areas {
		for i := range area {
			t := &area[i]
			t.compile()
			r.types = append(r.types, t)
			r.byKey[t.Key] = t
			r.list(t)
		}
	}
	slices.SortStableFunc(r.types, func(a, b *Type) int { return a.Order - b.Order })
	return r
}

// list adds the places where t is listed.
func (r *table) list(t *Type) {
	for _, l := range t.Lists {
		c, ok := r.byPath[l.Path]
		if !ok {
			c = &Collection{List: l, Bucket: t.Bucket}
			r.byPath[l.Path] = c
			r.collections = append(r.collections, c)
		}
		// The general type goes last, whatever the order in the tables.
		if n := len(c.Types); n > 0 && c.Types[n-1].General {
			c.Types = slices.Insert(c.Types, n-1, t)
		} else {
			c.Types = append(c.Types, t)
		}
	}
}
