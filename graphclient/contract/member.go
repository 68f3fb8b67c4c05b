package contract

import "encoding/json"

// Member returns the value of a member of the JSON object doc, or nil if it
// has none or is no object. It shares the memory of doc.
func Member(doc []byte, name string) json.RawMessage {
	var found json.RawMessage
	_ = members(doc, func(key, value []byte) {
		if string(key) == name {
			found = value[:len(value):len(value)]
		}
	})
	return found
}

// WithMember appends the JSON object doc with the named member, in place of
// those of that name which doc has. The rest stays byte by byte, but for space
// around members. It reports an error, and returns dst as it was, if doc is no
// object.
func WithMember(dst, doc []byte, name string, value []byte) ([]byte, error) {
	out := append(dst, '{')
	err := members(doc, func(key, v []byte) {
		if string(key) != name {
			out = appendMember(out, key, v)
			out = append(out, ',')
		}
	})
	if err != nil {
		return dst, err
	}
	return append(appendMember(out, []byte(name), value), '}'), nil
}

func appendMember(dst, key, value []byte) []byte {
	dst = append(append(append(dst, '"'), key...), '"', ':')
	return append(dst, value...)
}
