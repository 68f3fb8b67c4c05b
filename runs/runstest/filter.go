package runstest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

var filterPromises = []promise[runs.Store]{
	{
		name:  "filter-ids",
		text:  "a query with IDs selects the runs that it names",
		check: filters(func(c filterCase) bool { return len(c.q.IDs) > 0 }),
	},
	{
		name:  "filter-types",
		text:  "a query with Types selects the runs that have one of them",
		check: filters(func(c filterCase) bool { return len(c.q.Types) > 0 }),
	},
	{
		name:  "filter-statuses",
		text:  "a query with Statuses selects the runs that have one of them",
		check: filters(func(c filterCase) bool { return len(c.q.Statuses) > 0 }),
	},
	{
		name:  "filter-outcomes",
		text:  "a query with Outcomes selects the runs that have one of them",
		check: filters(func(c filterCase) bool { return len(c.q.Outcomes) > 0 }),
	},
	{
		name:  "filter-initiator",
		text:  "a query with an Initiator selects by kind and by ID, each if it is not empty",
		check: filters(func(c filterCase) bool { return c.q.Initiator != (runs.Actor{}) }),
	},
	{
		name:  "filter-target",
		text:  "a query with a Target selects by kind and by ID, each if it is not empty",
		check: filters(func(c filterCase) bool { return c.q.Target != (runs.Target{}) }),
	},
	{
		name:  "filter-time",
		text:  "a query with From and To selects the runs created at or after From, and before To",
		check: filters(func(c filterCase) bool { return !c.q.From.IsZero() || !c.q.To.IsZero() }),
	},
	{
		name:  "filter-combined",
		text:  "a query selects the runs that match all of its fields",
		check: filters(func(filterCase) bool { return true }),
	},
	{
		name: "filter-sparse",
		text: "a page may be short although there are more; only an empty Next means the end",
		check: func(ctx context.Context, s runs.Store) error {
			all := manyQueued(300)
			for i := 0; i < len(all); i += 100 {
				all[i].Initiator = runs.User("erin", "")
			}
			if err := insertMany(ctx, s, all); err != nil {
				return err
			}
			return lists(ctx, s, runs.Query{Tenant: acme, Initiator: runs.User("erin", ""), Limit: 1}, id(200), id(100), id(0))
		},
	},
	{
		name: "filter-odd",
		text: "a query with texts that no store keeps selects nothing",
		check: func(ctx context.Context, s runs.Store) error {
			if err := insertAll(ctx, s, queued(acme, "r1", "")); err != nil {
				return err
			}
			for _, odd := range oddTexts {
				if odd == "" {
					continue
				}
				for _, q := range []runs.Query{
					{Tenant: odd},
					{Tenant: acme, IDs: []string{odd}},
					{Tenant: acme, Types: []runs.Type{runs.Type(odd)}},
					{Tenant: acme, Statuses: []runs.Status{runs.Status(odd)}},
					{Tenant: acme, Outcomes: []runs.Outcome{runs.Outcome(odd)}},
					{Tenant: acme, Initiator: runs.User(odd, "")},
					{Tenant: acme, Target: runs.Target{Kind: odd}},
					{Tenant: acme, Target: runs.Target{ID: odd}},
				} {
					if err := lists(ctx, s, q); err != nil {
						return fmt.Errorf("query with the text %q: %w", short(odd), err)
					}
				}
				if err := lists(ctx, s, runs.Query{Tenant: acme, IDs: []string{odd, "r1"}}, "r1"); err != nil {
					return fmt.Errorf("query with the text %q: %w", short(odd), err)
				}
			}
			return nil
		},
	},
}

// A filterCase is a query and, in words of the test, the runs that it selects.
type filterCase struct {
	q    runs.Query
	want func(r *runs.Run) bool
}

// filters returns a check that lists by those cases that are wanted.
func filters(wanted func(filterCase) bool) func(ctx context.Context, s runs.Store) error {
	return func(ctx context.Context, s runs.Store) error {
		population := mixed()
		if err := insertMany(ctx, s, population); err != nil {
			return err
		}
		for _, c := range filterCases() {
			if !wanted(c) {
				continue
			}
			c.q.Tenant, c.q.Limit = acme, 7
			if err := lists(ctx, s, c.q, selected(population, c.want)...); err != nil {
				return fmt.Errorf("%s: %w", describe(c.q), err)
			}
		}
		return nil
	}
}

// selected returns the IDs of acme's runs for which want holds, newest first.
func selected(population []*runs.Run, want func(r *runs.Run) bool) []string {
	var names []string
	for _, r := range population {
		if r.Tenant == acme && want(r) {
			names = append(names, r.ID)
		}
	}
	slices.Sort(names)
	slices.Reverse(names)
	return names
}

