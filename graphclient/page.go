package graphclient

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
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

	// NextLink is set on every page of a [Client.Delta] but the last: the path
	// where another Delta can go on, should this one be interrupted. It is as
	// the DeltaLink is, and is good for a short time only.
	NextLink string

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
// enumeration, or the DeltaLink that the last one ended with, or a NextLink to
// go on behind a page. The last page has the next DeltaLink. [ErrResync] means that the link is no longer good.
//
// The same object can come more than once; the last one counts.
func (c *Client) Delta(ctx context.Context, req Request) iter.Seq2[Page, error] {
	return c.api.pages(ctx, req, true)
}

// pages follows a list to its end.
func (a *api) pages(ctx context.Context, req Request, delta bool) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		req.List = true
		c, e := a.prepare(req)
		if e != nil {
			yield(Page{}, e)
			return
		}
		trail := newTrail(a, c.url.RequestURI())
		for {
			page, next, err := a.page(ctx, c, trail, delta)
			if err != nil {
				yield(Page{}, err)
				return
			}
			if !yield(page, nil) || next == "" {
				return
			}
			if c.url, e = a.origin.url(next); e != nil {
				yield(Page{}, e)
				return
			}
		}
	}
}

// page reads one page and returns it with the target of the next.
func (a *api) page(ctx context.Context, c *call, trail *trail, delta bool) (Page, string, error) {
	ans, err := a.exchange(ctx, c)
	if err != nil {
		// A list can be gone; a delta link is too old, with or without a code.
		if e, ok := errors.AsType[*Error](err); ok && delta && e.Status == http.StatusGone {
			e.Reason = ErrResync
		}
		return Page{}, "", err
	}
	next, repeated, e := trail.step(ans.outline)
	if e != nil {
		return Page{}, "", ans.fail(c, e)
	}
	page := Page{Items: ans.outline.items, Number: trail.count, Repeated: repeated}
	switch {
	case !delta:
	case next != "":
		var ok bool
		if page.NextLink, ok = relative(next); !ok {
			return Page{}, "", ans.fail(c, bad("next_link"))
		}
	default:
		target, ok := a.origin.target(text(ans.outline.delta))
		if ok {
			page.DeltaLink, ok = relative(target)
		}
		if !ok {
			return Page{}, "", ans.fail(c, bad("delta_link"))
		}
	}
	return page, next, nil
}
