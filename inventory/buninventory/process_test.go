package buninventory_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/buninventory"
)

// Two processes sync the same tenant, with the same items and contents in each
// other's way, and finish again and again. Nothing that an item refers to may
// be forgotten meanwhile.
func TestTwoProcesses(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		reader := open(t, db)
		const rounds, each = 10, 20
		process := func(ctx context.Context, s *buninventory.Store, run string) error {
			sync := inventory.Sync{Tenant: "acme", Run: run, Selection: "everything"}
			for round := range rounds {
				at := morning.Add(time.Duration(round) * 2 * inventory.ContentGrace)
				var entries []inventory.Entry
				for i := range each {
					e := policies(i, 1)[0]
					// Contents come, go and come again.
					e.Hash = fmt.Sprint("content-", (i+round)%7)
					e.LastSeenAt, e.LastSeenRun = at, run
					entries = append(entries, e)
				}
				if run == "run-2" { // in the other order
					for i, j := 0, each-1; i < j; i, j = i+1, j-1 {
						entries[i], entries[j] = entries[j], entries[i]
					}
				}
				if err := s.Put(ctx, sync, entries); err != nil {
					return fmt.Errorf("%s: %w", run, err)
				}
				for k := range 7 {
					c := inventory.Coverage{Kind: fmt.Sprintf("kind%02d", k), Status: "succeeded", At: at}
					if err := s.Cover(ctx, sync, c, []string{entries[round%each].ID}); err != nil {
						return fmt.Errorf("%s: %w", run, err)
					}
				}
				sync.Run = fmt.Sprint(run, "-", round)
				if err := s.Finish(ctx, sync, at); err != nil {
					return fmt.Errorf("%s: %w", run, err)
				}
			}
			return nil
		}
		var wg sync.WaitGroup
		errs := make([]error, 2)
		for i := range errs {
			s, err := buninventory.New(sqltest.Open(t, db.DSN).DB)
			if err != nil {
				t.Fatal(err)
			}
			wg.Go(func() { errs[i] = process(t.Context(), s, fmt.Sprint("run-", i+1)) })
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		all := items(t, reader, inventory.Query{Tenant: "acme"})
		if len(all) != each {
			t.Errorf("%d items, want %d", len(all), each)
		}
		for _, i := range all {
			if _, err := reader.Get(t.Context(), "acme", i.Ref(), ""); err != nil {
				t.Errorf("%v: %v", i.Ref(), err)
			}
		}
	})
}

// A Finish must see what the Puts that are under way refer to, and a Cover
// which items they bring. So they wait for each other, unlike Puts.
func TestFinishWaitsForPuts(t *testing.T) {
	db := sqltest.Postgres(t)
	s := open(t, db)
	fill(t, s, "acme", 80)
	put, err := db.Write.DB.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := put.ExecContext(t.Context(), "SELECT pg_advisory_xact_lock_shared($1)", buninventory.LockKey("acme")); err != nil {
		t.Fatal(err)
	}
	fill(t, s, "acme", 80)
	globex := everything
	globex.Tenant = "globex"
	cover(t, s, globex, morning)
	for name, call := range map[string]func(ctx context.Context) error{
		"Cover": func(ctx context.Context) error {
			return s.Cover(ctx, everything, inventory.Coverage{Kind: "kind01", Status: "succeeded", At: morning}, nil)
		},
		"Finish": func(ctx context.Context) error { return s.Finish(ctx, everything, morning) },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("during a Put, %s reports %v, want that it waits", name, err)
		}
		cancel()
	}
	if err := put.Rollback(); err != nil {
		t.Fatal(err)
	}
	cover(t, s, everything, morning)
}
