// Command bench measures runs against River, in turn on one PostgreSQL server
// that it starts from installed binaries and that waits for the disk, and on
// SQLite files. It prints medians and their ratios:
//
//	go run .         # about eight minutes
//	go run . -quick  # about two
//	go run . -only duplicate
//	go run . -only recovery # runs of a process that is killed with kill -9, two minutes
//	go run . -only capacity # the constants of docs/scaling.md, two minutes
//	go run . -only lists    # lists and counts of millions of runs, ten minutes and 10 GB of disk
//	go run . -only pages    # the list page of the hub with a million runs, four minutes
//	go run . -only prune    # starts while old runs are deleted, ten minutes
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
)

func main() {
	quick := flag.Bool("quick", false, "measure each figure once, for a second")
	only := flag.String("only", "", "measure only what has this in its name")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	b := &bench{out: os.Stdout, only: *only, rounds: 5, each: 2 * time.Second, calls: 500, shrink: 1}
	if *quick {
		b.rounds, b.each, b.shrink = 1, time.Second, 50
	}
	do := b.run
	if text := os.Getenv(envRole); text != "" {
		do = func(ctx context.Context) error { return workAs(ctx, text) }
	}
	if err := do(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// A bench measures contests one after the other.
type bench struct {
	out    io.Writer
	only   string
	rounds int           // how often each side of a contest is measured
	each   time.Duration // how long
	calls  int           // how many calls a percentile is of
	shrink int           // how many times fewer runs there are in filled tables
}

// A contest is one figure of both sides. There may be no peer.
type contest struct {
	name   string
	unit   string
	better func(ours, peer float64) float64 // the ratio, from how many times as good
	target float64                          // of the ratio; 0 for none
	ours   func(ctx context.Context) (float64, error)
	peer   func(ctx context.Context) (float64, error)
}

func more(ours, peer float64) float64 { return ours / peer }
func less(ours, peer float64) float64 { return peer / ours }

func (b *bench) run(ctx context.Context) (err error) {
	switch b.only {
	case "capacity":
		return b.capacity(ctx)
	case "lists":
		return b.lists(ctx)
	case "pages":
		return b.pages(ctx)
	case "prune":
		return b.prunes(ctx)
	}
	cluster, err := sqltest.StartCluster(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	if b.only == "recovery" {
		return b.recovery(ctx, cluster.URL)
	}
	fmt.Fprintln(b.out, "| | ours | peer | ratio | target |\n|---|---|---|---|---|")
	for _, part := range []func(ctx context.Context, url string) error{b.postgres, b.sqlite} {
		if err := part(ctx, cluster.URL); err != nil {
			return err
		}
	}
	if b.only == "" {
		return b.recovery(ctx, cluster.URL)
	}
	return nil
}

// measure has both sides in turn, each of them first every other time.
func (b *bench) measure(ctx context.Context, c contest) error {
	if !strings.Contains(c.name, b.only) {
		return nil
	}
	var ours, peer []float64
	for round := range b.rounds {
		sides := []func() error{
			func() error { return sample(ctx, c.ours, &ours) },
			func() error { return sample(ctx, c.peer, &peer) },
		}
		if round%2 == 1 {
			slices.Reverse(sides)
		}
		for _, side := range sides {
			if err := side(); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
	}
	fmt.Fprintln(b.out, c.row(median(ours), median(peer)))
	return nil
}

func sample(ctx context.Context, side func(ctx context.Context) (float64, error), to *[]float64) error {
	if side == nil {
		return nil
	}
	v, err := side(ctx)
	*to = append(*to, v)
	return err
}

// median returns the middle one, or 0 if there is none.
func median[T cmp.Ordered](values []T) (m T) {
	if len(values) > 0 {
		m = slices.Sorted(slices.Values(values))[len(values)/2]
	}
	return m
}

func (c contest) row(ours, peer float64) string {
	row := []string{c.name, number(ours) + " " + c.unit, "", "", ""}
	if c.peer != nil {
		ratio := c.better(ours, peer)
		row[2], row[3] = number(peer)+" "+c.unit, fmt.Sprintf("%.2f", ratio)
		if c.target > 0 {
			row[4] = fmt.Sprintf("≥ %.2f", c.target)
			if ratio < c.target {
				row[4] += ", missed"
			}
		}
	}
	return "| " + strings.Join(row, " | ") + " |"
}

func number(v float64) string {
	if v < 100 {
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.0f", v)
}
