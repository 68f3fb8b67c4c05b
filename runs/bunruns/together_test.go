package bunruns_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
)

// hard is a text of which several characters have another form in JSON.
const hard = "\"\\\n\t\x01</a>&\u2028é\U0001F600'{},$1"

// TestInsertsTogether starts 500 runs at once, of which some are doubles and
// some cannot be. Each caller gets what it would have got alone.
func TestInsertsTogether(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, plain sqltest.DB) {
		counted, counter := sqltest.Count(t, plain.DSN)
		s := open(t, counted)
		insert(t, s, &runs.Run{Tenant: "acme", ID: "there", Type: typeA, Status: runs.StatusRunning, Attempt: 1, Lane: "busy", Key: "there"})
		const n = 500
		given := make([]*runs.Run, n)
		for i := range given {
			r := &runs.Run{Tenant: "acme", ID: fmt.Sprintf("r%03d", i), Type: typeA, Status: runs.StatusQueued, Key: runs.Key(fmt.Sprintf("k%03d", i))}
			r.Initiator, r.Params = runs.User(fmt.Sprint("user ", i), ""), fmt.Appendf(nil, `{"n":%d}`, i)
			r.Target = runs.Target{Kind: "set", ID: fmt.Sprint(i), Name: hard}
			r.Context = map[string]string{"name": hard}
			r.CreatedAt, r.UpdatedAt = time.Date(2026, 7, 1, 12, 0, i, 123456789, time.FixedZone("", 7200)), time.Time{}
			r.Timing.Ring = time.Duration(i) * time.Hour
			switch i % 50 {
			case 3: // two on one ID
				r.ID = "there"
			case 4:
				r.Status, r.Attempt, r.Lane = runs.StatusRunning, 1, "busy"
			case 5: // no tenant
				r.Tenant = ""
			case 6:
				r.Key = "there"
			case 7: // ten of each
				r.Once = fmt.Sprint("once ", i%100)
			case 8:
				r.Timing.Lease, r.Status, r.Attempt = time.Hour, runs.StatusRunning, 1
			}
			if i%10 == 9 { // ten with one key
				r.Key = runs.Key(fmt.Sprint("shared ", i/100))
			}
			given[i] = r
		}
		type answer struct {
			r        *runs.Run
			inserted bool
			err      error
		}
		got := make([]answer, n)
		counter.Take()
		together(n, func(i int) { got[i].r, got[i].inserted, got[i].err = s.Insert(t.Context(), given[i].Clone()) })
		texts := counter.Take()
		commits := slices.DeleteFunc(slices.Clone(texts), func(text string) bool { return text != "COMMIT" })
		t.Logf("%d calls, %d statements, %d commits of several", n, len(texts), len(commits))
		if limit := map[bunkit.Dialect]int{bunkit.PostgreSQL: n / 3, bunkit.SQLite3: n / 10}[plain.Dialect]; plain.Dialect == bunkit.PostgreSQL && len(texts) > limit || len(commits) > limit {
			t.Errorf("%d statements, %d commits for %d calls; want %d at most", len(texts), len(commits), n, limit)
		}

		inserted := map[string]int{}
		for i, a := range got {
			want := map[int]error{3: runs.ErrExists, 4: runs.ErrLaneBusy, 5: runs.ErrInvalid}[i%50]
			if !errors.Is(a.err, want) || want == nil && a.err != nil {
				t.Errorf("%d: error is %v, want %v", i, a.err, want)
				continue
			}
			if want != nil {
				continue
			}
			group := given[i].ID
			switch {
			case i%50 == 6:
				group = "there"
			case i%50 == 7:
				group = given[i].Once
			case i%10 == 9:
				group = string(given[i].Key)
			}
			if a.inserted {
				inserted[group]++
			}
			if mine := a.r.ID == given[i].ID; mine != a.inserted {
				t.Errorf("%d: inserted = %v, and got %s", i, a.inserted, a.r.ID)
			}
			stored, err := s.Get(t.Context(), a.r.Ref())
			if err != nil {
				t.Errorf("%d: %v", i, err)
				continue
			}
			if diff := cmp.Diff(stored, a.r); diff != "" {
				t.Errorf("%d: (-stored +got):\n%s", i, diff)
			}
		}
		for group, n := range inserted {
			if n != 1 {
				t.Errorf("%s was inserted %d times", group, n)
			}
		}
		if want := 407; len(inserted) != want {
			t.Errorf("%d runs were inserted, want %d", len(inserted), want)
		}
	})
}

