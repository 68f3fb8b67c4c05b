package contract

import (
	"bytes"
	"encoding/json"
	"errors"
)

// errNotObject is for documents that are valid JSON but no object.
var errNotObject = errors.New("not a JSON object")

// A member is one member of a JSON object.
type member struct {
	key   []byte // decoded
	text  []byte // the key as it stands there, with quotes
	value []byte
}

// members calls f for every member of the JSON object doc, in order. Doc has
// to be valid JSON; if it is not, f may be called for a part of it.
func members(doc []byte, f func(member)) error {
	i := skipSpace(doc, 0)
	if i >= len(doc) || doc[i] != '{' {
		return errNotObject
	}
	i = skipSpace(doc, i+1)
	for i < len(doc) && doc[i] == '"' {
		end := skipString(doc, i)
		m := member{text: doc[i:end]}
		i = skipSpace(doc, end)
		if i >= len(doc) || doc[i] != ':' {
			return errNotObject
		}
		i = skipSpace(doc, i+1)
		end = skipValue(doc, i)
		m.key, m.value = keyOf(m.text), doc[i:end]
		f(m)
		if i = skipSpace(doc, end); i < len(doc) && doc[i] == ',' {
			i = skipSpace(doc, i+1)
		}
	}
	if i >= len(doc) || doc[i] != '}' {
		return errNotObject
	}
	return nil
}

// keyOf decodes a key. Graph has none with escapes.
func keyOf(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 && len(quoted) > 1 {
		return quoted[1 : len(quoted)-1]
	}
	s, _ := text(quoted)
	return []byte(s)
}

// elements calls f for every element of the JSON array doc, and for none if
// it is no array.
func elements(doc []byte, f func(i int, value []byte)) {
	if len(doc) == 0 || doc[0] != '[' {
		return
	}
	i := skipSpace(doc, 1)
	for n := 0; i < len(doc) && doc[i] != ']'; n++ {
		end := skipValue(doc, i)
		if end == i {
			return
		}
		f(n, doc[i:end])
		if i = skipSpace(doc, end); i < len(doc) && doc[i] == ',' {
			i = skipSpace(doc, i+1)
		}
	}
}

func skipSpace(doc []byte, i int) int {
	for i < len(doc) && (doc[i] == ' ' || doc[i] == '\n' || doc[i] == '\t' || doc[i] == '\r') {
		i++
	}
	return i
}

// skipString returns the index after the string that begins at i.
func skipString(doc []byte, i int) int {
	for i++; i < len(doc); i++ {
		n := bytes.IndexByte(doc[i:], '"')
		if n < 0 {
			return len(doc)
		}
		i += n
		back := i - 1
		for doc[back] == '\\' {
			back--
		}
		if (i-back)%2 == 1 {
			return i + 1
		}
	}
	return len(doc)
}

// skipValue returns the index after the value that begins at i.
func skipValue(doc []byte, i int) int {
	depth := 0
	for i < len(doc) {
		switch doc[i] {
		case '"':
			i = skipString(doc, i)
		case '{', '[':
			depth++
			i++
			continue
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
			i++
		case ',', ':', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i
			}
			i++
			continue
		default:
			for i < len(doc) && bytes.IndexByte(scalarEnd, doc[i]) < 0 {
				i++
			}
		}
		if depth == 0 {
			return i
		}
	}
	return i
}

var scalarEnd = []byte(",:]} \n\t\r")

// text returns the string that value is, and false if it is none.
func text(value []byte) (string, bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	if bytes.IndexByte(value, '\\') < 0 {
		return string(value[1 : len(value)-1]), true
	}
	var s string
	err := json.Unmarshal(value, &s)
	return s, err == nil
}
