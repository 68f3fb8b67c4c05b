package runs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

const (
	tenant = "acme"
	sync1  = runs.Type("inventory.sync")
)

var (
	dana = runs.User("dana", "Dana")
	eli  = runs.User("eli", "Eli")
)

// pool is a Dispatcher that executes each reference on a goroutine of its own,
// as many at a time as it has slots.
type pool struct {
	refs  chan runs.Ref
	slots int
}

func newPool(queue, slots int) *pool { return &pool{make(chan runs.Ref, queue), slots} }

func (p *pool) Dispatch(_ context.Context, ref runs.Ref) error {
	select {
	case p.refs <- ref:
		return nil
	default:
		return runs.ErrFull
	}
}

func (p *pool) Work(ctx context.Context, claim runs.Claim) error {
	var group sync.WaitGroup
	for range p.slots {
		group.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case ref := <-p.refs:
					if execute, err := claim(ctx, ref); err == nil && execute != nil {
						execute(context.WithoutCancel(ctx))
					}
				}
			}
		})
	}
	group.Wait()
	return nil
}

type dispatchFunc func(ctx context.Context, ref runs.Ref) error

func (f dispatchFunc) Dispatch(ctx context.Context, ref runs.Ref) error { return f(ctx, ref) }

func accept(context.Context, runs.Ref) error { return nil }

type workFunc func(ctx context.Context, claim runs.Claim) error

func (f workFunc) Work(ctx context.Context, claim runs.Claim) error { return f(ctx, claim) }

// engine is a Dispatcher that executes, made of two halves.
type engine struct {
	runs.Dispatcher
	runs.Worker
}

type observeFunc func(ctx context.Context, r *runs.Run) error

func (f observeFunc) Observe(ctx context.Context, r *runs.Run) error { return f(ctx, r) }

// counting counts the writes of a store and can fail some of its calls.
type counting struct {
	*memruns.Store
	mu      sync.Mutex
	inserts int
	updates int
	fail    func(call string, r *runs.Run) (before, after error)
}

func (s *counting) hook(call string, r *runs.Run) (before, after error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch call {
	case "insert":
		s.inserts++
	case "update":
		s.updates++
	}
	if s.fail == nil {
		return nil, nil
	}
	return s.fail(call, r)
}

func (s *counting) Insert(ctx context.Context, r *runs.Run) (*runs.Run, bool, error) {
	before, after := s.hook("insert", r)
	if before != nil {
		return nil, false, before
	}
	got, created, err := s.Store.Insert(ctx, r)
	if after != nil {
		return nil, false, after
	}
	return got, created, err
}

func (s *counting) Update(ctx context.Context, r *runs.Run) (*runs.Run, error) {
	before, after := s.hook("update", r)
	if before != nil {
		return nil, before
	}
	got, err := s.Store.Update(ctx, r)
	if after != nil {
		return nil, after
	}
	return got, err
}

func (s *counting) writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inserts + s.updates
}

// hooked is a store of which single calls can be replaced. It counts updates and
// looks for due runs.
type hooked struct {
	*memruns.Store
	insert        func(ctx context.Context, r *runs.Run) (*runs.Run, bool, error)
	update        func(ctx context.Context, r *runs.Run) (*runs.Run, error)
	put           func(ctx context.Context, ref runs.Ref, attempt int, items []runs.Item) error
	items         func(ctx context.Context, q runs.ItemQuery) (runs.ItemPage, error)
	updates, dues atomic.Int64
}

func (s *hooked) Insert(ctx context.Context, r *runs.Run) (*runs.Run, bool, error) {
	if s.insert != nil {
		return s.insert(ctx, r)
	}
	return s.Store.Insert(ctx, r)
}

func (s *hooked) Update(ctx context.Context, r *runs.Run) (*runs.Run, error) {
	s.updates.Add(1)
	if s.update != nil {
		return s.update(ctx, r)
	}
	return s.Store.Update(ctx, r)
}

func (s *hooked) Due(ctx context.Context, q runs.DueQuery) ([]*runs.Run, error) {
	s.dues.Add(1)
	return s.Store.Due(ctx, q)
}

