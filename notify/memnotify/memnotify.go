// Package memnotify keeps notifications and deliveries in memory, for tests and
// for programs that can afford to forget.
package memnotify

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/runs"
)

var (
	_ notify.Inbox  = (*Store)(nil)
	_ notify.Outbox = (*Store)(nil)
)

// A Store is a [notify.Inbox] and a [notify.Outbox] in memory. Make one with
// [New].
type Store struct {
	mu         sync.Mutex
	inboxes    map[reader]map[string]notify.Notification // by ID
	deliveries map[string]notify.Delivery                // by ID
}

// A reader is a recipient without a name.
type reader struct {
	kind runs.ActorKind
	id   string
}

func readerOf(a runs.Actor) reader { return reader{a.Kind, a.ID} }

// New returns an empty Store.
func New() *Store {
	return &Store{
		inboxes:    make(map[reader]map[string]notify.Notification),
		deliveries: make(map[string]notify.Delivery),
	}
}

// Put implements [notify.Inbox].
func (s *Store) Put(ctx context.Context, n notify.Notification) error {
	if err := cmp.Or(ctx.Err(), n.Validate()); err != nil {
		return err
	}
	n.At, n.ReadAt = runs.Instant(n.At), runs.Instant(n.ReadAt)
	n.Counts.Extra = nil
	s.mu.Lock()
	defer s.mu.Unlock()
	r := readerOf(n.Recipient)
	if s.inboxes[r] == nil {
		s.inboxes[r] = make(map[string]notify.Notification)
	}
	if _, there := s.inboxes[r][n.ID]; !there {
		s.inboxes[r][n.ID] = n
	}
	return nil
}

// A spot is a position in an inbox.
type spot struct {
	ID string
	At time.Time
}

// List implements [notify.Inbox].
func (s *Store) List(ctx context.Context, q notify.Query) (notify.Page, error) {
	var page notify.Page
	switch {
	case ctx.Err() != nil:
		return page, ctx.Err()
	case !q.Recipient.Valid():
		return page, fmt.Errorf("%w: the query has no recipient", notify.ErrInvalid)
	}
	q.IDs = q.IDs[:min(len(q.IDs), runs.MaxLimit)]
	filter := fmt.Sprintf("inbox %q %q %q %q %t %t", q.Recipient.Kind, q.Recipient.ID, q.IDs, q.Types, q.Unread, q.Read)
	var at spot
	if err := position(q.After, filter, &at); err != nil {
		return page, err
	}
	after := notify.Notification{ID: at.ID, At: at.At}
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []notify.Notification
	for id, n := range s.inboxes[readerOf(q.Recipient)] {
		if (len(q.IDs) == 0 || slices.Contains(q.IDs, id)) && (len(q.Types) == 0 || slices.Contains(q.Types, n.Run.Type)) &&
			(n.Unread() || !q.Unread) && (!n.Unread() || !q.Read) && (q.After == "" || compare(n, after) > 0) {
			all = append(all, n)
		}
	}
	slices.SortFunc(all, compare)
	if size := q.PageSize(); len(all) > size {
		all = all[:size]
		last := all[size-1]
		page.Next = cursor(filter, spot{last.ID, last.At})
	}
	page.Notifications = all
	return page, nil
}

// compare is the order of an inbox: the newest first.
func compare(a, b notify.Notification) int {
	return cmp.Or(b.At.Compare(a.At), strings.Compare(b.ID, a.ID))
}

// Unread implements [notify.Inbox].
func (s *Store) Unread(ctx context.Context, recipient runs.Actor, limit int) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	count := 0
	for _, n := range s.inboxes[readerOf(recipient)] {
		if n.Unread() {
			count++
		}
	}
	return min(count, max(limit, 0)), nil
}

// Mark implements [notify.Inbox].
func (s *Store) Mark(ctx context.Context, m notify.Mark) (int, error) {
	if err := cmp.Or(ctx.Err(), m.Validate()); err != nil {
		return 0, err
	}
	at := runs.Instant(m.At)
	if m.Unread {
		at = time.Time{}
	}
	ids := m.IDs[:min(len(m.IDs), runs.MaxLimit)]
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := 0
	inbox := s.inboxes[readerOf(m.Recipient)]
	for id, n := range inbox {
		if (m.All || slices.Contains(ids, id)) && n.Unread() != m.Unread {
			n.ReadAt = at
			inbox[id] = n
			changed++
		}
	}
	return changed, nil
}

// Prune implements [notify.Inbox].
func (s *Store) Prune(ctx context.Context, before time.Time, limit int) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var old []notify.Notification
	for _, inbox := range s.inboxes {
		for _, n := range inbox {
			if n.At.Before(before) {
				old = append(old, n)
			}
		}
	}
	slices.SortFunc(old, func(a, b notify.Notification) int { return a.At.Compare(b.At) })
	old = old[:min(len(old), max(limit, 0))]
	for _, n := range old {
		r := readerOf(n.Recipient)
		if delete(s.inboxes[r], n.ID); len(s.inboxes[r]) == 0 {
			delete(s.inboxes, r)
		}
	}
	return len(old), nil
}

// cursor returns the position of an entry of the list that filter describes.
func cursor(filter string, at any) notify.Cursor {
	raw, err := json.Marshal(at)
	if err != nil {
		return "" // unreachable: there is nothing in it that has no JSON
	}
	sum := sha256.Sum256(append([]byte(filter), raw...))
	return notify.Cursor(base64.RawURLEncoding.EncodeToString(append(sum[:sumSize:sumSize], raw...)))
}

// sumSize is how many bytes of its checksum a cursor begins with.
const sumSize = 8

// position sets at to the position that made the cursor; an empty cursor
// leaves it as it is.
func position(c notify.Cursor, filter string, at any) error {
	if c == "" {
		return nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(string(c))
	if err != nil || len(raw) <= sumSize {
		return notify.ErrBadCursor
	}
	sum := sha256.Sum256(append([]byte(filter), raw[sumSize:]...))
	if string(raw[:sumSize]) != string(sum[:sumSize]) || json.Unmarshal(raw[sumSize:], at) != nil {
		return notify.ErrBadCursor
	}
	return nil
}
