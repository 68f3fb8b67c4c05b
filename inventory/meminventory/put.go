package meminventory

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/tenantatlas/tenantatlas/inventory"
)

// Put implements [inventory.Store].
func (s *Store) Put(ctx context.Context, sync inventory.Sync, entries []inventory.Entry) error {
	packed, err := s.pack(entries)
	if err != nil {
		return err
	}
	return s.write(ctx, sync.Tenant, func(t *tenant) error {
		for _, e := range entries {
			if err := t.check(e, packed); err != nil {
				return err
			}
		}
		for hash, p := range packed {
			if old := t.contents[hash]; old != nil {
				old.unused = content{}.unused
				continue
			}
			t.contents[hash] = &content{packed: p}
		}
		for _, e := range entries {
			t.put(e)
		}
		return nil
	})
}

// pack compresses the contents of the entries, by hash.
func (s *Store) pack(entries []inventory.Entry) (map[string][]byte, error) {
	packed := make(map[string][]byte)
	for _, e := range entries {
		for hash, doc := range map[string][]byte{e.Hash: e.Content, e.AssignmentsHash: e.Assignments} {
			if doc == nil || hash == "" || packed[hash] != nil {
				continue
			}
			p, err := s.packer.Pack(doc)
			if err != nil {
				return nil, err
			}
			packed[hash] = p
		}
	}
	return packed, nil
}

// check reports whether e can be kept.
func (t *tenant) check(e inventory.Entry, packed map[string][]byte) error {
	if e.Kind == "" || e.ID == "" || e.Hash == "" {
		return fmt.Errorf("%w: entry without kind, id or hash", inventory.ErrInvalid)
	}
	for _, hash := range []string{e.Hash, e.AssignmentsHash} {
		if hash != "" && packed[hash] == nil && t.contents[hash] == nil {
			return fmt.Errorf("%w: entry without its content", inventory.ErrInvalid)
		}
	}
	return nil
}

func (t *tenant) put(e inventory.Entry) {
	k := t.kind(e.Kind)
	next := &record{item: keep(e.Item), fold: inventory.Fold(e.Name), stamp: e.Stamp, linked: e.Linked}
	if old := k.byID[e.ID]; old != nil {
		next.item.FirstSeenAt, next.item.Hidden, next.links = old.item.FirstSeenAt, old.item.Hidden, old.links
		if old.item.LastSeenAt.After(next.item.LastSeenAt) {
			next.item.LastSeenAt, next.item.LastSeenRun = old.item.LastSeenAt, old.item.LastSeenRun
		}
		k.sorted = slices.Delete(k.sorted, k.index(old), k.index(old)+1)
	}
	k.byID[e.ID] = next
	k.sorted = slices.Insert(k.sorted, k.index(next), next)
	if e.Linked {
		t.link(next, e.Links)
	}
}

// keep returns i as it is kept.
func keep(i inventory.Item) inventory.Item {
	i.ScopeTags = slices.Clone(i.ScopeTags)
	i.Meta = maps.Clone(i.Meta)
	i.Hidden, i.Missing, i.Confidence = false, false, ""
	return i
}

// index returns the place of r among the sorted, whether it is there or not.
func (k *kind) index(r *record) int {
	i, _ := slices.BinarySearchFunc(k.sorted, r, func(a, b *record) int {
		return cmp.Or(cmp.Compare(a.fold, b.fold), cmp.Compare(a.item.ID, b.item.ID))
	})
	return i
}

// link replaces the links from r.
func (t *tenant) link(r *record, links []inventory.Link) {
	from := r.item.Ref()
	for _, l := range r.links {
		delete(t.targets[l.To.Ref()], from)
	}
	r.links = slices.Clone(links)
	for i := range r.links {
		r.links[i].From, r.links[i].Missing = from, false
		to := r.links[i].To.Ref()
		if t.targets[to] == nil {
			t.targets[to] = make(referrers)
		}
		t.targets[to][from] = struct{}{}
	}
	slices.SortFunc(r.links, compareLinks)
}

func compareLinks(a, b inventory.Link) int {
	return cmp.Or(
		compareRefs(a.From, b.From),
		cmp.Compare(a.Type, b.Type),
		compareRefs(a.To.Ref(), b.To.Ref()),
		bytes.Compare(flag(a.Exclude), flag(b.Exclude)),
	)
}

func compareRefs(a, b inventory.Ref) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
}

func flag(set bool) []byte {
	if set {
		return []byte{1}
	}
	return []byte{0}
}
