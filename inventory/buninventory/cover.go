package buninventory

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/inventory"
)

// A kindRow is what is kept about a kind.
type kindRow struct {
	covered, full time.Time
	epoch         int64 // counts the covers that saw items
	seen          time.Time
	run           string
}

// Cover implements [inventory.Store]. The items that were seen are not written
// to: they follow their kind. Those that are missed for the first time leave
// it, and those that are seen again join it, in one statement each.
//
// A cover whose At is before that of another run takes nothing back: items
// that were seen later stay so.
func (s *Store) Cover(ctx context.Context, sync inventory.Sync, c inventory.Coverage, missed []string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := checkSync(sync); err != nil {
		return err
	}
	if err := checkNames(c.Kind); err != nil {
		return err
	}
	body, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("cover: encode: %w", err)
	}
	var ids []string
	for _, id := range missed {
		if bunkit.Storable(id) {
			ids = append(ids, id)
		}
	}
	err = s.write(ctx, sync.Tenant, false, func(ctx context.Context, t *tx) error {
		if _, err := t.exec(ctx, s.sql.report, sync.Run, sync.Selection, s.dialect.Instant(c.At)); err != nil {
			return err
		}
		if _, err := t.exec(ctx, s.sql.coverage, sync.Run, c.Kind, s.dialect.Instant(c.At), c.Succeeded(), !c.Inconsistent(), string(body)); err != nil {
			return err
		}
		return s.coverKind(ctx, t, sync.Run, c, ids)
	})
	return s.explain(ctx, "cover", err)
}

func (s *Store) coverKind(ctx context.Context, t *tx, run string, c inventory.Coverage, missed []string) error {
	var k kindRow
	err := bunkit.Query(ctx, t, s.sql.kind, []any{t.tenant, c.Kind}, func(rows *sql.Rows) error {
		return rows.Scan(at{&k.covered}, at{&k.full}, &k.epoch, at{&k.seen}, &k.run)
	})
	if err != nil {
		return err
	}
	next := k
	next.covered = latest(k.covered, c.At)
	if c.Succeeded() {
		if c.Full {
			next.full = latest(k.full, c.At)
		}
		ids := array(missed)
		if c.At.Before(k.seen) {
			_, err = t.exec(ctx, s.sql.seeAgain, c.Kind, ids, s.dialect.Instant(c.At), run)
		} else {
			next.epoch, next.seen, next.run = k.epoch+1, c.At, run
			err = s.see(ctx, t, c.Kind, ids, k, next.epoch)
		}
		if err != nil {
			return err
		}
	}
	_, err = t.exec(ctx, s.sql.coverKind, c.Kind, s.dialect.Instant(next.covered), s.dialect.Time(next.full), next.epoch, s.dialect.Time(next.seen), next.run)
	return err
}

// see makes the items follow their kind from an epoch on, except for the
// missed ones, which keep when k says that they were last seen.
func (s *Store) see(ctx context.Context, t *tx, kind, missed string, k kindRow, epoch int64) error {
	lost := 0
	if missed != "[]" {
		if err := t.QueryRowContext(ctx, s.sql.lost, t.tenant, kind, missed).Scan(&lost); err != nil {
			return err
		}
	}
	if lost > 0 {
		if _, err := t.exec(ctx, s.sql.freeze, kind, missed, k.epoch, s.dialect.Instant(k.seen), k.run); err != nil {
			return err
		}
	}
	_, err := t.exec(ctx, s.sql.unfreeze, kind, missed, epoch)
	return err
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
