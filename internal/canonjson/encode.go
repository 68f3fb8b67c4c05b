package canonjson

import (
	"bytes"
	"cmp"
	"slices"
)

// A member is one member of an object, or one element of a set, that has been
// written to Encoder.dst and may still have to move.
type member struct {
	prefix      uint64 // first eight bytes of the decoded key, to compare quickly
	start, stop int    // what it occupies in dst: "key":value, with the comma
	key         int    // end of the key's text in dst, which begins after start's quote
	off         int    // where its key stands in src
	escaped     bool   // the key's text in dst has escapes
	dropped     bool
}

func (e *Encoder) fail(offset int, err error) error { return &Error{Offset: offset, Err: err} }

// next skips white space and returns the byte after it without reading it, or 0
// at the end, which no caller takes for anything valid.
func (e *Encoder) next() byte {
	for ; e.pos < len(e.src); e.pos++ {
		if c := e.src[e.pos]; c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c
		}
	}
	return 0
}

func (e *Encoder) document() error {
	if err := e.value(false); err != nil {
		return err
	}
	if e.next(); e.pos < len(e.src) {
		return e.fail(e.pos, ErrSyntax)
	}
	return nil
}

// value reads one value and appends its canonical form. If it is an array and
// set is true, order has no meaning in it.
func (e *Encoder) value(set bool) error {
	switch c := e.next(); {
	case c == '{':
		return e.nested(e.object)
	case c == '[' && set:
		return e.nested(e.set)
	case c == '[':
		return e.nested(e.array)
	case c == '"':
		_, err := e.text()
		return err
	case c == '-' || '0' <= c && c <= '9':
		return e.number()
	case c == 't':
		return e.literal("true")
	case c == 'f':
		return e.literal("false")
	case c == 'n':
		return e.literal("null")
	}
	return e.fail(e.pos, ErrSyntax)
}

func (e *Encoder) literal(s string) error {
	if !bytes.HasPrefix(e.src[e.pos:], []byte(s)) {
		return e.fail(e.pos, ErrSyntax)
	}
	e.pos += len(s)
	e.dst = append(e.dst, s...)
	return nil
}

// nested calls f, which reads an object or an array, one level deeper.
func (e *Encoder) nested(f func() error) error {
	if e.depth == MaxDepth {
		return e.fail(e.pos, ErrDepth)
	}
	e.depth++
	err := f()
	e.depth--
	return err
}

func (e *Encoder) array() error {
	return e.elements(func() error { return e.value(false) })
}

// set reads an array and sorts its elements.
func (e *Encoder) set() error {
	start, base := len(e.dst), len(e.members)
	err := e.elements(func() error {
		m := member{start: len(e.dst)}
		if err := e.value(false); err != nil {
			return err
		}
		m.stop = len(e.dst) + 1
		e.members = append(e.members, m)
		return nil
	})
	if err != nil {
		return err
	}
	ms := e.members[base:]
	if len(ms) > 1 {
		e.dst[len(e.dst)-1] = ',' // like all others, while they move
		slices.SortFunc(ms, func(a, b member) int {
			return bytes.Compare(e.dst[a.start:a.stop-1], e.dst[b.start:b.stop-1])
		})
		e.reorder(start+1, ms)
		e.dst[len(e.dst)-1] = ']'
	}
	e.members = e.members[:base]
	return nil
}

// elements reads an array, each of its elements with element.
func (e *Encoder) elements(element func() error) error {
	e.pos++
	e.dst = append(e.dst, '[')
	if e.next() == ']' {
		e.pos++
		e.dst = append(e.dst, ']')
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		switch e.next() {
		case ',':
			e.dst = append(e.dst, ',')
		case ']':
			e.pos++
			e.dst = append(e.dst, ']')
			return nil
		default:
			return e.fail(e.pos, ErrSyntax)
		}
		e.pos++
	}
}

