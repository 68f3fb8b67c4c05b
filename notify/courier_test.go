package notify_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/notify/memnotify"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A receiver is a notifier that answers as told, and says when it was called.
type receiver struct {
	answer func(attempt int, m notify.Message) error

	mu    sync.Mutex
	got   []notify.Message
	times []time.Time
}

func (r *receiver) Notify(ctx context.Context, m notify.Message) error {
	r.mu.Lock()
	r.got, r.times = append(r.got, m), append(r.times, time.Now())
	n := len(r.got)
	r.mu.Unlock()
	if r.answer == nil {
		return nil
	}
	if err := r.answer(n, m); err != nil {
		return err
	}
	return ctx.Err()
}

func (r *receiver) messages() []notify.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// deliver lets a courier run in a bubble until nothing happens for so long.
func deliver(t *testing.T, cfg notify.CourierConfig, long time.Duration, before func(c *notify.Courier)) {
	t.Helper()
	c, err := notify.NewCourier(cfg)
	if err != nil {
		t.Fatal(err)
	}
	before(c)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- c.Run(ctx) }()
	time.Sleep(long)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func log(t *testing.T, s notify.Outbox) []notify.Delivery {
	t.Helper()
	page, err := s.Log(t.Context(), notify.LogQuery{})
	if err != nil {
		t.Fatal(err)
	}
	return page.Deliveries
}

// A notification goes once through every channel that wants it, however often
// the run is told of, and in words.
func TestDeliver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook, mail := new(receiver), new(receiver)
		store := memnotify.New()
		cfg := notify.CourierConfig{
			Outbox: store,
			Channels: []notify.Channel{
				{Name: "hook", Notifier: hook},
				{Name: "mail", Notifier: mail, Wants: func(n notify.Notification) bool { return n.Outcome == runs.OutcomeFailed }},
			},
			Presenter: notify.Presenter{Language: notify.German},
			RunURL:    func(ref runs.Ref) string { return "https://ops.example/" + ref.Tenant + "/" + ref.ID },
		}
		deliver(t, cfg, time.Minute, func(c *notify.Courier) {
			o := observer(t, notify.Config{Inbox: store, Courier: c})
			for range 3 {
				if err := o.Observe(t.Context(), ended("r1")); err != nil {
					t.Fatal(err)
				}
			}
		})
		n := notify.Of(ended("r1"))
		want := []notify.Message{{
			Delivery: "hook/" + n.ID, Notification: n,
			Text:     notify.Presenter{Language: notify.German}.Present(n),
			Language: notify.German,
			URL:      "https://ops.example/acme/r1",
		}}
		if diff := cmp.Diff(want, hook.messages()); diff != "" {
			t.Error(diff)
		}
		if got := mail.messages(); len(got) > 0 {
			t.Errorf("mail got %v, which it does not want", got)
		}
		if got := log(t, store); len(got) != 1 || got[0].State != notify.DeliveryDelivered || got[0].Attempt != 1 || got[0].SettledAt.IsZero() {
			t.Errorf("the log has %+v", got)
		}
	})
}

// What fails is tried again at growing distances and then given up, with a
// reason and nobody's text.
func TestGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := &receiver{answer: func(int, notify.Message) error { return errors.New("password is hunter2") }}
		fine := new(receiver)
		store := memnotify.New()
		cfg := notify.CourierConfig{
			Outbox: store, Attempts: 9, Pause: time.Minute, Look: time.Second,
			Channels: []notify.Channel{{Name: "down", Notifier: down}, {Name: "fine", Notifier: fine}},
		}
		deliver(t, cfg, 24*time.Hour, func(c *notify.Courier) {
			if err := c.Enqueue(t.Context(), notify.Of(ended("r1"))); err != nil {
				t.Fatal(err)
			}
		})
		if n := len(fine.messages()); n != 1 {
			t.Errorf("the other channel got %d messages, want 1", n)
		}
		if len(down.times) != 9 {
			t.Fatalf("there were %d attempts, want 9", len(down.times))
		}
		pause := time.Minute
		for i := range down.times[1:] {
			got := down.times[i+1].Sub(down.times[i])
			if got < pause*3/4 || got > pause*5/4+3*time.Second {
				t.Errorf("pause %d was %v, want about %v", i, got, pause)
			}
			pause = min(2*pause, time.Hour)
		}
		for _, d := range log(t, store) {
			if d.Channel == "down" && (d.State != notify.DeliveryGivenUp || d.Reason != runs.ReasonInternal || d.Attempt != 9) {
				t.Errorf("the log has %+v", d)
			}
		}
	})
}

