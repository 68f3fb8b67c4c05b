package inventorytest_test

import (
	"testing"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/inventorytest"
	"github.com/tenantatlas/tenantatlas/inventory/meminventory"
)

// A driver's own test is one call.
func ExampleTestStore() {
	_ = func(t *testing.T) { // func TestStore(t *testing.T)
		inventorytest.TestStore(t, func(testing.TB) inventory.Store { return meminventory.New() })
	}
}
