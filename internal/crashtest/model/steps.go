package model

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A dice gives the small numbers that a word holds.
type dice uint64

// roll returns a number below n.
func (d *dice) roll(n int) int {
	v := uint64(*d) % uint64(n)
	*d = dice(uint64(*d)/uint64(n) ^ v*0x9e3779b97f4a7c15)
	return int(v)
}

// step takes the step that word stands for, and checks what it concerns.
func (w *world) step(word uint64) error {
	time.Sleep(time.Millisecond) // no two things happen at the very same instant
	d := dice(word)
	steps := []struct {
		weight int
		take   func(d *dice) error
	}{
		{14, w.stepStart},
		{22, w.stepClaim},
		{18, w.stepItems},
		{16, w.stepEnd},
		{7, w.stepCancel},
		{6, w.stepExpire},
		{8, w.stepSweep},
		{4, w.stepUnpark},
		{2, w.stepRetry},
		{1, w.stepStop},
		{1, w.stepCrash},
		{1, func(*dice) error { w.say("look at everything"); return w.checkAll() }},
	}
	total := 0
	for _, s := range steps {
		total += s.weight
	}
	n := d.roll(total)
	for _, s := range steps {
		if n < s.weight {
			return s.take(&d)
		}
		n -= s.weight
	}
	return nil
}

func (w *world) say(format string, args ...any) {
	w.steps = append(w.steps, fmt.Sprintf(format, args...))
}

func (w *world) process(d *dice) (*process, int) {
	n := d.roll(len(w.procs))
	return w.procs[n], n
}

// pick returns one of the latest runs that is as wanted, or nil.
func (w *world) pick(d *dice, wanted func(r *run) bool) *run {
	var found []*run
	for i := len(w.runs) - 1; i >= 0 && i > len(w.runs)-40; i-- {
		if wanted(w.runs[i]) {
			found = append(found, w.runs[i])
		}
	}
	if len(found) == 0 {
		return nil
	}
	return found[d.roll(len(found))]
}

// tries is how often a tracker tries to start, or to claim.
const tries = 3

func anyRun(*run) bool { return true }

// A fault is what goes wrong with the calls of one step.
type fault struct {
	n     int
	after bool
}

func (f fault) String() string {
	switch {
	case f.n == 0:
		return ""
	case f.after:
		return fmt.Sprintf(", %d answers lost", f.n)
	default:
		return fmt.Sprintf(", %d calls failed", f.n)
	}
}

// fault returns none mostly, else one of up to most.
func (d *dice) fault(most int) fault {
	if d.roll(4) > 0 {
		return fault{}
	}
	return fault{1 + d.roll(most), d.roll(2) == 0}
}

// during arms a fault while f runs.
func (p *process) during(method string, is fault, f func()) {
	p.gate.arm(method, is.n, is.after)
	f()
	p.gate.arm("", 0, false)
}

// settles waits until r is stored as it should be.
func (w *world) settles(r *run) error {
	var last error
	err := w.until("", func() (bool, error) {
		last = w.check(r)
		return last == nil, nil
	})
	if err != nil {
		return last
	}
	return nil
}

// finish makes r a completed run.
func (r *run) finish(o runs.Outcome, reason runs.Reason) {
	r.status, r.outcome, r.reason = runs.StatusCompleted, o, reason
	r.owner, r.parked, r.expired = nil, false, false
}

func (w *world) stepStart(d *dice) error {
	p, n := w.process(d)
	in := input{Key: d.roll(keys), Note: d.roll(2)}
	typ := []runs.Type{w.plain, w.laned}[d.roll(2)]
	req := runs.Request{Tenant: tenantName(d.roll(tenants)), Type: typ, Params: in, Initiator: runs.User("dana", "")}
	if d.roll(5) == 0 {
		req.Once = fmt.Sprint("once ", d.roll(10))
	}
	f := d.fault(3)
	mode := d.roll(12)
	if f.n >= tries {
		mode = 11 // it is accepted; who knows when the tracker finds the run
	}
	w.say("process %d starts %s key %d note %d once %q for %s%v, dispatcher %d", n, typ, in.Key, in.Note, req.Once, req.Tenant, f, mode)
	var claimed *puppet
	p.gate.setDispatch(w.dispatcher(d, mode, &claimed))
	var s runs.Started
	var err error
	p.during("Insert", f, func() { s, err = p.tracker.Start(w.ctx, req) })
	p.gate.setDispatch(nil)
	return w.started(p, req, in, f, mode, s, err, "", claimed)
}

