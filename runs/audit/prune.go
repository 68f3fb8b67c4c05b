package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

const pruneRows = 500

// Prune deletes a tenant's entries from before then, from the beginning on, in
// steps of 500, and returns how many. It first records that actor does so. What
// is left still verifies: a checkpoint of the last deleted entry takes the place
// of those before. The newest entry always stays. It stops, and reports
// [ErrBroken], at an entry that is not as it was recorded.
func (l *Log) Prune(ctx context.Context, tenant string, actor runs.Actor, before time.Time) (n int64, err error) {
	n, err = l.prune(ctx, tenant, actor, before)
	if err != nil {
		return n, fmt.Errorf("prune the audit: %w", err)
	}
	return n, nil
}

func (l *Log) prune(ctx context.Context, tenant string, actor runs.Actor, before time.Time) (n int64, err error) {
	h, err := l.head(ctx, tenant)
	if err != nil || h.Last == "" {
		return 0, err
	}
	base, err := l.ring.checked(h.Base, kindBase, tenant)
	if err != nil {
		return 0, err
	}
	last, err := l.Checkpoint(ctx, tenant)
	if err != nil {
		return 0, err
	}
	told := false
	for {
		rows, err := l.cfg.Store.Rows(ctx, tenant, base.Seq, pruneRows)
		if err != nil {
			return n, err
		}
		v := verifier{ring: l.ring, tenant: tenant, next: base.Seq + 1, prev: base.Sum}
		var end Row
		var at Entry
		for _, row := range rows {
			e := l.ring.entry(tenant, row)
			if row.Seq >= last.Seq || !e.Altered && !e.At.Before(before) {
				break
			}
			if v.step(row) != nil {
				return n, fmt.Errorf("%w: entry %d", ErrBroken, v.next)
			}
			end, at = row, e
		}
		if end.Seq == 0 {
			return n, nil
		}
		if !told {
			told = true
			if err := l.Record(ctx, Entry{
				Tenant: tenant, Actor: actor, Event: EventPrune,
				Facts: map[string]string{"before": before.UTC().Format(time.RFC3339)},
			}); err != nil {
				return n, err
			}
		}
		next := l.ring.checkpoint(kindBase, at, end.Seal)
		if err := l.cfg.Store.Prune(ctx, tenant, base.String(), next.String(), next.Seq); err != nil {
			return n, err
		}
		n, base = n+next.Seq-base.Seq, next
	}
}
