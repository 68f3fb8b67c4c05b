package runs

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math"
	"slices"
	"sync"
	"time"
)

// An Exec is what a handler has of its run: it reports items and progress
// there. Reporting is cheap: what is reported is merged and written at most
// once in Config.Progress. Its methods are safe for concurrent use and do
// nothing once the handler has returned.
type Exec struct {
	t         *Tracker
	op        *Operation
	ref       Ref
	attempt   int
	initiator Actor
	work      func(ctx context.Context) error
	caller    context.Context // of Do, whose end cancels the run; else nil

	cancel  context.CancelCauseFunc // ends the handler's context
	kick    chan struct{}           // tells keep that there is something to report
	storing chan struct{}           // holds one entry while items are stored

	mu       sync.Mutex
	run      *Run      // as it was stored last
	until    time.Time // when to stop unless there was another write
	counts   Counts
	failures []ItemFailure
	figures  int // bytes of the names in counts.Extra
	facts    map[string]string
	seen     map[string]struct{} // items of this attempt
	before   map[string]struct{} // items of earlier attempts
	buffer   []Item              // items that are not stored yet
	dirty    bool
	closed   bool
}

// newExec prepares the execution of a run that was claimed. The caller sets
// work.
func newExec(t *Tracker, op *Operation, claimed *Run, until time.Time) *Exec {
	return &Exec{
		t:         t,
		op:        op,
		ref:       claimed.Ref(),
		attempt:   claimed.Attempt,
		initiator: claimed.Initiator,
		run:       claimed,
		until:     until,
		facts:     maps.Clone(claimed.Context),
		seen:      make(map[string]struct{}),
		kick:      make(chan struct{}, 1),
		storing:   make(chan struct{}, 1),
	}
}

// Run returns the record of the run, with what was reported so far.
func (x *Exec) Run() *Run {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.run.Clone()
	x.fill(r)
	return r
}

// fill writes what was reported into r. The caller holds mu.
func (x *Exec) fill(r *Run) {
	r.Counts = x.counts
	if done := x.counts.Processed(); r.Counts.Total > 0 && done > r.Counts.Total {
		r.Counts.Total = done // there was more to do than the handler thought
	}
	r.Counts.Extra = maps.Clone(x.counts.Extra)
	r.Failures = slices.Clone(x.failures)
	r.Context = maps.Clone(x.facts)
}

// Logger returns the Tracker's logger with the run's ID and type.
func (x *Exec) Logger() *slog.Logger {
	return x.t.cfg.Logger.With("run", x.ref.ID, "type", string(x.op.Type))
}

// Total says how many items there are to do. It may be raised later, never
// lowered; less than what it was is ignored.
func (x *Exec) Total(n int64) {
	x.change(func() { x.counts.Total = max(x.counts.Total, n) })
}

// Add adds n to the figure with this name, such as "objects". A negative n is
// ignored, and so is a further name that does not fit into 16 KiB together with
// the others: what has a name for each of its items belongs into items.
func (x *Exec) Add(name string, n int64) {
	if n < 0 || validText("name", name) != nil {
		return
	}
	x.change(func() {
		if x.counts.Extra == nil {
			x.counts.Extra = make(map[string]int64)
		}
		if _, there := x.counts.Extra[name]; !there {
			if x.figures+len(name) > maxFacts {
				return
			}
			x.figures += len(name)
		}
		x.counts.Extra[name] = plus(x.counts.Extra[name], n)
	})
}

// Count adds to the counts for work that has no items with keys of their own.
// Negative figures and Extra are ignored.
func (x *Exec) Count(succeeded, failed, skipped int64) {
	x.change(func() {
		x.counts.Succeeded = plus(x.counts.Succeeded, succeeded)
		x.counts.Failed = plus(x.counts.Failed, failed)
		x.counts.Skipped = plus(x.counts.Skipped, skipped)
	})
}

// plus adds n to a count. A third of what fits is where it ends, so that the
// sum of three counts fits too.
func plus(count, n int64) int64 {
	const most = math.MaxInt64 / 3
	return min(count, most) + min(max(n, 0), most-min(count, most))
}

