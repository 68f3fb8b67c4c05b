//go:build unix

package crashtest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/internal/crashtest"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
)

// TestFullDisk starts runs until SQLite's file may grow no more: starts say that
// the store is unavailable, what was acknowledged is there, the file is whole,
// and when there is room again everything goes on.
func TestFullDisk(t *testing.T) {
	db := sqltest.SQLite(t)
	s := migrated(t, db)
	pages := func(n int) {
		t.Helper()
		if _, err := db.Write.DB.ExecContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", n)); err != nil {
			t.Fatal(err)
		}
	}
	db.Write.SetConnMaxLifetime(0) // the pragma is the connection's
	pages(60)
	big := strings.Repeat("x", 30_000)
	type large struct{ Text string }
	cfg := crashtest.Tuned()
	cfg.Store, cfg.Items, cfg.Dispatcher = s, s, accepting{}
	cfg.Operations = []runs.Operation{runs.Define("trouble.large", func(context.Context, *runs.Exec, large) error { return nil })}
	tracker, err := runs.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	start := func(n int) (runs.Started, error) {
		return tracker.Start(t.Context(), runs.Request{
			Tenant: "acme", Type: "trouble.large", Params: large{fmt.Sprint(n, big)}, Initiator: runs.User("dana", ""), Once: fmt.Sprint(n),
		})
	}
	var acknowledged []runs.Ref
	for n := 0; ; n++ {
		started, err := start(n)
		if err == nil {
			acknowledged = append(acknowledged, started.Run.Ref())
			continue
		}
		if !errors.Is(err, runs.ErrStoreUnavailable) {
			t.Errorf("start on a full disk: %v, want %v", err, runs.ErrStoreUnavailable)
		}
		break
	}
	if len(acknowledged) == 0 {
		t.Fatal("no run was started before the disk was full")
	}
	wantWhole(t, db.Read.DB)
	for _, ref := range acknowledged {
		get(t, s, ref)
	}
	pages(100_000)
	if _, err := start(len(acknowledged)); err != nil {
		t.Errorf("start when there is room again: %v", err)
	}
}

type accepting struct{}

func (accepting) Dispatch(context.Context, runs.Ref) error { return nil }

func wantWhole(t *testing.T, db *sql.DB) {
	t.Helper()
	if found, err := problems(t.Context(), db); err != nil || found != "ok" {
		t.Errorf("the check of the file says %q, %v", found, err)
	}
}

// problems is the thorough check: the quick one does not compare an index with
// its table.
func problems(ctx context.Context, db *sql.DB) (found string, err error) {
	err = db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&found)
	return found, err
}

// TestFlippedBytes changes one byte of a SQLite file, in a thousand ways, and
// reads all runs. What is wrong with the file's own structure is found, by the
// check or by the reading. Within a text of a row SQLite cannot know: there,
// one run differs in what the byte is part of, and all others are as they were.
func TestFlippedBytes(t *testing.T) {
	flips := crashtest.Kills(25) // a thousand in the long version
	original := sqltest.SQLite(t)
	s := migrated(t, original)
	want := map[string]*runs.Run{}
	for n := range 200 {
		r := &runs.Run{
			Tenant: "acme", ID: fmt.Sprintf("r%03d", n), Type: trouble, Status: runs.StatusCompleted, Outcome: runs.OutcomeSucceeded,
			Initiator: runs.User("dana", "Dana"), Params: fmt.Appendf(nil, `{"n":%d}`, n), CreatedAt: time.Unix(int64(n), 0).UTC(),
		}
		stored, _, err := s.Insert(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		want[r.ID] = stored
	}
	// All of it into the one file.
	if _, err := original.Write.DB.ExecContext(t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		t.Fatal(err)
	}
	path, _ := strings.CutPrefix(original.DSN, "sqlite:")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	checked, refused, silent, harmless := 0, 0, 0, 0
	for n := range flips {
		at, mask := rng.IntN(len(whole)), byte(1+rng.IntN(255))
		damaged := append([]byte(nil), whole...)
		damaged[at] ^= mask
		copied := filepath.Join(t.TempDir(), fmt.Sprint("damaged-", n))
		if err := os.WriteFile(copied, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		db := sqltest.Open(t, "sqlite:"+copied)
		found, err := problems(t.Context(), db.Read.DB)
		differ, failed := readAll(t, crashtest.Open(t, db), want)
		switch {
		case err != nil || found != "ok":
			checked++
		case failed > 0:
			refused++
		case differ > 1:
			t.Errorf("byte %d ^ %#x: %d runs differ, and nothing says so", at, mask, differ)
		case differ == 1:
			silent++
		default:
			harmless++
		}
		db.Read.Close()
		db.Write.Close()
	}
	t.Logf("of %d flips the check found %d, reading failed for %d, one value was wrong for %d, nothing was for %d", flips, checked, refused, silent, harmless)
}

// readAll returns how many runs are not as they were, and how many cannot be
// read.
func readAll(t *testing.T, s runs.Store, want map[string]*runs.Run) (differ, failed int) {
	t.Helper()
	for _, r := range want {
		got, err := s.Get(t.Context(), r.Ref())
		switch {
		case errors.Is(err, runs.ErrNotFound):
			differ++
		case err != nil:
			failed++
		case cmp.Diff(r, got) != "":
			differ++
		}
	}
	return differ, failed
}

// TestNewerSchema runs this program on tables to which a newer one has added
// columns and an index, as during a rolling upgrade.
func TestNewerSchema(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := migrated(t, db)
		for _, statement := range []string{
			"ALTER TABLE operation_runs ADD COLUMN newer text",
			"ALTER TABLE operation_runs ADD COLUMN newest integer NOT NULL DEFAULT 7",
			"ALTER TABLE operation_run_items ADD COLUMN newer text NOT NULL DEFAULT ''",
			"CREATE INDEX operation_runs_newer ON operation_runs (newest, tenant)",
		} {
			if _, err := db.Write.DB.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		tracker, _ := track(t, s, nil, func(_ context.Context, x *runs.Exec, _ input) error {
			x.Succeed("item")
			return nil
		})
		for n := range 20 {
			if r := ended(t, s, begin(t, tracker, n)); r.Outcome != runs.OutcomeSucceeded || r.Counts.Succeeded != 1 {
				t.Errorf("run %d ended as %s with %+v", n, r.Outcome, r.Counts)
			}
		}
		if page, err := tracker.List(t.Context(), runs.Query{Tenant: "acme"}); err != nil || len(page.Runs) != 20 {
			t.Errorf("list: %d runs, %v", len(page.Runs), err)
		}
	})
}
