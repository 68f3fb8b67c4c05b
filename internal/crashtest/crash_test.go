//go:build unix

package crashtest_test

import (
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/crashtest"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
)

// TestCrash kills processes at every step of a run's life.
func TestCrash(t *testing.T) {
	if crashtest.Child(t, crashtest.Setup{}) {
		return
	}
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		t.Parallel() // it mostly waits
		sum := crashtest.Run(t, db, crashtest.Setup{}, crashtest.Kills(50))
		if sum.Rescues == 0 || sum.Joined == 0 {
			t.Errorf("nothing was rescued or joined: %+v", sum)
		}
	})
}