// dispatcher returns how a dispatcher takes a reference.
func (w *world) dispatcher(d *dice, mode int, claimed **puppet) func(ctx context.Context, ref runs.Ref) error {
	switch mode {
	case 0:
		return func(context.Context, runs.Ref) error { return runs.ErrFull }
	case 1:
		return func(context.Context, runs.Ref) error { return errors.New("no") }
	case 2:
		return func(context.Context, runs.Ref) error { panic("no") }
	case 3: // accepted and delivered, and then an error
		elsewhere, _ := w.process(d)
		var once sync.Once // the tracker may offer the run on its own account, too
		return func(_ context.Context, ref runs.Ref) error {
			once.Do(func() {
				*claimed, _ = w.claim(elsewhere, ref, 1)
				if *claimed == nil {
					for key := range 2 {
						elsewhere.sawBusy[ref.Tenant+w.lane(input{Key: key})] = true
					}
				}
			})
			return errors.New("no")
		}
	default:
		return nil
	}
}

// started checks the answer to a start.
func (w *world) started(p *process, req runs.Request, in input, f fault, mode int, s runs.Started, err error, retryOf string, claimed *puppet) error {
	onceKey := req.Tenant + string(req.Type) + req.Once
	same := w.onces[onceKey]
	byOnce := same != nil && req.Once != ""
	if !byOnce {
		same = w.active(req.Tenant, req.Type, in.Key)
	}
	unknown := f.n >= tries
	switch {
	case unknown:
		if !errors.Is(err, runs.ErrStoreUnavailable) {
			return fmt.Errorf("start while the store was down: %w", err)
		}
		if !f.after || same != nil {
			return nil
		}
		s.Run = &runs.Run{ID: p.gate.last}
	case same != nil && byOnce && same.in != in:
		if !errors.Is(err, runs.ErrInputMismatch) {
			return fmt.Errorf("start with another input and the same Once: %w", err)
		}
		return nil
	case same != nil:
		switch {
		case err != nil:
			return fmt.Errorf("join: %w", err)
		case s.Created || s.Run.ID != same.ref.ID || s.SameInput != (same.in == in):
			return fmt.Errorf("join gave %s, created %t, same input %t; want %s, and the input is %+v", s.Run.Ref().Short(), s.Created, s.SameInput, same.ref.Short(), same.in)
		}
		return w.check(same)
	case s.Run == nil || !s.Created || w.byID[s.Run.ID] != nil:
		return fmt.Errorf("start gave %+v, %w; want a new run", s, err)
	}
	r := &run{
		ref: runs.Ref{Tenant: req.Tenant, ID: s.Run.ID, Type: req.Type}, in: in, once: req.Once, retry: retryOf,
		status: runs.StatusQueued, items: map[string]item{},
	}
	w.runs = append(w.runs, r)
	w.byID[r.ref.ID] = r
	if req.Once != "" {
		w.onces[onceKey] = r
	}
	switch {
	case unknown: // nobody has offered it
	case mode == 3 && claimed != nil:
		if err != nil {
			return fmt.Errorf("start of a run that was claimed: %w", err)
		}
		w.begun(r, claimed)
		if err := w.arrives(claimed); err != nil {
			return err
		}
	case mode >= 1 && mode <= 3:
		if !errors.Is(err, runs.ErrDispatchFailed) {
			return fmt.Errorf("start without a dispatcher: %w", err)
		}
		r.finish(runs.OutcomeFailed, runs.ReasonDispatchFailed)
		r.announced = true
	case err != nil:
		return fmt.Errorf("start: %w", err)
	}
	return w.check(r)
}

func (w *world) active(tenant string, typ runs.Type, key int) *run {
	for _, r := range w.runs {
		if r.active() && r.ref.Tenant == tenant && r.ref.Type == typ && r.in.Key == key {
			return r
		}
	}
	return nil
}

