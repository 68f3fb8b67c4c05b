package graphsource

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/inventory"
)

// Read implements [inventory.Source].
func (s *Source) Read(ctx context.Context, wants []inventory.Want) iter.Seq2[int, inventory.Reading] {
	return func(yield func(int, inventory.Reading) bool) {
		var again []int
		for i, r := range s.read(ctx, wants, false) {
			// The object can have changed after it was listed. What it says now
			// has to fit what it has now.
			if r.Err == nil && r.Expected != r.Read {
				again = append(again, i)
				continue
			}
			if !yield(i, r) {
				return
			}
		}
		rest := make([]inventory.Want, len(again))
		for n, i := range again {
			rest[n] = wants[i]
		}
		for n, r := range s.read(ctx, rest, true) {
			if !yield(again[n], r) {
				return
			}
		}
	}
}

// read reads the objects level by level: themselves and their children, then
// the children of those. Fresh reads also those by id whose list has all.
func (s *Source) read(ctx context.Context, wants []inventory.Want, fresh bool) iter.Seq2[int, inventory.Reading] {
	return func(yield func(int, inventory.Reading) bool) {
		var level []*part
		for i, w := range wants {
			o := newReading(i, w, fresh)
			level = append(level, o.begin()...)
			if o.open == 0 && !yield(i, inventory.Reading{}) {
				return // nothing was wanted
			}
		}
		for len(level) > 0 && ctx.Err() == nil {
			reqs := make([]graphclient.Request, len(level))
			for i, p := range level {
				reqs[i] = p.request()
			}
			var next []*part
			for i, r := range s.client.Batch(ctx, reqs) {
				p := level[i]
				level[i] = nil
				below := p.take(r)
				next = append(next, below...)
				if o := p.of; o.open == 0 && !yield(o.index, s.finish(ctx, o)) {
					return
				}
			}
			level = next
		}
	}
}

// finish returns what became of an object of which everything was tried.
func (s *Source) finish(ctx context.Context, o *reading) inventory.Reading {
	if o.err != nil {
		return inventory.Reading{Err: s.reason(ctx, o)}
	}
	r := o.result
	if o.want.Content {
		doc, err := o.content.document()
		if err != nil {
			return inventory.Reading{Err: Public(err)}
		}
		r.Content = doc
		r.Expected, r.Read = o.content.count(doc)
	}
	return r
}

// reason finds out why an object could not be read. That a part of it is not
// found means that the object is gone only if it is itself not found.
func (s *Source) reason(ctx context.Context, o *reading) error {
	if !errors.Is(o.err, graphclient.ErrNotFound) {
		return Public(o.err)
	}
	if !o.gone {
		_, err := s.client.Do(ctx, graphclient.Request{Path: o.content.path})
		o.gone = errors.Is(err, graphclient.ErrNotFound)
	}
	if o.gone {
		return inventory.ErrGone
	}
	return Public(o.err)
}

// A reading is an object that is being read.
type reading struct {
	index   int
	want    inventory.Want
	content *node
	result  inventory.Reading
	open    int   // parts that are not here yet
	gone    bool  // the object itself was not found
	err     error // the first
	fresh   bool
	inline  bool // the object itself should bring its assignments along
}

// A node is a document and the children that are put into it.
type node struct {
	path     string // of the object
	doc      json.RawMessage
	children []contract.Child
	odata    string
	parts    map[string]children // by name
}

// children are the documents of one child, in order.
type children struct {
	docs   []*node
	single bool
}

func newReading(i int, w inventory.Want, fresh bool) *reading {
	n := &node{
		path:     w.List.ObjectURL(w.Object.Parent, w.ID),
		doc:      w.Object.Doc,
		children: w.Type.ChildrenOf(w.OData),
		odata:    w.OData,
	}
	return &reading{index: i, want: w, content: n, fresh: fresh}
}

// begin returns the first parts to read.
func (o *reading) begin() []*part {
	var parts []*part
	if o.want.Content {
		if o.want.Type.Read.ByID || o.fresh || o.want.Object.Doc == nil {
			parts = append(parts, &part{of: o, kind: wholePart, node: o.content})
		}
		parts = append(parts, o.below(o.content)...)
	}
	// Read as its list reads it, the object brings them along.
	t := o.want.Type
	o.inline = o.want.Assignments && len(parts) > 0 && parts[0].kind == wholePart &&
		t.Assign.Read == contract.AssignedInList && !t.Read.ByID
	if o.want.Assignments && !o.inline {
		parts = append(parts, &part{of: o, kind: assignmentsPart, node: o.content})
	}
	o.open = len(parts)
	return parts
}

// below returns the parts that a node's children are.
func (o *reading) below(n *node) []*part {
	n.parts = make(map[string]children, len(n.children))
	parts := make([]*part, len(n.children))
	for i, c := range n.children {
		parts[i] = &part{of: o, kind: childPart, node: n, child: c}
	}
	return parts
}

