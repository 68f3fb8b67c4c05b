package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/buninventory"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
	"github.com/tenantatlas/tenantatlas/inventory/meminventory"
	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/notify/bunnotify"
	"github.com/tenantatlas/tenantatlas/notify/memnotify"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/restore/bunrestore"
	"github.com/tenantatlas/tenantatlas/restore/memrestore"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/audit"
	"github.com/tenantatlas/tenantatlas/runs/bunaudit"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
	"github.com/tenantatlas/tenantatlas/runs/memaudit"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

// stores are where the host keeps things.
type stores struct {
	runs      runs.Store
	items     runs.ItemStore
	pruner    runs.Pruner
	inventory inventory.Store
	directory directory.Store
	inbox     notify.Inbox
	audit     audit.Store
	auditKeys string // a file for its keys; empty if it lasts as long as the process
	backups   backup.Store
	restores  restore.Store
	backupKey func() (string, error) // a file for the key of backups
	fresh     bool                   // nothing was there before
	closers   []func() error
}

func (s *stores) close() error {
	var errs []error
	for _, closer := range slices.Backward(s.closers) {
		errs = append(errs, closer())
	}
	return errors.Join(errs...)
}

// openStores opens what -db names: memory, file:PATH, postgres://…, or a
// temporary file if it is empty.
func openStores(ctx context.Context, name string) (*stores, error) {
	switch {
	case name == "memory":
		return memoryStores()
	case name == "":
		dir, err := os.MkdirTemp("", "tenantatlas-demo-")
		if err != nil {
			return nil, fmt.Errorf("make a temporary database: %w", err)
		}
		s, err := openSQLite(ctx, filepath.Join(dir, "demo.db"))
		if err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
		s.closers = append([]func() error{func() error { return os.RemoveAll(dir) }}, s.closers...)
		return s, nil
	case strings.HasPrefix(name, "file:"):
		return openSQLite(ctx, strings.TrimPrefix(name, "file:"))
	case strings.HasPrefix(name, "postgres://"), strings.HasPrefix(name, "postgresql://"):
		return openPostgres(ctx, name)
	default:
		return nil, errors.New("-db is memory, file:PATH or postgres://…")
	}
}

// memoryStores keeps everything in memory, apart from the key of backups: it has
// to be in a file, which lasts as long.
func memoryStores() (*stores, error) {
	dir, err := os.MkdirTemp("", "tenantatlas-key-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for a key: %w", err)
	}
	r, b := memruns.New(), memrestore.New()
	return &stores{
		runs: r, items: r, pruner: r, inventory: meminventory.New(), directory: meminventory.NewDirectory(), inbox: memnotify.New(), audit: memaudit.New(),
		backups: b, restores: b, backupKey: func() (string, error) { return keyFileIn(dir) }, fresh: true,
		closers: []func() error{func() error { return os.RemoveAll(dir) }},
	}, nil
}

func openSQLite(ctx context.Context, path string) (*stores, error) {
	if path == "" {
		return nil, errors.New("-db file: needs a path, as in file:tenantatlas.db")
	}
	writeName, readName := bunkit.SQLiteDSN(path)
	write, err := sql.Open("sqlite", writeName)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	read, err := sql.Open("sqlite", readName)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), write.Close())
	}
	read.SetMaxOpenConns(8)
	s, err := openBun(ctx, bunkit.SQLite(write, read), read.Close, write.Close)
	if err == nil {
		s.auditKeys = path + ".audit-keys"
		s.backupKey = func() (string, error) { return path + ".backup-key", nil }
	}
	return s, err
}

func openPostgres(ctx context.Context, url string) (*stores, error) {
	pool, err := sql.Open("pgx", url)
	if err != nil {
		// The error may repeat the URL, and the URL may hold a password.
		return nil, errors.New("-db is not a valid PostgreSQL URL")
	}
	pool.SetMaxOpenConns(16)
	pool.SetMaxIdleConns(16)
	s, err := openBun(ctx, bunkit.Postgres(pool), pool.Close)
	if err != nil {
		return nil, err
	}
	// The database's administrators are not to have the keys.
	dir, err := os.UserConfigDir()
	if err == nil {
		s.auditKeys = filepath.Join(dir, "tenantatlas", "audit-keys")
	}
	s.backupKey = func() (string, error) {
		if err != nil {
			return "", err
		}
		return keyFileIn(filepath.Join(dir, "tenantatlas"))
	}
	return s, nil
}

// openBun migrates the tables of all drivers.
func openBun(ctx context.Context, db bunkit.DB, closers ...func() error) (*stores, error) {
	s := &stores{closers: closers}
	err := s.migrate(ctx, db)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *stores) migrate(ctx context.Context, db bunkit.DB) error {
	if err := db.Write.PingContext(ctx); err != nil {
		return fmt.Errorf("reach the database that -db names: %w", err)
	}
	r, err := bunruns.New(db)
	if err != nil {
		return err
	}
	inv, err := buninventory.New(db)
	if err != nil {
		return err
	}
	inbox, err := bunnotify.New(db)
	if err != nil {
		return err
	}
	log, err := bunaudit.New(db)
	if err != nil {
		return err
	}
	backups, err := bunrestore.New(db)
	if err != nil {
		return err
	}
	for _, migrate := range []func(context.Context) error{r.Migrate, inv.Migrate, inbox.Migrate, log.Migrate, backups.Migrate} {
		if err := migrate(ctx); err != nil {
			return fmt.Errorf("prepare the database: %w", err)
		}
	}
	s.backups, s.restores = backups, backups
	s.runs, s.items, s.pruner, s.inventory, s.directory, s.inbox, s.audit = r, r, r, inv, inv.Directory(), inbox, log
	// The runs of the demo's tenants tell whether somebody was here before.
	for _, t := range demoTenants() {
		page, err := r.List(ctx, runs.Query{Tenant: t.name, Limit: 1})
		if err != nil {
			return fmt.Errorf("look into the database: %w", err)
		}
		if len(page.Runs) > 0 {
			return nil
		}
	}
	s.fresh = true
	return nil
}