// TestUpdatesTogether has one row of many refused by an index.
func TestUpdatesTogether(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, plain sqltest.DB) {
		counted, counter := sqltest.Count(t, plain.DSN)
		s := open(t, counted)
		const n = 300
		given := make([]*runs.Run, n)
		together(n, func(i int) {
			r := &runs.Run{Tenant: "acme", ID: fmt.Sprintf("r%03d", i), Type: typeA, Status: runs.StatusQueued, Key: runs.Key(fmt.Sprintf("k%03d", i))}
			if i == 150 {
				r.Key, r.Status, r.Outcome = "k151", runs.StatusCompleted, runs.OutcomeFailed
			}
			if i/10 == 7 {
				r.Lane = "lane"
			}
			given[i], _, _ = s.Insert(t.Context(), r)
		})
		for i, r := range given {
			if r == nil {
				t.Fatalf("%d was not inserted", i)
			}
		}
		counter.Take()
		got, errs := make([]*runs.Run, 2*n), make([]error, 2*n)
		together(2*n, func(i int) { // two for each
			r := given[i/2].Clone()
			r.Status, r.Attempt, r.Timing.Lease = runs.StatusRunning, 1, time.Hour
			r.Counts = runs.Counts{Total: int64(i), Extra: map[string]int64{"i": int64(i)}}
			r.Target.Name, r.Waiting = hard, runs.Because(runs.ReasonConflict)
			r.Failures = []runs.ItemFailure{{Key: hard, Failure: runs.Because(runs.ReasonConflict)}}
			r.Cancel = runs.CancelRequest{At: time.Date(2026, 7, 1, 12, 0, i, 0, time.UTC), By: runs.User("dana", hard)}
			r.Type, r.Key = "test.other", "other" // which cannot change
			if i/2 == 150 {
				r.Status, r.Attempt, r.Outcome = runs.StatusQueued, 0, ""
				r.Timing = runs.Timing{}
			}
			got[i], errs[i] = s.Update(t.Context(), r)
		})
		texts := counter.Take()
		t.Logf("%d calls, %d statements", 2*n, len(texts))
		laned := 0
		for i := range n {
			won := 0
			for _, j := range []int{2 * i, 2*i + 1} {
				switch err := errs[j]; {
				case err == nil:
					won++
					stored, err := s.Get(t.Context(), got[j].Ref())
					if err != nil {
						t.Fatal(err)
					}
					stored.Params = nil
					if diff := cmp.Diff(stored, got[j]); diff != "" {
						t.Errorf("%d: (-stored +got):\n%s", j, diff)
					}
					if got[j].Revision != 2 || got[j].Type != typeA || got[j].LeaseUntil.IsZero() && i != 150 {
						t.Errorf("%d: got %+v", j, got[j])
					}
				case i/10 == 7 && errors.Is(err, runs.ErrLaneBusy), errors.Is(err, runs.ErrConflict):
				default:
					t.Errorf("%d: %v", j, err)
				}
			}
			switch {
			case i/10 == 7:
				laned += won
			case i == 150 && won != 0, i != 150 && won != 1:
				t.Errorf("%d was updated %d times", i, won)
			}
		}
		if laned != 1 {
			t.Errorf("%d runs got into a lane, want 1", laned)
		}
	})
}

// TestBusyRowHoldsUpNobody has somebody else's transaction hold a row that many
// want to write, alone and together with other rows.
func TestBusyRowHoldsUpNobody(t *testing.T) {
	db := sqltest.Postgres(t)
	s := open(t, db)
	const n, busy = 100, 8
	given := make([]*runs.Run, n)
	for i := range given {
		if i > 0 && i < busy {
			given[i] = given[0]
			continue
		}
		given[i] = insert(t, s, &runs.Run{Tenant: "acme", ID: fmt.Sprint("r", i+1), Type: typeA, Status: runs.StatusRunning, Attempt: 1})
	}
	begin(t, db)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var others sync.WaitGroup
	others.Add(n - busy)
	go func() {
		others.Wait()
		cancel()
	}()
	together(n, func(i int) {
		_, err := s.Update(ctx, given[i].Clone())
		switch {
		case i < busy && !errors.Is(err, context.Canceled):
			t.Errorf("r1: error is %v, want %v", err, context.Canceled)
		case i >= busy:
			others.Done()
			if err != nil {
				t.Errorf("%s: %v", given[i].ID, err)
			}
		}
	})
}

