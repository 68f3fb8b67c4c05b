package notify_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/notify/memnotify"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

var (
	dana    = runs.User("dana", "Dana")
	morning = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

const syncType runs.Type = "inventory.sync"

// ended returns a run of dana's that has ended.
func ended(id string) *runs.Run {
	return &runs.Run{
		Tenant: "acme", ID: id, Type: syncType, Status: runs.StatusCompleted, Outcome: runs.OutcomePartiallySucceeded,
		Initiator: dana, Target: runs.Target{Kind: "tenant", ID: "t1", Name: "Acme"},
		Counts:    runs.Counts{Total: 66, Succeeded: 63, Failed: 1, Skipped: 2, Extra: map[string]int64{"pages": 7}},
		CreatedAt: morning, StartedAt: morning.Add(time.Second), CompletedAt: morning.Add(time.Minute),
	}
}

func inbox(t *testing.T, s notify.Inbox, who runs.Actor) []notify.Notification {
	t.Helper()
	page, err := s.List(t.Context(), notify.Query{Recipient: who})
	if err != nil {
		t.Fatal(err)
	}
	return page.Notifications
}

func observer(t *testing.T, cfg notify.Config) *notify.Observer {
	t.Helper()
	o, err := notify.NewObserver(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// The initiator of a run hears of it twice, however often it is told; nobody
// hears of what a system or a schedule starts.
func TestTracker(t *testing.T) {
	store := memnotify.New()
	o := observer(t, notify.Config{Inbox: store})
	tracker := runstest.New(t, runs.Config{
		Store:     memruns.New(),
		Observers: []runs.Observer{o, o},
		Operations: []runs.Operation{runs.Define(syncType, func(_ context.Context, x *runs.Exec, _ struct{}) error {
			x.Total(2)
			x.Succeed("a")
			x.Skip("b", runs.ReasonUnsupported)
			return nil
		})},
	})
	r := tracker.Execute(runs.Request{Tenant: "acme", Type: syncType, Initiator: dana})
	got := inbox(t, store, dana)
	want := []notify.Notification{
		{Recipient: dana, Run: r.Ref(), Stage: runs.StatusCompleted, Outcome: runs.OutcomeSucceeded, At: r.CompletedAt, Counts: runs.Counts{Total: 2, Succeeded: 1, Skipped: 1}},
		{Recipient: dana, Run: r.Ref(), Stage: runs.StatusQueued, At: r.CreatedAt},
	}
	for i := range want {
		want[i].ID = want[i].Identify()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, who := range []runs.Actor{runs.System("retention"), runs.Schedule("nightly", "")} {
		tracker.Execute(runs.Request{Tenant: "acme", Type: syncType, Initiator: who})
		if got := inbox(t, store, who); len(got) > 0 {
			t.Errorf("%v has %v", who, got)
		}
	}
}

// A store that is down makes no run fail; the end is told when it is up.
func TestInboxDown(t *testing.T) {
	down := &downInbox{Store: memnotify.New(), fails: 3}
	o := observer(t, notify.Config{Inbox: down})
	for i := range 3 {
		if err := o.Observe(t.Context(), ended("r1")); !errors.Is(err, notify.ErrStoreUnavailable) {
			t.Errorf("call %d: %v, want ErrStoreUnavailable, so that the tracker repeats it", i, err)
		}
	}
	for range 2 {
		if err := o.Observe(t.Context(), ended("r1")); err != nil {
			t.Error(err)
		}
	}
	if got := inbox(t, down, dana); len(got) != 1 {
		t.Errorf("there are %d notifications, want 1", len(got))
	}
}

type downInbox struct {
	*memnotify.Store
	fails int
}

func (d *downInbox) Put(ctx context.Context, n notify.Notification) error {
	if d.fails--; d.fails >= 0 {
		return notify.ErrStoreUnavailable
	}
	return d.Store.Put(ctx, n)
}

func TestStages(t *testing.T) {
	stages := []runs.Status{runs.StatusQueued, runs.StatusRunning, runs.StatusCompleted}
	for name, test := range map[string]struct {
		stages []runs.Status
		want   []runs.Status // newest first
	}{
		"default": {nil, []runs.Status{runs.StatusCompleted, runs.StatusQueued}},
		"all":     {stages, []runs.Status{runs.StatusCompleted, runs.StatusRunning, runs.StatusQueued}},
		"none":    {stages[:0], nil},
		"the end": {stages[2:], stages[2:]},
	} {
		t.Run(name, func(t *testing.T) {
			store := memnotify.New()
			o := observer(t, notify.Config{Inbox: store, Stages: test.stages})
			for _, s := range stages {
				r := ended("r1")
				if r.Status = s; s != runs.StatusCompleted {
					r.Outcome = ""
				}
				if err := o.Observe(t.Context(), r); err != nil {
					t.Fatal(err)
				}
			}
			var got []runs.Status
			for _, n := range inbox(t, store, dana) {
				got = append(got, n.Stage)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, err := notify.NewObserver(notify.Config{Inbox: memnotify.New(), Stages: []runs.Status{"done"}}); err == nil {
		t.Error("NewObserver accepts a stage that there is not")
	}
	if _, err := notify.NewObserver(notify.Config{}); err == nil {
		t.Error("NewObserver accepts no inbox")
	}
}

// The ID tells apart what is different, and nothing else.
func TestIdentify(t *testing.T) {
	base := notify.Of(ended("r1"))
	for name, change := range map[string]func(n *notify.Notification){
		"tenant":    func(n *notify.Notification) { n.Run.Tenant = "globex" },
		"run":       func(n *notify.Notification) { n.Run.ID = "r2" },
		"stage":     func(n *notify.Notification) { n.Stage = runs.StatusQueued },
		"kind":      func(n *notify.Notification) { n.Recipient.Kind = runs.ActorSystem },
		"recipient": func(n *notify.Notification) { n.Recipient.ID = "erin" },
		"quotes":    func(n *notify.Notification) { n.Run.Tenant, n.Run.ID = `acme" "r1`, "" },
	} {
		n := base
		if change(&n); n.Identify() == base.ID {
			t.Errorf("%s makes no difference", name)
		}
	}
	same := base
	same.Recipient.Name, same.Outcome, same.At = "Dana Barrett", runs.OutcomeFailed, time.Time{}
	if same.Identify() != base.ID {
		t.Error("what is no part of the identity makes a difference")
	}
}
