package contract

import (
	"slices"
	"strings"

	"github.com/tenantatlas/tenantatlas/internal/canonjson"
)

// rules are the compiled form of a type's lists of paths. They are found by
// the last key of a path, so that most members cost one look-up.
type rules struct {
	noise, sets, live, open index
	strip, stripUpdate      index // what requests must not hold
	plain                   bool  // the type of a document says nothing
}

// An index finds patterns by the last key of their path.
type index map[string][]pattern

// A pattern is a dotted path without its last key.
type pattern struct {
	parents []string // outermost first
	deep    bool     // matches at every depth
	value   string   // canonical JSON; empty means any
}

// compile prepares t for use.
func (t *Type) compile() {
	t.plain = t.plain || len(t.OData) == 1 && !strings.Contains(t.OData[0], "*") || len(t.Lists) > 1
	t.rules = rules{
		noise: newIndex(genericNoise(), GenericStrip(), t.noise, genericLive(), t.live),
		sets:  newIndex([]string{"roleScopeTagIds", "roleScopeTags"}, t.sets),
		live:  newIndex(genericLive(), t.live),
		open:  newIndex(t.open),
		strip: newIndex(GenericStrip(), t.Write.Strip),

		stripUpdate: newIndex(GenericStrip(), t.Write.Strip, t.Write.Immutable),
		plain:       t.plain,
	}
}

func newIndex(lists ...[]string) index {
	x := index{}
	for _, path := range slices.Concat(lists...) {
		path, value, _ := strings.Cut(path, "=")
		path, deep := strings.CutPrefix(path, "*.")
		keys := strings.Split(path, ".")
		last := len(keys) - 1
		x[keys[last]] = append(x[keys[last]], pattern{parents: keys[:last], deep: deep, value: value})
	}
	return x
}

// has reports whether a pattern covers the member at path with the given
// canonical value.
func (x index) has(path canonjson.Path, value []byte) bool {
	for _, p := range x[string(path.Key())] {
		if p.matches(path[:len(path)-1]) && (p.value == "" || p.value == string(value)) {
			return true
		}
	}
	return false
}

func (p *pattern) matches(parents canonjson.Path) bool {
	if len(parents) < len(p.parents) || !p.deep && len(parents) != len(p.parents) {
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

// GenericStrip returns what no body of a request may hold, for any type,
// besides annotations other than @odata.type.
func GenericStrip() []string {
	return []string{
		"id", "createdDateTime", "lastModifiedDateTime", "modifiedDateTime",
		"version", "isAssigned", "supportsScopeTags", "assignments",
	}
}

// genericLive are the credentials that let a device in, wherever they are: nobody
// can give them as input, for the service makes them.
func genericLive() []string {
	return []string{"*.tokenValue", "*.enrollmentToken", "*.qrCodeContent", "*.qrCodeImage"}
}

// genericNoise is what says nothing about any object, though a body may hold
// it. An object without scope tags gets the default one, "0".
func genericNoise() []string {
	return []string{
		"creationDateTime", "deletedDateTime", "creationSource", "settingCount",
		`roleScopeTagIds=["0"]`, `roleScopeTags=["0"]`,
	}
}
