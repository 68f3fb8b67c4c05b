// Package bell shows an inbox of package notify in the hub.
package bell

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
)

// Config says what a [Bell] shows. Inbox is required.
type Config struct {
	Inbox notify.Inbox

	// Presenter words the notes, in its own language unless the reader's is
	// known.
	Presenter notify.Presenter

	// Now is the clock that says when a note was read. If nil, it is time.Now.
	Now func() time.Time
}

// A Bell is a [monitor.Inbox] over a [notify.Inbox].
type Bell struct{ cfg Config }

var _ monitor.Inbox = (*Bell)(nil)

// New returns a Bell made of cfg, or an error that says what is missing.
func New(cfg Config) (*Bell, error) {
	if cfg.Inbox == nil {
		return nil, errors.New("bell: Config.Inbox is missing")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now //nolint:forbidigo // the one default
	}
	return &Bell{cfg}, nil
}

// Notes implements [monitor.Inbox].
func (b *Bell) Notes(ctx context.Context, actor runs.Actor, q monitor.NoteQuery) (monitor.NotePage, error) {
	if !actor.Valid() {
		return monitor.NotePage{}, nil // nobody has no notes
	}
	page, err := b.cfg.Inbox.List(ctx, notify.Query{
		Recipient: actor, Unread: q.Unread, Read: q.Read, Types: q.Types, After: q.After, Limit: q.Limit,
	})
	if err != nil {
		return monitor.NotePage{}, fmt.Errorf("read the inbox: %w", err)
	}
	words := b.cfg.Presenter
	if q.Language != "" {
		words.Language = notify.Language(q.Language)
	}
	notes := make([]monitor.Note, 0, len(page.Notifications))
	for _, n := range page.Notifications {
		notes = append(notes, note(n, words))
	}
	return monitor.NotePage{Notes: notes, Next: page.Next}, nil
}

func note(n notify.Notification, words notify.Presenter) monitor.Note {
	text := words.Present(n)
	return monitor.Note{
		ID: n.ID, Run: n.Run, Title: text.Title, Body: text.Body, Status: n.Stage, Outcome: n.Outcome,
		CreatedAt: n.At, ReadAt: n.ReadAt,
	}
}

// Note implements [monitor.Inbox].
func (b *Bell) Note(ctx context.Context, actor runs.Actor, id string) (monitor.Note, error) {
	if !actor.Valid() {
		return monitor.Note{}, runs.ErrNotFound
	}
	page, err := b.cfg.Inbox.List(ctx, notify.Query{Recipient: actor, IDs: []string{id}})
	if err != nil {
		return monitor.Note{}, fmt.Errorf("read the inbox: %w", err)
	}
	if len(page.Notifications) == 0 {
		return monitor.Note{}, runs.ErrNotFound
	}
	return note(page.Notifications[0], b.cfg.Presenter), nil
}

// Unread implements [monitor.Inbox].
func (b *Bell) Unread(ctx context.Context, actor runs.Actor, limit int) (int, error) {
	return b.cfg.Inbox.Unread(ctx, actor, limit)
}

// Mark implements [monitor.Inbox].
func (b *Bell) Mark(ctx context.Context, actor runs.Actor, ids []string, read bool) error {
	for some := range slices.Chunk(ids, runs.MaxLimit) {
		if err := b.mark(ctx, notify.Mark{Recipient: actor, IDs: some, Unread: !read}); err != nil {
			return err
		}
	}
	return nil
}

// MarkAll implements [monitor.Inbox].
func (b *Bell) MarkAll(ctx context.Context, actor runs.Actor) error {
	return b.mark(ctx, notify.Mark{Recipient: actor, All: true})
}

func (b *Bell) mark(ctx context.Context, m notify.Mark) error {
	if !m.Recipient.Valid() {
		return nil
	}
	m.At = b.cfg.Now()
	_, err := b.cfg.Inbox.Mark(ctx, m)
	return err
}