// The answers of a receiver, and what becomes of the delivery.
func TestAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		answer func(attempt int, m notify.Message) error
		want   notify.Delivery
	}{
		"rejected": {
			func(int, notify.Message) error {
				return runs.Public(fmt.Errorf("no: %w", notify.ErrRejected), runs.ReasonInvalidInput, "")
			},
			notify.Delivery{State: notify.DeliveryGivenUp, Attempt: 1, Reason: runs.ReasonInvalidInput},
		},
		"panic": {
			func(attempt int, _ notify.Message) error {
				if attempt == 1 {
					panic("oh")
				}
				return nil
			},
			notify.Delivery{State: notify.DeliveryDelivered, Attempt: 2, Reason: runs.ReasonPanic},
		},
		"slow": {
			func(attempt int, _ notify.Message) error {
				if attempt == 1 {
					time.Sleep(time.Minute)
				}
				return nil
			},
			notify.Delivery{State: notify.DeliveryDelivered, Attempt: 2, Reason: runs.ReasonTimeout},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := memnotify.New()
				cfg := notify.CourierConfig{
					Outbox: store, Timeout: 40 * time.Second,
					Channels: []notify.Channel{{Name: "hook", Notifier: &receiver{answer: test.answer}}},
				}
				deliver(t, cfg, time.Hour, func(c *notify.Courier) {
					if err := c.Enqueue(t.Context(), notify.Of(ended("r1"))); err != nil {
						t.Fatal(err)
					}
				})
				got := log(t, store)[0]
				if diff := cmp.Diff(test.want, notify.Delivery{State: got.State, Attempt: got.Attempt, Reason: got.Reason}); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// An attempt that ends with its process is made again by the next one, and what
// ends every process is given up.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memnotify.New()
		hangs := &receiver{answer: func(int, notify.Message) error {
			time.Sleep(10 * time.Second)
			return nil
		}}
		cfg := notify.CourierConfig{Outbox: store, Attempts: 2, Channels: []notify.Channel{{Name: "hook", Notifier: hangs}}}
		for process := range 3 {
			deliver(t, cfg, 5*time.Second, func(c *notify.Courier) {
				if err := c.Enqueue(t.Context(), notify.Of(ended("r1"))); err != nil {
					t.Fatal(err)
				}
			})
			if process < 2 {
				if d := log(t, store)[0]; d.State != notify.DeliveryPending || d.Attempt != process+1 || d.Reason != "" {
					t.Errorf("after process %d the log has %+v", process, d)
				}
			}
			time.Sleep(time.Minute) // the attempt is over
		}
		if d := log(t, store)[0]; d.State != notify.DeliveryGivenUp || d.Reason != runs.ReasonWorkerLost || len(hangs.got) != 2 {
			t.Errorf("in the end the log has %+v after %d attempts", d, len(hangs.got))
		}
	})
}

// Many are delivered, several at once.
func TestDeliverMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memnotify.New()
		slow := &receiver{answer: func(int, notify.Message) error {
			time.Sleep(time.Second)
			return nil
		}}
		cfg := notify.CourierConfig{Outbox: store, Channels: []notify.Channel{{Name: "hook", Notifier: slow}}}
		deliver(t, cfg, 8*time.Second, func(c *notify.Courier) {
			for i := range 100 {
				if err := c.Enqueue(t.Context(), notify.Of(ended(fmt.Sprint("r", i)))); err != nil {
					t.Fatal(err)
				}
			}
		})
		if n := len(slow.messages()); n != 100 {
			t.Errorf("%d were delivered, want 100", n)
		}
	})
}

func TestNewCourier(t *testing.T) {
	store, hook := memnotify.New(), new(receiver)
	for name, cfg := range map[string]notify.CourierConfig{
		"no outbox":   {Channels: []notify.Channel{{Name: "hook", Notifier: hook}}},
		"no channel":  {Outbox: store},
		"no notifier": {Outbox: store, Channels: []notify.Channel{{Name: "hook"}}},
		"a name":      {Outbox: store, Channels: []notify.Channel{{Name: "Hook 1", Notifier: hook}}},
		"twice":       {Outbox: store, Channels: []notify.Channel{{Name: "hook", Notifier: hook}, {Name: "hook", Notifier: hook}}},
		"negative":    {Outbox: store, Channels: []notify.Channel{{Name: "hook", Notifier: hook}}, Pause: -1},
	} {
		if _, err := notify.NewCourier(cfg); err == nil {
			t.Errorf("%s: NewCourier accepts it", name)
		}
	}
}
