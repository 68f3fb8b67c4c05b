//go:build unix

package crashtest

import (
	"context"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
)

// scene is a database, a process of this test's own that only starts runs, and
// what the others say.
type scene struct {
	t       *testing.T
	db      sqltest.DB
	kept    *bunruns.Store
	history *history
	web     *runs.Tracker
}

func newScene(t *testing.T, s Setup, db sqltest.DB) *scene {
	t.Helper()
	sc := &scene{t: t, db: db, kept: prepare(t, db), history: &history{}}
	sc.web = newProcess(t, s, db, role{Workers: 1}, &journal{out: new(strings.Builder)}).tracker
	return sc
}

// spawn starts a process and waits until it is ready.
func (sc *scene) spawn(as role) *child {
	sc.t.Helper()
	as.DSN = sc.db.DSN
	c := spawn(sc.t, as, sc.history)
	if c == nil {
		sc.t.FailNow()
	}
	sc.t.Cleanup(func() {
		_ = c.cmd.Process.Kill() // unless it has ended
		<-c.ended
		c.stdin.Close()
	})
	select {
	case <-c.ready:
	case <-c.ended:
		sc.t.Fatalf("a process ended at once:\n%s", &c.errors)
	}
	return c
}

func (sc *scene) start(typ runs.Type, in task) *runs.Run {
	sc.t.Helper()
	s, err := sc.web.Start(sc.t.Context(), runs.Request{Tenant: "acme", Type: typ, Params: in, Initiator: runs.User("dana", "")})
	if err != nil {
		sc.t.Fatal(err)
	}
	return s.Run
}

// await polls until done reports true.
func (sc *scene) await(what string, done func() bool) {
	sc.t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); {
		if time.Now().After(deadline) {
			sc.t.Fatalf("waited for a minute: %s", what)
		}
		if err := pause(sc.t.Context(), 5*time.Millisecond); err != nil {
			sc.t.Fatal(err)
		}
	}
}

func (sc *scene) get(r *runs.Run) *runs.Run {
	sc.t.Helper()
	is, err := sc.kept.Get(sc.t.Context(), r.Ref())
	if err != nil {
		sc.t.Fatal(err)
	}
	return is
}

// ended waits for the end of r.
func (sc *scene) ended(r *runs.Run) *runs.Run {
	sc.t.Helper()
	ctx, cancel := context.WithTimeout(sc.t.Context(), time.Minute)
	defer cancel()
	is, err := sc.web.Wait(ctx, r.Ref())
	if err != nil {
		sc.t.Fatal(err)
	}
	return is
}

// effects returns how many effects of an attempt were reported.
func (sc *scene) effects(process int, r *runs.Run) (n int) {
	sc.history.each(eventEffect, func(e event) {
		if e.process == process && e.Run == r.ID {
			n++
		}
	})
	return n
}

