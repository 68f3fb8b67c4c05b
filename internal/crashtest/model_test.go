//go:build unix

package crashtest_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/crashtest"
	"github.com/tenantatlas/tenantatlas/internal/crashtest/model"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
)

// TestModel is that of package runs on databases.
func TestModel(t *testing.T) {
	const length, shards = 100, 4
	programs := 100_000 / 50 / length
	if crashtest.Long() {
		programs *= 50
	}
	seed := rand.Uint64N(1 << 32)
	if text := os.Getenv("TENANTATLAS_SEED"); text != "" {
		programs = 1
		if _, err := fmt.Sscan(text, &seed); err != nil {
			t.Fatalf("TENANTATLAS_SEED: %v", err)
		}
	}
	for shard := range shards {
		t.Run(fmt.Sprint(shard), func(t *testing.T) {
			t.Parallel() // they mostly wait
			sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
				t.Parallel()
				s := migrated(t, db)
				for n := shard; n < programs; n += shards {
					play(t, s, n, seed+uint64(n), length)
				}
			})
		})
	}
	t.Logf("%d steps", programs*length)
}

// play plays the nth program.
func play(t *testing.T, s model.Store, n int, seed uint64, length int) {
	t.Helper()
	var last error
	played := 0
	fails := func(p model.Program) bool {
		played++
		err := model.Play(t.Context(), s, fmt.Sprintf("model_%d_%d", n, played), p)
		if errors.Is(err, model.ErrStalled) {
			t.Logf("program %d: %v", n, err)
			return false
		}
		if err != nil {
			last = err
		}
		return err != nil
	}
	if p := model.NewProgram(seed, length); fails(p) {
		p = model.Shrink(p, 30, fails)
		t.Fatalf("TENANTATLAS_SEED=%d, %d of %d steps:\n%v", seed, len(p), length, last)
	}
}
