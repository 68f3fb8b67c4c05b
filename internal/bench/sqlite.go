package main

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/pondruns"
)

// sqlite measures against River 0.31, the latest whose driver for SQLite could be
// had, in a process of its own. Both wait for the disk.
func (b *bench) sqlite(ctx context.Context, _ string) (err error) {
	dir, err := os.MkdirTemp("", "tenantatlas-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	them, end, err := riverOnFiles(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
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
	var all []contest
	for _, c := range []struct {
		name, order string
		callers     int
		target      float64
		do          call
	}{
		{"new start, 1 caller", "new", 1, 0, starts.startNew},
		{"new start, 32 callers", "new", 32, 7, starts.startNew},
		{"new start, 256 callers", "new", 256, 0, starts.startNew},
		{"duplicate start, 32 callers", "duplicate", 32, 20, starts.startDuplicate},
		{"duplicate start, 256 callers", "duplicate", 256, 0, starts.startDuplicate},
		{"start to completed, 256 callers", "live", 256, 8, works.live},
	} {
		is := b.rates("SQLite: "+c.name, c.callers, c.target, c.do, nil)
		is.peer = func(context.Context) (float64, error) { return them(fmt.Sprintln(c.order, c.callers, b.each)) }
		all = append(all, is)
	}
	return b.all(ctx, all)
}

// riverOnFiles starts the process of River, and returns what has it measure
// something and what ends it.
func riverOnFiles(ctx context.Context, dir string) (measure func(order string) (float64, error), end func() error, err error) {
	name := filepath.Join(dir, "onsqlite")
	build := exec.CommandContext(ctx, "go", "build", "-C", "riverpeer", "-o", name, "./onsqlite")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return nil, nil, fmt.Errorf("build the peer, from the folder internal/bench: %w", err)
	}
	cmd := exec.CommandContext(ctx, name, dir) //nolint:gosec // what was just built
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	answers := bufio.NewReader(out)
	measure = func(order string) (rate float64, err error) {
		if _, err := io.WriteString(in, order); err != nil {
			return 0, err
		}
		_, err = fmt.Fscanln(answers, &rate)
		return rate, err
	}
	return measure, func() error { return errors.Join(in.Close(), cmd.Wait()) }, cmd.Start()
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