// claim lets p claim a run, and begins to execute what it gets.
func (w *world) claim(p *process, ref runs.Ref, next int) (*puppet, error) {
	u := &puppet{attempt: next, proc: p, orders: make(chan order), ended: make(chan struct{})}
	id := attempt{ref.ID, next}
	w.mu.Lock()
	w.arrived[id] = u
	w.mu.Unlock()
	execute, err := p.claim(w.ctx, ref)
	if execute == nil {
		w.mu.Lock()
		delete(w.arrived, id)
		w.mu.Unlock()
		return nil, err
	}
	p.puppets = append(p.puppets, u)
	p.group.Go(func() {
		defer close(u.ended)
		execute(w.ctx)
	})
	return u, nil
}

// begun makes u the owner of r; nil is a process that does not know that it is.
func (w *world) begun(r *run, u *puppet) {
	r.status, r.attempt, r.owner, r.counts = runs.StatusRunning, r.attempt+1, u, runs.Counts{}
	r.expired = false
	if u != nil {
		u.run, u.before = r, map[string]bool{}
		for key := range r.items {
			u.before[key] = true
		}
	}
}

// arrives waits until the handler has been called.
func (w *world) arrives(u *puppet) error {
	return w.until("call of the handler", func() (bool, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		return u.arrived, nil
	})
}

func (w *world) stepClaim(d *dice) error {
	r := w.pick(d, (*run).active)
	if d.roll(8) == 0 || r == nil {
		r = w.pick(d, anyRun) // a reference that comes late, or twice
	}
	if r == nil {
		return nil
	}
	p, n := w.process(d)
	f := d.fault(3)
	denied := d.roll(12) == 0
	w.say("process %d claims %s%v, denied %t", n, r.ref.Short(), f, denied)
	w.set(&w.denied, denied)
	var u *puppet
	var err error
	p.during("Update", f, func() { u, err = w.claim(p, r.ref, r.attempt+1) })
	w.set(&w.denied, false)

	lane := w.laneOf(r)
	switch {
	case r.status != runs.StatusQueued || r.parked:
		if u != nil || err != nil && (f.n == 0 || !errors.Is(err, runs.ErrStoreUnavailable)) {
			return fmt.Errorf("claim of a run that is %s, parked %t: %v, %w", r.status, r.parked, u, err)
		}
		if r.parked && w.holder(r.ref.Tenant, lane) != nil {
			p.sawBusy[r.ref.Tenant+lane] = true // it may have been refused for that
		}
	case denied && f.n > 0:
		if err == nil && u == nil && p.sawBusy[r.ref.Tenant+lane] {
			break // it did not even ask
		}
		if !errors.Is(err, runs.ErrStoreUnavailable) {
			return fmt.Errorf("block while the store was down: %v, %w", u, err)
		}
		if f.after && w.moved(r) {
			r.finish(runs.OutcomeBlocked, runs.ReasonPermissionDenied)
		}
	case denied:
		if u != nil || err != nil {
			return fmt.Errorf("claim without the right: %v, %w", u, err)
		}
		if p.sawBusy[r.ref.Tenant+lane] && w.check(r) == nil {
			break // it did not even ask
		}
		r.finish(runs.OutcomeBlocked, runs.ReasonPermissionDenied)
		r.announced = true
	case w.holder(r.ref.Tenant, lane) != nil && (f.n < tries || err == nil):
		if u != nil || err != nil {
			return fmt.Errorf("claim in a busy lane: %v, %w", u, err)
		}
		p.sawBusy[r.ref.Tenant+lane] = true
	case f.n >= tries && err != nil:
		if u != nil || !errors.Is(err, runs.ErrStoreUnavailable) {
			return fmt.Errorf("claim while the store was down: %v, %w", u, err)
		}
		if f.after && w.moved(r) {
			w.begun(r, nil) // without anybody knowing
		}
	case u == nil && err == nil && p.sawBusy[r.ref.Tenant+lane]:
		// It believes that the lane is still busy.
	case u == nil || err != nil:
		return fmt.Errorf("claim: %v, %w", u, err)
	default:
		delete(p.sawBusy, r.ref.Tenant+lane)
		w.begun(r, u)
		if err := w.arrives(u); err != nil {
			return err
		}
	}
	return w.check(r)
}

// moved reports whether a queued run has become something else by a write whose
// answer got lost. It need not: the process may have known an older revision,
// and the lost answer was that.
func (w *world) moved(r *run) bool {
	is, err := w.store.Get(w.ctx, r.ref)
	return err == nil && is.Status != runs.StatusQueued
}