// describe names what q asks for.
func describe(q runs.Query) string {
	var text strings.Builder
	text.WriteString("query")
	v := reflect.ValueOf(q)
	for i := range v.NumField() {
		if f := v.Field(i); !f.IsZero() {
			fmt.Fprintf(&text, " %s=%v", v.Type().Field(i).Name, f.Interface())
		}
	}
	return text.String()
}

// mixed returns runs of two tenants that differ in everything that a query can
// ask for, in all combinations that matter.
func mixed() []*runs.Run {
	stages := []struct {
		status  runs.Status
		outcome runs.Outcome
	}{
		{runs.StatusQueued, ""},
		{runs.StatusRunning, ""},
		{runs.StatusCompleted, runs.OutcomeSucceeded},
		{runs.StatusCompleted, runs.OutcomePartiallySucceeded},
		{runs.StatusCompleted, runs.OutcomeFailed},
		{runs.StatusCompleted, runs.OutcomeCanceled},
		{runs.StatusCompleted, runs.OutcomeBlocked},
	}
	initiators := []runs.Actor{runs.User("dana", "Dana"), runs.User("erin", ""), runs.Schedule("dana", ""), runs.System("prune")}
	targets := []runs.Target{{}, {Kind: "set", ID: "7"}, {Kind: "set", ID: "8"}, {Kind: "restore", ID: "7"}, {Kind: "set"}}
	var all []*runs.Run
	for i := range 84 {
		r := queued(acme, id(i), "")
		if i%14 == 13 {
			r.Tenant = globex
		}
		r.Status, r.Outcome = stages[i%7].status, stages[i%7].outcome
		r.Type = []runs.Type{testRun, testOther, "test.third"}[i%3]
		r.Initiator = initiators[i/7%4]
		r.Target = targets[i%5]
		r.CreatedAt = created.Add(time.Duration(i*37%84) * time.Minute)
		all = append(all, r)
	}
	return all
}

func filterCases() []filterCase {
	from, to := created.Add(20*time.Minute), created.Add(60*time.Minute)
	zone := time.FixedZone("", 2*3600)
	within := func(r *runs.Run) bool { return !r.CreatedAt.Before(from) && r.CreatedAt.Before(to) }
	return []filterCase{
		{runs.Query{}, func(*runs.Run) bool { return true }},
		{runs.Query{IDs: []string{id(1)}}, func(r *runs.Run) bool { return r.ID == id(1) }},
		{runs.Query{IDs: []string{id(3), id(80), id(3), id(999), id(13)}}, func(r *runs.Run) bool { return r.ID == id(3) || r.ID == id(80) }},
		{runs.Query{Types: []runs.Type{testOther}}, func(r *runs.Run) bool { return r.Type == testOther }},
		{runs.Query{Types: []runs.Type{testOther, testRun, testRun}}, func(r *runs.Run) bool { return r.Type != "test.third" }},
		{runs.Query{Types: []runs.Type{"test.none"}}, func(*runs.Run) bool { return false }},
		{runs.Query{Statuses: []runs.Status{runs.StatusRunning}}, func(r *runs.Run) bool { return r.Status == runs.StatusRunning }},
		{runs.Query{Statuses: []runs.Status{runs.StatusRunning, runs.StatusQueued}}, func(r *runs.Run) bool { return r.Active() }},
		{runs.Query{Statuses: []runs.Status{runs.StatusCompleted}}, func(r *runs.Run) bool { return r.Ended() }},
		{runs.Query{Outcomes: []runs.Outcome{runs.OutcomeFailed}}, func(r *runs.Run) bool { return r.Outcome == runs.OutcomeFailed }},
		{
			runs.Query{Outcomes: []runs.Outcome{runs.OutcomeCanceled, runs.OutcomeBlocked}},
			func(r *runs.Run) bool { return r.Outcome == runs.OutcomeCanceled || r.Outcome == runs.OutcomeBlocked },
		},
		{
			runs.Query{Statuses: []runs.Status{runs.StatusQueued}, Outcomes: []runs.Outcome{runs.OutcomeFailed}},
			func(*runs.Run) bool { return false },
		},
		{
			runs.Query{Initiator: runs.User("dana", "another name")},
			func(r *runs.Run) bool { return r.Initiator.Kind == runs.ActorUser && r.Initiator.ID == "dana" },
		},
		{runs.Query{Initiator: runs.Actor{ID: "dana"}}, func(r *runs.Run) bool { return r.Initiator.ID == "dana" }},
		{runs.Query{Initiator: runs.Actor{Kind: runs.ActorUser}}, func(r *runs.Run) bool { return r.Initiator.Kind == runs.ActorUser }},
		{runs.Query{Initiator: runs.Schedule("dana", "")}, func(r *runs.Run) bool { return r.Initiator.Kind == runs.ActorSchedule }},
		{runs.Query{Target: runs.Target{Kind: "set"}}, func(r *runs.Run) bool { return r.Target.Kind == "set" }},
		{runs.Query{Target: runs.Target{ID: "7"}}, func(r *runs.Run) bool { return r.Target.ID == "7" }},
		{
			runs.Query{Target: runs.Target{Kind: "set", ID: "7", Name: "another name"}},
			func(r *runs.Run) bool { return r.Target.Kind == "set" && r.Target.ID == "7" },
		},
		{runs.Query{From: from}, func(r *runs.Run) bool { return !r.CreatedAt.Before(from) }},
		{runs.Query{To: to}, func(r *runs.Run) bool { return r.CreatedAt.Before(to) }},
		{runs.Query{From: from.In(zone), To: to.In(zone)}, within},
		{runs.Query{From: to, To: from}, func(*runs.Run) bool { return false }},
		{
			runs.Query{Types: []runs.Type{testRun}, Statuses: []runs.Status{runs.StatusQueued, runs.StatusCompleted}, From: from, To: to},
			func(r *runs.Run) bool { return r.Type == testRun && r.Status != runs.StatusRunning && within(r) },
		},
		{
			runs.Query{
				Types: []runs.Type{testRun, testOther}, Outcomes: []runs.Outcome{runs.OutcomeSucceeded, runs.OutcomeFailed},
				Initiator: runs.User("dana", ""), Target: runs.Target{Kind: "set"},
			},
			func(r *runs.Run) bool {
				return r.Type != "test.third" && (r.Outcome == runs.OutcomeSucceeded || r.Outcome == runs.OutcomeFailed) &&
					r.Initiator.Is(runs.User("dana", "")) && r.Target.Kind == "set"
			},
		},
		{
			runs.Query{IDs: []string{id(0), id(1), id(2), id(7)}, Statuses: []runs.Status{runs.StatusQueued}},
			func(r *runs.Run) bool { return r.ID == id(0) || r.ID == id(7) },
		},
	}
}

