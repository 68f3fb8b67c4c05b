package graphclient

import (
	"context"
	"encoding/json"
	"iter"
)

// A Page is one answer of a list.
type Page struct {
	// Items are the objects as Graph wrote them. They share the memory of the
	// page, which belongs to the caller and is never reused: keeping one item
	// keeps its page, so copy what is kept for long.
	Items []json.RawMessage

	// Number counts from 1.
	Number int

	// Repeated reports that an earlier page of the same list had the same,
	// not empty, content under another link.
	Repeated bool

	// DeltaLink is set on the last page of a [Client.Delta]: the path to ask
	// for what changes from now on. It is relative, so that it survives a move
	// to another host of the same cloud, and opaque: keep it byte for byte. It
	// lets nobody in by itself, but do not log it.
	DeltaLink string
}

// Pages lists what req names, a page at a time, until there is none left or
// an error, which comes last with an empty Page. Requests are made as the loop
// asks for pages; each range over the result starts from the first.
//
// Next links are followed as they are, to the same scheme, host and port only,
// with req's headers; a page that fails is repeated, never the list. A list
// that does not end is [ErrPagingLoop].
func (c *Client) Pages(ctx context.Context, req Request) iter.Seq2[Page, error] {
	return c.api.pages(ctx, req, false)
}

// Delta is Pages for a delta query: req.Path is the query itself, for a full
// enumeration, or the DeltaLink that the last one ended with. The last page
// has the next DeltaLink. [ErrResync] means that the link is no longer good.
//
// The same object can come more than once; the last one counts.
func (c *Client) Delta(ctx context.Context, req Request) iter.Seq2[Page, error] {
	return c.api.pages(ctx, req, true)
}
