package meminventory_test

import (
	"testing"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
	"github.com/tenantatlas/tenantatlas/inventory/inventorytest"
	"github.com/tenantatlas/tenantatlas/inventory/meminventory"
)

func TestStore(t *testing.T) {
	inventorytest.TestStore(t, func(testing.TB) inventory.Store { return meminventory.New() })
}

func TestDirectory(t *testing.T) {
	inventorytest.TestDirectory(t, func(testing.TB) directory.Store { return meminventory.NewDirectory() })
}
