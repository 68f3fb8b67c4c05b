package runs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Config says what a [Tracker] is made of. Store and Dispatcher are required;
// every zero field has the meaning given with it. No duration may be negative.
type Config struct {
	Store      Store
	Dispatcher Dispatcher

	// Operations are the types that this process knows. Others are refused at
	// the start, and are never claimed.
	Operations []Operation

	// Items keeps the items of runs. If nil, a run has its counts and its first
	// [MaxFailures] failures only, and an attempt after a crash cannot tell
	// what an earlier one has done. It has to know the runs of Store, so usually
	// it is the same value; of a run that it does not know it keeps no items, and
	// Logger gets that.
	Items ItemStore

	// Authorizer rules on every start, retry and cancel, and again before a run
	// is claimed; see also [Judge]. If nil, the caller of this package has done
	// so already.
	Authorizer Authorizer

	// Observers are told of what became of runs, in this order. All processes
	// that share a store must have the same ones.
	Observers []Observer

	// Around is called for every attempt that this process executes, that of
	// [Tracker.Do] included, for what has to know its beginning and its end:
	// tracing, profiling labels. It calls execute, with ctx or a context made of
	// it, whose values reach the handler and the observers of the end. When
	// execute returns, the attempt is over and recorded; x.Run() says how. If it
	// is running still, this worker has lost its lease, or could not reach the
	// store. Whatever Around does, the attempt is executed once. If nil, nothing
	// is around it.
	Around func(ctx context.Context, x *Exec, execute func(ctx context.Context))

	// Logger gets what is not kept, such as the text of errors. If nil, nobody
	// does.
	Logger *slog.Logger

	// Now is the clock for what people see; leases follow the store's clock. If
	// nil, it is time.Now.
	Now func() time.Time

	// Instance is the name of this process, if it keeps its name when it is
	// started again, such as that of a pod in a stateful set. [Tracker.Run] then
	// begins by taking over the runs that were left behind under this name,
	// rather than wait for the end of their leases. Two living processes must
	// not share a name: whichever starts later would take the other's runs from
	// it, which counts as a lost worker, although nothing is recorded twice. If
	// empty, the process has no name.
	Instance string

	// Lease is how long a worker may be silent before its run is taken from it;
	// 0 means 30 s. Heartbeat is how often it reports; 0 means 5 s. Margin is
	// how long before the end of its lease a worker that cannot report stops by
	// itself; 0 means 3 s. Lease must exceed the other two together. An
	// [Operation] can have its own.
	Lease     time.Duration
	Heartbeat time.Duration
	Margin    time.Duration

	// Progress is the least time between two writes of a run's progress; 0
	// means 1 s.
	Progress time.Duration

	// Sweep is how often Run looks for runs that wait for somebody; 0 means
	// 2 s. A queued run that nobody has claimed is offered again after Ring,
	// later at growing distances; 0 means 5 s.
	Sweep time.Duration
	Ring  time.Duration

	// MaxLost is how often a run may lose its worker before it fails; 0 means
	// three times. An [Operation] can have its own.
	MaxLost int

	// Grace is how long handlers may go on when the context of Run has ended;
	// 0 means 10 s. Then their runs are queued again.
	Grace time.Duration
}

// A Tracker starts, executes and reports runs. All rules of a run's life are
// its. Its methods are safe for concurrent use.
type Tracker struct {
	cfg   Config
	ops   map[Type]*Operation
	types []Type // all that were declared, sorted
	rings []Type // those that this process rings for
	ids   *ids

	incarnation string // of Config.Instance, if there is one

	worker  Worker        // the dispatcher, if it is one
	ran     atomic.Bool   // Run was called
	pull    chan struct{} // asks Run to offer queued runs to a free slot
	backlog atomic.Bool   // the dispatcher was full, so there may be some
	full    atomic.Int64  // how many references waited when the dispatcher was full
	handed  handover
	lanes   lanes
	watch   watchers
	live    liveRuns

	telling    textSet        // runs whose end is being announced
	teller     chan struct{}  // holds an entry for each of them that a sweep began
	background sync.WaitGroup // of what a sweep began

	stopOnce, hurryOnce sync.Once
	stopping            chan struct{} // closed by Stop
	hurry               chan struct{} // closed when Stop waits for handlers no longer
	ended               chan struct{} // closed when Run returns

	abandon chan struct{} // closed when executions are waited for no longer
	last    chan struct{} // closed when nothing is waited for any longer
}

