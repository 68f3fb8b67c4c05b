package riverruns_test

import (
	"log/slog"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs/riverruns"
)

// openPool opens db for River.
func openPool(t testing.TB, db sqltest.DB) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(db.DSN)
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 16
	config.ConnConfig.RuntimeParams["application_name"] = "river"
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// configOf has the tables of River in the schema that is the test's own.
func configOf(t testing.TB, db sqltest.DB) riverruns.Config {
	t.Helper()
	u, err := url.Parse(db.DSN)
	if err != nil {
		t.Fatal(err)
	}
	return riverruns.Config{Pool: openPool(t, db), Schema: u.Query().Get("search_path"), Workers: 8}
}

// open returns a Dispatcher whose tables are there.
func open(t testing.TB, cfg riverruns.Config) *riverruns.Dispatcher {
	t.Helper()
	d, err := riverruns.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }
