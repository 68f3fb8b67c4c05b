package monitor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/tenantatlas/tenantatlas/runs"
)

// Pages, exports and JSON read runs through these alone, so that what a viewer
// is not to see is taken away in one place.

func (a *API) readRun(ctx context.Context, v Viewer, id string) (*runs.Run, error) {
	run, err := a.cfg.Runs.Get(ctx, runs.Ref{Tenant: v.Tenant, ID: id})
	if err != nil {
		return nil, err
	}
	a.redact(ctx, v, run)
	return run, nil
}

// readRuns returns a page of the runs that f selects. It may be short, and even
// empty, although there are more.
func (a *API) readRuns(ctx context.Context, v Viewer, f Filter) (runs.Page, error) {
	q := f.Query
	q.Tenant = v.Tenant
	read := func(limit int, after runs.Cursor) ([]*runs.Run, runs.Cursor, error) {
		q.Limit, q.After = limit, after
		page, err := a.cfg.Runs.List(ctx, q)
		for _, run := range page.Runs {
			// First, or a search would find what is not shown.
			a.redact(ctx, v, run)
		}
		return page.Runs, page.Next, err
	}
	var page runs.Page
	var err error
	page.Runs, page.Next, err = gather(q.Limit, q.After, f.rest(), read, f.Keeps)
	return page, err
}

// readCounts counts the runs that f selects.
func (a *API) readCounts(ctx context.Context, v Viewer, f Filter) (runs.Tally, error) {
	if !f.Exact() {
		return runs.Tally{}, runs.Public(runs.ErrInvalid, runs.ReasonUnsupported, "Runs cannot be counted by words or by what they are not.")
	}
	f.Query.Tenant = v.Tenant
	return a.cfg.Runs.Counts(ctx, f.Query)
}

// readItems returns a page of the items of a run that the caller has read, as
// readRuns does.
func (a *API) readItems(ctx context.Context, f itemFilter) (runs.ItemPage, error) {
	q := f.query
	read := func(limit int, after runs.Cursor) ([]runs.Item, runs.Cursor, error) {
		q.Limit, q.After = limit, after
		page, err := a.cfg.Runs.Items(ctx, q)
		return page.Items, page.Next, err
	}
	var page runs.ItemPage
	var err error
	page.Items, page.Next, err = gather(q.Limit, q.After, f.word, read, f.keeps)
	if page.Items == nil {
		page.Items = []runs.Item{}
	}
	return page, err
}

func (a *API) redact(ctx context.Context, v Viewer, run *runs.Run) {
	if a.cfg.Redact != nil {
		a.cfg.Redact(ctx, v, run)
	}
}

// maxReads is how many pages of the store are looked through for one page of a
// filter that the store does not know.
const maxReads = 8

// gather reads one page from a store and leaves out what keep does not. rest is
// the part of the filter that the store does not know; it is empty if keep keeps
// all. The cursors that gather returns are good for this rest alone.
func gather[T any](limit int, after runs.Cursor, rest string, read func(int, runs.Cursor) ([]T, runs.Cursor, error), keep func(T) bool) ([]T, runs.Cursor, error) {
	if rest == "" {
		return read(limit, after)
	}
	sum := sha256.Sum256([]byte(rest))
	mark := "." + hex.EncodeToString(sum[:6])
	plain, ok := strings.CutSuffix(string(after), mark)
	if !ok && after != "" {
		return nil, "", fmt.Errorf("list: %w", runs.ErrBadCursor)
	}
	next := runs.Cursor(plain)
	var kept []T
	size := runs.PageSize(limit)
	for range maxReads {
		// What is read is never more than what is missing: the cursor is then
		// that of the last one that was looked at.
		part, more, err := read(size-len(kept), next)
		if err != nil {
			return nil, "", err
		}
		for _, one := range part {
			if keep(one) {
				kept = append(kept, one)
			}
		}
		if next = more; next == "" {
			return kept, "", nil
		}
		if len(kept) > size/2 {
			break
		}
	}
	return kept, next + runs.Cursor(mark), nil
}