// A part is one request for an object.
type part struct {
	of    *reading
	kind  partKind
	node  *node          // what it belongs to
	child contract.Child // of a childPart
}

type partKind int

const (
	wholePart       partKind = iota // the object by id
	childPart                       // a child of it, or of a child
	assignmentsPart                 // its assignments
)

func (p *part) request() graphclient.Request {
	switch p.kind {
	case wholePart:
		return graphclient.Request{Path: p.of.want.Type.ReadURL(p.of.want.List, p.node.path)}
	case assignmentsPart:
		return graphclient.Request{Path: contract.AssignmentsURL(p.node.path), List: true}
	default:
		return graphclient.Request{Path: p.child.URL(p.node.path, p.node.odata), List: !p.child.Single}
	}
}

// take takes in the answer and returns what has to be read below it.
func (p *part) take(r graphclient.Result) []*part {
	o := p.of
	o.open--
	if r.Err != nil {
		p.refused(r.Err)
		return nil
	}
	var parts []*part
	switch p.kind {
	case wholePart:
		p.node.doc = r.Body
		if o.inline {
			o.result.Assignments = inventory.InlineAssignments(r.Body)
		}
		if o.inline && o.result.Assignments == nil { // not all of them
			parts = []*part{{of: o, kind: assignmentsPart, node: p.node}}
		}
	case assignmentsPart:
		o.result.Assignments = array(distinct(r))
	case childPart:
		parts = p.adopt(r)
	}
	if o.err != nil {
		return nil // there is no use in the rest
	}
	o.open += len(parts)
	return parts
}

// refused notes that a part could not be had.
func (p *part) refused(err error) {
	missing := errors.Is(err, graphclient.ErrNotFound)
	if missing && p.kind == childPart && p.child.Single {
		return // there is none
	}
	if p.of.err == nil || missing && p.kind == wholePart {
		p.of.err = err
	}
	p.of.gone = p.of.gone || missing && p.kind == wholePart
}

// adopt puts the answer into the node as a child.
func (p *part) adopt(r graphclient.Result) []*part {
	docs := distinct(r)
	if p.child.Single && len(r.Body) > 0 {
		docs = []json.RawMessage{r.Body}
	}
	kids := children{single: p.child.Single}
	var parts []*part
	for _, doc := range docs {
		n := &node{doc: doc}
		if len(p.child.Children) > 0 {
			list, _, _ := strings.Cut(p.child.URL(p.node.path, p.node.odata), "?")
			n.path = contract.List{Path: list}.ObjectURL("", contract.Text(contract.Member(doc, "id")))
			n.children = p.child.Children
			parts = append(parts, p.of.below(n)...)
		}
		kids.docs = append(kids.docs, n)
	}
	p.node.parts[p.child.Name] = kids
	return parts
}

// distinct returns what a list has, without what came once more because the list
// has changed between two of its pages.
func distinct(r graphclient.Result) []json.RawMessage {
	if r.Response == nil || r.Pages < 2 {
		return r.Items
	}
	seen := make(map[string]bool, len(r.Items))
	return slices.DeleteFunc(r.Items, func(doc json.RawMessage) bool {
		again := seen[string(doc)] && contract.Member(doc, "id") != nil
		seen[string(doc)] = true
		return again
	})
}

// document returns the document with its children in it.
func (n *node) document() (json.RawMessage, error) {
	doc := n.doc
	for _, c := range n.children {
		kids, ok := n.parts[c.Name]
		if !ok {
			continue
		}
		docs := make([]json.RawMessage, len(kids.docs))
		for i, k := range kids.docs {
			var err error
			if docs[i], err = k.document(); err != nil {
				return nil, err
			}
		}
		value := array(docs)
		if kids.single {
			if len(docs) == 0 {
				continue
			}
			value = docs[0]
		}
		whole, err := contract.WithMember(nil, doc, c.Name, value)
		if err != nil {
			return nil, &graphclient.Error{Reason: graphclient.ErrBadResponse, Code: "no_object"}
		}
		doc = whole
	}
	return doc, nil
}

// count returns how many children the document says to have, and how many it
// got.
func (n *node) count(doc []byte) (expected, read int) {
	for _, c := range n.children {
		var says int
		if c.Count == "" || json.Unmarshal(contract.Member(doc, c.Count), &says) != nil {
			continue
		}
		expected += says
		read += len(n.parts[c.Name].docs)
	}
	return expected, read
}

// array returns the JSON array of docs.
func array(docs []json.RawMessage) json.RawMessage {
	size := 2
	for _, d := range docs {
		size += len(d) + 1
	}
	out := bytes.NewBuffer(make([]byte, 0, size))
	out.WriteByte('[')
	for i, d := range docs {
		if i > 0 {
			out.WriteByte(',')
		}
		out.Write(d)
	}
	out.WriteByte(']')
	return out.Bytes()
}
