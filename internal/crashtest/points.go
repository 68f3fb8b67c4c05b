//go:build unix

package crashtest

import (
	"context"
	"math/rand/v2"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
)

// Points are the places where a process is killed. Those that end in "during"
// kill it while the call is under way.
func Points() []string {
	return []string{
		"start.before", "start.during", "start.after",
		"dispatch.before", "dispatch.after",
		"claim.before", "claim.during", "claim.after", "claim.handed",
		"work.begin", "effect.before", "effect.after", "item.reported", "work.end",
		"items.before", "items.during", "items.after",
		"progress.before", "progress.after",
		"finish.before", "finish.during", "finish.after",
		"park.before", "park.after",
		"cancel.before", "cancel.after",
		"rescue.before", "rescue.after",
		"observe.before", "observe.after",
		"announce.before", "announce.after",
	}
}

// points count the passes of one place and kill the process at one of them.
type points struct {
	journal *journal
	point   string
	kill    func(run string) // nil means never

	mu   sync.Mutex
	left int
}

func newPoints(j *journal, point string, pass int) *points {
	return &points{journal: j, point: point, left: pass, kill: func(run string) {
		j.write(event{Kind: eventKill, Run: run, Text: point})
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err == nil {
			select {} // it is on its way
		}
	}}
}

// reached reports whether this pass is the one.
func (p *points) reached(point string) bool {
	if p.kill == nil || p.point != point {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left--
	return p.left == 0
}

func (p *points) pass(point string) { p.passOf("", point) }

// passOf passes a point of a run.
func (p *points) passOf(run, point string) {
	if p.reached(point) {
		p.kill(run)
	}
}

// around passes the points of a run before, during and after a call. What the
// call has done is said in between.
func (p *points) around(run, name string, call func() error, done func()) error {
	p.passOf(run, name+".before")
	if p.reached(name + ".during") {
		// Somewhere within the few milliseconds that a write takes.
		time.AfterFunc(rand.N(3*time.Millisecond), func() { p.kill(run) })
	}
	err := call()
	if err == nil && done != nil {
		done()
	}
	p.passOf(run, name+".after")
	return err
}

// store passes the points of a store.
type store struct {
	*bunruns.Store
	points  *points
	journal *journal
}

func (s *store) Insert(ctx context.Context, r *runs.Run) (stored *runs.Run, inserted bool, err error) {
	err = s.points.around(r.ID, "start", func() (err error) {
		stored, inserted, err = s.Store.Insert(ctx, r)
		return err
	}, nil)
	return stored, inserted, err
}

func (s *store) Update(ctx context.Context, r *runs.Run) (stored *runs.Run, err error) {
	step := stepOf(r)
	err = s.points.around(r.ID, step.name, func() (err error) {
		stored, err = s.Store.Update(ctx, r)
		return err
	}, func() {
		if step.kind != "" {
			s.journal.write(event{Kind: step.kind, Run: r.ID, Key: string(stored.Key), Attempt: r.Attempt, Lost: r.Lost, Text: string(r.Outcome)})
		}
	})
	return stored, err
}

func (s *store) PutItems(ctx context.Context, ref runs.Ref, attempt int, items []runs.Item) error {
	return s.points.around(ref.ID, "items", func() error { return s.Store.PutItems(ctx, ref, attempt, items) }, nil)
}

type step struct {
	name string
	kind eventKind // of the event that it makes, if any
}

// stepOf recognizes what a Tracker does by what it writes.
func stepOf(r *runs.Run) step {
	switch r.Status {
	case runs.StatusRunning:
		switch {
		case r.Timing.Lease == 0:
			return step{"cancel", ""}
		case r.StartedAt.Equal(r.UpdatedAt):
			return step{"claim", eventClaimed}
		default:
			return step{"progress", ""}
		}
	case runs.StatusCompleted:
		switch {
		case r.Announced, !r.NextRing.IsZero():
			return step{"announce", ""}
		case r.Failure.Reason == runs.ReasonWorkerLost:
			return step{"rescue", eventSwept}
		case r.Attempt == 0:
			return step{"cancel", eventSettled}
		default:
			return step{"finish", eventSettled}
		}
	default:
		switch {
		case r.Timing.Delay > 0:
			return step{"park", eventSettled}
		case r.Timing.Ring > 0:
			return step{"ring", ""}
		default:
			return step{"rescue", eventSwept}
		}
	}
}

// dispatcher passes the points of a dispatcher.
type dispatcher struct {
	runs.Dispatcher
	runs.Worker
	points *points
}

func (d *dispatcher) Dispatch(ctx context.Context, ref runs.Ref) error {
	return d.points.around(ref.ID, "dispatch", func() error { return d.Dispatcher.Dispatch(ctx, ref) }, nil)
}

func (d *dispatcher) Work(ctx context.Context, claim runs.Claim) error {
	return d.Worker.Work(ctx, func(ctx context.Context, ref runs.Ref) (func(context.Context), error) {
		execute, err := claim(ctx, ref)
		if execute != nil {
			d.points.pass("claim.handed")
		}
		return execute, err
	})
}
