//go:build unix

package crashtest_test

import (
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/crashtest"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
)

func TestPoison(t *testing.T) {
	if crashtest.Child(t, crashtest.Setup{}) {
		return
	}
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) { crashtest.Poison(t, db, crashtest.Setup{}) })
}

func TestSuspend(t *testing.T) {
	if crashtest.Child(t, crashtest.Setup{}) {
		return
	}
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
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
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) { crashtest.Terminate(t, db, crashtest.Setup{}) })
}