func (s *hooked) PutItems(ctx context.Context, ref runs.Ref, attempt int, items []runs.Item) error {
	if s.put != nil {
		return s.put(ctx, ref, attempt, items)
	}
	return s.Store.PutItems(ctx, ref, attempt, items)
}

func (s *hooked) Items(ctx context.Context, q runs.ItemQuery) (runs.ItemPage, error) {
	if s.items != nil {
		return s.items(ctx, q)
	}
	return s.Store.Items(ctx, q)
}

// put stores a queued run, changed by change, as another process may have left
// it.
func put(t *testing.T, s runs.Store, id string, change func(r *runs.Run)) *runs.Run {
	t.Helper()
	r := &runs.Run{
		Tenant: tenant, ID: id, Type: sync1, Status: runs.StatusQueued,
		Initiator: dana, Params: json.RawMessage(`{}`), CreatedAt: time.Now(),
	}
	if change != nil {
		change(r)
	}
	r, _, err := s.Insert(t.Context(), r)
	if err != nil {
		t.Fatalf("Insert: %v", err)
	}
	return r
}

// stored is r as it is now.
func stored(t *testing.T, s runs.Store, r *runs.Run) *runs.Run {
	t.Helper()
	got, err := s.Get(t.Context(), r.Ref())
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	return got
}

// journal keeps what is logged.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(line)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

type selection struct {
	Kinds []string `json:"kinds,omitempty"`
	Full  bool     `json:"full,omitempty"`
}

func op(handle func(ctx context.Context, x *runs.Exec, in selection) error) runs.Operation {
	return runs.Define(sync1, handle)
}

func nothing(context.Context, *runs.Exec, selection) error { return nil }

// untilTold is a handler that goes on until its context ends.
func untilTold(ctx context.Context, _ *runs.Exec, _ selection) error {
	<-ctx.Done()
	return ctx.Err()
}

// other is a selection that shares no key with any other of n.
func other(n int) selection { return selection{Kinds: []string{strconv.Itoa(n)}} }

func newTracker(t *testing.T, cfg runs.Config) *runs.Tracker {
	t.Helper()
	if cfg.Store == nil {
		cfg.Store = memruns.New()
	}
	if cfg.Dispatcher == nil {
		cfg.Dispatcher = newPool(100, 4)
	}
	if cfg.Operations == nil {
		cfg.Operations = []runs.Operation{op(nothing)}
	}
	tracker, err := runs.New(cfg)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return tracker
}

// begin runs the tracker until the function it returns is called, which waits
// for its end.
func begin(t *testing.T, tracker *runs.Tracker) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- tracker.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func request(params any) runs.Request {
	return runs.Request{Tenant: tenant, Type: sync1, Params: params, Initiator: dana}
}

func start(t *testing.T, tracker *runs.Tracker, req runs.Request) runs.Started {
	t.Helper()
	s, err := tracker.Start(t.Context(), req)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	return s
}

func wait(t *testing.T, tracker *runs.Tracker, r *runs.Run) *runs.Run {
	t.Helper()
	got, err := tracker.Wait(t.Context(), r.Ref())
	if err != nil {
		t.Fatalf("Wait: %v", err)
	}
	return got
}

// outcomeOf starts a run with handle, waits for its end and returns it.
func outcomeOf(t *testing.T, o runs.Operation) *runs.Run {
	t.Helper()
	tracker := newTracker(t, runs.Config{Operations: []runs.Operation{o}})
	begin(t, tracker)
	return wait(t, tracker, start(t, tracker, request(nil)).Run)
}

func wantErr(t *testing.T, call string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: error is %v, want %v", call, got, want)
	}
}

func wantEnd(t *testing.T, r *runs.Run, o runs.Outcome, reason runs.Reason) {
	t.Helper()
	if r.Status != runs.StatusCompleted || r.Outcome != o || r.Failure.Reason != reason {
		t.Errorf("run is %s/%s because of %q, want completed/%s because of %q", r.Status, r.Outcome, r.Failure.Reason, o, reason)
	}
}
