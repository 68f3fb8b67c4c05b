package notifytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/runs"
)

// pending returns a delivery that is due when it is made.
func pending(channel, run string, minutes int) notify.Delivery {
	return notify.Delivery{
		Channel: channel, Notification: ended(dana, run, 0), State: notify.DeliveryPending,
		NextAt: at(minutes), CreatedAt: at(minutes),
	}
}

// deliveries returns what q finds, over all pages.
func deliveries(ctx context.Context, s notify.Outbox, q notify.LogQuery) (all []notify.Delivery, err error) {
	for range 100 {
		page, err := s.Log(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("log: %w", err)
		}
		if len(page.Deliveries) > q.PageSize() {
			return nil, fmt.Errorf("a page has %d deliveries, want at most %d", len(page.Deliveries), q.PageSize())
		}
		all = append(all, page.Deliveries...)
		if q.After = page.Next; q.After == "" {
			return all, nil
		}
	}
	return nil, errors.New("there are more than 100 pages")
}

// logs checks which channels and runs the deliveries that q finds are of.
func logs(ctx context.Context, s notify.Outbox, q notify.LogQuery, deliveryNames ...string) error {
	all, err := deliveries(ctx, s, q)
	if err != nil {
		return err
	}
	return want(fmt.Sprintf("%+v", q), deliveryNames, names(all))
}

func names(all []notify.Delivery) (names []string) {
	for _, d := range all {
		names = append(names, d.Channel+" "+d.Notification.Run.ID)
	}
	return names
}

// take takes what is due then, for ten minutes, and returns it by name.
func take(ctx context.Context, s notify.Outbox, channel string, minutes, limit int) ([]notify.Delivery, error) {
	taken, err := s.Take(ctx, notify.Taking{Channel: channel, Now: at(minutes), Until: at(minutes + 10), Limit: limit})
	if err != nil {
		return nil, fmt.Errorf("take: %w", err)
	}
	slices.SortFunc(taken, func(a, b notify.Delivery) int { return strings.Compare(a.Notification.Run.ID, b.Notification.Run.ID) })
	return taken, nil
}

// takes checks what is taken then.
func takes(ctx context.Context, s notify.Outbox, channel string, minutes, limit int, deliveryNames ...string) func() error {
	return func() error {
		taken, err := take(ctx, s, channel, minutes, limit)
		if err != nil {
			return err
		}
		return want(fmt.Sprintf("taken of %s at %d", channel, minutes), deliveryNames, names(taken))
	}
}

