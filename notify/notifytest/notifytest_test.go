package notifytest_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/notify/memnotify"
	"github.com/tenantatlas/tenantatlas/notify/notifytest"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A driver's own test is one call.
func ExampleTestInbox() {
	_ = func(t *testing.T) { // func TestInbox(t *testing.T)
		notifytest.TestInbox(t, func(testing.TB) notify.Inbox { return memnotify.New() })
	}
}

// A broken store does one thing otherwise than it should. The suite must
// notice.
type broken struct {
	*memnotify.Store

	put    func(ctx context.Context, s *memnotify.Store, n notify.Notification) error
	list   func(ctx context.Context, s *memnotify.Store, q notify.Query) (notify.Page, error)
	unread func(ctx context.Context, s *memnotify.Store, who runs.Actor, limit int) (int, error)
	mark   func(ctx context.Context, s *memnotify.Store, m notify.Mark) (int, error)
	prune  func(ctx context.Context, s *memnotify.Store, before time.Time, limit int) (int, error)

	add    func(ctx context.Context, s *memnotify.Store, all []notify.Delivery) error
	take   func(ctx context.Context, s *memnotify.Store, t notify.Taking) ([]notify.Delivery, error)
	settle func(ctx context.Context, s *memnotify.Store, d notify.Delivery) error
	log    func(ctx context.Context, s *memnotify.Store, q notify.LogQuery) (notify.LogPage, error)
	forget func(ctx context.Context, s *memnotify.Store, before time.Time, limit int) (int, error)
}

func (b *broken) Put(ctx context.Context, n notify.Notification) error {
	if b.put != nil {
		return b.put(ctx, b.Store, n)
	}
	return b.Store.Put(ctx, n)
}

func (b *broken) List(ctx context.Context, q notify.Query) (notify.Page, error) {
	if b.list != nil {
		return b.list(ctx, b.Store, q)
	}
	return b.Store.List(ctx, q)
}

func (b *broken) Unread(ctx context.Context, who runs.Actor, limit int) (int, error) {
	if b.unread != nil {
		return b.unread(ctx, b.Store, who, limit)
	}
	return b.Store.Unread(ctx, who, limit)
}

func (b *broken) Mark(ctx context.Context, m notify.Mark) (int, error) {
	if b.mark != nil {
		return b.mark(ctx, b.Store, m)
	}
	return b.Store.Mark(ctx, m)
}

func (b *broken) Prune(ctx context.Context, before time.Time, limit int) (int, error) {
	if b.prune != nil {
		return b.prune(ctx, b.Store, before, limit)
	}
	return b.Store.Prune(ctx, before, limit)
}

func (b *broken) Add(ctx context.Context, all ...notify.Delivery) error {
	if b.add != nil {
		return b.add(ctx, b.Store, all)
	}
	return b.Store.Add(ctx, all...)
}

func (b *broken) Take(ctx context.Context, t notify.Taking) ([]notify.Delivery, error) {
	if b.take != nil {
		return b.take(ctx, b.Store, t)
	}
	return b.Store.Take(ctx, t)
}

func (b *broken) Settle(ctx context.Context, d notify.Delivery) error {
	if b.settle != nil {
		return b.settle(ctx, b.Store, d)
	}
	return b.Store.Settle(ctx, d)
}

func (b *broken) Log(ctx context.Context, q notify.LogQuery) (notify.LogPage, error) {
	if b.log != nil {
		return b.log(ctx, b.Store, q)
	}
	return b.Store.Log(ctx, q)
}

func (b *broken) Forget(ctx context.Context, before time.Time, limit int) (int, error) {
	if b.forget != nil {
		return b.forget(ctx, b.Store, before, limit)
	}
	return b.Store.Forget(ctx, before, limit)
}

// eachPut changes notifications on their way in.
func eachPut(change func(n *notify.Notification)) *broken {
	return &broken{put: func(ctx context.Context, s *memnotify.Store, n notify.Notification) error {
		change(&n)
		return s.Put(ctx, n)
	}}
}

// eachQuery changes queries.
func eachQuery(change func(q *notify.Query)) *broken {
	return &broken{list: func(ctx context.Context, s *memnotify.Store, q notify.Query) (notify.Page, error) {
		change(&q)
		return s.List(ctx, q)
	}}
}

