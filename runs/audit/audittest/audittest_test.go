package audittest_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/audit"
	"github.com/tenantatlas/tenantatlas/runs/audit/audittest"
	"github.com/tenantatlas/tenantatlas/runs/memaudit"
)

// A broken store does one thing otherwise than it should. The suite must
// notice.
type broken struct {
	audit.Store
	head   func(tenant string, h audit.Head) audit.Head
	append func(ctx context.Context, s audit.Store, tenant, last, next string, rows []audit.Row) error
	rows   func(rows []audit.Row, after int64, limit int) []audit.Row
	list   func(ctx context.Context, s audit.Store, tenant string, f audit.Filter, limit int) ([]audit.Row, int64, error)
	prune  func(ctx context.Context, s audit.Store, tenant, base, next string, upTo int64) error
}

func (b *broken) Head(ctx context.Context, tenant string) (audit.Head, error) {
	h, err := b.Store.Head(ctx, tenant)
	if b.head != nil {
		h = b.head(tenant, h)
	}
	return h, err
}

func (b *broken) Append(ctx context.Context, tenant, last, next string, rows []audit.Row) error {
	if b.append != nil {
		return b.append(ctx, b.Store, tenant, last, next, rows)
	}
	return b.Store.Append(ctx, tenant, last, next, rows)
}

func (b *broken) Rows(ctx context.Context, tenant string, after int64, limit int) ([]audit.Row, error) {
	rows, err := b.Store.Rows(ctx, tenant, after, limit)
	if b.rows != nil {
		rows = b.rows(rows, after, limit)
	}
	return rows, err
}

func (b *broken) List(ctx context.Context, tenant string, f audit.Filter, limit int) ([]audit.Row, int64, error) {
	if b.list != nil {
		return b.list(ctx, b.Store, tenant, f, limit)
	}
	return b.Store.List(ctx, tenant, f, limit)
}

func (b *broken) Prune(ctx context.Context, tenant, base, next string, upTo int64) error {
	if b.prune != nil {
		return b.prune(ctx, b.Store, tenant, base, next, upTo)
	}
	return b.Store.Prune(ctx, tenant, base, next, upTo)
}

// sharing hands out the memory of the rows that it was given.
type sharing struct {
	audit.Store
	given []audit.Row
}

func (s *sharing) Append(ctx context.Context, tenant, last, next string, rows []audit.Row) error {
	s.given = append(s.given, rows...)
	return s.Store.Append(ctx, tenant, last, next, rows)
}

func (s *sharing) Rows(context.Context, string, int64, int) ([]audit.Row, error) {
	return slices.Clone(s.given), nil
}

// each lists with another filter.
func eachList(change func(f *audit.Filter)) *broken {
	return &broken{list: func(ctx context.Context, s audit.Store, tenant string, f audit.Filter, limit int) ([]audit.Row, int64, error) {
		change(&f)
		return s.List(ctx, tenant, f, limit)
	}}
}

func eachAppend(change func(tenant, last, next *string, rows []audit.Row)) *broken {
	return &broken{append: func(ctx context.Context, s audit.Store, tenant, last, next string, rows []audit.Row) error {
		rows = slices.Clone(rows)
		change(&tenant, &last, &next, rows)
		return s.Append(ctx, tenant, last, next, rows)
	}}
}

