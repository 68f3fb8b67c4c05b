package riverruns_test

import (
	"context"
	"log"
	"os"
	"os/signal"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
	"github.com/tenantatlas/tenantatlas/runs/riverruns"
)

// A program that can be started any number of times on one database. Each
// process executes what any of them has started.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	dispatcher, err := riverruns.New(riverruns.Config{Pool: pool, Workers: 16})
	if err != nil {
		log.Fatal(err)
	}
	if err := dispatcher.Migrate(ctx); err != nil {
		log.Fatal(err)
	}

	var db bunruns.DB // the same database; package bunruns says how it is opened
	store, err := bunruns.New(db)
	if err != nil {
		log.Fatal(err)
	}
	if err := store.Migrate(ctx); err != nil {
		log.Fatal(err)
	}

	tracker, err := runs.New(runs.Config{
		Store:      store,
		Dispatcher: dispatcher,
		Operations: []runs.Operation{
			runs.Define("report.import", func(context.Context, *runs.Exec, struct{}) error { return nil }),
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := tracker.Run(ctx); err != nil { // until the program is interrupted
		log.Fatal(err)
	}
}
