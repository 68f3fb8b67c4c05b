// Package htmlcheck reads a page as a browser does and says what is wrong with
// it: what scripts could slip into, and what people with a keyboard or a screen
// reader would stumble over. It finds the plain mistakes; a browser with axe
// finds more, and more slowly.
package htmlcheck

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// A Page is a parsed HTML document.
type Page struct{ root *html.Node }

// Parse reads a document. It only fails if r does: HTML has no syntax errors.
func Parse(r io.Reader) (*Page, error) {
	root, err := html.Parse(r)
	if err != nil {
		return nil, fmt.Errorf("parse HTML: %w", err)
	}
	return &Page{root}, nil
}

// All are the elements with this name in the order of the document; "*" is
// every element.
func (p *Page) All(name string) []*html.Node {
	var out []*html.Node
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && (name == "*" || n.Data == name) {
			out = append(out, n)
		}
	}
	return out
}

// Shape is the document without its texts and the values of its attributes: two
// pages with one shape have the same elements, whatever is written in them.
func (p *Page) Shape() string {
	var b strings.Builder
	var walk func(n *html.Node, depth int)
	walk = func(n *html.Node, depth int) {
		if n.Type == html.ElementNode {
			names := make([]string, 0, len(n.Attr))
			for _, a := range n.Attr {
				names = append(names, a.Key)
			}
			slices.Sort(names)
			fmt.Fprintf(&b, "%*s%s %s\n", depth, "", n.Data, strings.Join(names, " "))
		}
		for c := range n.ChildNodes() {
			walk(c, depth+1)
		}
	}
	walk(p.root, 0)
	return b.String()
}

// Attr is the value of an attribute; empty if the element has none.
func Attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// Text is what is written in an element, without what lies apart: white space is
// one space.
func Text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
