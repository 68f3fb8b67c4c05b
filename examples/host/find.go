package main

import (
	"context"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore"
)

// A finder finds what references lead to. It reads stores only.
type finder struct{ restore.Stored }

// A user is an item that is linked to another one.
type user struct {
	inventory.Link
	Name string // of the item that links
}

// nameUsers finds the names of what links come from.
func (f finder) nameUsers(ctx context.Context, tenant string, links []inventory.Link) ([]user, error) {
	refs := make([]inventory.Ref, len(links))
	for i, l := range links {
		refs[i] = l.From
	}
	names, err := f.Names(ctx, tenant, refs)
	if err != nil {
		return nil, err
	}
	users := make([]user, len(links))
	for i, l := range links {
		users[i] = user{l, names[l.From]}
	}
	return users, nil
}

// nameGroups gives the groups that links lead to the names that the directory
// has for them, and notes those that are gone. A group that the directory does
// not have keeps what it was called when it was assigned.
func (f finder) nameGroups(ctx context.Context, tenant string, links []inventory.Link) error {
	var ids []string
	for _, l := range links {
		if l.To.Kind == contract.TargetGroup {
			ids = append(ids, l.To.ID)
		}
	}
	groups, err := f.Groups.Lookup(ctx, tenant, ids)
	if err != nil {
		return err
	}
	for i := range links {
		if to := &links[i].To; to.Kind == contract.TargetGroup {
			if g, ok := groups[to.ID]; ok {
				to.Name, links[i].Missing = g.Name, g.Missing
			}
		}
	}
	return nil
}
