package model

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A world is the processes, and what the model knows of the runs.
type world struct {
	ctx   context.Context
	store Store
	name  string
	plain runs.Type // of runs without a lane
	laned runs.Type

	procs []*process
	runs  []*run
	byID  map[string]*run
	onces map[string]*run
	steps []string
	marks int // how many reports there were

	mu      sync.Mutex
	told    map[string][]runs.Outcome // what the observer heard, by run
	deaf    bool                      // the observer fails
	refused map[string]int            // how often it failed, by run
	denied  bool                      // the authorizer refuses
	arrived map[attempt]*puppet
}

type attempt struct {
	run string
	n   int
}

// A run is what the model knows of one.
type run struct {
	ref    runs.Ref
	in     input
	once   string
	retry  string
	status runs.Status

	outcome   runs.Outcome
	reason    runs.Reason
	attempt   int
	lost      int
	canceled  bool // somebody has asked
	parked    bool // and the time has not come
	announced bool
	counts    runs.Counts // as they are stored
	items     map[string]item
	owner     *puppet // executes the latest attempt; nil if its process is gone
	expired   bool    // its lease is over
	due       bool    // it is to be announced again
}

type item struct {
	outcome runs.ItemOutcome
	attempt int
}

func (r *run) active() bool { return r.status != runs.StatusCompleted }

func (w *world) laneOf(r *run) string {
	if r.ref.Type == w.laned {
		return w.lane(r.in)
	}
	return ""
}

// tally is what the items come to.
func (r *run) tally() (c runs.Counts) {
	for _, it := range r.items {
		switch it.outcome {
		case runs.ItemSucceeded:
			c.Succeeded++
		case runs.ItemFailed:
			c.Failed++
		default:
			c.Skipped++
		}
	}
	return c
}

// input is unique by Key; Note is what else there is.
type input struct {
	Key  int `json:"key"`
	Note int `json:"note"`
}

func (w *world) lane(in input) string { return fmt.Sprint(w.name, " lane ", in.Key%2) }

const (
	keys     = 5
	tenants  = 2
	maxLost  = 3
	forever  = 10 * time.Hour // longer than any program takes
	patience = time.Minute
)

func newWorld(ctx context.Context, s Store, name string) *world {
	w := &world{
		ctx:     ctx,
		store:   s,
		name:    name,
		plain:   runs.Type(name + ".plain"),
		laned:   runs.Type(name + ".laned"),
		byID:    map[string]*run{},
		onces:   map[string]*run{},
		told:    map[string][]runs.Outcome{},
		refused: map[string]int{},
		arrived: map[attempt]*puppet{},
	}
	for range 3 {
		w.procs = append(w.procs, w.newProcess(true))
	}
	return w
}

func (w *world) close() {
	for _, p := range w.procs {
		w.crash(p)
	}
}

// A process is a tracker whose worker claims only what it is told to.
type process struct {
	gate    *gate
	tracker *runs.Tracker
	claim   runs.Claim
	claims  chan runs.Claim
	ctx     context.Context // of Run
	stop    context.CancelFunc
	stopped chan struct{}
	group   sync.WaitGroup
	puppets []*puppet       // that have not ended
	sawBusy map[string]bool // lanes that a claim of it found busy; it believes so for a while
}

// Dispatch does with the run that a step starts what the step says, and
// accepts those that the tracker offers on its own account.
func (p *process) Dispatch(ctx context.Context, ref runs.Ref) error {
	g := p.gate
	g.mu.Lock()
	dispatch := g.dispatch
	if !g.sweeping && g.last != ref.ID {
		dispatch = nil
	}
	if dispatch != nil {
		g.dispatching.Add(1)
		defer g.dispatching.Done()
	}
	g.mu.Unlock()
	if dispatch == nil {
		return nil
	}
	return dispatch(ctx, ref)
}

// worker makes a process one that executes.
type worker struct{ *process }

func (p worker) Work(ctx context.Context, claim runs.Claim) error {
	p.claims <- claim
	<-ctx.Done()
	p.group.Wait()
	return nil
}

