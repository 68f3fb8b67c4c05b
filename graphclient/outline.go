package graphclient

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// Limits of the form of an answer. No answer of Graph comes near.
const (
	maxDepth   = 512
	maxMembers = 1 << 16 // of the outermost object
	maxItems   = 1 << 17 // on one page
)

// An outline is what the outermost object of an answer holds, found in one
// pass that also checks that the whole answer is JSON. Values are parts of
// the answer's own memory.
type outline struct {
	list  bool              // "value" is an array
	value []byte            // all of that array
	items []json.RawMessage // its elements
	parts []json.RawMessage // the elements of "responses"
	next  []byte            // "@odata.nextLink" as a JSON value; nil if absent or null
	delta []byte            // "@odata.deltaLink", likewise
	fault []byte            // "error", if nothing but annotations stands beside it
}

// outlineOf reads data, one JSON object.
func outlineOf(data []byte) (outline, *Error) {
	var o outline
	if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
		return o, bad("byte_order_mark")
	}
	if !utf8.Valid(data) {
		// A cut within a character is a cut, not a wrong encoding.
		if r, n := utf8.DecodeLastRune(data); r == utf8.RuneError && n == 1 && utf8.Valid(trimRune(data)) {
			return o, bad("truncated")
		}
		return o, bad("not_utf8")
	}
	s := scanner{data: data}
	s.space()
	if s.pos == len(data) {
		return o, bad("truncated")
	}
	if data[s.pos] != '{' {
		return o, bad("not_an_object")
	}
	if err := o.object(&s); err != nil {
		return outline{}, err
	}
	s.space()
	if s.pos != len(data) {
		return outline{}, bad("trailing_data")
	}
	return o, nil
}

// trimRune cuts the last bytes of data off that could begin a character.
func trimRune(data []byte) []byte {
	for i := len(data) - 1; i >= 0 && i >= len(data)-utf8.UTFMax; i-- {
		if utf8.RuneStart(data[i]) {
			return data[:i]
		}
	}
	return data
}

// object reads the outermost object.
func (o *outline) object(s *scanner) *Error {
	s.pos++ // the brace
	if s.peek() == '}' {
		s.pos++
		return nil
	}
	var seen [memberKinds]bool
	for n := 0; ; n++ {
		if n == maxMembers {
			return tooLarge("too_many_members")
		}
		name, err := s.name()
		if err != nil {
			return err
		}
		kind := memberKind(name)
		if seen[kind] && kind < annotation {
			return bad("duplicate_member")
		}
		seen[kind] = true
		if err := o.member(s, kind); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.pos++
		case '}':
			s.pos++
			if seen[valueMember] || seen[responsesMember] || seen[otherMember] {
				o.fault = nil // an object that has a property of that name
			}
			return nil
		default:
			return s.stop()
		}
	}
}

// The members of the outermost object that mean something.
const (
	valueMember = iota
	responsesMember
	nextMember
	deltaMember
	errorMember
	annotation
	otherMember
	memberKinds
)

// memberKind returns which member the name, in quotes, is.
func memberKind(quoted []byte) int {
	name := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		name = []byte(text(quoted))
	}
	switch string(name) {
	case "value":
		return valueMember
	case "responses":
		return responsesMember
	case "@odata.nextLink":
		return nextMember
	case "@odata.deltaLink":
		return deltaMember
	case "error":
		return errorMember
	}
	if bytes.HasPrefix(name, []byte("@")) {
		return annotation
	}
	return otherMember
}

// member reads the value of a member and keeps it if it means something.
func (o *outline) member(s *scanner, kind int) *Error {
	first := s.peek()
	start := s.pos
	if first == '[' && kind <= responsesMember {
		items, err := s.elements()
		if kind == responsesMember {
			o.parts = items
		} else {
			o.list, o.items, o.value = true, items, s.data[start:s.pos]
		}
		return err
	}
	if err := s.skip(2); err != nil {
		return err
	}
	value := s.data[start:s.pos]
	switch {
	case kind == nextMember && first != 'n':
		o.next = value
	case kind == deltaMember && first != 'n':
		o.delta = value
	case kind == errorMember && first == '{':
		o.fault = value
	}
	return nil
}
