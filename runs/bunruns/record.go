package bunruns

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/runs"
)

// now is the clock of SQLite stores.
func now() time.Time { return time.Now() } //nolint:forbidigo // the one documented default

// bindNow appends the store's now for SQLite; PostgreSQL asks its own clock.
func (s *Store) bindNow(args []any) []any {
	if s.dialect == bunkit.SQLite3 {
		return append(args, now().UnixMicro())
	}
	return args
}

// kept returns a copy of r with its instants as the database keeps them, and
// how far from the server's now those of [stamped] are to be, in microseconds;
// zero means as they are. With SQLite they are stamped.
func (s *Store) kept(r *runs.Run) (*runs.Run, [3]int64) {
	c := r.Clone()
	if s.dialect == bunkit.SQLite3 {
		c.Stamp(now())
	}
	for _, t := range []*time.Time{
		&c.LeaseUntil, &c.NotBefore, &c.NextRing,
		&c.CreatedAt, &c.StartedAt, &c.CompletedAt, &c.UpdatedAt, &c.Cancel.At,
	} {
		*t = runs.Instant(*t)
	}
	var after [3]int64
	for i, d := range []time.Duration{c.Timing.Lease, c.Timing.Delay, c.Timing.Ring} {
		if d > 0 {
			after[i] = max(1, d.Microseconds())
		}
	}
	c.Timing = runs.Timing{}
	return c, after
}

// bindFixed appends the values of [fixed].
func (s *Store) bindFixed(args []any, r *runs.Run) []any {
	return append(args, string(r.Type), string(r.Key), r.Once, r.Lane, r.Inline,
		string(r.Initiator.Kind), r.Initiator.ID, r.Initiator.Name, r.RetryOf, s.created(r.CreatedAt))
}

// created returns the value of created_at, which is not NULL for the zero
// time, so that comparisons hold for it, too.
func (s *Store) created(t time.Time) any {
	if s.dialect == bunkit.SQLite3 {
		return t.UnixMicro()
	}
	return t
}

// bindState appends the values of [state], [detail] and [stamped].
func (s *Store) bindState(args []any, r *runs.Run, after [3]int64) ([]any, error) {
	extra, err := encode(r.Counts.Extra == nil, r.Counts.Extra)
	if err != nil {
		return nil, err
	}
	facts, err := encode(r.Context == nil, r.Context)
	if err != nil {
		return nil, err
	}
	failures, err := encode(r.Failures == nil, r.Failures)
	if err != nil {
		return nil, err
	}
	at := s.dialect.Time
	c := r.Counts
	args = append(args, string(r.Status), string(r.Outcome), r.Target.Kind, r.Target.ID, r.Target.Name,
		c.Total, c.Succeeded, c.Failed, c.Skipped, extra,
		string(r.Failure.Reason), r.Failure.Message, string(r.Waiting.Reason), r.Waiting.Message,
		int64(r.Attempt), int64(r.Lost), int64(r.Rings), r.Instance, r.Incarnation, r.Announced,
		at(r.Cancel.At), string(r.Cancel.By.Kind), r.Cancel.By.ID, r.Cancel.By.Name, r.Cancel.Why,
		at(r.StartedAt), at(r.CompletedAt), at(r.UpdatedAt),
		facts, failures,
		at(r.LeaseUntil), at(r.NotBefore), at(r.NextRing))
	if s.dialect == bunkit.PostgreSQL {
		args = append(args, after[0], after[1], after[2])
	}
	return args, nil
}

// encode returns v as JSON, or NULL.
func encode(null bool, v any) (any, error) {
	if null {
		return nil, nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode a column: %w", err)
	}
	return string(b), nil
}

// bindParams returns the value of [params].
func bindParams(r *runs.Run) any {
	if r.Params == nil {
		return nil
	}
	return string(r.Params)
}

// lean are the columns that lists have, scanLean scans them.
func lean() []column { return slices.Concat(name, fixed, revision, state, stamped) }

// whole are all columns, scanWhole scans them.
func whole() []column { return slices.Concat(lean(), params, detail) }

func scanLean(r *runs.Run) []any {
	return append(scanFixed([]any{&r.Tenant, &r.ID}, r),
		&r.Revision,
		(*string)(&r.Status), (*string)(&r.Outcome), &r.Target.Kind, &r.Target.ID, &r.Target.Name,
		&r.Counts.Total, &r.Counts.Succeeded, &r.Counts.Failed, &r.Counts.Skipped, decoded{&r.Counts.Extra},
		(*string)(&r.Failure.Reason), &r.Failure.Message, (*string)(&r.Waiting.Reason), &r.Waiting.Message,
		&r.Attempt, &r.Lost, &r.Rings, &r.Instance, &r.Incarnation, &r.Announced,
		at{&r.Cancel.At}, (*string)(&r.Cancel.By.Kind), &r.Cancel.By.ID, &r.Cancel.By.Name, &r.Cancel.Why,
		at{&r.StartedAt}, at{&r.CompletedAt}, at{&r.UpdatedAt},
		at{&r.LeaseUntil}, at{&r.NotBefore}, at{&r.NextRing})
}

func scanFixed(dest []any, r *runs.Run) []any {
	return append(dest, (*string)(&r.Type), (*string)(&r.Key), &r.Once, &r.Lane, &r.Inline,
		(*string)(&r.Initiator.Kind), &r.Initiator.ID, &r.Initiator.Name, &r.RetryOf, at{&r.CreatedAt})
}

func scanWhole(r *runs.Run) []any {
	return append(scanLean(r), valid{&r.Params}, decoded{&r.Context}, decoded{&r.Failures})
}

// An at scans an instant.
type at struct{ t *time.Time }

var _ sql.Scanner = at{}

func (a at) Scan(src any) error {
	var t bunkit.Time
	err := t.Scan(src)
	*a.t = t.Time
	return err
}

// A valid scans JSON as it is. See [decoded] for what is none.
type valid struct{ to *json.RawMessage }

var _ sql.Scanner = valid{}

func (v valid) Scan(src any) error {
	text, err := textOf(src)
	if *v.to = nil; json.Valid(text) {
		*v.to = slices.Clone(text)
	}
	return err
}

// A decoded scans JSON. NULL leaves what it points to as it is, and so does
// what is no JSON of its kind, which no Store has written: with an error, one
// row that was damaged would keep all others from being looked for.
type decoded struct{ to any }

var _ sql.Scanner = decoded{}

func (d decoded) Scan(src any) error {
	text, err := textOf(src)
	if len(text) > 0 {
		_ = json.Unmarshal(text, d.to)
	}
	return err
}

func textOf(src any) ([]byte, error) {
	switch src := src.(type) {
	case nil:
		return nil, nil
	case string:
		return []byte(src), nil
	case []byte:
		return src, nil
	default:
		return nil, fmt.Errorf("a column of type %T is no JSON", src)
	}
}
