package monitor_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
)

// A box keeps notes in memory, newest first.
type box struct {
	mu    sync.Mutex
	notes []monitor.Note
	owner []string
	reads atomic.Int64 // of Unread
}

func (b *box) add(owner string, run *runs.Run) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := monitor.Note{
		ID: fmt.Sprint("n", len(b.notes)+1), Run: run.Ref(), Title: "Inventory sync ended", Body: "All of it.",
		Status: run.Status, Outcome: run.Outcome, CreatedAt: time.Now().UTC(),
	}
	b.notes = append([]monitor.Note{n}, b.notes...)
	b.owner = append([]string{owner}, b.owner...)
	return n.ID
}

func (b *box) Notes(_ context.Context, actor runs.Actor, q monitor.NoteQuery) (monitor.NotePage, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var page monitor.NotePage
	begun := q.After == ""
	for i, n := range b.notes {
		if b.owner[i] != actor.ID || q.Unread && !n.ReadAt.IsZero() {
			continue
		}
		if !begun {
			begun = n.ID == string(q.After)
			continue
		}
		if q.Limit > 0 && len(page.Notes) == q.Limit {
			page.Next = runs.Cursor(page.Notes[q.Limit-1].ID)
			break
		}
		page.Notes = append(page.Notes, n)
	}
	if !begun {
		return monitor.NotePage{}, runs.ErrBadCursor
	}
	return page, nil
}

func (b *box) Note(_ context.Context, actor runs.Actor, id string) (monitor.Note, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, n := range b.notes {
		if n.ID == id && b.owner[i] == actor.ID {
			return n, nil
		}
	}
	return monitor.Note{}, runs.ErrNotFound
}

func (b *box) Unread(_ context.Context, actor runs.Actor, limit int) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reads.Add(1)
	n := 0
	for i, note := range b.notes {
		if b.owner[i] == actor.ID && note.ReadAt.IsZero() {
			n++
		}
	}
	return min(n, limit), nil
}

func (b *box) Mark(_ context.Context, actor runs.Actor, ids []string, read bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.notes {
		for _, id := range ids {
			if b.notes[i].ID == id && b.owner[i] == actor.ID {
				b.notes[i].ReadAt = time.Time{}
				if read {
					b.notes[i].ReadAt = time.Now().UTC()
				}
			}
		}
	}
	return nil
}

func (b *box) MarkAll(ctx context.Context, actor runs.Actor) error {
	var ids []string
	b.mu.Lock()
	for _, n := range b.notes {
		ids = append(ids, n.ID)
	}
	b.mu.Unlock()
	return b.Mark(ctx, actor, ids, true)
}
