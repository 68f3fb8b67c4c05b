package bunruns_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/uptrace/bun"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
	"github.com/tenantatlas/tenantatlas/runs/pondruns"
)

// An order and the run that ships it are written together, or not at all.
func ExampleStore_In() {
	ctx, stop := context.WithCancel(context.Background())
	dir, err := os.MkdirTemp("", "runs-*")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	db, err := openFile(filepath.Join(dir, "shop.db"))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := db.Write.ExecContext(ctx, "CREATE TABLE orders (id INTEGER PRIMARY KEY)"); err != nil {
		log.Fatal(err)
	}
	store, err := bunruns.New(db)
	if err != nil {
		log.Fatal(err)
	}
	if err := store.Migrate(ctx); err != nil {
		log.Fatal(err)
	}

	type Shipment struct{ Order int }
	tracker, err := runs.New(runs.Config{
		Store:      store,
		Dispatcher: pondruns.New(pondruns.Config{Workers: 1}),
		Operations: []runs.Operation{
			runs.Define("order.ship", func(_ context.Context, _ *runs.Exec, in Shipment) error {
				fmt.Println("ship order", in.Order)
				return nil
			}),
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- tracker.Run(ctx) }()

	place := func(order int) (started runs.Started, err error) {
		err = db.Write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
			if _, err := tx.ExecContext(ctx, "INSERT INTO orders (id) VALUES (?)", order); err != nil {
				return err
			}
			started, err = tracker.In(store.In(tx)).Start(ctx, runs.Request{
				Tenant: "acme", Type: "order.ship", Params: Shipment{order}, Initiator: runs.User("dana", "Dana"),
			})
			if err == nil && order > 100 {
				err = errors.New("there is no such thing")
			}
			return err
		})
		if err != nil || !started.Created {
			return started, err
		}
		return started, tracker.Ring(ctx, started.Run.Ref())
	}
	if _, err := place(101); err != nil {
		fmt.Println("order 101:", err)
	}
	started, err := place(7)
	if err != nil {
		log.Fatal(err)
	}
	run, err := tracker.Wait(ctx, started.Run.Ref())
	if err != nil {
		log.Fatal(err)
	}
	page, err := tracker.List(ctx, runs.Query{Tenant: "acme"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(run.Outcome, "and there are", len(page.Runs), "runs")

	stop()
	if err := errors.Join(<-ended, db.Write.Close(), db.Read.Close()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// order 101: there is no such thing
	// ship order 7
	// succeeded and there are 1 runs
}
