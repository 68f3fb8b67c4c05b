package runstest

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

var valuePromises = []promise[runs.Store]{
	{
		name: "value-instants",
		text: "instants are kept in UTC and in microseconds, rounded down",
		check: func(ctx context.Context, s runs.Store) error {
			zone := time.FixedZone("", -5*3600-1800)
			for i, t := range []time.Time{
				time.Date(2026, 3, 29, 2, 30, 0, 123456789, zone),
				time.Date(2026, 10, 25, 2, 30, 0, 999999999, time.UTC),
				time.Date(1969, 12, 31, 23, 59, 59, 999999999, time.UTC),
				time.Date(2026, 1, 1, 0, 0, 0, 999, time.UTC),
				time.Date(1900, 2, 28, 12, 0, 0, 1000, zone),
				time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC),
			} {
				r := full(acme, id(i))
				want := full(acme, id(i))
				want.Revision = 1
				for j, at := range instants(r) {
					*at, *instants(want)[j] = t, runs.Instant(t)
				}
				if err := keeps(ctx, s, r, want); err != nil {
					return fmt.Errorf("instant %v: %w", t, err)
				}
			}
			return nil
		},
	},
	{
		name: "value-stamps",
		text: "stamped instants are in microseconds, too",
		check: func(ctx context.Context, s runs.Store) error {
			r := queued(acme, "r1", "")
			r.Timing = runs.Timing{Lease: hour + 1, Delay: hour + 1, Ring: hour + 1}
			stored, err := insert(ctx, s, r)
			if err != nil {
				return err
			}
			if err := diff(inMicros(stored), stored); err != nil {
				return fmt.Errorf("insert: %w", err)
			}
			stored.Timing = runs.Timing{Lease: hour + 999, Delay: hour + 999, Ring: hour + 999}
			if stored, err = update(ctx, s, stored); err != nil {
				return err
			}
			if err := diff(inMicros(stored), stored); err != nil {
				return fmt.Errorf("update: %w", err)
			}
			return isStored(ctx, s, stored)
		},
	},
	{
		name: "value-numbers",
		text: "numbers are exact, also beyond what a float64 can tell apart",
		check: func(ctx context.Context, s runs.Store) error {
			for i, n := range []int64{1<<31 - 1, 1 << 31, 1<<53 - 1, 1<<53 + 1, math.MaxInt64} {
				r := full(acme, id(i))
				r.Counts = runs.Counts{
					Total: n, Succeeded: n, Failed: n, Skipped: n,
					Extra: map[string]int64{"plus": n, "minus": -n, "zero": 0, "least": math.MinInt64},
				}
				r.Attempt, r.Lost = math.MaxInt32, math.MaxInt32
				if err := keeps(ctx, s, r, r); err != nil {
					return fmt.Errorf("number %d: %w", n, err)
				}
			}
			return nil
		},
	},
	{
		name: "value-params",
		text: "params are kept byte by byte",
		check: func(ctx context.Context, s runs.Store) error {
			for i, params := range []string{
				`null`, `""`, `{}`, ` { } `, `[1.0, 1e2, 9007199254740993, 0.10, -0]`,
				`{"b":1,"a":2,"b":3}`, "{\n\t\"a\" : \"\\u00e9é\\u0000\\ud83d\\ude00\\/\"}", `{"a":"<>&\u2028` + "\u2028" + `"}`,
			} {
				r := full(acme, id(i))
				r.Params = []byte(params)
				if err := keeps(ctx, s, r, r); err != nil {
					return fmt.Errorf("params %s: %w", params, err)
				}
			}
			return nil
		},
	},
	{
		name: "value-texts",
		text: "texts are kept byte by byte",
		check: func(ctx context.Context, s runs.Store) error {
			for _, text := range []string{
				`'"\ %s $1 ? :a`, "a\tb\r\nc", " \u0001\u001f\u007f\u0085 ", "\u2028\u202e\u200b\ufeff", "ae\u0301é", "日本語 👩‍👩‍👧", "\uffff\U0010ffff",
				`\u0041 \x41 \000`, "{}", "NULL", "[]", "0", "<b>&amp;",
			} {
				r := full(acme, "")
				for _, f := range textFields() {
					f.set(r, text)
				}
				r.Context = map[string]string{text: text, "": ""}
				r.Counts.Extra = map[string]int64{text: 1}
				r.Failures = []runs.ItemFailure{{Key: text, Failure: runs.Failure{Reason: "ext.test.odd", Message: text}}}
				if err := keeps(ctx, s, r, r); err != nil {
					return fmt.Errorf("text %q: %w", text, err)
				}
			}
			return nil
		},
	},
	{
		name: "value-limits",
		text: "what is as large as Validate allows is kept, and found by it",
		check: func(ctx context.Context, s runs.Store) error {
			r := largest(1)
			if err := keeps(ctx, s, r, r); err != nil {
				return err
			}
			q := runs.Query{Tenant: r.Tenant, IDs: []string{r.ID}, Initiator: r.Initiator, Target: r.Target, Limit: 1}
			if err := lists(ctx, s, q, r.ID); err != nil {
				return err
			}
			again := largest(2)
			again.Tenant, again.Once = r.Tenant, r.Once
			return joins(ctx, s, again, r.ID)
		},
	},
	{
		name: "caller-owns-passed",
		text: "the caller owns the runs it passes: they are not changed, and may be changed later",
		check: func(ctx context.Context, s runs.Store) error {
			in := full(acme, "r1")
			in.Timing.Ring = hour
			before := in.Clone()
			stored, err := insert(ctx, s, in)
			if err != nil {
				return err
			}
			if err := diff(before, in); err != nil {
				return fmt.Errorf("insert changed its argument: %w", err)
			}
			scribble(in)
			if err := isStored(ctx, s, stored); err != nil {
				return fmt.Errorf("after a change of what was inserted: %w", err)
			}
			next := full(acme, "r1")
			next.Revision, next.Timing.Ring = 1, hour
			before = next.Clone()
			if stored, err = update(ctx, s, next); err != nil {
				return err
			}
			if err := diff(before, next); err != nil {
				return fmt.Errorf("update changed its argument: %w", err)
			}
			scribble(next)
			if err := isStored(ctx, s, stored); err != nil {
				return fmt.Errorf("after a change of what was updated: %w", err)
			}
			return nil
		},
	},
	{
		name:  "caller-owns-returned",
		text:  "the caller owns the runs it gets back",
		check: checkReturned,
	},
}

