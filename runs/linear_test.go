package runs_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"testing/synctest"

	"github.com/tenantatlas/tenantatlas/internal/crashtest/model"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

// TestLinearizable checks that starts, claims, ends and cancels that happen at
// the same time have an order.
func TestLinearizable(t *testing.T) {
	histories := 50
	if os.Getenv("TENANTATLAS_LONG") == "1" {
		histories = 2000
	}
	seed := rand.Uint64()
	for n := range histories {
		if err := model.Linearize(t.Context(), memruns.New(), fmt.Sprint("linear_", n), seed+uint64(n), 8, 40); err != nil {
			t.Fatal(err)
		}
	}
}

// keyless keeps no run from having the key of another.
type keyless struct{ *memruns.Store }

func (s keyless) Insert(ctx context.Context, r *runs.Run) (*runs.Run, bool, error) {
	r = r.Clone()
	r.Key = ""
	return s.Store.Insert(ctx, r)
}

// lastWriterWins overwrites what it has not seen.
type lastWriterWins struct{ *memruns.Store }

func (s lastWriterWins) Update(ctx context.Context, r *runs.Run) (*runs.Run, error) {
	for tries := 0; ; tries++ { // a key that another run has by now is in the way for ever
		stored, err := s.Store.Update(ctx, r)
		if !errors.Is(err, runs.ErrConflict) || tries == 10 {
			return stored, err
		}
		is, err := s.Get(ctx, r.Ref())
		if err != nil {
			return nil, err
		}
		r = r.Clone()
		r.Revision = is.Revision
	}
}

// What the two tests are to find they find.
func TestModelFinds(t *testing.T) {
	stores := map[string]func() model.Store{
		"keyless":        func() model.Store { return keyless{memruns.New()} },
		"lastWriterWins": func() model.Store { return lastWriterWins{memruns.New()} },
	}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			found, order := false, false
			for seed := range uint64(50) {
				if !found {
					synctest.Test(t, func(t *testing.T) {
						found = model.Play(t.Context(), open(), "model", model.NewProgram(seed, 200)) != nil
					})
				}
				order = order || model.Linearize(t.Context(), open(), "linear", seed, 8, 40) != nil
			}
			if !found || !order {
				t.Errorf("found by the model: %t, by the order of calls: %t", found, order)
			}
		})
	}
}
