//go:build unix

package crashtest_test

import (
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/crashtest"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
)

func TestPoison(t *testing.T) {
	if crashtest.Child(t, crashtest.Setup{}) {
		return
	}
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		t.Parallel()
		crashtest.Poison(t, db, crashtest.Setup{})
	})
}

func TestSuspend(t *testing.T) {
	if crashtest.Child(t, crashtest.Setup{}) {
		return
	}
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		t.Parallel()
		// What the process was about to do when it was stopped it does.
		if late := crashtest.Suspend(t, db, crashtest.Setup{}); late > 1 {
			t.Errorf("%d effects after the lease was lost", late)
		}
	})
}

func TestTerminate(t *testing.T) {
	if crashtest.Child(t, crashtest.Setup{}) {
		return
	}
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		t.Parallel()
		crashtest.Terminate(t, db, crashtest.Setup{})
	})
}

func TestRestart(t *testing.T) {
	if crashtest.Child(t, crashtest.Setup{}) {
		return
	}
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		var worst time.Duration
		for range crashtest.Kills(1) {
			worst = max(worst, crashtest.Restart(t, fresh(t, db), crashtest.Setup{}))
		}
		t.Logf("recovery after kill -9 and a restart under the same name: %v at worst", worst.Round(time.Millisecond))
		if crashtest.Long() && worst > time.Second { // which is for a machine that does nothing else
			t.Errorf("recovery took %v, want a second at most", worst)
		}
	})
}

// fresh returns another database like db.
func fresh(t *testing.T, db sqltest.DB) sqltest.DB {
	t.Helper()
	if db.Dialect == bunkit.SQLite3 {
		return sqltest.SQLite(t)
	}
	return sqltest.Postgres(t)
}
