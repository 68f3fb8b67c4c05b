package restore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
	"github.com/tenantatlas/tenantatlas/restore/backup"
)

// plan works out what has to be mapped, and what with. Answers that r has
// already stay.
func (p *Planner) plan(ctx context.Context, r *Restore) error {
	m, err := backup.Check(ctx, p.cfg.Backups, p.cfg.Vault, r.Tenant, r.Set)
	if err != nil {
		return fmt.Errorf("backup set: %w", err)
	}
	set, err := p.cfg.Backups.GetSet(ctx, r.Tenant, r.Set)
	if err != nil {
		return fmt.Errorf("backup set: %w", err)
	}
	r.Manifest = set.Manifest
	scope := scopeOf(r, m)
	if len(scope) == 0 {
		return refuse("The set has none of the chosen items.")
	}
	if r.Scope.Items != nil && len(scope) != len(r.Scope.Items) {
		return refuse("The set does not have all of the chosen items.")
	}
	named := make(map[inventory.Ref]*Mapping)
	restored := make(map[inventory.Ref]bool) // what is not has to be there already
	for _, item := range m.Items {
		if !scope[item.Ref()] {
			continue
		}
		payload, err := backup.Open(ctx, p.cfg.Backups, p.cfg.Vault, r.Tenant, item)
		if err != nil {
			return fmt.Errorf("backup set: %w", err)
		}
		support, _ := payload.Support()
		restored[item.Ref()] = support == contract.Restorable
		for _, ref := range payload.References {
			if ref.ID == "" {
				continue
			}
			key := mappingKey(ref.Kind, ref.ID)
			if named[key] == nil {
				named[key] = &Mapping{Kind: ref.Kind, ID: ref.ID}
			}
			if named[key].Name == "" {
				named[key].Name = ref.Name
			}
		}
	}
	before := make(map[inventory.Ref]Mapping, len(r.Mapping))
	for _, m := range r.Mapping {
		before[mappingKey(m.Kind, m.ID)] = m
	}
	r.Mapping = []Mapping{}
	for _, key := range slices.SortedFunc(maps.Keys(named), compareRefs) {
		r.Mapping = append(r.Mapping, *named[key])
	}
	return p.find(ctx, r, restored, before)
}

// mappingKey tells what is referred to apart: groups by their ids however those are
// spelled, which is different in documents that other tools have written.
func mappingKey(kind, id string) inventory.Ref {
	if kind == contract.TargetGroup {
		id = directory.Canonical(id)
	}
	return inventory.Ref{Kind: kind, ID: id}
}

// scopeOf returns the items of the manifest that r restores.
func scopeOf(r *Restore, m *backup.Manifest) map[inventory.Ref]bool {
	all := make(map[inventory.Ref]bool, len(m.Items))
	for _, item := range m.Items {
		all[item.Ref()] = true
	}
	if r.Scope.Items == nil {
		return all
	}
	scope := make(map[inventory.Ref]bool, len(r.Scope.Items))
	for _, ref := range r.Scope.Items {
		if all[ref] {
			scope[ref] = true
		}
	}
	return scope
}

// find looks for the counterpart of everything that is to be mapped; restored is
// what the restore brings itself.
func (p *Planner) find(ctx context.Context, r *Restore, restored map[inventory.Ref]bool, before map[inventory.Ref]Mapping) error {
	var open []*Mapping
	for i := range r.Mapping {
		m := &r.Mapping[i]
		ref := mappingKey(m.Kind, m.ID)
		switch old, had := before[ref]; {
		case isEverywhere(ref):
			m.State = Everywhere
		case restored[ref]:
			m.State = InSet
		case had && old.State == Answered:
			*m = old
		default:
			open = append(open, m)
		}
	}
	if err := p.recall(ctx, r, open); err != nil {
		return err
	}
	if r.Origin == r.Tenant {
		if err := p.byID(ctx, r.Tenant, open); err != nil {
			return err
		}
	}
	for _, m := range open {
		if m.State != "" {
			continue
		}
		m.State = Unmapped
		if m.Name == "" {
			continue
		}
		found, err := p.cfg.Finder.ByName(ctx, r.Tenant, m.Kind, m.Name, MaxCandidates)
		switch {
		case err != nil:
			return fmt.Errorf("find: %w", err)
		case len(found) == 1:
			m.State, m.To = Found, found[0].ID
		case len(found) > 1:
			m.State, m.Candidates = Several, found
		}
	}
	return nil
}

// recall takes over what was answered in earlier restores, as far as it is still
// there.
func (p *Planner) recall(ctx context.Context, r *Restore, open []*Mapping) error {
	if len(open) == 0 {
		return nil
	}
	refs := make([]inventory.Ref, len(open))
	at := make(map[inventory.Ref]*Mapping, len(open))
	for i, m := range open {
		refs[i] = mappingKey(m.Kind, m.ID)
		at[refs[i]] = m
	}
	answers, err := p.cfg.Store.Recall(ctx, r.Tenant, r.Origin, refs)
	if err != nil {
		return fmt.Errorf("recall: %w", err)
	}
	for _, a := range answers {
		there, err := p.cfg.Finder.ByID(ctx, r.Tenant, a.Kind, []string{a.To})
		if err != nil {
			return fmt.Errorf("find: %w", err)
		}
		if _, ok := there[a.To]; ok {
			m := at[a.Ref]
			m.State, m.To, m.By, m.At = Answered, a.To, a.By, a.At
		}
	}
	return nil
}

// byID finds what still has the id that it had in the backup.
func (p *Planner) byID(ctx context.Context, tenant string, open []*Mapping) error {
	kinds := make(map[string][]string)
	for _, m := range open {
		if m.State == "" {
			kinds[m.Kind] = append(kinds[m.Kind], m.ID)
		}
	}
	for kind, ids := range kinds {
		names, err := p.cfg.Finder.ByID(ctx, tenant, kind, ids)
		if err != nil {
			return fmt.Errorf("find: %w", err)
		}
		for _, m := range open {
			if name, ok := names[m.ID]; ok && m.Kind == kind && m.State == "" {
				m.State, m.To = Found, m.ID
				m.Name = name
			}
		}
	}
	return nil
}

// isEverywhere reports whether ref has the same id in every tenant.
func isEverywhere(ref inventory.Ref) bool {
	switch ref.Kind {
	case contract.TargetTemplate, contract.TargetDefinition, contract.TargetAppIdentifier,
		contract.TargetDirectoryRole, contract.TargetServicePrincipal:
		return true
	case "roleScopeTag":
		return ref.ID == "0" // the default one
	case "authenticationStrength":
		return strings.HasPrefix(ref.ID, "00000000-0000-0000-0000-") // those of the service
	}
	return false
}
