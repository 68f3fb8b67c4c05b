package runstest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

var modelPromises = []promise[runs.Store]{
	{
		name: "model",
		text: "all of it holds together in any order: a store answers as a list of runs would",
		check: func(ctx context.Context, s runs.Store) error {
			const seed = 20260102
			m := &model{
				rng:   rand.New(rand.NewPCG(seed, 1)), //nolint:gosec // repeatable on purpose
				store: s,
				kept:  map[string]*runs.Run{},
			}
			for i := range 600 {
				if err := m.step(ctx, i); err != nil {
					return fmt.Errorf("step %d: %w", i, err)
				}
			}
			return nil
		},
	},
}

// A model is what a store promises, in the plainest possible way. All of its
// instants are either long past or far in the future.
type model struct {
	rng   *rand.Rand
	store runs.Store
	kept  map[string]*runs.Run
	ids   []string
}

// step does one operation to both, and compares.
func (m *model) step(ctx context.Context, i int) error {
	switch n := m.rng.IntN(10); {
	case n < 4 || len(m.ids) == 0:
		return m.insert(ctx, i)
	case n < 8:
		return m.update(ctx)
	case n == 8:
		return m.list(ctx)
	default:
		return m.due(ctx)
	}
}

func pick[T any](m *model, from ...T) T { return from[m.rng.IntN(len(from))] }

// vary gives r a random stage and random instants.
func (m *model) vary(r *runs.Run) {
	r.Status, r.Outcome = pick(m, runs.StatusQueued, runs.StatusQueued, runs.StatusRunning, runs.StatusCompleted), ""
	if r.Ended() {
		r.Outcome = pick(m, runs.OutcomeSucceeded, runs.OutcomeFailed)
	}
	when := func() time.Time { return pick(m, time.Time{}, past, future) }
	r.LeaseUntil, r.NotBefore, r.NextRing = when(), when(), when()
	r.Announced = m.rng.IntN(2) == 0
	r.Counts.Total = m.rng.Int64()
}

func (m *model) insert(ctx context.Context, i int) error {
	r := queued(pick(m, acme, acme, globex), id(m.rng.IntN(10_000)), pick[runs.Key](m, "", "k1", "k2", "k3", "k4"))
	r.Type = pick(m, testRun, testOther)
	r.Once = pick(m, "", "", fmt.Sprint("o", m.rng.IntN(200)))
	r.Lane = pick(m, "", "l1", "l2")
	r.CreatedAt = pick(m, past, future)
	m.vary(r)
	r.Attempt = i
	stored, inserted, err := m.store.Insert(ctx, r)
	want := m.joined(r)
	switch {
	case m.kept[r.ID] != nil && (want == nil || want.ID == r.ID):
		if err == nil && !inserted && want != nil {
			return nil // it has joined itself
		}
		return wantErr("insert of a taken ID", err, runs.ErrExists)
	case m.kept[r.ID] != nil:
		return nil // both answers are right
	case want != nil:
		if err != nil || inserted {
			return fmt.Errorf("insert: inserted = %v, error is %v; want it to join %s", inserted, err, want.ID)
		}
		return diff(want, stored)
	case m.laneBusy(r):
		return wantErr("insert into a busy lane", err, runs.ErrLaneBusy)
	case err != nil || !inserted:
		return fmt.Errorf("insert: inserted = %v, error is %v; want a new run", inserted, err)
	}
	r.Revision = 1
	m.kept[r.ID] = r
	m.ids = append(m.ids, r.ID)
	return diff(r, stored)
}

func (m *model) joined(r *runs.Run) *runs.Run {
	for _, k := range m.kept {
		if r.Once != "" && k.Tenant == r.Tenant && k.Type == r.Type && k.Once == r.Once {
			return k
		}
	}
	for _, k := range m.kept {
		if r.Key != "" && r.Active() && k.Tenant == r.Tenant && k.Active() && k.Key == r.Key {
			return k
		}
	}
	return nil
}

