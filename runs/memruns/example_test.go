package memruns_test

import (
	"context"
	"fmt"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

func ExampleNew() {
	store := memruns.New()

	// Programs use a runs.Tracker, which calls the store.
	ctx := context.Background()
	for _, id := range []string{"r1", "r2"} {
		stored, inserted, err := store.Insert(ctx, &runs.Run{
			Tenant: "acme",
			ID:     id,
			Type:   "report.import",
			Status: runs.StatusQueued,
			Key:    "the same for both",
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(stored.ID, inserted)
	}
	// Output:
	// r1 true
	// r1 false
}
