package crashtest_test

import (
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/crashtest"
)

// TestPostmaster kills the server that keeps the runs.
func TestPostmaster(t *testing.T) {
	t.Parallel()
	cycles := 3
	if crashtest.Long() {
		cycles = 20
	}
	crashtest.Postmaster(t, crashtest.Setup{}, cycles)
}