// holder returns the run that is running in a lane.
func (w *world) holder(tenant, lane string) *run {
	for _, r := range w.runs {
		if lane != "" && r.status == runs.StatusRunning && r.ref.Tenant == tenant && w.laneOf(r) == lane {
			return r
		}
	}
	return nil
}

// puppet returns a handler that waits for what to do, perhaps one whose run was
// taken from it.
func (w *world) puppet(d *dice) *puppet {
	var all []*puppet
	for _, p := range w.procs {
		all = append(all, p.puppets...)
	}
	if len(all) == 0 {
		return nil
	}
	return all[d.roll(len(all))]
}

// owns reports whether what u writes counts.
func (u *puppet) owns() bool { return u.run.owner == u && u.run.status == runs.StatusRunning }

// stepItems has a handler report items and waits until they are stored, or
// until it knows that it is no longer its run.
func (w *world) stepItems(d *dice) error {
	u := w.puppet(d)
	if u == nil {
		return nil
	}
	if over := u.ctx.Err() != nil; over && !u.owns() {
		return nil // it knows that its time is over, and says no more
	}
	var items []runs.Item
	for range 1 + d.roll(3) {
		items = append(items, runs.Item{
			Key:     fmt.Sprint("item ", d.roll(12)),
			Outcome: []runs.ItemOutcome{runs.ItemSucceeded, runs.ItemSucceeded, runs.ItemFailed, runs.ItemSkipped}[d.roll(4)],
		})
	}
	f := d.fault(2)
	w.say("attempt %d of %s reports %d items%v; its own: %t", u.attempt, u.run.ref.Short(), len(items), f, u.owns())
	var err error
	news, before := false, u.run.counts.Processed()
	u.proc.during("Update", f, func() {
		u.tell(order{items: items})
		for _, it := range items {
			news = news || !u.before[it.Key]
		}
		if !news {
			return // nobody writes anything
		}
		if !u.owns() {
			err = w.until("end of a lost attempt's context", func() (bool, error) { return u.ctx.Err() != nil, nil })
			return
		}
		for _, it := range items {
			if _, again := u.run.items[it.Key]; !again {
				u.run.items[it.Key] = item{it.Outcome, u.attempt}
			}
		}
		u.run.counts = u.run.tally()
		err = w.settles(u.run)
		for deadline := time.Now().Add(patience); err == nil && w.checkItems(u.run) != nil; {
			if time.Now().After(deadline) {
				err = w.checkItems(u.run)
			}
			time.Sleep(time.Millisecond)
		}
	})
	if err != nil {
		return err
	}
	switch {
	case !news:
		return w.check(u.run)
	case u.owns():
		u.run.expired = false // it has been heard of
		u.saw = u.saw || u.run.canceled && u.run.counts.Processed() != before
		// A report that is under way, because its last answer got lost, or
		// because of an item that is no news, is over before the next step.
		time.Sleep(10 * time.Millisecond)
		return nil
	}
	if !errors.Is(context.Cause(u.ctx), runs.ErrLeaseLost) && !u.saw {
		return fmt.Errorf("context of a lost attempt ended because of %w", context.Cause(u.ctx))
	}
	// What it would do again and again is over.
	u.tell(order{end: func(context.Context, *runs.Exec) error { return nil }})
	return errors.Join(w.check(u.run), w.checkItems(u.run))
}

// An ending is how a handler ends, and what becomes of its run.
type ending struct {
	name    string
	end     func(ctx context.Context, x *runs.Exec) error
	outcome func(c runs.Counts) (runs.Outcome, runs.Reason) // nil if the run is queued again
	parks   bool
}

var errBoom = errors.New("boom")

func always(o runs.Outcome, reason runs.Reason) func(runs.Counts) (runs.Outcome, runs.Reason) {
	return func(runs.Counts) (runs.Outcome, runs.Reason) { return o, reason }
}

