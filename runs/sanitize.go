package runs

import (
	"strings"
	"unicode"
)

// Sanitize makes free text fit to be kept and shown: it keeps plain words and
// short numbers of s, and replaces everything else by a mark.
func Sanitize(s string) string {
	const limit = 256
	var b strings.Builder
	n := 0
	for word := range strings.FieldsSeq(s) {
		trimmed := strings.Trim(word, `.,:;!?"'()`)
		letters := strings.IndexFunc(trimmed, func(r rune) bool { return !unicode.IsLetter(r) }) < 0
		digits := strings.IndexFunc(trimmed, func(r rune) bool { return r < '0' || r > '9' }) < 0
		if letters && len(trimmed) > 20 || !letters && (!digits || len(trimmed) > 8) {
			word = "[removed]"
		}
		if n += len([]rune(word)) + 1; n > limit {
			break
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(word)
	}
	return b.String()
}
