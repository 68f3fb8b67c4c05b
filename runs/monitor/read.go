package monitor

import (
	"context"

	"github.com/tenantatlas/tenantatlas/runs"
)

// Pages and JSON read runs through these alone, so that what a viewer is not to
// see is taken away in one place.

func (a *API) readRun(ctx context.Context, v Viewer, id string) (*runs.Run, error) {
	run, err := a.cfg.Runs.Get(ctx, runs.Ref{Tenant: v.Tenant, ID: id})
	if err != nil {
		return nil, err
	}
	a.redact(ctx, v, run)
	return run, nil
}

func (a *API) readRuns(ctx context.Context, v Viewer, q runs.Query) (runs.Page, error) {
	q.Tenant = v.Tenant
	page, err := a.cfg.Runs.List(ctx, q)
	if err != nil {
		return runs.Page{}, err
	}
	for _, run := range page.Runs {
		a.redact(ctx, v, run)
	}
	return page, nil
}

func (a *API) redact(ctx context.Context, v Viewer, run *runs.Run) {
	if a.cfg.Redact != nil {
		a.cfg.Redact(ctx, v, run)
	}
}
