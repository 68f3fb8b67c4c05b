package audit

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A Guard is a [runs.Judge] that records what another Authorizer decides before
// anybody learns of it.
type Guard struct {
	log   *Log
	inner runs.Authorizer
}

var (
	_ runs.Judge    = (*Guard)(nil)
	_ runs.Observer = (*Log)(nil)
)

// Guard returns an Authorizer that decides as inner does and records every
// refusal, and every permission except for one to read and for a worker's to
// begin what was permitted before. If a permission cannot be recorded it is not
// given: the error then is [runs.ErrStoreUnavailable]. A refusal stays one, and
// reading goes on. What is asked only to know what to offer is asked with
// [Guard.Would].
//
// A refusal to somebody who is no member of the tenant is recorded there only
// if the tenant has an audit already, and else with [runs.SystemTenant]: who
// makes up tenants shall not make audits. An inner that is nil decides nothing,
// and nothing is permitted.
func (l *Log) Guard(inner runs.Authorizer) *Guard {
	if inner == nil {
		inner = nobody{}
	}
	return &Guard{l, inner}
}

// nobody decides instead of an authorizer that is missing.
type nobody struct{}

func (nobody) Authorize(context.Context, runs.Actor, string, runs.Action) error {
	return errors.New("audit: Log.Guard was given no Authorizer, so nothing is permitted")
}

// Unwrap returns the authorizer whose answers g records.
func (g *Guard) Unwrap() runs.Authorizer { return g.inner }

// Authorize implements [runs.Authorizer].
func (g *Guard) Authorize(ctx context.Context, actor runs.Actor, tenant string, a runs.Action) error {
	return g.AuthorizeOn(ctx, actor, tenant, a, Object{})
}

// AuthorizeOn is Authorize for something to be done to an object, which the entry
// names.
func (g *Guard) AuthorizeOn(ctx context.Context, actor runs.Actor, tenant string, a runs.Action, o Object) error {
	err := g.inner.Authorize(ctx, actor, tenant, a)
	return g.record(ctx, Entry{Tenant: tenant, Actor: actor, Event: EventAccess, Action: a, Object: o}, err)
}

// Would answers as Authorize does and records nothing: nobody does anything yet.
func (g *Guard) Would(ctx context.Context, actor runs.Actor, tenant string, a runs.Action) error {
	return g.inner.Authorize(ctx, actor, tenant, a)
}

// Judge implements [runs.Judge].
func (g *Guard) Judge(ctx context.Context, q runs.Question) error {
	var err error
	if inner, ok := g.inner.(runs.Judge); ok {
		err = inner.Judge(ctx, q)
	} else if q.Step != runs.StepJoin { // which takes no more than the start
		err = g.inner.Authorize(ctx, q.Actor, q.Tenant, q.Action)
	}
	return g.record(ctx, Entry{
		Tenant: q.Tenant,
		Actor:  q.Actor,
		Event:  Event(q.Step), // they have the same names
		Action: q.Action,
		Object: RunObject(q.Run),
	}, err)
}

// record records that what e asks for was answered with err, and returns what
// to answer.
func (g *Guard) record(ctx context.Context, e Entry, err error) error {
	switch {
	case err == nil:
		if e.Action == runs.ActionView || e.Action == runs.ActionViewAudit || e.Event == EventClaim {
			return nil
		}
		e.Result = ResultAllowed
		if err := g.log.Record(ctx, e); err != nil {
			g.log.cfg.Logger.ErrorContext(ctx, "refused, because it could not be audited", "action", string(e.Action), "error", err)
			return runs.Public(fmt.Errorf("%w: %w", runs.ErrStoreUnavailable, err), runs.ReasonUnreachable,
				"This cannot be recorded in the audit at the moment, so it is not done.")
		}
		return nil
	case errors.Is(err, runs.ErrForbidden):
		e.Reason = runs.ReasonPermissionDenied
	case errors.Is(err, runs.ErrNotFound):
		e.Reason = runs.ReasonNotFound
		if !g.log.has(ctx, e.Tenant) {
			e.Facts = map[string]string{"tenant": e.Tenant}
			e.Tenant = runs.SystemTenant
		}
	default:
		return err // nobody has decided
	}
	e.Result = ResultRefused
	if err := g.log.Record(ctx, e); err != nil {
		g.log.cfg.Logger.ErrorContext(ctx, "refusal was not audited", "action", string(e.Action), "error", err)
	}
	return err
}

// has reports whether the tenant has an audit, as far as can be found out.
func (l *Log) has(ctx context.Context, tenant string) bool {
	if !ValidTenant(tenant) {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, l.cfg.Timeout)
	defer cancel()
	h, err := l.cfg.Store.Head(ctx, tenant)
	return err == nil && h.Last != ""
}

// Observe implements [runs.Observer]: it records what became of a run. That a
// run has ended is recorded once, however often it is told.
func (l *Log) Observe(ctx context.Context, r *runs.Run) error {
	e := Entry{
		Tenant: r.Tenant,
		Actor:  runs.System("tracker"),
		Event:  Event(r.Status), // they have the same names
		Result: string(r.Outcome),
		Reason: r.Failure.Reason,
		Object: RunObject(r.Ref()),
	}
	if r.Ended() {
		f := Filter{Index: Index{Object: objectKey(e.Object), Event: EventCompleted}}
		for {
			rows, more, err := l.cfg.Store.List(ctx, r.Tenant, f, 1)
			if err != nil {
				return fmt.Errorf("look for %s: %w", r.ID, err)
			}
			if len(rows) > 0 {
				return nil
			}
			if more == 0 {
				break
			}
			f.Before = more
		}
	}
	if r.Attempt > 1 {
		e.Facts = map[string]string{"attempt": fmt.Sprint(r.Attempt)}
	}
	return l.Record(ctx, e)
}
