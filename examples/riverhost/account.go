package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// An account says what became of the runs that a load has started.
type account struct {
	started  map[string]int // acknowledged starts, by process
	again    int
	outcomes map[runs.Outcome]int
	attempts map[int]int // how many runs took that many
	first    time.Time   // that was taken over
	last     time.Time
	taken    int
	ended    time.Time // the last run

	rows, twice int // that were imported, and of them more than once

	violations []string
}

// check notes a violation, unless err is nil.
func (a *account) check(promise string, err error) {
	if err != nil {
		a.violate("%s: %v", promise, err)
	}
}

func (a *account) violate(format string, args ...any) {
	a.violations = append(a.violations, fmt.Sprintf(format, args...))
}

// examine looks at everything that the load has left in the database.
func examine(ctx context.Context, db *database, l *load) (*account, error) {
	a := &account{started: map[string]int{}, again: l.again, outcomes: map[runs.Outcome]int{}, attempts: map[int]int{}}
	files := make(map[string]string) // the file of each acknowledged run
	for file, said := range l.acknowledged {
		a.started[said.by]++
		if other := files[said.run]; other != "" {
			a.violate("%s and %s were answered with the same run", file, other)
		}
		files[said.run] = file
	}
	found := 0
	for q := (runs.Query{Tenant: l.tenant, Limit: runs.MaxLimit}); ; {
		page, err := db.store.List(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Runs {
			found++
			a.add(r, files[r.ID])
			delete(files, r.ID)
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	for id, file := range files {
		a.violate("run %s of %s was acknowledged and is not there", id, file)
	}
	const count = `SELECT count(*), count(*) FILTER (WHERE times > 1) FROM imported_rows
WHERE run IN (SELECT id FROM operation_runs WHERE tenant = $1)`
	if err := db.pool.QueryRow(ctx, count, l.tenant).Scan(&a.rows, &a.twice); err != nil {
		return nil, err
	}
	if want := found * demoRows; a.rows != want {
		a.violate("%d rows were imported, not %d", a.rows, want)
	}
	return a, nil
}

// add looks at one run, which was started for file.
func (a *account) add(r *runs.Run, file string) {
	a.outcomes[r.Outcome]++
	a.attempts[r.Attempt]++
	switch {
	case file == "":
		a.violate("run %s was started and nobody was told, or started twice", r.ID)
	case r.Target.ID != file:
		a.violate("run %s is of %s, not of %s", r.ID, r.Target.ID, file)
	}
	if r.Outcome != runs.OutcomeSucceeded || r.Counts.Succeeded != demoRows {
		a.violate("run %s is %s %s with %d rows", r.ID, r.Status, r.Outcome, r.Counts.Succeeded)
	}
	if r.Attempt != 1+r.Lost {
		a.violate("run %s took %d attempts and has lost its worker %d times", r.ID, r.Attempt, r.Lost)
	}
	if r.CompletedAt.After(a.ended) {
		a.ended = r.CompletedAt
	}
	if r.Lost == 0 {
		return
	}
	a.taken++
	if a.first.IsZero() || r.StartedAt.Before(a.first) {
		a.first = r.StartedAt
	}
	if r.StartedAt.After(a.last) {
		a.last = r.StartedAt
	}
}

func (a *account) print(out io.Writer, victim string, killed time.Time) {
	total := 0
	for _, n := range a.started {
		total += n
	}
	line := func(what, format string, args ...any) {
		fmt.Fprintf(out, "%-20s %s\n", what, fmt.Sprintf(format, args...))
	}
	since := func(t time.Time) string { return fmt.Sprintf("%.1f s", t.Sub(killed).Seconds()) }
	line("runs started", "%d (%s)", total, figures(a.started, "at %s: %d"))
	line("requests sent again", "%d, to the other process with the same key", a.again)
	if a.taken > 0 {
		line("runs taken over", "%d from %s, %s to %s after the kill", a.taken, victim, since(a.first), since(a.last))
	} else {
		line("runs taken over", "0")
	}
	line("runs finished", "%s", figures(a.outcomes, "%s: %d"))
	line("attempts", "%s", figures(a.attempts, "%d: %d runs"))
	line("last run finished", "%s after the kill", since(a.ended))
	line("rows imported", "%d, of which %d again by the next attempt", a.rows, a.twice)
	line("violations", "%d", len(a.violations))
	for _, v := range a.violations {
		fmt.Fprintln(out, "-", v)
	}
}

// figures lists what was counted, in order.
func figures[K int | ~string](counted map[K]int, format string) string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(counted)) {
		all = append(all, fmt.Sprintf(format, k, counted[k]))
	}
	return strings.Join(all, ", ")
}
