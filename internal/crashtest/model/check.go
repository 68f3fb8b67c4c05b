package model

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tenantatlas/tenantatlas/runs"
)

// check compares what is stored of r with what the model knows.
func (w *world) check(r *run) error {
	is, err := w.store.Get(w.ctx, r.ref)
	if err != nil {
		return fmt.Errorf("get %s: %w", r.ref.Short(), err)
	}
	return errors.Join(r.differs(is), w.checkTold(r))
}

// differs returns how is differs from r.
func (r *run) differs(is *runs.Run) error {
	var all []error
	for _, f := range []struct {
		name      string
		got, want any
	}{
		{"status", is.Status, r.status},
		{"outcome", is.Outcome, r.outcome},
		{"reason", is.Failure.Reason, r.reason},
		{"attempt", is.Attempt, r.attempt},
		{"lost", is.Lost, r.lost},
		{"cancel requested", !is.Cancel.At.IsZero(), r.canceled},
		{"waiting for its time", !is.NotBefore.IsZero(), r.parked},
		{"announced", is.Announced, r.announced},
		{"succeeded", is.Counts.Succeeded, r.counts.Succeeded},
		{"failed", is.Counts.Failed, r.counts.Failed},
		{"skipped", is.Counts.Skipped, r.counts.Skipped},
		{"once", is.Once, r.once},
		{"retry of", is.RetryOf, r.retry},
	} {
		if f.got != f.want {
			all = append(all, fmt.Errorf("%s of %s is %v, want %v", f.name, r.ref.Short(), f.got, f.want))
		}
	}
	return errors.Join(all...)
}

// checkTold checks what the observer was told of r.
func (w *world) checkTold(r *run) error {
	w.mu.Lock()
	told := slices.Clone(w.told[r.ref.ID])
	w.mu.Unlock()
	switch {
	case len(told) > 0 && r.active():
		return fmt.Errorf("the observer was told %q of %s, which has not ended", told, r.ref.Short())
	case len(told) == 0 && r.announced:
		return fmt.Errorf("the observer was not told of the end of %s", r.ref.Short())
	case slices.ContainsFunc(told, func(o runs.Outcome) bool { return o != r.outcome }):
		return fmt.Errorf("the observer was told %q of %s, which ended as %s", told, r.ref.Short(), r.outcome)
	}
	return nil
}

// checkItems compares the items that are stored of r.
func (w *world) checkItems(r *run) error {
	got := map[string]item{}
	q := runs.ItemQuery{Run: r.ref, Limit: runs.MaxLimit}
	for {
		page, err := w.store.Items(w.ctx, q)
		if err != nil {
			return err
		}
		for _, it := range page.Items {
			got[it.Key] = item{it.Outcome, it.Attempt}
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	if len(got) != len(r.items) {
		return fmt.Errorf("%s has %d items, want %d", r.ref.Short(), len(got), len(r.items))
	}
	for key, want := range r.items {
		if got[key] != want {
			return fmt.Errorf("%s of %s is %v, want %v", key, r.ref.Short(), got[key], want)
		}
	}
	return nil
}

// checkAll looks at everything: each run, its items, and that the store has no
// others.
func (w *world) checkAll() error {
	var all []error
	for _, r := range w.runs {
		all = append(all, w.check(r), w.checkItems(r))
	}
	n := 0
	for tenant := range tenants {
		q := runs.Query{Tenant: tenantName(tenant), Types: []runs.Type{w.plain, w.laned}, Limit: runs.MaxLimit}
		for {
			page, err := w.store.List(w.ctx, q)
			if err != nil {
				return err
			}
			for _, is := range page.Runs {
				n++
				if w.byID[is.ID] == nil {
					all = append(all, fmt.Errorf("there is a run %s that nobody has started", is.ID))
				}
			}
			if q.After = page.Next; q.After == "" {
				break
			}
		}
	}
	if n != len(w.runs) {
		all = append(all, fmt.Errorf("there are %d runs, want %d", n, len(w.runs)))
	}
	return errors.Join(all...)
}

func tenantName(n int) string { return fmt.Sprint("tenant-", n) }
