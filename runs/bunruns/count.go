package bunruns

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/tenantatlas/tenantatlas/runs"
)

// countLook is how many runs Count looks at beyond the limit, where it has to
// look at runs.
const countLook = 10_000

// Count implements [runs.Counter], in one statement. A query for statuses and
// outcomes is counted in an index. For anything else Count looks at as many of
// the newest runs as the limit and 10,000 more, of each type that is asked for;
// if there are more, the tally is capped.
func (s *Store) Count(ctx context.Context, q runs.Query, limit int) (runs.Tally, error) {
	tally := runs.Tally{Status: map[runs.Status]int{}, Outcome: map[runs.Outcome]int{}}
	if err := ctx.Err(); err != nil {
		return tally, err
	}
	if q.Tenant == "" {
		return tally, errNoTenant
	}
	f := newFilter(s.dialect, q)
	if f == nil {
		return tally, nil
	}
	var err error
	if len(q.IDs) == 0 && len(q.Types) == 0 && len(f.rest) == 0 {
		err = s.countStages(ctx, f, stagesOf(q), limit, &tally)
	} else {
		err = s.countRows(ctx, f, len(q.IDs), limit, &tally)
	}
	if err != nil {
		return tally, s.explain(ctx, "count runs", err)
	}
	statuses, outcomes := capAt(tally.Status, limit), capAt(tally.Outcome, limit)
	tally.Capped = tally.Capped || statuses || outcomes
	return tally, nil
}

// countStages counts each of the stages along its own stretch of an index.
func (s *Store) countStages(ctx context.Context, f *filter, stages []stage, limit int, tally *runs.Tally) error {
	f.branches = nil
	for _, stage := range stages {
		f.branches = append(f.branches, condition{before: stage.condition()})
	}
	var stmt statement
	stmt.text.WriteString("SELECT branch, count(*) FROM (")
	stmt.merge(&f.walk, "# AS branch", fmt.Sprintf("LIMIT %d", max(limit, 1)), nil)
	stmt.text.WriteString(") AS found GROUP BY branch")
	return query(ctx, s.read, s.dialect.Bind(stmt.text.String()), stmt.args, func(rows *sql.Rows) error {
		var branch, n int
		err := rows.Scan(&branch, &n)
		if err == nil {
			add(tally, stages[branch], n)
		}
		return err
	})
}

// countRows counts what it looks at. All of it is counted, so that it is known
// whether there was more, and of it what fulfils the rest.
func (s *Store) countRows(ctx context.Context, f *filter, named, limit int, tally *runs.Tally) error {
	look := max(limit, 0) + countLook
	if named > 0 {
		look = named + 1
	}
	var found statement
	found.merge(&f.walk, "# AS branch, status, outcome, type, initiator_kind, initiator_id, target_kind, target_id, created_at",
		fmt.Sprintf("LIMIT %d", look), nil)
	fulfil := "true"
	if len(f.rest) > 0 {
		fulfil = found.bindAll(f.rest)
	}
	text := "SELECT branch, status, outcome, count(*), count(*) FILTER (WHERE " + fulfil + ") FROM (" +
		found.text.String() + ") AS found GROUP BY branch, status, outcome"
	looked := map[int]int{}
	return query(ctx, s.read, s.dialect.Bind(text), found.args, func(rows *sql.Rows) error {
		var branch, all, n int
		var at stage
		err := rows.Scan(&branch, (*string)(&at.status), (*string)(&at.outcome), &all, &n)
		if looked[branch] += all; looked[branch] == look {
			tally.Capped = true
		}
		add(tally, at, n)
		return err
	})
}

// add counts n runs. Figures that are zero are left out.
func add(tally *runs.Tally, at stage, n int) {
	if n == 0 {
		return
	}
	tally.Status[at.status] += n
	if at.status == runs.StatusCompleted {
		tally.Outcome[at.outcome] += n
	}
}

// capAt bounds the figures and reports whether one of them reached the limit.
func capAt[K comparable](figures map[K]int, limit int) (reached bool) {
	for k, n := range figures {
		if n >= limit {
			figures[k], reached = limit, true
		}
	}
	return reached
}
