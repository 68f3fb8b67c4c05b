package notifytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/runs"
)

// put puts notifications one after another.
func put(ctx context.Context, s notify.Inbox, all ...notify.Notification) error {
	for _, n := range all {
		if err := s.Put(ctx, n); err != nil {
			return fmt.Errorf("put %s: %w", n.Run.ID, err)
		}
	}
	return nil
}

// list returns what q finds, over all pages.
func list(ctx context.Context, s notify.Inbox, q notify.Query) (all []notify.Notification, err error) {
	for range 100 {
		page, err := s.List(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("list: %w", err)
		}
		if len(page.Notifications) > q.PageSize() {
			return nil, fmt.Errorf("a page has %d notifications, want at most %d", len(page.Notifications), q.PageSize())
		}
		all = append(all, page.Notifications...)
		if q.After = page.Next; q.After == "" {
			return all, nil
		}
	}
	return nil, errors.New("there are more than 100 pages")
}

// has checks which runs the notifications that q finds are about.
func has(ctx context.Context, s notify.Inbox, q notify.Query, about ...string) error {
	all, err := list(ctx, s, q)
	if err != nil {
		return err
	}
	if about == nil {
		about = []string{}
	}
	return want(fmt.Sprintf("%+v", q), about, name(all))
}

// mark marks, and checks how many that changed.
func mark(ctx context.Context, s notify.Inbox, m notify.Mark, changed int) error {
	got, err := s.Mark(ctx, m)
	if err != nil {
		return fmt.Errorf("mark: %w", err)
	}
	return want("changed", changed, got)
}

// of is the query for everything of dana's.
var of = notify.Query{Recipient: dana}

// five are notifications of dana's, of which the second and fourth are read.
func five(ctx context.Context, s notify.Inbox) error {
	var read []string
	for i := range 5 {
		n := ended(dana, fmt.Sprint("r", i), i)
		if i == 3 {
			n = notify.Of(&runs.Run{Tenant: "acme", ID: "r3", Type: "drift.generate", Status: runs.StatusQueued, Initiator: dana, CreatedAt: at(3)})
		}
		if err := put(ctx, s, n); err != nil {
			return err
		}
		if i%2 == 1 {
			read = append(read, n.ID)
		}
	}
	return mark(ctx, s, notify.Mark{Recipient: dana, IDs: read, At: at(9)}, 2)
}

