package graphclient

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// How a gate reacts to refusals.
const (
	firstPause   = time.Second      // without a Retry-After
	longestGuess = time.Minute      // as above, after doubling
	lowestPace   = 0.2              // of the normal pace
	slowBy       = 0.8              // at each refusal
	recovery     = 30 * time.Second // from a standstill to the normal pace
	fullLoad     = 0.8              // x-ms-throttle-limit-percentage starts here
)

// A gate paces the requests of one bucket in one tenant.
type gate struct {
	patience time.Duration
	now      func() time.Time

	mu          sync.Mutex
	all, writes pacer
	queue       []*waiter // in the order in which they may go, reads and writes mixed
	timer       *time.Timer

	factor float64   // the pace until slowed, as a part of the normal one
	slowed time.Time // from when it recovers

	paused  time.Time // nobody goes before
	since   time.Time // when the refusals began; zero if the last answer was none
	epoch   int       // counts pauses, to tell whether an answer is older than the last
	strikes int       // refusals in a row, one per epoch
	trial   bool      // the next one goes alone,
	busy    bool      // or is doing so
}

// A waiter is a request that has not been let through.
type waiter struct {
	n        int
	write    bool
	turn     turn
	deadline time.Time // zero means none
	ready    chan struct{}
	pass     pass
	err      error
}

// A turn says who goes before whom; those of one turn go as they came.
type turn int

const (
	againTurn turn = iota // was refused
	pageTurn              // a page of a list: all that is read of its objects waits for it
	usualTurn
)

// A verdict is what an answer says about the limit.
type verdict struct {
	answered  bool          // there was an answer that was no refusal
	throttled int           // parts that were refused
	after     time.Duration // for how long, if the answer said
	said      bool
	load      float64 // how much of the limit is used, if above 0
	cost      int     // resource units, if above 0
}

func (g *gate) enqueue(w *waiter) {
	i := len(g.queue)
	for i > 0 && g.queue[i-1].turn > w.turn {
		i--
	}
	g.queue = slices.Insert(g.queue, i, w)
}

func (g *gate) remove(w *waiter) bool {
	i := slices.Index(g.queue, w)
	if i >= 0 {
		g.queue = slices.Delete(g.queue, i, i+1)
	}
	return i >= 0
}

// advance lets through who may go now, and sets the timer for the next.
func (g *gate) advance() {
	now := g.now()
	for len(g.queue) > 0 && !g.busy {
		i, at := g.head()
		if wait := at.Sub(now); wait > 0 {
			g.wake(wait)
			return
		}
		w := g.queue[i]
		g.queue = slices.Delete(g.queue, i, i+1)
		g.all.take(now, w.n, g.pace(now))
		if w.write {
			g.writes.take(now, w.n, g.pace(now))
		}
		w.pass = pass{n: w.n, epoch: g.epoch, trial: g.trial}
		g.busy, g.trial = g.trial, false
		close(w.ready)
	}
}

// head returns who goes next, and when: the first of all, or the first read
// if the first of all is a write that must wait for longer.
func (g *gate) head() (int, time.Time) {
	at := later(g.all.next(), g.paused)
	if !g.queue[0].write {
		return 0, at
	}
	write := later(at, g.writes.next())
	if write.After(at) {
		read := func(w *waiter) bool { return !w.write }
		if i := slices.IndexFunc(g.queue, read); i > 0 {
			return i, at
		}
	}
	return 0, write
}

func (g *gate) wake(after time.Duration) {
	if g.timer != nil {
		g.timer.Reset(after)
		return
	}
	g.timer = time.AfterFunc(after, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.advance()
	})
}

// pace returns the present part of the normal pace.
func (g *gate) pace(now time.Time) float64 {
	return min(1, g.factor+float64(max(0, now.Sub(g.slowed)))/float64(recovery))
}

// slow lowers the pace by factor, but not for ever and not to nothing.
func (g *gate) slow(now time.Time, factor float64) {
	g.factor, g.slowed = max(lowestPace, g.pace(now)*factor), now
}

// done takes an answer in.
func (g *gate) done(p pass, v verdict) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leave(p, v)
}

func (g *gate) leave(p pass, v verdict) {
	now := g.now()
	if p.trial {
		g.busy = false
	}
	switch {
	case v.throttled > 0:
		g.pause(now, p, v)
	case v.answered && p.epoch == g.epoch:
		g.strikes, g.since = 0, time.Time{}
	case p.trial:
		g.trial = true // it learned nothing
	}
	if v.cost > 1 {
		// One unit was counted beforehand.
		g.all.take(now, v.cost-1, g.pace(now))
	}
	if v.load > fullLoad {
		g.slow(now, fullLoad/v.load)
	}
	g.advance()
}

// pause stops everybody after a refusal.
func (g *gate) pause(now time.Time, p pass, v verdict) {
	if p.epoch == g.epoch {
		g.epoch++
		g.strikes++
		g.slow(now, 1-(1-slowBy)*float64(v.throttled)/float64(p.n))
	}
	if g.since.IsZero() {
		g.since = now
	}
	wait := v.after
	doublings := min(max(g.strikes-1, 0), 10) // no strike if it is older than an answer
	if guess := min(longestGuess, firstPause<<doublings); !v.said || wait == 0 && g.strikes > 1 {
		wait = guess
	}
	// A little later than asked, and never all processes at the same time.
	wait += time.Duration((0.02 + 0.1*rand.Float64()) * float64(max(wait, time.Second)))
	g.paused = later(g.paused, now.Add(wait))
	g.slowed = g.paused // a pause is no time to recover in
	g.trial = true
	g.dismiss()
}

// dismiss sends those away for whom the pause is too long.
func (g *gate) dismiss() {
	g.queue = slices.DeleteFunc(g.queue, func(w *waiter) bool {
		w.err = g.refuse(w)
		if w.err == nil {
			return false
		}
		close(w.ready)
		return true
	})
}

// refuse returns an error if w would wait in vain: for longer than it can, or
// than patience lasts. Whoever comes when a pause is over may try again.
func (g *gate) refuse(w *waiter) error {
	wait := g.paused.Sub(g.now())
	if wait <= 0 {
		return nil
	}
	tooLate := !w.deadline.IsZero() && w.deadline.Before(g.paused)
	if tooLate || !g.since.IsZero() && g.paused.Sub(g.since) > g.patience {
		return &Error{Reason: ErrThrottled, RetryAfter: wait}
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
