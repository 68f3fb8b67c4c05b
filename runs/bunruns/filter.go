package bunruns

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/runs"
)

// maxBranches is how many types are looked for in stretches of their own.
const maxBranches = 12

// A filter is a walk along the runs that a query selects.
type filter struct {
	walk
	dialect bunkit.Dialect
}

// newFilter returns the filter of q, or nil if q selects nothing.
func newFilter(d bunkit.Dialect, q runs.Query) *filter {
	f := &filter{
		dialect: d,
		walk: walk{
			table: "operation_runs",
			by:    "id",
			down:  true,
			base:  []condition{{before: "tenant = ", arg: q.Tenant}},
		},
	}
	if d == bunkit.PostgreSQL {
		f.key = `id COLLATE "POSIX"`
	}
	stages, types := stagesOf(q), storableOf(q.Types)
	if len(stages) == 0 || len(q.Types) > 0 && len(types) == 0 ||
		!bunkit.Storable(q.Tenant, string(q.Initiator.Kind), q.Initiator.ID, q.Target.Kind, q.Target.ID) {
		return nil
	}
	byType := len(types) > 0 && len(types) <= maxBranches
	switch {
	case len(q.IDs) > 0:
		f.branches = []condition{anyOf(d, "id", storableOf(q.IDs))}
		f.restStages(stages)
		f.restTypes(types)
	case !mayHaveSucceeded(stages), len(stages) < allStages && !byType:
		// Most runs succeed: there are fewer that did not than of one type.
		for _, s := range stages {
			f.branches = append(f.branches, condition{before: s.condition()})
		}
		f.restTypes(types)
	case byType:
		for _, t := range types {
			f.branches = append(f.branches, condition{before: "type = ", arg: string(t)})
		}
		f.restStages(stages)
	default:
		f.restTypes(types)
	}
	f.whole = len(q.IDs) > 0
	f.restOthers(q)
	return f
}

func (f *filter) restStages(stages []stage) {
	if len(stages) == allStages {
		return
	}
	var either []string
	for _, s := range stages {
		either = append(either, s.condition())
	}
	f.rest = append(f.rest, condition{before: "(" + strings.Join(either, " OR ") + ")"})
}

func (f *filter) restTypes(types []runs.Type) {
	if len(types) > 0 {
		f.rest = append(f.rest, anyOf(f.dialect, "type", types))
	}
}

func (f *filter) restOthers(q runs.Query) {
	for _, c := range []struct{ column, value string }{
		{"initiator_kind", string(q.Initiator.Kind)},
		{"initiator_id", q.Initiator.ID},
		{"target_kind", q.Target.Kind},
		{"target_id", q.Target.ID},
	} {
		if c.value != "" {
			f.rest = append(f.rest, condition{before: c.column + " = ", arg: c.value})
		}
	}
	if !q.From.IsZero() {
		f.rest = append(f.rest, condition{before: "created_at >= ", arg: f.dialect.Time(ceil(q.From))})
	}
	if !q.To.IsZero() {
		f.rest = append(f.rest, condition{before: "created_at < ", arg: f.dialect.Time(ceil(q.To))})
	}
}

// A stage is a status with an outcome, of which there are seven.
type stage struct {
	status  runs.Status
	outcome runs.Outcome
}

const allStages = 7

// condition is made of literals, without which the partial indexes would not
// be used.
func (s stage) condition() string {
	if s.status == runs.StatusCompleted {
		return "outcome = '" + string(s.outcome) + "' AND status = 'completed'"
	}
	return "status = '" + string(s.status) + "' AND status <> 'completed'"
}

// stagesOf returns the stages of the runs that q selects.
func stagesOf(q runs.Query) []stage {
	var selected []stage
	for _, s := range [allStages]stage{
		{runs.StatusQueued, ""},
		{runs.StatusRunning, ""},
		{runs.StatusCompleted, runs.OutcomeSucceeded},
		{runs.StatusCompleted, runs.OutcomePartiallySucceeded},
		{runs.StatusCompleted, runs.OutcomeFailed},
		{runs.StatusCompleted, runs.OutcomeCanceled},
		{runs.StatusCompleted, runs.OutcomeBlocked},
	} {
		if (len(q.Statuses) == 0 || slices.Contains(q.Statuses, s.status)) &&
			(len(q.Outcomes) == 0 || slices.Contains(q.Outcomes, s.outcome)) {
			selected = append(selected, s)
		}
	}
	return selected
}

func mayHaveSucceeded(stages []stage) bool {
	return slices.Contains(stages, stage{runs.StatusCompleted, runs.OutcomeSucceeded})
}

// storableOf returns the texts that a column can hold, each once.
func storableOf[T ~string](texts []T) []T {
	texts = slices.DeleteFunc(slices.Clone(texts), func(t T) bool { return !bunkit.Storable(string(t)) })
	slices.Sort(texts)
	return slices.Compact(texts)
}

// ceil returns the first instant that a column can hold at or after t. Bounds
// are rounded so, because what is before t is before it, too.
func ceil(t time.Time) time.Time {
	if c := runs.Instant(t); !c.Equal(t) {
		return c.Add(time.Microsecond)
	}
	return t
}

// filterText is q without the part that differs from page to page, for cursors.
func filterText(q runs.Query) string {
	return fmt.Sprintf("runs %q %q %q %q %q %q %q %q %q %q %q", q.Tenant, q.IDs, q.Types, q.Statuses, q.Outcomes,
		q.Initiator.Kind, q.Initiator.ID, q.Target.Kind, q.Target.ID, instantText(q.From), instantText(q.To))
}

func instantText(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
