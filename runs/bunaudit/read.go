package bunaudit

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/tenantatlas/tenantatlas/runs/audit"
)

// Head implements [audit.Store].
func (s *Store) Head(ctx context.Context, tenant string) (h audit.Head, err error) {
	err = s.db.Read.DB.QueryRowContext(ctx, s.sql.head, tenant).Scan(&h.Last, &h.Base)
	if errors.Is(err, sql.ErrNoRows) {
		return audit.Head{}, nil
	}
	return h, s.explain(ctx, "read the head of the audit", err)
}

// Rows implements [audit.Store].
func (s *Store) Rows(ctx context.Context, tenant string, after int64, limit int) ([]audit.Row, error) {
	rows, err := s.query(ctx, s.sql.rows, tenant, after, limit)
	return rows, s.explain(ctx, "read the audit", err)
}

// maxLook is how many rows a page looks at before it is short.
const maxLook = 2000

// List implements [audit.Store].
func (s *Store) List(ctx context.Context, tenant string, f audit.Filter, limit int) (rows []audit.Row, more int64, err error) {
	rows, more, err = s.list(ctx, tenant, f, limit)
	return rows, more, s.explain(ctx, "list the audit", err)
}

func (s *Store) list(ctx context.Context, tenant string, f audit.Filter, limit int) ([]audit.Row, int64, error) {
	if f.Before == 0 {
		f.Before = math.MaxInt64
	}
	args := []any{tenant, f.After, f.Before}
	where := []string{"tenant = $1", "seq > $2", "seq < $3"}
	var rest []string
	found := false // by an index
	for _, c := range []struct {
		column, value string
		index         bool
	}{
		{"object", f.Index.Object, true},
		{"actor", f.Index.Actor, true},
		{"event", string(f.Index.Event), false},
		{"action", string(f.Index.Action), false},
	} {
		if c.value == "" {
			continue
		}
		args = append(args, c.value)
		is := c.column + " = $" + strconv.Itoa(len(args))
		if c.index && !found {
			found = true
			where = append(where, is)
			if c.column == "object" {
				where = append(where, "object <> ''") // else the index would not do
			}
			continue
		}
		rest = append(rest, is)
	}
	if rest == nil {
		rows, err := s.page(ctx, where, args, limit)
		if len(rows) <= limit || err != nil {
			return rows, 0, err
		}
		return rows[:limit], rows[limit-1].Seq, nil
	}
	// Only the newest maxLook rows that the index finds are looked at.
	horizon := int64(0)
	narrow := args[:3]
	if found {
		narrow = args[:4] // the index's value is the first
	}
	err := s.db.Read.DB.QueryRowContext(ctx, s.dialect.Bind("SELECT seq FROM audit_entries WHERE "+strings.Join(where, " AND ")+
		" ORDER BY seq DESC LIMIT 1 OFFSET "+strconv.Itoa(maxLook)), narrow...).Scan(&horizon)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, 0, err
	}
	if horizon != 0 {
		args[1] = horizon
	}
	rows, err := s.page(ctx, append(where, rest...), args, limit)
	switch {
	case err != nil:
		return nil, 0, err
	case len(rows) > limit:
		return rows[:limit], rows[limit-1].Seq, nil
	case horizon != 0:
		return rows, horizon + 1, nil
	}
	return rows, 0, nil
}

// page returns one row more than limit, if there is one.
func (s *Store) page(ctx context.Context, where []string, args []any, limit int) ([]audit.Row, error) {
	return s.query(ctx, s.dialect.Bind("SELECT "+columns+" FROM audit_entries WHERE "+strings.Join(where, " AND ")+
		" ORDER BY seq DESC LIMIT "+strconv.Itoa(limit+1)), args...)
}

func (s *Store) query(ctx context.Context, text string, args ...any) (all []audit.Row, err error) {
	rows, err := s.db.Read.DB.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var r audit.Row
		x := &r.Index
		if err := rows.Scan(&r.Seq, &r.Body, &r.Seal, &x.Actor, &x.Object, &x.Event, &x.Action); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}
