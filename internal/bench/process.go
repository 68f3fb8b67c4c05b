package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/tenantatlas/tenantatlas/internal/bench/riverpeer"
	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
	"github.com/tenantatlas/tenantatlas/runs/pondruns"
)

// envRole is the environment variable that makes this program a process that is
// killed, or one that outlives it.
const envRole = "TENANTATLAS_BENCH"

// tunedLease is how long a tuned process may be silent, and a job of River may
// take.
const tunedLease = 3 * time.Second

// A role is what such a process is to do. It says that it is ready, and then the
// ID of everything that it has at work, a line each.
type role struct {
	URL      string // of its schema
	Tuned    bool   // else it has the defaults
	Instance string // its name, if it keeps that
	River    bool
	Queue    string // of River
	Starts   int    // how many runs or jobs it starts
}

// workAs does what the text of a role says until it fails, is killed, or the
// process that has started it is gone.
func workAs(ctx context.Context, text string) error {
	var as role
	if err := json.Unmarshal([]byte(text), &as); err != nil {
		return err
	}
	orders := bufio.NewScanner(os.Stdin)
	admit := func(string) error { return nil }
	var err error
	if as.River {
		admit, err = as.workJobs(ctx)
	} else {
		err = as.workRuns(ctx)
	}
	for err == nil && orders.Scan() {
		err = admit(orders.Text())
	}
	return err
}

func (as role) workRuns(ctx context.Context) error {
	pool, err := open(as.URL)
	if err != nil {
		return err
	}
	store, err := bunruns.New(bunkit.Postgres(pool))
	if err != nil {
		return err
	}
	if err := store.Migrate(ctx); err != nil {
		return err
	}
	hold := func(ctx context.Context, x *runs.Exec, _ input) error {
		fmt.Println(x.Run().ID)
		<-ctx.Done()
		return ctx.Err()
	}
	cfg := runs.Config{
		Store: store, Dispatcher: pondruns.New(pondruns.Config{Workers: tuned}), Instance: as.Instance,
		Operations: []runs.Operation{runs.Define(noop, hold)},
		MaxLost:    1000, // with one name, the same runs are lost again and again
	}
	heartbeat := 5 * time.Second // the default
	if as.Tuned {
		heartbeat = 500 * time.Millisecond
		cfg.Lease, cfg.Heartbeat, cfg.Margin, cfg.Sweep = tunedLease, heartbeat, heartbeat, time.Second
	}
	tracker, err := runs.New(cfg)
	if err != nil {
		return err
	}
	go func() { _ = tracker.Run(ctx) }() // says that its context has ended
	fmt.Println("ready")
	for range as.Starts {
		_, err := tracker.Start(ctx, runs.Request{
			Tenant: "bench", Type: noop, Initiator: runs.User("dana", "Dana"), Params: input{N: time.Now().UnixMicro()},
		})
		if err != nil {
			return err
		}
		// Spread over a heartbeat: what is left of the leases then differs as
		// much as it does at any time.
		if err := sleep(ctx, heartbeat/time.Duration(as.Starts)); err != nil {
			return err
		}
	}
	return nil
}

type holder struct{ river.WorkerDefaults[input] }

func (holder) Work(_ context.Context, job *river.Job[input]) error {
	fmt.Println(job.ID)
	select {} // beyond its timeout: it ends with the process
}

// workJobs returns what lets the process work on another queue.
func (as role) workJobs(ctx context.Context) (admit func(queue string) error, err error) {
	pool, err := openPool(ctx, as.URL)
	if err != nil {
		return nil, err
	}
	driver := riverpgxv5.New(pool)
	if err := riverpeer.Migrate(ctx, driver); err != nil {
		return nil, err
	}
	all := river.NewWorkers()
	river.AddWorker(all, &holder{})
	queue := river.QueueConfig{MaxWorkers: tuned}
	client, err := river.NewClient[pgx.Tx](driver, &river.Config{
		Logger: slog.New(slog.DiscardHandler), Workers: all, Queues: map[string]river.QueueConfig{as.Queue: queue},
		// It must not be less than the timeout of jobs.
		RescueStuckJobsAfter: tunedLease, JobTimeout: tunedLease,
		// The one that is killed never leads: another would have to be elected
		// first.
		LeaderElectionDisabled: as.Starts > 0,
	})
	if err != nil {
		return nil, err
	}
	if err := client.Start(ctx); err != nil {
		return nil, err
	}
	fmt.Println("ready")
	for n := range as.Starts {
		if _, err := client.Insert(ctx, input{N: int64(n)}, &river.InsertOpts{Queue: as.Queue}); err != nil {
			return nil, err
		}
	}
	return func(name string) error { return client.Queues().Add(name, queue) }, nil
}

// A process is this program, once more.
type process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	seen  chan sighting // closed when it has ended
}

// A sighting is something that a process has at work.
type sighting struct {
	id string
	at time.Time
}

// spawn starts a process and waits until it is ready.
func spawn(ctx context.Context, as role) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(as)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.CommandContext(ctx, self), seen: make(chan sighting, 1000)}
	p.cmd.Env = append(os.Environ(), envRole+"="+string(text))
	p.cmd.Stderr = os.Stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.seen)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.seen <- sighting{lines.Text(), time.Now()}
		}
	}()
	if _, err := p.next(ctx); err != nil {
		p.kill()
		return nil, err
	}
	return p, nil
}

func (p *process) next(ctx context.Context) (sighting, error) {
	select {
	case s, ok := <-p.seen:
		if !ok {
			return s, errors.New("a process has ended by itself")
		}
		return s, nil
	case <-ctx.Done():
		return sighting{}, fmt.Errorf("not everything is at work: %w", ctx.Err())
	}
}

// await returns the next n things that the process has at work.
func (p *process) await(ctx context.Context, n int) ([]sighting, error) {
	all := make([]sighting, n)
	for i := range all {
		var err error
		if all[i], err = p.next(ctx); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// kill ends the process as a machine that loses power does, and says when.
func (p *process) kill() (at time.Time) {
	at = time.Now()
	_ = p.cmd.Process.Kill() // unless it has ended
	for range p.seen {       // Wait must not close the pipe before it is read
	}
	_ = p.cmd.Wait() // says that it was killed
	return at
}
