package runs

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Scope returns the names of what makes a run unique within tenant and type while
// it is active: fields of its input, or of what [Spec].Identity makes of that. It
// is empty if there is one such run in a tenant at a time, and known is false for
// an input whose fields no type declares.
func (op Operation) Scope() (fields []string, known bool) {
	return slices.Clone(op.scope), op.scope != nil
}

// Rights returns the actions of which starting such a run needs one, depending on
// its input; see [Spec].Rights.
func (op Operation) Rights() []Action { return slices.Clone(op.rights) }

// scope is what [Operation.Scope] returns. Only the shape of an identity is
// looked at, so that of the zero input does.
func (s *Spec[In]) scope() []string {
	var in In
	return zero(func() []string {
		if s.Identity == nil {
			return fieldNames(reflect.TypeFor[In](), reflect.ValueOf(in))
		}
		id := reflect.ValueOf(s.Identity(in))
		if !id.IsValid() {
			return nil
		}
		return fieldNames(id.Type(), id)
	})
}

func (s *Spec[In]) rights() []Action {
	if len(s.Rights) > 0 {
		return slices.Clone(s.Rights)
	}
	if rights := zero(func() []Action { return []Action{s.action(new(In))} }); rights != nil {
		return rights
	}
	return []Action{ActionStart}
}

// zero returns what f does, or nothing if it cannot take the zero input, which
// nobody promised.
func zero[T any](f func() []T) (out []T) {
	defer func() {
		if recover() != nil {
			out = nil
		}
	}()
	return f()
}

// fieldNames returns the names that a struct has in JSON, or the keys of a map
// that was made by hand; nil for anything else.
func fieldNames(t reflect.Type, v reflect.Value) []string {
	names := map[string]bool{}
	switch {
	case t.Kind() == reflect.Struct:
		for _, f := range reflect.VisibleFields(t) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			switch {
			case !f.IsExported() || name == "-" || f.Anonymous && name == "":
			case name == "":
				names[f.Name] = true
			default:
				names[name] = true
			}
		}
	case t.Kind() == reflect.Map && t.Key().Kind() == reflect.String && v.Len() > 0:
		for _, k := range v.MapKeys() {
			names[k.String()] = true
		}
	default:
		return nil
	}
	return append([]string{}, slices.Sorted(maps.Keys(names))...)
}
