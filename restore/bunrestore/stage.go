package bunrestore

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore/backup"
)

// scanVersion reads the columns of versionColumns, and more.
func scanVersion(rows *sql.Rows, v *backup.Version, more ...any) error {
	var text sql.NullString
	var keys [5]sql.NullString
	err := rows.Scan(append([]any{&keys[0], &keys[1], &keys[2], &keys[3], &keys[4], &text}, more...)...)
	if err != nil || !text.Valid {
		return err // an item whose version is not there
	}
	if err := json.Unmarshal([]byte(text.String), v); err != nil {
		return fmt.Errorf("decode version: %w", err)
	}
	v.ID, v.Kind, v.Object, v.Hash, v.AssignmentsHash = keys[0].String, keys[1].String, keys[2].String, keys[3].String, keys[4].String
	return nil
}

// A state is what two versions of an object share that are the same.
type state struct {
	ref               inventory.Ref
	hash, assignments string
}

func stateOf(v *backup.Version) state { return state{v.Ref(), v.Hash, v.AssignmentsHash} }

// Stage implements [backup.Versions]. It is one transaction of about five
// statements with PostgreSQL, however many items there are.
func (s *Store) Stage(ctx context.Context, tenant, set string, staged []backup.Staged) ([]backup.Version, error) {
	if !bunkit.Storable(tenant, set) {
		return nil, s.explain(ctx, "stage", backup.ErrNotFound)
	}
	for i := range staged {
		if err := checkStaged(&staged[i].Version); err != nil {
			return nil, err
		}
	}
	var has map[inventory.Ref]backup.Version
	err := s.write(ctx, tenant, func(ctx context.Context, tx *sql.Tx) error {
		err := s.setExists(ctx, tx, tenant, set)
		if err == nil {
			has, err = s.stage(ctx, tx, tenant, set, staged)
		}
		if bunkit.Duplicate(err) {
			err = fmt.Errorf("%w: an ID of another version: %w", backup.ErrInvalid, err)
		}
		return err
	})
	if err != nil {
		return nil, s.explain(ctx, "stage", err)
	}
	kept := make([]backup.Version, len(staged))
	for i := range staged {
		kept[i] = has[staged[i].Ref()]
	}
	return kept, nil
}

func checkStaged(v *backup.Version) error {
	if err := checkNames(v.Kind); err != nil {
		return err
	}
	if len(v.AssignmentsHash) > maxID || !bunkit.Storable(v.AssignmentsHash) {
		return fmt.Errorf("%w: a hash that is too long or no text", backup.ErrInvalid)
	}
	return checkIDs(v.ID, v.Object, v.Hash)
}

// stage returns the version that the set has of each object.
func (s *Store) stage(ctx context.Context, tx *sql.Tx, tenant, set string, staged []backup.Staged) (map[inventory.Ref]backup.Version, error) {
	has := make(map[inventory.Ref]backup.Version, len(staged))
	refs := make([][]any, len(staged))
	for i := range staged {
		refs[i] = []any{set, staged[i].Kind, staged[i].Object}
	}
	err := s.find(ctx, tx, s.sql.present, tenant, refs, func(v backup.Version) { has[v.Ref()] = v })
	if err != nil {
		return nil, err
	}
	var fresh []*backup.Staged // of objects that the set does not have
	var states [][]any
	for i := range staged {
		v := &staged[i]
		if _, ok := has[v.Ref()]; ok {
			continue
		}
		has[v.Ref()] = v.Version // of two the first stays
		fresh = append(fresh, v)
		states = append(states, []any{v.Kind, v.Object, v.Hash, v.AssignmentsHash})
	}
	same := make(map[state]bool)
	err = s.find(ctx, tx, s.sql.same, tenant, states, func(v backup.Version) {
		same[stateOf(&v)] = true
		has[v.Ref()] = v
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(fresh, func(a, b *backup.Staged) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Object, b.Object))
	})
	var versions, items [][]any
	for _, one := range fresh {
		if !same[stateOf(&one.Version)] {
			row, err := versionRow(one)
			if err != nil {
				return nil, err
			}
			versions = append(versions, row)
		}
		v := has[one.Ref()]
		items = append(items, s.itemRow(set, &v))
	}
	if err := s.sql.putVersions.Exec(ctx, tx, tenant, versions); err != nil {
		return nil, err
	}
	return has, s.sql.putItems.Exec(ctx, tx, tenant, items)
}

// find calls found with every version that a statement finds for the rows.
func (s *Store) find(ctx context.Context, tx *sql.Tx, b bunkit.Bulk, tenant string, rows [][]any, found func(v backup.Version)) error {
	return b.Query(ctx, tx, tenant, rows, func(rows *sql.Rows) error {
		var v backup.Version
		err := scanVersion(rows, &v)
		found(v)
		return err
	})
}

