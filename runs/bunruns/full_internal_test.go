package bunruns

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// What was full is believed for a minute, up to the limit that it was counted to.
func TestFullForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := new(fullness)
		failed := stage{runs.StatusCompleted, runs.OutcomeFailed}
		want := func(is bool, tenant string, at stage, limit int) {
			t.Helper()
			if f.is(tenant, at, limit) != is {
				t.Errorf("%s, %v, up to %d: full is %t, want %t", tenant, at, limit, !is, is)
			}
		}
		f.note("acme", failed, maxLook, maxLook)
		time.Sleep(fullFor - time.Nanosecond)
		want(true, "acme", failed, maxLook)
		want(true, "acme", failed, 1)
		want(false, "acme", failed, maxLook+1)
		want(false, "acme", stage{runs.StatusCompleted, runs.OutcomeBlocked}, maxLook)
		want(false, "globex", failed, maxLook)
		time.Sleep(time.Nanosecond)
		want(false, "acme", failed, maxLook)

		f.note("acme", failed, maxLook, maxLook-1)                     // not full
		f.note("acme", failed, maxLook-1, maxLook)                     // counted in no time
		f.note("acme", stage{runs.StatusQueued, ""}, maxLook, maxLook) // they go on
		want(false, "acme", failed, 1)
		want(false, "acme", stage{runs.StatusQueued, ""}, 1)
	})
}