// checkReturned scribbles on what every method returns.
func checkReturned(ctx context.Context, s runs.Store) error {
	in := filled(queued(acme, "r1", "k1"))
	var want *runs.Run
	for _, call := range []struct {
		name string
		f    func() (*runs.Run, error)
	}{
		{"insert", func() (*runs.Run, error) { return insert(ctx, s, in) }},
		{"joining insert", func() (*runs.Run, error) {
			stored, _, err := s.Insert(ctx, queued(acme, "r2", "k1"))
			return stored, err
		}},
		{"get", func() (*runs.Run, error) { return get(ctx, s, acme, "r1") }},
		{"list", func() (*runs.Run, error) {
			page, err := s.List(ctx, runs.Query{Tenant: acme})
			return only(page.Runs, err)
		}},
		{"due", func() (*runs.Run, error) {
			return only(s.Due(ctx, runs.DueQuery{Types: []runs.Type{testRun}, Claimable: true}))
		}},
		{"update", func() (*runs.Run, error) { return update(ctx, s, want.Clone()) }},
	} {
		got, err := call.f()
		if err != nil {
			return fmt.Errorf("%s: %w", call.name, err)
		}
		stored, err := get(ctx, s, acme, "r1")
		if err != nil {
			return err
		}
		want = stored.Clone()
		scribble(got)
		if err := isStored(ctx, s, want); err != nil {
			return fmt.Errorf("after a change of what %s returned: %w", call.name, err)
		}
	}
	return nil
}

func only(all []*runs.Run, err error) (*runs.Run, error) {
	if err != nil {
		return nil, err
	}
	if len(all) != 1 {
		return nil, fmt.Errorf("%d runs, want 1", len(all))
	}
	return all[0], nil
}

// scribble changes everything that r shares, if it shares it.
func scribble(r *runs.Run) {
	for i := range r.Params {
		r.Params[i] = ' '
	}
	for k := range r.Context {
		r.Context[k] = "scribbled"
	}
	for k := range r.Counts.Extra {
		r.Counts.Extra[k] = -99
	}
	for i := range r.Failures {
		r.Failures[i] = runs.ItemFailure{Key: "scribbled"}
	}
	r.Target.Name = "scribbled"
}

// keeps checks that inserting r, and updating it, keeps want.
func keeps(ctx context.Context, s runs.Store, r, want *runs.Run) error {
	stored, err := insert(ctx, s, r)
	if err != nil {
		return err
	}
	want = want.Clone()
	want.Revision = 1
	if err := diff(want, stored); err != nil {
		return fmt.Errorf("insert returned another run: %w", err)
	}
	if err := isStored(ctx, s, want); err != nil {
		return err
	}
	next := r.Clone()
	next.Revision = 1
	if stored, err = update(ctx, s, next); err != nil {
		return err
	}
	want.Revision = 2
	if err := diff(want, stored); err != nil {
		return fmt.Errorf("update returned another run: %w", err)
	}
	return isStored(ctx, s, want)
}

// instants are the instants of r.
func instants(r *runs.Run) []*time.Time {
	return []*time.Time{
		&r.LeaseUntil, &r.NotBefore, &r.NextRing, &r.Cancel.At, &r.CreatedAt, &r.StartedAt, &r.CompletedAt, &r.UpdatedAt,
	}
}

// inMicros is r as a store keeps it.
func inMicros(r *runs.Run) *runs.Run {
	c := r.Clone()
	for _, at := range instants(c) {
		*at = runs.Instant(*at)
	}
	return c
}

// largest returns a run with the largest texts that are valid. They cannot be
// compressed, since some indexes hide their limits by compression.
func largest(seed uint64) *runs.Run {
	rng := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // repeatable on purpose
	r := full(acme, "r1")
	for _, f := range textFields() {
		f.set(r, noise(rng, runs.MaxText))
	}
	r.Type = runs.Type("a." + strings.Repeat("b", 98))
	r.Params = []byte(`"` + noise(rng, runs.MaxParams-2) + `"`)
	r.Context = map[string]string{noise(rng, runs.MaxText): noise(rng, runs.MaxParams-runs.MaxText)}
	r.Counts.Extra = map[string]int64{}
	r.Failures = nil
	for range runs.MaxFailures {
		r.Counts.Extra[noise(rng, runs.MaxText)] = math.MaxInt64
		r.Failures = append(r.Failures, runs.ItemFailure{
			Key:     noise(rng, runs.MaxText),
			Failure: runs.Failure{Reason: "ext.test.long", Message: noise(rng, runs.MaxText)},
		})
	}
	r.Waiting = r.Failures[0].Failure
	return r
}

// noise returns n letters and signs that need no escaping.
func noise(rng *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('#' + rng.IntN('['-'#'))
	}
	return string(b)
}
