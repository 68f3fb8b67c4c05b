package restore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/runs"
)

func hashOf(form []byte) string {
	sum := sha256.Sum256(form)
	return hex.EncodeToString(sum[:])
}

// match finds the object of the target that each item is: the one that an
// earlier restore has made of it, the one with its id if it is the same tenant,
// and else the one that is like it. Several that are alike are told apart by
// what they hold; where that is not enough, the item is ambiguous.
func (j *job) match(ctx context.Context) error {
	var open []*entry
	refs := make([]inventory.Ref, 0, len(j.items))
	for _, e := range j.items {
		if e.Decision == "" {
			open = append(open, e)
			refs = append(refs, e.Ref)
		}
	}
	answers, err := j.cfg.Store.Recall(ctx, j.r.Tenant, j.r.Origin, refs)
	if err != nil {
		return fmt.Errorf("recall: %w", err)
	}
	taken := make(map[inventory.Ref]bool) // objects of the target
	for _, a := range answers {
		j.assign(j.byRef[a.Ref], a.To, taken)
	}
	others, err := j.others(ctx)
	if err != nil {
		return err
	}
	maps.Copy(taken, others)
	for _, e := range open {
		if j.r.Origin == j.r.Tenant || e.typ.Lists[0].Singleton || e.typ.Write.Shape == contract.WriteUpsert {
			j.assign(e, e.ID, taken)
		}
	}
	groups := make(map[string][]*entry)
	var keys []string
	for _, e := range open {
		if e.Object == "" && j.live[e.Kind].err == nil {
			key := fmt.Sprintf("%s %q", e.Kind, e.id)
			if groups[key] == nil {
				keys = append(keys, key)
			}
			groups[key] = append(groups[key], e)
		}
	}
	for _, key := range keys {
		if err := j.matchAlike(ctx, groups[key], taken); err != nil {
			return err
		}
	}
	return nil
}

// others returns the objects of the target that items of the set are which are
// not restored this time: what has the same name is none of them.
func (j *job) others(ctx context.Context) (map[inventory.Ref]bool, error) {
	answers, err := j.cfg.Store.Recall(ctx, j.r.Tenant, j.r.Origin, j.left)
	if err != nil {
		return nil, fmt.Errorf("recall: %w", err)
	}
	others := make(map[inventory.Ref]bool, len(answers))
	for _, a := range answers {
		others[inventory.Ref{Kind: a.Kind, ID: a.To}] = true
	}
	if j.r.Origin == j.r.Tenant {
		for _, ref := range j.left {
			others[ref] = true
		}
	}
	return others, nil
}

// assign notes that an item is the object of the target with this id, if there
// is one that no other item is.
func (j *job) assign(e *entry, id string, taken map[inventory.Ref]bool) {
	if e == nil || e.Object != "" || e.typ == nil || j.live[e.Kind] == nil {
		return
	}
	at := inventory.Ref{Kind: e.Kind, ID: id}
	if j.live[e.Kind].byID[id] != nil && !taken[at] {
		e.Object, taken[at] = id, true
	}
}

// matchAlike matches items that have the same identity with the objects that
// have it too.
func (j *job) matchAlike(ctx context.Context, items []*entry, taken map[inventory.Ref]bool) error {
	var left []*object
	for _, o := range j.live[items[0].Kind].like[items[0].id] {
		if !taken[inventory.Ref{Kind: items[0].Kind, ID: o.id}] {
			left = append(left, o)
		}
	}
	if len(left) == 0 {
		return nil
	}
	if len(items) > 1 || len(left) > 1 {
		var err error
		if items, left, err = j.matchEqual(ctx, items, left, taken); err != nil {
			return err
		}
	}
	switch {
	case len(items) == 0, len(left) == 0:
	case len(items) == 1 && len(left) == 1:
		j.assign(items[0], left[0].id, taken)
	default:
		for _, e := range items {
			e.decide(Ambiguous, runs.ReasonConflict, "Several objects of the tenant have this name. Rename or remove the others, or leave this item out.")
		}
	}
	return nil
}

// matchEqual matches those items and objects whose contents are equal, and
// returns the others. Equal ones are interchangeable.
func (j *job) matchEqual(ctx context.Context, items []*entry, objects []*object, taken map[inventory.Ref]bool) ([]*entry, []*object, error) {
	byHash := make(map[string][]*object)
	err := j.read(ctx, objects, func(i int, s *state, err error) {
		if err == nil {
			byHash[s.hash] = append(byHash[s.hash], objects[i])
		}
	})
	if err != nil {
		return nil, nil, err
	}
	var left []*entry
	for _, e := range items {
		want, err := j.wanted(ctx, e)
		if err != nil {
			return nil, nil, err
		}
		same := byHash[want.hash]
		if len(same) == 0 {
			left = append(left, e)
			continue
		}
		j.assign(e, same[0].id, taken)
		byHash[want.hash] = same[1:]
	}
	objects = slices.DeleteFunc(slices.Clone(objects), func(o *object) bool {
		return taken[inventory.Ref{Kind: o.want.Type.Key, ID: o.id}]
	})
	return left, objects, nil
}
