//go:build unix

package crashtest

import (
	"syscall"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
)

// Restart kills a process that has a name and starts it again under it: its
// runs go on although their leases last an hour. It returns how long that took
// from the moment in which the new process was there.
func Restart(t *testing.T, db sqltest.DB, s Setup) (took time.Duration) {
	t.Helper()
	const active = 8
	sc := newScene(t, s, db)
	first := sc.spawn(role{Workers: active, Name: "worker-1"})
	bystander := sc.spawn(role{Workers: 1, Name: "worker-2"})
	var all []*runs.Run
	for key := range active {
		all = append(all, sc.start(typeHold, task{Key: key}))
	}
	atWork := func(process int) func() bool {
		return func() bool {
			for _, r := range all {
				if sc.effects(process, r) == 0 && sc.effects(bystander.number, r) == 0 {
					return false
				}
			}
			return true
		}
	}
	sc.await("effects of all runs", atWork(first.number))
	first.signal(syscall.SIGKILL)
	<-first.ended

	second := sc.spawn(role{Workers: active, Name: "worker-1"})
	began := time.Now()
	sc.await("effects of all runs after the restart", atWork(second.number))
	took = time.Since(began)
	for _, r := range all {
		is, attempts := sc.get(r), 2
		if sc.effects(bystander.number, r) > 0 {
			attempts = 1
		}
		if is.Attempt != attempts || is.Lost != attempts-1 {
			t.Errorf("run %s of %s: attempt %d, lost %d times; want %d and %d", r.ID, is.Instance, is.Attempt, is.Lost, attempts, attempts-1)
		}
		if _, err := sc.web.RequestCancel(t.Context(), r.Ref(), runs.User("dana", ""), "enough"); err != nil {
			t.Fatal(err)
		}
		if is := sc.ended(r); is.Outcome != runs.OutcomeCanceled {
			t.Errorf("run %s ended as %s, want canceled", r.ID, is.Outcome)
		}
	}
	for _, c := range []*child{second, bystander} {
		c.signal(syscall.SIGTERM)
		<-c.ended
	}
	return took
}