var outboxPromises = []promise[notify.Outbox]{
	{
		name: "add-then-log",
		text: "Add keeps the deliveries, which Log returns as they were added",
		check: func(ctx context.Context, s notify.Outbox) error {
			d := pending("hook", "r1", 1)
			d.Notification = full()
			settled := pending("mail", "r1", 2)
			settled.State, settled.Attempt, settled.Reason, settled.SettledAt = notify.DeliveryGivenUp, 3, runs.ReasonTimeout, at(7)
			if err := s.Add(ctx, d, settled); err != nil {
				return err
			}
			all, err := deliveries(ctx, s, notify.LogQuery{})
			return errors.Join(err, want("log", []notify.Delivery{settled, d}, all))
		},
	},
	{
		name: "add-again",
		text: "Add leaves the deliveries whose ID is there already as they are",
		check: func(ctx context.Context, s notify.Outbox) error {
			d := pending("hook", "r1", 1)
			again := pending("hook", "r1", 5)
			if err := errors.Join(s.Add(ctx, d), s.Add(ctx, again, pending("hook", "r2", 0))); err != nil {
				return err
			}
			all, err := deliveries(ctx, s, notify.LogQuery{})
			return errors.Join(err, want("log", []notify.Delivery{d, pending("hook", "r2", 0)}, all))
		},
	},
	{
		name: "add-invalid",
		text: "Add reports ErrInvalid, and keeps none of the deliveries, if one is not valid",
		check: func(ctx context.Context, s notify.Outbox) error {
			for what, change := range map[string]func(d *notify.Delivery){
				"a channel":      func(d *notify.Delivery) { d.Channel = "Hook/1" },
				"no channel":     func(d *notify.Delivery) { d.Channel = "" },
				"a state":        func(d *notify.Delivery) { d.State = "lost" },
				"a reason":       func(d *notify.Delivery) { d.Reason = "dial tcp: secret" },
				"no time":        func(d *notify.Delivery) { d.CreatedAt = time.Time{} },
				"no time to try": func(d *notify.Delivery) { d.NextAt = time.Time{} },
				"read":           func(d *notify.Delivery) { d.Notification.ReadAt = at(1) },
				"a notification": func(d *notify.Delivery) { d.Notification.ID = "x" },
			} {
				d := pending("hook", "r1", 1)
				change(&d)
				if err := wantErr(what, notify.ErrInvalid, s.Add(ctx, pending("hook", "r0", 1), d)); err != nil {
					return err
				}
			}
			return logs(ctx, s, notify.LogQuery{})
		},
	},
	{
		name: "take-due",
		text: "Take returns pending deliveries of the channel whose NextAt has come, with one attempt more",
		check: func(ctx context.Context, s notify.Outbox) error {
			done := pending("hook", "r4", 1)
			done.State, done.SettledAt = notify.DeliveryDelivered, at(1)
			d := pending("hook", "r1", 1)
			if err := s.Add(ctx, d, pending("hook", "r2", 3), pending("mail", "r3", 1), done); err != nil {
				return err
			}
			taken, err := take(ctx, s, "hook", 1, 0)
			d.Attempt, d.NextAt = 1, at(11)
			return errors.Join(err, want("taken", []notify.Delivery{d}, taken), takes(ctx, s, "mail", 1, 0, "mail r3")(),
				takes(ctx, s, "hook", 0, 0)(), takes(ctx, s, "none", 99, 0)())
		},
	},
	{
		name: "take-again",
		text: "a delivery is not taken again before Until, and then it is, unless it was settled",
		check: func(ctx context.Context, s notify.Outbox) error {
			return first(
				func() error { return s.Add(ctx, pending("hook", "r1", 1)) },
				takes(ctx, s, "hook", 2, 0, "hook r1"), takes(ctx, s, "hook", 11, 0), takes(ctx, s, "hook", 12, 0, "hook r1"),
				func() error {
					taken, err := take(ctx, s, "hook", 30, 0)
					if err != nil || len(taken) != 1 || taken[0].Attempt != 3 {
						return fmt.Errorf("taken %s, %w; want attempt 3", text(taken), err)
					}
					taken[0].State, taken[0].SettledAt = notify.DeliveryDelivered, at(31)
					return s.Settle(ctx, taken[0])
				},
				takes(ctx, s, "hook", 99, 0),
			)
		},
	},
	{
		name: "take-oldest",
		text: "Take returns at most Limit deliveries: those that have waited longest",
		check: func(ctx context.Context, s notify.Outbox) error {
			for i, run := range []string{"r1", "r2", "r3", "r4"} {
				if err := s.Add(ctx, pending("hook", run, -i)); err != nil {
					return err
				}
			}
			return first(takes(ctx, s, "hook", 5, 2, "hook r3", "hook r4"), takes(ctx, s, "hook", 5, 2, "hook r1", "hook r2"))
		},
	},
	{
		name: "take-once",
		text: "of any number of concurrent calls one gets a delivery",
		check: func(ctx context.Context, s notify.Outbox) error {
			var whole []string
			for i := range 12 {
				d := pending("hook", fmt.Sprintf("r%02d", i), 0)
				whole = append(whole, names([]notify.Delivery{d})...)
				if err := s.Add(ctx, d); err != nil {
					return err
				}
			}
			var mu sync.Mutex
			var got []string
			var errs []error
			var group sync.WaitGroup
			for range 6 {
				group.Go(func() {
					for range 6 {
						taken, err := take(ctx, s, "hook", 1, 2)
						mu.Lock()
						got, errs = append(got, names(taken)...), append(errs, err)
						mu.Unlock()
					}
				})
			}
			group.Wait()
			slices.Sort(got)
			return errors.Join(errors.Join(errs...), want("taken", whole, got))
		},
	},
	{
		name: "settle",
		text: "Settle records State, Reason, NextAt and SettledAt of the attempt, and nothing else",
		check: func(ctx context.Context, s notify.Outbox) error {
			return first(
				func() error { return s.Add(ctx, pending("hook", "r1", 1)) },
				func() error {
					taken, err := take(ctx, s, "hook", 2, 0)
					if err != nil || len(taken) != 1 {
						return fmt.Errorf("taken %s: %w", text(taken), err)
					}
					d := taken[0]
					d.Reason, d.NextAt = runs.ReasonThrottled, at(5)
					sent := d
					sent.CreatedAt, sent.Notification.Counts.Total = at(77), 7
					all, err := func() ([]notify.Delivery, error) {
						if err := s.Settle(ctx, sent); err != nil {
							return nil, err
						}
						return deliveries(ctx, s, notify.LogQuery{})
					}()
					return errors.Join(err, want("log", []notify.Delivery{d}, all))
				},
				takes(ctx, s, "hook", 4, 0), takes(ctx, s, "hook", 5, 0, "hook r1"),
			)
		},
	},
	{
		name: "settle-conflict",
		text: "Settle reports ErrConflict, and changes nothing, unless the delivery is pending and in that attempt",
		check: func(ctx context.Context, s notify.Outbox) error {
			d := pending("hook", "r1", 1)
			if err := s.Add(ctx, d); err != nil {
				return err
			}
			late, err := take(ctx, s, "hook", 2, 0)
			if err != nil || len(late) != 1 {
				return fmt.Errorf("taken %s: %w", text(late), err)
			}
			now, err := take(ctx, s, "hook", 20, 0)
			if err != nil || len(now) != 1 {
				return fmt.Errorf("taken again %s: %w", text(now), err)
			}
			late[0].State, late[0].Reason, late[0].SettledAt = notify.DeliveryGivenUp, runs.ReasonTimeout, at(21)
			missing := late[0]
			missing.Notification = ended(dana, "r2", 1)
			now[0].State, now[0].SettledAt = notify.DeliveryDelivered, at(22)
			again := now[0]
			again.State = notify.DeliveryGivenUp
			return first(
				func() error { return wantErr("an earlier attempt", notify.ErrConflict, s.Settle(ctx, late[0])) },
				func() error { return wantErr("no delivery", notify.ErrConflict, s.Settle(ctx, missing)) },
				func() error { return s.Settle(ctx, now[0]) },
				func() error { return wantErr("a settled one", notify.ErrConflict, s.Settle(ctx, again)) },
				func() error {
					all, err := deliveries(ctx, s, notify.LogQuery{})
					return errors.Join(err, want("log", now, all))
				},
			)
		},
	},
	{
		name: "log-pages",
		text: "Log returns the deliveries newest first, each once over the pages",
		check: func(ctx context.Context, s notify.Outbox) error {
			if err := s.Add(ctx, pending("hook", "r1", 1), pending("mail", "r2", 4), pending("hook", "r3", 2), pending("hook", "r4", 3)); err != nil {
				return err
			}
			for limit := range 5 {
				if err := logs(ctx, s, notify.LogQuery{Limit: limit}, "mail r2", "hook r4", "hook r3", "hook r1"); err != nil {
					return err
				}
			}
			return nil
		},
	},
	{
		name: "log-state",
		text: "State restricts what is in the log",
		check: func(ctx context.Context, s notify.Outbox) error {
			lost := pending("hook", "r1", 1)
			lost.State, lost.SettledAt, lost.Reason = notify.DeliveryGivenUp, at(1), runs.ReasonTimeout
			return errors.Join(
				s.Add(ctx, lost, pending("hook", "r2", 2), pending("mail", "r1", 0)),
				logs(ctx, s, notify.LogQuery{State: notify.DeliveryPending, Limit: 1}, "hook r2", "mail r1"),
				logs(ctx, s, notify.LogQuery{State: notify.DeliveryGivenUp}, "hook r1"),
				logs(ctx, s, notify.LogQuery{State: "none\x00"}),
			)
		},
	},
	{
		name: "log-bad-cursor",
		text: "Log reports ErrBadCursor for a cursor that another query made, or nobody",
		check: func(ctx context.Context, s notify.Outbox) error {
			if err := s.Add(ctx, pending("hook", "r1", 1), pending("hook", "r2", 2)); err != nil {
				return err
			}
			page, err := s.Log(ctx, notify.LogQuery{Limit: 1})
			if err != nil {
				return err
			}
			_, err = s.Log(ctx, notify.LogQuery{After: "x"})
			_, err2 := s.Log(ctx, notify.LogQuery{State: notify.DeliveryPending, After: page.Next})
			return errors.Join(wantErr("nobody's", notify.ErrBadCursor, err), wantErr("another's", notify.ErrBadCursor, err2))
		},
	},
	{
		name: "forget",
		text: "Forget deletes the oldest settled deliveries that were created before an instant, at most so many",
		check: func(ctx context.Context, s notify.Outbox) error {
			var all []notify.Delivery
			for i := range 4 {
				d := pending("hook", fmt.Sprint("r", i), i)
				if i > 0 {
					d.State, d.SettledAt = notify.DeliveryDelivered, at(9)
				}
				all = append(all, d)
			}
			forget := func(minutes, limit, deleted int) func() error {
				return func() error {
					n, err := s.Forget(ctx, at(minutes), limit)
					return errors.Join(err, want("forgotten", deleted, n))
				}
			}
			return first(
				func() error { return s.Add(ctx, all...) },
				forget(9, 0, 0), forget(9, 1, 1),
				func() error { return logs(ctx, s, notify.LogQuery{}, "hook r3", "hook r2", "hook r0") },
				forget(3, 10, 1),
				func() error { return logs(ctx, s, notify.LogQuery{}, "hook r3", "hook r0") },
			)
		},
	},
	{
		name: "context",
		text: "a context that has ended makes a call return its error, and nothing is changed",
		check: func(ctx context.Context, s notify.Outbox) error {
			d := pending("hook", "r1", 1)
			if err := s.Add(ctx, d); err != nil {
				return err
			}
			over, cancel := context.WithCancel(ctx)
			cancel()
			for what, call := range map[string]func() error{
				"add":    func() error { return s.Add(over, pending("hook", "r2", 1)) },
				"take":   func() error { _, err := take(over, s, "hook", 9, 0); return err },
				"settle": func() error { return s.Settle(over, d) },
				"log":    func() error { _, err := s.Log(over, notify.LogQuery{}); return err },
				"forget": func() error { _, err := s.Forget(over, at(9), 9); return err },
			} {
				if err := wantErr(what, context.Canceled, call()); err != nil {
					return err
				}
			}
			all, err := deliveries(ctx, s, notify.LogQuery{})
			return errors.Join(err, want("log", []notify.Delivery{d}, all))
		},
	},
}
