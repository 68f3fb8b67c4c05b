package bunruns_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
)

// dsnOfChild is the environment variable that makes a test the child of
// itself.
const dsnOfChild = "BUNRUNS_TEST_CHILD"

// inProcesses runs the calling test again in n processes that have db open, and
// returns what each of their calls of work has returned. They begin together.
func inProcesses[T any](t *testing.T, n int, db sqltest.DB) []T {
	t.Helper()
	type child struct {
		cmd  *exec.Cmd
		in   io.WriteCloser
		out  *bufio.Reader
		errs strings.Builder
	}
	var children []*child
	name, _, _ := strings.Cut(t.Name(), "/")
	for range n {
		c := &child{cmd: exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+name+"$")}
		c.cmd.Env = append(os.Environ(), dsnOfChild+"="+db.DSN)
		c.cmd.Stderr = &c.errs
		var err, err2 error
		c.in, err = c.cmd.StdinPipe()
		out, err2 := c.cmd.StdoutPipe()
		c.out = bufio.NewReader(out)
		if err := errors.Join(err, err2, c.cmd.Start()); err != nil {
			t.Fatal(err)
		}
		children = append(children, c)
	}
	for _, c := range children { // all are there
		if line, err := c.out.ReadString('\n'); line != "ready\n" {
			t.Fatalf("child said %q, %v\n%s", line, err, &c.errs)
		}
	}
	for _, c := range children {
		if _, err := fmt.Fprintln(c.in, "go"); err != nil {
			t.Fatal(err)
		}
	}
	results := make([]T, n)
	for i, c := range children {
		said, err := io.ReadAll(c.out)
		if err := errors.Join(err, c.cmd.Wait()); err != nil {
			t.Fatalf("child: %v\n%s%s", err, said, &c.errs)
		}
		result, _, _ := strings.Cut(string(said), "\n")
		if err := json.Unmarshal([]byte(result), &results[i]); err != nil {
			t.Fatalf("child: %v\n%s%s", err, said, &c.errs)
		}
	}
	return results
}

// child does the work of a child, and reports whether this process is one.
func child[T any](t *testing.T, work func(db sqltest.DB) T) bool {
	t.Helper()
	dsn := os.Getenv(dsnOfChild)
	if dsn == "" {
		return false
	}
	db := sqltest.Open(t, dsn)
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	result, err := json.Marshal(work(db))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(string(result))
	return true
}

// together calls f with 0 to n-1 on as many goroutines.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// TestStartsInTwoProcesses starts the same thing a thousand times.
func TestStartsInTwoProcesses(t *testing.T) {
	type answers struct {
		IDs     map[string]int
		Created int
	}
	const each = 500
	if child(t, func(db sqltest.DB) answers {
		tracker := newTracker(t, open(t, db), &stepWorker{})
		got := answers{IDs: map[string]int{}}
		var mu sync.Mutex
		together(each, func(i int) {
			s, err := tracker.Start(t.Context(), runs.Request{
				Tenant: "acme", Type: typeA, Initiator: runs.User(fmt.Sprint("user ", i), ""),
			})
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			got.IDs[s.Run.ID]++
			if s.Created {
				got.Created++
			}
		})
		return got
	}) {
		return
	}
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		total := answers{IDs: map[string]int{}}
		for _, a := range inProcesses[answers](t, 2, db) {
			total.Created += a.Created
			for id, n := range a.IDs {
				total.IDs[id] += n
			}
		}
		page, err := s.List(t.Context(), runs.Query{Tenant: "acme"})
		if err != nil || len(page.Runs) != 1 {
			t.Fatalf("%d runs, %v; want 1", len(page.Runs), err)
		}
		if got := total.IDs[page.Runs[0].ID]; got != 2*each || len(total.IDs) != 1 || total.Created != 1 {
			t.Errorf("%d answers with the ID of the run, %d IDs, created %d times; want %d, 1 and 1", got, len(total.IDs), total.Created, 2*each)
		}
	})
}