func endings() []ending {
	byCounts := func(c runs.Counts) (runs.Outcome, runs.Reason) {
		switch {
		case c.Failed == 0:
			return runs.OutcomeSucceeded, ""
		case c.Succeeded > 0:
			return runs.OutcomePartiallySucceeded, ""
		default:
			return runs.OutcomeFailed, ""
		}
	}
	return []ending{
		{"returns", func(context.Context, *runs.Exec) error { return nil }, byCounts, false},
		{"fails", func(context.Context, *runs.Exec) error { return errBoom }, always(runs.OutcomeFailed, runs.ReasonInternal), false},
		{"is partial", func(context.Context, *runs.Exec) error { return runs.Partial(errBoom) }, func(c runs.Counts) (runs.Outcome, runs.Reason) {
			if c.Succeeded > 0 {
				return runs.OutcomePartiallySucceeded, runs.ReasonInternal
			}
			return runs.OutcomeFailed, runs.ReasonInternal
		}, false},
		{"is blocked", func(context.Context, *runs.Exec) error { return runs.Blocked(runs.ReasonNotReady, "") }, always(runs.OutcomeBlocked, runs.ReasonNotReady), false},
		{"panics", func(context.Context, *runs.Exec) error { panic("boom") }, always(runs.OutcomeFailed, runs.ReasonPanic), false},
		{"ends its goroutine", func(context.Context, *runs.Exec) error { runtime.Goexit(); return nil }, always(runs.OutcomeFailed, runs.ReasonPanic), false},
		{"parks", func(_ context.Context, x *runs.Exec) error { return x.Park(time.Hour, runs.ReasonApproval) }, nil, true},
	}
}

func (w *world) stepEnd(d *dice) error {
	u := w.puppet(d)
	if u == nil {
		return nil
	}
	all := endings()
	n := d.roll(len(all) + 3)
	if n >= len(all) {
		n = 0 // most do their work
	}
	f := d.fault(3)
	deaf := d.roll(6) == 0
	w.say("attempt %d of %s %s%v, observer deaf %t; its own: %t", u.attempt, u.run.ref.Short(), all[n].name, f, deaf, u.owns())
	return w.endPuppet(u, all[n], f, deaf)
}

func (w *world) endPuppet(u *puppet, e ending, f fault, deaf bool) error {
	owns := u.owns()
	time.Sleep(time.Millisecond) // as in step
	w.set(&w.deaf, deaf)
	u.proc.during("Update", f, func() { u.tell(order{end: e.end}) })
	w.set(&w.deaf, false)
	r := u.run
	if owns && r.canceled && !u.saw {
		// It may have learnt of it in the meantime.
		is, err := w.store.Get(w.ctx, r.ref)
		if err != nil {
			return err
		}
		u.saw = is.Outcome == runs.OutcomeCanceled
	}
	switch {
	case !owns:
	case e.name != "returns" && u.saw, e.parks && r.canceled:
		r.counts = r.tally()
		r.finish(runs.OutcomeCanceled, runs.ReasonCanceled)
		r.announced = !deaf
	case e.parks:
		r.status, r.owner, r.parked, r.expired, r.counts = runs.StatusQueued, nil, true, false, r.tally()
	default:
		r.counts = r.tally()
		r.finish(e.outcome(r.counts))
		r.announced = !deaf
	}
	if owns && (!e.parks || f.n == 0) { // whose answer is lost does not know that it left
		delete(u.proc.sawBusy, r.ref.Tenant+w.laneOf(r))
	}
	return errors.Join(w.check(r), w.checkItems(r))
}

func (w *world) stepCancel(d *dice) error {
	r := w.pick(d, (*run).active)
	if d.roll(6) == 0 || r == nil {
		r = w.pick(d, anyRun)
	}
	if r == nil {
		return nil
	}
	p, n := w.process(d)
	f := d.fault(1)
	w.say("process %d cancels %s, which is %s%v", n, r.ref.Short(), r.status, f)
	var err error
	p.during("Update", f, func() { _, err = p.tracker.RequestCancel(w.ctx, r.ref, runs.User("eli", ""), "why not") })
	effect := r.status == runs.StatusQueued || r.status == runs.StatusRunning && !r.canceled
	if f.n > 0 && effect {
		if !errors.Is(err, runs.ErrStoreUnavailable) {
			return fmt.Errorf("cancel while the store was down: %w", err)
		}
		if !f.after {
			return w.check(r)
		}
	} else if err != nil {
		return fmt.Errorf("cancel: %w", err)
	}
	switch {
	case !effect:
	case r.status == runs.StatusQueued:
		r.canceled = true
		r.finish(runs.OutcomeCanceled, runs.ReasonCanceled)
		r.announced = f.n == 0
	default:
		r.canceled = true
		if r.owner != nil && r.owner.proc == p && f.n == 0 {
			r.owner.saw = true
		}
	}
	return w.check(r)
}

