package runstest

import (
	"context"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A Fault is what goes wrong with one call of a store. Zero means nothing.
type Fault struct {
	Before error // is returned instead of making the call
	After  error // is returned after the call was made: its answer got lost
}

// Faulty returns a store on which calls fail as faults says. It is asked before
// each call for the fault of it, with the method's name, and with the run that
// Insert or Update is to write, nil for other methods. It must be safe for
// concurrent use, and must not change the run.
func Faulty(s runs.Store, faults func(method string, r *runs.Run) Fault) runs.Store {
	return &faulty{s, faults}
}

type faulty struct {
	store  runs.Store
	faults func(method string, r *runs.Run) Fault
}

func (f *faulty) Insert(ctx context.Context, r *runs.Run) (*runs.Run, bool, error) {
	fault := f.faults("Insert", r)
	if fault.Before != nil {
		return nil, false, fault.Before
	}
	stored, inserted, err := f.store.Insert(ctx, r)
	if fault.After != nil {
		return nil, false, fault.After
	}
	return stored, inserted, err
}

func (f *faulty) Get(ctx context.Context, ref runs.Ref) (*runs.Run, error) {
	return faultyCall(f.faults("Get", nil), func() (*runs.Run, error) { return f.store.Get(ctx, ref) })
}

func (f *faulty) Update(ctx context.Context, r *runs.Run) (*runs.Run, error) {
	return faultyCall(f.faults("Update", r), func() (*runs.Run, error) { return f.store.Update(ctx, r) })
}

func (f *faulty) List(ctx context.Context, q runs.Query) (runs.Page, error) {
	return faultyCall(f.faults("List", nil), func() (runs.Page, error) { return f.store.List(ctx, q) })
}

func (f *faulty) Due(ctx context.Context, q runs.DueQuery) ([]*runs.Run, error) {
	return faultyCall(f.faults("Due", nil), func() ([]*runs.Run, error) { return f.store.Due(ctx, q) })
}

func faultyCall[T any](fault Fault, call func() (T, error)) (none T, err error) {
	if fault.Before != nil {
		return none, fault.Before
	}
	v, err := call()
	if fault.After != nil {
		return none, fault.After
	}
	return v, err
}
