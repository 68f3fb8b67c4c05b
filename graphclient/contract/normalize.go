package contract

import (
	"bytes"

	"github.com/tenantatlas/tenantatlas/internal/canonjson"
)

// GenericStrip is what no body of a request may hold, for any type, besides
// annotations other than @odata.type.
func GenericStrip() []string {
	return []string{
		"id", "createdDateTime", "lastModifiedDateTime", "modifiedDateTime",
		"version", "isAssigned", "supportsScopeTags", "assignments",
	}
}

// normalize is Normalize.
func (t *Type) normalize(dst, doc []byte) ([]byte, error) {
	e := canonjson.Encoder{Options: canonjson.Options{
		Drop:      t.rules.drop,
		DropNull:  true,
		Unordered: t.rules.unordered,
	}}
	return e.Append(dst, doc)
}

// A rule is the compiled form of a type's lists of paths, found by the last
// key of a path so that most members cost one look-up.
type rule struct {
	noise, sets map[string][]pattern
	plain       bool // the top level's @odata.type says nothing
}

// A pattern is a dotted path without its last key, outermost first. Any is
// true for patterns that match at every depth.
type pattern struct {
	parents []string
	any     bool
}

func (r *rule) drop(path canonjson.Path, value []byte) bool {
	key := path.Key()
	if i := bytes.IndexByte(key, '@'); i >= 0 {
		return string(key) != "@odata.type" || r.plain && len(path) == 1
	}
	if key := string(value); key == `""` || key == "[]" {
		return true
	}
	return len(key) > 0 && key[0] == '#' || found(r.noise, path)
}

func (r *rule) unordered(path canonjson.Path) bool { return found(r.sets, path) }

func found(index map[string][]pattern, path canonjson.Path) bool {
	for _, p := range index[string(path.Key())] {
		if p.matches(path[:len(path)-1]) {
			return true
		}
	}
	return false
}

func (p pattern) matches(parents canonjson.Path) bool {
	if len(parents) < len(p.parents) || !p.any && len(parents) != len(p.parents) {
		return false
	}
	parents = parents[len(parents)-len(p.parents):]
	for i, want := range p.parents {
		if string(parents[i]) != want {
			return false
		}
	}
	return true
}
