package runs

import (
	"html"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// visible returns s without everything that cannot be seen, so that what is
// read as one word is one word: broken UTF-8, control and format characters,
// unassigned and private ones. Line breaks, with the space around them, become
// one newline each; other space becomes one blank. It stops after limit visible
// bytes, or four times as many in all, and drops the word that it was in.
func visible(s string, limit int) string {
	var b strings.Builder
	b.Grow(min(len(s), limit+utf8.UTFMax))
	space, lastSpace := byte(0), 0 // the space that is due, and where the last one stands
	for i := 0; i < len(s); {
		r, n := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(s[i:])
		}
		i += n
		switch {
		case '!' <= r && r <= '~':
		case r == '\n' || r == '\r' || r == '\v' || r == '\f' || r == 0x85 || r == 0x2028 || r == 0x2029:
			space = '\n'
			continue
		case unicode.IsSpace(r):
			if space == 0 {
				space = ' '
			}
			continue
		case !seen(r):
			continue
		}
		if space != 0 && b.Len() > 0 {
			lastSpace = b.Len()
			b.WriteByte(space)
		}
		space = 0
		b.WriteRune(r)
		if i < len(s) && (b.Len() >= limit || i >= 4*limit) {
			if lastSpace == 0 {
				return removed // one word of that length is none
			}
			return b.String()[:lastSpace]
		}
	}
	return b.String()
}

// seen reports whether r can be seen. The replacement character stands for
// bytes that are lost, so it is left out like those.
func seen(r rune) bool {
	switch {
	case r == utf8.RuneError, 0x200b <= r && r <= 0x200f, 0x202a <= r && r <= 0x202e, 0x2060 <= r && r <= 0x206f, r == 0x2800:
		return false // the usual ones first, since they come in masses
	case r <= 0xff:
		return r > 0xa0 && r != 0xad
	}
	return unicode.IsPrint(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// oneLine returns s with a blank for each line break, and no blanks around it.
func oneLine(s string) string { return strings.Trim(strings.ReplaceAll(s, "\n", " "), " ") }

// decode takes away the encodings that a secret can be dressed in, layer after
// layer, from visible text. It reports false if there is no end to them.
func decode(s string) (string, bool) {
	for range 5 {
		d := s
		if strings.IndexByte(d, '%') >= 0 {
			d = unescapePercent(d)
		}
		if strings.IndexByte(d, '\\') >= 0 {
			d = unescapeBackslash(d)
		}
		if strings.IndexByte(d, '&') >= 0 {
			d = html.UnescapeString(d)
		}
		d = fold(d)
		if d == s {
			return s, true
		}
		s = visible(d, len(d)+1)
	}
	return "", false
}

// fold replaces look-alikes of ASCII by ASCII, and takes away accents that stand
// on their own.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < utf8.RuneSelf:
			return r
		case '！' <= r && r <= '～': // full width
			return r - '！' + '!'
		case 0x1d400 <= r && r <= 0x1d6a3: // mathematical alphabets, each A to Z, a to z
			i := (r - 0x1d400) % 52
			return 'A' + i + i/26*('a'-'Z'-1)
		case 0x1d7ce <= r && r <= 0x1d7ff: // their digits
			return '0' + (r-0x1d7ce)%10
		case 0x300 <= r && r <= 0x36f, 0x20d0 <= r && r <= 0x20ff: // combining marks
			return -1
		case r == '‐' || r == '‑' || r == '−':
			return '-'
		}
		return r
	}, s)
}

// unescapePercent decodes %41 and, as old scripts write it, %u0041.
func unescapePercent(s string) string {
	return unescapeEach(s, '%', func(rest string) (string, int) {
		if strings.HasPrefix(rest, "u") || strings.HasPrefix(rest, "U") {
			return hexText(rest, 1, 4)
		}
		return hexText(rest, 0, 2)
	})
}

// unescapeBackslash decodes the escapes of JSON and of programming languages.
func unescapeBackslash(s string) string {
	return unescapeEach(s, '\\', func(rest string) (string, int) {
		if rest == "" {
			return "", 0
		}
		switch rest[0] {
		case 'u':
			return hexText(rest, 1, 4)
		case 'U':
			return hexText(rest, 1, 8)
		case 'x':
			return hexText(rest, 1, 2)
		case 'n', 'r', 'f', 'v':
			return "\n", 1
		case 't', 'b':
			return " ", 1
		case '"', '\'', '/', '\\':
			return rest[:1], 1
		}
		return "", 0
	})
}

// unescapeEach replaces every mark and what follows it by what decode says, as
// far as decode says that it used some of it.
func unescapeEach(s string, mark byte, decode func(rest string) (text string, used int)) string {
	var b strings.Builder
	b.Grow(len(s))
	for {
		i := strings.IndexByte(s, mark)
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i])
		text, used := decode(s[i+1:])
		if used == 0 {
			text = s[i : i+1]
		}
		b.WriteString(text)
		s = s[i+1+used:]
	}
}

// hexText decodes the n hexadecimal digits of s from offset from on: two are a
// byte, more are a rune, or half of one, whose other half follows.
func hexText(s string, from, n int) (text string, used int) {
	r, ok := hexRune(s, from, n)
	if !ok {
		return "", 0
	}
	used = from + n
	if n == 2 {
		return string([]byte{byte(r)}), used
	}
	if utf16.IsSurrogate(r) && len(s) > used && (s[used] == '\\' || s[used] == '%') {
		if low, ok := hexRune(s[used+1:], from, n); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return string(pair), used + 1 + used
			}
		}
	}
	return string(r), used // half a rune becomes the replacement character, which is not visible
}

func hexRune(s string, from, n int) (rune, bool) {
	if len(s) < from+n {
		return 0, false
	}
	v, err := strconv.ParseUint(s[from:from+n], 16, 32)
	return rune(v), err == nil
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func isAlnum(c byte) bool  { return isDigit(c) || isLetter(c) }
func isHex(c byte) bool    { return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' }
