// Command onsqlite is River on a SQLite file, for [bench]: a process of its own,
// because River's driver for SQLite needs an older River than the one on
// PostgreSQL. It reads what to measure from its standard input, a line each, such as
// "new 32 2s", and answers with how many there were in a second.
//
// [bench]: https://pkg.go.dev/github.com/tenantatlas/tenantatlas/internal/bench
package main

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/riverqueue/river/riverdriver/riversqlite"
	_ "modernc.org/sqlite" // the driver

	"github.com/tenantatlas/tenantatlas/internal/bench/riverpeer"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := serve(ctx, os.Args[1], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "onsqlite:", err)
		os.Exit(1)
	}
}

// serve measures in files of the folder dir what it reads from in.
func serve(ctx context.Context, dir string, in io.Reader, out io.Writer) (err error) {
	inserts, closeInserts, err := open(ctx, filepath.Join(dir, "inserts.db"), riverpeer.Settings{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeInserts()) }()
	if err := inserts.Prepare(ctx); err != nil {
		return err
	}
	jobs, closeJobs, err := open(ctx, filepath.Join(dir, "jobs.db"), riverpeer.Settings{Workers: 1000, Cooldown: time.Millisecond, Poll: 10 * time.Millisecond})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeJobs()) }()
	calls := map[string]func(ctx context.Context, n int64) error{
		"new": inserts.InsertNew, "duplicate": inserts.InsertDuplicate, "live": jobs.Live,
	}
	for orders := bufio.NewScanner(in); orders.Scan(); {
		var name, each string
		var callers int
		if _, err := fmt.Sscan(orders.Text(), &name, &callers, &each); err != nil {
			return fmt.Errorf("order %q: %w", orders.Text(), err)
		}
		d, err := time.ParseDuration(each)
		if err != nil {
			return err
		}
		rate, err := riverpeer.Rate(ctx, callers, d, calls[name])
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintln(out, rate)
	}
	return nil
}

// open returns a client on a file. It has one connection, which is what the driver
// advises, and every commit is on the disk when it returns.
func open(ctx context.Context, path string, s riverpeer.Settings) (*riverpeer.Peer[*sql.Tx], func() error, error) {
	pool, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)&_txlock=immediate")
	if err != nil {
		return nil, nil, err
	}
	pool.SetMaxOpenConns(1)
	p, err := riverpeer.New(ctx, riversqlite.New(pool), s)
	if err != nil {
		return nil, nil, errors.Join(err, pool.Close())
	}
	return p, func() error { return errors.Join(p.Stop(), pool.Close()) }, nil
}