// TestClaimsInTwoProcesses lets two processes claim all they can get.
func TestClaimsInTwoProcesses(t *testing.T) {
	const n = 200
	if child(t, func(db sqltest.DB) (won []int) {
		s := open(t, db)
		var mu sync.Mutex
		won = make([]int, n)
		together(8, func(int) {
			for i := range n {
				r := &runs.Run{Tenant: "acme", ID: fmt.Sprint("r", i), Type: typeA, Status: runs.StatusRunning, Attempt: 1, Revision: 1}
				_, err := s.Update(t.Context(), r)
				mu.Lock()
				switch {
				case err == nil:
					won[i]++
				case !errors.Is(err, runs.ErrConflict):
					t.Error(err)
				}
				mu.Unlock()
			}
		})
		return won
	}) {
		return
	}
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		for i := range n {
			insert(t, s, &runs.Run{Tenant: "acme", ID: fmt.Sprint("r", i), Type: typeA, Status: runs.StatusQueued})
		}
		won := inProcesses[[]int](t, 2, db)
		for i := range n {
			if won[0][i]+won[1][i] != 1 {
				t.Errorf("r%d was claimed %d and %d times", i, won[0][i], won[1][i])
			}
		}
	})
}

// soakTime is how long the soak takes: a minute with TENANTATLAS_LONG=1.
func soakTime() time.Duration {
	switch {
	case os.Getenv("TENANTATLAS_LONG") == "1":
		return time.Minute
	case os.Getenv("CI") == "true":
		return 15 * time.Second
	default:
		return 2 * time.Second
	}
}

// TestWritersInTwoProcesses has 50 writers in each of two processes write to one SQLite
// file without pause. None of them may ever hear that it is locked.
func TestWritersInTwoProcesses(t *testing.T) {
	if child(t, func(db sqltest.DB) (ended int) {
		s := open(t, db)
		deadline := time.Now().Add(soakTime())
		var mu sync.Mutex
		together(50, func(i int) {
			for n := 0; time.Now().Before(deadline); n++ {
				if err := live(t.Context(), s, fmt.Sprintf("r-%d-%d-%d", os.Getpid(), i, n)); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				ended++
				mu.Unlock()
			}
		})
		return ended
	}) {
		return
	}
	db := sqltest.SQLite(t)
	s := open(t, db)
	ended := inProcesses[int](t, 2, db)
	t.Logf("%d and %d runs in %v", ended[0], ended[1], soakTime())
	if ended[0] == 0 || ended[1] == 0 {
		t.Errorf("%d and %d runs: one process starved", ended[0], ended[1])
	}
	tally, err := s.Count(t.Context(), runs.Query{Tenant: "acme"}, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := tally.Outcome[runs.OutcomeSucceeded], ended[0]+ended[1]; got != want || len(tally.Status) != 1 {
		t.Errorf("tally is %+v, want %d succeeded and nothing else", tally, want)
	}
	if got := lines(t, db.Read.DB, "PRAGMA integrity_check"); got != "ok\n" {
		t.Errorf("integrity_check: %s", got)
	}
}

// live is the life of a run with a few items.
func live(ctx context.Context, s *bunruns.Store, id string) error {
	r, inserted, err := s.Insert(ctx, &runs.Run{Tenant: "acme", ID: id, Type: typeA, Status: runs.StatusQueued, Key: runs.Key(id)})
	if err != nil || !inserted {
		return fmt.Errorf("insert %s: inserted = %v, %w", id, inserted, err)
	}
	r.Status, r.Attempt, r.Timing.Lease = runs.StatusRunning, 1, time.Minute
	if r, err = s.Update(ctx, r); err != nil {
		return err
	}
	items := []runs.Item{{Key: "a", Outcome: runs.ItemSucceeded}, {Key: "b", Outcome: runs.ItemFailed, Failure: runs.Because(runs.ReasonConflict)}}
	if err := s.PutItems(ctx, r.Ref(), 1, items); err != nil {
		return err
	}
	r.Status, r.Outcome, r.Announced = runs.StatusCompleted, runs.OutcomeSucceeded, true
	_, err = s.Update(ctx, r)
	return err
}
