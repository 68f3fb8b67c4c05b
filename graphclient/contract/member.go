package contract

import (
	"encoding/json"
	"slices"
	"strconv"
)

// Member returns the value of a member of the JSON object doc, or nil if it
// has none or is no object. It shares the memory of doc.
func Member(doc []byte, name string) json.RawMessage {
	var found json.RawMessage
	_ = members(doc, func(m member) {
		if string(m.key) == name {
			found = slices.Clip(m.value)
		}
	})
	return found
}

// WithMember appends the JSON object doc with the named member, in place of
// those of that name which doc has. The rest stays byte by byte, but for space
// around members. The name is one of Graph's properties, the value valid JSON;
// nil leaves the member out. It reports an error, and returns dst as it was, if
// doc is no object.
func WithMember(dst, doc []byte, name string, value []byte) ([]byte, error) {
	out := append(dst, '{')
	err := members(doc, func(m member) {
		if string(m.key) != name {
			out = append(append(append(out, m.text...), ':'), m.value...)
			out = append(out, ',')
		}
	})
	if err != nil {
		return dst, err
	}
	if value == nil {
		if out[len(out)-1] == ',' {
			out = out[:len(out)-1]
		}
		return append(out, '}'), nil
	}
	out = append(strconv.AppendQuote(out, name), ':')
	return append(append(out, value...), '}'), nil
}

// Text returns the string that the JSON value is, as [Member] gives it; empty if
// it is none.
func Text(value []byte) string {
	s, _ := text(value)
	return s
}