// touch changes an instant of a run, which a clock would do, and with it the
// revision, as anybody may.
func (w *world) touch(r *run, change func(is *runs.Run)) error {
	is, err := w.store.Get(w.ctx, r.ref)
	if err != nil {
		return err
	}
	change(is)
	_, err = w.store.Update(w.ctx, is)
	return err
}

func notConflict(err error) error {
	if errors.Is(err, runs.ErrConflict) {
		return nil
	}
	return err
}

func past() time.Time { return time.Now().Add(-time.Hour) }

func (w *world) stepExpire(d *dice) error {
	r := w.pick(d, func(r *run) bool { return r.status == runs.StatusRunning })
	if r == nil {
		return nil
	}
	w.say("the lease of %s is over", r.ref.Short())
	r.expired = true
	return w.until("end of the lease", func() (bool, error) {
		err := w.touch(r, func(is *runs.Run) { is.LeaseUntil = past() })
		return err == nil, notConflict(err)
	})
}

func (w *world) stepUnpark(d *dice) error {
	r := w.pick(d, func(r *run) bool { return r.parked })
	if r == nil {
		return nil
	}
	w.say("the time of %s has come", r.ref.Short())
	r.parked = false
	return w.touch(r, func(is *runs.Run) { is.NotBefore = time.Time{} })
}

// stepSweep has a new process look around once.
func (w *world) stepSweep(d *dice) error {
	silent := w.pick(d, func(r *run) bool { return !r.active() && !r.announced && !r.due })
	if silent != nil && d.roll(2) == 0 {
		silent.due = true
		if err := w.touch(silent, func(is *runs.Run) { is.NextRing = past() }); err != nil {
			return err
		}
	}
	deaf := d.roll(5) == 0
	mode := d.roll(8)
	w.say("a sweep, observer deaf %t, dispatcher %d", deaf, mode)
	if mode >= 3 {
		mode = 11
	}
	return w.sweep(deaf, w.dispatcher(d, mode, nil))
}

func (w *world) sweep(deaf bool, dispatch func(ctx context.Context, ref runs.Ref) error) error {
	clear(w.refused)
	p := w.newProcess(false)
	p.gate.sweeping = true
	p.gate.setDispatch(dispatch)
	w.set(&w.deaf, deaf)
	w.begin(p)
	err := w.swept(p, deaf)
	p.stop()
	<-p.stopped
	w.set(&w.deaf, false)
	return err
}

// swept waits until the sweep that p began with has done its work.
func (w *world) swept(p *process, deaf bool) error {
	var all []*run
	for _, r := range w.runs {
		switch {
		case r.status == runs.StatusRunning && r.expired:
			r.lost++
			r.expired, r.owner = false, nil
			switch {
			case r.canceled:
				r.finish(runs.OutcomeCanceled, runs.ReasonCanceled)
				r.announced = !deaf
			case r.lost >= maxLost:
				r.finish(runs.OutcomeFailed, runs.ReasonWorkerLost)
				r.announced = !deaf
			default:
				r.status = runs.StatusQueued
			}
			all = append(all, r)
		case r.due && !r.active():
			r.due, r.announced = false, !deaf
			all = append(all, r)
		}
	}
	err := w.until("end of a sweep", func() (bool, error) {
		p.gate.mu.Lock()
		defer p.gate.mu.Unlock()
		return p.gate.looked, nil
	})
	for _, r := range all {
		err = errors.Join(err, w.settles(r))
		if r.active() || r.announced {
			continue
		}
		err = errors.Join(err, w.until("telling of "+r.ref.Short()+" to be put off", func() (bool, error) {
			is, err := w.store.Get(w.ctx, r.ref)
			w.mu.Lock()
			defer w.mu.Unlock()
			return err == nil && w.refused[r.ref.ID] > 0 && time.Until(is.NextRing) > 0, err
		}))
	}
	return err
}

