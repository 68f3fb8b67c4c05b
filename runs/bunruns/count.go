package bunruns

import (
	"context"
	"database/sql"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/tenantatlas/tenantatlas/runs"
)

// Count implements [runs.Counter]. A query for statuses and outcomes is counted
// in an index, by two statements at once: a run that goes on meanwhile may be
// counted at both of its stages, or at none. For anything else Count looks at the
// 1,000 newest runs of the tenant or, if some types are asked for, of these, as a
// page does; if there are more, the tally is capped.
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
// of the time. It has two connections count, where it may: the ten thousand of a
// common stage take PostgreSQL a millisecond, and there may be five of those.
func (s *Store) countStages(ctx context.Context, f *filter, stages []stage, limit int, tally *runs.Tally) error {
	connections := 2
	if s.joined {
		connections = 1 // a transaction is one
	}
	numbers := make([]int, len(stages))
	g, ctx := errgroup.WithContext(ctx)
	for first := range min(connections, len(stages)) {
		stmt := f.countStages(stages, first, connections, limit)
		g.Go(func() error {
			return query(ctx, s.read, s.dialect.Bind(stmt.text.String()), stmt.args, func(rows *sql.Rows) error {
				var i, n int
				err := rows.Scan(&i, &n)
				if err == nil {
					numbers[i] = n
				}
				return err
			})
		})
	}
	err := g.Wait()
	for i, n := range numbers {
		add(tally, stages[i], n)
	}
	return err
}

// countStages returns the statement that counts every step-th of the stages.
func (f *filter) countStages(stages []stage, first, step, limit int) *statement {
	var stmt statement
	for i := first; i < len(stages); i += step {
		if i > first {
			stmt.text.WriteString(" UNION ALL ")
		}
		f.branches = []condition{{before: stages[i].condition()}}
		fmt.Fprintf(&stmt.text, "SELECT %d, count(*) FROM (", i)
		stmt.merge(&f.walk, "1", fmt.Sprintf("LIMIT %d", max(limit, 1)), nil)
		stmt.text.WriteString(") AS stage")
	}
	return &stmt
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
