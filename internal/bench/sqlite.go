package main

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/pondruns"
)

// sqlite measures without a peer: River's driver for SQLite is not released for
// the version that is measured here.
func (b *bench) sqlite(ctx context.Context, _ string) (err error) {
	dir, err := os.MkdirTemp("", "tenantatlas-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	starts, closeStarts, err := onFile(ctx, filepath.Join(dir, "starts.db"), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeStarts()) }()
	works, closeWorks, err := onFile(ctx, filepath.Join(dir, "works.db"), pondruns.New(pondruns.Config{Workers: tuned, Queue: 4096}))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeWorks()) }()
	if err := starts.prepare(ctx); err != nil {
		return err
	}
	return b.all(ctx, []contest{
		b.rates("SQLite: new start, 1 caller", 1, 0, starts.startNew, nil),
		b.rates("SQLite: new start, 32 callers", 32, 0, starts.startNew, nil),
		b.rates("SQLite: new start, 256 callers", 256, 0, starts.startNew, nil),
		b.rates("SQLite: duplicate start, 32 callers", 32, 0, starts.startDuplicate, nil),
		b.rates("SQLite: duplicate start, 256 callers", 256, 0, starts.startDuplicate, nil),
		b.rates("SQLite: start to completed, 256 callers", 256, 0, works.live, nil),
	})
}

func onFile(ctx context.Context, path string, d runs.Dispatcher) (*ours, func() error, error) {
	writeName, readName := bunkit.SQLiteDSN(path)
	write, err := sql.Open("sqlite", writeName)
	if err != nil {
		return nil, nil, err
	}
	read, err := sql.Open("sqlite", readName)
	if err != nil {
		return nil, nil, err
	}
	read.SetMaxOpenConns(8)
	read.SetMaxIdleConns(8)
	o, err := newOurs(ctx, bunkit.SQLite(write, read), d, idle)
	if err != nil {
		return nil, nil, err
	}
	return o, func() error {
		o.end()
		return errors.Join(write.Close(), read.Close())
	}, nil
}
