package memruns_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

const million = 1_000_000

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// newRun returns the nth run of a tenant: one in two is completed, one in four
// parked until long after the benchmark, the others are queued.
func newRun(n int) *runs.Run {
	r := &runs.Run{
		Tenant:    "acme",
		ID:        fmt.Sprintf("%09d", n),
		Type:      "test.run",
		Status:    runs.StatusQueued,
		Key:       runs.Key(fmt.Sprint("k", n)),
		Initiator: runs.User(fmt.Sprint("user ", n%1000), ""),
		Params:    []byte(`{}`),
		CreatedAt: start.Add(time.Duration(n) * time.Second),
	}
	switch n % 4 {
	case 0, 1:
		r.Status, r.Outcome, r.Announced = runs.StatusCompleted, runs.OutcomeSucceeded, true
	case 2:
		r.NotBefore = start.AddDate(100, 0, 0)
	}
	return r
}

var (
	fillOnce sync.Once
	filled   *memruns.Store
)

// millionRuns returns a store with a million runs of one tenant, which
// benchmarks share and leave as they find it.
func millionRuns(b *testing.B) *memruns.Store {
	b.Helper()
	fillOnce.Do(func() {
		filled = memruns.New()
		for n := range million {
			if _, _, err := filled.Insert(b.Context(), newRun(n)); err != nil {
				b.Fatal(err)
			}
		}
	})
	return filled
}

func BenchmarkInsert(b *testing.B) {
	s := memruns.New()
	n := 0
	for b.Loop() {
		if _, ok, err := s.Insert(b.Context(), newRun(n)); !ok || err != nil {
			b.Fatal(ok, err)
		}
		n++
	}
}

// BenchmarkJoin inserts what is there already, by its key.
func BenchmarkJoin(b *testing.B) {
	s := millionRuns(b)
	r := newRun(million/2 + 3)
	r.ID = "new"
	for b.Loop() {
		if _, ok, err := s.Insert(b.Context(), r); ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

func BenchmarkUpdate(b *testing.B) {
	s := millionRuns(b)
	r, err := s.Get(b.Context(), newRun(million/2+3).Ref())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		r.Timing.Ring = time.Hour
		if r, err = s.Update(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDue(b *testing.B) {
	s := millionRuns(b)
	for _, q := range []runs.DueQuery{
		{Types: []runs.Type{"test.run"}, Claimable: true, Limit: 64},
		{Types: []runs.Type{"test.run"}, Limit: 64},
	} {
		b.Run(fmt.Sprint("claimable=", q.Claimable), func(b *testing.B) {
			for b.Loop() {
				if due, err := s.Due(b.Context(), q); len(due) != q.Limit || err != nil {
					b.Fatal(len(due), err)
				}
			}
		})
	}
}

func BenchmarkList(b *testing.B) {
	s := millionRuns(b)
	for _, bb := range []struct {
		name string
		q    runs.Query
	}{
		{"newest", runs.Query{}},
		{"succeeded", runs.Query{Outcomes: []runs.Outcome{runs.OutcomeSucceeded}}},
		{"active", runs.Query{Statuses: []runs.Status{runs.StatusQueued, runs.StatusRunning}}},
		{"initiator", runs.Query{Initiator: runs.User("user 7", "")}},
		{"nobody", runs.Query{Initiator: runs.User("nobody", "")}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			bb.q.Tenant = "acme"
			for b.Loop() {
				if _, err := s.List(b.Context(), bb.q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCount(b *testing.B) {
	s := millionRuns(b)
	for b.Loop() {
		if _, err := s.Count(b.Context(), runs.Query{Tenant: "acme"}, 10_000); err != nil {
			b.Fatal(err)
		}
	}
}
