package bunruns

import (
	"context"
	"database/sql"
	"fmt"
	"math"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/runs"
)

// Count implements [runs.Counter]. A query for statuses and outcomes is counted
// in an index, in one statement. For anything else Count looks at the 800
// newest runs of the tenant or, if some types are asked for, of these, as a page
// does; if there are more, the tally is capped.
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
// of the time. With PostgreSQL those that a sample shows to be full are not
// counted any further: the entries of an index that it takes to say "10,000 or
// more" are most of the work. The sample is taken from the same snapshot, and the
// rest is not executed if it suffices.
func (s *Store) countStages(ctx context.Context, f *filter, stages []stage, limit int, tally *runs.Tally) error {
	var stmt statement
	for i, at := range stages {
		if i > 0 {
			stmt.text.WriteString(" UNION ALL ")
		}
		fmt.Fprintf(&stmt.text, "SELECT %d, ", i)
		if s.dialect == bunkit.PostgreSQL && at.status == runs.StatusCompleted && limit >= leastSampled {
			some := sampleOf(limit)
			stmt.text.WriteString("CASE ")
			stmt.number(f, at.condition()+" AND "+inSample, some)
			fmt.Fprintf(&stmt.text, " WHEN %d THEN %d ELSE ", some, limit)
			stmt.number(f, at.condition(), limit)
			stmt.text.WriteString(" END")
		} else {
			stmt.number(f, at.condition(), max(limit, 1))
		}
	}
	return query(ctx, s.read, s.dialect.Bind(stmt.text.String()), stmt.args, func(rows *sql.Rows) error {
		var i, n int
		err := rows.Scan(&i, &n)
		if err == nil {
			add(tally, stages[i], n)
		}
		return err
	})
}

// number writes how many runs fulfil the condition, up to limit.
func (s *statement) number(f *filter, stage string, limit int) {
	f.branches = []condition{{before: stage}}
	s.text.WriteString("(SELECT count(*) FROM (")
	s.merge(&f.walk, "1", f.along(fmt.Sprintf("LIMIT %d", limit)), nil)
	s.text.WriteString(") AS stage)")
}

// countRows counts the newest of what f selects. Up to where is found first: a
// limit alone would not keep PostgreSQL from reading everything.
func (s *Store) countRows(ctx context.Context, f *filter, tally *runs.Tally) error {
	var within []condition
	end := f.along("") // along no other index
	if !f.whole {
		position, err := s.horizon(ctx, &f.walk, nil, maxLook)
		if err != nil {
			return err
		}
		if position != "" {
			within = append(within, f.upTo(position))
			tally.Capped = true
			if s.dialect == bunkit.PostgreSQL {
				end = "" // it would sort what it has found, a sixth of the time
			}
		}
	}
	var stmt statement
	stmt.text.WriteString("SELECT status, outcome, count(*) FROM (")
	stmt.merge(&f.walk, "status, outcome", end, append(within, f.rest...))
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

// inSample selects one in 16 of the runs, by chance. The hash is the one that
// PostgreSQL places the rows of a partitioned table by, so that it stays what it is.
const inSample = "hashtextextended(id, 0) & 15 = 0"

// leastSampled is the least limit for which it is worth to look at a sample first.
const leastSampled = 1000

// sampleOf returns how many runs of the sample prove that there are limit runs at
// least. Of fewer than limit, so many are in it less often than once in 10^14 times.
func sampleOf(limit int) int {
	mean := float64(limit) / 16
	return int(mean + 9*math.Sqrt(mean))
}