// eachPage changes pages.
func eachPage(change func(p *notify.Page)) *broken {
	return &broken{list: func(ctx context.Context, s *memnotify.Store, q notify.Query) (notify.Page, error) {
		p, err := s.List(ctx, q)
		change(&p)
		return p, err
	}}
}

// eachMark changes marks.
func eachMark(change func(m *notify.Mark)) *broken {
	return &broken{mark: func(ctx context.Context, s *memnotify.Store, m notify.Mark) (int, error) {
		change(&m)
		return s.Mark(ctx, m)
	}}
}

func inboxSaboteurs() map[string]*broken {
	return map[string]*broken{
		"put-then-list": eachPut(func(n *notify.Notification) { n.Counts.Skipped = 0 }),
		"put-again": {put: func(ctx context.Context, s *memnotify.Store, n notify.Notification) error {
			_, err := s.Mark(ctx, notify.Mark{Recipient: n.Recipient, IDs: []string{n.ID}, Unread: true})
			if err != nil {
				return err
			}
			return s.Put(ctx, n)
		}},
		"put-invalid": eachPut(func(n *notify.Notification) { n.ID = n.Identify() }),
		"instants":    eachMark(func(m *notify.Mark) { m.At = m.At.Add(time.Microsecond) }),
		"list-order":  eachPage(func(p *notify.Page) { slices.Reverse(p.Notifications) }),
		"list-pages": eachPage(func(p *notify.Page) {
			if p.Next != "" {
				p.Notifications = p.Notifications[1:]
			}
		}),
		"list-filters": eachQuery(func(q *notify.Query) { q.IDs = nil }),
		"list-bad-cursor": {list: func(ctx context.Context, s *memnotify.Store, q notify.Query) (notify.Page, error) {
			p, err := s.List(ctx, q)
			if err != nil {
				q.After = ""
				return s.List(ctx, q)
			}
			return p, nil
		}},
		"list-no-recipient": eachQuery(func(q *notify.Query) { q.Recipient.ID = "x" }),
		"recipients":        eachMark(func(m *notify.Mark) { m.Recipient = runs.User("dana", "") }),
		"unread": {unread: func(ctx context.Context, s *memnotify.Store, who runs.Actor, _ int) (int, error) {
			return s.Unread(ctx, who, 1000)
		}},
		"mark":       eachMark(func(m *notify.Mark) { m.All = m.All || len(m.IDs) == 0 }),
		"mark-keeps": {mark: remarking},
		"mark-all": eachMark(func(m *notify.Mark) {
			if m.Unread {
				m.All = false
			}
		}),
		"mark-invalid": {mark: func(context.Context, *memnotify.Store, notify.Mark) (int, error) { return 0, nil }},
		"prune": {prune: func(ctx context.Context, s *memnotify.Store, before time.Time, _ int) (int, error) {
			return s.Prune(ctx, before, 1000)
		}},
		"concurrent": {put: func(ctx context.Context, s *memnotify.Store, n notify.Notification) error {
			page, err := s.List(ctx, notify.Query{Recipient: n.Recipient, IDs: []string{n.ID}})
			if err == nil && len(page.Notifications) > 0 {
				return notify.ErrConflict
			}
			return s.Put(ctx, n)
		}},
		"context": {put: func(ctx context.Context, s *memnotify.Store, n notify.Notification) error {
			return s.Put(context.WithoutCancel(ctx), n)
		}},
	}
}

// remarking takes the last instant for when something was read.
func remarking(ctx context.Context, s *memnotify.Store, m notify.Mark) (int, error) {
	again := m
	again.Unread = true
	if _, err := s.Mark(ctx, again); err != nil {
		return 0, err
	}
	_, err := s.Mark(ctx, m)
	return 1, err
}

// eachAdd changes deliveries on their way in.
func eachAdd(change func(d *notify.Delivery)) *broken {
	return &broken{add: func(ctx context.Context, s *memnotify.Store, all []notify.Delivery) error {
		all = slices.Clone(all)
		for i := range all {
			change(&all[i])
		}
		return s.Add(ctx, all...)
	}}
}

// eachTake changes what is to be taken.
func eachTake(change func(t *notify.Taking)) *broken {
	return &broken{take: func(ctx context.Context, s *memnotify.Store, t notify.Taking) ([]notify.Delivery, error) {
		change(&t)
		return s.Take(ctx, t)
	}}
}

