package model

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/tenantatlas/tenantatlas/runs"
)

// Linearize has clients start, claim, finish and cancel runs at the same time,
// through two trackers on s, and checks that what they are told could have
// happened in some order in which each call takes effect at one instant while it
// was under way. Runs are called after name.
func Linearize(ctx context.Context, s Store, name string, seed uint64, clients, calls int) error {
	h, err := newHistory(ctx, s, runs.Type(name+".run"))
	if err != nil {
		return err
	}
	var group sync.WaitGroup
	for c := range clients {
		group.Go(func() { h.client(ctx, c, rand.New(rand.NewPCG(seed, uint64(c))), calls) })
	}
	group.Wait()
	h.stop()
	if h.err != nil {
		return h.err
	}
	if result := porcupine.CheckOperationsTimeout(sequential(), h.calls, time.Minute); result != porcupine.Ok {
		var text strings.Builder
		for _, op := range h.calls {
			fmt.Fprintf(&text, "%8d to %8d µs, client %d: %v\n", op.Call/1000, op.Return/1000, op.ClientId, describe(op.Input, op.Output))
		}
		return fmt.Errorf("no order explains what the clients were told (%v):\n%s", result, &text)
	}
	return nil
}

// A call is what a client asks for.
type call struct {
	verb string
	key  int
	id   string
}

// An answer is what it is told.
type answer struct {
	id      string
	created bool         // of start
	got     bool         // of claim
	status  runs.Status  // of cancel
	outcome runs.Outcome // of finish
}

// A slot is the active run of a key.
type slot struct {
	id       string
	status   runs.Status // empty if there is none
	canceled bool        // somebody has asked
}

// sequential is what happens if one call follows the other.
func sequential() porcupine.Model {
	return porcupine.Model{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			parts := make([][]porcupine.Operation, linearKeys)
			for _, op := range history {
				key := op.Input.(call).key
				parts[key] = append(parts[key], op)
			}
			return parts
		},
		Init: func() any { return slot{} },
		Step: func(state, input, output any) (bool, any) {
			return state.(slot).step(input.(call), output.(answer))
		},
		DescribeOperation: describe,
	}
}

func (s slot) step(c call, a answer) (bool, any) {
	mine := s.id == c.id && s.status != ""
	switch c.verb {
	case "start":
		if s.status == "" {
			return a.created, slot{id: a.id, status: runs.StatusQueued}
		}
		return !a.created && a.id == s.id, s
	case "claim":
		if mine && s.status == runs.StatusQueued {
			return a.got, slot{s.id, runs.StatusRunning, s.canceled}
		}
		return !a.got, s
	case "finish":
		ok := a.outcome == runs.OutcomeSucceeded || a.outcome == runs.OutcomeCanceled && s.canceled
		return mine && s.status == runs.StatusRunning && ok, slot{}
	default: // cancel
		switch {
		case !mine:
			return a.status == runs.StatusCompleted, s
		case s.status == runs.StatusQueued:
			return a.status == runs.StatusCompleted, slot{}
		default:
			s.canceled = true
			return a.status == runs.StatusRunning, s
		}
	}
}

func describe(input, output any) string {
	c, a := input.(call), output.(answer)
	switch c.verb {
	case "start":
		return fmt.Sprintf("start of key %d gives %s, created %t", c.key, a.id, a.created)
	case "claim":
		return fmt.Sprintf("claim of %s with key %d: %t", c.id, c.key, a.got)
	case "finish":
		return fmt.Sprintf("%s with key %d is finished: %s", c.id, c.key, a.outcome)
	default:
		return fmt.Sprintf("cancel of %s with key %d: it is %s", c.id, c.key, a.status)
	}
}

const linearKeys = 3

// A history is what clients have asked for and were told.
type history struct {
	typ      runs.Type
	trackers []*runs.Tracker
	claims   []runs.Claim
	stop     func()
	began    time.Time

	mu       sync.Mutex
	calls    []porcupine.Operation
	ids      [linearKeys][]string
	releases map[string]chan struct{} // of the handlers that wait, by run
	err      error
}

// A carrier accepts every reference and gives the claim away.
type carrier chan runs.Claim

func (carrier) Dispatch(context.Context, runs.Ref) error { return nil }

