package runs

import "strings"

// url judges the URL whose "://" stands at sign in a word that begins at i, and
// returns its end. Of an HTTP URL remain the host and those parts of the path
// that can be read, of others only the scheme.
func (s *scrubber) url(i, sign int) int {
	start := sign
	for start > i && (isAlnum(s.text[start-1]) || strings.IndexByte("+.-", s.text[start-1]) >= 0) {
		start--
	}
	if start > i {
		s.unit(i, start, -1)
	}
	from := sign + len("://")
	end := from
	for end < len(s.text) && strings.IndexByte(" \n\"<>`|", s.text[end]) < 0 {
		end++
	}
	next := end
	for end > from && strings.IndexByte(".,:;!?)'", s.text[end-1]) >= 0 {
		end--
	}
	if scheme := s.low[start:sign]; scheme != "http" && scheme != "https" {
		s.remove(from, end)
		return next
	}
	if at := strings.LastIndexByte(s.text[from:end], '@'); at >= 0 {
		// Perhaps of the path, perhaps of a password that has a slash in it.
		s.remove(from, from+at)
		from += at + 1
	}
	if at := strings.IndexAny(s.text[from:end], "?#"); at >= 0 {
		s.remove(from+at+1, end)
		end = from + at
	}
	host := from + strings.IndexByte(s.text[from:end]+"/", '/')
	if !readable(s.text[from:host]) && !isAddress(s.text[from:host]) {
		s.remove(from, host)
	}
	if isHook(s.low[from:end]) {
		s.remove(min(host+1, end), end)
		return next
	}
	if at := homeOf(s.low[from:end]); at > 0 {
		s.remove(from+at, end)
		end = from + at
	}
	kept := -1
	for host < end {
		n := strings.IndexByte(s.text[host+1:end]+"/", '/')
		if n > 0 {
			kept = s.unit(host+1, host+1+n, kept)
		}
		host += 1 + n
	}
	return next
}

// isHook reports whether a URL, in lower case and without its scheme, is one
// that lets everybody post who knows it.
func isHook(low string) bool {
	for _, part := range [...]string{"hook", "api.telegram.org", "logic.azure.com", "/triggers/", "discord", "/bot"} {
		if strings.Contains(low, part) {
			return true
		}
	}
	return false
}

const guidLen = 36

// guidAt reports whether a GUID begins at offset i of s.
func guidAt(s string, i int) bool {
	if len(s) < i+guidLen || i > 0 && isAlnum(s[i-1]) || len(s) > i+guidLen && isAlnum(s[i+guidLen]) {
		return false
	}
	for j := range guidLen {
		dash := j == 8 || j == 13 || j == 18 || j == 23
		if c := s[i+j]; dash && c != '-' || !dash && !isHex(c) {
			return false
		}
	}
	return true
}

// namesThing reports whether the GUID at i is known not to be a person's: by its
// version, because it continues a list after the GUID that ends at kept, or by
// the last word before it that says anything.
func (s *scrubber) namesThing(i, kept int) bool {
	if s.text[i+14] == '7' && strings.IndexByte("89abAB", s.text[i+19]) >= 0 {
		return true
	}
	if kept >= 0 && i-kept <= 8 && strings.Trim(strings.Replace(s.text[kept:i], " and ", "", 1), " ,;\"'\n") == "" {
		return true
	}
	at := i
	for range 4 {
		end := at
		for end > 0 && !isLetter(s.text[end-1]) && at-end < 8 && !isDigit(s.text[end-1]) {
			end--
		}
		from := end
		for from > 0 && isLetter(s.text[from-1]) && end-from < 64 {
			from--
		}
		word := lastHump(s.text[from:end])
		if at = from; word == "id" || word == "ids" || word == "guid" || word == "with" || word == "the" || word == "is" {
			if rest := s.text[from:end]; len(rest) > len(word) { // requestId
				at = end - len(word)
			}
			continue
		}
		return isThing(word)
	}
	return false
}

// lastHump returns the last word of a name in camel case, in lower case.
func lastHump(name string) string {
	i := len(name)
	for i > 0 && name[i-1] >= 'a' {
		i--
	}
	if i > 0 && i < len(name) {
		i-- // its capital
	} else if i == len(name) {
		i = 0 // all are capitals
	}
	return strings.ToLower(name[i:])
}

// isThing reports whether word, perhaps a plural, names what is not a person.
// Devices and objects are not here: they belong to somebody, or are somebody.
func isThing(word string) bool {
	if stem, ok := strings.CutSuffix(word, "ies"); ok {
		word = stem + "y"
	}
	switch strings.TrimSuffix(word, "s") {
	case "request", "correlation", "activity", "trace", "operation", "run", "policy", "set", "version", "item", "group", "filter", "tag", "template",
		"definition", "setting", "configuration", "profile", "script", "app", "application", "tenant", "subscription", "restore", "backup", "plan",
		"location", "role", "connector", "category", "baseline", "schedule", "snapshot", "assignment", "intent", "job", "batch", "finding", "manifest":
		return true
	}
	return false
}
