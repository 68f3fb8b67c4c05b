package runs_test

import (
	"testing"

	"github.com/tenantatlas/tenantatlas/runs"
)

// What was left out is said in words, and does not cost the process.
func TestNil(t *testing.T) {
	tracker := newTracker(t, runs.Config{Operations: []runs.Operation{op(nothing)}})
	_, err := tracker.Import(t.Context(), nil)
	wantErr(t, "import of no run", err, runs.ErrInvalid)
	_, err = tracker.Do(t.Context(), request(nil), nil)
	wantErr(t, "no work", err, runs.ErrInvalid)
	_, err = tracker.In(nil).Start(t.Context(), request(nil))
	wantErr(t, "start into nothing", err, runs.ErrInvalid)
	_, err = runs.Starter{}.Start(t.Context(), request(nil))
	wantErr(t, "start of nobody", err, runs.ErrInvalid)
	if err := runs.Roles(nil).Authorize(t.Context(), dana, tenant, runs.ActionView); err == nil {
		t.Error("nil Roles let somebody in")
	}
	stop := tracker.Watch(nil)
	start(t, tracker, request(nil))
	stop()
}
