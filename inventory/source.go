package inventory

import (
	"context"
	"encoding/json"
	"iter"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// A Source reads the objects of one tenant. It only ever reads.
//
// Its errors end up as the reason for which a kind failed, so what may be
// shown is declared with [runs.Public]. The methods are safe for concurrent
// use and end soon when ctx does.
type Source interface {
	// List lists a collection to its end, a page at a time; an error comes
	// last and means that the list is not whole, however much of it came. A
	// list below parents lists the parents by itself. If the tenant has no
	// such collection the error is [ErrNoCollection] and no page came.
	List(ctx context.Context, c *contract.Collection) iter.Seq2[ListPage, error]

	// Read completes objects that were listed, and yields each one's result
	// with its index, once, in any order. It ends early, with some objects
	// unread, only if ctx does.
	Read(ctx context.Context, wants []Want) iter.Seq2[int, Reading]
}

// A ListPage is one page of a list.
type ListPage struct {
	Objects []Listed
}

// Listed is an object as a list shows it.
type Listed struct {
	Parent string          // id of the object that it was listed under; mostly empty
	Doc    json.RawMessage // may share its memory with the rest of the page
}

// A Want says what is to be read of an object.
type Want struct {
	Type   *contract.Type
	List   contract.List // where it was listed
	Object Listed        // without Doc for an object that was not listed; Content is wanted then
	ID     string        // empty for a singleton
	OData  string        // as [contract.Summary] has it

	Content     bool // read it whole, with its children
	Assignments bool // read its assignments
}

// A Reading is what became of a [Want].
type Reading struct {
	// Content is the whole object with its children in it, Assignments the
	// array of its assignments; each nil if it was not wanted.
	Content, Assignments json.RawMessage

	// Expected is how many parts the object said to have, Read how many came;
	// both 0 if it did not say. A Source that gets different figures reads the
	// object once more before it gives them.
	Expected, Read int

	// Err is why the object could not be read; [ErrGone] if it does not exist
	// any more.
	Err error
}
