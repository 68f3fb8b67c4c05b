package audit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/audit"
	"github.com/tenantatlas/tenantatlas/runs/memaudit"
)

func TestRecord(t *testing.T) {
	l := open(t, memaudit.New())
	fill(t, l, 2)
	want := entry(1)
	want.Seq, want.At = 1, morning.Add(time.Minute)
	second := entry(2)
	second.Seq, second.At = 2, morning.Add(2*time.Minute)
	if diff := cmp.Diff([]audit.Entry{second, want}, list(t, l, audit.Query{})); diff != "" {
		t.Errorf("what was recorded (-want +got):\n%s", diff)
	}
}

// No secret and nothing that breaks a page or a log gets into an entry.
func TestRecordCleans(t *testing.T) {
	l := open(t, memaudit.New())
	e := audit.Entry{
		Tenant: acme,
		Actor:  runs.Actor{Kind: "user", ID: strings.Repeat("ü", 300), Name: "a\u202eb\n\x00c\xff"},
		Event:  audit.EventStart,
		Facts:  map[string]string{"note": "password=hunter2 and more", "token": "abcdefgh"},
	}
	for i := range 40 {
		e.Facts[fmt.Sprint("fact", i)] = strings.Repeat("x ", 500)
	}
	record(t, l, e)
	got := list(t, l, audit.Query{})[0]
	if got.Actor.ID != strings.Repeat("ü", 128) || got.Actor.Name != "abc\uFFFD" {
		t.Errorf("the actor is %+v, want a printable one of 256 bytes", got.Actor)
	}
	if text := fmt.Sprint(got.Facts); strings.Contains(text, "hunter2") || strings.Contains(text, "abcdefgh") || len(got.Facts) > 16 {
		t.Errorf("the facts are %s", text)
	}
	if got.Altered || verify(t, l).Problem != nil {
		t.Error("what was recorded does not verify")
	}
	for _, bad := range []audit.Entry{{Event: "start"}, {Tenant: acme}, {Tenant: "\x00", Event: "start"}, {Tenant: strings.Repeat("t", 256), Event: "start"}} {
		if err := l.Record(t.Context(), bad); !errors.Is(err, runs.ErrInvalid) {
			t.Errorf("Record of %.40v reports %v, want ErrInvalid", bad, err)
		}
	}
}

// Time and numbers rise together, whatever the clock does.
func TestClockGoesBack(t *testing.T) {
	now := morning
	l, err := audit.New(audit.Config{Store: memaudit.New(), Keys: []audit.Key{key("k1")}, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	record(t, l, entry(1))
	now = now.Add(-time.Hour)
	record(t, l, entry(2))
	if got := list(t, l, audit.Query{}); !got[0].At.Equal(morning) {
		t.Errorf("the second entry is from %v, want no earlier than the first", got[0].At)
	}
}

func TestList(t *testing.T) {
	l := open(t, memaudit.New())
	fill(t, l, 30)
	other := entry(31)
	other.Actor, other.Event, other.Action = eli, audit.EventJoin, runs.ActionStart
	record(t, l, other)
	record(t, l, audit.Entry{Tenant: "globex", Event: audit.EventStart, Actor: dana})
	tests := []struct {
		name        string
		q           audit.Query
		first, last int64 // newest and oldest
		n           int
	}{
		{"all", audit.Query{}, 31, 1, 31},
		{"small pages", audit.Query{Limit: 4}, 31, 1, 31},
		{"actor", audit.Query{Actor: eli}, 31, 31, 1},
		{"object", audit.Query{Object: audit.Object{Kind: "run", ID: "r7"}}, 7, 7, 1},
		{"event", audit.Query{Event: audit.EventStart, Limit: 3}, 30, 1, 30},
		{"action", audit.Query{Action: runs.ActionStart}, 31, 31, 1},
		{"from", audit.Query{From: morning.Add(25 * time.Minute)}, 31, 25, 7},
		{"to", audit.Query{To: morning.Add(25 * time.Minute), Limit: 5}, 24, 1, 24},
		{"between", audit.Query{From: morning.Add(5*time.Minute + 1), To: morning.Add(9 * time.Minute), Limit: 2}, 8, 6, 3},
		{"later than all", audit.Query{From: morning.AddDate(1, 0, 0)}, 0, 0, 0},
		{"odd texts", audit.Query{Event: "\x00\xff"}, 0, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := list(t, l, test.q)
			if len(got) != test.n {
				t.Fatalf("%d entries, want %d", len(got), test.n)
			}
			if test.n > 0 && (got[0].Seq != test.first || got[test.n-1].Seq != test.last) {
				t.Errorf("entries %d to %d, want %d to %d", got[0].Seq, got[test.n-1].Seq, test.first, test.last)
			}
		})
	}
	page, err := l.List(t.Context(), audit.Query{Tenant: acme, Limit: 5})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []audit.Query{{Tenant: "globex", After: page.Next}, {Tenant: acme, Actor: eli, After: page.Next}, {Tenant: acme, After: "x"}, {Tenant: acme, After: page.Next + "A"}} {
		if _, err := l.List(t.Context(), q); !errors.Is(err, runs.ErrBadCursor) {
			t.Errorf("%+v: %v, want ErrBadCursor", q, err)
		}
	}
	if _, err := l.List(t.Context(), audit.Query{}); !errors.Is(err, runs.ErrInvalid) {
		t.Errorf("without a tenant: %v, want ErrInvalid", err)
	}
}

// A page says which of its entries cannot be trusted.
func TestListAltered(t *testing.T) {
	s := memaudit.New()
	fill(t, open(t, s), 2)
	h, err := s.Head(t.Context(), acme)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), acme, h.Last, h.Last, []audit.Row{{Seq: 3, Body: []byte(`{"v":1}`)}}); err != nil {
		t.Fatal(err)
	}
	got := list(t, open(t, s), audit.Query{})
	if len(got) != 3 || !got[0].Altered || got[0].Seq != 3 || got[1].Altered {
		t.Errorf("got %+v, want only the newest to be altered", got)
	}
}

// Several processes and many callers make one chain without a gap.
func TestConcurrent(t *testing.T) {
	s := memaudit.New()
	concurrent(t, s, 4, 50)
}

func concurrent(t *testing.T, s audit.Store, processes, each int) {
	t.Helper()
	var wg sync.WaitGroup
	for range processes {
		l := open(t, s)
		for i := range each {
			wg.Go(func() {
				if err := l.Record(t.Context(), entry(i)); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if got := verify(t, open(t, s)); got.Problem != nil || got.Last != int64(processes*each) {
		t.Errorf("Verify = %+v, want %d good entries", got, processes*each)
	}
}

// stuck is a store that does not answer before its caller gives up.
type stuck struct{ *memaudit.Store }

func (stuck) Append(ctx context.Context, _, _, _ string, _ []audit.Row) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, stuck{memaudit.New()})
		began := time.Now()
		err := l.Record(t.Context(), entry(1))
		if took := time.Since(began); !errors.Is(err, runs.ErrStoreUnavailable) || took != time.Second {
			t.Errorf("Record reports %v after %v, want ErrStoreUnavailable after a second", err, took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		if err := l.Record(ctx, entry(1)); !errors.Is(err, context.Canceled) {
			t.Errorf("Record reports %v, want context.Canceled", err)
		}
		synctest.Wait()
		time.Sleep(2 * time.Second) // the flush gives up as well
	})
}