// TestLeavingTheQueue has a caller give up behind somebody else's transaction.
func TestLeavingTheQueue(t *testing.T) {
	db := sqltest.SQLite(t)
	s := open(t, db)
	insert(t, s, &runs.Run{Tenant: "acme", ID: "r1", Type: typeA, Status: runs.StatusRunning, Attempt: 1})
	other := begin(t, db)
	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	const n = 40
	errs := make([]error, n)
	left := make(chan struct{}, n)
	done := make(chan struct{})
	go func() {
		defer close(done)
		together(n, func(i int) {
			ctx := t.Context()
			if i%2 == 1 {
				ctx = soon
			}
			_, _, errs[i] = s.Insert(ctx, &runs.Run{Tenant: "acme", ID: fmt.Sprint("new ", i), Type: typeA, Status: runs.StatusQueued})
			left <- struct{}{}
		})
	}()
	for range n / 2 {
		<-left
	}
	if err := other.Rollback(); err != nil {
		t.Fatal(err)
	}
	<-done
	page, err := s.List(t.Context(), runs.Query{Tenant: "acme", Limit: 200})
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, r := range page.Runs {
		there[r.ID] = true
	}
	late := 0
	for i, err := range errs {
		switch id := fmt.Sprint("new ", i); {
		case i%2 == 0 && (err != nil || !there[id]):
			t.Errorf("%s: error is %v, stored = %v", id, err, there[id])
		case i%2 == 1 && !errors.Is(err, context.DeadlineExceeded):
			t.Errorf("%s: error is %v, want %v", id, err, context.DeadlineExceeded)
		case i%2 == 1 && there[id]:
			late++
		}
	}
	if late > 1 { // the one that was under way
		t.Errorf("%d runs were inserted although their callers had left the queue", late)
	}
}

// TestOppositeOrders has two processes write the same rows, one from the first
// to the last and the other one back.
func TestOppositeOrders(t *testing.T) {
	const n = 300
	type answers struct{ Inserted, Updated []int }
	if child(t, func(db sqltest.DB) (a answers) {
		s := open(t, db)
		_, up, err := s.Insert(t.Context(), queued(fmt.Sprint("process ", os.Getpid()), "direction"))
		if err != nil {
			t.Fatal(err)
		}
		a = answers{make([]int, n), make([]int, n)}
		together(n, func(i int) {
			if !up {
				i = n - 1 - i
			}
			r, first, err := s.Insert(t.Context(), queued(fmt.Sprintf("%d-%d", os.Getpid(), i), fmt.Sprint("k", i)))
			if err != nil {
				t.Error(err)
				return
			}
			if first {
				a.Inserted[i]++
			}
			r.Status, r.Attempt = runs.StatusRunning, 1
			switch _, err := s.Update(t.Context(), r); {
			case err == nil:
				a.Updated[i]++
			case !errors.Is(err, runs.ErrConflict):
				t.Error(err)
			}
		})
		return a
	}) {
		return
	}
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		open(t, db)
		got := inProcesses[answers](t, 2, db)
		for i := range n {
			if inserted := got[0].Inserted[i] + got[1].Inserted[i]; inserted != 1 {
				t.Errorf("k%d was inserted %d times", i, inserted)
			}
			if updated := got[0].Updated[i] + got[1].Updated[i]; updated != 1 && updated != 2 {
				t.Errorf("k%d was updated %d times", i, updated)
			}
		}
	})
}

func queued(id, key string) *runs.Run {
	return &runs.Run{Tenant: "acme", ID: id, Type: typeA, Status: runs.StatusQueued, Key: runs.Key(key)}
}
