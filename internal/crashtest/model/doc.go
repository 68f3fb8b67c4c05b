// Package model compares trackers that share a store with a model of them that
// is simple enough to be right.
//
// A [Program] is a list of numbers, each of which is one step: something that
// one of three processes does to one of a few runs, perhaps while its store
// fails. Which step a number means depends on the state that the steps before
// have led to, so any part of a program is a program, too; [Shrink] makes use of
// that. Steps follow each other, but what they leave open goes on: handlers
// wait between steps for what they are to do next, also those of attempts that
// have been taken from them.
package model

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A Store is what is under test, together with the trackers.
type Store interface {
	runs.Store
	runs.ItemStore
}

// A Program says what happens, step by step.
type Program []uint64

// NewProgram returns steps that follow from seed.
func NewProgram(seed uint64, steps int) Program {
	rng := rand.New(rand.NewPCG(seed, 0))
	p := make(Program, steps)
	for i := range p {
		p[i] = rng.Uint64()
	}
	return p
}

// A Failure is a program that does not do what the model does.
type Failure struct {
	Steps []string // what has happened
	Err   error    // what then was wrong
}

// Error implements error.
func (f *Failure) Error() string {
	var text strings.Builder
	for i, s := range f.Steps {
		fmt.Fprintf(&text, "%4d  %s\n", i+1, s)
	}
	return text.String() + f.Err.Error()
}

// Unwrap returns f.Err.
func (f *Failure) Unwrap() error { return f.Err }

// ErrStalled is reported of a program that proves nothing: the machine was so
// slow that a tracker has given up what it does in seconds otherwise.
var ErrStalled = errors.New("the store took too long")

// Play takes the steps of p on s, which no other program uses at the time; name
// tells its runs from those of programs before. It returns a [Failure] if the
// trackers do anything but what the model does, in any step, or leave anything
// undone at the end, and [ErrStalled] if it could not see that.
func Play(ctx context.Context, s Store, name string, p Program) error {
	w := newWorld(ctx, s, name)
	defer w.close()
	for _, word := range p {
		if err := w.step(word); errors.Is(err, ErrStalled) {
			return err
		} else if err != nil {
			return &Failure{w.steps, err}
		}
	}
	if err := w.drain(); err != nil {
		return &Failure{w.steps, err}
	}
	return nil
}

// Shrink returns a part of p, which fails, that fails too and from which no step
// can be left out. It calls fails at most tries times.
func Shrink(p Program, tries int, fails func(p Program) bool) Program {
	for size := len(p) / 2; size > 0; size /= 2 {
		for i := 0; i+size <= len(p) && tries > 0; tries-- {
			if less := slices.Delete(slices.Clone(p), i, i+size); fails(less) {
				p = less
			} else {
				i += size
			}
		}
	}
	return p
}
