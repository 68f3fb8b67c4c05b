package memrestore

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/runs"
)

// ListSets implements [backup.Sets].
func (s *Store) ListSets(ctx context.Context, q backup.SetQuery) (page backup.SetPage, err error) {
	type position struct {
		At time.Time
		ID string
	}
	compare := func(a, b position) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.ID, a.ID)) }
	at := func(b *backup.Set) position { return position{b.CreatedAt, b.ID} }
	scope := "sets"
	var after position
	if err := decode(q.After, scope, &after); err != nil {
		return page, err
	}
	err = s.read(ctx, q.Tenant, func(t *tenant) error {
		var all []backup.Set
		for _, is := range t.sets {
			if q.After == "" || compare(at(&is.Set), after) > 0 {
				all = append(all, is.Set)
			}
		}
		slices.SortFunc(all, func(a, b backup.Set) int { return compare(at(&a), at(&b)) })
		if n := runs.PageSize(q.Limit); len(all) > n {
			all = all[:n]
			page.Next = encode(scope, at(&all[n-1]))
		}
		page.Sets = all
		return nil
	})
	return page, err
}

// ListItems implements [backup.Versions].
func (s *Store) ListItems(ctx context.Context, q backup.ItemQuery) (page backup.ItemPage, err error) {
	type position struct{ Kind, Fold, ID string }
	compare := func(a, b position) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Fold, b.Fold), cmp.Compare(a.ID, b.ID))
	}
	at := func(v *backup.Version) position { return position{v.Kind, inventory.Fold(v.Name), v.Object} }
	scope := strings.Join([]string{"items", q.Set, q.Kind, inventory.Fold(q.Text)}, "\x00")
	if q.Staged {
		scope += "\x00staged"
	}
	var after position
	if err := decode(q.After, scope, &after); err != nil {
		return page, err
	}
	err = s.read(ctx, q.Tenant, func(t *tenant) error {
		is := t.sets[q.Set]
		if is == nil {
			return nil
		}
		var all []backup.Item
		for _, i := range is.items {
			v := i.version.Version
			p := at(&v)
			switch {
			case i.staged && !q.Staged,
				q.Kind != "" && v.Kind != q.Kind,
				!strings.Contains(p.Fold, inventory.Fold(q.Text)),
				q.After != "" && compare(p, after) <= 0:
			default:
				all = append(all, backup.Item{Set: q.Set, Version: v})
			}
		}
		slices.SortFunc(all, func(a, b backup.Item) int { return compare(at(&a.Version), at(&b.Version)) })
		if n := runs.PageSize(q.Limit); len(all) > n {
			all = all[:n]
			page.Next = encode(scope, at(&all[n-1].Version))
		}
		page.Items = all
		return nil
	})
	return page, err
}

// VersionsOf implements [backup.Versions].
func (s *Store) VersionsOf(ctx context.Context, name, kind, id string, limit int) (all []backup.Item, err error) {
	ref := inventory.Ref{Kind: kind, ID: id}
	err = s.read(ctx, name, func(t *tenant) error {
		for _, is := range t.sets {
			if i := is.items[ref]; i != nil && !i.staged {
				all = append(all, backup.Item{Set: is.ID, Version: i.version.Version})
			}
		}
		return nil
	})
	slices.SortFunc(all, func(a, b backup.Item) int {
		return cmp.Or(b.CapturedAt.Compare(a.CapturedAt), cmp.Compare(b.Set, a.Set))
	})
	return all[:min(len(all), runs.PageSize(limit))], err
}

// A cursor says of which list it is, and where the next page begins.
type cursor struct {
	Scope string
	After json.RawMessage
}

func encode(scope string, after any) backup.Cursor {
	position, err := json.Marshal(after)
	if err != nil {
		return "" // texts and instants can be encoded
	}
	doc, err := json.Marshal(cursor{scope, position})
	if err != nil {
		return ""
	}
	return backup.Cursor(base64.RawURLEncoding.EncodeToString(doc))
}

func decode(c backup.Cursor, scope string, after any) error {
	if c == "" {
		return nil
	}
	doc, err := base64.RawURLEncoding.DecodeString(string(c))
	if err != nil {
		return backup.ErrBadCursor
	}
	var found cursor
	if json.Unmarshal(doc, &found) != nil || found.Scope != scope || json.Unmarshal(found.After, after) != nil {
		return backup.ErrBadCursor
	}
	return nil
}
