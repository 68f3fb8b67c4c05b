package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

const (
	// maxQueued is how many runs of a tenant may be queued when somebody starts
	// one more: enough for whoever works, and too few to fill a database or to
	// keep the others of the tenant waiting for days.
	maxQueued = 1000

	recountEvery = time.Second      // for the limit
	loadEvery    = 10 * time.Second // for the figures
	loadTimeout  = 3 * time.Second
)

// A queue is the tracker for what people start: the tenant must not have too
// many runs queued already. It counts the queued runs of a tenant at most once a
// second, in an index of the active ones, and in between adds those that it has
// seen start. Several hosts can exceed the limit together by what they start
// within a second.
type queue struct {
	*runs.Tracker
	limit int

	tenants map[string]*line // by name; never changes

	mu     sync.Mutex
	last   load
	failed error // instead of last
	at     time.Time
}

// A line is what is known of the queued runs of a tenant.
type line struct {
	mu     sync.Mutex // held while they are counted: all others want to know the same
	queued int
	at     time.Time
}

// load is how much there is to do in all tenants.
type load struct {
	queued, running int
	oldest          time.Duration // that a run has waited that could begin
}

func newQueue(tracker *runs.Tracker, tenants []tenantOption) *queue {
	q := &queue{Tracker: tracker, limit: maxQueued, tenants: map[string]*line{runs.SystemTenant: {}}}
	for _, t := range tenants {
		q.tenants[t.name] = &line{}
	}
	return q
}

// Start is that of the tracker, for people. Nobody is refused for long: what is
// queued is worked off.
func (q *queue) Start(ctx context.Context, req runs.Request) (runs.Started, error) {
	return q.admit(ctx, req.Tenant, func() (runs.Started, error) { return q.Tracker.Start(ctx, req) })
}

// Retry is that of the tracker, which is a start, too.
func (q *queue) Retry(ctx context.Context, ref runs.Ref, actor runs.Actor, once string) (runs.Started, error) {
	return q.admit(ctx, ref.Tenant, func() (runs.Started, error) { return q.Tracker.Retry(ctx, ref, actor, once) })
}

func (q *queue) admit(ctx context.Context, tenant string, start func() (runs.Started, error)) (runs.Started, error) {
	l := q.tenants[tenant]
	if l == nil {
		return start() // of no tenant, as the tracker will say
	}
	if err := q.room(ctx, tenant, l); err != nil {
		return runs.Started{}, err
	}
	started, err := start()
	if started.Created {
		l.mu.Lock()
		l.queued++
		l.mu.Unlock()
	}
	return started, err
}

// room reports an error if the tenant's line is too long.
func (q *queue) room(ctx context.Context, tenant string, l *line) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.at) > recountEvery {
		tally, err := q.Counts(ctx, runs.Query{Tenant: tenant, Statuses: []runs.Status{runs.StatusQueued}})
		if err != nil {
			return err
		}
		l.queued, l.at = tally.Status[runs.StatusQueued], time.Now()
	}
	if l.queued >= q.limit {
		return runs.Public(nil, runs.ReasonThrottled, fmt.Sprintf("The tenant has %d runs queued already. Try again when some of them have begun.", q.limit))
	}
	return nil
}

// load returns what there was to do at most ten seconds ago.
func (q *queue) load() (load, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if time.Since(q.at) > loadEvery {
		ctx, cancel := context.WithTimeout(context.Background(), loadTimeout)
		defer cancel()
		q.last, q.failed = q.count(ctx)
		q.at = time.Now()
	}
	return q.last, q.failed
}

func (q *queue) count(ctx context.Context) (sum load, err error) {
	for tenant := range q.tenants {
		tally, err := q.Counts(ctx, runs.Query{Tenant: tenant, Statuses: []runs.Status{runs.StatusQueued, runs.StatusRunning}})
		if err != nil {
			return load{}, err
		}
		sum.queued += tally.Status[runs.StatusQueued]
		sum.running += tally.Status[runs.StatusRunning]
		if tally.Status[runs.StatusQueued] == 0 {
			continue
		}
		page, err := q.List(ctx, runs.Query{Tenant: tenant, Statuses: []runs.Status{runs.StatusQueued}, Limit: runs.MaxLimit})
		if err != nil {
			return load{}, err
		}
		for now, i := time.Now(), 0; i < len(page.Runs); i++ {
			if r := page.Runs[i]; !r.NotBefore.After(now) && r.Waiting.Reason == "" {
				sum.oldest = max(sum.oldest, now.Sub(r.CreatedAt))
			}
		}
	}
	return sum, nil
}