// Note states a fact for people on the run, sanitized: where something came
// from, what was found. The last one with a name counts; a fact that does not
// fit into 16 KiB together with the others is left out.
func (x *Exec) Note(name, value string) {
	name, value = Sanitize(name), SanitizeFact(name, value)
	x.change(func() {
		if x.facts == nil {
			x.facts = make(map[string]string)
		}
		size := len(name) + len(value)
		for k, v := range x.facts {
			if k != name {
				size += len(k) + len(v)
			}
		}
		if size <= maxFacts {
			x.facts[name] = value
		}
	})
}

const maxFacts = 16 << 10

// Succeed reports that the item is done. An item keeps its first outcome: to
// report it again changes nothing, in this attempt or a later one. The key is
// shown to people; it must not be empty nor hold secrets.
func (x *Exec) Succeed(key string) { x.settle(Item{Key: key, Outcome: ItemSucceeded}) }

// Fail reports that the item could not be done; see [FailureOf] for what of err
// is kept. The run goes on.
func (x *Exec) Fail(key string, err error) {
	if err == nil {
		err = errors.New("failed without an error")
	}
	f, id := FailureOf(err)
	x.t.cfg.Logger.Warn("item failed", "run", x.ref.ID, "type", string(x.op.Type), "item", key, "id", id, "error", err)
	x.settle(Item{Key: key, Outcome: ItemFailed, Failure: f})
}

// Skip reports that the item did not need to be done, and why. A reason that is
// not [Reason.Known] is left out.
func (x *Exec) Skip(key string, reason Reason) {
	it := Item{Key: key, Outcome: ItemSkipped}
	if reason.Known() {
		it.Failure = Because(reason)
	}
	x.settle(it)
}

// Done reports whether an earlier attempt of this run has settled the item, so
// that there is nothing left to do for it. Without an [ItemStore] it does not
// know and reports false.
func (x *Exec) Done(key string) bool {
	key = itemKey(key)
	x.mu.Lock()
	defer x.mu.Unlock()
	_, done := x.before[key]
	return done
}

// Authorize asks whether the initiator may still do a, and reports
// [ErrForbidden] or [ErrNotFound] if not. Handlers call it before each phase
// that changes something.
func (x *Exec) Authorize(ctx context.Context, a Action) error {
	return x.t.ask(ctx, Question{Actor: x.initiator, Tenant: x.ref.Tenant, Action: a, Step: StepPhase, Run: x.ref})
}

// Park returns an error for the handler to return: the run then waits, queued,
// for at least d, its slot is given back, and the handler is called again for
// the next attempt. Meanwhile the run is active, so that asking for it joins
// it, and people see reason. Waiting is no loss, and its number of times is not
// limited. A reason that is not [Reason.Known] becomes [ReasonNotReady].
func (x *Exec) Park(d time.Duration, reason Reason) error {
	if !reason.Known() {
		reason = ReasonNotReady
	}
	return &parked{max(d, time.Millisecond), Because(reason)}
}

// parked is the error of a handler whose run waits.
type parked struct {
	delay   time.Duration
	waiting Failure
}

func (p *parked) Error() string { return "parked: " + p.waiting.Message }

func (x *Exec) change(apply func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return
	}
	apply()
	if !x.dirty {
		x.dirty = true
		select {
		case x.kick <- struct{}{}:
		default:
		}
	}
}

func (x *Exec) settle(it Item) {
	it.Key, it.Attempt, it.At = itemKey(it.Key), x.attempt, x.t.now()
	full := false
	x.change(func() {
		if _, again := x.before[it.Key]; again {
			return
		}
		if _, again := x.seen[it.Key]; again {
			return
		}
		x.seen[it.Key] = struct{}{}
		x.tally(it)
		if x.t.cfg.Items != nil {
			x.buffer = append(x.buffer, it)
			full = len(x.buffer) >= bufferSize
		}
	})
	if full {
		ctx, cancel := context.WithTimeout(context.Background(), x.op.Margin) //nolint:forbidigo // reporting takes no context
		defer cancel()
		x.storeItems(ctx)
	}
}

// tally counts a settled item. The caller holds mu.
func (x *Exec) tally(it Item) {
	switch it.Outcome {
	case ItemSucceeded:
		x.counts.Succeeded++
	case ItemSkipped:
		x.counts.Skipped++
	case ItemFailed:
		x.counts.Failed++
		if len(x.failures) < MaxFailures {
			x.failures = append(x.failures, ItemFailure{it.Key, it.Failure})
		}
	}
}
