//go:build unix

package crashtest_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/crashtest"
	"github.com/tenantatlas/tenantatlas/internal/crashtest/model"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
)

// TestLinearizable is that of package runs on databases.
func TestLinearizable(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := crashtest.Open(t, db)
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		seed := rand.Uint64()
		for n := range crashtest.Kills(5) {
			if err := model.Linearize(t.Context(), s, fmt.Sprint("linear_", n), seed+uint64(n), 8, 30); err != nil {
				t.Fatal(err)
			}
		}
	})
}