// New returns a Tracker made of cfg, or an error that says what is wrong with
// it. It starts nothing; see [Tracker.Run].
func New(cfg Config) (*Tracker, error) {
	switch {
	case cfg.Store == nil:
		return nil, errors.New("runs: Config.Store is missing; memruns.New() keeps runs in memory")
	case cfg.Dispatcher == nil:
		return nil, errors.New("runs: Config.Dispatcher is missing; pondruns.New executes runs in this process")
	case slices.Contains(cfg.Observers, nil):
		return nil, errors.New("runs: one of Config.Observers is nil")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now //nolint:forbidigo // the one default
	}
	for _, d := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{
		{&cfg.Lease, 30 * time.Second},
		{&cfg.Heartbeat, 5 * time.Second},
		{&cfg.Margin, 3 * time.Second},
		{&cfg.Progress, time.Second},
		{&cfg.Sweep, 2 * time.Second},
		{&cfg.Ring, 5 * time.Second},
		{&cfg.Grace, 10 * time.Second},
	} {
		if *d.value < 0 {
			return nil, errors.New("runs: a duration in Config is negative")
		}
		if *d.value == 0 {
			*d.value = d.fallback
		}
	}
	if err := holds(cfg.Lease, cfg.Heartbeat, cfg.Margin); err != nil {
		return nil, fmt.Errorf("runs: Config: %w", err)
	}
	if cfg.MaxLost < 0 {
		return nil, errors.New("runs: Config.MaxLost is negative")
	}
	if cfg.MaxLost == 0 {
		cfg.MaxLost = 3
	}
	if err := validText("Config.Instance", cfg.Instance); err != nil {
		return nil, fmt.Errorf("runs: %w", err)
	}
	t := &Tracker{
		cfg:     cfg,
		ops:     make(map[Type]*Operation, len(cfg.Operations)),
		ids:     new(ids),
		pull:    make(chan struct{}, 1),
		teller:  make(chan struct{}, sweepWidth),
		abandon: make(chan struct{}),

		stopping: make(chan struct{}),
		hurry:    make(chan struct{}),
		ended:    make(chan struct{}),
		last:     make(chan struct{}),
	}
	for _, op := range cfg.Operations {
		if t.ops[op.Type] != nil {
			return nil, fmt.Errorf("runs: operation %s is declared twice", op.Type)
		}
		if err := op.complete(&cfg); err != nil {
			return nil, fmt.Errorf("runs: operation %s: %w", op.Type, err)
		}
		t.ops[op.Type] = &op
		t.types = append(t.types, op.Type)
	}
	if cfg.Instance != "" {
		t.incarnation = rand.Text()
	}
	slices.Sort(t.types)
	t.worker, _ = cfg.Dispatcher.(Worker)
	for _, typ := range t.types {
		// What a process with workers of its own cannot execute it does not ring
		// for: it would only put off those who can.
		if t.worker == nil || t.ops[typ].Executes() {
			t.rings = append(t.rings, typ)
		}
	}
	return t, nil
}

// A Reader is the reading half of a [Tracker]. It asks for no rights; its
// callers do.
type Reader interface {
	Get(ctx context.Context, ref Ref) (*Run, error)
	List(ctx context.Context, q Query) (Page, error)
	Items(ctx context.Context, q ItemQuery) (ItemPage, error)
	Counts(ctx context.Context, q Query) (Tally, error)
	Operations() []Operation
}

var _ Reader = (*Tracker)(nil)

// Get returns the run that ref names, or [ErrNotFound]. ref.Type may be empty.
func (t *Tracker) Get(ctx context.Context, ref Ref) (*Run, error) {
	r, err := t.cfg.Store.Get(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("get run: %w", err)
	}
	return r, nil
}

// List returns a page of a tenant's runs, newest first; see [Store].
func (t *Tracker) List(ctx context.Context, q Query) (Page, error) {
	page, err := t.cfg.Store.List(ctx, q)
	if err != nil {
		return Page{}, fmt.Errorf("list runs: %w", err)
	}
	return page, nil
}

// Items returns a page of a run's items; see [ItemStore]. Without an ItemStore
// a run has the failed items that are on its own record, all of them on one
// page.
func (t *Tracker) Items(ctx context.Context, q ItemQuery) (ItemPage, error) {
	if t.cfg.Items != nil {
		page, err := t.cfg.Items.Items(ctx, q)
		if err != nil {
			return ItemPage{}, fmt.Errorf("list items: %w", err)
		}
		return page, nil
	}
	r, err := t.cfg.Store.Get(ctx, q.Run)
	if err != nil {
		return ItemPage{}, fmt.Errorf("list items: %w", err)
	}
	if q.After != "" {
		return ItemPage{}, fmt.Errorf("list items: %w", ErrBadCursor)
	}
	var page ItemPage
	for _, f := range r.Failures {
		if len(q.Outcomes) > 0 && !slices.Contains(q.Outcomes, ItemFailed) || q.Reason != "" && q.Reason != f.Reason {
			continue
		}
		page.Items = append(page.Items, Item{Key: f.Key, Outcome: ItemFailed, Failure: f.Failure, Attempt: r.Attempt})
	}
	return page, nil
}

// countCap is where counting stops: nobody reads on, and it bounds the cost.
const countCap = 10_000

// Counts counts the runs that match q by status and outcome, each figure up to
// 10,000. It reports errors.ErrUnsupported if the store is no [Counter].
func (t *Tracker) Counts(ctx context.Context, q Query) (Tally, error) {
	c, ok := t.cfg.Store.(Counter)
	if !ok {
		return Tally{}, fmt.Errorf("count runs: the store does not count: %w", errors.ErrUnsupported)
	}
	tally, err := c.Count(ctx, q, countCap)
	if err != nil {
		return Tally{}, fmt.Errorf("count runs: %w", err)
	}
	return tally, nil
}

// Operations returns the operations that were declared, by type.
func (t *Tracker) Operations() []Operation {
	all := make([]Operation, 0, len(t.ops))
	for _, typ := range t.types {
		all = append(all, *t.ops[typ])
	}
	return all
}

// now is what people see as the time.
func (t *Tracker) now() time.Time { return Instant(t.cfg.Now()) }

// update stores r and tells those who watch. What it returns has the Params of r
// again.
func (t *Tracker) update(ctx context.Context, r *Run) (*Run, error) {
	stored, err := t.cfg.Store.Update(ctx, r)
	if err != nil {
		return nil, err
	}
	stored.Params = r.Params
	t.watch.tell(stored)
	return stored, nil
}
