package audittest_test

import (
	"testing"

	"github.com/tenantatlas/tenantatlas/runs/audit"
	"github.com/tenantatlas/tenantatlas/runs/audit/audittest"
	"github.com/tenantatlas/tenantatlas/runs/memaudit"
)

func ExampleTestStore() {
	_ = func(t *testing.T) {
		audittest.TestStore(t, func(testing.TB) audit.Store { return memaudit.New() })
	}
}
