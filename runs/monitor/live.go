package monitor

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// live tells streams and long polls what becomes of the runs that they follow.
// What this process stores it hears of at once, from a [runs.Watcher]; for what
// others store, one goroutine asks the store for the runs that somebody follows,
// each once, however many follow it. That goroutine is there while anybody
// follows anything.
type live struct {
	cfg    *Config
	kick   chan struct{} // asks the poller to read before it is time
	closed chan struct{} // closed by close: everything that is open ends

	mu        sync.Mutex
	over      bool
	followers int
	streams   map[actorKey]int
	open      int // of streams, in all
	tenants   map[string]*tenantRuns
	inboxes   map[actorKey]*inboxCount
	stop      func() // ends the poller; nil if there is none
}

const (
	// pollEvery is how often the store is asked for what other processes did,
	// and pollGap the least time between two questions.
	pollEvery = 1500 * time.Millisecond
	pollGap   = 100 * time.Millisecond

	maxShown   = 256   // active runs that one follower hears of
	maxKnown   = 2_000 // runs of a tenant that are known between two polls
	maxStreams = 20    // that one actor may have open
	maxOpen    = 10_000
)

// actorKey is an actor without its name.
type actorKey struct {
	kind runs.ActorKind
	id   string
}

func keyOf(a runs.Actor) actorKey { return actorKey{a.Kind, a.ID} }

// tenantRuns is what is known of the runs that are followed in a tenant.
type tenantRuns struct {
	known  map[string]*known
	active map[*follower]struct{} // those that follow whatever is active
	read   bool                   // the active runs have been read once
}

// A known run is one that somebody follows, or that is active while somebody
// follows whatever is.
type known struct {
	seen    *seen // nil until it was read
	by      map[*follower]struct{}
	settled bool // it had ended when it was read last
}

// A seen run is one as it was at some time. It never changes.
type seen struct {
	run     *runs.Run
	label   string
	trouble string
}

// An inboxCount is how many unread notes an actor has.
type inboxCount struct {
	actor runs.Actor
	by    map[*follower]struct{}
	count int // -1 until it was read
	due   int // in how many of the next polls it is read before others
	age   int // polls since it was read
}

// A follower wants to know what becomes of some runs. What it has not been told
// yet is the latest state of each, so a slow one misses steps and nothing else,
// and needs no more room than for the runs that it follows.
type follower struct {
	tenant string
	actor  runs.Actor
	ids    []string
	active bool
	inbox  bool
	wake   chan struct{} // holds an entry when there is something to take

	// Guarded by live.mu.
	pending map[string]*seen
	shown   map[string]bool // active runs that it does not name: whether it has taken them
	skipped bool            // there were more of them than it is told of
	unread  int             // -1 if there is nothing new
}

var (
	errTooManyStreams = errors.New("too many streams are open")
	errClosing        = errors.New("the hub is closing")
)

func newLive(cfg *Config) *live {
	return &live{
		cfg:     cfg,
		kick:    make(chan struct{}, 1),
		closed:  make(chan struct{}),
		streams: make(map[actorKey]int),
		tenants: make(map[string]*tenantRuns),
		inboxes: make(map[actorKey]*inboxCount),
	}
}

// close ends all streams and long polls, and refuses new ones.
func (l *live) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over {
		l.over = true
		close(l.closed)
	}
}

// admit counts a stream of the actor, until the function it returns is called.
func (l *live) admit(actor runs.Actor) (release func(), err error) {
	key := keyOf(actor)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.streams[key] >= maxStreams || l.open >= maxOpen {
		return nil, errTooManyStreams
	}
	l.streams[key]++
	l.open++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.open--
		if l.streams[key]--; l.streams[key] == 0 {
			delete(l.streams, key)
		}
	}, nil
}

// join makes f a follower until the function it returns is called. f is told at
// once what is known, and soon what is not.
func (l *live) join(f *follower) (leave func(), err error) {
	f.wake = make(chan struct{}, 1)
	f.pending, f.shown, f.unread = make(map[string]*seen), make(map[string]bool), -1
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return nil, errClosing
	}
	missing := l.followRuns(f)
	if f.inbox {
		missing = l.followInbox(f) || missing
	}
	l.followers++
	switch {
	case l.stop == nil:
		l.begin()
	case missing:
		l.hurry()
	}
	return func() { l.leave(f) }, nil
}

// followRuns reports whether there is a run of which nothing is known yet.
func (l *live) followRuns(f *follower) (missing bool) {
	if len(f.ids) == 0 && !f.active {
		return false
	}
	t := l.tenants[f.tenant]
	if t == nil {
		t = &tenantRuns{known: make(map[string]*known), active: make(map[*follower]struct{})}
		l.tenants[f.tenant] = t
	}
	for _, id := range f.ids {
		k := t.known[id]
		if k == nil {
			k = &known{}
			t.known[id] = k
		}
		if k.by == nil {
			k.by = make(map[*follower]struct{})
		}
		k.by[f] = struct{}{}
		if k.seen == nil {
			missing = true
		} else {
			f.offer(k.seen)
		}
	}
	if !f.active {
		return missing
	}
	t.active[f] = struct{}{}
	for _, k := range t.known {
		if k.seen != nil {
			f.offerActive(k.seen)
		}
	}
	return missing || !t.read
}

