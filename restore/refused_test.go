package restore_test

import (
	"context"
	"path"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A service that carries out what it throttles makes nothing twice.
func TestThrottledAndApplied(t *testing.T) {
	for nth := range 9 { // the small tenant takes 9 writes
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, small())
			set := w.backup("assignmentFilter", "configurationPolicy", "notificationMessageTemplate", "termsAndConditions")
			w.wipe()
			r := w.plan(contoso, set.ID)
			w.preview(contoso, r.ID)
			w.server.SetFaults(write(graphtest.Fault{
				Kind: graphtest.FaultThrottle, Applied: true, RetryAfter: "1", Skip: nth, Times: 1,
			})...)
			w.execute(contoso, r.ID)
			for _, what := range w.amiss(r.ID, wiped()) {
				t.Errorf("write %d throttled: %s", nth, what)
			}
		})
	}
}

// A newborn is a target that knows a new object at once where objects are read,
// and a request later where they are written.
type newborn struct {
	restore.Target
	mu   *sync.Mutex
	seen map[string]bool
}

func (n newborn) Send(ctx context.Context, c restore.Call) (restore.Reply, error) {
	n.mu.Lock()
	known := n.seen[c.Path]
	n.seen[c.Path] = true
	n.mu.Unlock()
	if object := path.Dir(c.Path) != "/deviceManagement"; object && !known {
		return restore.Reply{}, &restore.CallError{Reason: runs.ReasonNotFound}
	}
	return n.Target.Send(ctx, c)
}

// What belongs to an object that was just created is written, too, when the
// service does not find the object at first.
func TestPartsOfWhatIsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, small())
		set := w.backup("assignmentFilter", "configurationPolicy", "notificationMessageTemplate", "termsAndConditions")
		w.wipe()
		r := w.plan(contoso, set.ID)
		w.preview(contoso, r.ID)
		cfg := w.cfg
		target := cfg.Target
		seen := make(map[string]bool)
		var mu sync.Mutex
		cfg.Target = func(ctx context.Context, tenant string) (restore.Target, error) {
			is, err := target(ctx, tenant)
			return newborn{is, &mu, seen}, err
		}
		w.tracker = w.newTracker(cfg)
		w.execute(contoso, r.ID)
		for _, what := range w.amiss(r.ID, wiped()) {
			t.Error(what)
		}
	})
}
