package inventory

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/runs"
)

// Collections returns the lists that hold objects of the types, those of
// [contract.Unknown] among them, each once. Neighbours count against different
// service buckets where that is possible: buckets are independent, so that the
// slowest alone decides how long it takes to read them all.
func Collections(types []*contract.Type) []*contract.Collection {
	var all []*contract.Collection
	for _, c := range contract.Collections() {
		if slices.ContainsFunc(c.Types, func(t *contract.Type) bool { return slices.Contains(types, t) }) {
			all = append(all, c)
		}
	}
	for _, t := range types {
		if _, known := contract.Lookup(t.Key); !known {
			all = append(all, &contract.Collection{List: t.Lists[0], Types: []*contract.Type{t}, Bucket: t.Bucket})
		}
	}
	rank := make(map[*contract.Collection]int, len(all))
	inBucket := make(map[contract.Bucket]int)
	for _, c := range all {
		rank[c] = inBucket[c.Bucket]
		inBucket[c.Bucket]++
	}
	slices.SortStableFunc(all, func(a, b *contract.Collection) int { return rank[a] - rank[b] })
	return all
}

// maxID is how long the ID of an item can be, in bytes. Those of Graph have 36,
// or two of these; a store has to find it in an index.
const maxID = 512

// ItemID returns the ID of the item that an object is which was listed in l and
// says to have the given id. A singleton need not have one of its own. It is
// empty for an object that cannot be an item: one without an ID, or with one
// that no store keeps.
func ItemID(t *contract.Type, l contract.List, id string) string {
	switch {
	case len(id) > maxID || !utf8.ValidString(id) || strings.ContainsRune(id, 0):
		return ""
	case !l.Singleton:
		return id
	case len(t.Lists) == 1 || id == "":
		return t.Key
	default:
		return id
	}
}

// NewWant returns what is to be read to have all of an object that was listed in
// l, and has the given summary. If that is neither Content nor Assignments, the
// list shows everything.
func NewWant(t *contract.Type, l contract.List, at Listed, s contract.Summary) Want {
	return Want{
		Type: t, List: l, Object: at, ID: s.ID, OData: s.OData,
		Content: t.Read.ByID || len(t.ChildrenOf(s.OData)) > 0,
		Assignments: t.Assign.Read == contract.AssignedAtPath ||
			t.Assign.Read == contract.AssignedInList && InlineAssignments(at.Doc) == nil,
	}
}

// Whole returns the content and the assignments of an object of which everything
// was read. The assignments are nil if objects of the type have none of their
// own, and an empty array if this one has none.
func (w *Want) Whole(r Reading) (content, assignments json.RawMessage, err error) {
	if err := r.Problem(); err != nil {
		return nil, nil, err
	}
	content = w.Object.Doc
	if w.Content {
		content = r.Content
	}
	assignments, separate := w.assignments(content, r)
	if separate && assignments == nil {
		assignments = json.RawMessage("[]")
	}
	return content, assignments, nil
}

// assignments returns the assignments as they came, nil if there are none, and
// whether objects of the type have some of their own.
func (w *Want) assignments(content []byte, r Reading) (list json.RawMessage, separate bool) {
	switch w.Type.Assign.Read {
	case contract.AssignedInRead:
		return InlineAssignments(content), true
	case contract.AssignedInList, contract.AssignedAtPath:
		if w.Assignments {
			return r.Assignments, true
		}
		return InlineAssignments(w.Object.Doc), true
	case contract.AssignedInBody, contract.AssignedNowhere:
	}
	return nil, false
}

// InlineAssignments returns the assignments that a document brings along, or
// nil if it has none or not all of them.
func InlineAssignments(doc []byte) json.RawMessage {
	if contract.Member(doc, "assignments@odata.nextLink") != nil {
		return nil
	}
	return contract.Member(doc, "assignments")
}

// Problem returns why an object that was read cannot be used, or nil.
func (r *Reading) Problem() error {
	if r.Err == nil && r.Expected != r.Read {
		return runs.Public(nil, runs.ReasonInconsistentRead,
			fmt.Sprintf("An object says to have %d parts, and %d of them could be read.", r.Expected, r.Read))
	}
	return r.Err
}
