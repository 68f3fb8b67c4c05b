package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
	"github.com/tenantatlas/tenantatlas/runs/riverruns"
)

const apiBase = "/api/v1"

// A database is the one that all processes share: the runs, River's jobs, and
// the rows that were imported.
type database struct {
	pool  *pgxpool.Pool
	sql   *sql.DB // on the same pool
	store *bunruns.Store
}

// connections is how many a process has for everything. One of them listens
// for River.
const connections = 16

// openDatabase opens the database and makes the tables that are missing. Any
// number of processes may do so at once.
func openDatabase(ctx context.Context, url string) (*database, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		// The error may repeat the URL, and the URL may hold a password.
		return nil, errors.New("-db is not a valid PostgreSQL URL")
	}
	config.MaxConns = connections
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	db := &database{pool: pool, sql: stdlib.OpenDBFromPool(pool)}
	db.store, err = bunruns.New(bunruns.DB{Write: bun.NewDB(db.sql, pgdialect.New())})
	if err == nil {
		err = errors.Join(db.store.Migrate(ctx), createRows(ctx, pool))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("prepare the database: %w", err), db.close())
	}
	return db, nil
}

func (db *database) close() error {
	err := db.sql.Close()
	db.pool.Close()
	return err
}

// A host is one process.
type host struct {
	o       *options
	db      *database
	tracker *runs.Tracker
	api     *monitor.API
	log     *slog.Logger
}

func newHost(ctx context.Context, o *options, log *slog.Logger) (_ *host, err error) {
	h := &host{o: o, log: log}
	if h.db, err = openDatabase(ctx, o.db); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	dispatcher, err := riverruns.New(riverruns.Config{Pool: h.db.pool, Schema: o.schema, Workers: o.workers, Logger: log})
	if err != nil {
		return nil, err
	}
	if err := dispatcher.Migrate(ctx); err != nil {
		return nil, err
	}
	// Members could be looked up here. In this example everybody is an operator.
	authorizer := runs.Roles(func(context.Context, runs.Actor, string) (runs.Role, error) { return runs.RoleOperator, nil })
	h.tracker, err = runs.New(runs.Config{
		Store:      h.db.store,
		Items:      h.db.store,
		Dispatcher: dispatcher,
		Operations: []runs.Operation{h.importing()},
		Authorizer: authorizer,
		Logger:     log,
		Lease:      o.lease,
		Heartbeat:  o.lease / 6,  // as with the defaults
		Margin:     o.lease / 10, //
		Grace:      o.grace,
	})
	if err != nil {
		return nil, err
	}
	h.api, err = monitor.NewAPI(monitor.Config{Runs: h.tracker, Who: who, Authorizer: authorizer, BasePath: apiBase, Logger: log})
	return h, err
}

func (h *host) close() {
	if err := h.db.close(); err != nil {
		h.log.Error("close", "error", err)
	}
}

// who believes what the request says. A real service asks its sessions.
func who(r *http.Request) (runs.Actor, error) {
	if name := r.Header.Get("X-User"); name != "" {
		return runs.User(name, name), nil
	}
	return runs.Actor{}, monitor.ErrUnauthenticated
}

func (h *host) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(apiBase+"/", http.StripPrefix(apiBase, h.api))
	mux.HandleFunc("POST "+apiBase+"/t/{tenant}/imports", h.api.Viewing(h.startImport))
	return http.NewCrossOriginProtection().Handler(mux)
}

// startImport starts an import, or joins the one of the same file: 202 for a
// new one, 200 for one that was there already.
func (h *host) startImport(w http.ResponseWriter, r *http.Request, v monitor.Viewer) error {
	var in importInput
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(&in); err != nil {
		return runs.Public(runs.ErrInvalid, runs.ReasonInvalidInput, `The body must be like {"file":"a.csv","rows":20}.`)
	}
	req := runs.Request{Tenant: v.Tenant, Type: importType, Params: in, Initiator: v.Actor}
	if key := r.Header.Get("Idempotency-Key"); key != "" {
		req.Once = runs.OnceFor(v.Actor, key)
	}
	started, err := h.tracker.Start(r.Context(), req)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if started.Created {
		status = http.StatusAccepted
	}
	doc := monitor.NewDocument(started.Run, apiBase)
	w.Header().Set("Location", doc.Links["self"])
	monitor.WriteJSON(w, status, map[string]any{"run": doc, "created": started.Created})
	return nil
}
