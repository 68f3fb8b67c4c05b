package runs

import (
	"strings"
	"unicode/utf8"
)

// readable reports whether people would have written word, which has no blanks:
// it consists of words, short numbers and short codes. This is what is allowed;
// everything else counts as drawn by lot.
func readable(word string) bool {
	word = withoutTimes(word)
	var odd, digits, single, total int
	for rest := word; rest != ""; {
		n := partLen(rest)
		if n == 0 {
			_, size := utf8.DecodeRuneInString(rest)
			rest = rest[size:]
			continue
		}
		part := rest[:n]
		rest = rest[n:]
		total += n
		switch shapeOf(part) {
		case shapeNumber:
			digits += n
		case shapeWord:
			if n == 1 {
				single++
			}
		case shapeOdd:
			odd += n
		case shapeRandom:
			return false
		}
	}
	// A few odd short parts are codes, many of them are a key with punctuation.
	if total >= 12 && odd*3 >= total {
		return false
	}
	return odd <= 8 && digits <= 14 && single <= 6 && !strange(word, total)
}

// strange reports whether the punctuation of word is that of passwords and of
// encodings.
func strange(word string, alnum int) bool {
	marks := 0
	for _, m := range []string{"!", "$", "%", "^", "*", "~", "&", "#", "?"} {
		if strings.Contains(word, m) {
			marks++
		}
	}
	return marks > 1 && alnum >= 5 || alnum >= 16 && strings.Contains(word, "~") && strings.ToLower(word) != word ||
		alnum >= 12 && strings.HasSuffix(word, "=") && strings.ContainsAny(word, "0123456789")
}

// partLen returns the length of the letters and digits at the start of s.
// Letters beyond ASCII belong to words: nobody draws keys from them.
func partLen(s string) int {
	i := 0
	for i < len(s) && (isAlnum(s[i]) || s[i] >= utf8.RuneSelf) {
		i++
	}
	return i
}

// A shape is what a part of a word, letters and digits, looks like.
type shape int

const (
	shapeWord   shape = iota // a word, a name, an abbreviation, with few digits
	shapeNumber              // digits
	shapeOdd                 // neither, but short
	shapeRandom              // neither
)

// shortOdd is the longest part that may look like anything: less than what
// counts as a leak.
const shortOdd = 7

func shapeOf(part string) shape {
	digits, groups, wordy := 0, 0, true
	part = withoutVersion(part)
	for i := 0; i < len(part); {
		j := i
		for j < len(part) && isDigit(part[j]) == isDigit(part[i]) {
			j++
		}
		if isDigit(part[i]) {
			digits += j - i
			wordy = wordy && j-i <= 8
		} else {
			wordy = wordy && wordlike(part[i:j], i == 0 && j == len(part))
		}
		groups++
		i = j
	}
	letters := len(part) - digits
	switch {
	case letters == 0 && wordy:
		return shapeNumber
	case digits == 0 && wordy:
		return shapeWord
	case wordy && named(part, letters, digits, groups), isDuration(part),
		len(part) <= 10 && strings.HasPrefix(part, "0x") && isHexWord(part[2:]):
		return shapeWord
	case len(part) <= shortOdd, len(part) == 8 && isHexWord(part):
		return shapeOdd // also the short form of IDs
	}
	return shapeRandom
}

// withoutVersion returns a name like office16v2 without its last two or three
// characters.
func withoutVersion(part string) string {
	name := strings.TrimRight(part, "0123456789")
	if len(name) > 4 && name != part && len(part) <= len(name)+2 && name[len(name)-1] == 'v' && isDigit(name[len(name)-2]) {
		return name[:len(name)-1]
	}
	return part
}

// named reports whether part, words and digits, is a name like AADSTS7000215,
// 64bit, windows10Update or x86, rather than a piece of a key.
func named(part string, letters, digits, groups int) bool {
	if len(part) >= 4 && letters <= 3 && isHexWord(part) || letters > 12 && part == strings.ToUpper(part) {
		return false
	}
	switch groups {
	case 2:
		return len(part) <= 14 || letters >= 8
	case 3:
		return !isDigit(part[0]) && digits <= 4 && (len(part) <= 5 || letters >= 6 && !isDigit(part[len(part)-3]) && !isDigit(part[len(part)-2]))
	}
	return false
}

func isHexWord(s string) bool {
	for i := range len(s) {
		if !isHex(s[i]) {
			return false
		}
	}
	return true
}

// isDuration reports whether s is like 1h30m15s.
func isDuration(s string) bool {
	for s != "" {
		n := 0
		for n < len(s) && isDigit(s[n]) {
			n++
		}
		unit := strings.TrimLeft(s[n:], "hmsdnu")
		if n == 0 || n > 4 || len(unit) == len(s)-n || len(unit) < len(s)-n-2 {
			return false
		}
		s = unit
	}
	return true
}

