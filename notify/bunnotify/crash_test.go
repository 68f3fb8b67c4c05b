//go:build unix

package bunnotify_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/notify/bunnotify"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
	"github.com/tenantatlas/tenantatlas/runs/pondruns"
)

// envDoomed is the environment variable that makes the test the process that
// dies.
const envDoomed = "BUNNOTIFY_TEST_DOOMED"

// A doom is where a process kills itself.
type doom struct {
	DSN   string
	Point string
}

// points are the steps between the end of a run and the record that everybody
// knows of it. What a killed process has sent at "sent" is sent again.
var points = map[string]int{"ended": 1, "put": 1, "enqueued": 1, "sending": 1, "sent": 2}

// deadly passes the points around what it stands for.
type deadly struct {
	*bunnotify.Store
	point string
	sent  func(m notify.Message)
}

func (d *deadly) pass(point string) {
	if d.point == point {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // it is on its way
	}
}

func (d *deadly) Put(ctx context.Context, n notify.Notification) error {
	if n.Stage == runs.StatusQueued {
		return d.Store.Put(ctx, n)
	}
	d.pass("ended")
	err := d.Store.Put(ctx, n)
	d.pass("put")
	return err
}

func (d *deadly) Add(ctx context.Context, all ...notify.Delivery) error {
	err := d.Store.Add(ctx, all...)
	d.pass("enqueued")
	return err
}

func (d *deadly) Notify(_ context.Context, m notify.Message) error {
	d.pass("sending")
	d.sent(m)
	d.pass("sent")
	return nil
}

// process makes a process that executes runs, notifies and delivers.
func process(t *testing.T, db sqltest.DB, d *deadly) (*runs.Tracker, *notify.Courier) {
	t.Helper()
	store, err := bunruns.New(db.DB)
	if err != nil {
		t.Fatal(err)
	}
	d.Store = open(t, db)
	courier, err := notify.NewCourier(notify.CourierConfig{
		Outbox:   d,
		Channels: []notify.Channel{{Name: "hook", Notifier: d, Wants: func(n notify.Notification) bool { return n.Outcome != "" }}},
		Timeout:  time.Second, Look: 50 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	observer, err := notify.NewObserver(notify.Config{Inbox: d, Courier: courier})
	if err != nil {
		t.Fatal(err)
	}
	tracker, err := runs.New(runs.Config{
		Store: store, Items: store, Observers: []runs.Observer{observer}, Sweep: 50 * time.Millisecond,
		Dispatcher: pondruns.New(pondruns.Config{Workers: 2}),
		Operations: []runs.Operation{runs.Define("crash.work", func(context.Context, *runs.Exec, struct{}) error { return nil })},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return tracker, courier
}

// A process that is killed between the end of a run and its announcement leaves
// it to the next one: the initiator has exactly one notification of the end, and
// the channel gets it.
func TestCrash(t *testing.T) {
	if text := os.Getenv(envDoomed); text != "" {
		die(t, text)
	}
	for point, want := range points {
		t.Run(point, func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db sqltest.DB) { crash(t, db, point, want) })
		})
	}
}

// die starts a run, and does not live to see that it is announced.
func die(t *testing.T, text string) {
	t.Helper()
	var as doom
	if err := json.Unmarshal([]byte(text), &as); err != nil {
		t.Fatal(err)
	}
	tracker, courier := process(t, sqltest.Open(t, as.DSN), &deadly{point: as.Point, sent: func(notify.Message) {}})
	go func() { _ = courier.Run(t.Context()) }()
	go func() { _ = tracker.Run(t.Context()) }()
	if _, err := tracker.Start(t.Context(), runs.Request{Tenant: "acme", Type: "crash.work", Initiator: dana}); err != nil {
		t.Fatal(err)
	}
	<-t.Context().Done() // the parent stops waiting before
}

func crash(t *testing.T, db sqltest.DB, point string, want int) {
	t.Helper()
	t.Parallel()
	open(t, db)
	text, err := json.Marshal(doom{db.DSN, point})
	if err != nil {
		t.Fatal(err)
	}
	patience, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(patience, os.Args[0], "-test.run=^TestCrash$")
	cmd.Env = append(os.Environ(), envDoomed+"="+string(text))
	said, err := cmd.CombinedOutput()
	status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if patience.Err() != nil || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the process did not kill itself: %v\n%s", err, said)
	}

	// That an observer may take half a minute is not waited for.
	if _, err := db.Write.DB.ExecContext(t.Context(), "UPDATE operation_runs SET next_ring = NULL WHERE status = 'completed'"); err != nil {
		t.Fatal(err)
	}

	var mu sync.Mutex
	var sent []string
	arrived := make(chan struct{}, 10)
	d := &deadly{sent: func(m notify.Message) {
		mu.Lock()
		defer mu.Unlock()
		sent = append(sent, m.Delivery)
		arrived <- struct{}{}
	}}
	tracker, courier := process(t, db, d)
	ctx, stop := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { _ = tracker.Run(ctx) })
	group.Go(func() { _ = courier.Run(ctx) })
	select {
	case <-arrived:
	case <-patience.Done():
		t.Error("nothing arrived within a minute")
	}
	stop()
	group.Wait()

	page, err := d.List(t.Context(), notify.Query{Recipient: dana})
	if err != nil {
		t.Fatal(err)
	}
	ends := 0
	for _, n := range page.Notifications {
		if n.Stage == runs.StatusCompleted {
			ends++
		}
	}
	log, err := d.Log(t.Context(), notify.LogQuery{})
	if err = errors.Join(err, patience.Err()); err != nil || ends != 1 || len(page.Notifications) > 2 || len(log.Deliveries) != 1 {
		t.Fatalf("%d notifications, %d of the end, %d deliveries, %v; want one of the end and one delivery", len(page.Notifications), ends, len(log.Deliveries), err)
	}
	one := log.Deliveries[0]
	if one.State != notify.DeliveryDelivered || strings.Join(sent, " ") != one.ID() || one.Attempt < want {
		t.Errorf("the delivery is %+v after %v, want it delivered, in attempt %d at least", one, sent, want)
	}
}
