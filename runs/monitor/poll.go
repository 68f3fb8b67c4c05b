package monitor

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

const (
	pollTimeout = 10 * time.Second
	maxInboxes  = 50 // that one poll counts the unread notes of
)

// poll reads what is followed until ctx ends.
func (l *live) poll(ctx context.Context) {
	asked := false
	for {
		l.readAll(ctx, asked)
		if _, goOn := pause(ctx, nil, pollGap); !goOn {
			return
		}
		early, goOn := pause(ctx, l.kick, pollEvery-pollGap)
		if !goOn {
			return
		}
		asked = early
	}
}

// pause waits for d, or until there is an entry in kick, and reports whether ctx
// goes on.
func pause(ctx context.Context, kick <-chan struct{}, d time.Duration) (kicked, goOn bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false, false
	case <-kick:
		return true, true
	case <-timer.C:
		return false, true
	}
}

// readAll reads what is followed; of the unread notes, if it was asked to read
// now, those that are said to have changed.
func (l *live) readAll(ctx context.Context, asked bool) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	l.mu.Lock()
	tenants := make([]string, 0, len(l.tenants))
	for tenant := range l.tenants {
		tenants = append(tenants, tenant)
	}
	l.mu.Unlock()
	for _, tenant := range tenants {
		if err := l.readTenant(ctx, tenant); err != nil {
			l.warn(ctx, "runs", err)
		}
	}
	for _, actor := range l.dueInboxes(asked) {
		n, err := l.cfg.Inbox.Unread(ctx, actor, unreadLimit)
		if err != nil {
			l.warn(ctx, "unread notes", err)
			continue
		}
		l.putUnread(actor, n)
	}
}

// readTenant reads what is followed in a tenant: the newest active runs, if
// somebody follows those, and all others that had not ended, by their ids.
func (l *live) readTenant(ctx context.Context, tenant string) error {
	active, ids := l.wanted(tenant)
	var page []*runs.Run
	if active {
		var err error
		page, err = l.list(ctx, activeRuns(tenant), 1)
		if err != nil {
			return err
		}
		for _, r := range page {
			delete(ids, r.ID)
		}
	}
	rest := make([]string, 0, len(ids))
	for id := range ids {
		rest = append(rest, id)
	}
	for chunk := range slices.Chunk(rest, runs.MaxLimit) {
		more, err := l.list(ctx, runs.Query{Tenant: tenant, IDs: chunk}, runs.MaxLimit)
		if err != nil {
			return err
		}
		page = append(page, more...)
	}
	l.putAll(tenant, page, active)
	return nil
}

// activeRuns are the newest runs of a tenant that have not ended.
func activeRuns(tenant string) runs.Query {
	return runs.Query{Tenant: tenant, Statuses: []runs.Status{runs.StatusQueued, runs.StatusRunning}, Limit: runs.MaxLimit}
}

// list reads up to so many pages of runs, all of them that a page has room for.
func (l *live) list(ctx context.Context, q runs.Query, pages int) (all []*runs.Run, err error) {
	q.Limit = runs.MaxLimit
	for range pages {
		page, err := l.cfg.Runs.List(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Runs...)
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	return all, nil
}

// wanted says what to read of a tenant.
func (l *live) wanted(tenant string) (active bool, ids map[string]struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tenants[tenant]
	if t == nil {
		return false, nil
	}
	ids = make(map[string]struct{})
	for id, k := range t.known {
		if k.seen == nil || k.seen.run.Active() {
			ids[id] = struct{}{}
		}
	}
	return len(t.active) > 0, ids
}

func (l *live) putAll(tenant string, page []*runs.Run, active bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tenants[tenant]
	if t == nil {
		return
	}
	for _, r := range page {
		l.put(t, r)
	}
	t.read = t.read || active
	for f := range t.active {
		if !f.skipped {
			continue
		}
		f.skipped = false
		for _, k := range t.known {
			if _, told := f.shown[idOf(k)]; k.seen != nil && !told {
				f.offerActive(k.seen)
			}
		}
	}
	// What has ended is kept for one poll, so that what is told late of its life
	// does not bring it back.
	for id, k := range t.known {
		switch {
		case len(k.by) > 0 || k.seen == nil || k.seen.run.Active():
		case k.settled:
			delete(t.known, id)
		default:
			k.settled = true
		}
	}
}

func idOf(k *known) string {
	if k.seen == nil {
		return ""
	}
	return k.seen.run.ID
}

// compareIDs orders runs by their ids, which is by their age.
func compareIDs(a, b *runs.Run) int { return strings.Compare(a.ID, b.ID) }

// dueInboxes picks the actors whose unread notes are counted now: those who were
// probably just told something, then those whose turn it is.
func (l *live) dueInboxes(asked bool) []runs.Actor {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]*inboxCount, 0, len(l.inboxes))
	for _, box := range l.inboxes {
		box.age++
		if box.count < 0 {
			box.due = max(box.due, 1)
		}
		if box.due > 0 || !asked {
			all = append(all, box)
		}
	}
	slices.SortFunc(all, func(a, b *inboxCount) int {
		return cmp.Or(cmp.Compare(b.due, a.due), cmp.Compare(b.age, a.age))
	})
	var due []runs.Actor
	for _, box := range all[:min(len(all), maxInboxes)] {
		box.due, box.age = max(box.due-1, 0), 0
		due = append(due, box.actor)
	}
	return due
}

func (l *live) putUnread(actor runs.Actor, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	box := l.inboxes[keyOf(actor)]
	if box == nil || box.count == n {
		return
	}
	box.count = n
	for f := range box.by {
		f.offerUnread(n)
	}
}

// noted has the unread notes of the actor counted soon: they were changed here.
func (l *live) noted(actor runs.Actor) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if box := l.inboxes[keyOf(actor)]; box != nil {
		box.due = 1
		l.hurry()
	}
}