func (m *model) laneBusy(r *runs.Run) bool {
	for _, k := range m.kept {
		if r.Lane != "" && r.Status == runs.StatusRunning && k.ID != r.ID &&
			k.Tenant == r.Tenant && k.Status == runs.StatusRunning && k.Lane == r.Lane {
			return true
		}
	}
	return false
}

func (m *model) update(ctx context.Context) error {
	old := m.kept[pick(m, m.ids...)]
	r := old.Clone()
	m.vary(r)
	if old.Ended() {
		r.Status, r.Outcome = old.Status, old.Outcome // which is final
	}
	notDue := old.Status == runs.StatusQueued && old.NotBefore.Equal(future) && r.Status != runs.StatusQueued
	stale := m.rng.IntN(5) == 0
	if stale {
		r.Revision += pick[int64](m, -1, 1)
	}
	stored, err := m.store.Update(ctx, r)
	switch {
	case stale && m.laneBusy(r) && errors.Is(err, runs.ErrLaneBusy),
		(stale || m.laneBusy(r)) && notDue && errors.Is(err, runs.ErrNotDue):
		return nil // it has more than one defect
	case stale:
		return wantErr("stale update", err, runs.ErrConflict)
	case m.laneBusy(r):
		return wantErr("update into a busy lane", err, runs.ErrLaneBusy)
	case notDue:
		return wantErr("update of what waits for its time", err, runs.ErrNotDue)
	case err != nil:
		return fmt.Errorf("update: %w", err)
	}
	r.Revision++
	m.kept[r.ID] = r
	stored.Params = r.Params
	if err := diff(r, stored); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	return isStored(ctx, m.store, r)
}

func (m *model) list(ctx context.Context) error {
	q := runs.Query{Tenant: pick(m, acme, globex), Limit: 1 + m.rng.IntN(30)}
	if m.rng.IntN(2) == 0 {
		q.Types = []runs.Type{testOther}
	}
	if m.rng.IntN(2) == 0 {
		q.Statuses = []runs.Status{runs.StatusRunning, runs.StatusCompleted}
	}
	if m.rng.IntN(3) == 0 {
		q.Outcomes = []runs.Outcome{runs.OutcomeFailed}
	}
	if m.rng.IntN(3) == 0 {
		q.From = created
	}
	if m.rng.IntN(3) == 0 {
		q.IDs = m.ids[:m.rng.IntN(len(m.ids))]
	}
	any := func(r *runs.Run) bool {
		return r.Tenant == q.Tenant && (len(q.Types) == 0 || slices.Contains(q.Types, r.Type)) &&
			(len(q.Statuses) == 0 || slices.Contains(q.Statuses, r.Status)) &&
			(len(q.Outcomes) == 0 || slices.Contains(q.Outcomes, r.Outcome)) &&
			(len(q.IDs) == 0 || slices.Contains(q.IDs, r.ID)) && !r.CreatedAt.Before(q.From)
	}
	var want []string
	for _, r := range m.kept {
		if any(r) {
			want = append(want, r.ID)
		}
	}
	slices.Sort(want)
	slices.Reverse(want)
	if err := lists(ctx, m.store, q, want...); err != nil {
		return fmt.Errorf("%s: %w", describe(q), err)
	}
	return nil
}

func (m *model) due(ctx context.Context) error {
	q := runs.DueQuery{Types: []runs.Type{testRun}, Claimable: m.rng.IntN(2) == 0, Limit: len(m.ids)}
	come := func(t time.Time) bool { return !t.Equal(future) }
	var want []string
	for _, r := range m.kept {
		var due bool
		switch {
		case r.Type != testRun:
		case q.Claimable:
			due = r.Status == runs.StatusQueued && come(r.NotBefore)
		case r.Status == runs.StatusQueued:
			due = come(r.NotBefore) && come(r.NextRing)
		case r.Status == runs.StatusRunning:
			due = come(r.LeaseUntil)
		default:
			due = !r.Announced && come(r.NextRing)
		}
		if due {
			want = append(want, r.ID)
		}
	}
	slices.Sort(want)
	return isDue(ctx, m.store, q, want...)
}
