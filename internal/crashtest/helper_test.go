//go:build unix

package crashtest_test

import (
	"context"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/crashtest"
	"github.com/tenantatlas/tenantatlas/internal/crashtest/model"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/pondruns"
)

const trouble runs.Type = "trouble.run"

type input struct {
	N int `json:"n"`
}

// A handler executes runs of the type trouble.
type handler func(ctx context.Context, x *runs.Exec, in input) error

// track runs a process that executes with handle until the test ends, or until
// stop is called. Change makes its short times others.
func track(t *testing.T, s model.Store, change func(cfg *runs.Config), handle handler) (tracker *runs.Tracker, stop func()) {
	t.Helper()
	cfg := crashtest.Tuned()
	cfg.Store, cfg.Items, cfg.Dispatcher = s, s, pondruns.New(pondruns.Config{Workers: 4})
	cfg.Operations = []runs.Operation{runs.Define(trouble, handle)}
	if change != nil {
		change(&cfg)
	}
	tracker, err := runs.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- tracker.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return tracker, stop
}

// begin starts a run.
func begin(t *testing.T, tracker *runs.Tracker, n int) runs.Ref {
	t.Helper()
	s, err := tracker.Start(t.Context(), runs.Request{Tenant: "acme", Type: trouble, Params: input{n}, Initiator: runs.User("dana", "")})
	if err != nil {
		t.Fatal(err)
	}
	return s.Run.Ref()
}

// ended waits for the end of a run.
func ended(t *testing.T, s runs.Store, ref runs.Ref) (r *runs.Run) {
	t.Helper()
	eventually(t, "end of "+ref.ID, func() bool {
		r = get(t, s, ref)
		return r.Ended()
	})
	return r
}

// longer is a lease that a machine with much to do can keep.
func longer(cfg *runs.Config) {
	cfg.Lease, cfg.Heartbeat, cfg.Margin = 3*time.Second, 300*time.Millisecond, time.Second
}
