package runstest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tenantatlas/tenantatlas/runs"
)

var insertPromises = []promise[runs.Store]{
	{
		name: "insert-then-get",
		text: "Insert adds r with revision 1 and returns it with true; a read that begins afterwards sees it",
		check: func(ctx context.Context, s runs.Store) error {
			in := full(acme, "r1")
			in.Revision = 7
			stored, err := insert(ctx, s, in)
			if err != nil {
				return err
			}
			want := full(acme, "r1")
			want.Revision = 1
			if err := diff(want, stored); err != nil {
				return fmt.Errorf("insert returned another run: %w", err)
			}
			return isStored(ctx, s, want)
		},
	},
	{
		name: "insert-zero",
		text: "a store keeps what it is given, also where that is nothing",
		check: func(ctx context.Context, s runs.Store) error {
			in := &runs.Run{Tenant: acme, ID: "r1", Type: testRun, Status: runs.StatusQueued}
			stored, err := insert(ctx, s, in)
			if err != nil {
				return err
			}
			want := in.Clone()
			want.Revision = 1
			if err := diff(want, stored); err != nil {
				return fmt.Errorf("insert returned another run: %w", err)
			}
			return isStored(ctx, s, want)
		},
	},
	{
		name: "insert-taken-id",
		text: "Insert reports ErrExists if r.ID is taken, also by another tenant, and changes nothing",
		check: func(ctx context.Context, s runs.Store) error {
			stored, err := insert(ctx, s, queued(acme, "r1", "k1"))
			if err != nil {
				return err
			}
			for _, again := range []*runs.Run{queued(acme, "r1", "k2"), queued(globex, "r1", "k1"), ended(acme, "r1")} {
				_, inserted, err := s.Insert(ctx, again)
				if err := wantErr("second insert", err, runs.ErrExists); err != nil {
					return err
				}
				if inserted {
					return errors.New("second insert: inserted = true with an error")
				}
			}
			if err := isMissing(ctx, s, globex, "r1"); err != nil {
				return err
			}
			return isStored(ctx, s, stored)
		},
	},
	{
		name: "insert-own-retry",
		text: "inserting the same run again adds nothing and reports ErrExists or returns the run",
		check: func(ctx context.Context, s runs.Store) error {
			in := queued(acme, "r1", "k1")
			in.Once = "once"
			first, err := insert(ctx, s, in)
			if err != nil {
				return err
			}
			stored, inserted, err := s.Insert(ctx, in)
			switch {
			case inserted:
				return errors.New("second insert: inserted = true")
			case err == nil:
				if err := diff(first, stored); err != nil {
					return fmt.Errorf("second insert: %w", err)
				}
			default:
				if err := wantErr("second insert", err, runs.ErrExists); err != nil {
					return err
				}
			}
			return isStored(ctx, s, first)
		},
	},
	{
		name: "insert-invalid",
		text: "Insert reports ErrInvalid for a run that is not Validate, and adds nothing",
		check: func(ctx context.Context, s runs.Store) error {
			for _, bad := range invalidRuns() {
				r := queued(acme, "r1", "")
				bad.spoil(r)
				_, inserted, err := s.Insert(ctx, r)
				if err := wantErr("insert with "+bad.name, err, runs.ErrInvalid); err != nil {
					return err
				}
				if inserted {
					return fmt.Errorf("insert with %s: inserted = true", bad.name)
				}
			}
			return isMissing(ctx, s, acme, "r1")
		},
	},
	{
		name: "exact-text",
		text: "texts are the same if their bytes are: case, accents and spaces make a difference",
		check: func(ctx context.Context, s runs.Store) error {
			// The second é is an e with a combining accent.
			for i, text := range []string{"key", "Key", "key ", " key", "k\u00e9y", "ke\u0301y", "kéy\u200b", "ｋey"} {
				r := queued(acme, text, runs.Key(text))
				r.Once = text
				if err := insertAll(ctx, s, r, queued(text, id(i), "key")); err != nil {
					return err
				}
			}
			return isMissing(ctx, s, "ACME", "key")
		},
	},
}

var getPromises = []promise[runs.Store]{
	{
		name: "get-missing",
		text: "Get reports ErrNotFound for a run that is not there",
		check: func(ctx context.Context, s runs.Store) error {
			if err := isMissing(ctx, s, acme, "r1"); err != nil {
				return err
			}
			if err := insertAll(ctx, s, queued(acme, "r1", "")); err != nil {
				return err
			}
			return isMissing(ctx, s, acme, "r2")
		},
	},
	{
		name: "get-other-tenant",
		text: "Get reports ErrNotFound for a run of another tenant as for none at all",
		check: func(ctx context.Context, s runs.Store) error {
			if err := insertAll(ctx, s, queued(acme, "r1", "")); err != nil {
				return err
			}
			return isMissing(ctx, s, globex, "r1")
		},
	},
	{
		name: "get-any-type",
		text: "Get does not look at ref.Type",
		check: func(ctx context.Context, s runs.Store) error {
			stored, err := insert(ctx, s, queued(acme, "r1", ""))
			if err != nil {
				return err
			}
			for _, typ := range []runs.Type{"", testRun, testOther, "?"} {
				got, err := s.Get(ctx, runs.Ref{Tenant: acme, ID: "r1", Type: typ})
				if err != nil {
					return fmt.Errorf("get with type %q: %w", typ, err)
				}
				if err := diff(stored, got); err != nil {
					return fmt.Errorf("get with type %q: %w", typ, err)
				}
			}
			return nil
		},
	},
	{
		name: "get-odd",
		text: "Get reports ErrNotFound for texts that no store keeps",
		check: func(ctx context.Context, s runs.Store) error {
			if err := insertAll(ctx, s, queued(acme, "r1", "")); err != nil {
				return err
			}
			for _, odd := range oddTexts {
				if err := isMissing(ctx, s, acme, odd); err != nil {
					return fmt.Errorf("ID %q: %w", short(odd), err)
				}
				if err := isMissing(ctx, s, odd, "r1"); err != nil {
					return fmt.Errorf("tenant %q: %w", short(odd), err)
				}
			}
			return nil
		},
	},
}

