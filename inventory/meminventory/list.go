package meminventory

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/tenantatlas/tenantatlas/inventory"
)

// List implements [inventory.Reader].
func (s *Store) List(ctx context.Context, q inventory.Query) (inventory.Page, error) {
	var page inventory.Page
	filter := fmt.Sprintf("items %q %q %q %t %q", q.Tenant, q.Kind, q.Text, q.Missing, q.Selection)
	var after place
	if err := position(q.After, filter, &after); err != nil {
		return page, err
	}
	text := inventory.Fold(q.Text)
	err := s.read(ctx, q.Tenant, func(t *tenant) error {
		for r := range t.from(q.Kind, after) {
			if text != "" && !strings.Contains(r.fold, text) && !strings.HasPrefix(inventory.Fold(r.item.ID), text) {
				continue
			}
			i := t.show(r, q.Selection)
			if q.Missing && !i.Missing {
				continue
			}
			if len(page.Items) == q.PageSize() {
				page.Next = cursor(filter, after)
				return nil
			}
			page.Items = append(page.Items, i)
			after = place{i.Kind, r.fold, i.ID}
		}
		return nil
	})
	return page, err
}

// A place is a position in the list of items.
type place struct{ Kind, Fold, ID string }

// from yields the records of one kind, or of all if key is empty, in order and
// behind a position.
func (t *tenant) from(key string, after place) func(yield func(*record) bool) {
	return func(yield func(*record) bool) {
		if t == nil {
			return
		}
		for _, kind := range slices.Sorted(maps.Keys(t.kinds)) {
			if key != "" && kind != key || kind < after.Kind {
				continue
			}
			all := t.kinds[kind].sorted
			if kind == after.Kind {
				all = all[sort.Search(len(all), func(i int) bool {
					r := all[i]
					return r.fold > after.Fold || r.fold == after.Fold && r.item.ID > after.ID
				}):]
			}
			for _, r := range all {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// Links implements [inventory.Reader].
func (s *Store) Links(ctx context.Context, q inventory.LinkQuery) (inventory.LinkPage, error) {
	var page inventory.LinkPage
	filter := fmt.Sprintf("links %q %q %q %q", q.Tenant, q.From, q.To, q.Selection)
	var after inventory.Link
	if err := position(q.After, filter, &after); err != nil {
		return page, err
	}
	err := s.read(ctx, q.Tenant, func(t *tenant) error {
		for _, l := range t.links(q) {
			if q.After != "" && compareLinks(l, after) <= 0 {
				continue
			}
			if len(page.Links) == q.PageSize() {
				page.Next = cursor(filter, page.Links[len(page.Links)-1])
				return nil
			}
			t.resolve(&l, q.Selection)
			page.Links = append(page.Links, l)
		}
		return nil
	})
	return page, err
}

// links returns the links that match q, in order.
func (t *tenant) links(q inventory.LinkQuery) []inventory.Link {
	var all []inventory.Link
	for _, r := range t.sources(q) {
		for _, l := range r.links {
			if q.To == (inventory.Ref{}) || l.To.Ref() == q.To {
				all = append(all, l)
			}
		}
	}
	slices.SortFunc(all, compareLinks)
	return all
}

// sources returns the records that the links of q can come from.
func (t *tenant) sources(q inventory.LinkQuery) []*record {
	var all []*record
	switch {
	case t == nil:
	case q.From != (inventory.Ref{}):
		if r := t.record(q.From); r != nil {
			all = append(all, r)
		}
	case q.To != (inventory.Ref{}):
		for from := range t.targets[q.To] {
			all = append(all, t.record(from))
		}
	default:
		for _, k := range t.kinds {
			all = append(all, k.sorted...)
		}
	}
	return all
}

// resolve finds out what is known of the target of l.
func (t *tenant) resolve(l *inventory.Link, selection string) {
	k := t.kinds[l.To.Kind]
	if k == nil {
		return
	}
	r := k.byID[l.To.ID]
	if r == nil {
		// Only a run that covered the kind can tell that it is not there.
		l.Missing = !k.scopes[selection].last.IsZero()
		return
	}
	l.Missing, _ = k.missing(r, selection)
	if r.item.Name != "" {
		l.To.Name = r.item.Name
	}
}

// cursor returns the position of an entry of the list that filter describes.
func cursor(filter string, at any) inventory.Cursor {
	raw, err := json.Marshal(at)
	if err != nil {
		return "" // unreachable: there is nothing in it that has no JSON
	}
	return seal(filter, raw)
}

// position sets at to the position that made the cursor; an empty cursor
// leaves it as it is.
func position(c inventory.Cursor, filter string, at any) error {
	if c == "" {
		return nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(string(c))
	if err != nil || len(raw) <= sumSize || seal(filter, raw[sumSize:]) != c || json.Unmarshal(raw[sumSize:], at) != nil {
		return inventory.ErrBadCursor
	}
	return nil
}

// sumSize is how many bytes of its checksum a cursor begins with.
const sumSize = 8

func seal(filter string, raw []byte) inventory.Cursor {
	sum := sha256.Sum256(append([]byte(filter), raw...))
	return inventory.Cursor(base64.RawURLEncoding.EncodeToString(append(sum[:sumSize:sumSize], raw...)))
}
