package meminventory_test

import (
	"testing"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/inventorytest"
	"github.com/tenantatlas/tenantatlas/inventory/meminventory"
)

func TestStore(t *testing.T) {
	inventorytest.TestStore(t, func(testing.TB) inventory.Store { return meminventory.New() })
}