func (l *live) followInbox(f *follower) (missing bool) {
	key := keyOf(f.actor)
	box := l.inboxes[key]
	if box == nil {
		box = &inboxCount{actor: f.actor, by: make(map[*follower]struct{}), count: -1}
		l.inboxes[key] = box
	}
	box.by[f] = struct{}{}
	if box.count < 0 {
		return true
	}
	f.offerUnread(box.count)
	return false
}

func (l *live) leave(f *follower) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.tenants[f.tenant]; t != nil {
		t.forget(f)
		if len(t.known) == 0 && len(t.active) == 0 {
			delete(l.tenants, f.tenant)
		}
	}
	if box := l.inboxes[keyOf(f.actor)]; box != nil {
		if delete(box.by, f); len(box.by) == 0 {
			delete(l.inboxes, keyOf(f.actor))
		}
	}
	if l.followers--; l.followers == 0 {
		l.stop()
		l.stop = nil
	}
}

// forget takes f out, and with it what nobody else follows.
func (t *tenantRuns) forget(f *follower) {
	if delete(t.active, f); len(t.active) == 0 {
		t.read = false
	}
	for id, k := range t.known {
		delete(k.by, f)
		if len(k.by) == 0 && (k.seen == nil || len(t.active) == 0) {
			delete(t.known, id)
		}
	}
}

// begin starts the poller. The caller holds mu.
func (l *live) begin() {
	ctx, cancel := context.WithCancel(context.Background()) //nolint:forbidigo // it belongs to no request
	unwatch := func() {}
	if w, ok := l.cfg.Runs.(runs.Watcher); ok {
		unwatch = w.Watch(l.changed)
	}
	l.stop = func() {
		unwatch()
		cancel()
	}
	go l.poll(ctx)
}

// hurry has the poller read soon.
func (l *live) hurry() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// changed is told what this process has stored.
func (l *live) changed(r *runs.Run) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.tenants[r.Tenant]; t != nil {
		l.put(t, r)
	}
}

// put tells the followers of a run how it is now, unless they know. The caller
// holds mu.
func (l *live) put(t *tenantRuns, r *runs.Run) {
	k := t.known[r.ID]
	if k == nil {
		if len(t.active) == 0 || r.Ended() || len(t.known) >= maxKnown {
			return
		}
		k = &known{}
		t.known[r.ID] = k
	}
	ops := l.cfg.Runs.Operations()
	trouble := troubleOf(ops, r, l.cfg.Now())
	if k.seen != nil && (r.Revision < k.seen.run.Revision || r.Revision == k.seen.run.Revision && trouble == k.seen.trouble) {
		return
	}
	if k.seen == nil || stageOf(r) != stageOf(k.seen.run) {
		// Its initiator is about to be told, too.
		if box := l.inboxes[keyOf(r.Initiator)]; box != nil {
			box.due = 2
			l.hurry()
		}
	}
	k.seen = &seen{bare(r), labelOf(ops, r.Type), trouble}
	for f := range k.by {
		f.offer(k.seen)
	}
	for f := range t.active {
		f.offerActive(k.seen)
	}
}

// stageOf tells the stages of a run's life apart.
func stageOf(r *runs.Run) string { return string(r.Status) + string(r.Outcome) }

// bare is what of a run is told: what a list shows of it.
func bare(r *runs.Run) *runs.Run {
	b := *r
	b.Params, b.Context, b.Failures, b.Counts.Extra = nil, nil, nil, nil
	return &b
}

func (f *follower) offer(s *seen) {
	f.pending[s.run.ID] = s
	f.signal()
}

// offerActive tells f of a run that is active, or was when f heard of it.
func (f *follower) offerActive(s *seen) {
	id := s.run.ID
	if slices.Contains(f.ids, id) {
		return
	}
	if _, told := f.shown[id]; !told {
		switch {
		case s.run.Ended():
			return
		case len(f.shown) >= maxShown:
			f.skipped = true
			return
		}
		f.shown[id] = false
	}
	if s.run.Ended() {
		sent := f.shown[id]
		delete(f.shown, id)
		if !sent && len(f.pending) > maxShown {
			delete(f.pending, id) // it came and went while f did not listen
			return
		}
	}
	f.offer(s)
}

func (f *follower) offerUnread(n int) {
	f.unread = n
	f.signal()
}

func (f *follower) signal() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// take returns what f has not been told yet, the oldest runs first; unread is -1
// if that is not new.
func (l *live) take(f *follower) (all []*seen, unread int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, s := range f.pending {
		all = append(all, s)
		if _, shown := f.shown[id]; shown {
			f.shown[id] = true
		}
	}
	clear(f.pending)
	unread, f.unread = f.unread, -1
	slices.SortFunc(all, func(a, b *seen) int { return compareIDs(a.run, b.run) })
	return all, unread
}

// warn logs what keeps the poller from reading.
func (l *live) warn(ctx context.Context, what string, err error) {
	if ctx.Err() == nil {
		l.cfg.Logger.WarnContext(ctx, "live updates are late", "reading", what, "error", err)
	}
}
