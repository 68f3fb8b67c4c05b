package audit

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"sort"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A Reader is the reading half of a [Log], for pages. It asks for no rights; its
// callers do.
type Reader interface {
	List(ctx context.Context, q Query) (Page, error)
	Joins(ctx context.Context, run runs.Ref) (n int, more bool, err error)
	Checkpoint(ctx context.Context, tenant string) (Checkpoint, error)
	Verify(ctx context.Context, tenant string, known ...Checkpoint) (Report, error)
	Export(ctx context.Context, w io.Writer, tenant string) error
}

var _ Reader = (*Log)(nil)

// A Query selects entries of one tenant. Every other zero field selects all.
type Query struct {
	Tenant string // required
	Actor  runs.Actor
	Object Object // its kind and ID
	Event  Event
	Action runs.Action
	From   time.Time // recorded then or later
	To     time.Time // recorded earlier

	After runs.Cursor // the Next of the page before; empty for the first page
	Limit int         // entries on a page; 0 means 50, and 200 is the most
}

// A Page is a part of a list of entries, newest first. There may be fewer than
// were asked for, even none, although Next leads on.
type Page struct {
	Entries []Entry
	Next    runs.Cursor // empty on the last page
}

const (
	defaultLimit = 50
	maxLimit     = 200
)

// List returns a page of a tenant's entries, newest first. It reports
// [runs.ErrBadCursor] for a cursor of another list.
func (l *Log) List(ctx context.Context, q Query) (Page, error) {
	page, err := l.list(ctx, q)
	if err != nil {
		return Page{}, fmt.Errorf("list the audit: %w", err)
	}
	return page, nil
}

func (l *Log) list(ctx context.Context, q Query) (Page, error) {
	if !ValidTenant(q.Tenant) {
		return Page{}, runs.ErrInvalid
	}
	f, err := l.filter(ctx, q)
	if err != nil {
		return Page{}, err
	}
	limit := q.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	rows, more, err := l.cfg.Store.List(ctx, q.Tenant, f, min(limit, maxLimit))
	if err != nil {
		return Page{}, err
	}
	page := Page{Entries: make([]Entry, len(rows))}
	for i, row := range rows {
		page.Entries[i] = l.ring.entry(q.Tenant, row)
	}
	if more != 0 {
		page.Next = q.cursor(more)
	}
	return page, nil
}

// filter returns what q selects in terms of rows.
func (l *Log) filter(ctx context.Context, q Query) (f Filter, err error) {
	f.Index = Index{Event: Event(plain(string(q.Event))), Action: runs.Action(plain(string(q.Action)))}
	if q.Actor.ID != "" {
		f.Index.Actor = actorKey(q.Actor)
	}
	if q.Object.ID != "" {
		f.Index.Object = objectKey(q.Object)
	}
	if !q.From.IsZero() {
		first, err := l.search(ctx, q.Tenant, q.From)
		if err != nil {
			return Filter{}, err
		}
		f.After = first - 1
	}
	if q.After != "" {
		f.Before, err = q.position()
	} else if !q.To.IsZero() {
		f.Before, err = l.search(ctx, q.Tenant, q.To)
	}
	return f, err
}

// search returns the number of the first entry that was recorded at t or later,
// or the number that the next one will have: time and numbers rise together.
func (l *Log) search(ctx context.Context, tenant string, t time.Time) (int64, error) {
	last, err := l.Checkpoint(ctx, tenant)
	if err != nil {
		return 0, err
	}
	n := sort.Search(int(last.Seq), func(i int) bool {
		if err != nil {
			return true
		}
		var rows []Row
		if rows, err = l.cfg.Store.Rows(ctx, tenant, int64(i), 1); err != nil || len(rows) == 0 {
			return true
		}
		return !l.ring.entry(tenant, rows[0]).At.Before(t)
	})
	return int64(n) + 1, err
}

// Joins returns how many requests joined a run instead of starting another one,
// and whether there are more than it has counted, which is 200 at most.
func (l *Log) Joins(ctx context.Context, run runs.Ref) (n int, more bool, err error) {
	f := Filter{Index: Index{Object: objectKey(RunObject(run)), Event: EventJoin}}
	for range 10 {
		rows, next, err := l.cfg.Store.List(ctx, run.Tenant, f, maxLimit-n)
		if err != nil {
			return 0, false, fmt.Errorf("count joins: %w", err)
		}
		for _, row := range rows {
			if l.ring.entry(run.Tenant, row).Result == ResultAllowed {
				n++
			}
		}
		if next == 0 || n == maxLimit {
			return n, next != 0, nil
		}
		f.Before = next
	}
	return n, true, nil
}

// A cursor is a position and a hash of the filter, which is not secret and not
// sealed: the store applies the filter again.
func (q Query) cursor(before int64) runs.Cursor {
	b := binary.BigEndian.AppendUint64(q.sum(), uint64(before))
	return runs.Cursor(base64.RawURLEncoding.EncodeToString(b))
}

func (q Query) position() (int64, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(string(q.After))
	sum := q.sum()
	if err != nil || len(b) != len(sum)+8 || string(b[:len(sum)]) != string(sum) {
		return 0, runs.ErrBadCursor
	}
	before := int64(binary.BigEndian.Uint64(b[len(sum):]))
	if before <= 0 {
		return 0, runs.ErrBadCursor
	}
	return before, nil
}

// sum is a short hash of what decides which entries are listed.
func (q Query) sum() []byte {
	text := fmt.Sprintf("%q %q %q %q %q %d %d", q.Tenant, actorKey(q.Actor), objectKey(q.Object), q.Event, q.Action,
		q.From.UnixMicro(), q.To.UnixMicro())
	h := sha256.Sum256([]byte(text))
	return h[:8]
}