// oddTexts are texts that no run has.
var oddTexts = []string{"", "\x00", "r1\x00", "r1\xff", "\xed\xa0\x80", strings.Repeat("x", 1<<20)}

// spoilt makes a valid run invalid.
type spoilt struct {
	name  string
	spoil func(r *runs.Run)
}

// invalidRuns are one run for every rule of Run.Validate, roughly; that method
// has its own tests.
func invalidRuns() []spoilt {
	all := []spoilt{
		{"no tenant", func(r *runs.Run) { r.Tenant = "" }},
		{"no ID", func(r *runs.Run) { r.ID = "" }},
		{"no type", func(r *runs.Run) { r.Type = "" }},
		{"a type of one word", func(r *runs.Run) { r.Type = "run" }},
		{"no status", func(r *runs.Run) { r.Status = "" }},
		{"an unknown status", func(r *runs.Run) { r.Status = "paused" }},
		{"an outcome too early", func(r *runs.Run) { r.Outcome = runs.OutcomeFailed }},
		{"no outcome", func(r *runs.Run) { r.Status = runs.StatusCompleted }},
		{"a negative attempt", func(r *runs.Run) { r.Attempt = -1 }},
		{"a negative number of rings", func(r *runs.Run) { r.Rings = -1 }},
		{"a negative count", func(r *runs.Run) { r.Counts.Skipped = -1 }},
		{"broken params", func(r *runs.Run) { r.Params = []byte(`{`) }},
		{"params that are not UTF-8", func(r *runs.Run) { r.Params = []byte("\"\xff\"") }},
		{"large params", func(r *runs.Run) { r.Params = quoted(runs.MaxParams + 1) }},
		{"a NUL in the context", func(r *runs.Run) { r.Context = map[string]string{"a": "\x00"} }},
		{"a large context", func(r *runs.Run) { r.Context = map[string]string{"a": strings.Repeat("x", runs.MaxParams)} }},
		{"an unknown reason", func(r *runs.Run) { r.Failure.Reason = "bad luck" }},
		{"a message without a reason", func(r *runs.Run) { r.Waiting.Message = "Wait." }},
		{"too many failures", func(r *runs.Run) { r.Failures = make([]runs.ItemFailure, runs.MaxFailures+1) }},
		{"a NUL in a failure", func(r *runs.Run) { r.Failures = []runs.ItemFailure{{Key: "a\x00"}} }},
	}
	for _, f := range textFields() {
		for _, odd := range []struct{ name, text string }{
			{"a NUL", "a\x00b"},
			{"broken UTF-8", "a\xc3"},
			{"too many bytes", strings.Repeat("é", runs.MaxText/2+1)},
		} {
			all = append(all, spoilt{odd.name + " in " + f.name, func(r *runs.Run) { f.set(r, odd.text) }})
		}
	}
	return all
}

// A textField is a field of a run that holds any text.
type textField struct {
	name string
	set  func(r *runs.Run, text string)
}

func textFields() []textField {
	return []textField{
		{"Tenant", func(r *runs.Run, text string) { r.Tenant = text }},
		{"ID", func(r *runs.Run, text string) { r.ID = text }},
		{"Key", func(r *runs.Run, text string) { r.Key = runs.Key(text) }},
		{"Once", func(r *runs.Run, text string) { r.Once = text }},
		{"Lane", func(r *runs.Run, text string) { r.Lane = text }},
		{"Initiator.Kind", func(r *runs.Run, text string) { r.Initiator.Kind = runs.ActorKind(text) }},
		{"Initiator.ID", func(r *runs.Run, text string) { r.Initiator.ID = text }},
		{"Initiator.Name", func(r *runs.Run, text string) { r.Initiator.Name = text }},
		{"Target.Kind", func(r *runs.Run, text string) { r.Target.Kind = text }},
		{"Target.ID", func(r *runs.Run, text string) { r.Target.ID = text }},
		{"Target.Name", func(r *runs.Run, text string) { r.Target.Name = text }},
		{"Cancel.By.Kind", func(r *runs.Run, text string) { r.Cancel.By.Kind = runs.ActorKind(text) }},
		{"Cancel.By.ID", func(r *runs.Run, text string) { r.Cancel.By.ID = text }},
		{"Cancel.By.Name", func(r *runs.Run, text string) { r.Cancel.By.Name = text }},
		{"Cancel.Why", func(r *runs.Run, text string) { r.Cancel.Why = text }},
		{"RetryOf", func(r *runs.Run, text string) { r.RetryOf = text }},
		{"Instance", func(r *runs.Run, text string) { r.Instance = text }},
		{"Incarnation", func(r *runs.Run, text string) { r.Incarnation = text }},
		{"Failure.Message", func(r *runs.Run, text string) { r.Failure = runs.Failure{Reason: runs.ReasonGone, Message: text} }},
	}
}

// quoted returns a JSON string of n bytes in all.
func quoted(n int) []byte { return []byte(`"` + strings.Repeat("x", n-2) + `"`) }