func outboxSaboteurs() map[string]*broken {
	return map[string]*broken{
		"add-then-log": eachAdd(func(d *notify.Delivery) { d.Reason = "" }),
		"add-again": eachAdd(func(d *notify.Delivery) {
			if d.NextAt.Minute() > 5 {
				d.Notification.Run.ID += "-again"
				d.Notification.ID = d.Notification.Identify()
			}
		}),
		"add-invalid": {add: func(ctx context.Context, s *memnotify.Store, all []notify.Delivery) error {
			for _, d := range all {
				if err := s.Add(ctx, d); err != nil {
					return err
				}
			}
			return nil
		}},
		"take-due":   eachTake(func(t *notify.Taking) { t.Now = t.Now.Add(time.Hour) }),
		"take-again": eachTake(func(t *notify.Taking) { t.Until = t.Now }),
		"take-oldest": eachTake(func(t *notify.Taking) {
			t.Limit = 0
		}),
		"take-once": {take: func(ctx context.Context, s *memnotify.Store, t notify.Taking) ([]notify.Delivery, error) {
			taken, err := s.Take(ctx, t)
			return append(taken, taken...), err
		}},
		"settle": {settle: func(ctx context.Context, s *memnotify.Store, d notify.Delivery) error {
			d.Reason = ""
			return s.Settle(ctx, d)
		}},
		"settle-conflict": {settle: func(ctx context.Context, s *memnotify.Store, d notify.Delivery) error {
			for range 3 { // whatever its attempt
				if s.Settle(ctx, d) == nil {
					return nil
				}
				d.Attempt++
			}
			return notify.ErrConflict
		}},
		"log-pages": {log: func(ctx context.Context, s *memnotify.Store, q notify.LogQuery) (notify.LogPage, error) {
			p, err := s.Log(ctx, q)
			if q.After != "" {
				slices.Reverse(p.Deliveries)
			}
			p.Deliveries = p.Deliveries[:max(0, len(p.Deliveries)-1)]
			return p, err
		}},
		"log-state": {log: func(ctx context.Context, s *memnotify.Store, q notify.LogQuery) (notify.LogPage, error) {
			return s.Log(ctx, notify.LogQuery{Limit: q.Limit})
		}},
		"log-bad-cursor": {log: func(ctx context.Context, s *memnotify.Store, q notify.LogQuery) (notify.LogPage, error) {
			p, err := s.Log(ctx, q)
			if errors.Is(err, notify.ErrBadCursor) {
				err = nil
			}
			return p, err
		}},
		"forget": {forget: func(ctx context.Context, s *memnotify.Store, _ time.Time, limit int) (int, error) {
			return s.Forget(ctx, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), limit)
		}},
		"context": {take: func(ctx context.Context, s *memnotify.Store, t notify.Taking) ([]notify.Delivery, error) {
			taken, err := s.Take(context.WithoutCancel(ctx), t)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return taken, err
		}},
	}
}

// TestSuitesNotice breaks every promise once.
func TestSuitesNotice(t *testing.T) {
	store := func(b *broken) *broken {
		b.Store = memnotify.New()
		return b
	}
	t.Run("inbox", func(t *testing.T) {
		notice(t, notifytest.InboxPromises(), inboxSaboteurs(), func(b *broken) notify.Inbox { return store(b) })
	})
	t.Run("outbox", func(t *testing.T) {
		notice(t, notifytest.OutboxPromises(), outboxSaboteurs(), func(b *broken) notify.Outbox { return store(b) })
	})
	t.Run("notifier", func(t *testing.T) {
		notice(t, notifytest.NotifierPromises(), notifierSaboteurs(), func(w wire) notifytest.Receiver { return &hall{wire: w} })
	})
}

func notice[S, B any](t *testing.T, promises []notifytest.Promise[S], saboteurs map[string]B, as func(B) S) {
	t.Helper()
	for _, p := range promises {
		t.Run(p.Name, func(t *testing.T) {
			b, ok := saboteurs[p.Name]
			if !ok {
				t.Fatal("there is no saboteur")
			}
			if err := p.Check(t.Context(), as(b)); err == nil {
				t.Errorf("one that breaks it passes: %s", p.Text)
			} else {
				t.Log(err)
			}
		})
		delete(saboteurs, p.Name)
	}
	for name := range saboteurs {
		t.Errorf("saboteur %q has no promise", name)
	}
}
