package buninventory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/inventory"
)

// Put implements [inventory.Store]. It is one transaction of about eight
// statements however many entries there are, as long as PostgreSQL takes them
// at once; see bunkit.Bulk.
//
// LastSeenAt and LastSeenRun stay as they are if another run has seen the item
// later: two runs of different selections can see it at a time.
func (s *Store) Put(ctx context.Context, sync inventory.Sync, entries []inventory.Entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := checkSync(sync); err != nil {
		return err
	}
	p, err := s.plan(entries)
	if err == nil {
		err = s.write(ctx, sync.Tenant, true, func(ctx context.Context, t *tx) error { return s.put(ctx, t, p) })
	}
	return s.explain(ctx, "put", err)
}

// A plan is what a Put writes.
type plan struct {
	contents [][]any
	hashes   string // that the entries refer to: a JSON array
	lacking  string // those of them whose contents are not brought
	lacks    int
	batches  []batch
}

// A batch is the rows for entries that are different items.
type batch struct{ items, leaves, refs, links [][]any }

func (s *Store) plan(entries []inventory.Entry) (plan, error) {
	packed := make(map[string][]byte)
	hashes := make(map[string]bool) // whether the content is brought
	for i := range entries {
		e := &entries[i]
		if err := check(e); err != nil {
			return plan{}, err
		}
		for _, c := range []struct {
			hash string
			doc  []byte
		}{{e.Hash, e.Content}, {e.AssignmentsHash, e.Assignments}} {
			if c.hash == "" {
				continue
			}
			hashes[c.hash] = hashes[c.hash] || c.doc != nil
			if c.doc == nil || packed[c.hash] != nil {
				continue
			}
			var err error
			if packed[c.hash], err = s.packer.Pack(c.doc); err != nil {
				return plan{}, err
			}
		}
	}
	var p plan
	// Two writers in the same order do not wait for each other in a circle.
	for _, hash := range slices.Sorted(maps.Keys(packed)) {
		p.contents = append(p.contents, []any{hash, packed[hash]})
	}
	lacking := slices.DeleteFunc(slices.Collect(maps.Keys(hashes)), func(h string) bool { return hashes[h] })
	p.lacks = len(lacking)
	p.hashes, p.lacking = array(slices.Collect(maps.Keys(hashes))), array(lacking)
	for _, part := range distinct(entries) {
		b, err := s.batch(part)
		if err != nil {
			return plan{}, err
		}
		p.batches = append(p.batches, b)
	}
	return p, nil
}

// check reports whether an entry can be kept, apart from its contents.
func check(e *inventory.Entry) error {
	if e.Kind == "" || e.ID == "" || e.Hash == "" {
		return fmt.Errorf("%w: an entry without kind, id or hash", inventory.ErrInvalid)
	}
	for _, id := range []string{e.ID, e.Hash, e.AssignmentsHash} {
		if len(id) > maxID || !bunkit.Storable(id) {
			return fmt.Errorf("%w: an id or hash that is too long or no text", inventory.ErrInvalid)
		}
	}
	return checkNames(e.Kind)
}

// distinct cuts entries into parts without two for the same item: one
// statement cannot write a row twice.
func distinct(entries []inventory.Entry) [][]*inventory.Entry {
	var parts [][]*inventory.Entry
	seen := make(map[inventory.Ref]bool, len(entries))
	for i := range entries {
		e := &entries[i]
		if len(parts) == 0 || seen[e.Ref()] {
			parts = append(parts, nil)
			clear(seen)
		}
		seen[e.Ref()] = true
		parts[len(parts)-1] = append(parts[len(parts)-1], e)
	}
	for _, part := range parts {
		slices.SortFunc(part, func(a, b *inventory.Entry) int {
			if a.Kind != b.Kind {
				return strings.Compare(a.Kind, b.Kind)
			}
			return strings.Compare(a.ID, b.ID)
		})
	}
	return parts
}

