package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantatlas/tenantatlas/internal/canonjson"
)

// CreateBody appends the body of a request that creates an object with the
// content of doc: without what Graph sets by itself and refuses in a request. It
// is one and the same for equal documents. On an error dst is returned as it
// was.
func (t *Type) CreateBody(dst, doc []byte) ([]byte, error) { return t.body(dst, doc, t.rules.strip) }

// UpdateBody appends the body of a request that changes an object to the content
// of doc. It is that of [Type.CreateBody], less what an update must not hold
// even if it is as it was; a PUT, which replaces everything, holds all.
func (t *Type) UpdateBody(dst, doc []byte) ([]byte, error) {
	if t.Write.Shape == WritePut {
		return t.CreateBody(dst, doc)
	}
	return t.body(dst, doc, t.rules.stripUpdate)
}

// PartBody is [Type.CreateBody] for a document that has nothing but a property
// which an [Action] writes.
func (t *Type) PartBody(dst, doc []byte) ([]byte, error) {
	e := canonjson.Encoder{Options: canonjson.Options{Drop: func(path canonjson.Path, value []byte) bool {
		return isAnnotation(path.Key()) || len(path) > 1 && (t.rules.strip.has(path, value) || t.rules.noise.has(path, value))
	}}}
	out, err := e.Append(dst, doc)
	if err != nil {
		return dst, fmt.Errorf("body of %s: %w", t.Key, err)
	}
	return out, nil
}

func (t *Type) body(dst, doc []byte, strip index) ([]byte, error) {
	e := canonjson.Encoder{Options: canonjson.Options{Drop: func(path canonjson.Path, value []byte) bool {
		if len(path) == 1 && string(path[0]) == "id" && t.Write.Shape == WriteUpsert {
			return false
		}
		return isAnnotation(path.Key()) || strip.has(path, value)
	}}}
	out, err := e.Append(dst, doc)
	if err != nil {
		return dst, fmt.Errorf("body of %s: %w", t.Key, err)
	}
	return out, nil
}

// isAnnotation reports whether a member is about the document and no part of it.
// Types and references by URL are part of it.
func isAnnotation(key []byte) bool {
	if len(key) > 0 && key[0] == '#' {
		return true
	}
	return bytes.Contains(key, []byte("@odata.")) && string(key) != "@odata.type" && !bytes.HasSuffix(key, []byte("@odata.bind"))
}

// Writable returns doc without the properties that no write of this type sets:
// two documents between which a write makes no difference have equal normal forms
// of it.
func (t *Type) Writable(doc []byte) ([]byte, error) {
	var err error
	for _, name := range t.Write.Strip {
		_, bound := t.Write.Binds[name]
		written := bound || slices.ContainsFunc(t.Write.Actions, func(a Action) bool { return a.From == name })
		if strings.Contains(name, ".") || written || Member(doc, name) == nil {
			continue
		}
		if doc, err = WithMember(nil, doc, name, nil); err != nil {
			return nil, fmt.Errorf("writable part of %s: %w", t.Key, err)
		}
	}
	return doc, nil
}

// AssignmentBody appends the array of assignments as a request holds it:
// without ids, and without the entries that come from a policy set, which are
// the set's to write.
func AssignmentBody(dst, assignments []byte) ([]byte, error) {
	out := append(dst, '[')
	var err error
	elements(assignments, func(_ int, entry []byte) {
		if source, _ := text(Member(entry, "source")); source == "policySets" || err != nil {
			return
		}
		e := canonjson.Encoder{Options: canonjson.Options{DropNull: true, Drop: func(path canonjson.Path, _ []byte) bool {
			key := string(path.Key())
			return isAnnotation(path.Key()) || len(path) == 1 && (key == "id" || key == "source" || key == "sourceId")
		}}}
		if len(out) > len(dst)+1 {
			out = append(out, ',')
		}
		out, err = e.Append(out, entry)
	})
	if err != nil {
		return dst, fmt.Errorf("body of assignments: %w", err)
	}
	return append(out, ']'), nil
}

