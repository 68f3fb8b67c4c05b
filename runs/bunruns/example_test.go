package bunruns_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
)

// openFile opens the SQLite file at path twice: once for the one connection
// that writes, and once for reading.
func openFile(path string) (bunruns.DB, error) {
	const name = "file:%s?_busy_timeout=10000&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"
	write, err := sql.Open("sqlite", fmt.Sprintf(name+"&_txlock=immediate", path))
	if err != nil {
		return bunruns.DB{}, err
	}
	write.SetMaxOpenConns(1)
	read, err := sql.Open("sqlite", fmt.Sprintf(name+"&_pragma=query_only(1)", path))
	if err != nil {
		return bunruns.DB{}, errors.Join(err, write.Close())
	}
	return bunruns.DB{
		Write: bun.NewDB(write, sqlitedialect.New()),
		Read:  bun.NewDB(read, sqlitedialect.New()),
	}, nil
}

func ExampleNew() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "runs-*")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	db, err := openFile(filepath.Join(dir, "runs.db"))
	if err != nil {
		log.Fatal(err)
	}
	store, err := bunruns.New(db)
	if err != nil {
		log.Fatal(err)
	}
	if err := store.Migrate(ctx); err != nil {
		log.Fatal(err)
	}

	for range 2 {
		_, inserted, err := store.Insert(ctx, &runs.Run{
			Tenant: "acme", ID: "0001", Type: "report.import", Key: "a.csv", Status: runs.StatusQueued,
		})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("inserted:", inserted)
	}
	if err := errors.Join(db.Write.Close(), db.Read.Close()); err != nil {
		log.Fatal(err)
	}

	// The runs of a program outlive it.
	if db, err = openFile(filepath.Join(dir, "runs.db")); err != nil {
		log.Fatal(err)
	}
	if store, err = bunruns.New(db); err != nil {
		log.Fatal(err)
	}
	run, err := store.Get(ctx, runs.Ref{Tenant: "acme", ID: "0001"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(run.Type, run.Status)
	if err := errors.Join(db.Write.Close(), db.Read.Close()); err != nil {
		log.Fatal(err)
	}

	// Output:
	// inserted: true
	// inserted: false
	// report.import queued
}
