//go:build unix

package riverruns_test

import (
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/crashtest"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
)

// carried has the runs of crash tests carried by River.
func carried() crashtest.Setup {
	return crashtest.Setup{Dispatcher: func(t testing.TB, db sqltest.DB, workers int) runs.Dispatcher {
		t.Helper()
		cfg := configOf(t, db)
		cfg.Workers = workers
		return open(t, cfg)
	}}
}

// TestCrash kills processes that River carries runs between.
func TestCrash(t *testing.T) {
	if crashtest.Child(t, carried()) {
		return
	}
	t.Parallel() // it mostly waits
	sum := crashtest.Run(t, sqltest.Postgres(t), carried(), crashtest.Kills(50))
	if sum.Rescues == 0 || sum.Joined == 0 {
		t.Errorf("nothing was rescued or joined: %+v", sum)
	}
}

func TestPoison(t *testing.T) {
	if crashtest.Child(t, carried()) {
		return
	}
	t.Parallel()
	crashtest.Poison(t, sqltest.Postgres(t), carried())
}

func TestSuspend(t *testing.T) {
	if crashtest.Child(t, carried()) {
		return
	}
	t.Parallel()
	// What the process was about to do when it was stopped it does.
	if late := crashtest.Suspend(t, sqltest.Postgres(t), carried()); late > 1 {
		t.Errorf("%d effects after the lease was lost", late)
	}
}

func TestTerminate(t *testing.T) {
	if crashtest.Child(t, carried()) {
		return
	}
	t.Parallel()
	crashtest.Terminate(t, sqltest.Postgres(t), carried())
}