func (e *Encoder) object() error {
	start, base := len(e.dst), len(e.members)
	e.pos++
	e.dst = append(e.dst, '{')
	if e.next() == '}' {
		e.pos++
		e.dst = append(e.dst, '}')
		return nil
	}
	for {
		if err := e.member(); err != nil {
			return err
		}
		c := e.next()
		e.pos++
		if c == '}' {
			break
		}
		if c != ',' {
			return e.fail(e.pos-1, ErrSyntax)
		}
	}
	if err := e.arrange(start+1, e.members[base:]); err != nil {
		return err
	}
	e.members = e.members[:base]
	if n := len(e.dst); n > start+1 {
		e.dst[n-1] = '}' // instead of the last comma
	} else {
		e.dst = append(e.dst, '}')
	}
	return nil
}

// member reads one member, appends it with a comma, and notes it in e.members.
func (e *Encoder) member() error {
	m := member{start: len(e.dst)}
	if e.next() != '"' {
		return e.fail(e.pos, ErrSyntax)
	}
	m.off = e.pos
	var err error
	if m.escaped, err = e.text(); err != nil {
		return err
	}
	m.key = len(e.dst) - 1
	m.prefix = prefix(e.dst[m.start+1:m.key], m.escaped)
	if e.next() != ':' {
		return e.fail(e.pos, ErrSyntax)
	}
	e.pos++
	e.dst = append(e.dst, ':')
	if m.dropped, err = e.memberValue(m); err != nil {
		return err
	}
	e.dst = append(e.dst, ',')
	m.stop = len(e.dst)
	e.members = append(e.members, m)
	return nil
}

// memberValue reads the value of m and reports whether m is to be dropped.
func (e *Encoder) memberValue(m member) (bool, error) {
	o, start := &e.Options, len(e.dst)
	if o.Drop == nil && o.Unordered == nil {
		err := e.value(false)
		return o.DropNull && string(e.dst[start:]) == "null", err
	}
	// Bytes of an unfinished object do not move, and if dst grows, the old
	// memory stays as it is: the path may point there.
	key := e.dst[m.start+1 : m.key : m.key]
	if m.escaped {
		key = unescape(key)
	}
	e.path = append(e.path, key)
	set := o.Unordered != nil && e.next() == '[' && o.Unordered(e.path)
	err := e.value(set)
	drop := false
	if err == nil {
		value := e.dst[start:len(e.dst):len(e.dst)]
		drop = o.DropNull && string(value) == "null" || o.Drop != nil && o.Drop(e.path, value)
	}
	e.path = e.path[:len(e.path)-1]
	return drop, err
}

// arrange puts the members ms, which fill e.dst from start, in order and leaves
// the dropped ones out. Those take part until then, so that a duplicate is found
// whatever its value.
func (e *Encoder) arrange(start int, ms []member) error {
	sorted, dropped := true, false
	for i := range ms {
		sorted = sorted && (i == 0 || e.compare(ms[i-1], ms[i]) < 0)
		dropped = dropped || ms[i].dropped
	}
	if !sorted {
		slices.SortFunc(ms, e.compare)
		for i := 1; i < len(ms); i++ {
			if e.compare(ms[i-1], ms[i]) == 0 {
				return e.fail(max(ms[i-1].off, ms[i].off), ErrDuplicateKey)
			}
		}
	}
	if !sorted || dropped {
		e.reorder(start, ms)
	}
	return nil
}

// reorder rewrites e.dst from start on as the members ms that are not dropped.
// It uses the room behind the output, which is there from the document before.
func (e *Encoder) reorder(start int, ms []member) {
	end := len(e.dst)
	e.dst = slices.Grow(e.dst, end-start)
	for i := range ms {
		if !ms[i].dropped {
			e.dst = append(e.dst, e.dst[ms[i].start:ms[i].stop]...)
		}
	}
	n := copy(e.dst[start:], e.dst[end:])
	e.dst = e.dst[:start+n]
}

// compare orders members by the UTF-8 bytes of their decoded keys.
func (e *Encoder) compare(a, b member) int {
	if a.prefix != b.prefix {
		return cmp.Compare(a.prefix, b.prefix)
	}
	x, y := e.dst[a.start+1:a.key], e.dst[b.start+1:b.key]
	if a.escaped || b.escaped {
		x, y = unescape(x), unescape(y)
	}
	return bytes.Compare(x, y)
}
