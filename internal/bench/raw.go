package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/bench/riverpeer"
)

// A raw is a copy of the table of runs, with its indexes, and statements that
// do nothing but insert into it.
type raw struct {
	pool *sql.DB
	one  *sql.Stmt // ID, key
	many *sql.Stmt // IDs, keys
	next atomic.Int64
}

func newRaw(ctx context.Context, pool *sql.DB) (*raw, error) {
	if _, err := pool.ExecContext(ctx, "CREATE TABLE raw (LIKE operation_runs INCLUDING ALL)"); err != nil {
		return nil, err
	}
	// What a new run has, in the columns that may not be NULL.
	columns := "tenant, type, once, lane, inline, initiator_kind, initiator_id, initiator_name, retry_of, created_at, revision, status," +
		" outcome, target_kind, target_id, target_name, total, succeeded, failed, skipped, reason, message, waiting_reason, waiting_message," +
		" attempt, lost, announced, cancel_kind, cancel_id, cancel_name, cancel_why, updated_at, params, id, key"
	values := "'tenant-1', 'bench.noop', '', '', false, 'user', 'dana', 'Dana', '', now(), 1, 'queued'" + strings.Repeat(", ''", 4) +
		", 0, 0, 0, 0" + strings.Repeat(", ''", 4) + ", 0, 0, false" + strings.Repeat(", ''", 4) + `, now(), '{"n":1763731200000000}', `
	r := &raw{pool: pool}
	var err error
	if r.one, err = pool.PrepareContext(ctx, "INSERT INTO raw ("+columns+") VALUES ("+values+"$1, $2)"); err != nil {
		return nil, err
	}
	r.many, err = pool.PrepareContext(ctx, "INSERT INTO raw ("+columns+") SELECT "+values+"id, key FROM unnest($1::text[], $2::text[]) AS r(id, key)")
	return r, err
}

// row returns the next ID and key, which are as long as those of runs.
func (r *raw) row() (id, key string) {
	n := r.next.Add(1)
	return fmt.Sprintf("019b76da-a800-7000-8000-%012d", n), fmt.Sprintf("v1:%064d", n)
}

func (r *raw) insert(ctx context.Context, _ int64) error {
	id, key := r.row()
	_, err := r.one.ExecContext(ctx, id, key)
	return err
}

func (r *raw) insertMany(ctx context.Context, _ int64) error {
	var ids, keys []string
	for range 1000 {
		id, key := r.row()
		ids, keys = append(ids, id), append(keys, key)
	}
	_, err := r.many.ExecContext(ctx, ids, keys)
	return err
}

// contests compare with what the database can do.
func (r *raw) contests(b *bench, starts *ours) []contest {
	limit := func(ctx context.Context) (float64, error) {
		v, err := riverpeer.Rate(ctx, 2, b.each, r.insertMany)
		return v * 1000, err
	}
	newStarts := b.rates("new start, 256 callers; peer: INSERT of 1,000 rows, 2 connections", 256, 0.5, starts.startNew, nil)
	newStarts.peer = limit
	bare := b.rates("new start, 32 callers; peer: single INSERTs", 32, 0, starts.startNew, r.insert)
	return []contest{r.single(b, starts), bare, newStarts}
}

// single compares a start with the INSERT that it needs at least, in turn, so
// that both see the same disk.
func (r *raw) single(b *bench, starts *ours) contest {
	var inserts float64
	return contest{
		name: "new start, alone; peer: INSERT of the same row", unit: "ms", better: less, target: 1 / 1.3,
		ours: func(ctx context.Context) (float64, error) {
			var with, without []float64
			for end := time.Now().Add(b.each); time.Now().Before(end); {
				for _, side := range []struct {
					do call
					to *[]float64
				}{{starts.startNew, &with}, {r.insert, &without}} {
					begun := time.Now()
					if err := side.do(ctx, 0); err != nil {
						return 0, err
					}
					*side.to = append(*side.to, float64(time.Since(begun).Microseconds())/1000)
				}
			}
			inserts = median(without)
			return median(with), nil
		},
		peer: func(context.Context) (float64, error) { return inserts, nil },
	}
}
