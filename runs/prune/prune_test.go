package prune_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/prune"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

const day = 24 * time.Hour

// now is the clock of the tests.
var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return now }

// newTracker returns a tracker that prunes the store.
func newTracker(t *testing.T, s *memruns.Store, r prune.Retention) *runstest.Tracker {
	t.Helper()
	op, err := prune.Operation(prune.Config{Store: s, Retention: r, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	return runstest.New(t, runs.Config{Store: s, Items: s, Operations: []runs.Operation{op}, Now: clock})
}

// past returns a run that ended a while ago.
func past(tenant, id string, typ runs.Type, ago time.Duration) *runs.Run {
	at := now.Add(-ago)
	return &runs.Run{
		Tenant: tenant, ID: id, Type: typ, Status: runs.StatusCompleted, Outcome: runs.OutcomeSucceeded,
		Initiator: runs.User("dana", "Dana"), Announced: true, CreatedAt: at.Add(-time.Minute), CompletedAt: at, UpdatedAt: at,
	}
}

func insert(t *testing.T, s *memruns.Store, all ...*runs.Run) {
	t.Helper()
	for _, r := range all {
		if _, inserted, err := s.Insert(t.Context(), r); err != nil || !inserted {
			t.Fatalf("insert %s: %v, %v", r.ID, inserted, err)
		}
	}
}

// ids returns the IDs of a tenant's runs, oldest first.
func ids(t *testing.T, s *memruns.Store, tenant string) []string {
	t.Helper()
	var all []string
	for q := (runs.Query{Tenant: tenant, Limit: runs.MaxLimit}); ; {
		page, err := s.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Runs {
			all = append([]string{r.ID}, all...)
		}
		if q.After = page.Next; q.After == "" {
			return all
		}
	}
}

func TestPrune(t *testing.T) {
	s := memruns.New()
	active := past("acme", "r4", "test.a", 400*day)
	active.Status, active.Outcome, active.Announced = runs.StatusQueued, "", false
	retry := past("acme", "r3", "test.b", 10*day)
	retry.RetryOf = "r1"
	insert(t, s,
		past("acme", "r1", "test.a", 91*day), past("acme", "r2", "test.a", 89*day), retry, active,
		past("globex", "g1", "test.b", 400*day), past(runs.SystemTenant, "s1", prune.Type, 100*day),
	)
	tracker := newTracker(t, s, prune.Retention{})
	run := tracker.Execute(prune.Daily(now))
	if run.Outcome != runs.OutcomeSucceeded {
		t.Fatalf("outcome %s: %+v", run.Outcome, run.Failure)
	}
	want := runs.Counts{Succeeded: 3, Extra: map[string]int64{"test.a": 1, "test.b": 1, string(prune.Type): 1}}
	if diff := cmp.Diff(want, run.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	for tenant, want := range map[string][]string{"acme": {"r2", "r3", "r4"}, "globex": nil, runs.SystemTenant: {run.ID}} {
		if diff := cmp.Diff(want, ids(t, s, tenant)); diff != "" {
			t.Errorf("runs of %s (-want +got):\n%s", tenant, diff)
		}
	}

	again, err := tracker.Start(t.Context(), prune.Daily(now.Add(11*time.Hour)))
	if err != nil || again.Created || again.Run.ID != run.ID {
		t.Errorf("the same day: created %v, %v; want to join", again.Created, err)
	}
	tomorrow := tracker.Execute(prune.Daily(now.Add(day)))
	if tomorrow.ID == run.ID || tomorrow.Counts.Succeeded != 0 {
		t.Errorf("the next day: run %s deleted %d", tomorrow.ID, tomorrow.Counts.Succeeded)
	}
}

func TestDryRun(t *testing.T) {
	s := memruns.New()
	for i := range 2500 {
		insert(t, s, past("acme", fmt.Sprintf("r%04d", i), "test.a", 100*day))
	}
	tracker := newTracker(t, s, prune.Retention{})
	run := tracker.Execute(runs.Request{
		Tenant: runs.SystemTenant, Type: prune.Type, Params: prune.Params{DryRun: true}, Initiator: runs.System("test"),
	})
	want := runs.Counts{Skipped: 2500, Extra: map[string]int64{"test.a": 2500}}
	if diff := cmp.Diff(want, run.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if run.Context["dry_run"] != "true" {
		t.Errorf("context %v does not say that it is a dry run", run.Context)
	}
	if n := len(ids(t, s, "acme")); n != 2500 {
		t.Errorf("%d runs are left of 2500", n)
	}
	if run := tracker.Execute(prune.Daily(now)); run.Counts.Succeeded != 2500 || len(ids(t, s, "acme")) != 0 {
		t.Errorf("a real run deleted %d, and %d are left", run.Counts.Succeeded, len(ids(t, s, "acme")))
	}
}

func TestOnlyTheSystemPrunes(t *testing.T) {
	tracker := newTracker(t, memruns.New(), prune.Retention{})
	for name, change := range map[string]func(r *runs.Request){
		"a user":         func(r *runs.Request) { r.Initiator = runs.User("dana", "Dana") },
		"a schedule":     func(r *runs.Request) { r.Initiator = runs.Schedule("s1", "Nightly") },
		"another tenant": func(r *runs.Request) { r.Tenant = "acme" },
	} {
		req := prune.Daily(now)
		change(&req)
		if _, err := tracker.Start(t.Context(), req); !errors.Is(err, runs.ErrInvalid) {
			t.Errorf("%s: error is %v, want %v", name, err, runs.ErrInvalid)
		}
	}
}

// oracle is how long a run is kept, said in another way than the package does.
func oracle(r prune.Retention, run *runs.Run) time.Duration {
	keep := r.Keep
	if keep == 0 {
		keep = 90 * day
	}
	for named := 1; named <= 3; named++ {
		for _, rule := range slices.Backward(r.Rules) {
			n := len(strings.Fields(rule.Tenant + " " + string(rule.Type) + " " + string(rule.Outcome)))
			if n == named && (rule.Tenant == "" || rule.Tenant == run.Tenant) &&
				(rule.Type == "" || rule.Type == run.Type) && (rule.Outcome == "" || rule.Outcome == run.Outcome) {
				keep = rule.Keep
			}
		}
	}
	least := r.Once
	if least == 0 {
		least = 7 * day
	}
	switch {
	case keep < 0, run.Once != "" && least < 0:
		return -1
	case run.Once != "":
		return max(keep, least)
	}
	return keep
}

// TestAnyMix prunes any mix of runs by any mix of rules: exactly those go that
// are over and were kept long enough.
func TestAnyMix(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	pick := func(from ...string) string { return from[rng.IntN(len(from))] }
	outcomes := []string{"succeeded", "failed", "canceled"}
	for round := range 60 {
		s := memruns.New()
		r := prune.Retention{
			Keep: []time.Duration{0, -1, 10 * day, 100 * day}[rng.IntN(4)],
			Once: []time.Duration{0, -1, day, 50 * day}[rng.IntN(4)],
		}
		for range rng.IntN(6) {
			rule := prune.Rule{
				Tenant: pick("", "acme", "globex"), Type: runs.Type(pick("", "test.a", "test.b")),
				Outcome: runs.Outcome(pick("", "succeeded", "failed")),
				Keep:    []time.Duration{-1, time.Hour, 5 * day, 20 * day, 365 * day}[rng.IntN(5)],
			}
			with := r
			with.Rules = append(slices.Clip(with.Rules), rule)
			if with.Validate() == nil {
				r = with
			}
		}
		want, deleted := map[string][]string{}, int64(0)
		for i := range 150 {
			run := past(pick("acme", "globex", "initech"), fmt.Sprintf("r%04d", i), runs.Type(pick("test.a", "test.b", "test.c")), time.Duration(rng.Int64N(int64(400*day))))
			run.Outcome = runs.Outcome(outcomes[rng.IntN(len(outcomes))])
			if rng.IntN(4) == 0 {
				run.Once = fmt.Sprint("once ", i)
			}
			switch rng.IntN(8) {
			case 0:
				run.Announced = false
			case 1:
				run.Status, run.Outcome, run.Attempt, run.LeaseUntil = runs.StatusRunning, "", 1, now.AddDate(100, 0, 0)
			}
			keep := oracle(r, run)
			if !run.Ended() || !run.Announced || keep < 0 || now.Sub(runs.Instant(run.CompletedAt)) <= keep {
				want[run.Tenant] = append(want[run.Tenant], run.ID)
			} else {
				deleted++
			}
			insert(t, s, run)
		}
		run := newTracker(t, s, r).Execute(prune.Daily(now))
		if run.Outcome != runs.OutcomeSucceeded || run.Counts.Succeeded != deleted {
			t.Errorf("round %d: %s, deleted %d, want %d", round, run.Outcome, run.Counts.Succeeded, deleted)
		}
		for _, tenant := range []string{"acme", "globex", "initech"} {
			if diff := cmp.Diff(want[tenant], ids(t, s, tenant)); diff != "" {
				t.Fatalf("round %d: %+v: runs of %s (-want +got):\n%s", round, r, tenant, diff)
			}
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		name string
		r    prune.Retention
		want string // part of the error; empty for none
	}{
		{"nothing said", prune.Retention{}, ""},
		{"for good", prune.Retention{Keep: -1, Once: -1}, ""},
		{"rules", prune.Retention{Rules: []prune.Rule{{Tenant: "acme", Keep: day}, {Type: "test.a", Keep: -1}, {Tenant: "acme", Type: "test.a", Keep: day}}}, ""},
		{"names nothing", prune.Retention{Rules: []prune.Rule{{Keep: day}}}, "rule 1: names no tenant"},
		{"says nothing", prune.Retention{Rules: []prune.Rule{{Tenant: "acme", Keep: day}, {Type: "test.a"}}}, "rule 2: does not say how long"},
		{"no type", prune.Retention{Rules: []prune.Rule{{Type: "Test", Keep: day}}}, "rule 1: "},
		{"no outcome", prune.Retention{Rules: []prune.Rule{{Outcome: "success", Keep: day}}}, `no outcome "success"`},
		{"twice", prune.Retention{Rules: []prune.Rule{{Type: "test.a", Keep: day}, {Tenant: "acme", Keep: day}, {Type: "test.a", Keep: -1}}}, "rule 3: names the same runs as rule 1"},
	} {
		_, err := prune.Operation(prune.Config{Retention: c.r})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want %q", c.name, err, c.want)
		}
	}
}

// failing is a pruner that fails after some deletions.
type failing struct {
	*memruns.Store
	left int
}

func (f *failing) Delete(ctx context.Context, refs []runs.Ref) (int, error) {
	if f.left--; f.left < 0 {
		return 0, runs.ErrStoreUnavailable
	}
	if len(refs) > 100 {
		return 0, fmt.Errorf("%d runs in one transaction", len(refs))
	}
	return f.Store.Delete(ctx, refs)
}

// A pruning that breaks off has deleted what it says, and the next goes on.
func TestBreaksOff(t *testing.T) {
	s := memruns.New()
	for i := range 450 {
		insert(t, s, past("acme", fmt.Sprintf("r%04d", i), "test.a", 100*day))
	}
	op, err := prune.Operation(prune.Config{Store: &failing{s, 3}, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	broken := runstest.New(t, runs.Config{Store: s, Items: s, Operations: []runs.Operation{op}, Now: clock})
	run := broken.Execute(prune.Daily(now))
	if run.Outcome != runs.OutcomeFailed || run.Counts.Succeeded != 300 || len(ids(t, s, "acme")) != 150 {
		t.Errorf("%s, deleted %d, %d left; want failed, 300, 150", run.Outcome, run.Counts.Succeeded, len(ids(t, s, "acme")))
	}
	if run := newTracker(t, s, prune.Retention{}).Execute(prune.Daily(now.Add(day))); run.Counts.Succeeded != 150 {
		t.Errorf("the next one deleted %d, want 150", run.Counts.Succeeded)
	}
}

// A process without a store starts what others execute.
func TestStartsOnly(t *testing.T) {
	op, err := prune.Operation(prune.Config{})
	if err != nil || op.Executes() {
		t.Errorf("executes: %v, %v; want no", op.Executes(), err)
	}
}

func ExampleOperation() {
	store := memruns.New()
	op, err := prune.Operation(prune.Config{
		Store: store,
		Retention: prune.Retention{Rules: []prune.Rule{
			{Type: "inventory.sync", Outcome: runs.OutcomeSucceeded, Keep: 30 * 24 * time.Hour},
			{Type: "restore.execute", Keep: -1}, // for good
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(op.Type, op.Executes())
	// Output: runs.prune true
}

func ExampleDaily() {
	req := prune.Daily(time.Date(2026, 6, 1, 23, 0, 0, 0, time.UTC))
	fmt.Println(req.Tenant, req.Type, req.Once)
	// Output: _system runs.prune day 2026-06-01
}
