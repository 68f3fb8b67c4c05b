//go:build unix

package crashtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
)

// envRole is the environment variable that makes a test the child of itself.
const envRole = "TENANTATLAS_CRASHTEST"

// A role is what a process is to do.
type role struct {
	DSN     string `json:"dsn"`
	Seed    uint64 `json:"seed"`
	Workers int    `json:"workers"`
	Starts  bool   `json:"starts"` // it starts runs, too
	Calm    bool   `json:"calm"`   // its leases are ten times as long, and it reports seldom
	Name    string `json:"name"`   // of its instance; one with a name has a lease of an hour
	Point   string `json:"point"`  // where it kills itself; empty for nowhere
	Pass    int    `json:"pass"`   // at the how manieth pass
}

// Child does the work of a process that [Run] or one of the other tests has
// started, and reports whether this is one. A test that calls one of them has
// to begin with it.
func Child(t *testing.T, s Setup) bool {
	t.Helper()
	text := os.Getenv(envRole)
	if text == "" {
		return false
	}
	var as role
	if err := json.Unmarshal([]byte(text), &as); err != nil {
		t.Fatal(err)
	}
	j := &journal{out: os.Stdout}
	ctx, stop := signal.NotifyContext(t.Context(), syscall.SIGTERM)
	defer stop()
	go func() { // the parent is gone, whatever became of it
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(2)
	}()
	p := newProcess(t, s, sqltest.Open(t, as.DSN), as, j)
	j.write(event{Kind: eventReady})
	p.run(ctx)
	j.write(event{Kind: eventBye})
	return true
}

// A process is what a child does, or the parent when it finishes what the
// children have left.
type process struct {
	t       testing.TB
	role    role
	journal *journal
	points  *points
	tracker *runs.Tracker
	asked   chan struct{} // closed when it is asked to stop
}

const (
	typeWork   runs.Type = "crash.work"
	typeLane   runs.Type = "crash.lane"
	typePark   runs.Type = "crash.park"
	typePoison runs.Type = "crash.poison" // kills its process
	typeHold   runs.Type = "crash.hold"   // runs until its context ends
)

// A task is the input of all types.
type task struct {
	Key   int           `json:"key"`
	Items int           `json:"items,omitempty"`
	Pause time.Duration `json:"pause,omitempty"` // after each item
	Last  bool          `json:"last,omitempty"`  // ends when the process is asked to
}

func newProcess(t testing.TB, s Setup, db sqltest.DB, as role, j *journal) *process {
	t.Helper()
	p := &process{t: t, role: as, journal: j, points: newPoints(j, as.Point, as.Pass), asked: make(chan struct{})}
	if as.Point == "" {
		p.points.kill = nil
	}
	cfg := Tuned()
	if as.Calm {
		cfg.Lease, cfg.Heartbeat, cfg.Margin = 10*cfg.Lease, 10*cfg.Heartbeat, 10*cfg.Margin
		cfg.Progress = time.Second
	}
	if cfg.Instance = as.Name; cfg.Instance != "" {
		cfg.Lease = time.Hour
	}
	kept := &store{Store: Open(t, db), points: p.points, journal: j}
	cfg.Store, cfg.Items = kept, kept
	inner := s.dispatcher(t, db, as.Workers)
	worker, ok := inner.(runs.Worker)
	if !ok {
		t.Fatalf("%T is no runs.Worker", inner)
	}
	cfg.Dispatcher = &dispatcher{Dispatcher: inner, Worker: worker, points: p.points}
	cfg.Observers = []runs.Observer{&inbox{db: db, points: p.points}}
	if os.Getenv(envRole) != "" { // what the parent shows if this process fails
		cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	identity := func(in task) any { return in.Key }
	cfg.Operations = []runs.Operation{
		runs.Spec[task]{Type: typeWork, Identity: identity, Handle: p.work}.Operation(),
		runs.Spec[task]{Type: typePark, Identity: identity, Handle: p.park}.Operation(),
		runs.Spec[task]{Type: typeHold, Identity: identity, Handle: p.hold}.Operation(),
		runs.Spec[task]{Type: typePoison, Identity: identity, Handle: p.poison}.Operation(),
		runs.Spec[task]{
			Type: typeLane, Identity: identity, Handle: p.work,
			Lane: func(in task) string { return fmt.Sprint("lane ", in.Key%3) },
		}.Operation(),
	}
	tracker, err := runs.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p.tracker = tracker
	return p
}

// run executes runs, and starts some, until ctx ends.
func (p *process) run(ctx context.Context) {
	var group sync.WaitGroup
	group.Go(func() {
		<-ctx.Done()
		close(p.asked)
	})
	if p.role.Starts {
		for i := range uint64(2) {
			group.Go(func() { p.start(ctx, i, rand.New(rand.NewPCG(p.role.Seed, i))) })
		}
	}
	if err := p.tracker.Run(ctx); err != nil {
		p.broken("", "run the tracker: %v", err)
	}
	group.Wait()
}

func (p *process) broken(run, format string, args ...any) {
	p.journal.write(event{Kind: eventBroken, Run: run, Text: fmt.Sprintf(format, args...)})
}

// itemKey names the nth item of every run.
func itemKey(n int) string { return fmt.Sprint("item ", n) }

// work settles the items that are left.
func (p *process) work(ctx context.Context, x *runs.Exec, in task) error {
	p.points.pass("work.begin")
	x.Total(int64(in.Items))
	for n := range in.Items {
		if err := p.item(ctx, x, itemKey(n)); err != nil {
			return err
		}
		if err := pause(ctx, in.Pause); err != nil {
			return err
		}
	}
	p.points.pass("work.end")
	return nil
}

func (p *process) item(ctx context.Context, x *runs.Exec, key string) error {
	if x.Done(key) {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	p.points.pass("effect.before")
	r := x.Run()
	p.journal.write(event{Kind: eventEffect, Run: r.ID, Attempt: r.Attempt, Item: key})
	p.points.pass("effect.after")
	x.Succeed(key)
	p.points.pass("item.reported")
	return nil
}

// park waits once, after its first item.
func (p *process) park(ctx context.Context, x *runs.Exec, in task) error {
	if !x.Done(itemKey(0)) {
		if err := p.item(ctx, x, itemKey(0)); err != nil {
			return err
		}
		r := x.Run()
		p.journal.write(event{Kind: eventParking, Run: r.ID, Attempt: r.Attempt})
		return x.Park(50*time.Millisecond, runs.ReasonApproval)
	}
	return p.work(ctx, x, in)
}

// hold has an effect again and again, and each time looks first whether it may;
// or, if there is no pause in between, one effect, after which it waits for the
// end of its context, or for that of the process.
func (p *process) hold(ctx context.Context, x *runs.Exec, in task) error {
	r := x.Run()
	for n := 0; ; n++ {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p.journal.write(event{Kind: eventEffect, Run: r.ID, Attempt: r.Attempt, Item: itemKey(n)})
		x.Succeed(itemKey(n))
		if n+1 == in.Items {
			return nil
		}
		if in.Pause == 0 {
			return p.holdOn(ctx, in)
		}
		if err := pause(ctx, in.Pause); err != nil {
			return err
		}
	}
}

func (p *process) holdOn(ctx context.Context, in task) error {
	asked := p.asked
	if !in.Last {
		asked = nil
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-asked:
		return nil
	}
}

// poison ends its process, whatever that was started for: with a signal, with
// more memory than there is, or by its own will.
func (p *process) poison(_ context.Context, x *runs.Exec, _ task) error {
	r := x.Run()
	p.journal.write(event{Kind: eventKill, Run: r.ID, Attempt: r.Attempt, Text: "poison"})
	switch r.Attempt {
	case 1:
		return syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case 2:
		return eat()
	default:
		os.Exit(3)
		return nil
	}
}

// eat takes memory until the system gives none any more, which no Go program
// survives.
func eat() error {
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}); err != nil {
		return err
	}
	for taken := [][]byte{}; ; {
		taken = append(taken, make([]byte, 64<<20))
		taken[len(taken)-1][len(taken)] = 1
	}
}