func (c carrier) Work(ctx context.Context, claim runs.Claim) error {
	c <- claim
	<-ctx.Done()
	return nil
}

func newHistory(ctx context.Context, s Store, typ runs.Type) (*history, error) {
	h := &history{typ: typ, began: time.Now(), releases: map[string]chan struct{}{}}
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	h.stop = func() {
		cancel()
		group.Wait()
	}
	for range 2 {
		c := make(carrier, 1)
		tracker, err := runs.New(runs.Config{
			Store: s, Items: s, Dispatcher: c,
			Operations: []runs.Operation{runs.Spec[input]{
				Type: typ, Handle: h.handle, Identity: func(in input) any { return in.Key },
			}.Operation()},
		})
		if err != nil {
			h.stop()
			return nil, err
		}
		group.Go(func() { h.note(tracker.Run(ctx)) })
		h.trackers = append(h.trackers, tracker)
		h.claims = append(h.claims, <-c)
	}
	return h, nil
}

// handle waits until its client finishes it, and then does what a handler does
// that has looked at its context.
func (h *history) handle(ctx context.Context, x *runs.Exec, _ input) error {
	h.mu.Lock()
	release := h.releases[x.Run().ID]
	h.mu.Unlock()
	<-release
	return ctx.Err()
}

func (h *history) note(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = errors.Join(h.err, err)
}

// do makes a call and keeps it with its answer.
func (h *history) do(client int, c call, f func() (answer, error)) answer {
	began := time.Since(h.began)
	a, err := f()
	ended := time.Since(h.began)
	if err != nil {
		h.note(fmt.Errorf("%s: %w", c.verb, err))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, porcupine.Operation{ClientId: client, Input: c, Output: a, Call: began.Nanoseconds(), Return: ended.Nanoseconds()})
	return a
}

const linearTenant = "acme"

func (h *history) client(ctx context.Context, client int, rng *rand.Rand, calls int) {
	for range calls {
		n, key := rng.IntN(len(h.trackers)), rng.IntN(linearKeys)
		id := h.anyID(rng, key)
		switch verb := rng.IntN(5); {
		case verb < 2 || id == "":
			a := h.do(client, call{"start", key, ""}, func() (answer, error) {
				s, err := h.trackers[n].Start(ctx, runs.Request{
					Tenant: linearTenant, Type: h.typ, Params: input{Key: key}, Initiator: runs.User("dana", ""),
				})
				if err != nil {
					return answer{}, err
				}
				return answer{id: s.Run.ID, created: s.Created}, nil
			})
			h.mu.Lock()
			h.ids[key] = append(h.ids[key], a.id)
			h.mu.Unlock()
		case verb < 4:
			h.execute(ctx, client, n, key, id)
		default:
			h.do(client, call{"cancel", key, id}, func() (answer, error) {
				r, err := h.trackers[n].RequestCancel(ctx, h.ref(id), runs.User("eli", ""), "")
				if err != nil {
					return answer{}, err
				}
				return answer{id: id, status: r.Status}, nil
			})
		}
	}
}

func (h *history) ref(id string) runs.Ref { return runs.Ref{Tenant: linearTenant, ID: id, Type: h.typ} }

// anyID returns one of the latest runs of a key, or nothing.
func (h *history) anyID(rng *rand.Rand, key int) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	ids := h.ids[key]
	if len(ids) == 0 {
		return ""
	}
	return ids[len(ids)-1-rng.IntN(min(3, len(ids)))]
}

// execute claims a run and, if it gets it, finishes it.
func (h *history) execute(ctx context.Context, client, n, key int, id string) {
	release := make(chan struct{})
	var begin func(context.Context)
	a := h.do(client, call{"claim", key, id}, func() (answer, error) {
		execute, err := h.claims[n](ctx, h.ref(id))
		begin = execute
		return answer{id: id, got: execute != nil}, err
	})
	if !a.got {
		return
	}
	h.mu.Lock()
	h.releases[id] = release
	h.mu.Unlock()
	h.do(client, call{"finish", key, id}, func() (answer, error) {
		close(release)
		begin(ctx)
		r, err := h.trackers[n].Get(ctx, h.ref(id))
		if err != nil {
			return answer{}, err
		}
		return answer{id: id, outcome: r.Outcome}, nil
	})
}
