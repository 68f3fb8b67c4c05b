package graphclient

import (
	"bytes"
	"encoding/json"
)

// A scanner reads JSON by the letter of RFC 8259.
type scanner struct {
	data []byte
	pos  int
}

// stop returns the error for a byte that may not stand where it does, or for
// the end of the data.
func (s *scanner) stop() *Error {
	if s.pos >= len(s.data) {
		return bad("truncated")
	}
	return bad("not_json")
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return
		}
	}
}

// peek returns the next byte that is not space, or 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.pos >= len(s.data) {
		return 0
	}
	return s.data[s.pos]
}

// name reads the name of a member, which it returns in its quotes, and the
// colon.
func (s *scanner) name() ([]byte, *Error) {
	if s.peek() != '"' {
		return nil, s.stop()
	}
	start := s.pos
	if err := s.str(); err != nil {
		return nil, err
	}
	name := s.data[start:s.pos]
	if s.peek() != ':' {
		return nil, s.stop()
	}
	s.pos++
	return name, nil
}

// elements reads an array and returns its elements.
func (s *scanner) elements() ([]json.RawMessage, *Error) {
	s.pos++ // the bracket
	if s.peek() == ']' {
		s.pos++
		return nil, nil
	}
	var items []json.RawMessage
	for {
		s.space()
		start := s.pos
		if err := s.skip(3); err != nil {
			return nil, err
		}
		if len(items) == maxItems {
			return nil, tooLarge("too_many_items")
		}
		if items == nil {
			// Objects of a page are alike, so the first tells how many there
			// are: one allocation instead of several.
			items = make([]json.RawMessage, 0, min(1024, 1+(len(s.data)-start)/(s.pos-start+1)))
		}
		items = append(items, json.RawMessage(s.data[start:s.pos:s.pos]))
		switch s.peek() {
		case ',':
			s.pos++
		case ']':
			s.pos++
			return items, nil
		default:
			return nil, s.stop()
		}
	}
}

// skip reads one value, which is depth levels deep.
func (s *scanner) skip(depth int) *Error {
	switch c := s.peek(); {
	case c == '"':
		return s.str()
	case c == '{':
		return s.nested(depth, '}')
	case c == '[':
		return s.nested(depth, ']')
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	case c == 'n':
		return s.literal("null")
	case c == '-' || '0' <= c && c <= '9':
		return s.number()
	default:
		return s.stop()
	}
}

// nested reads an object or an array.
func (s *scanner) nested(depth int, end byte) *Error {
	if depth > maxDepth {
		return tooLarge("too_deep")
	}
	s.pos++
	if s.peek() == end {
		s.pos++
		return nil
	}
	for {
		if end == '}' {
			if _, err := s.name(); err != nil {
				return err
			}
		}
		if err := s.skip(depth + 1); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.pos++
		case end:
			s.pos++
			return nil
		default:
			return s.stop()
		}
	}
}

// str reads a string.
func (s *scanner) str() *Error {
	data := s.data
	for i := s.pos + 1; i < len(data); i++ {
		switch c := data[i]; {
		case c == '"':
			s.pos = i + 1
			return nil
		case c == '\\':
			s.pos = i
			if err := s.escape(); err != nil {
				return err
			}
			i = s.pos - 1
		case c < ' ':
			return bad("not_json")
		}
	}
	s.pos = len(data)
	return bad("truncated")
}

// escape reads an escape sequence.
func (s *scanner) escape() *Error {
	if s.pos++; s.pos >= len(s.data) {
		return s.stop()
	}
	c := s.data[s.pos]
	s.pos++
	if c != 'u' {
		if bytes.IndexByte([]byte(`"\/bfnrt`), c) < 0 {
			return bad("not_json")
		}
		return nil
	}
	for range 4 {
		if s.pos >= len(s.data) {
			return s.stop()
		}
		if c := s.data[s.pos] | 0x20; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return bad("not_json")
		}
		s.pos++
	}
	return nil
}

func (s *scanner) literal(word string) *Error {
	for i := range len(word) {
		if s.pos >= len(s.data) || s.data[s.pos] != word[i] {
			return s.stop()
		}
		s.pos++
	}
	return nil
}

// number reads a number. One that the data ends after is complete as far as
// it goes; the object around it is then not.
func (s *scanner) number() *Error {
	if s.data[s.pos] == '-' {
		s.pos++
	}
	switch {
	case s.pos < len(s.data) && s.data[s.pos] == '0':
		s.pos++
	case !s.digits():
		return s.stop()
	}
	if s.pos < len(s.data) && s.data[s.pos] == '.' {
		if s.pos++; !s.digits() {
			return s.stop()
		}
	}
	if s.pos < len(s.data) && s.data[s.pos]|0x20 == 'e' {
		s.pos++
		if s.pos < len(s.data) && (s.data[s.pos] == '+' || s.data[s.pos] == '-') {
			s.pos++
		}
		if !s.digits() {
			return s.stop()
		}
	}
	return nil
}

// digits reads digits and reports whether there was one.
func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.data) && '0' <= s.data[s.pos] && s.data[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > start
}

// text returns the string that the JSON value quoted is, or "" if it is none.
func text(quoted []byte) string {
	var s string
	if json.Unmarshal(quoted, &s) != nil {
		return ""
	}
	return s
}
