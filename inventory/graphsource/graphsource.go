// Package graphsource reads the objects of a tenant from Microsoft Graph for
// packages inventory and directory.
package graphsource

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/runs"
)

var _ inventory.Source = (*Source)(nil)

// A Source is an [inventory.Source] over Graph. What it asks for stands in
// package contract; it sends nothing but GET requests, those for single
// objects in batches. It is safe for concurrent use.
type Source struct{ client *graphclient.Client }

// New returns a Source for the tenant of client.
func New(client *graphclient.Client) *Source { return &Source{client} }

// List implements [inventory.Source].
func (s *Source) List(ctx context.Context, c *contract.Collection) iter.Seq2[inventory.ListPage, error] {
	switch {
	case c.Singleton:
		return func(yield func(inventory.ListPage, error) bool) { yield(s.singleton(ctx, c)) }
	case c.Parent != "":
		return s.belowParents(ctx, c)
	default:
		return s.pages(ctx, c.ListURL(""))
	}
}

// pages lists what path names.
func (s *Source) pages(ctx context.Context, path string) iter.Seq2[inventory.ListPage, error] {
	return func(yield func(inventory.ListPage, error) bool) {
		first := true
		for page, err := range s.client.Pages(ctx, graphclient.Request{Path: path}) {
			if first && errors.Is(err, graphclient.ErrNotFound) {
				yield(inventory.ListPage{}, inventory.ErrNoCollection)
				return
			}
			first = false
			if !yield(listed(page.Items, ""), Public(err)) {
				return
			}
		}
	}
}

// singleton reads a collection that is one object. That it does not exist
// means that the tenant has not set it up.
func (s *Source) singleton(ctx context.Context, c *contract.Collection) (inventory.ListPage, error) {
	resp, err := s.client.Do(ctx, graphclient.Request{Path: c.ListURL("")})
	switch {
	case errors.Is(err, graphclient.ErrNotFound):
		return inventory.ListPage{}, nil
	case err != nil:
		return inventory.ListPage{}, Public(err)
	case len(resp.Body) == 0:
		return inventory.ListPage{}, nil
	}
	return listed([]json.RawMessage{resp.Body}, ""), nil
}

// belowParents lists the parents, and the objects below those that can have
// some. That it cannot ask for those of a parent is said when all others were
// listed.
func (s *Source) belowParents(ctx context.Context, c *contract.Collection) iter.Seq2[inventory.ListPage, error] {
	return func(yield func(inventory.ListPage, error) bool) {
		lost := false
		for parents, err := range s.pages(ctx, c.Parent) {
			if err != nil {
				yield(inventory.ListPage{}, err)
				return
			}
			lost = lost || slices.ContainsFunc(parents.Objects, func(p inventory.Listed) bool { return idOf(p) == "" && !childless(c, p.Doc) })
			for page, err := range s.below(ctx, c, parents) {
				if !yield(page, err) || err != nil {
					return
				}
			}
		}
		if lost {
			yield(inventory.ListPage{}, runs.Public(nil, runs.ReasonBadResponse, "The service listed an object without a usable ID, and what is below it cannot be listed."))
		}
	}
}

func idOf(o inventory.Listed) string { return contract.Text(contract.Member(o.Doc, "id")) }

// below lists the objects below a page of parents.
func (s *Source) below(ctx context.Context, c *contract.Collection, parents inventory.ListPage) iter.Seq2[inventory.ListPage, error] {
	var ids []string
	var reqs []graphclient.Request
	for _, p := range parents.Objects {
		if id := idOf(p); id != "" && !childless(c, p.Doc) {
			ids = append(ids, id)
			reqs = append(reqs, graphclient.Request{Path: c.ListURL(id), List: true})
		}
	}
	return func(yield func(inventory.ListPage, error) bool) {
		for i, r := range s.client.Batch(ctx, reqs) {
			switch {
			case errors.Is(r.Err, graphclient.ErrNotFound): // the parent is gone, and with it what was below
			case r.Err != nil:
				yield(inventory.ListPage{}, Public(r.Err))
				return
			case !yield(listed(r.Items, ids[i]), nil):
				return
			}
		}
	}
}

// childless reports whether a parent says that there is nothing below it.
func childless(c *contract.Collection, parent []byte) bool {
	for _, count := range c.ParentCounts {
		if string(contract.Member(parent, count)) != "0" {
			return false
		}
	}
	return len(c.ParentCounts) > 0
}

func listed(docs []json.RawMessage, parent string) inventory.ListPage {
	page := inventory.ListPage{Objects: make([]inventory.Listed, len(docs))}
	for i, doc := range docs {
		page.Objects[i] = inventory.Listed{Parent: parent, Doc: doc}
	}
	return page
}