func (s *Store) batch(entries []*inventory.Entry) (batch, error) {
	var b batch
	for _, e := range entries {
		row, err := s.itemRow(e)
		if err != nil {
			return batch{}, err
		}
		b.items = append(b.items, row)
		b.leaves = append(b.leaves, []any{e.Kind, e.ID, e.Hash, e.AssignmentsHash})
		if !e.Linked {
			continue
		}
		b.refs = append(b.refs, []any{e.Kind, e.ID})
		for _, l := range e.Links {
			b.links = append(b.links, []any{
				e.Kind, e.ID, bounded(string(l.Type), maxName), bounded(l.To.Kind, maxName), bounded(l.To.ID, maxID), l.Exclude, bunkit.Clean(l.To.Name),
			})
		}
	}
	return b, nil
}

// itemRow returns the values for the columns of the same name.
func (s *Store) itemRow(e *inventory.Entry) ([]any, error) {
	name := bunkit.Clean(e.Name)
	fold, rest := bunkit.Cut(inventory.Fold(name), maxID)
	var foldRest, foldID any
	if rest != "" {
		foldRest = rest
	}
	if id := inventory.Fold(e.ID); id != e.ID {
		foldID = id
	}
	var details [3]any
	for i, d := range []struct {
		empty bool
		value any
	}{
		{len(e.ScopeTags) == 0, e.ScopeTags},
		{e.Assigned == (inventory.Assigned{}), e.Assigned},
		{len(e.Meta) == 0, e.Meta},
	} {
		if d.empty {
			continue
		}
		raw, err := json.Marshal(d.value)
		if err != nil {
			return nil, fmt.Errorf("encode item: %w", err)
		}
		details[i] = string(raw)
	}
	return []any{
		e.Kind, e.ID, name, fold, foldRest, foldID, bunkit.Clean(string(e.Platform)), bunkit.Clean(string(e.Category)), details[0], details[1], details[2],
		e.Hash, e.AssignmentsHash, bunkit.Clean(e.Stamp), e.Linked, s.dialect.Time(e.ModifiedAt), s.dialect.Instant(e.FirstSeenAt), s.dialect.Instant(e.LastSeenAt),
		bunkit.Clean(e.LastSeenRun),
	}, nil
}

func (s *Store) put(ctx context.Context, t *tx, p plan) error {
	if len(p.batches) == 0 {
		return nil
	}
	if err := t.bulk(ctx, s.sql.putContents, p.contents); err != nil {
		return err
	}
	if _, err := t.exec(ctx, s.sql.keepContents, p.hashes); err != nil {
		return err
	}
	if p.lacks > 0 {
		var have int
		if err := t.QueryRowContext(ctx, s.sql.haveContents, t.tenant, p.lacking).Scan(&have); err != nil {
			return err
		}
		if have < p.lacks {
			return fmt.Errorf("%w: an entry without its content", inventory.ErrInvalid)
		}
	}
	for _, b := range p.batches {
		for _, w := range []struct {
			stmt bunkit.Bulk
			rows [][]any
		}{
			{s.sql.leaveContents, b.leaves},
			{s.sql.putItems, b.items},
			{s.sql.dropLinks, b.refs},
			{s.sql.putLinks, b.links},
		} {
			if err := t.bulk(ctx, w.stmt, w.rows); err != nil {
				return err
			}
		}
	}
	return nil
}

// array returns texts as a JSON array, in which a statement finds them whatever
// their number.
func array(texts []string) string {
	if len(texts) == 0 {
		return "[]"
	}
	slices.Sort(texts)
	raw, err := json.Marshal(texts)
	if err != nil {
		return "[]" // unreachable: they are texts
	}
	return string(raw)
}

// bounded returns s, or if it has more than size bytes its beginning and a
// hash of it.
func bounded(s string, size int) string {
	s = bunkit.Clean(s)
	if len(s) <= size {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	end := hex.EncodeToString(sum[:])
	begin, _ := bunkit.Cut(s, size-len(end))
	return begin + end
}
