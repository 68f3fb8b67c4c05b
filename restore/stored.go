package restore

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
	"github.com/tenantatlas/tenantatlas/runs"
)

var _ Finder = Stored{}

// Stored is a [Finder] in what is stored about tenants: groups in the directory,
// everything else in the inventory. What is missing there is not found. Both
// fields are required; it is as safe for concurrent use as they are.
type Stored struct {
	Items  inventory.Reader
	Groups directory.Cache
}

// ByID implements [Finder].
func (s Stored) ByID(ctx context.Context, tenant, kind string, ids []string) (map[string]string, error) {
	found := make(map[string]string)
	if kind == contract.TargetGroup {
		groups, err := s.Groups.Lookup(ctx, tenant, ids)
		for id, g := range groups {
			if !g.Missing {
				found[id] = g.Name
			}
		}
		return found, err
	}
	for _, id := range ids {
		doc, err := s.Items.Get(ctx, tenant, inventory.Ref{Kind: kind, ID: id}, "")
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

// ByName implements [Finder].
func (s Stored) ByName(ctx context.Context, tenant, kind, name string, limit int) ([]Candidate, error) {
	if kind == contract.TargetGroup {
		return s.groupsByName(ctx, tenant, name, limit)
	}
	var found []Candidate
	q := inventory.Query{Tenant: tenant, Kind: kind, Text: name, Limit: inventory.MaxLimit}
	for len(found) < limit {
		page, err := s.Items.List(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, i := range page.Items {
			if i.Name == name && !i.Missing && len(found) < limit {
				found = append(found, Candidate{ID: i.ID, Name: i.Name})
			}
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	slices.SortFunc(found, func(a, b Candidate) int { return strings.Compare(a.ID, b.ID) })
	return found, nil
}

// groupsByName does the same for groups, which the cache gives by id.
func (s Stored) groupsByName(ctx context.Context, tenant, name string, limit int) ([]Candidate, error) {
	var found []Candidate
	q := directory.Query{Tenant: tenant, Name: name, Limit: directory.MaxLimit}
	for len(found) < limit {
		page, err := s.Groups.List(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, g := range page.Groups {
			if !g.Missing && len(found) < limit {
				found = append(found, Candidate{ID: g.ID, Name: g.Name})
			}
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	return found, nil
}

// Names returns the names of things, as [backup.Config.Names] asks for them. A
// group that is gone still has one.
func (s Stored) Names(ctx context.Context, tenant string, refs []inventory.Ref) (map[inventory.Ref]string, error) {
	names := make(map[inventory.Ref]string)
	kinds := make(map[string][]string)
	for _, ref := range refs {
		kinds[ref.Kind] = append(kinds[ref.Kind], ref.ID)
	}
	groups, err := s.Groups.Lookup(ctx, tenant, kinds[contract.TargetGroup])
	if err != nil {
		return nil, err
	}
	for id, g := range groups {
		names[inventory.Ref{Kind: contract.TargetGroup, ID: id}] = g.Name
	}
	delete(kinds, contract.TargetGroup)
	for kind, ids := range kinds {
		found, err := s.ByID(ctx, tenant, kind, ids)
		if err != nil {
			return nil, err
		}
		for id, name := range found {
			names[inventory.Ref{Kind: kind, ID: id}] = name
		}
	}
	return names, nil
}
