package runs

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// isDelimiter reports whether r stands between words, and never within what is
// drawn by lot.
func isDelimiter(r rune) bool {
	if r < utf8.RuneSelf {
		return strings.IndexByte(" \n\"',;()[]{}<>|`", byte(r)) >= 0
	}
	return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r)
}

// units judges every word by itself.
func (s *scrubber) units() {
	kept := -1 // the end of the last GUID that was kept
	for i := 0; i < len(s.text); {
		r, n := utf8.DecodeRuneInString(s.text[i:])
		if isDelimiter(r) {
			i += n
			continue
		}
		end := i
		for end < len(s.text) {
			r, n := utf8.DecodeRuneInString(s.text[end:])
			if isDelimiter(r) {
				break
			}
			end += n
		}
		if at := strings.Index(s.text[i:end], "://"); at >= 0 {
			i = s.url(i, i+at)
			continue
		}
		kept = s.unit(i, end, kept)
		i = end
	}
}

// unit judges the word from i to end. It returns the end of the last GUID that
// was kept.
func (s *scrubber) unit(i, end, kept int) int {
	for end > i && strings.IndexByte(".:!?", s.text[end-1]) >= 0 {
		end--
	}
	word := s.text[i:end]
	if len(word) < 5 {
		return kept // too short for anything
	}
	if at := strings.IndexByte(word, '?'); at >= 0 && strings.IndexByte(word[at:], '=') >= 0 {
		s.remove(i+at+1, end) // a query
		end = i + at
		word = s.text[i:end]
	}
	if isBranded(word) || isAddressee(word) || isHardware(word) || isAccount(word) {
		s.remove(i, end)
		return kept
	}
	if at := homeOf(s.low[i:end]); at > 0 {
		s.remove(i+at, end)
		end = i + at
	}
	var rest strings.Builder // the word without its GUIDs
	from := i
	for at := i; at < end; at++ {
		if !guidAt(s.text[:end], at) {
			continue
		}
		rest.WriteString(s.text[from:at] + " ")
		from = at + guidLen
		if s.namesThing(at, kept) {
			kept = from
		} else {
			s.remove(at, from)
		}
		at = from - 1
	}
	rest.WriteString(s.text[from:end])
	word = rest.String()
	if isAddress(word) || s.isAmount(word, end) {
		return kept
	}
	if !readable(word) {
		s.remove(i, end)
		s.fragments(i, end)
	}
	return kept
}

// fragments removes the short last piece of what was removed from i to end, if
// it was wrapped by blanks.
func (s *scrubber) fragments(i, end int) {
	if end-i < 32 || end == len(s.text) || s.text[end] != ' ' {
		return
	}
	n := wordLen(s.text[end+1:])
	if last := s.text[end+1 : end+1+n]; strings.HasSuffix(last, "=") || !plainWords(strings.TrimRight(last, ".,:;")) && n > shortOdd && isBase64(last) {
		s.remove(end, end+1+n)
	}
}

func isBase64(s string) bool {
	for i := range len(s) {
		if !isAlnum(s[i]) && strings.IndexByte("+/=-_", s[i]) < 0 {
			return false
		}
	}
	return true
}

// isAmount reports whether word, which ends at end, is a number whose unit
// follows.
func (s *scrubber) isAmount(word string, end int) bool {
	if len(word) > 19 || strings.Trim(word, "0123456789") != "" || end == len(s.text) || s.text[end] != ' ' {
		return false
	}
	next := s.low[end+1 : end+1+wordLen(s.low[end+1:])]
	switch strings.TrimRight(next, ".,;:!?)") {
	case "bytes", "byte", "b", "kb", "mb", "kib", "mib", "ms", "ns", "us", "µs", "s", "seconds", "milliseconds", "nanoseconds", "items", "rows", "objects", "records", "runs":
		return true
	}
	return false
}

// isAddress reports whether word is an IP address, also one with a port or a
// prefix length.
func isAddress(word string) bool {
	word = strings.TrimRight(word, "-") // of an arrow
	if len(word) > 64 || !strings.ContainsAny(word, ".:") {
		return false
	}
	if _, err := netip.ParseAddrPort(word); err == nil {
		return true
	}
	if _, err := netip.ParsePrefix(word); err == nil {
		return true
	}
	addr, err := netip.ParseAddr(word)
	return err == nil && addr.Zone() == ""
}

// isHardware reports whether word holds a MAC address.
func isHardware(word string) bool {
	const size = len("00:00:00:00:00:00")
	for from := 0; from+size <= len(word); from++ {
		i := 0
		for i < size && (i%3 == 2 && (word[from+i] == ':' || word[from+i] == '-') || i%3 != 2 && isHex(word[from+i])) {
			i++
		}
		if i == size {
			return true
		}
	}
	return false
}

// isBranded reports whether word begins as the keys of a well-known issuer do.
// Most of those are found without; this is for the few whose rest is unlucky
// enough to look like words.
func isBranded(word string) bool {
	if len(word) < 16 {
		return false
	}
	for _, brand := range [...]string{"AKIA", "ASIA", "AIza", "ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "xox", "sk_live_", "rk_live_", "npm_", "pypi-", "SG.", "eyJ", "CfDJ8", "MII", "0.A", "1.A"} {
		if strings.HasPrefix(word, brand) {
			return true
		}
	}
	return false
}

// isAddressee reports whether word holds an e-mail address or a user principal
// name. Annotations of OData look alike.
func isAddressee(word string) bool {
	for from := 0; ; {
		at := strings.IndexByte(word[from:], '@')
		if at < 0 {
			return false
		}
		at += from
		from = at + 1
		if at > 0 && from < len(word) && !strings.HasPrefix(strings.ToLower(word[from:]), "odata.") && isNameByte(word[at-1]) && isNameByte(word[from]) {
			return true
		}
	}
}

// isAccount reports whether word is an account of a Windows domain, and not the
// end of a path with blanks in it.
func isAccount(word string) bool {
	domain, user, ok := strings.Cut(word, `\`)
	if !ok || len(domain) < 2 || user == "" || strings.ContainsAny(user, `\/`) || strings.ContainsAny(domain, ":/%") {
		return false
	}
	switch strings.ToLower(user[strings.LastIndexByte(user, '.')+1:]) {
	case "log", "txt", "json", "xml", "csv", "exe", "dll", "msi", "zip", "ps1", "cmd", "bat", "reg", "admx", "adml", "mobileconfig":
		return false
	}
	return true
}

func isNameByte(c byte) bool {
	return isAlnum(c) || c >= utf8.RuneSelf || strings.IndexByte("_-+#.!*$", c) >= 0
}

// homeOf returns where the name of a person begins in a path, or 0.
func homeOf(low string) int {
	for _, dir := range [...]string{`\users\`, "/users/", "/home/"} {
		if i := strings.Index(low, dir); i >= 0 && i+len(dir) < len(low) {
			return i + len(dir)
		}
	}
	return 0
}