// replace puts a new process, which begins with a sweep, in the place of one
// that is gone.
func (w *world) replace(n int) error {
	w.procs[n] = w.newProcess(true)
	return w.swept(w.procs[n], false)
}

func (w *world) stepRetry(d *dice) error {
	r := w.pick(d, anyRun)
	if r == nil {
		return nil
	}
	p, n := w.process(d)
	w.say("process %d retries %s, which is %s", n, r.ref.Short(), r.status)
	s, err := p.tracker.Retry(w.ctx, r.ref, runs.User("eli", ""), "")
	if r.active() {
		if !errors.Is(err, runs.ErrActive) {
			return fmt.Errorf("retry of an active run: %w", err)
		}
		return nil
	}
	req := runs.Request{Tenant: r.ref.Tenant, Type: r.ref.Type}
	return w.started(p, req, r.in, fault{}, -1, s, err, r.ref.ID, nil)
}

// stepStop ends a process in good order; its handlers obey.
func (w *world) stepStop(d *dice) error {
	p, n := w.process(d)
	w.say("process %d stops", n)
	p.stop()
	var all []error
	for len(p.puppets) > 0 {
		u := p.puppets[0]
		owns, r := u.owns(), u.run
		u.tell(order{end: func(ctx context.Context, _ *runs.Exec) error {
			if owns {
				<-ctx.Done()
			}
			return ctx.Err()
		}})
		switch {
		case !owns:
		case u.saw, r.canceled:
			r.counts = r.tally()
			r.finish(runs.OutcomeCanceled, runs.ReasonCanceled)
			r.announced = true
		default:
			r.status, r.owner, r.expired, r.counts = runs.StatusQueued, nil, false, r.tally()
		}
		all = append(all, w.check(r), w.checkItems(r))
	}
	<-p.stopped
	return errors.Join(append(all, w.replace(n))...)
}

// stepCrash ends a process as a power cut does.
func (w *world) stepCrash(d *dice) error {
	p, n := w.process(d)
	w.say("process %d crashes", n)
	var all []*run
	for _, u := range p.puppets {
		if u.owns() {
			u.run.owner = nil
			all = append(all, u.run)
		}
	}
	w.crash(p)
	var err error
	for _, r := range all {
		err = errors.Join(err, w.check(r), w.checkItems(r))
	}
	return errors.Join(err, w.replace(n))
}

func (w *world) crash(p *process) {
	p.gate.die()
	p.stop()
	for len(p.puppets) > 0 {
		p.puppets[0].tell(order{end: func(context.Context, *runs.Exec) error { return nil }})
	}
	<-p.stopped
}

// drain ends everything, and checks that everybody was told.
func (w *world) drain() error {
	w.say("everything comes to its end")
	p := w.procs[0]
	for _, p := range w.procs {
		for len(p.puppets) > 0 {
			if err := w.endPuppet(p.puppets[0], endings()[0], fault{}, false); err != nil {
				return err
			}
		}
	}
	for _, r := range w.runs {
		if r.status == runs.StatusRunning || r.parked || !r.active() && !r.announced {
			r.expired, r.due, r.parked = true, true, false
			err := w.touch(r, func(is *runs.Run) {
				switch is.Status {
				case runs.StatusQueued:
					is.NotBefore = time.Time{}
				case runs.StatusRunning:
					is.LeaseUntil = past()
				case runs.StatusCompleted:
					is.NextRing = past()
				}
			})
			if err != nil {
				return err
			}
		}
	}
	if err := w.sweep(false, nil); err != nil {
		return err
	}
	w.crash(p)
	if err := w.replace(0); err != nil { // one that remembers no busy lane
		return err
	}
	for _, r := range w.runs {
		if r.status != runs.StatusQueued {
			continue
		}
		u, err := w.claim(w.procs[0], r.ref, r.attempt+1)
		if u == nil {
			return fmt.Errorf("claim of %s at the end: %w", r.ref.Short(), err)
		}
		w.begun(r, u)
		if err := errors.Join(w.arrives(u), w.endPuppet(u, endings()[0], fault{}, false)); err != nil {
			return err
		}
	}
	for _, r := range w.runs {
		if r.active() || !r.announced {
			return fmt.Errorf("%s is %s at the end, announced %t", r.ref.Short(), r.status, r.announced)
		}
	}
	return w.checkAll()
}
