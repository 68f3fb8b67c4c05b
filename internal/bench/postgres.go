package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/tenantatlas/tenantatlas/internal/bench/riverpeer"
	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/pondruns"
)

// connections is how many each side has.
const connections = 32

// tuned is the number of workers of both, with settings that are as fast as
// they go; with defaults it is 100, which River's examples have.
const (
	tuned    = 1000
	defaults = 100
)

// postgres measures what has a peer.
func (b *bench) postgres(ctx context.Context, server string) (err error) {
	var closers []func() error
	defer func() {
		for _, end := range slices.Backward(closers) {
			err = errors.Join(err, end())
		}
	}()
	us := func(name string, d runs.Dispatcher, handle func(context.Context, *runs.Exec, input) error) (*ours, *sql.DB, error) {
		dsn, err := newSchema(ctx, server, name)
		if err != nil {
			return nil, nil, err
		}
		pool, err := open(dsn)
		if err != nil {
			return nil, nil, err
		}
		o, err := newOurs(ctx, bunkit.Postgres(pool), d, handle)
		if err == nil {
			closers = append(closers, func() error { o.end(); return pool.Close() })
		}
		return o, pool, err
	}
	them := func(name string, s riverpeer.Settings) (*riverpeer.Peer[pgx.Tx], error) {
		dsn, err := newSchema(ctx, server, name)
		if err != nil {
			return nil, err
		}
		pool, err := openPool(ctx, dsn)
		if err != nil {
			return nil, err
		}
		p, err := riverpeer.New(ctx, riverpgxv5.New(pool), s)
		if err == nil {
			closers = append(closers, func() error { err := p.Stop(); pool.Close(); return err })
		}
		return p, err
	}

	starts, pool, err := us("starts", nil, idle)
	if err != nil {
		return err
	}
	inserts, err := them("inserts", riverpeer.Settings{})
	if err != nil {
		return err
	}
	if err := errors.Join(starts.prepare(ctx), inserts.Prepare(ctx)); err != nil {
		return err
	}
	raw, err := newRaw(ctx, pool)
	if err != nil {
		return err
	}
	all := raw.contests(b, starts)
	for _, c := range []struct {
		name              string
		callers           int
		added, duplicates float64
	}{{"1 caller", 1, 0, 0}, {"32 callers", 32, 2, 8}, {"256 callers", 256, 0, 0}} {
		all = append(all,
			b.rates("new start, "+c.name, c.callers, c.added, starts.startNew, inserts.InsertNew),
			b.rates("duplicate start, "+c.name, c.callers, c.duplicates, starts.startDuplicate, inserts.InsertDuplicate),
		)
	}
	if err := b.all(ctx, all); err != nil {
		return err
	}

	// Workers cost something even when there is nothing to do, so each pair has
	// the server for itself.
	for _, c := range []struct {
		name           string
		workers        int
		cooldown, poll time.Duration
		callers        []int
		targets        []float64
	}{
		{"tuned", tuned, time.Millisecond, 10 * time.Millisecond, []int{256, 1024}, []float64{1.5, 1.5}},
		{"defaults", defaults, 0, 0, []int{256}, []float64{10}},
	} {
		d := pondruns.New(pondruns.Config{Workers: c.workers})
		if c.name == "tuned" {
			d = pondruns.New(pondruns.Config{Workers: c.workers, Queue: 4096})
		}
		works, _, err := us("works_"+c.name, d, idle)
		if err != nil {
			return err
		}
		jobs, err := them("jobs_"+c.name, riverpeer.Settings{Workers: c.workers, Cooldown: c.cooldown, Poll: c.poll})
		if err != nil {
			return err
		}
		var all []contest
		for i, callers := range c.callers {
			all = append(all, b.rates(fmt.Sprintf("start to completed, %s, %d callers", c.name, callers), callers, c.targets[i], works.live, jobs.Live))
		}
		all = append(all, b.latencies("start to completed, "+c.name+", idle", works.live, jobs.Live))
		if err := b.all(ctx, all); err != nil {
			return err
		}
		for range 2 {
			if err := closers[len(closers)-1](); err != nil {
				return err
			}
			closers = closers[:len(closers)-1]
		}
	}
	reports := newReports()
	works, _, err := us("progress", pondruns.New(pondruns.Config{}), reports.handle)
	if err != nil {
		return err
	}
	return b.all(ctx, reports.contests(b, works))
}

func (b *bench) all(ctx context.Context, all []contest) error {
	for _, c := range all {
		if err := b.measure(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

type call = func(ctx context.Context, n int64) error

// rates compares how many calls are done in a second.
func (b *bench) rates(name string, callers int, target float64, ours, peer call) contest {
	side := func(do call) func(ctx context.Context) (float64, error) {
		if do == nil {
			return nil
		}
		return func(ctx context.Context) (float64, error) { return riverpeer.Rate(ctx, callers, b.each, do) }
	}
	return contest{name: name, unit: "/s", better: more, target: target, ours: side(ours), peer: side(peer)}
}

// latencies compares how long a call takes that finds everything idle.
func (b *bench) latencies(name string, ours, peer call) contest {
	side := func(do call) func(ctx context.Context) (float64, error) {
		return func(ctx context.Context) (float64, error) { return latency(ctx, 20, 20*time.Millisecond, do) }
	}
	return contest{name: name, unit: "ms", better: less, ours: side(ours), peer: side(peer)}
}

// newSchema makes a schema and returns the URL that leads to it.
func newSchema(ctx context.Context, server, name string) (string, error) {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, "CREATE SCHEMA "+name)
	if err := errors.Join(err, conn.Close(ctx)); err != nil {
		return "", err
	}
	u, err := url.Parse(server)
	if err != nil {
		return "", err
	}
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

func open(dsn string) (*sql.DB, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	pool := stdlib.OpenDB(*cfg)
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return pool, nil
}

// openPool is open for River.
func openPool(ctx context.Context, dsn string) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	cfg.MaxConns = connections
	return pgxpool.NewWithConfig(ctx, cfg)
}
