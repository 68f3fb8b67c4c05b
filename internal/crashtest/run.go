//go:build unix

package crashtest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
)

// crowd is how many processes there are at a time.
const crowd = 3

// patience is how long a process may live without coming to its point. Then it
// is killed where it is.
const patience = 15 * time.Second

// Run lets processes die, kills times in all and at every one of the [Points],
// has another process finish what they have left, and checks that every promise
// was kept. It logs a [Summary].
func Run(t *testing.T, db sqltest.DB, s Setup, kills int) Summary {
	t.Helper()
	seed := seedOf(t)
	kept := prepare(t, db)
	h := &history{}
	watch := watchKeys(t, db)
	began := time.Now()
	letDie(t, db, h, kills, seed)
	died := time.Since(began)
	finishAll(t, s, db, h)
	watch()
	sum := h.check(t, db, kept)
	sum.Seed, sum.Took, sum.Dying = seed, time.Since(began), died
	sum.log(t)
	return sum
}

// seedOf returns the seed in TENANTATLAS_SEED, or one of its own.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64N(1 << 32)
	if text := os.Getenv("TENANTATLAS_SEED"); text != "" {
		if _, err := fmt.Sscan(text, &seed); err != nil {
			t.Fatalf("TENANTATLAS_SEED: %v", err)
		}
	}
	t.Logf("the same again: TENANTATLAS_SEED=%d", seed)
	return seed
}