func TestSaboteurs(t *testing.T) {
	tests := []struct {
		name   string
		breaks string
		store  audit.Store
	}{
		{"invents a head", "head-empty", &broken{head: func(_ string, h audit.Head) audit.Head {
			if h.Last == "" {
				h.Last = "none"
			}
			return h
		}}},
		{"drops the seal", "append-keeps", eachAppend(func(_, _, _ *string, rows []audit.Row) {
			for i := range rows {
				rows[i].Seal = nil
			}
		})},
		{"drops the index", "append-keeps", eachAppend(func(_, _, _ *string, rows []audit.Row) {
			for i := range rows {
				rows[i].Index.Action = ""
			}
		})},
		{"shares memory", "append-own", &sharing{}},
		{"the last writer wins", "append-conflict", &broken{append: func(ctx context.Context, s audit.Store, tenant, last, next string, rows []audit.Row) error {
			err := s.Append(ctx, tenant, last, next, rows)
			for errors.Is(err, runs.ErrConflict) {
				h, _ := s.Head(ctx, tenant)
				err = s.Append(ctx, tenant, h.Last, next, rows)
			}
			return err
		}}},
		{"moves the head alone", "append-all-or-nothing", &broken{append: func(ctx context.Context, s audit.Store, tenant, last, next string, rows []audit.Row) error {
			err := s.Append(ctx, tenant, last, next, rows)
			if err != nil && !errors.Is(err, runs.ErrConflict) {
				return errors.Join(err, s.Append(ctx, tenant, last, next, nil))
			}
			return err
		}}},
		{"lets rivals in", "append-race", &broken{append: func(ctx context.Context, s audit.Store, tenant, last, next string, rows []audit.Row) error {
			err := s.Append(ctx, tenant, last, next, rows)
			if errors.Is(err, runs.ErrConflict) {
				return nil
			}
			return err
		}}},
		{"hides odd numbers", "rows-window", &broken{rows: func(rows []audit.Row, _ int64, _ int) []audit.Row {
			return slices.DeleteFunc(rows, func(r audit.Row) bool { return r.Seq < 1 })
		}}},
		{"includes the start", "rows-window", &broken{rows: func(rows []audit.Row, after int64, _ int) []audit.Row {
			if after == 8 {
				return []audit.Row{{Seq: 8}}
			}
			return rows
		}}},
		{"knows one tenant", "tenants", &broken{head: func(string, audit.Head) audit.Head { return audit.Head{Last: "a"} }}},
		{"lists the oldest first", "list-pages", &broken{list: func(ctx context.Context, s audit.Store, tenant string, f audit.Filter, limit int) ([]audit.Row, int64, error) {
			rows, more, err := s.List(ctx, tenant, f, limit)
			slices.Reverse(rows)
			return rows, more, err
		}}},
		{"lists one too many", "list-pages", &broken{list: func(ctx context.Context, s audit.Store, tenant string, f audit.Filter, limit int) ([]audit.Row, int64, error) {
			return s.List(ctx, tenant, f, limit+1)
		}}},
		{"repeats the last row", "list-pages", &broken{list: func(ctx context.Context, s audit.Store, tenant string, f audit.Filter, limit int) ([]audit.Row, int64, error) {
			rows, more, err := s.List(ctx, tenant, f, limit)
			if more != 0 && len(rows) > 0 {
				more = rows[len(rows)-1].Seq + 1
			}
			return rows, more, err
		}}},
		{"ignores the actor", "list-filter", eachList(func(f *audit.Filter) { f.Index.Actor = "" })},
		{"ignores the object", "list-filter", eachList(func(f *audit.Filter) { f.Index.Object = "" })},
		{"ignores the event", "list-filter", eachList(func(f *audit.Filter) { f.Index.Event = "" })},
		{"ignores the action", "list-filter", eachList(func(f *audit.Filter) { f.Index.Action = "" })},
		{"ignores the beginning", "list-filter", eachList(func(f *audit.Filter) { f.After = 0 })},
		{"ignores the end", "list-filter", eachList(func(f *audit.Filter) { f.Before = 0 })},
		{"gives up looking", "list-rare", &broken{list: func(ctx context.Context, s audit.Store, tenant string, f audit.Filter, limit int) ([]audit.Row, int64, error) {
			f.After = max(f.After, f.Before-2000, 3000)
			return s.List(ctx, tenant, f, limit)
		}}},
		{"forgets the base", "prune", &broken{head: func(_ string, h audit.Head) audit.Head { return audit.Head{Last: h.Last} }}},
		{"deletes nothing", "prune", &broken{prune: func(ctx context.Context, s audit.Store, tenant, base, next string, _ int64) error {
			return s.Prune(ctx, tenant, base, next, 0)
		}}},
		{"prunes anyway", "prune-conflict", &broken{prune: func(ctx context.Context, s audit.Store, tenant, base, next string, upTo int64) error {
			h, err := s.Head(ctx, tenant)
			return errors.Join(err, s.Prune(ctx, tenant, h.Base, next, upTo))
		}}},
	}
	caught := make(map[string]bool)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			switch s := test.store.(type) {
			case *broken:
				s.Store = memaudit.New()
			case *sharing:
				s.Store = memaudit.New()
			}
			if audittest.Check(t.Context(), test.breaks, test.store) == nil {
				t.Errorf("%s does not notice", test.breaks)
			}
			caught[test.breaks] = true
		})
	}
	for _, name := range audittest.Promises() {
		if !caught[name] {
			t.Errorf("no store breaks %s", name)
		}
	}
}