// wordlike reports whether people would take the letters s for a word, several
// in camel case, or an abbreviation. It is less sure of what does not stand
// alone, but beside digits.
func wordlike(s string, alone bool) bool {
	n := len(s)
	upper, changes, common := 0, 0, 0
	run := 0 // how many small letters in a row
	for i := range n {
		c := s[i]
		if c >= utf8.RuneSelf {
			return n <= 90 // about 30 letters of the longest kind
		}
		if c <= 'Z' {
			if upper++; run > 0 {
				changes++
			}
			if run == 1 && i > 1 && !isShortHump(s[i-2:i]) {
				return false
			}
			run = 0
		} else {
			run++
		}
		if i > 0 && strings.IndexByte(follows(s[i-1]|' '), c|' ') >= 0 {
			common++
		}
	}
	if n > 3 && (run == 1 && !isShortHump(s[n-2:]) || run == 0 && s[n-2] >= 'a') {
		return false // a last hump of one small letter, or of none
	}
	likely := 10 * common / max(n-1, 1) // tenths of the pairs of letters
	switch {
	case n <= 3:
		return changes == 0 || s == "iOS" || s == "eID"
	case upper == n:
		return n <= shortOdd || n <= 24 && likely >= 7
	case n <= shortOdd:
		return changes <= 1 && upper*2 <= n+1 && (likely >= 6 || alone && likely >= 4)
	case n < 12:
		return changes <= 2 && upper*2 <= n && likely >= 6
	}
	return n <= 90 && upper*3 <= n && changes*4 <= n && likely >= 7
}

// isShortHump reports whether a capital and a small letter are a word within a
// name in camel case.
func isShortHump(s string) bool {
	switch s {
	case "Id", "In", "On", "If", "Of", "To", "Is", "Up", "By", "At", "As", "Or", "No", "Do", "Os", "Pc", "Wi", "Fi", "Ip", "Ad", "Db", "Mc", "My", "Me", "Be", "Tv":
		return true
	}
	return false
}

// follows returns the letters that often follow c in English and German prose
// and in the names of programs: the pairs that make up at least 0.08 % of all.
// Nine in ten pairs of a word are among them, but only four in ten of letters
// drawn by lot.
func follows(c byte) string {
	switch c {
	case 'a':
		return "bcdgiklmnprstuvwxy"
	case 'b':
		return "aeilorsuy"
	case 'c':
		return "acehikloprstu"
	case 'd':
		return "adeilorstu"
	case 'e':
		return "abcdefgilmnpqrstvwxy"
	case 'f':
		return "aefilortu"
	case 'g':
		return "aehinors"
	case 'h':
		return "aeiort"
	case 'i':
		return "abcdefglmnoprstvz"
	case 'j':
		return "aeou"
	case 'k':
		return "eis"
	case 'l':
		return "adeilostuy"
	case 'm':
		return "abeimopsu"
	case 'n':
		return "acdefgiknostu"
	case 'o':
		return "abcdfgiklmnoprstuvwy"
	case 'p':
		return "aeiloprstu"
	case 'q':
		return "u"
	case 'r':
		return "acdegiklmnoprstuy"
	case 's':
		return "acehiklopstuy"
	case 't':
		return "acehilmoprstuy"
	case 'u':
		return "abcefgilmnprst"
	case 'v':
		return "aei"
	case 'w':
		return "aehios"
	case 'x':
		return "pt"
	case 'y':
		return "enps"
	case 'z':
		return "aeiu"
	}
	return ""
}

// withoutTimes returns word without instants and dates like 2024-05-06 or
// 2024-05-06T07:08:09.123Z.
func withoutTimes(word string) string {
	for i := 0; i+10 <= len(word); i++ {
		if n := timeLen(word[i:]); n > 0 && (i == 0 || !isAlnum(word[i-1])) {
			return word[:i] + " " + withoutTimes(word[i+n:])
		}
	}
	return word
}

// timeLen returns the length of the date or instant that s begins with.
func timeLen(s string) int {
	n := match(s, "0000-00-00")
	if n == 0 {
		return 0
	}
	t := match(s[n:], "T00:00")
	if t == 0 {
		if n < len(s) && isAlnum(s[n]) {
			return 0
		}
		return n
	}
	n += t
	n += match(s[n:], ":00")
	if n < len(s) && s[n] == '.' {
		for n++; n < len(s) && isDigit(s[n]); n++ {
		}
	}
	n += max(match(s[n:], "Z"), match(s[n:], "+00:00"), match(s[n:], "-00:00"))
	if n < len(s) && isAlnum(s[n]) {
		return 0
	}
	return n
}

// match returns the length of pattern, in which 0 is any digit, if s begins
// with it, and otherwise 0.
func match(s, pattern string) int {
	if len(s) < len(pattern) {
		return 0
	}
	for i := range len(pattern) {
		if pattern[i] == '0' && isDigit(s[i]) || pattern[i] != '0' && pattern[i] == s[i] {
			continue
		}
		return 0
	}
	return len(pattern)
}