// letDie starts processes, a few at a time, until there were that many kills,
// and one at each point.
func letDie(t *testing.T, db sqltest.DB, h *history, kills int, seed uint64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0))
	var mu sync.Mutex
	var queue []string
	missing := map[string]bool{}
	for _, p := range Points() {
		missing[p] = true
	}
	next := func() (as role, more bool) {
		mu.Lock()
		defer mu.Unlock()
		for tries := 0; ; tries++ {
			if h.killed() >= kills && (len(missing) == 0 || tries > len(Points())) || h.launched() > 3*kills+len(Points()) || t.Failed() {
				return role{}, false
			}
			if len(queue) == 0 {
				queue = Points()
				rng.Shuffle(len(queue), func(i, k int) { queue[i], queue[k] = queue[k], queue[i] })
			}
			point := queue[0]
			queue = queue[1:]
			if h.killed() < kills || missing[point] {
				return role{DSN: db.DSN, Seed: rng.Uint64(), Workers: 4, Starts: true, Point: point, Pass: 1 + rng.IntN(4)}, true
			}
		}
	}
	var group sync.WaitGroup
	for range crowd {
		group.Go(func() {
			for as, more := next(); more; as, more = next() {
				c := spawn(t, as, h)
				if c == nil {
					return
				}
				c.awaitDeath(patience)
				mu.Lock()
				if c.killedItself() {
					delete(missing, as.Point)
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	for p := range missing {
		t.Errorf("no process came to %s", p)
	}
}

// finishAll does what the children have left, in this process.
func finishAll(t *testing.T, s Setup, db sqltest.DB, h *history) {
	t.Helper()
	number := h.launch()
	out, in := io.Pipe()
	read := make(chan struct{})
	go func() {
		defer close(read)
		readEvents(out, func(e event) { h.add(number, e) })
	}()
	p := newProcess(t, s, db, role{Workers: 4}, &journal{out: in})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.run(ctx)
	}()
	awaitEnd(t, db)
	cancel()
	<-done
	in.Close()
	<-read
}

// awaitEnd waits until no run is left to execute or to announce. That somebody
// else is to announce a run only after the time that observers may take is not
// waited for: that time is over at once.
func awaitEnd(t *testing.T, db sqltest.DB) {
	t.Helper()
	const left = "SELECT id || ' is ' || status FROM operation_runs WHERE status <> 'completed' OR NOT announced"
	kept := Open(t, db)
	for deadline := time.Now().Add(2 * time.Minute); ; {
		waiting, err := texts(t.Context(), db.Read.DB, left)
		if err != nil {
			t.Fatal(err)
		}
		if len(waiting) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d runs do not end: %q", len(waiting), waiting)
		}
		hurry(t, db, kept)
		if err := pause(t.Context(), 50*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}

// hurry makes announcements due.
func hurry(t *testing.T, db sqltest.DB, kept runs.Store) {
	t.Helper()
	const silent = "SELECT tenant || '/' || id FROM operation_runs WHERE status = 'completed' AND NOT announced"
	found, err := texts(t.Context(), db.Read.DB, silent)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range found {
		tenant, id, _ := strings.Cut(name, "/")
		r, err := kept.Get(t.Context(), runs.Ref{Tenant: tenant, ID: id})
		if err != nil {
			t.Fatal(err)
		}
		if r.Announced || time.Until(r.NextRing) < time.Second {
			continue
		}
		r.NextRing = time.Now()
		_, _ = kept.Update(t.Context(), r) // a conflict is as good
	}
}

// watchKeys looks again and again, until the function it returns is called,
// whether two active runs share a key.
func watchKeys(t *testing.T, db sqltest.DB) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for pause(ctx, 20*time.Millisecond) == nil {
			keys, err := twice(ctx, db)
			if err != nil && ctx.Err() == nil {
				t.Errorf("look for keys: %v", err)
			}
			if len(keys) > 0 {
				t.Errorf("two active runs with the keys %q", keys)
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// A child is a process that was started.
type child struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	errors strings.Builder
	number int
	ended  chan struct{} // closed when all of its events are read and it is gone
	ready  chan struct{} // closed when it says so

	mu    sync.Mutex
	heard []eventKind
	self  bool // it said that it would kill itself
}

// spawn starts a process. It returns nil, and the test has failed, if that is
// not possible.
func spawn(t *testing.T, as role, h *history) *child {
	t.Helper()
	text, err := json.Marshal(as)
	if err != nil {
		t.Error(err)
		return nil
	}
	name, _, _ := strings.Cut(t.Name(), "/")
	c := &child{t: t, number: h.launch(), ended: make(chan struct{}), ready: make(chan struct{})}
	c.cmd = exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+name+"$")
	c.cmd.Env = append(os.Environ(), envRole+"="+string(text))
	c.cmd.Stderr = &c.errors
	var out io.ReadCloser
	if c.stdin, err = c.cmd.StdinPipe(); err == nil {
		out, err = c.cmd.StdoutPipe()
	}
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		t.Errorf("start a process: %v", err)
		return nil
	}
	go func() {
		defer close(c.ended)
		var said strings.Builder
		readEvents(io.TeeReader(out, &said), func(e event) { c.got(h, e) })
		c.finish(h, c.cmd.Wait(), said.String())
	}()
	return c
}

func (c *child) got(h *history, e event) {
	c.mu.Lock()
	c.heard = append(c.heard, e.Kind)
	c.mu.Unlock()
	switch e.Kind {
	case eventKill:
		c.mu.Lock()
		c.self = true
		c.mu.Unlock()
	case eventReady:
		close(c.ready)
	case eventBroken:
		c.t.Errorf("process %d: run %s: %s", c.number, e.Run, e.Text)
	case eventStarted, eventClaimed, eventEffect, eventParking, eventSettled, eventSwept, eventBye:
		// These are for the history.
	}
	h.add(c.number, e)
}

// finish looks at how the process ended.
func (c *child) finish(h *history, err error, said string) {
	status, _ := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	died := status.Signaled() || c.killedItself()
	switch {
	case strings.Contains(c.errors.String(), "DATA RACE"), !died && err != nil:
		c.t.Errorf("process %d: %v\n%s%s", c.number, err, said, &c.errors)
	case died:
		h.died(c.number)
	}
}

func (c *child) killedItself() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.self
}

func (c *child) signal(s os.Signal) {
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Errorf("signal process %d: %v", c.number, err)
	}
}

// awaitDeath waits for the end of the process, and kills it if that takes too
// long.
func (c *child) awaitDeath(patience time.Duration) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-c.ended:
	case <-timer.C:
		c.signal(syscall.SIGKILL)
		<-c.ended
	}
	c.stdin.Close()
}