func versionRow(one *backup.Staged) ([]any, error) {
	rest := one.Version
	rest.ID, rest.Kind, rest.Object, rest.Hash, rest.AssignmentsHash = "", "", "", "", ""
	details, err := json.Marshal(rest)
	if err != nil {
		return nil, fmt.Errorf("encode version: %w", err)
	}
	return []any{one.ID, one.Kind, one.Object, one.Hash, one.AssignmentsHash, string(details), notNull(one.Sealed)}, nil
}

func (s *Store) itemRow(set string, v *backup.Version) []any {
	fold, rest := bunkit.Cut(bunkit.Clean(inventory.Fold(v.Name)), maxID)
	var foldRest any
	if rest != "" {
		foldRest = rest
	}
	return []any{set, v.Kind, v.Object, v.ID, fold, foldRest, s.dialect.Instant(v.CapturedAt), true}
}

// GetVersion implements [backup.Versions].
func (s *Store) GetVersion(ctx context.Context, tenant, id string) (v backup.Version, sealed []byte, err error) {
	err = s.one(ctx, s.sql.getVersion, []string{tenant, id}, func(rows *sql.Rows) error { return scanVersion(rows, &v, &sealed) })
	if err != nil {
		return backup.Version{}, nil, s.explain(ctx, "get version", err)
	}
	return v, sealed, nil
}

// ListItems implements [backup.Versions]. Without Text it is one statement that
// reads what it returns.
func (s *Store) ListItems(ctx context.Context, q backup.ItemQuery) (page backup.ItemPage, err error) {
	if !bunkit.Storable(q.Tenant, q.Set, q.Kind) {
		return page, nil
	}
	l, err := s.itemList(q)
	if err != nil {
		return page, err
	}
	page.Next, err = l.read(ctx, s, l.itemText(), func(rows *sql.Rows) ([]string, error) {
		i := backup.Item{Set: q.Set}
		var kind, object, version, fold string
		err := scanVersion(rows, &i.Version, &kind, &object, &version, &fold)
		i.Kind, i.Object, i.ID = kind, object, version // as the item says
		page.Items = append(page.Items, i)
		return []string{kind, fold, object}, err
	})
	if err != nil {
		return backup.ItemPage{}, s.explain(ctx, "list items", err)
	}
	return page, nil
}

func (s *Store) itemList(q backup.ItemQuery) (*list, error) {
	fold := bunkit.Clean(inventory.Fold(q.Text))
	l := s.byName(fmt.Sprintf("items %q %q %q %q %t", q.Tenant, q.Set, q.Kind, fold, q.Staged), q.Limit, "object", q.Kind)
	l.where("tenant = ", q.Tenant)
	l.where("set_id = ", q.Set)
	if !q.Staged {
		l.and("NOT staged") // as the index has it
	}
	if fold != "" {
		text := l.arg(fold)
		l.and("(strpos(fold, " + text + ") > 0 OR fold_rest IS NOT NULL AND strpos(fold || fold_rest, " + text + ") > 0)")
	}
	return l, l.after(q.After)
}

// itemText is the statement for a page of items.
func (l *list) itemText() string {
	return "SELECT " + versionColumns + ", i.kind, i.object, i.version, i.fold FROM (" + l.text("SELECT * FROM backup_items") + ") AS i" +
		l.dialect.Probe("LEFT", versionColumns, "backup_versions", "v", "v.tenant = i.tenant AND v.id = i.version") + l.order("i.")
}

// VersionsOf implements [backup.Versions]. It is one statement that reads what
// it returns.
func (s *Store) VersionsOf(ctx context.Context, tenant, kind, id string, limit int) (all []backup.Item, err error) {
	if !bunkit.Storable(tenant, kind, id) {
		return nil, nil
	}
	l := s.versionList(tenant, kind, id, limit)
	_, err = l.read(ctx, s, l.versionText(), func(rows *sql.Rows) ([]string, error) {
		var i backup.Item
		err := scanVersion(rows, &i.Version, &i.Set)
		all = append(all, i)
		return nil, err
	})
	if err != nil {
		return nil, s.explain(ctx, "list versions", err)
	}
	return all, nil
}

func (s *Store) versionList(tenant, kind, id string, limit int) *list {
	l := s.newest("", limit)
	l.columns = []string{"captured_at", "set_id"}
	l.where("tenant = ", tenant)
	l.where("kind = ", kind)
	l.where("object = ", id)
	l.and("NOT staged")
	return l
}

func (l *list) versionText() string {
	return "SELECT " + versionColumns + ", i.set_id FROM (" + l.text("SELECT * FROM backup_items") + ") AS i" +
		l.dialect.Probe("", versionColumns, "backup_versions", "v", "v.tenant = i.tenant AND v.id = i.version") + l.order("i.")
}