var cursorPromises = []promise[runs.Store]{
	{
		name: "cursor-of-another",
		text: "List reports ErrBadCursor for a cursor that another query made",
		check: func(ctx context.Context, s runs.Store) error {
			if err := insertMany(ctx, s, append(mixed(), queued(globex, "r9", ""))); err != nil {
				return err
			}
			var queries []runs.Query
			for _, c := range filterCases() {
				c.q.Tenant, c.q.Limit = acme, 1
				queries = append(queries, c.q)
			}
			queries = append(queries, runs.Query{Tenant: globex, Limit: 1})
			for i, maker := range queries {
				page, err := s.List(ctx, maker)
				if err != nil {
					return fmt.Errorf("list: %w", err)
				}
				if page.Next == "" {
					continue
				}
				other := queries[(i+1)%len(queries)]
				other.After = page.Next
				_, err = s.List(ctx, other)
				if err := wantErr("list", err, runs.ErrBadCursor); err != nil {
					return fmt.Errorf("cursor of %s: %s: %w", describe(maker), describe(other), err)
				}
			}
			return nil
		},
	},
	{
		name: "cursor-of-nobody",
		text: "List reports ErrBadCursor for a cursor that nobody made",
		check: func(ctx context.Context, s runs.Store) error {
			if err := insertAll(ctx, s, queued(acme, "r1", ""), queued(acme, "r2", "")); err != nil {
				return err
			}
			page, err := s.List(ctx, runs.Query{Tenant: acme, Limit: 1})
			if err != nil {
				return fmt.Errorf("list: %w", err)
			}
			for _, bad := range badCursors(page.Next) {
				_, err := s.List(ctx, runs.Query{Tenant: acme, Limit: 1, After: bad})
				if err := wantErr("list", err, runs.ErrBadCursor); err != nil {
					return fmt.Errorf("cursor %q, made from %q: %w", short(string(bad)), page.Next, err)
				}
			}
			return nil
		},
	},
}

// badCursors returns cursors that are not c.
func badCursors(c runs.Cursor) []runs.Cursor {
	all := []runs.Cursor{
		"0", "1", "r1", "null", "{}", "%", "\x00", "\xff", " ", "=", "é", "eyJ9", "-1", "99999999999999999999",
		runs.Cursor(strings.Repeat("A", 1<<16)), c + "A", c + " ", c + c, "A" + c,
	}
	for i := range len(c) {
		all = append(all, c[:i], c[:i]+"."+c[i+1:])
	}
	return slices.DeleteFunc(all, func(bad runs.Cursor) bool { return bad == "" || bad == c })
}
