package bunrestore

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore"
)

// fenced runs body in a transaction if the fence is the restore's, and keeps it
// so until the transaction ends.
func (s *Store) fenced(ctx context.Context, tenant, id string, fence int64, body func(ctx context.Context, tx *sql.Tx) error) error {
	if !bunkit.Storable(tenant, id) {
		return restore.ErrNotFound
	}
	return s.db.Locked(ctx, bunkit.Lock{}, func(ctx context.Context, tx *sql.Tx) error {
		found := false
		var is int64
		err := bunkit.Query(ctx, tx, s.sql.fenced, []any{tenant, id}, func(rows *sql.Rows) error {
			found = true
			return rows.Scan(&is)
		})
		switch {
		case err != nil:
			return err
		case !found:
			return restore.ErrNotFound
		case is != fence:
			return restore.ErrConflict
		}
		return body(ctx, tx)
	})
}

// Clear implements [restore.Journal].
func (s *Store) Clear(ctx context.Context, tenant, id string, fence int64) error {
	err := s.fenced(ctx, tenant, id, fence, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, s.sql.clear, tenant, id)
		return err
	})
	return s.explain(ctx, "clear items", err)
}

// Put implements [restore.Journal].
func (s *Store) Put(ctx context.Context, tenant, id string, fence int64, items []restore.Item) error {
	last := make(map[inventory.Ref]*restore.Item, len(items))
	for i := range items {
		if err := checkNames(items[i].Kind); err != nil {
			return err
		}
		if err := checkIDs(items[i].ID); err != nil {
			return err
		}
		last[items[i].Ref] = &items[i]
	}
	// Two writers in the same order do not wait for each other in a circle.
	refs := slices.SortedFunc(maps.Keys(last), func(a, b inventory.Ref) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
	})
	rows := make([][]any, len(refs))
	for n, ref := range refs {
		var err error
		if rows[n], err = journalRow(id, last[ref]); err != nil {
			return err
		}
	}
	err := s.fenced(ctx, tenant, id, fence, func(ctx context.Context, tx *sql.Tx) error {
		return s.sql.putRestoreItems.Exec(ctx, tx, tenant, rows)
	})
	return s.explain(ctx, "put items", err)
}

func journalRow(id string, i *restore.Item) ([]any, error) {
	details, err := json.Marshal(i)
	if err != nil {
		return nil, fmt.Errorf("encode item: %w", err)
	}
	fold, _ := bunkit.Cut(bunkit.Clean(inventory.Fold(i.Name)), maxID)
	var request any
	if i.Request != nil {
		request = i.Request
	}
	return []any{id, i.Kind, i.ID, fold, bunkit.Clean(string(i.Decision)), bunkit.Clean(string(i.Result)), i.Tries, request, string(details)}, nil
}

// Items implements [restore.Journal]. Without decisions and results it is one
// statement that reads what it returns.
func (s *Store) Items(ctx context.Context, q restore.ItemQuery) (page restore.ItemPage, err error) {
	if !bunkit.Storable(q.Tenant, q.Restore, q.Kind) {
		return page, nil
	}
	l, err := s.journalList(q)
	if err != nil {
		return page, err
	}
	page.Next, err = l.read(ctx, s, l.text("SELECT fold, progress, request, details FROM restore_items"), func(rows *sql.Rows) ([]string, error) {
		var i restore.Item
		var fold, details string
		var request []byte
		var tries int // the column is older than its name
		if err := rows.Scan(&fold, &tries, &request, &details); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(details), &i); err != nil {
			return nil, fmt.Errorf("decode item: %w", err)
		}
		i.Tries, i.Request = tries, request
		page.Items = append(page.Items, i)
		return []string{i.Kind, fold, i.ID}, nil
	})
	if err != nil {
		return restore.ItemPage{}, s.explain(ctx, "list items", err)
	}
	return page, nil
}

func (s *Store) journalList(q restore.ItemQuery) (*list, error) {
	filter := fmt.Sprintf("restore items %q %q %q %q %q", q.Tenant, q.Restore, q.Kind, q.Decisions, q.Results)
	l := s.byName(filter, q.Limit, "id", q.Kind)
	l.where("tenant = ", q.Tenant)
	l.where("restore = ", q.Restore)
	anyOf(l, "decision", q.Decisions)
	anyOf(l, "result", q.Results)
	return l, l.after(q.After)
}

// Remember implements [restore.Memory].
func (s *Store) Remember(ctx context.Context, tenant string, answers []restore.Answer) error {
	if err := checkNames(tenant); err != nil {
		return err
	}
	type question struct {
		origin string
		ref    inventory.Ref
	}
	rows := make(map[question][]any, len(answers))
	for _, a := range answers {
		if err := checkNames(a.Origin, a.Kind); err != nil {
			return err
		}
		if err := checkIDs(a.ID, a.To); err != nil {
			return err
		}
		details, err := json.Marshal(a)
		if err != nil {
			return fmt.Errorf("encode answer: %w", err)
		}
		rows[question{a.Origin, a.Ref}] = []any{a.Origin, a.Kind, a.ID, string(details)}
	}
	questions := slices.SortedFunc(maps.Keys(rows), func(a, b question) int {
		return cmp.Or(cmp.Compare(a.origin, b.origin), cmp.Compare(a.ref.Kind, b.ref.Kind), cmp.Compare(a.ref.ID, b.ref.ID))
	})
	ordered := make([][]any, len(questions))
	for i, q := range questions {
		ordered[i] = rows[q]
	}
	err := s.db.Locked(ctx, bunkit.Lock{}, func(ctx context.Context, tx *sql.Tx) error {
		return s.sql.remember.Exec(ctx, tx, tenant, ordered)
	})
	return s.explain(ctx, "remember", err)
}

// Recall implements [restore.Memory].
func (s *Store) Recall(ctx context.Context, tenant, origin string, refs []inventory.Ref) (answers []restore.Answer, err error) {
	asked := make(map[inventory.Ref]bool, len(refs))
	var rows [][]any
	for _, ref := range refs {
		if !asked[ref] && bunkit.Storable(tenant, origin, ref.Kind, ref.ID) {
			rows = append(rows, []any{origin, ref.Kind, ref.ID})
		}
		asked[ref] = true
	}
	err = s.sql.recall.Query(ctx, s.db.Read.DB, tenant, rows, func(rows *sql.Rows) error {
		var a restore.Answer
		var details string
		if err := rows.Scan(&a.Origin, &a.Kind, &a.ID, &details); err != nil {
			return err
		}
		err := json.Unmarshal([]byte(details), &a)
		answers = append(answers, a)
		return err
	})
	if err != nil {
		return nil, s.explain(ctx, "recall", err)
	}
	return answers, nil
}
