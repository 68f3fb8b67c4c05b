package memruns_test

import (
	"testing"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

func TestStore(t *testing.T) {
	runstest.TestStore(t, func(testing.TB) runs.Store { return memruns.New() })
}
