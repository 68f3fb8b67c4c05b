package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// held is how many runs are at work in a process when it is killed.
const held = 20

// rescuerInterval is how often River looks for jobs that are stuck. It cannot be
// set.
const rescuerInterval = 30 * time.Second

// recovery measures how long it takes from kill -9 of a process until what it
// had at work is at work in another one.
func (b *bench) recovery(ctx context.Context, server string) error {
	fmt.Fprintf(b.out, "\n| kill -9 of a process with %d runs at work, until each is at work again, p50 / max of %d | ours | peer | ratio of p50 | target of p99 |\n|---|---|---|---|---|\n",
		held, held*b.rounds)
	for i, c := range []struct {
		name   string
		target time.Duration
		ours   role
		peer   *role
		long   bool
	}{
		{"another process, defaults", 45 * time.Second, role{}, nil, true},
		{"another process, tuned", 5 * time.Second, role{Tuned: true}, &role{River: true, Queue: "none"}, false},
		{"the same, restarted under its name", time.Second, role{Instance: "worker-1"}, nil, false},
	} {
		if c.long && b.shrink > 1 {
			continue
		}
		ours, err := b.takeOvers(ctx, server, fmt.Sprintf("recovery_%d", i), c.ours)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		peer, ratio := "", ""
		if c.peer != nil {
			took, err := b.takeOvers(ctx, server, fmt.Sprintf("rescue_%d", i), *c.peer)
			if err != nil {
				return fmt.Errorf("%s, peer: %w", c.name, err)
			}
			peer, ratio = spread(took), fmt.Sprintf("%.2f", less(median(ours).Seconds(), median(took).Seconds()))
		}
		target := fmt.Sprintf("≤ %.0f s", c.target.Seconds())
		if slices.Sorted(slices.Values(ours))[len(ours)*99/100] > c.target {
			target += ", missed"
		}
		fmt.Fprintf(b.out, "| %s | %s | %s | %s | %s |\n", c.name, spread(ours), peer, ratio, target)
	}
	return nil
}

func spread(took []time.Duration) string {
	return fmt.Sprintf("%.2f / %.2f s", median(took).Seconds(), slices.Max(took).Seconds())
}

// takeOvers kills a process in each round.
func (b *bench) takeOvers(ctx context.Context, server, schema string, as role) (took []time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	if as.URL, err = newSchema(ctx, server, schema); err != nil {
		return nil, err
	}
	if as.Instance != "" {
		return b.restarts(ctx, as)
	}
	survivor, err := spawn(ctx, as)
	if err != nil {
		return nil, err
	}
	defer survivor.kill()
	killed := make(map[string]time.Time)
	rest := time.Duration(0) // the runs' leases begin with them
	if as.River {
		// Its look at all jobs is where it is when they are killed, so those are
		// spread over the time between two looks.
		rest = rescuerInterval / time.Duration(b.rounds)
	}
	if err := sleep(ctx, rest/2); err != nil {
		return nil, err
	}
	victim := as
	victim.Starts = held
	for round := range b.rounds {
		begun := time.Now()
		if as.River {
			victim.Queue = fmt.Sprintf("queue_%d", round)
		}
		p, err := spawn(ctx, victim)
		if err != nil {
			return nil, err
		}
		atWork, err := p.await(ctx, held)
		at := p.kill()
		if err != nil {
			return nil, err
		}
		for _, s := range atWork {
			killed[s.id] = at
		}
		if as.River {
			if _, err := fmt.Fprintln(survivor.stdin, victim.Queue); err != nil {
				return nil, err
			}
		}
		if err := sleep(ctx, rest-time.Since(begun)); err != nil {
			return nil, err
		}
	}
	for len(killed) > 0 {
		s, err := survivor.next(ctx)
		if err != nil {
			return nil, err
		}
		at, ok := killed[s.id]
		if !ok {
			continue // the survivor itself was too slow, and has it once more
		}
		if s.at.Before(at) {
			return nil, fmt.Errorf("%s was taken from a living process: the machine is too busy for the lease", s.id)
		}
		delete(killed, s.id)
		took = append(took, s.at.Sub(at))
	}
	return took, nil
}

// restarts kills a process and starts another one under its name in each round.
func (b *bench) restarts(ctx context.Context, as role) (took []time.Duration, err error) {
	first := as
	first.Starts = held
	p, err := spawn(ctx, first)
	if err != nil {
		return nil, err
	}
	defer func() { p.kill() }()
	if _, err := p.await(ctx, held); err != nil {
		return nil, err
	}
	for range b.rounds {
		at := p.kill()
		next, err := spawn(ctx, as)
		if err != nil {
			return nil, err
		}
		p = next
		atWork, err := p.await(ctx, held)
		if err != nil {
			return nil, err
		}
		for _, s := range atWork {
			took = append(took, s.at.Sub(at))
		}
	}
	return took, nil
}