func pause(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// start starts runs and waits a while for each, until ctx ends. There are few
// keys, so that many starts join.
func (p *process) start(ctx context.Context, user uint64, rng *rand.Rand) {
	for n := 0; ctx.Err() == nil; n++ {
		req := runs.Request{
			Tenant:    fmt.Sprint("tenant ", rng.IntN(2)),
			Type:      []runs.Type{typeWork, typeWork, typeLane, typePark}[rng.IntN(4)],
			Params:    task{Key: rng.IntN(10), Items: 1 + rng.IntN(6), Pause: time.Duration(rng.IntN(30)) * time.Millisecond},
			Initiator: runs.User(fmt.Sprint("user ", rng.IntN(5)), ""),
		}
		if rng.IntN(6) == 0 {
			req.Once = fmt.Sprintf("once %x %d %d", p.role.Seed, user, n)
		}
		id := p.startOne(ctx, req)
		if id != "" && req.Once != "" {
			if again := p.startOne(ctx, req); again != "" && again != id && !p.joined(ctx, req, id) {
				p.broken(id, "the same Once gave %s", again)
			}
		}
		if id == "" {
			continue
		}
		ref := runs.Ref{Tenant: req.Tenant, ID: id, Type: req.Type}
		if rng.IntN(5) == 0 {
			if err := pause(ctx, time.Duration(rng.IntN(40))*time.Millisecond); err != nil {
				return
			}
			if _, err := p.tracker.RequestCancel(ctx, ref, req.Initiator, "changed my mind"); err != nil && ctx.Err() == nil {
				p.broken(id, "cancel: %v", err)
			}
		}
		wctx, cancel := context.WithTimeout(ctx, 400*time.Millisecond)
		if _, err := p.tracker.Wait(wctx, ref); err != nil && wctx.Err() == nil {
			p.broken(id, "wait: %v", err)
		}
		cancel()
	}
}

// joined reports whether the run is one that the request has only joined, so
// that nothing is known of its Once.
func (p *process) joined(ctx context.Context, req runs.Request, id string) bool {
	r, err := p.tracker.Get(ctx, runs.Ref{Tenant: req.Tenant, ID: id})
	return err != nil || r.Once != req.Once
}

// startOne returns the ID of the run, or nothing if it is not acknowledged.
func (p *process) startOne(ctx context.Context, req runs.Request) string {
	s, err := p.tracker.Start(ctx, req)
	switch {
	case err == nil:
		p.journal.write(event{Kind: eventStarted, Run: s.Run.ID, Key: string(s.Run.Key), Once: s.Run.Once})
		return s.Run.ID
	case errors.Is(err, runs.ErrStoreUnavailable), ctx.Err() != nil:
		return ""
	default:
		p.broken("", "start: %v", err)
		return ""
	}
}
