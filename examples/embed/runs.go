package main

import (
	"context"
	"net/http"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
	"github.com/tenantatlas/tenantatlas/runs/pondruns"
)

// addRuns keeps runs in the shop's own database, shows them below /ops/, and
// returns what executes them until its context ends.
func (s *shop) addRuns(ctx context.Context) (work func(ctx context.Context) error, err error) {
	store, err := bunruns.New(bunruns.DB{Write: bun.NewDB(s.write, sqlitedialect.New()), Read: bun.NewDB(s.read, sqlitedialect.New())})
	if err == nil {
		err = store.Migrate(ctx)
	}
	if err != nil {
		return nil, err
	}
	return s.addRunsIn(store, store)
}

func (s *shop) addRunsIn(store runs.Store, items runs.ItemStore) (work func(ctx context.Context) error, err error) {
	rights := runs.Roles(func(ctx context.Context, actor runs.Actor, tenant string) (runs.Role, error) {
		job, err := s.jobOf(ctx, actor.ID)
		return map[string]runs.Role{"shop owner": runs.RoleOwner, "shop clerk": runs.RoleOperator}[tenant+" "+job], err
	})
	tracker, err := runs.New(runs.Config{
		Store: store, Items: items, Authorizer: rights,
		Dispatcher: pondruns.New(pondruns.Config{Workers: 4}),
		Operations: []runs.Operation{runs.Define("orders.ship", s.shipAll)},
	})
	if err != nil {
		return nil, err
	}
	hub, err := monitor.New(monitor.Config{Runs: tracker, Actions: tracker, Authorizer: rights, Who: s.who})
	s.mux.Handle("/ops/", hub)
	s.mux.HandleFunc("POST /orders/ship", s.signedIn(func(w http.ResponseWriter, r *http.Request, u user) error {
		started, err := tracker.Start(r.Context(), runs.Request{Tenant: "shop", Type: "orders.ship", Initiator: runs.User(u.name, u.name)})
		if err != nil {
			status, why := monitor.StatusOf(err)
			http.Error(w, why.Message, status)
			return nil
		}
		http.Redirect(w, r, "/ops/t/shop/runs/"+started.Run.ID, http.StatusSeeOther)
		return nil
	}))
	return tracker.Run, err
}

// who is the shop's user as an actor.
func (s *shop) who(r *http.Request) (runs.Actor, error) {
	u, err := s.user(r)
	if err == nil && u.name == "" {
		err = monitor.RedirectTo("/")
	}
	return runs.User(u.name, u.name), err
}

func (s *shop) shipAll(ctx context.Context, x *runs.Exec, _ struct{}) error {
	orders, err := s.open(ctx)
	x.Total(int64(len(orders)))
	for _, id := range orders {
		if err := s.ship(ctx, id); err == nil {
			x.Succeed(id)
		} else if ctx.Err() != nil {
			return context.Cause(ctx)
		} else {
			x.Fail(id, err)
		}
	}
	return err
}
