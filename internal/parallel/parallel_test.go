package parallel_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/parallel"
)

func TestWait(t *testing.T) {
	broken := errors.New("broken")
	g, ctx := parallel.WithContext(t.Context())
	g.SetLimit(2)
	g.Go(func() error { <-ctx.Done(); return context.Cause(ctx) })
	g.Go(func() error { return broken })
	if err := g.Wait(); !errors.Is(err, broken) {
		t.Errorf("Wait: %v; want the first error", err)
	}
}

// A panic ends the others, and is Wait's.
func TestPanic(t *testing.T) {
	g, ctx := parallel.WithContext(t.Context())
	g.Go(func() error { <-ctx.Done(); return nil })
	g.Go(func() error { panic("a defect") })
	defer func() {
		text, _ := recover().(string)
		if !strings.HasPrefix(text, "a defect\n") || !strings.Contains(text, "parallel_test.go") {
			t.Errorf("Wait panics with %q; want the value and where it came from", text)
		}
	}()
	err := g.Wait()
	t.Errorf("Wait returned %v", err)
}
