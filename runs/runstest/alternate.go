package runstest

import (
	"context"
	"sync/atomic"

	"github.com/tenantatlas/tenantatlas/runs"
)

// Alternate returns a store that hands its calls to the given ones in turn. If
// these keep the same data, as several processes with one database do, the
// result has to keep every promise that each of them does.
func Alternate(stores ...runs.Store) runs.Store { return &alternate{stores: stores} }

type alternate struct {
	stores []runs.Store
	calls  atomic.Uint64
}

func (a *alternate) next() runs.Store {
	return a.stores[(a.calls.Add(1)-1)%uint64(len(a.stores))]
}

func (a *alternate) Insert(ctx context.Context, r *runs.Run) (*runs.Run, bool, error) {
	return a.next().Insert(ctx, r)
}

func (a *alternate) Get(ctx context.Context, ref runs.Ref) (*runs.Run, error) {
	return a.next().Get(ctx, ref)
}

func (a *alternate) Update(ctx context.Context, r *runs.Run) (*runs.Run, error) {
	return a.next().Update(ctx, r)
}

func (a *alternate) List(ctx context.Context, q runs.Query) (runs.Page, error) {
	return a.next().List(ctx, q)
}

func (a *alternate) Due(ctx context.Context, q runs.DueQuery) ([]*runs.Run, error) {
	return a.next().Due(ctx, q)
}
