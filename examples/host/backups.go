package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

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
	b.backup = backup.Config{
		Store: s.backups, Vault: vault, Names: h.find.Names,
		Source: func(_ context.Context, tenant string) (inventory.Source, error) { return target(targets, tenant) },
	}
	b.restore = restore.Config{
		Store: s.restores, Backups: s.backups, Vault: vault, Finder: h.find,
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
