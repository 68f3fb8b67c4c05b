package runs_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"testing/synctest"

	"github.com/tenantatlas/tenantatlas/internal/crashtest/model"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

// TestModel compares trackers that share a store, in whatever order they do
// things and whatever fails in between, with a model of them. TENANTATLAS_SEED
// plays one program again.
func TestModel(t *testing.T) {
	const length = 200
	programs := 1_000_000 / 50 / length
	if os.Getenv("TENANTATLAS_LONG") == "1" {
		programs *= 50
	}
	seed := rand.Uint64N(1 << 32)
	if text := os.Getenv("TENANTATLAS_SEED"); text != "" {
		programs = 1
		if _, err := fmt.Sscan(text, &seed); err != nil {
			t.Fatalf("TENANTATLAS_SEED: %v", err)
		}
	}
	for range programs {
		var last error
		fails := func(p model.Program) bool {
			var err error
			synctest.Test(t, func(t *testing.T) { err = model.Play(t.Context(), memruns.New(), "model", p) })
			if err != nil {
				last = err
			}
			return err != nil
		}
		if p := model.NewProgram(seed, length); fails(p) {
			p = model.Shrink(p, 1000, fails)
			t.Fatalf("TENANTATLAS_SEED=%d, %d of %d steps:\n%v", seed, len(p), length, last)
		}
		seed++
	}
	t.Logf("%d steps", programs*length)
}
