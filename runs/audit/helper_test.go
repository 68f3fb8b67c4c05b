package audit_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/audit"
	"github.com/tenantatlas/tenantatlas/runs/memaudit"
)

const acme = "acme"

var (
	dana    = runs.User("dana", "Dana")
	eli     = runs.User("eli", "Eli")
	morning = time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
)

// key returns a key whose secret follows from its ID.
func key(id string) audit.Key {
	secret := make([]byte, 32)
	copy(secret, id)
	return audit.Key{ID: id, Secret: secret}
}

// A clock moves on by a minute with every look.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Minute)
	return c.now
}

func open(t testing.TB, s audit.Store, keys ...audit.Key) *audit.Log {
	t.Helper()
	if keys == nil {
		keys = []audit.Key{key("k1")}
	}
	l, err := audit.New(audit.Config{Store: s, Keys: keys, Now: (&clock{now: morning}).Now})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// entry returns an entry with something in every field.
func entry(i int) audit.Entry {
	return audit.Entry{
		Tenant: acme,
		Actor:  dana,
		Event:  audit.EventStart,
		Action: runs.ActionRestore,
		Result: audit.ResultRefused,
		Reason: runs.ReasonPermissionDenied,
		Object: audit.Object{Kind: "run", ID: fmt.Sprint("r", i), Name: "restore.execute"},
		Facts:  map[string]string{"attempt": fmt.Sprint(i)},
	}
}

func record(t testing.TB, l *audit.Log, entries ...audit.Entry) {
	t.Helper()
	for _, e := range entries {
		if err := l.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
}

// fill records entries 1 to n.
func fill(t testing.TB, l *audit.Log, n int) {
	t.Helper()
	for i := range n {
		record(t, l, entry(i+1))
	}
}

func list(t testing.TB, l *audit.Log, q audit.Query) (all []audit.Entry) {
	t.Helper()
	if q.Tenant == "" {
		q.Tenant = acme
	}
	for {
		page, err := l.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Entries...)
		if page.Next == "" {
			return all
		}
		q.After = page.Next
	}
}

func verify(t testing.TB, l *audit.Log, known ...audit.Checkpoint) audit.Report {
	t.Helper()
	report, err := l.Verify(t.Context(), acme, known...)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// A forger is a store of which somebody has changed the rows and heads behind
// the program's back.
type forger struct {
	*memaudit.Store
	rows []audit.Row
	head audit.Head
}

// forge takes what l has stored.
func forge(t testing.TB, s *memaudit.Store) *forger {
	t.Helper()
	rows, err := s.Rows(t.Context(), acme, 0, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	head, err := s.Head(t.Context(), acme)
	if err != nil {
		t.Fatal(err)
	}
	return &forger{s, rows, head}
}

func (f *forger) Head(context.Context, string) (audit.Head, error) { return f.head, nil }

func (f *forger) Rows(_ context.Context, _ string, after int64, limit int) (rows []audit.Row, err error) {
	sorted := slices.Clone(f.rows)
	slices.SortStableFunc(sorted, func(a, b audit.Row) int { return int(a.Seq - b.Seq) })
	for _, r := range sorted {
		if r.Seq > after && len(rows) < limit {
			rows = append(rows, r)
		}
	}
	return rows, nil
}

// at returns the row with a number.
func (f *forger) at(seq int64) *audit.Row { return &f.rows[seq-1] }
