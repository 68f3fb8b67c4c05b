package graphclient

import (
	"context"
	"encoding/json"
	"iter"
	"sync"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// A Result is what became of one request of a batch.
type Result struct {
	*Response       // nil with an error
	Err       error // an [*Error], or wraps the context's
}

// Batch sends the requests through $batch and yields each one's result with
// its index, once, in the order in which they become known. Ending the loop
// early abandons the rest; when ctx ends, the rest have its error.
//
// Requests are grouped by service bucket, at most 20 to a batch and
// Config.Parallel batches at a time, and paced as if they were sent one by
// one. A part that is refused or fails is repeated alone, by the rules of
// [Client.Do]; a lost, doubled or foreign part is never taken for an answer.
// With [Request.List] all pages of a part are read, also through batches.
//
// Prefer single requests for writes: an outer failure makes the outcome of
// every write in the batch unknown.
func (c *Client) Batch(ctx context.Context, reqs []Request) iter.Seq2[int, Result] {
	return c.api.batch(ctx, reqs)
}

// A part is one request of a batch on its way.
type part struct {
	index int
	call  *call
	id    string // the client-request-id of the last attempt
	tries tries
	ready time.Time // not sent before
	most  int       // parts in a batch with it; 0 means as many as usual

	trail  *trail // of a list
	items  []json.RawMessage
	result *Result // when it has come to a good end, or to a bad one after a good answer
}

// A lane is the parts that count against the same limit.
type lane struct {
	api   *api
	gate  *gate
	write bool
	size  int
	out   func(*part, Result)

	mu    sync.Mutex
	queue []*part
}

func (a *api) batch(ctx context.Context, reqs []Request) iter.Seq2[int, Result] {
	return func(yield func(int, Result) bool) {
		type known struct {
			index  int
			result Result
		}
		ctx, cancel := context.WithCancel(ctx)
		results, quit := make(chan known), make(chan struct{})
		lanes, refused := a.lanes(reqs, func(p *part, r Result) {
			select {
			case results <- known{p.index, r}:
			case <-quit:
			}
		})
		var workers sync.WaitGroup
		defer workers.Wait()
		defer close(quit)
		defer cancel()
		for i, e := range refused {
			if !yield(i, Result{Err: e}) {
				return
			}
		}
		for _, l := range lanes {
			for range min(a.parallel, (len(l.queue)+l.size-1)/l.size) {
				workers.Go(func() { l.work(ctx) })
			}
		}
		for range len(reqs) - len(refused) {
			k := <-results
			if !yield(k.index, k.result) {
				return
			}
		}
	}
}

// lanes sorts the requests by what they count against. Those that are not to
// be sent at all come back with the reason.
func (a *api) lanes(reqs []Request, out func(*part, Result)) ([]*lane, map[int]*Error) {
	type key struct {
		bucket contract.Bucket
		write  bool
	}
	var lanes []*lane
	byKey := map[key]*lane{}
	refused := map[int]*Error{}
	for i, req := range reqs {
		c, e := a.prepare(req)
		if e != nil {
			refused[i] = e
			continue
		}
		k := key{c.bucket, c.write}
		l := byKey[k]
		if l == nil {
			g := a.limiter.gate(a.tenant, c.bucket)
			l = &lane{api: a, gate: g, write: c.write, size: g.batchSize(c.write), out: out}
			byKey[k], lanes = l, append(lanes, l)
		}
		p := &part{index: i, call: c}
		if c.list {
			p.trail = newTrail(a, c.url.RequestURI())
		}
		l.queue = append(l.queue, p)
	}
	return lanes, refused
}

// work sends batches until none of the lane's parts wait for one. A part that
// needs another go is put back by the worker that had it, so none is left.
func (l *lane) work(ctx context.Context) {
	for {
		parts, wait := l.take(l.api.now())
		switch {
		case parts != nil:
			l.send(ctx, parts)
		case wait <= 0:
			return
		case !sleep(ctx, wait):
			l.abandon(ctx)
			return
		}
	}
}

// take returns the parts for the next batch, or how long until there are some.
func (l *lane) take(now time.Time) (parts []*part, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	size, rest := l.size, l.queue[:0]
	for _, p := range l.queue {
		switch left := p.ready.Sub(now); {
		case left > 0:
			if wait == 0 || left < wait {
				wait = left
			}
		case len(parts) < size && (p.most == 0 || len(parts) < p.most):
			parts = append(parts, p)
			if p.most > 0 {
				size = min(size, p.most)
			}
			continue
		}
		rest = append(rest, p)
	}
	clear(l.queue[len(rest):])
	l.queue = rest
	return parts, wait
}

// put takes parts in that need another go, ahead of the others.
func (l *lane) put(parts []*part) {
	if len(parts) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue = append(parts, l.queue...)
}

// abandon ends what waits for a later time than ctx has.
func (l *lane) abandon(ctx context.Context) {
	l.mu.Lock()
	parts := l.queue
	l.queue = nil
	l.mu.Unlock()
	for _, p := range parts {
		l.end(p, ctx.Err())
	}
}

// end hands out what became of a part: its result, or err, or if that is nil
// what it met last.
func (l *lane) end(p *part, err error) {
	if p.result != nil {
		l.out(p, *p.result)
		return
	}
	if err == nil && p.tries.last == nil {
		err = context.DeadlineExceeded
	}
	l.out(p, Result{Err: ended(p.call.method, &p.tries, err)})
}

// send sends one batch and deals with each part's answer.
func (l *lane) send(ctx context.Context, parts []*part) {
	c := l.api.batchCall(l, parts)
	ans, err := l.api.exchange(ctx, c)
	if err != nil {
		l.put(l.split(parts, err))
		return
	}
	var again []*part
	for i, in := range ans.parts {
		if p := parts[i]; l.api.receive(ctx, p, in, ans.token) {
			again = append(again, p)
		} else {
			l.end(p, nil)
		}
	}
	l.put(again)
}

// split ends the parts of a batch that failed as a whole, or returns them for
// smaller batches if one of them may be the cause.
func (l *lane) split(parts []*part, err error) []*part {
	e, own := err.(*Error) //nolint:errorlint // ours come as they are
	if own && len(parts) > 1 && !parts[0].call.effect && (e.Reason == ErrTooLarge || e.Reason == ErrInvalidRequest) {
		for _, p := range parts {
			p.most = len(parts) / 2
		}
		return parts
	}
	for _, p := range parts {
		if !own {
			l.end(p, err)
			continue
		}
		each := *e
		p.tries.sent += e.Attempts
		if p.tries.last = &each; each.Reason == ErrOutcomeUnknown && !p.call.effect {
			each.Reason, each.cause = ErrUnreachable, nil
		}
		l.end(p, nil)
	}
	return nil
}
