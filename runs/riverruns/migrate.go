package riverruns

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// Migrate brings River's tables to what this version of River needs, and
// creates their schema if it is not there. It does nothing if all is there, may
// run in several processes at once, and can be called again if it was cut
// short. Nothing else changes the tables.
func (d *Dispatcher) Migrate(ctx context.Context) error {
	migrator, err := rivermigrate.New(riverpgxv5.New(d.cfg.Pool), &rivermigrate.Config{
		Schema: d.cfg.Schema,
		Logger: d.cfg.Logger,
	})
	if err != nil {
		return fmt.Errorf("migrate River: %w", err)
	}
	for more := true; more; {
		// A transaction for each step, because some need that those before them
		// are committed. River does not lock, so that is done here, on the same
		// connection: a pool has no second one for sure.
		err := pgx.BeginFunc(ctx, d.cfg.Pool, func(tx pgx.Tx) error {
			if err := d.ensureSchema(ctx, tx); err != nil {
				return err
			}
			//nolint:staticcheck // deprecated because of steps that cannot share a transaction
			step, err := migrator.MigrateTx(ctx, tx, rivermigrate.DirectionUp, &rivermigrate.MigrateOpts{MaxSteps: 1})
			more = err == nil && len(step.Versions) > 0
			return err
		})
		if err != nil {
			return fmt.Errorf("migrate River: %w", err)
		}
	}
	return nil
}

// ensureSchema lets one transaction at a time pass.
func (d *Dispatcher) ensureSchema(ctx context.Context, tx pgx.Tx) error {
	var exists bool
	_, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "riverruns "+d.cfg.Schema)
	if err == nil {
		err = tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", d.cfg.Schema).Scan(&exists)
	}
	if err != nil || exists { // CREATE SCHEMA IF NOT EXISTS would need a right even so
		return err
	}
	_, err = tx.Exec(ctx, "CREATE SCHEMA "+pgx.Identifier{d.cfg.Schema}.Sanitize())
	return err
}
