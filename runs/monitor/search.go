package monitor

import (
	"net/url"
	"strings"
	"unicode"

	"github.com/tenantatlas/tenantatlas/runs"
)

// ParseSearch reads what people type into the search box as the parameters of
// [ParseQuery]:
//
//	type:inventory.sync -type:drift.generate status:failed created:>=2026-01-01 "Conditional Access"
//
// A name with a colon is a parameter and a minus before it makes it "not."; what
// else is there are words, one value of q each. Quotes keep spaces together, and
// a backslash in them keeps what follows. status takes outcomes too. It reports
// [runs.ErrInvalid].
func ParseSearch(text string) (url.Values, error) {
	if len(text) > maxSearch {
		return nil, bad("q")
	}
	v := make(url.Values)
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimLeftFunc(text, unicode.IsSpace) {
		var term string
		var named bool
		term, named, text = nextTerm(text)
		name, value, _ := strings.Cut(term, ":")
		not := strings.HasPrefix(name, "-")
		name = strings.TrimPrefix(name, "-")
		switch {
		case !named:
			if term = strings.TrimSpace(term); term != "" {
				v.Add("q", term)
			}
			continue
		case value == "":
			return nil, bad(name)
		}
		if err := addTerm(v, name, value, not); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// maxSearch is how long a search may be.
const maxSearch = 1000

// nextTerm cuts the first term off text, without its quotes, and reports whether
// it begins with the name of a parameter and a colon.
func nextTerm(text string) (term string, named bool, rest string) {
	var b strings.Builder
	quoted, escaped, plain := false, false, true
	for i, c := range text {
		switch {
		case escaped:
			b.WriteRune(c)
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
			plain = plain && named
		case !quoted && unicode.IsSpace(c):
			return b.String(), named, text[i:]
		default:
			if c == ':' && plain && !named {
				named = isSearchName(b.String())
			}
			b.WriteRune(c)
		}
	}
	return b.String(), named, ""
}

func isSearchName(s string) bool {
	switch strings.TrimPrefix(s, "-") {
	case "status", "outcome", "type", "initiator", "target", "since", "from", "to", "created", "sort":
		return true
	}
	return false
}

// addTerm adds one term with a name to the parameters.
func addTerm(v url.Values, name, value string, not bool) error {
	switch name {
	case "status":
		// People do not tell the two apart: a run is queued, running or failed.
		if isOutcome(runs.Outcome(value)) {
			name = "outcome"
		}
	case "created":
		if not {
			return bad(name)
		}
		return addCreated(v, value)
	}
	switch name {
	case "status", "outcome", "type", "initiator":
		if not {
			name = "not." + name
		}
	default:
		if not {
			return bad(name)
		}
	}
	v.Add(name, value)
	return nil
}

// addCreated adds a bound of the time in which runs were created, or a day.
func addCreated(v url.Values, value string) error {
	op := strings.TrimRight(value[:min(2, len(value))], "0123456789-")
	day, ok := parseTime(value[len(op):])
	if !ok {
		return bad("created")
	}
	next := day.AddDate(0, 0, 1)
	if strings.Contains(value, "T") {
		next = day
	}
	if next.Year() > 9999 {
		return bad("created")
	}
	switch op {
	case ">=":
		v.Set("from", iso(day))
	case ">":
		v.Set("from", iso(next))
	case "<":
		v.Set("to", iso(day))
	case "<=":
		v.Set("to", iso(next))
	case "":
		v.Set("from", iso(day))
		v.Set("to", iso(next))
	default:
		return bad("created")
	}
	return nil
}

// SearchText is the text that [ParseSearch] reads as v; parameters that it does
// not know are left out.
func SearchText(v url.Values) string {
	var terms []string
	for _, name := range []string{"status", "outcome", "type", "initiator"} {
		for _, value := range v["not."+name] {
			terms = append(terms, "-"+name+":"+quote(value, false))
		}
	}
	for _, name := range []string{"status", "outcome", "type", "initiator", "target", "since", "from", "to", "sort"} {
		for _, value := range v[name] {
			terms = append(terms, name+":"+quote(value, false))
		}
	}
	for _, word := range v["q"] {
		name, _, _ := strings.Cut(word, ":")
		terms = append(terms, quote(word, isSearchName(name)))
	}
	return strings.Join(terms, " ")
}

// quote puts quotes around a text that would not be one term without, or always.
func quote(s string, always bool) string {
	if !always && !strings.ContainsFunc(s, func(c rune) bool { return unicode.IsSpace(c) || c == '"' }) {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// isID reports whether s is a whole UUID.
func isID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		hex := '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash && c != '-' || !dash && !hex {
			return false
		}
	}
	return true
}
