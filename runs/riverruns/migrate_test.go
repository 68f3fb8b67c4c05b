package riverruns_test

import (
	"sync"
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/enginetest"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs/riverruns"
)

// TestMigrate: eight processes that start together create the schema and the
// tables, once.
func TestMigrate(t *testing.T) {
	cfg := configOf(t, sqltest.Postgres(t))
	cfg.Schema += "_m"
	errs := make([]error, 8)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			d, err := riverruns.New(cfg)
			if err == nil {
				err = d.Migrate(t.Context())
			}
			errs[i] = err
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	enginetest.Dispatch(t, open(t, cfg), enginetest.Ref(1)) // and once more
	var jobs, steps int
	if err := cfg.Pool.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM "+cfg.Schema+".river_job), (SELECT count(*) FROM "+cfg.Schema+".river_migration)").Scan(&jobs, &steps); err != nil {
		t.Fatal(err)
	}
	if jobs != 1 || steps < 8 {
		t.Errorf("%d jobs and %d steps, want 1 job and 8 steps", jobs, steps)
	}
	if _, err := cfg.Pool.Exec(t.Context(), "DROP SCHEMA "+cfg.Schema+" CASCADE"); err != nil {
		t.Error(err)
	}
}
