package meminventory_test

import (
	"context"
	"fmt"
	"log"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/meminventory"
)

func ExampleNew() {
	store := meminventory.New()
	page, err := store.List(context.Background(), inventory.Query{Tenant: "contoso"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(page.Items))
	// Output: 0
}