// newProcess returns a process, one that works or one that only sweeps, once,
// when it is begun.
func (w *world) newProcess(works bool) *process {
	p := &process{gate: &gate{Store: w.store}, claims: make(chan runs.Claim, 1), stopped: make(chan struct{}), sawBusy: map[string]bool{}}
	cfg := runs.Config{
		Store: p.gate, Items: p.gate, Dispatcher: p,
		Observers:  []runs.Observer{w},
		Authorizer: w,
		Lease:      forever, Heartbeat: forever / 4, Margin: forever / 4,
		Progress: time.Millisecond,
		Sweep:    forever, Ring: time.Hour, Grace: time.Millisecond, MaxLost: maxLost,
	}
	if works {
		cfg.Dispatcher = worker{p}
	}
	identity := func(in input) any { return in.Key }
	cfg.Operations = []runs.Operation{
		runs.Spec[input]{Type: w.plain, Identity: identity, Handle: w.handle}.Operation(),
		runs.Spec[input]{Type: w.laned, Identity: identity, Handle: w.handle, Lane: w.lane}.Operation(),
	}
	tracker, err := runs.New(cfg)
	if err != nil {
		panic(err) // unreachable: the configuration is fixed
	}
	p.tracker = tracker
	p.ctx, p.stop = context.WithCancel(w.ctx)
	if works {
		w.begin(p)
		p.claim = <-p.claims
	}
	return p
}

func (w *world) begin(p *process) {
	go func() {
		defer close(p.stopped)
		_ = p.tracker.Run(p.ctx) // it is called once
	}()
}

// A gate is the way of one process to the store.
type gate struct {
	Store

	mu     sync.Mutex
	dead   bool
	looked bool   // a sweep has passed lost runs and silent ones
	method string // of the calls that fail
	left   int    // how many of them
	after  bool   // they fail after they were made
	made   bool   // the latest of these had its effect
	last   string // the ID of the latest insert

	updates int   // that are under way
	updated error // how the latest one ended

	dispatch    func(ctx context.Context, ref runs.Ref) error // nil accepts all
	dispatching sync.WaitGroup                                // what is in it
	sweeping    bool                                          // it is for all runs, not only for the last
}

// setDispatch has f dispatch from now on, when nobody is in what did so before.
func (g *gate) setDispatch(f func(ctx context.Context, ref runs.Ref) error) {
	g.mu.Lock()
	g.dispatch = f
	g.mu.Unlock()
	g.dispatching.Wait()
}

// quiet reports whether nothing is being changed, nor has to be tried again.
func (g *gate) quiet() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.updates == 0 && g.updated == nil
}

// lost reports whether the call of which the answer was lost had its effect:
// somebody else may have been quicker.
func (g *gate) lost() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.made
}

// arm makes the next n calls of method fail.
func (g *gate) arm(method string, n int, after bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.method, g.left, g.after = method, n, after
}

func (g *gate) die() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dead = true
}

var errLost = fmt.Errorf("on purpose: %w", runs.ErrStoreUnavailable)

// call makes a call, or not, and loses its answer, or not.
func (g *gate) call(method string, make func() error) error {
	g.mu.Lock()
	dead, fail, after := g.dead, g.method == method && g.left > 0, g.after
	if fail {
		g.left--
	}
	g.mu.Unlock()
	switch {
	case dead && method == "PutItems":
		return nil
	case dead:
		return runs.ErrNotFound // which nobody tries again
	case !fail:
		return make()
	case after:
		made := make() == nil // nobody learns of it
		g.mu.Lock()
		g.made = made
		g.mu.Unlock()
		return errLost
	default:
		return errLost
	}
}

