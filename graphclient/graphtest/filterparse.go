package graphtest

import (
	"encoding/json"
	"strconv"
	"strings"
)

// parseFilter reads the forms of $filter that clients of Intune use:
// comparisons, in, isof, startswith, endswith, contains, prop/any(x:x eq 'v'),
// and, or, not and parentheses. Everything else is refused.
func parseFilter(s string) (expr, error) {
	p := &filterParser{toks: lexFilter(s)}
	e, err := p.or(0)
	if err == nil && p.peek() != "" {
		err = p.fail()
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

// lexFilter cuts a filter into words, quoted strings and single punctuation.
// An unterminated string becomes a token that no rule accepts.
func lexFilter(s string) []string {
	var toks []string
	for i := 0; i < len(s); {
		start := i
		switch c := s[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
			continue
		case c == '\'':
			for i++; i < len(s); i++ {
				if s[i] != '\'' {
					continue
				}
				if i+1 < len(s) && s[i+1] == '\'' {
					i++
					continue
				}
				break
			}
			if i >= len(s) {
				return append(toks, "\x00")
			}
			i++
		case strings.IndexByte("(),:", c) >= 0:
			i++
		default:
			for i < len(s) && strings.IndexByte(" \t\n\r'(),", s[i]) < 0 && (s[i] != ':' || i > start && digit(s[start])) {
				i++
			}
		}
		toks = append(toks, s[start:i])
	}
	return toks
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

type filterParser struct {
	toks []string
	pos  int
}

func (p *filterParser) peek() string {
	if p.pos < len(p.toks) {
		return p.toks[p.pos]
	}
	return ""
}

func (p *filterParser) next() string {
	t := p.peek()
	p.pos++
	return t
}

func (p *filterParser) word(w string) bool {
	if strings.EqualFold(p.peek(), w) {
		p.pos++
		return true
	}
	return false
}

func (p *filterParser) want(tok string) error {
	if p.next() != tok {
		p.pos--
		return p.fail()
	}
	return nil
}

func (p *filterParser) fail() error {
	return badOption("Invalid filter clause: syntax error at token %d.", p.pos)
}

func (p *filterParser) or(depth int) (expr, error) {
	l, err := p.and(depth)
	for err == nil && p.word("or") {
		var r expr
		r, err = p.and(depth)
		l = &logical{l: l, r: r}
	}
	return l, err
}

func (p *filterParser) and(depth int) (expr, error) {
	l, err := p.unary(depth)
	for err == nil && p.word("and") {
		var r expr
		r, err = p.unary(depth)
		l = &logical{and: true, l: l, r: r}
	}
	return l, err
}

func (p *filterParser) unary(depth int) (expr, error) {
	if depth > maxNesting {
		return nil, badOption("Invalid filter clause: nested too deeply.")
	}
	switch {
	case p.word("not"):
		x, err := p.unary(depth + 1)
		return &not{x}, err
	case p.word("("):
		x, err := p.or(depth + 1)
		if err != nil {
			return nil, err
		}
		return x, p.want(")")
	}
	return p.term()
}

func (p *filterParser) term() (expr, error) {
	name := p.next()
	switch fn := strings.ToLower(name); fn {
	case "isof":
		return p.isof()
	case "startswith", "endswith", "contains":
		return p.call(fn)
	}
	path, err := p.path(name)
	if err != nil {
		return nil, err
	}
	if n := len(path); n > 1 && strings.EqualFold(path[n-1], "any") {
		return p.any(path[:n-1])
	}
	op := strings.ToLower(p.next())
	switch op {
	case "eq", "ne", "gt", "ge", "lt", "le":
		val, err := p.literal()
		return &compare{path: path, op: op, val: val}, err
	case "in":
		vals, err := p.list()
		return &oneOf{path: path, vals: vals}, err
	}
	p.pos--
	return nil, p.fail()
}

func (p *filterParser) isof() (expr, error) {
	if err := p.want("("); err != nil {
		return nil, err
	}
	lit, err := p.literal()
	if err != nil {
		return nil, err
	}
	typ := text(lit)
	if !strings.HasPrefix(typ, "microsoft.graph.") {
		return nil, p.fail()
	}
	return &isof{typ: strings.TrimPrefix(typ, "microsoft.graph.")}, p.want(")")
}

func (p *filterParser) call(fn string) (expr, error) {
	if err := p.want("("); err != nil {
		return nil, err
	}
	path, err := p.path(p.next())
	if err != nil {
		return nil, err
	}
	if err := p.want(","); err != nil {
		return nil, err
	}
	arg, err := p.literal()
	if err != nil {
		return nil, err
	}
	return &textCall{fn: fn, path: path, arg: text(arg)}, p.want(")")
}

// any reads "(x:x eq 'v')" behind prop/any.
func (p *filterParser) any(path []string) (expr, error) {
	if err := p.want("("); err != nil {
		return nil, err
	}
	v := p.next()
	if err := p.want(":"); err != nil {
		return nil, err
	}
	if p.next() != v || !p.word("eq") {
		return nil, p.fail()
	}
	val, err := p.literal()
	if err != nil {
		return nil, err
	}
	return &anyOf{path: path, val: val}, p.want(")")
}

func (p *filterParser) list() ([][]byte, error) {
	if err := p.want("("); err != nil {
		return nil, err
	}
	var vals [][]byte
	for {
		v, err := p.literal()
		if err != nil {
			return nil, err
		}
		vals = append(vals, v)
		if p.word(")") {
			return vals, nil
		}
		if err := p.want(","); err != nil {
			return nil, err
		}
	}
}

// path reads "a/b" and drops type casts.
func (p *filterParser) path(tok string) ([]string, error) {
	var path []string
	for seg := range strings.SplitSeq(tok, "/") {
		if strings.HasPrefix(seg, "microsoft.graph.") {
			continue
		}
		if seg == "" || strings.ContainsAny(seg, "'(),:\x00") || digit(seg[0]) {
			p.pos--
			return nil, p.fail()
		}
		path = append(path, seg)
	}
	if len(path) == 0 {
		return nil, p.fail()
	}
	return path, nil
}

// literal reads a string, number, date, GUID, true, false or null as JSON.
func (p *filterParser) literal() ([]byte, error) {
	tok := p.next()
	switch {
	case strings.HasPrefix(tok, "'"):
		return quote(nil, strings.ReplaceAll(tok[1:len(tok)-1], "''", "'")), nil
	case tok == "true", tok == "false", tok == "null":
		return []byte(tok), nil
	case tok != "" && json.Valid([]byte(tok)) && (digit(tok[0]) || tok[0] == '-'):
		return []byte(tok), nil
	case len(tok) >= 10 && digit(tok[0]) && tok[4] == '-', len(tok) == 36 && tok[8] == '-':
		return quote(nil, tok), nil
	}
	p.pos--
	return nil, p.fail()
}

func number(b []byte) (float64, bool) {
	f, err := strconv.ParseFloat(string(b), 64)
	return f, err == nil
}
