package graphclient

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// LimiterConfig says how a [Limiter] paces.
type LimiterConfig struct {
	// Share is the part of the published limits that this process may use;
	// the rest is left to other processes and apps. 0 means 0.95; it must not
	// exceed 1.
	Share float64

	// Patience is how long a bucket may be throttled without a break before
	// its requests end as [ErrThrottled]. 0 means 30 minutes.
	Patience time.Duration

	// Limit returns the published limit of a bucket. If nil,
	// [contract.Bucket.Limit].
	Limit func(contract.Bucket) contract.Limit

	// Now reports the time. If nil, time.Now is used.
	Now func() time.Time
}

// A Limiter paces the requests of a process. It has one budget for each
// tenant and service bucket, so that neither tenants nor buckets hold each
// other up. Requests are let through evenly, in the order in which they came, pages
// of lists before others, with a burst of a tenth of a second's worth at most.
// Writes that reads have held up make up for it, as far as the limit allows.
//
// A 429 pauses its bucket for as long as Graph asks, or exponentially longer
// if it does not say; then one request goes first, and the others follow, at
// a lower pace for a while, when that one is accepted.
//
// It keeps some hundred bytes for each tenant and bucket it has seen. It is
// safe for concurrent use and needs no closing.
type Limiter struct {
	share    float64
	patience time.Duration
	limit    func(contract.Bucket) contract.Limit
	now      func() time.Time

	mu    sync.Mutex
	gates map[gateKey]*gate
}

type gateKey struct {
	tenant string
	bucket contract.Bucket
}

// NewLimiter returns a Limiter made of cfg.
func NewLimiter(cfg LimiterConfig) (*Limiter, error) {
	l := &Limiter{share: cfg.Share, patience: cfg.Patience, limit: cfg.Limit, now: cfg.Now, gates: map[gateKey]*gate{}}
	if l.share == 0 {
		l.share = 0.95
	}
	if !(l.share > 0 && l.share <= 1) {
		return nil, errors.New("graphclient: LimiterConfig.Share is a part of one")
	}
	if l.patience <= 0 {
		l.patience = 30 * time.Minute
	}
	if l.limit == nil {
		l.limit = contract.Bucket.Limit
	}
	if l.now == nil {
		l.now = time.Now //nolint:forbidigo // the one default
	}
	return l, nil
}

// gate returns the gate of a bucket in a tenant.
func (l *Limiter) gate(tenant string, b contract.Bucket) *gate {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := gateKey{tenant, b}
	g := l.gates[key]
	if g == nil {
		g = l.newGate(b)
		l.gates[key] = g
	}
	return g
}

// newGate returns a gate for the published limit of b.
func (l *Limiter) newGate(b contract.Bucket) *gate {
	limit := l.limit(b)
	g := &gate{
		patience: l.patience,
		now:      l.now,
		factor:   1,
		all:      newPacer(l.share, limit.Window, limit.Requests, limit.TenantRequests),
		writes:   newPacer(l.share, limit.Window, limit.Writes, limit.TenantWrites),
	}
	// A batch of reads takes as long as several writes do, and writes are the
	// scarcer ones. With a burst b there are share·n·(1+b/window)+1 of them in a
	// window at most, which have to be n.
	batch := contract.MaxBatch * g.all.interval
	spare := float64(limit.Window)*(1/l.share-1) - float64(g.writes.interval)
	g.writes.burst = max(g.writes.burst, min(batch, time.Duration(spare)))
	return g
}

// A pacer lets requests through evenly: a leaky bucket kept as the time at
// which it will be empty.
type pacer struct {
	interval time.Duration // between two requests; 0 means no limit
	burst    time.Duration // how far ahead of an even pace requests may be
	empty    time.Time
}

// newPacer returns a pacer for the smaller one of two limits per window, of
// which 0 means none.
func newPacer(share float64, window time.Duration, app, tenant int) pacer {
	n := app
	if n <= 0 || tenant > 0 && tenant < n {
		n = tenant
	}
	if n <= 0 || window <= 0 {
		return pacer{}
	}
	interval := time.Duration(float64(window) / (share * float64(n)))
	return pacer{interval: interval, burst: max(0, 100*time.Millisecond-interval)}
}

// next returns when the next request may go.
func (p *pacer) next() time.Time { return p.empty.Add(-p.burst) }

// take counts n requests that go now, at a pace slower by factor.
func (p *pacer) take(now time.Time, n int, factor float64) {
	if p.empty.Before(now) {
		p.empty = now
	}
	p.empty = p.empty.Add(time.Duration(float64(n) * float64(p.interval) / factor))
}

// batchSize returns how many parts one batch to a bucket may have, so that it
// stays a burst of two seconds at most.
func (g *gate) batchSize(write bool) int {
	p := &g.all
	if write && g.writes.interval > p.interval {
		p = &g.writes
	}
	if p.interval == 0 {
		return contract.MaxBatch
	}
	return int(max(1, min(contract.MaxBatch, 2*time.Second/p.interval)))
}

// A pass lets its holder send n requests once. It must be given back with
// [gate.done], whatever becomes of them.
type pass struct {
	n     int
	epoch int
	trial bool
}

// enter waits until n requests may go. It returns the context's error, or an
// ErrThrottled with the time to wait if there is no point in waiting.
func (g *gate) enter(ctx context.Context, n int, write bool, t turn) (pass, error) {
	w := &waiter{n: n, write: write, turn: t, ready: make(chan struct{})}
	w.deadline, _ = ctx.Deadline()
	g.mu.Lock()
	if err := g.refuse(w); err != nil {
		g.mu.Unlock()
		return pass{}, err
	}
	g.enqueue(w)
	g.advance()
	g.mu.Unlock()

	select {
	case <-w.ready:
	case <-ctx.Done():
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.remove(w) {
			g.advance()
			return pass{}, ctx.Err()
		}
		<-w.ready // let through at the same moment
		if w.err == nil {
			g.leave(w.pass, verdict{})
		}
		return pass{}, ctx.Err()
	}
	return w.pass, w.err
}
