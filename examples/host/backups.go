package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/restore/graphtarget"
	"github.com/tenantatlas/tenantatlas/runs"
)

// backups are what backs up and restores.
type backups struct {
	backup  backup.Config
	restore restore.Config
	planner *restore.Planner
	turn    chan struct{} // of who imports an archive: one at a time
}

// openBackups makes what backs up and restores.
func (h *host) openBackups(targets map[string]*graphtarget.Target) (b backups, err error) {
	s := h.stores
	name := h.opts.backupKey
	if name == "" {
		if name, err = s.backupKey(); err != nil {
			return backups{}, fmt.Errorf("place for the key of backups: %w; or set BACKUP_KEY_FILE", err)
		}
	}
	key, err := backup.OpenKeyFile(name)
	if err != nil {
		return backups{}, err
	}
	vault, err := backup.NewVault(key, s.backups)
	if err != nil {
		return backups{}, err
	}
	find := finder{s.inventory}
	b.backup = backup.Config{
		Store: s.backups, Vault: vault, Names: find.names,
		Source: func(_ context.Context, tenant string) (inventory.Source, error) { return target(targets, tenant) },
	}
	b.restore = restore.Config{
		Store: s.restores, Backups: s.backups, Vault: vault, Finder: find,
		Target: func(_ context.Context, tenant string) (restore.Target, error) { return target(targets, tenant) },
	}
	b.turn = make(chan struct{}, 1)
	b.planner, err = restore.NewPlanner(b.restore)
	return b, err
}

// target is a tenant's access to Graph.
func target(targets map[string]*graphtarget.Target, tenant string) (*graphtarget.Target, error) {
	if t := targets[tenant]; t != nil {
		return t, nil
	}
	return nil, runs.Public(nil, runs.ReasonNotFound, "The tenant is not configured in this host.")
}

// operations are those of backups and restores.
func (b *backups) operations() []runs.Operation {
	return []runs.Operation{
		backup.AddOperation(b.backup), backup.VerifyOperation(b.backup), backup.ExportOperation(b.backup),
		restore.PreviewOperation(b.restore), restore.ExecuteOperation(b.restore),
	}
}

// keyFileIn returns the place of the key of backups in a folder, which it makes
// if there is none.
func keyFileIn(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	return filepath.Join(dir, "backup-key"), nil
}

// A finder finds what references lead to in the inventory.
type finder struct{ items inventory.Reader }

// ByID implements [restore.Finder].
func (f finder) ByID(ctx context.Context, tenant, kind string, ids []string) (map[string]string, error) {
	found := make(map[string]string)
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

// names is what [backup.Config.Names] asks for.
func (f finder) names(ctx context.Context, tenant string, refs []inventory.Ref) (map[inventory.Ref]string, error) {
	names := make(map[inventory.Ref]string)
	kinds := make(map[string][]string)
	for _, ref := range refs {
		kinds[ref.Kind] = append(kinds[ref.Kind], ref.ID)
	}
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
