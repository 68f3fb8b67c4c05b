package bunkit

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

const (
	cursorVersion = 1
	cursorFilter  = 8 // bytes of the filter's hash
)

// Cursor returns an opaque text for a position in a list: the values of the
// last row's sort key. Filter is everything, apart from the size of a page,
// that decides which rows are listed and in which order, the tenant included.
//
// It is neither encrypted nor signed. A position only says where to go on; the
// statement selects the tenant and applies the filter again.
func Cursor(filter string, pos ...string) string {
	sum := sha256.Sum256([]byte(filter))
	b := append([]byte{cursorVersion}, sum[:cursorFilter]...)
	for _, p := range pos {
		b = binary.AppendUvarint(b, uint64(len(p)))
		b = append(b, p...)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// Position returns the n values of a cursor, and reports whether it is one
// that [Cursor] made for this filter and n values.
func Position(cursor, filter string, n int) ([]string, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	sum := sha256.Sum256([]byte(filter))
	head := string(append([]byte{cursorVersion}, sum[:cursorFilter]...))
	if err != nil || len(b) < len(head) || string(b[:len(head)]) != head {
		return nil, false
	}
	b = b[len(head):]
	pos := make([]string, 0, n)
	for range n {
		size, used := binary.Uvarint(b)
		if used <= 0 || size > uint64(len(b)-used) {
			return nil, false
		}
		b = b[used:]
		pos = append(pos, string(b[:size]))
		b = b[size:]
	}
	return pos, len(b) == 0
}
