package canonjson

import (
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

// text reads a string and appends its canonical form. It reports whether that
// form has escapes in it.
func (e *Encoder) text() (escaped bool, err error) {
	e.pos++
	e.dst = append(e.dst, '"')
	for {
		from := e.pos
		ascii := e.plain()
		if s := e.src[from:e.pos]; !ascii && !utf8.Valid(s) {
			return false, e.fail(from+invalidAt(s), ErrText)
		}
		e.dst = append(e.dst, e.src[from:e.pos]...)
		switch {
		case e.pos == len(e.src) || e.src[e.pos] < ' ':
			return false, e.fail(e.pos, ErrSyntax)
		case e.src[e.pos] == '"':
			e.pos++
			e.dst = append(e.dst, '"')
			return escaped, nil
		}
		r, err := e.escape()
		if err != nil {
			return false, err
		}
		n := len(e.dst)
		e.dst = appendRune(e.dst, r)
		escaped = escaped || e.dst[n] == '\\'
	}
}

// plain moves e.pos to the next quote, backslash or control character, or to
// the end, and reports whether it passed nothing but ASCII.
func (e *Encoder) plain() bool {
	var all byte
	src, i := e.src, e.pos
	for ; i < len(src); i++ {
		c := src[i]
		if c == '"' || c == '\\' || c < ' ' {
			break
		}
		all |= c
	}
	e.pos = i
	return all < utf8.RuneSelf
}

// invalidAt returns the offset of the first byte of s that is not UTF-8.
func invalidAt(s []byte) int {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRune(s[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(s)
}

// escape reads one escape, or two that form a surrogate pair.
func (e *Encoder) escape() (rune, error) {
	at := e.pos
	if at+1 == len(e.src) {
		return 0, e.fail(at+1, ErrSyntax)
	}
	e.pos += 2
	switch c := e.src[at+1]; c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
	default:
		return 0, e.fail(at, ErrSyntax)
	}
	r, ok := e.hex4(at)
	if !ok {
		return 0, e.fail(at, ErrSyntax)
	}
	e.pos = at + 6
	if !utf16.IsSurrogate(r) {
		return r, nil
	}
	// What follows a high half is read only as its low half. If it is anything
	// else, also invalid JSON, the high half is what is wrong first.
	low, _ := e.hex4(e.pos)
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, e.fail(at, ErrText)
	}
	e.pos += 6
	return r, nil
}

// hex4 returns the number of the \uXXXX escape at offset i of the input.
func (e *Encoder) hex4(i int) (rune, bool) {
	if i+6 > len(e.src) || e.src[i] != '\\' || e.src[i+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range e.src[i+2 : i+6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// appendRune appends r as it stands in a canonical string.
func appendRune(dst []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(dst, '\\', byte(r))
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	if r < ' ' {
		const hex = "0123456789abcdef"
		return append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
	}
	return utf8.AppendRune(dst, r)
}

// unescape returns the text that the inside of a canonical string stands for.
// All its escapes are for single bytes, and there are no unknown ones.
func unescape(s []byte) []byte {
	out := make([]byte, 0, len(s))
	e := Encoder{src: s}
	for e.pos < len(s) {
		if s[e.pos] != '\\' {
			out = append(out, s[e.pos])
			e.pos++
			continue
		}
		r, _ := e.escape()
		out = append(out, byte(r))
	}
	return out
}

// prefix returns the first eight bytes of a key as a number of the same order.
func prefix(key []byte, escaped bool) uint64 {
	if escaped {
		key = unescape(key)
	}
	if len(key) >= 8 {
		return binary.BigEndian.Uint64(key)
	}
	var b [8]byte
	copy(b[:], key)
	return binary.BigEndian.Uint64(b[:])
}