func (g *gate) Insert(ctx context.Context, r *runs.Run) (stored *runs.Run, inserted bool, err error) {
	g.mu.Lock()
	g.last = r.ID
	g.mu.Unlock()
	err = g.call("Insert", func() (err error) {
		stored, inserted, err = g.Store.Insert(ctx, r)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return stored, inserted, nil
}

func (g *gate) Get(ctx context.Context, ref runs.Ref) (r *runs.Run, err error) {
	err = g.call("Get", func() (err error) {
		r, err = g.Store.Get(ctx, ref)
		return err
	})
	return r, err
}

func (g *gate) Update(ctx context.Context, r *runs.Run) (stored *runs.Run, err error) {
	g.mu.Lock()
	g.updates++
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.updates--
		g.updated = err
	}()
	err = g.call("Update", func() (err error) {
		stored, err = g.Store.Update(ctx, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	return stored, nil
}

func (g *gate) Due(ctx context.Context, q runs.DueQuery) (due []*runs.Run, err error) {
	err = g.call("Due", func() (err error) {
		due, err = g.Store.Due(ctx, q)
		return err
	})
	if q.Status == runs.StatusQueued {
		g.mu.Lock()
		g.looked = true // for what is queued, as the last thing of a sweep
		g.mu.Unlock()
	}
	return due, err
}

func (g *gate) PutItems(ctx context.Context, ref runs.Ref, attempt int, items []runs.Item) error {
	return g.call("PutItems", func() error { return g.Store.PutItems(ctx, ref, attempt, items) })
}

func (g *gate) Items(ctx context.Context, q runs.ItemQuery) (page runs.ItemPage, err error) {
	err = g.call("Items", func() (err error) {
		page, err = g.Store.Items(ctx, q)
		return err
	})
	return page, err
}

// Observe implements [runs.Observer].
func (w *world) Observe(_ context.Context, r *runs.Run) error {
	if !r.Ended() {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.deaf {
		w.refused[r.ID]++
		return errors.New("deaf")
	}
	w.told[r.ID] = append(w.told[r.ID], r.Outcome)
	return nil
}

// Authorize implements [runs.Authorizer].
func (w *world) Authorize(context.Context, runs.Actor, string, runs.Action) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.denied {
		return runs.ErrForbidden
	}
	return nil
}

func (w *world) set(flag *bool, to bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*flag = to
}

// until waits for something to happen, in time that may be fake.
func (w *world) until(what string, happens func() (bool, error)) error {
	for deadline := time.Now().Add(patience); ; {
		ok, err := happens()
		if ok || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("in vain waited for: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// A puppet is a handler that does what it is told.
type puppet struct {
	run     *run
	attempt int
	proc    *process
	orders  chan order
	ended   chan struct{}   // closed when execute has returned
	before  map[string]bool // items that it has found done
	arrived bool

	x   *runs.Exec
	ctx context.Context
	saw bool // its context has ended because the run was canceled
}

// An order is something that a handler is told to do.
type order struct {
	items []runs.Item
	mark  string                                        // a note for the end of the items; empty for none
	end   func(ctx context.Context, x *runs.Exec) error // nil means to go on
	done  chan struct{}
}

func (w *world) handle(ctx context.Context, x *runs.Exec, _ input) error {
	r := x.Run()
	w.mu.Lock()
	u := w.arrived[attempt{r.ID, r.Attempt}]
	if u == nil {
		w.mu.Unlock()
		return errors.New("an attempt that nobody has claimed")
	}
	u.x, u.ctx, u.arrived = x, ctx, true
	w.mu.Unlock()
	for o := range u.orders {
		for _, it := range o.items {
			switch {
			case x.Done(it.Key):
			case it.Outcome == runs.ItemSucceeded:
				x.Succeed(it.Key)
			case it.Outcome == runs.ItemFailed:
				x.Fail(it.Key, runs.Public(nil, runs.ReasonConflict, ""))
			default:
				x.Skip(it.Key, runs.ReasonUnsupported)
			}
		}
		if o.mark != "" {
			x.Note("mark", o.mark)
		}
		close(o.done)
		if o.end != nil {
			return o.end(ctx, x)
		}
	}
	return nil
}

// tell gives an order and waits until it is carried out, or until the handler,
// which may never have been called, cannot do it any more.
func (u *puppet) tell(o order) {
	o.done = make(chan struct{})
	select {
	case u.orders <- o:
		<-o.done
		if o.end == nil {
			return
		}
		<-u.ended
	case <-u.ended:
	}
	u.proc.puppets = slices.DeleteFunc(u.proc.puppets, func(other *puppet) bool { return other == u })
}
