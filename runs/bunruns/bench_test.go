package bunruns_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
)

// BenchmarkStore measures the statements of a run's life, one caller at a time
// 32 at once, and 256.
func BenchmarkStore(b *testing.B) {
	for _, step := range []struct {
		name string
		do   func(ctx context.Context, s *bunruns.Store, i int) error
		// before are the steps that the runs have taken already.
		before []func(ctx context.Context, s *bunruns.Store, i int) error
	}{
		{name: "start/new", do: start},
		{name: "start/joined", do: join, before: steps{start}},
		{name: "claim", do: claim, before: steps{start}},
		{name: "finish", do: finish, before: steps{start, claim}},
	} {
		for _, callers := range []int{1, 32, 256} {
			for _, name := range []string{"sqlite", "postgres"} {
				b.Run(fmt.Sprintf("%s/%s/callers=%d", step.name, name, callers), func(b *testing.B) {
					s := open(b, sqltest.Databases()[name](b))
					for _, do := range step.before {
						all(b, s, 256, do)
					}
					b.ReportAllocs()
					b.ResetTimer()
					all(b, s, callers, step.do)
				})
			}
		}
	}
}

type steps = []func(ctx context.Context, s *bunruns.Store, i int) error

// all does a step of b.N runs.
func all(b *testing.B, s *bunruns.Store, callers int, do func(ctx context.Context, s *bunruns.Store, i int) error) {
	b.Helper()
	var next atomic.Int64
	together(callers, func(int) {
		for i := int(next.Add(1)); i <= b.N; i = int(next.Add(1)) {
			if err := do(b.Context(), s, i); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// benched returns a run as the tracker makes it.
func benched(i int) *runs.Run {
	at := time.Date(2026, 1, 1, 0, 0, 0, i*1000, time.UTC)
	return &runs.Run{
		Tenant:    fmt.Sprintf("0b7c1a52-5d3e-4c1c-9f62-%012d", i%20),
		ID:        fmt.Sprintf("019b76da-a800-7%03x-8000-%012d", i%4096, i),
		Type:      typeA,
		Status:    runs.StatusQueued,
		Key:       runs.Key(fmt.Sprintf("v1:%064d", i)),
		Initiator: runs.User("dana@example.com", "Dana"),
		Target:    runs.Target{Kind: "selection", ID: "all"},
		Params:    []byte(`{"selection":{"kinds":["deviceConfiguration","compliancePolicy"]}}`),
		CreatedAt: at,
		UpdatedAt: at,
	}
}

func start(ctx context.Context, s *bunruns.Store, i int) error {
	return added(ctx, s, benched(i), true)
}

func join(ctx context.Context, s *bunruns.Store, i int) error {
	r := benched(i)
	r.ID += "-again"
	return added(ctx, s, r, false)
}

func added(ctx context.Context, s *bunruns.Store, r *runs.Run, want bool) error {
	_, inserted, err := s.Insert(ctx, r)
	if err == nil && inserted != want {
		err = fmt.Errorf("insert %s: inserted = %v, want %v", r.ID, inserted, want)
	}
	return err
}

func claim(ctx context.Context, s *bunruns.Store, i int) error {
	r := benched(i)
	r.Revision, r.Status, r.Attempt, r.Timing.Lease = 1, runs.StatusRunning, 1, time.Minute
	_, err := s.Update(ctx, r)
	return err
}

func finish(ctx context.Context, s *bunruns.Store, i int) error {
	r := benched(i)
	r.Revision, r.Status, r.Attempt = 2, runs.StatusCompleted, 1
	r.Outcome, r.Announced, r.Counts = runs.OutcomeSucceeded, true, runs.Counts{Total: 7, Succeeded: 7}
	_, err := s.Update(ctx, r)
	return err
}
