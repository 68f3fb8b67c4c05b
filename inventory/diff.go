package inventory

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Change is one difference between two documents.
type Change struct {
	// Pointer is the JSON pointer of the value: in the later document, or in
	// the earlier one if it was removed.
	Pointer string `json:"pointer"`

	// Before and After are the values; one that was not there is empty. What is
	// longer than [MaxValue] bytes is cut, so that it is no JSON any more.
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// Limits of what a list of changes holds.
const (
	MaxChanges = 100
	MaxValue   = 300
)

// Diff returns the differences between two documents in normal form, in the
// order of the later one, and whether there are more than [MaxChanges]. An
// element that has moved within an array is no difference if the array is equal
// otherwise. Secrets are in no normal form.
func Diff(before, after []byte) (changes []Change, more bool, err error) {
	var a, b any
	for doc, into := range map[*[]byte]*any{&before: &a, &after: &b} {
		dec := json.NewDecoder(bytes.NewReader(*doc))
		dec.UseNumber()
		if err := dec.Decode(into); err != nil {
			return nil, false, fmt.Errorf("diff: %w", err)
		}
	}
	d := differ{}
	d.compare("", a, b)
	return d.changes, d.more, nil
}

type differ struct {
	changes []Change
	more    bool
}

func (d *differ) add(pointer string, a, b any) {
	if len(d.changes) == MaxChanges {
		d.more = true
		return
	}
	d.changes = append(d.changes, Change{Pointer: pointer, Before: shown(a), After: shown(b)})
}

// absent stands for a value that is not there; null is one that is.
type absent struct{}

// shown returns the JSON of a value, or its beginning.
func shown(v any) string {
	if v == (absent{}) {
		return ""
	}
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	if len(text) > MaxValue {
		return strings.ToValidUTF8(string(text[:MaxValue]), "") + "…"
	}
	return string(text)
}

func (d *differ) compare(pointer string, a, b any) {
	if d.more {
		return
	}
	switch x := a.(type) {
	case map[string]any:
		if y, ok := b.(map[string]any); ok {
			d.members(pointer, x, y)
			return
		}
	case []any:
		if y, ok := b.([]any); ok {
			d.elements(pointer, x, y)
			return
		}
	}
	if text(a) != text(b) {
		d.add(pointer, a, b)
	}
}

// text is the one form of a value, for comparisons.
func text(v any) string {
	doc, err := json.Marshal(v) // sorts the members
	if err != nil {
		return ""
	}
	return string(doc)
}

func (d *differ) members(pointer string, a, b map[string]any) {
	keys := make([]string, 0, len(a)+len(b))
	for k := range a {
		keys = append(keys, k)
	}
	for k := range b {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range slices.Compact(keys) {
		x, inA := a[k]
		y, inB := b[k]
		at := pointer + "/" + strings.ReplaceAll(strings.ReplaceAll(k, "~", "~0"), "/", "~1")
		switch {
		case !inA:
			d.add(at, absent{}, y)
		case !inB:
			d.add(at, x, absent{})
		default:
			d.compare(at, x, y)
		}
	}
}

// elements compares arrays: what is equal in both goes away first, then what
// has the same name is compared, then what is at the same place.
func (d *differ) elements(pointer string, a, b []any) {
	pairs := make([]int, len(b)) // one more than the place in a that each of b goes with; 0 for none
	taken := make([]bool, len(a))
	pair(pairs, taken, a, b, text)
	pair(pairs, taken, a, b, nameOf)
	pair(pairs, taken, a, b, func(any) string { return "any" })
	for i, at := range pairs {
		if where := pointer + "/" + strconv.Itoa(i); at == 0 {
			d.add(where, absent{}, b[i])
		} else {
			d.compare(where, a[at-1], b[i])
		}
	}
	for i, v := range a {
		if !taken[i] {
			d.add(pointer+"/"+strconv.Itoa(i), v, absent{})
		}
	}
}

// pair pairs the elements that are left and have the same key, which is not
// empty, in their order.
func pair(pairs []int, taken []bool, a, b []any, key func(any) string) {
	left := make(map[string][]int)
	for i, v := range a {
		if k := key(v); k != "" && !taken[i] {
			left[k] = append(left[k], i)
		}
	}
	for i, v := range b {
		if pairs[i] > 0 {
			continue
		}
		k := key(v)
		if at := left[k]; k != "" && len(at) > 0 {
			pairs[i], left[k] = at[0]+1, at[1:]
			taken[at[0]] = true
		}
	}
}

// nameOf returns what an element is called among its siblings.
func nameOf(v any) string {
	o, ok := v.(map[string]any)
	if !ok {
		return ""
	}
	for _, key := range []string{"settingDefinitionId", "definitionId", "omaUri", "id", "name", "displayName", "locale", "ruleName"} {
		if s, ok := o[key].(string); ok && s != "" {
			return key + "=" + s
		}
	}
	if inner, ok := o["settingInstance"]; ok {
		return nameOf(inner)
	}
	if inner, ok := o["target"].(map[string]any); ok {
		return fmt.Sprint("target=", inner["@odata.type"], inner["groupId"])
	}
	return ""
}
