package htmlcheck

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Check lists what is wrong with a page, a line each: a language and a title are
// missing, there is not exactly one first heading or main part, a level of
// headings is left out, an id is there twice or one that is referred to is not,
// a control or a link has no name, an image has no alternative, a table has no
// caption or a head without scope, a list holds something else than items, an
// element has an inline style, an event handler or an address that runs
// something, or a script or style sheet is written into the page.
func Check(p *Page) []string {
	c := &checker{page: p, ids: make(map[string]int)}
	for _, n := range p.All("*") {
		if id := Attr(n, "id"); id != "" {
			c.ids[id]++
		}
	}
	c.document()
	c.headings()
	for _, n := range p.All("*") {
		c.safe(n)
		c.references(n)
		c.named(n)
		c.structure(n)
	}
	slices.Sort(c.wrong)
	return slices.Compact(c.wrong)
}

// Unsafe is the part of [Check] that is about what could run: event handlers,
// inline styles, addresses, scripts and the like.
func Unsafe(p *Page) []string {
	c := &checker{page: p}
	for _, n := range p.All("*") {
		c.safe(n)
	}
	return c.wrong
}

type checker struct {
	page  *Page
	ids   map[string]int
	wrong []string
}

func (c *checker) say(format string, args ...any) {
	c.wrong = append(c.wrong, fmt.Sprintf(format, args...))
}

func (c *checker) document() {
	if h := c.page.All("html"); len(h) != 1 || Attr(h[0], "lang") == "" {
		c.say("the document has no language")
	}
	if t := c.page.All("title"); len(t) == 0 || Text(t[0]) == "" {
		c.say("the document has no title")
	}
	for _, name := range []string{"h1", "main"} {
		if n := len(c.page.All(name)); n != 1 {
			c.say("there are %d <%s>, want 1", n, name)
		}
	}
	for id, n := range c.ids {
		if n > 1 {
			c.say("the id %q is there %d times", id, n)
		}
	}
}

func (c *checker) headings() {
	last := 0
	for _, n := range c.page.All("*") {
		if len(n.Data) != 2 || n.Data[0] != 'h' || n.Data[1] < '1' || n.Data[1] > '6' {
			continue
		}
		level := int(n.Data[1] - '0')
		if level > last+1 {
			c.say("the heading %q leaves out a level", Text(n))
		}
		if last = level; Text(n) == "" {
			c.say("a <%s> is empty", n.Data)
		}
	}
}

// safe finds what a strict policy forbids, and what a payload would become.
func (c *checker) safe(n *html.Node) {
	for _, a := range n.Attr {
		key, value := strings.ToLower(a.Key), strings.ToLower(strings.TrimSpace(a.Val))
		switch {
		case strings.HasPrefix(key, "on"):
			c.say("<%s> has the event handler %s", n.Data, key)
		case key == "style", key == "srcdoc":
			c.say("<%s> has the attribute %s", n.Data, key)
		case key == "href", key == "src", key == "action", key == "formaction":
			scheme, _, ok := strings.Cut(value, ":")
			if ok && !strings.ContainsAny(scheme, "/?#") && scheme != "http" && scheme != "https" && scheme != "mailto" {
				c.say("<%s> has the address %.40q", n.Data, a.Val)
			}
		}
	}
	switch n.Data {
	case "script":
		if Attr(n, "src") == "" {
			c.say("a script is written into the page")
		}
	case "style":
		c.say("a style sheet is written into the page")
	case "iframe", "object", "embed", "base", "applet", "frame", "math":
		c.say("there is a <%s>", n.Data)
	}
}

func (c *checker) references(n *html.Node) {
	for _, name := range []string{"for", "aria-labelledby", "aria-describedby", "aria-controls"} {
		for id := range strings.FieldsSeq(Attr(n, name)) {
			if c.ids[id] == 0 {
				c.say("<%s %s> refers to %q, which is not there", n.Data, name, id)
			}
		}
	}
}

// named finds what cannot be told apart without seeing it.
func (c *checker) named(n *html.Node) {
	name := Attr(n, "aria-label") + Attr(n, "aria-labelledby")
	switch n.Data {
	case "a", "button", "summary":
		if name == "" && Text(n) == "" {
			c.say("a <%s> has no name", n.Data)
		}
	case "input", "select", "textarea":
		if t := Attr(n, "type"); t != "hidden" && t != "submit" && name == "" && !c.labeled(n) {
			c.say("the <%s> %q has no label", n.Data, Attr(n, "name"))
		}
	case "progress", "meter", "nav":
		if name == "" {
			c.say("a <%s> has no name", n.Data)
		}
	case "img":
		if !slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "alt" }) {
			c.say("an image has no alternative")
		}
	case "svg":
		if Attr(n, "aria-hidden") != "true" && (Attr(n, "role") != "img" || name == "") {
			c.say("a drawing is neither hidden nor named")
		}
	case "fieldset":
		if first := firstElement(n); first == nil || first.Data != "legend" {
			c.say("a group of fields has no legend")
		}
	}
}

func (c *checker) labeled(n *html.Node) bool {
	for p := range n.Ancestors() {
		if p.Data == "label" && Text(p) != "" {
			return true
		}
	}
	id := Attr(n, "id")
	return id != "" && slices.ContainsFunc(c.page.All("label"), func(l *html.Node) bool { return Attr(l, "for") == id && Text(l) != "" })
}

func (c *checker) structure(n *html.Node) {
	switch n.Data {
	case "table":
		if first := firstElement(n); first == nil || first.Data != "caption" || Text(first) == "" {
			c.say("a table has no caption")
		}
	case "th":
		if Attr(n, "scope") == "" {
			c.say("the head %q has no scope", Text(n))
		}
	case "ul", "ol":
		for child := range n.ChildNodes() {
			if child.Type == html.ElementNode && child.Data != "li" {
				c.say("a list holds a <%s>", child.Data)
			}
		}
	case "time":
		if Attr(n, "datetime") == "" {
			c.say("the time %q is not one for machines", Text(n))
		}
	}
}

func firstElement(n *html.Node) *html.Node {
	for c := range n.ChildNodes() {
		if c.Type == html.ElementNode {
			return c
		}
	}
	return nil
}
