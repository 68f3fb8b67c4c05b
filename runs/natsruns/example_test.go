package natsruns_test

import (
	"context"
	"log"
	"os"
	"os/signal"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
	"github.com/tenantatlas/tenantatlas/runs/natsruns"
)

// A program that can be started any number of times on one server and one
// database. Each process executes what any of them has started.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	nc, err := nats.Connect(os.Getenv("NATS_URL"), nats.MaxReconnects(-1))
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		log.Fatal(err)
	}
	dispatcher, err := natsruns.New(natsruns.Config{JetStream: js, Workers: 16})
	if err != nil {
		log.Fatal(err)
	}
	if err := dispatcher.Ensure(ctx); err != nil {
		log.Fatal(err)
	}

	var db bunruns.DB // the database of the runs; package bunruns says how it is opened
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