// Poison checks that a run which ends every process that executes it, each time
// in another way, fails when it has done so three times, and that the others go
// on.
func Poison(t *testing.T, db sqltest.DB, s Setup) {
	t.Helper()
	sc := newScene(t, s, db)
	poison := sc.start(typePoison, task{})
	var others []*runs.Run
	for key := range 20 {
		others = append(others, sc.start(typeWork, task{Key: key, Items: 3, Pause: 10 * time.Millisecond}))
	}
	// A process that ends is replaced, as a supervisor does it.
	current := sc.spawn(role{Workers: 4})
	for !sc.get(poison).Ended() {
		select {
		case <-current.ended:
			current = sc.spawn(role{Workers: 4})
		default:
		}
		if err := pause(t.Context(), 10*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	got := sc.get(poison)
	if got.Outcome != runs.OutcomeFailed || got.Failure.Reason != runs.ReasonWorkerLost || got.Lost != 3 || got.Attempt != 3 {
		t.Errorf("the poison is %s because of %q after %d attempts and %d losses, want failed because of worker_lost after 3 and 3",
			got.Outcome, got.Failure.Reason, got.Attempt, got.Lost)
	}
	for _, r := range others {
		// One that was beside the poison three times is lost with it; it must
		// end all the same.
		if got := sc.ended(r); got.Outcome != runs.OutcomeSucceeded && got.Lost < 3 {
			t.Errorf("run %s beside the poison ended as %s because of %q, lost %d times", r.ID, got.Outcome, got.Failure.Reason, got.Lost)
		}
	}
	if n := sc.history.killed(); n != 3 {
		t.Errorf("%d processes died of the poison, want 3", n)
	}
	current.signal(syscall.SIGTERM)
	<-current.ended
}

// Suspend stops a process for longer than its lease, and lets it go on when
// another one has taken its run: it must not change anything any more. The other
// one keeps its lease however busy the machine is.
func Suspend(t *testing.T, db sqltest.DB, s Setup) (late int) {
	t.Helper()
	sc := newScene(t, s, db)
	frozen := sc.spawn(role{Workers: 1})
	r := sc.start(typeHold, task{Pause: 5 * time.Millisecond})
	sc.await("effects of the first process", func() bool { return sc.effects(frozen.number, r) > 20 })
	sc.freeze(frozen)
	defer frozen.signal(syscall.SIGKILL)

	other := sc.spawn(role{Workers: 1, Calm: true})
	sc.await("effects of the second process", func() bool { return sc.effects(other.number, r) > 20 })
	before := sc.get(r)
	if before.Attempt != 2 || before.Lost != 1 {
		t.Errorf("the run was taken over as attempt %d after %d losses, want 2 after 1", before.Attempt, before.Lost)
	}
	had := sc.effects(frozen.number, r)
	frozen.signal(syscall.SIGCONT)
	// The process has understood when it takes another run.
	next := sc.start(typeHold, task{Key: 1, Items: 2})
	sc.await("another run of the first process", func() bool { return sc.effects(frozen.number, next) > 0 })
	late = sc.effects(frozen.number, r) - had

	if _, err := sc.web.RequestCancel(t.Context(), r.Ref(), runs.User("dana", ""), "enough"); err != nil {
		t.Fatal(err)
	}
	got := sc.ended(r)
	if got.Attempt != 2 || got.Lost != 1 || got.Outcome != runs.OutcomeCanceled {
		t.Errorf("the run ended as %s in attempt %d after %d losses, want canceled in 2 after 1", got.Outcome, got.Attempt, got.Lost)
	}
	if n := sc.effects(other.number, r); got.Counts.Succeeded < int64(n)-1 || got.Counts.Succeeded > int64(n+had) {
		t.Errorf("the run counts %d items; its second attempt had %d effects, its first %d", got.Counts.Succeeded, n, had)
	}
	after := sc.storedBy(r)
	if after[1] > had {
		t.Errorf("%d items of the suspended attempt are stored, of %d effects before it was suspended", after[1], had)
	}
	return late
}

// freeze stops a process, but not while it has the lock of a SQLite file: then
// nobody could write before it goes on, and nothing could be seen.
func (sc *scene) freeze(c *child) {
	sc.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		c.signal(syscall.SIGSTOP)
		_, err := sc.db.Write.DB.ExecContext(sc.t.Context(), "DELETE FROM crash_inbox WHERE run = ''")
		if err == nil {
			return
		}
		c.signal(syscall.SIGCONT)
		if err := pause(sc.t.Context(), 20*time.Millisecond); err != nil {
			sc.t.Fatal(err)
		}
	}
	sc.t.Fatal("the process has the lock whenever it is stopped")
}

// storedBy returns how many items each attempt has stored.
func (sc *scene) storedBy(r *runs.Run) map[int]int {
	sc.t.Helper()
	n := map[int]int{}
	q := runs.ItemQuery{Run: r.Ref(), Limit: runs.MaxLimit}
	for {
		page, err := sc.kept.Items(sc.t.Context(), q)
		if err != nil {
			sc.t.Fatal(err)
		}
		for _, it := range page.Items {
			n[it.Attempt]++
		}
		if q.After = page.Next; q.After == "" {
			return n
		}
	}
}

// Terminate asks a process with a hundred active runs to stop: those that can
// finish in time do, the others are queued again without a loss, and the process
// ends in good order. It is told twice, as impatient people do. The leases are
// long enough for so many reports to reach a slow disk.
func Terminate(t *testing.T, db sqltest.DB, s Setup) {
	t.Helper()
	const active = 100
	sc := newScene(t, s, db)
	c := sc.spawn(role{Workers: active, Calm: true})
	var all []*runs.Run
	for key := range active {
		all = append(all, sc.start(typeHold, task{Key: key, Last: key%2 == 0}))
	}
	sc.await("all runs to be active", func() bool {
		running := 0
		for _, r := range all {
			if sc.get(r).Status == runs.StatusRunning {
				running++
			}
		}
		return running == active
	})
	c.signal(syscall.SIGTERM)
	c.signal(syscall.SIGTERM)
	began := time.Now()
	<-c.ended
	took := time.Since(began)
	if !c.said(eventBye) {
		t.Errorf("the process did not stop in good order:\n%s", &c.errors)
	}
	if took > 10*time.Second {
		t.Errorf("the process took %v to stop", took)
	}
	left, finished := 0, 0
	for i, r := range all {
		is := sc.get(r)
		switch {
		case is.Lost != 0, is.Status == runs.StatusRunning:
			t.Errorf("run %d is %s, lost %d times, want no loss", i, is.Status, is.Lost)
		case is.Status == runs.StatusQueued:
			left++
		case is.Outcome == runs.OutcomeSucceeded && i%2 == 0:
			finished++
		default:
			t.Errorf("run %d ended as %s because of %q", i, is.Outcome, is.Failure.Reason)
		}
	}
	if t.Failed() {
		t.Logf("the process said:\n%s", &c.errors)
	}
	if left < active/2 || finished == 0 {
		t.Errorf("%d runs are queued again and %d have ended, want at least %d that do not end by themselves, and some that do", left, finished, active/2)
	}
	next := sc.spawn(role{Workers: active, Calm: true})
	for _, r := range all {
		if _, err := sc.web.RequestCancel(t.Context(), r.Ref(), runs.User("dana", ""), "enough"); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range all {
		if is := sc.ended(r); is.Lost != 0 {
			t.Errorf("run %s lost its worker %d times", r.ID, is.Lost)
		}
	}
	next.signal(syscall.SIGTERM)
	<-next.ended
	t.Logf("stopped in %v with %d active runs; %d ended, %d were queued again", took.Round(time.Millisecond), active, finished, left)
}

func (c *child) said(kind eventKind) bool {
	return slices.Contains(c.kinds(), kind)
}

func (c *child) kinds() []eventKind {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.heard)
}
