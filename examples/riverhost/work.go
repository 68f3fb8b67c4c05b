package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tenantatlas/tenantatlas/runs"
)

const importType runs.Type = "report.import"

// importInput is what an import is to do. Two that are equal are one run.
type importInput struct {
	File string `json:"file"`
	Rows int    `json:"rows"`
}

// importing is the operation: slow work in small steps, each of which can be
// repeated.
func (h *host) importing() runs.Operation {
	return runs.Spec[importInput]{
		Type:        importType,
		Label:       "Report import",
		Description: "Imports the rows of a file, one after the other.",
		Prepare: func(_ context.Context, _ string, in *importInput) error {
			if in.File == "" || len(in.File) > 100 || in.Rows < 1 || in.Rows > 10_000 {
				return runs.Public(nil, runs.ReasonInvalidInput, "An import has a file, and from 1 to 10,000 rows.")
			}
			return nil
		},
		Target:   func(in importInput) runs.Target { return runs.Target{Kind: "file", ID: in.File} },
		Handle:   h.importRows,
		Timeout:  time.Hour,
		Expected: time.Minute,
	}.Operation()
}

func (h *host) importRows(ctx context.Context, x *runs.Exec, in importInput) error {
	x.Total(int64(in.Rows))
	x.Note("process", h.o.name)
	run := x.Run().ID
	for n := range in.Rows {
		row := fmt.Sprintf("%s:%05d", in.File, n+1)
		if x.Done(row) {
			continue // an earlier attempt has said so
		}
		err := h.importRow(ctx, run, row)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx) // canceled, stopped, or too late: the row is not to blame
		case err != nil:
			x.Fail(row, err)
		default:
			x.Succeed(row)
		}
	}
	return nil
}

// importRow can be repeated: a row is there once, however often it came.
func (h *host) importRow(ctx context.Context, run, row string) error {
	slow := time.NewTimer(h.o.row)
	defer slow.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-slow.C:
	}
	const insert = `INSERT INTO imported_rows (run, row, process) VALUES ($1, $2, $3)
ON CONFLICT (run, row) DO UPDATE SET times = imported_rows.times + 1, process = EXCLUDED.process`
	_, err := h.db.pool.Exec(ctx, insert, run, row, h.o.name)
	return err
}

// createRows makes the table of what was imported. The lock is held until the
// end of the statements: without it, processes that start together collide.
func createRows(ctx context.Context, pool *pgxpool.Pool) error {
	_, err := pool.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('imported_rows', 0));
CREATE TABLE IF NOT EXISTS imported_rows (
	run text, row text, process text NOT NULL, times integer NOT NULL DEFAULT 1, PRIMARY KEY (run, row)
)`)
	return err
}
