// Package parallel runs functions at the same time without letting a panic of
// one of them end the process.
package parallel

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"golang.org/x/sync/errgroup"
)

// A Group is an [errgroup.Group] whose Wait panics with what one of its
// functions has panicked with. A panic on a goroutine that nobody knows of ends
// the process with everything that it does; on that of a handler it ends one
// run.
type Group struct {
	group *errgroup.Group

	mu       sync.Mutex
	panicked string
}

// WithContext returns a Group, and a context that ends with the first error or
// panic, or when Wait returns.
func WithContext(ctx context.Context) (*Group, context.Context) {
	group, ctx := errgroup.WithContext(ctx)
	return &Group{group: group}, ctx
}

// SetLimit limits how many functions run at a time.
func (g *Group) SetLimit(n int) { g.group.SetLimit(n) }

// Go calls f on a goroutine, and first waits for room within the limit.
func (g *Group) Go(f func() error) {
	g.group.Go(func() (err error) {
		defer func() {
			if v := recover(); v != nil {
				err = g.note(v)
			}
		}()
		return f()
	})
}

// Wait waits for all functions and returns their first error. If one has
// panicked, Wait panics with its value and stack as text.
func (g *Group) Wait() error {
	err := g.group.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.panicked != "" {
		panic(g.panicked)
	}
	return err
}

// note keeps the first panic for Wait.
func (g *Group) note(v any) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.panicked == "" {
		g.panicked = fmt.Sprintf("%v\n\n%s", v, debug.Stack())
	}
	return fmt.Errorf("panic: %v", v)
}
