package bunruns

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/tenantatlas/tenantatlas/runs"
)

// Count implements [runs.Counter]. A query for statuses and outcomes is counted
// in an index, in one statement. For anything else Count looks at the 1,000
// newest runs of the tenant or, if some types are asked for, of these, as a page
// does; if there are more, the tally is capped.
//
// An outcome that has reached a limit of 1,000 or more is not counted again for a
// minute, unless this Store deletes runs of the tenant. Only deletions take any
// away, so that those of other processes may be seen a minute late.
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
		err = s.countStages(ctx, f, q.Tenant, stagesOf(q), limit, &tally)
	} else {
		err = s.countRows(ctx, f, &tally)
	}
	if err != nil {
		return tally, s.explain(ctx, "count runs", err)
	}
	statuses, outcomes := capAt(tally.Status, limit), capAt(tally.Outcome, limit)
	tally.Capped = tally.Capped || statuses || outcomes
	return tally, nil
}

// countStages counts each of the stages along its own stretch of an index, and
// by itself: to put the stretches together and to group them again took a third
// of the time. Those that are known to be full it leaves out: the entries of an
// index that it takes to say "10,000 or more" again are most of the work.
func (s *Store) countStages(ctx context.Context, f *filter, tenant string, stages []stage, limit int, tally *runs.Tally) error {
	var stmt statement
	for i, at := range stages {
		if s.full.is(tenant, at, limit) {
			add(tally, at, limit)
			continue
		}
		if stmt.text.Len() > 0 {
			stmt.text.WriteString(" UNION ALL ")
		}
		f.branches = []condition{{before: at.condition()}}
		fmt.Fprintf(&stmt.text, "SELECT %d, count(*) FROM (", i)
		stmt.merge(&f.walk, "1", fmt.Sprintf("LIMIT %d", max(limit, 1)), nil)
		stmt.text.WriteString(") AS stage")
	}
	if stmt.text.Len() == 0 {
		return nil
	}
	return query(ctx, s.read, s.dialect.Bind(stmt.text.String()), stmt.args, func(rows *sql.Rows) error {
		var i, n int
		err := rows.Scan(&i, &n)
		if err == nil {
			add(tally, stages[i], n)
			s.full.note(tenant, stages[i], limit, n)
		}
		return err
	})
}

// countRows counts the newest of what f selects. Up to where is found first: a
// limit alone would not keep PostgreSQL from reading everything.
func (s *Store) countRows(ctx context.Context, f *filter, tally *runs.Tally) error {
	var within []condition
	if !f.whole {
		position, err := s.horizon(ctx, &f.walk, nil, maxLook)
		if err != nil {
			return err
		}
		if position != "" {
			within = append(within, f.upTo(position))
			tally.Capped = true
		}
	}
	var stmt statement
	stmt.text.WriteString("SELECT status, outcome, count(*) FROM (")
	stmt.merge(&f.walk, "status, outcome", "", append(within, f.rest...))
	stmt.text.WriteString(") AS found GROUP BY status, outcome")
	return query(ctx, s.read, s.dialect.Bind(stmt.text.String()), stmt.args, func(rows *sql.Rows) error {
		var at stage
		var n int
		err := rows.Scan((*string)(&at.status), (*string)(&at.outcome), &n)
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
