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

func TestZeroStore(t *testing.T) {
	runstest.TestStore(t, func(testing.TB) runs.Store { return new(memruns.Store) })
}

func TestItemStore(t *testing.T) {
	runstest.TestItemStore(t, func(testing.TB) (runs.Store, runs.ItemStore) {
		s := memruns.New()
		return s, s
	})
}

func TestCounter(t *testing.T) {
	runstest.TestCounter(t, func(testing.TB) (runs.Store, runs.Counter) {
		s := memruns.New()
		return s, s
	})
}

func TestPruner(t *testing.T) {
	runstest.TestPruner(t, func(testing.TB) (runs.Store, runs.ItemStore, runs.Pruner) {
		s := memruns.New()
		return s, s, s
	})
}
