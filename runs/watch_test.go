package runs_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

// told keeps what a watcher was told of, by revision.
type told struct {
	mu   sync.Mutex
	seen map[int64]string
}

func (w *told) changed(r *runs.Run) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen == nil {
		w.seen = make(map[int64]string)
	}
	w.seen[r.Revision] = r.ID + " " + string(r.Status) + string(r.Outcome)
}

func (w *told) inOrder() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	revisions := make([]int64, 0, len(w.seen))
	for revision := range w.seen {
		revisions = append(revisions, revision)
	}
	slices.Sort(revisions)
	var all []string
	for _, revision := range revisions {
		all = append(all, w.seen[revision])
	}
	return slices.Compact(all) // how often progress is stored is not ours to say
}

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reported := make(chan struct{})
		tracker := newTracker(t, runs.Config{Operations: []runs.Operation{op(func(_ context.Context, x *runs.Exec, _ selection) error {
			x.Total(2)
			<-reported
			x.Succeed("a")
			return nil
		})}})
		var first, second told
		stopFirst := tracker.Watch(first.changed)
		stopSecond := tracker.Watch(second.changed)
		stop := begin(t, tracker)
		s := start(t, tracker, request(nil))
		time.Sleep(2 * time.Second) // longer than progress is held back
		if again := start(t, tracker, request(nil)); again.Created {
			t.Fatal("a second start did not join the first")
		}
		stopSecond()
		close(reported)
		wait(t, tracker, s.Run)
		stop()
		id := s.Run.ID
		want := []string{id + " queued", id + " running", id + " completedsucceeded"}
		if diff := cmp.Diff(want, first.inOrder()); diff != "" {
			t.Errorf("told of (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want[:2], second.inOrder()); diff != "" {
			t.Errorf("told until stop of (-want +got):\n%s", diff)
		}
		stopFirst()
	})
}

// What was not stored is not told of.
func TestWatchTellsOfWhatIsStoredOnly(t *testing.T) {
	store := &counting{Store: memruns.New()}
	tracker := newTracker(t, runs.Config{Store: store, Dispatcher: dispatchFunc(accept)})
	s := start(t, tracker, request(nil))
	var w told
	defer tracker.Watch(w.changed)()
	store.fail = func(call string, _ *runs.Run) (before, after error) {
		if call == "update" {
			return errors.New("disk is full"), nil
		}
		return nil, nil
	}
	if _, err := tracker.RequestCancel(t.Context(), s.Run.Ref(), dana, ""); err == nil {
		t.Fatal("RequestCancel: no error from a broken store")
	}
	if got := w.inOrder(); got != nil {
		t.Errorf("told of %v, want nothing", got)
	}
}

// A run that is started in a transaction is told of once it is rung for, which
// is after the commit.
func TestWatchWaitsForTheCommit(t *testing.T) {
	store := memruns.New()
	tracker := newTracker(t, runs.Config{Store: store, Dispatcher: dispatchFunc(accept)})
	var w told
	defer tracker.Watch(w.changed)()
	s, err := tracker.In(store).Start(t.Context(), request(nil))
	if err != nil {
		t.Fatal(err)
	}
	if got := w.inOrder(); got != nil {
		t.Errorf("told of %v before the commit, want nothing", got)
	}
	if err := tracker.Ring(t.Context(), s.Run.Ref()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{s.Run.ID + " queued"}, w.inOrder()); diff != "" {
		t.Errorf("told of after the commit (-want +got):\n%s", diff)
	}
}
