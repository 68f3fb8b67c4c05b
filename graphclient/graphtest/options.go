package graphtest

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// options are the query options of a request, parsed.
type options struct {
	sel     []string // $select; nil means everything
	expand  []expand
	filter  expr
	order   string
	desc    bool
	top     int // 0 means not given
	count   bool
	search  []searchTerm
	skip    string // $skiptoken as sent: decoded once
	delta   string // $deltatoken
	carried string // raw query without the tokens, for the next link
}

// An expand is one item of $expand with the options inside its parentheses.
type expand struct {
	cast string // type before the slash
	nav  string
	opts options
}

const maxNesting = 16 // of parentheses in $filter and $expand

// An optionError is a query the service would refuse.
type optionError struct{ msg string }

func (e *optionError) Error() string { return e.msg }

func badOption(format string, args ...any) error {
	return &optionError{fmt.Sprintf(format, args...)}
}

// parseOptions reads a raw query. On beta the dollar signs may be missing.
func parseOptions(rawQuery string, beta bool) (*options, error) {
	o := &options{}
	var carried []string
	for part := range strings.SplitSeq(rawQuery, "&") {
		if part == "" {
			continue
		}
		k, v, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(k)
		if err != nil {
			return nil, badOption("The query specified in the URI is not valid.")
		}
		value, err := url.QueryUnescape(v)
		if err != nil {
			return nil, badOption("The query specified in the URI is not valid.")
		}
		name = strings.ToLower(name)
		if beta && !strings.HasPrefix(name, "$") && knownOption("$"+name) {
			name = "$" + name
		}
		switch name {
		case "$skiptoken":
			o.skip = value
			continue
		case "$deltatoken":
			o.delta = value
			continue
		}
		carried = append(carried, part)
		if strings.HasPrefix(name, "$") {
			if err := o.set(name, value, 0); err != nil {
				return nil, err
			}
		}
	}
	o.carried = strings.Join(carried, "&")
	return o, nil
}

func knownOption(name string) bool {
	switch name {
	case "$select", "$expand", "$filter", "$orderby", "$top", "$count", "$search", "$skiptoken", "$deltatoken":
		return true
	}
	return false
}

// set parses one option. depth counts the parentheses of $expand around it.
func (o *options) set(name, value string, depth int) error {
	var err error
	switch name {
	case "$select":
		for s := range strings.SplitSeq(value, ",") {
			if s = strings.TrimSpace(s); s == "" {
				return badOption("Term missing in $select.")
			}
			o.sel = append(o.sel, s)
		}
	case "$expand":
		o.expand, err = parseExpand(value, depth)
	case "$filter":
		o.filter, err = parseFilter(value)
	case "$orderby":
		o.order, o.desc, err = parseOrder(value)
	case "$top":
		o.top, err = strconv.Atoi(value)
		if err != nil || o.top < 1 {
			return badOption("Invalid value '%s' for $top query option found. The $top query option requires a positive integer value.", value)
		}
	case "$count":
		if o.count = value == "true"; !o.count && value != "false" {
			return badOption("Invalid value '%s' for $count query option found.", value)
		}
	case "$search":
		o.search, err = parseSearch(value)
	case "$format":
	default:
		return badOption("The query parameter '%s' is not supported.", name)
	}
	return err
}

func parseOrder(value string) (string, bool, error) {
	name, dir, _ := strings.Cut(strings.TrimSpace(value), " ")
	if name == "" || strings.ContainsAny(name, ",()") || strings.Contains(dir, ",") {
		return "", false, badOption("Syntax error in $orderby '%s'.", value)
	}
	switch strings.ToLower(strings.TrimSpace(dir)) {
	case "", "asc":
		return name, false, nil
	case "desc":
		return name, true, nil
	}
	return "", false, badOption("Syntax error in $orderby '%s'.", value)
}

// parseExpand reads "a($expand=b;$select=x),microsoft.graph.t/c".
func parseExpand(value string, depth int) ([]expand, error) {
	if depth > maxNesting {
		return nil, badOption("The $expand is nested too deeply.")
	}
	items, err := splitTop(value, ',')
	if err != nil {
		return nil, err
	}
	var out []expand
	for _, item := range items {
		item = strings.TrimSpace(item)
		name, inner, call := cutCall(item)
		e := expand{nav: strings.TrimSpace(name)}
		if i := strings.LastIndexByte(e.nav, '/'); i >= 0 {
			e.cast, e.nav = afterDot(e.nav[:i]), e.nav[i+1:]
		}
		if e.nav == "" || strings.ContainsAny(e.nav, "()= ;") {
			return nil, badOption("Term missing or malformed in $expand '%s'.", value)
		}
		if call {
			if err := e.options(inner, depth); err != nil {
				return nil, err
			}
		}
		out = append(out, e)
	}
	return out, nil
}

func (e *expand) options(inner string, depth int) error {
	parts, err := splitTop(inner, ';')
	if err != nil {
		return err
	}
	for _, part := range parts {
		k, v, ok := strings.Cut(part, "=")
		if !ok {
			return badOption("Malformed option '%s' in $expand.", part)
		}
		name := strings.ToLower(strings.TrimSpace(k))
		if !strings.HasPrefix(name, "$") {
			name = "$" + name
		}
		if err := e.opts.set(name, v, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// splitTop cuts s at every sep outside parentheses and quotes.
func splitTop(s string, sep byte) ([]string, error) {
	var out []string
	depth, start, quoted := 0, 0, false
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == sep && depth == 0:
			out = append(out, s[start:i])
			start = i + 1
		}
		if depth < 0 || depth > maxNesting {
			return nil, badOption("Unbalanced or too many parentheses.")
		}
	}
	if depth != 0 || quoted {
		return nil, badOption("Unbalanced parentheses or quotes.")
	}
	return append(out, s[start:]), nil
}

// A searchTerm is one clause of $search: property and words, by prefix.
type searchTerm struct {
	prop string
	text string
	or   bool // joined to the clause before by OR instead of AND
}

// parseSearch reads `"displayName:term" OR "description:term"`. Inside the
// quotes, a backslash escapes quote and backslash.
func parseSearch(value string) ([]searchTerm, error) {
	var out []searchTerm
	rest, or := strings.TrimSpace(value), false
	for rest != "" {
		if rest[0] != '"' {
			return nil, badOption("Syntax error: $search clauses must be in double quotes.")
		}
		clause, after, ok := cutQuoted(rest[1:])
		if !ok {
			return nil, badOption("Syntax error: unterminated $search clause.")
		}
		prop, text, ok := strings.Cut(clause, ":")
		if !ok {
			return nil, badOption("Syntax error: $search clause without a property name.")
		}
		out = append(out, searchTerm{prop: prop, text: text, or: or})
		rest = strings.TrimSpace(after)
		switch {
		case strings.HasPrefix(rest, "OR "):
			or, rest = true, strings.TrimSpace(rest[3:])
		case strings.HasPrefix(rest, "AND "):
			or, rest = false, strings.TrimSpace(rest[4:])
		case rest != "":
			return nil, badOption("Syntax error: $search clauses must be joined by AND or OR.")
		}
	}
	if len(out) == 0 {
		return nil, badOption("$search must not be empty.")
	}
	return out, nil
}

func cutQuoted(s string) (clause, after string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == '"':
			return b.String(), s[i+1:], true
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", false
}
