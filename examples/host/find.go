package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A finder finds what references lead to: groups in the directory, everything
// else in the inventory. It reads stores only.
type finder struct {
	items  inventory.Reader
	groups directory.Cache
}

// ByID implements [restore.Finder].
func (f finder) ByID(ctx context.Context, tenant, kind string, ids []string) (map[string]string, error) {
	found := make(map[string]string)
	if kind == contract.TargetGroup {
		groups, err := f.groups.Lookup(ctx, tenant, ids)
		for id, g := range groups {
			if !g.Missing {
				found[id] = g.Name
			}
		}
		return found, err
	}
	for _, id := range ids {
		doc, err := f.items.Get(ctx, tenant, inventory.Ref{Kind: kind, ID: id}, "")
		switch {
		case errors.Is(err, runs.ErrNotFound):
		case err != nil:
			return nil, err
		case !doc.Missing:
			found[id] = doc.Name
		}
	}
	return found, nil
}

// ByName implements [restore.Finder].
func (f finder) ByName(ctx context.Context, tenant, kind, name string, limit int) ([]restore.Candidate, error) {
	if kind == contract.TargetGroup {
		return f.groupsByName(ctx, tenant, name, limit)
	}
	var found []restore.Candidate
	q := inventory.Query{Tenant: tenant, Kind: kind, Text: name, Limit: inventory.MaxLimit}
	for len(found) < limit {
		page, err := f.items.List(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, i := range page.Items {
			if i.Name == name && !i.Missing && len(found) < limit {
				found = append(found, restore.Candidate{ID: i.ID, Name: i.Name})
			}
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	slices.SortFunc(found, func(a, b restore.Candidate) int { return strings.Compare(a.ID, b.ID) })
	return found, nil
}

// groupsByName does the same for groups, which the cache gives by id.
func (f finder) groupsByName(ctx context.Context, tenant, name string, limit int) ([]restore.Candidate, error) {
	var found []restore.Candidate
	q := directory.Query{Tenant: tenant, Name: name, Limit: directory.MaxLimit}
	for len(found) < limit {
		page, err := f.groups.List(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, g := range page.Groups {
			if !g.Missing && len(found) < limit {
				found = append(found, restore.Candidate{ID: g.ID, Name: g.Name})
			}
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	return found, nil
}

// names is what [backup.Config.Names] asks for. A group that is gone still has a
// name.
func (f finder) names(ctx context.Context, tenant string, refs []inventory.Ref) (map[inventory.Ref]string, error) {
	names := make(map[inventory.Ref]string)
	kinds := make(map[string][]string)
	for _, ref := range refs {
		kinds[ref.Kind] = append(kinds[ref.Kind], ref.ID)
	}
	groups, err := f.groups.Lookup(ctx, tenant, kinds[contract.TargetGroup])
	if err != nil {
		return nil, err
	}
	for id, g := range groups {
		names[inventory.Ref{Kind: contract.TargetGroup, ID: id}] = g.Name
	}
	delete(kinds, contract.TargetGroup)
	for kind, ids := range kinds {
		found, err := f.ByID(ctx, tenant, kind, ids)
		if err != nil {
			return nil, err
		}
		for id, name := range found {
			names[inventory.Ref{Kind: kind, ID: id}] = name
		}
	}
	return names, nil
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
	groups, err := f.groups.Lookup(ctx, tenant, ids)
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
