package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/tenantatlas/tenantatlas/internal/bench/riverpeer"
	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/pondruns"
	"github.com/tenantatlas/tenantatlas/runs/riverruns"
)

// A plan measures the constants of docs/scaling.md, each of them by what the
// server itself counts.
type plan struct {
	*bench
	server string
}

// capacity prints what the size of a database is computed from.
func (b *bench) capacity(ctx context.Context) (err error) {
	cluster, err := sqltest.StartCluster(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	fmt.Fprintln(b.out, "| constant | measured |\n|---|---|")
	p := plan{b, cluster.URL}
	for _, part := range []func(ctx context.Context) error{p.pooled, p.rivered, p.running, p.updated} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (p plan) say(what, unit string, value float64) {
	fmt.Fprintf(p.out, "| %s | %s %s |\n", what, number(value), unit)
}

// window is how long things are counted that happen seldom. The server may be a
// second late with its own figures.
func (p plan) window() time.Duration { return 10 * p.each }

// open makes a schema and a pool that serves database/sql and River.
func (p plan) open(ctx context.Context, schema string) (*pgxpool.Pool, *sql.DB, error) {
	dsn, err := newSchema(ctx, p.server, schema)
	if err != nil {
		return nil, nil, err
	}
	pool, err := openPool(ctx, dsn)
	if err != nil {
		return nil, nil, err
	}
	return pool, stdlib.OpenDBFromPool(pool), nil
}

// A reading is what a server has done so far.
type reading struct{ commits, wal float64 }

func read(ctx context.Context, db *sql.DB) (r reading, err error) {
	err = db.QueryRowContext(ctx, "SELECT sum(xact_commit), pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') FROM pg_stat_database").Scan(&r.commits, &r.wal)
	return r, err
}

// idle counts the transactions of a process that has nothing to do.
func (p plan) idle(ctx context.Context, db *sql.DB) (perSecond float64, err error) {
	before, err := read(ctx, db)
	if err != nil {
		return 0, err
	}
	if err := sleep(ctx, p.window()); err != nil {
		return 0, err
	}
	after, err := read(ctx, db)
	return (after.commits - before.commits) / p.window().Seconds(), err
}

// lives measures runs that do nothing, from their start to their end.
func (p plan) lives(ctx context.Context, name, table string, db *sql.DB, o *ours) error {
	quiet, err := p.idle(ctx, db)
	if err != nil {
		return err
	}
	p.say("transactions of an idle process, "+name, "/s", quiet)
	before, err := read(ctx, db)
	if err != nil {
		return err
	}
	first := o.base.Load()
	var rates []float64
	for range p.rounds {
		v, err := riverpeer.Rate(ctx, 256, p.each, o.live)
		if err != nil {
			return err
		}
		rates = append(rates, v)
		// As the server does by itself, though once a minute only.
		if _, err := db.ExecContext(ctx, "VACUUM "+table); err != nil {
			return err
		}
	}
	n := float64(o.base.Load() - first)
	after, err := read(ctx, db)
	if err != nil {
		return err
	}
	p.say("runs from start to end, 256 callers, "+name, "/s", median(rates))
	p.say("WAL of a run, "+name, "bytes", (after.wal-before.wal)/n)
	return nil
}

// size prints what a row of the table takes on disk with its indexes, as the
// load has left it.
func (p plan) size(ctx context.Context, db *sql.DB, what, table string) error {
	var bytes float64
	err := db.QueryRowContext(ctx, "SELECT pg_total_relation_size('"+table+"')::float8 / count(*) FROM "+table).Scan(&bytes)
	p.say(what+" on disk, with its indexes", "bytes", bytes)
	return err
}

// pooled measures one process that executes its runs itself.
func (p plan) pooled(ctx context.Context) error {
	pool, db, err := p.open(ctx, "capacity_pool")
	if err != nil {
		return err
	}
	defer pool.Close()
	o, err := newOurs(ctx, bunkit.Postgres(db), pondruns.New(pondruns.Config{Workers: tuned, Queue: 4096}), idle)
	if err != nil {
		return err
	}
	defer o.end()
	if err := p.lives(ctx, "pool", "operation_runs", db, o); err != nil {
		return err
	}
	return p.size(ctx, db, "a run", "operation_runs")
}

// rivered measures one process whose runs come through River.
func (p plan) rivered(ctx context.Context) error {
	const schema = "capacity_river"
	pool, db, err := p.open(ctx, schema)
	if err != nil {
		return err
	}
	defer pool.Close()
	d, err := riverruns.New(riverruns.Config{Pool: pool, Schema: schema, Workers: tuned})
	if err == nil {
		err = d.Migrate(ctx)
	}
	if err != nil {
		return err
	}
	o, err := newOurs(ctx, bunkit.Postgres(db), d, idle)
	if err != nil {
		return err
	}
	defer o.end()
	if err := p.lives(ctx, "River", "river_job", db, o); err != nil {
		return err
	}
	var open float64
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'").Scan(&open); err != nil {
		return err
	}
	p.say("connections beyond the pool, River", "", open-float64(pool.Stat().TotalConns()))
	return p.size(ctx, db, "a job of River", "river_job")
}

// running measures runs that take long.
func (p plan) running(ctx context.Context) error {
	pool, db, err := p.open(ctx, "capacity_running")
	if err != nil {
		return err
	}
	defer pool.Close()
	const all = 500
	begun := make(chan struct{}, all)
	wait := func(ctx context.Context, _ *runs.Exec, _ input) error {
		begun <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}
	d := pondruns.New(pondruns.Config{Workers: all, Queue: all})
	o, err := newOurs(ctx, bunkit.Postgres(db), d, wait)
	if err != nil {
		return err
	}
	defer o.end()
	stop, cancel := context.WithCancel(ctx)
	defer func() { // their handlers end at once
		cancel()
		o.tracker.Stop(stop)
	}()
	for range all {
		if err := o.startNew(ctx, 0); err != nil {
			return err
		}
		<-begun
	}
	updates := o.store.updates.Load()
	before, err := read(ctx, db)
	if err != nil {
		return err
	}
	if err := sleep(ctx, p.window()); err != nil {
		return err
	}
	after, err := read(ctx, db)
	if err != nil {
		return err
	}
	n := float64(o.store.updates.Load() - updates)
	p.say("heartbeats of a running run", "/s", n/all/p.window().Seconds())
	p.say("WAL of a heartbeat", "bytes", (after.wal-before.wal)/n)
	return nil
}

// updated measures how many heartbeats and items a server takes.
func (p plan) updated(ctx context.Context) error {
	pool, db, err := p.open(ctx, "capacity_updates")
	if err != nil {
		return err
	}
	defer pool.Close()
	o, err := newOurs(ctx, bunkit.Postgres(db), nil, nil)
	if err != nil {
		return err
	}
	const all, batch = 1000, 500
	rows := make(chan *runs.Run, all)
	now := runs.Instant(time.Now())
	for n := range all {
		r, _, err := o.store.Insert(ctx, &runs.Run{
			Tenant: "acme", ID: fmt.Sprintf("019b76da-a800-7000-8000-%012d", n), Type: noop, Status: runs.StatusRunning,
			Attempt: 1, Initiator: runs.User("dana", "Dana"), Params: []byte("{}"), CreatedAt: now, StartedAt: now,
			Timing: runs.Timing{Lease: time.Hour},
		})
		if err != nil {
			return err
		}
		rows <- r
	}
	beat := func(ctx context.Context, _ int64) error {
		r := <-rows
		r.Counts.Succeeded++
		r.UpdatedAt, r.Timing.Lease = runs.Instant(time.Now()), time.Hour
		stored, err := o.store.Update(ctx, r)
		rows <- stored
		return err
	}
	put := func(ctx context.Context, n int64) error {
		r := <-rows
		defer func() { rows <- r }()
		items := make([]runs.Item, batch)
		for i := range items {
			items[i] = runs.Item{Key: fmt.Sprintf("item-%08d", int(n)*batch+i), Outcome: runs.ItemSucceeded, Attempt: 1, At: now}
		}
		return o.store.PutItems(ctx, r.Ref(), r.Attempt, items)
	}
	for _, c := range []struct {
		what    string
		callers int
		each    float64
		do      call
	}{{"heartbeats that the server takes, 256 callers", 256, 1, beat}, {"items that the server takes, 500 at once, 16 callers", 16, batch, put}} {
		var rates []float64
		for range p.rounds {
			v, err := riverpeer.Rate(ctx, c.callers, p.each, c.do)
			if err != nil {
				return err
			}
			rates = append(rates, v*c.each)
		}
		p.say(c.what, "/s", median(rates))
	}
	return p.size(ctx, db, "an item", "operation_run_items")
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
