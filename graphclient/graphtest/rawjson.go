package graphtest

import (
	"bytes"
	"encoding/json"
	"iter"
	"strconv"
	"strings"
)

// Documents stay bytes from load to answer. These helpers walk compact JSON
// that json.Valid has accepted; on anything else they stop early, they do not
// fail.

// membersOf yields the members of the JSON object raw: decoded keys, raw values.
func membersOf(raw []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		i := skipSpace(raw, 0)
		if i >= len(raw) || raw[i] != '{' {
			return
		}
		for i = skipSpace(raw, i+1); i < len(raw) && raw[i] == '"'; {
			end := skipValue(raw, i)
			key := unquote(raw[i:end])
			start := skipSpace(raw, end)
			if start >= len(raw) || raw[start] != ':' {
				return
			}
			start = skipSpace(raw, start+1)
			end = skipValue(raw, start)
			if !yield(key, raw[start:end:end]) {
				return
			}
			i = skipSpace(raw, end)
			if i < len(raw) && raw[i] == ',' {
				i = skipSpace(raw, i+1)
			}
		}
	}
}

// elements yields the elements of the JSON array raw.
func elements(raw []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		i := skipSpace(raw, 0)
		if i >= len(raw) || raw[i] != '[' {
			return
		}
		for i = skipSpace(raw, i+1); i < len(raw) && raw[i] != ']'; {
			end := skipValue(raw, i)
			if end <= i || !yield(raw[i:end:end]) {
				return
			}
			i = skipSpace(raw, end)
			if i < len(raw) && raw[i] == ',' {
				i = skipSpace(raw, i+1)
			}
		}
	}
}

// member returns the raw value of one member of raw, or nil. Names of Graph
// properties match in any case.
func member(raw []byte, name string) []byte {
	for k, v := range membersOf(raw) {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return nil
}

// text returns the string that raw holds, or "".
func text(raw []byte) string {
	if len(raw) < 2 || raw[0] != '"' {
		return ""
	}
	return unquote(raw)
}

func isObject(raw []byte) bool { return len(raw) > 0 && raw[0] == '{' }
func isArray(raw []byte) bool  { return len(raw) > 0 && raw[0] == '[' }

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// skipValue returns the index behind the value that starts at i.
func skipValue(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			i = skipString(b, i)
			if depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			if depth == 0 {
				return i + 1
			}
			if depth < 0 {
				return i
			}
		case ',', ':', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return i
}

func skipString(b []byte, i int) int {
	for i++; i < len(b); {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return len(b)
		}
		end := i + n
		slashes := 0
		for k := end - 1; k >= i && b[k] == '\\'; k-- {
			slashes++
		}
		i = end + 1
		if slashes%2 == 0 {
			return i
		}
	}
	return len(b)
}

func unquote(raw []byte) string {
	if len(raw) >= 2 && bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return string(raw)
	}
	return s
}

// quote appends s as a JSON string.
func quote(dst []byte, s string) []byte {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] >= 0x7f || s[i] == '"' || s[i] == '\\' {
			b, _ := json.Marshal(s) // a string always marshals
			return append(dst, b...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// An objectWriter builds a JSON object.
type objectWriter struct{ b []byte }

func newObject(capacity int) *objectWriter {
	return &objectWriter{append(make([]byte, 0, capacity), '{')}
}

// key opens a member; the caller appends the value to w.b.
func (w *objectWriter) key(name string) {
	if len(w.b) > 0 && w.b[len(w.b)-1] != '{' {
		w.b = append(w.b, ',')
	}
	w.b = append(quote(w.b, name), ':')
}

func (w *objectWriter) raw(name string, value []byte) {
	w.key(name)
	w.b = append(w.b, value...)
}

func (w *objectWriter) str(name, value string) {
	w.key(name)
	w.b = quote(w.b, value)
}

func (w *objectWriter) num(name string, value int) {
	w.key(name)
	w.b = strconv.AppendInt(w.b, int64(value), 10)
}

func (w *objectWriter) bytes() []byte { return append(w.b, '}') }

// setMember returns raw with the member name set to value, at its old place
// or at the end.
func setMember(raw []byte, name string, value []byte) []byte {
	w, done := newObject(len(raw)+len(name)+len(value)+4), false
	for k, v := range membersOf(raw) {
		if k == name {
			v, done = value, true
		}
		w.raw(k, v)
	}
	if !done {
		w.raw(name, value)
	}
	return w.bytes()
}
