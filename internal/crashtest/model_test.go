//go:build unix

package crashtest_test

import (
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
	const length = 100
	programs := crashtest.Kills(100_000/50/length) * 50 / 40
	seed := rand.Uint64N(1 << 32)
	if text := os.Getenv("TENANTATLAS_SEED"); text != "" {
		programs = 1
		if _, err := fmt.Sscan(text, &seed); err != nil {
			t.Fatalf("TENANTATLAS_SEED: %v", err)
		}
	}
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		t.Parallel() // they mostly wait
		s := crashtest.Open(t, db)
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		for n := range programs {
			var last error
			played := 0
			fails := func(p model.Program) bool {
				played++
				err := model.Play(t.Context(), s, fmt.Sprintf("model_%d_%d", n, played), p)
				if err != nil {
					last = err
				}
				return err != nil
			}
			if p := model.NewProgram(seed+uint64(n), length); fails(p) {
				p = model.Shrink(p, 30, fails)
				t.Fatalf("TENANTATLAS_SEED=%d, %d of %d steps:\n%v", seed+uint64(n), len(p), length, last)
			}
		}
		t.Logf("%d steps", programs*length)
	})
}