// A Replacement is what a document is to hold in the place of a reference.
type Replacement struct {
	Pointer string // of the [Reference]
	Old     string // its id
	New     string // empty takes the reference out of the array that it is in
}

// Rewrite appends doc with references replaced: only at the places that
// [Type.References] has found, never by searching for text. It reports an error,
// and returns dst as it was, if a place is not there or holds something else.
func Rewrite(dst, doc []byte, all []Replacement) ([]byte, error) {
	if len(all) == 0 {
		return append(dst, doc...), nil
	}
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber() // numbers stay as they are
	var root any
	if err := dec.Decode(&root); err != nil {
		return dst, fmt.Errorf("rewrite references: %w", err)
	}
	// The last places first, so that taking an element out of an array does not
	// move those that come later.
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b Replacement) int { return comparePointers(b.Pointer, a.Pointer) })
	for _, r := range all {
		changed, ok := r.apply(root, strings.Split(r.Pointer, "/")[1:])
		if !ok {
			return dst, fmt.Errorf("rewrite references: nothing to replace at %s", r.Pointer)
		}
		root = changed
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(root); err != nil {
		return dst, fmt.Errorf("rewrite references: %w", err)
	}
	return append(dst, bytes.TrimSpace(out.Bytes())...), nil
}

// apply returns value with the replacement made, and whether it could be.
func (r Replacement) apply(value any, keys []string) (any, bool) {
	if len(keys) == 0 {
		s, ok := value.(string)
		at := strings.LastIndex(s, r.Old) // an id can come after a prefix, or in a URL
		if !ok || at < 0 || r.Old == "" {
			return value, false
		}
		return s[:at] + r.New + s[at+len(r.Old):], true
	}
	key := strings.ReplaceAll(strings.ReplaceAll(keys[0], "~1", "/"), "~0", "~")
	switch v := value.(type) {
	case map[string]any:
		old, ok := v[key]
		if !ok {
			return value, false
		}
		changed, ok := r.apply(old, keys[1:])
		if ok {
			v[key] = changed
		}
		return v, ok
	case []any:
		i, err := strconv.Atoi(key)
		if err != nil || i < 0 || i >= len(v) {
			return value, false
		}
		if len(keys) == 1 && r.New == "" {
			is := v[i] == r.Old
			return slices.Delete(v, i, i+1), is
		}
		changed, ok := r.apply(v[i], keys[1:])
		if ok {
			v[i] = changed
		}
		return v, ok
	}
	return value, false
}

// comparePointers orders the places of a document as they come in arrays.
func comparePointers(a, b string) int {
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	for i := range min(len(as), len(bs)) {
		if as[i] == bs[i] {
			continue
		}
		x, xerr := strconv.Atoi(as[i])
		y, yerr := strconv.Atoi(bs[i])
		if xerr == nil && yerr == nil {
			return x - y
		}
		return strings.Compare(as[i], bs[i])
	}
	return len(as) - len(bs)
}

// An Identity tells objects of a type apart where their ids say nothing, as in
// another tenant. Names are not unique, so it can fit several.
type Identity struct {
	Name     string
	Platform string // platforms and technologies, or the object's own type
	Template string // family of the template that it was made of
}

// IdentityOf returns the identity of an object whose summary is given.
func (t *Type) IdentityOf(doc []byte, s Summary) Identity {
	if t.Single != "" {
		return Identity{Platform: t.Single + "=" + string(Member(doc, t.Single))}
	}
	id := Identity{Name: strings.TrimSpace(s.Name)}
	for _, property := range []string{"platforms", "platform", "technologies"} {
		if value := Member(doc, property); value != nil {
			id.Platform += property + "=" + string(value) + " "
		}
	}
	if id.Platform == "" && !t.plain {
		id.Platform = s.OData
	}
	if reference := Member(doc, "templateReference"); reference != nil {
		id.Template, _ = text(Member(reference, "templateFamily"))
	}
	if template, ok := text(Member(doc, "templateId")); ok {
		id.Template = strings.ToLower(template)
	}
	return id
}
