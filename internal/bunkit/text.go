package bunkit

import (
	"strings"
	"unicode/utf8"
)

// Clean returns s with U+FFFD in place of what a column cannot hold; see
// [Storable].
func Clean(s string) string {
	if Storable(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// Cut returns the first whole characters of s that have no more than size
// bytes, and the rest.
func Cut(s string, size int) (begin, rest string) {
	if len(s) <= size {
		return s, ""
	}
	for size > 0 && !utf8.RuneStart(s[size]) {
		size--
	}
	return s[:size], s[size:]
}