var inboxPromises = []promise[notify.Inbox]{
	{
		name: "put-then-list",
		text: "Put keeps the notification, which List returns as it was put",
		check: func(ctx context.Context, s notify.Inbox) error {
			read := ended(erin, "r1", 1)
			read.ReadAt = at(9)
			if err := put(ctx, s, full(), read); err != nil {
				return err
			}
			all, err := list(ctx, s, of)
			others, err2 := list(ctx, s, notify.Query{Recipient: erin, Read: true})
			return errors.Join(err, err2, want("listed", []notify.Notification{full()}, all),
				want("listed as read", []notify.Notification{read}, others))
		},
	},
	{
		name: "put-again",
		text: "Put changes nothing if one with the ID is kept already, read or not",
		check: func(ctx context.Context, s notify.Inbox) error {
			n := ended(dana, "r1", 1)
			other := n
			other.Counts.Total, other.At = 7, at(5)
			read := n
			read.ReadAt = at(9)
			return first(
				func() error { return put(ctx, s, n, other) },
				func() error { return mark(ctx, s, notify.Mark{Recipient: dana, IDs: []string{n.ID}, At: at(9)}, 1) },
				func() error { return put(ctx, s, n) },
				func() error {
					all, err := list(ctx, s, of)
					return errors.Join(err, want("listed", []notify.Notification{read}, all))
				},
			)
		},
	},
	{
		name: "put-invalid",
		text: "Put reports ErrInvalid for a notification that is not valid, and keeps nothing",
		check: func(ctx context.Context, s notify.Inbox) error {
			for what, change := range map[string]func(n *notify.Notification){
				"another's ID": func(n *notify.Notification) { n.ID = ended(dana, "r2", 1).ID },
				"no time":      func(n *notify.Notification) { n.At = time.Time{} },
				"no reason":    func(n *notify.Notification) { n.Reason = "odd" },
				"a NUL":        func(n *notify.Notification) { n.Target.Name = "a\x00b" },
			} {
				n := ended(dana, "r1", 1)
				change(&n)
				if err := wantErr(what, notify.ErrInvalid, s.Put(ctx, n)); err != nil {
					return err
				}
			}
			return has(ctx, s, of)
		},
	},
	{
		name: "instants",
		text: "instants are kept in UTC and in microseconds, rounded down",
		check: func(ctx context.Context, s notify.Inbox) error {
			odd := time.Date(2026, 3, 29, 2, 30, 0, 123456789, time.FixedZone("", -5*3600-1800))
			n := ended(dana, "r1", 1)
			n.At = odd
			return first(
				func() error { return put(ctx, s, n) },
				func() error { return mark(ctx, s, notify.Mark{Recipient: dana, All: true, At: odd}, 1) },
				func() error {
					n.At, n.ReadAt = runs.Instant(odd), runs.Instant(odd)
					all, err := list(ctx, s, of)
					return errors.Join(err, want("listed", []notify.Notification{n}, all))
				},
			)
		},
	},
	{
		name: "list-order",
		text: "List returns the newest first",
		check: func(ctx context.Context, s notify.Inbox) error {
			if err := five(ctx, s); err != nil {
				return err
			}
			return has(ctx, s, of, "r4", "r3", "r2", "r1", "r0")
		},
	},
	{
		name: "list-pages",
		text: "each notification comes once over the pages",
		check: func(ctx context.Context, s notify.Inbox) error {
			if err := five(ctx, s); err != nil {
				return err
			}
			for i := range 4 { // at the same time
				if err := put(ctx, s, ended(dana, fmt.Sprint("s", i), 2)); err != nil {
					return err
				}
			}
			all, err := list(ctx, s, of)
			if err != nil {
				return err
			}
			unread := slices.DeleteFunc(slices.Clone(all), func(n notify.Notification) bool { return !n.Unread() })
			for limit := 1; limit < 10; limit++ {
				err := errors.Join(has(ctx, s, notify.Query{Recipient: dana, Limit: limit}, name(all)...),
					has(ctx, s, notify.Query{Recipient: dana, Limit: limit, Unread: true}, name(unread)...))
				if err != nil {
					return err
				}
			}
			return want("all of them", 9, len(all))
		},
	},
	{
		name: "list-filters",
		text: "IDs, Types, Unread and Read restrict what is listed, together too",
		check: func(ctx context.Context, s notify.Inbox) error {
			if err := five(ctx, s); err != nil {
				return err
			}
			r4, r1 := ended(dana, "r4", 4).ID, ended(dana, "r1", 1).ID
			for _, c := range []struct {
				q    notify.Query
				want []string
			}{
				{notify.Query{Unread: true}, []string{"r4", "r2", "r0"}},
				{notify.Query{Read: true}, []string{"r3", "r1"}},
				{notify.Query{Read: true, Unread: true}, nil},
				{notify.Query{Types: []runs.Type{"drift.generate"}}, []string{"r3"}},
				{notify.Query{Types: []runs.Type{"inventory.sync"}, Limit: 1}, []string{"r4", "r2", "r1", "r0"}},
				{notify.Query{Types: []runs.Type{"inventory.sync", "drift.generate"}, Read: true}, []string{"r3", "r1"}},
				{notify.Query{Types: []runs.Type{"no.such\x00"}}, nil},
				{notify.Query{IDs: []string{r4, r1, "none"}}, []string{"r4", "r1"}},
				{notify.Query{IDs: []string{r4, r1}, Limit: 1}, []string{"r4", "r1"}},
				{notify.Query{IDs: []string{"a\x00b", ended(erin, "r4", 4).ID}}, nil},
				{notify.Query{IDs: []string{r4, r1}, Unread: true, Types: []runs.Type{"inventory.sync"}}, []string{"r4"}},
			} {
				c.q.Recipient = dana
				if err := has(ctx, s, c.q, c.want...); err != nil {
					return err
				}
			}
			return nil
		},
	},
	{
		name: "list-bad-cursor",
		text: "List reports ErrBadCursor for a cursor that another query made, or nobody",
		check: func(ctx context.Context, s notify.Inbox) error {
			if err := five(ctx, s); err != nil {
				return err
			}
			page, err := s.List(ctx, notify.Query{Recipient: dana, Limit: 2})
			if err != nil {
				return err
			}
			for what, q := range map[string]notify.Query{
				"nobody's":        {Recipient: dana, After: "x"},
				"longer":          {Recipient: dana, After: page.Next + "AAAA"},
				"of another":      {Recipient: erin, After: page.Next},
				"of another type": {Recipient: dana, Types: []runs.Type{"inventory.sync"}, After: page.Next},
				"of the unread":   {Recipient: dana, Unread: true, After: page.Next},
				"of the read":     {Recipient: dana, Read: true, After: page.Next},
			} {
				_, err := s.List(ctx, q)
				if err := wantErr(what, notify.ErrBadCursor, err); err != nil {
					return err
				}
			}
			return has(ctx, s, notify.Query{Recipient: dana, Limit: 3, After: page.Next}, "r2", "r1", "r0")
		},
	},
	{
		name: "list-no-recipient",
		text: "List reports ErrInvalid for a query without a recipient",
		check: func(ctx context.Context, s notify.Inbox) error {
			_, err := s.List(ctx, notify.Query{Recipient: runs.Actor{Kind: runs.ActorUser}})
			return wantErr("list", notify.ErrInvalid, err)
		},
	},
	{
		name: "recipients",
		text: "what is another's is not found, not counted and not changed; a recipient is a kind and an ID, whatever the name",
		check: func(ctx context.Context, s notify.Inbox) error {
			n := ended(dana, "r1", 1)
			renamed := runs.User("dana", "Dana Barrett")
			return first(
				func() error { return put(ctx, s, n) },
				func() error { return has(ctx, s, notify.Query{Recipient: renamed}, "r1") },
				func() error {
					for _, who := range []runs.Actor{erin, runs.Schedule("dana", ""), runs.User("Dana", ""), runs.User("dan", ""), runs.User("dana\x00", "")} {
						count, err := s.Unread(ctx, who, 10)
						if err := errors.Join(err, want("unread", 0, count), has(ctx, s, notify.Query{Recipient: who}),
							has(ctx, s, notify.Query{Recipient: who, IDs: []string{n.ID}}),
							mark(ctx, s, notify.Mark{Recipient: who, IDs: []string{n.ID}, At: at(9)}, 0),
							mark(ctx, s, notify.Mark{Recipient: who, All: true, At: at(9)}, 0)); err != nil {
							return fmt.Errorf("as %q: %w", who, err)
						}
					}
					return nil
				},
				func() error { return has(ctx, s, notify.Query{Recipient: dana, Unread: true}, "r1") },
			)
		},
	},
	{
		name: "unread",
		text: "Unread counts the unread notifications, up to limit",
		check: func(ctx context.Context, s notify.Inbox) error {
			if err := five(ctx, s); err != nil {
				return err
			}
			for limit, count := range map[int]int{0: 0, 2: 2, 3: 3, 100: 3} {
				got, err := s.Unread(ctx, dana, limit)
				if err := errors.Join(err, want(fmt.Sprint("limit ", limit), count, got)); err != nil {
					return err
				}
			}
			return nil
		},
	},
	{
		name: "mark",
		text: "Mark marks the notifications with the IDs, and returns how many it changed",
		check: func(ctx context.Context, s notify.Inbox) error {
			ids := []string{ended(dana, "r0", 0).ID, ended(dana, "r1", 1).ID, "none"}
			return first(
				func() error { return five(ctx, s) },
				func() error { return mark(ctx, s, notify.Mark{Recipient: dana, IDs: ids, At: at(10)}, 1) },
				func() error { return mark(ctx, s, notify.Mark{Recipient: dana, IDs: nil, At: at(10)}, 0) },
				func() error { return has(ctx, s, notify.Query{Recipient: dana, Unread: true}, "r4", "r2") },
				func() error { return mark(ctx, s, notify.Mark{Recipient: dana, IDs: ids, Unread: true}, 2) },
				func() error { return has(ctx, s, notify.Query{Recipient: dana, Unread: true}, "r4", "r2", "r1", "r0") },
			)
		},
	},
	{
		name: "mark-keeps",
		text: "one that was read before keeps its ReadAt",
		check: func(ctx context.Context, s notify.Inbox) error {
			n := ended(dana, "r1", 1)
			return first(
				func() error { return put(ctx, s, n) },
				func() error { return mark(ctx, s, notify.Mark{Recipient: dana, IDs: []string{n.ID}, At: at(9)}, 1) },
				func() error { return mark(ctx, s, notify.Mark{Recipient: dana, IDs: []string{n.ID}, At: at(10)}, 0) },
				func() error { return mark(ctx, s, notify.Mark{Recipient: dana, All: true, At: at(11)}, 0) },
				func() error {
					n.ReadAt = at(9)
					all, err := list(ctx, s, of)
					return errors.Join(err, want("listed", []notify.Notification{n}, all))
				},
			)
		},
	},
	{
		name: "mark-all",
		text: "Mark with All marks all of the recipient's",
		check: func(ctx context.Context, s notify.Inbox) error {
			return first(
				func() error { return five(ctx, s) },
				func() error { return put(ctx, s, ended(erin, "r9", 1)) },
				func() error { return mark(ctx, s, notify.Mark{Recipient: dana, All: true, At: at(10)}, 3) },
				func() error { return has(ctx, s, notify.Query{Recipient: dana, Unread: true}) },
				func() error { return has(ctx, s, notify.Query{Recipient: erin, Unread: true}, "r9") },
				func() error { return mark(ctx, s, notify.Mark{Recipient: dana, All: true, Unread: true}, 5) },
				func() error {
					return has(ctx, s, notify.Query{Recipient: dana, Unread: true}, "r4", "r3", "r2", "r1", "r0")
				},
			)
		},
	},
	{
		name: "mark-invalid",
		text: "Mark reports ErrInvalid without a recipient, or without an instant unless it is to unread",
		check: func(ctx context.Context, s notify.Inbox) error {
			_, err := s.Mark(ctx, notify.Mark{All: true, At: at(1)})
			_, err2 := s.Mark(ctx, notify.Mark{Recipient: dana, All: true})
			return errors.Join(wantErr("nobody", notify.ErrInvalid, err), wantErr("no time", notify.ErrInvalid, err2))
		},
	},
	{
		name: "prune",
		text: "Prune deletes the oldest notifications from before an instant, at most so many, whoever they are for",
		check: func(ctx context.Context, s notify.Inbox) error {
			prune := func(minutes, limit, deleted int) func() error {
				return func() error {
					n, err := s.Prune(ctx, at(minutes), limit)
					return errors.Join(err, want(fmt.Sprint("pruned before ", minutes), deleted, n))
				}
			}
			return first(
				func() error { return five(ctx, s) },
				func() error { return put(ctx, s, ended(erin, "r9", -1)) },
				prune(3, 0, 0), prune(3, 2, 2),
				func() error { return has(ctx, s, notify.Query{Recipient: erin}) },
				func() error { return has(ctx, s, of, "r4", "r3", "r2", "r1") },
				prune(3, 100, 2),
				func() error { return has(ctx, s, of, "r4", "r3") },
			)
		},
	},
	{
		name: "concurrent",
		text: "of any number of concurrent puts of one notification there is one afterwards",
		check: func(ctx context.Context, s notify.Inbox) error {
			errs := make([]error, 8)
			var group sync.WaitGroup
			for i := range errs {
				group.Go(func() {
					errs[i] = put(ctx, s, ended(dana, "r1", 1), ended(dana, fmt.Sprint("s", i), -i))
				})
			}
			group.Wait()
			return errors.Join(errors.Join(errs...), has(ctx, s, of, "r1", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"))
		},
	},
	{
		name: "context",
		text: "a context that has ended makes a call return its error, and nothing is changed",
		check: func(ctx context.Context, s notify.Inbox) error {
			if err := five(ctx, s); err != nil {
				return err
			}
			over, cancel := context.WithCancel(ctx)
			cancel()
			for what, call := range map[string]func() error{
				"put":    func() error { return s.Put(over, ended(dana, "r9", 9)) },
				"list":   func() error { _, err := s.List(over, of); return err },
				"unread": func() error { _, err := s.Unread(over, dana, 10); return err },
				"mark":   func() error { _, err := s.Mark(over, notify.Mark{Recipient: dana, All: true, At: at(9)}); return err },
				"prune":  func() error { _, err := s.Prune(over, at(99), 10); return err },
			} {
				if err := wantErr(what, context.Canceled, call()); err != nil {
					return err
				}
			}
			return has(ctx, s, notify.Query{Recipient: dana, Unread: true}, "r4", "r2", "r0")
		},
	},
}
