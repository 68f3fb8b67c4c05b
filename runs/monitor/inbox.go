package monitor

import (
	"context"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// An Inbox holds what people were told about runs. Every method concerns the
// notes of one actor; those of others are as if they did not exist. It must be
// safe for concurrent use.
type Inbox interface {
	// Notes returns a page of the actor's notes, newest first. It reports
	// [runs.ErrBadCursor].
	Notes(ctx context.Context, actor runs.Actor, q NoteQuery) (NotePage, error)

	// Note returns one note, or reports [runs.ErrNotFound].
	Note(ctx context.Context, actor runs.Actor, id string) (Note, error)

	// Unread counts the notes that are not read, up to limit.
	Unread(ctx context.Context, actor runs.Actor, limit int) (int, error)

	// Mark makes the notes with these ids read, or unread again. Ids that are
	// not there are passed over.
	Mark(ctx context.Context, actor runs.Actor, ids []string, read bool) error

	// MarkAll makes read every note that there is when it is called.
	MarkAll(ctx context.Context, actor runs.Actor) error
}

// A Note is something that somebody was told about a run.
type Note struct {
	ID        string
	Run       runs.Ref
	Title     string       // "Inventory sync queued"
	Body      string       // one sentence; may be empty
	Status    runs.Status  // of the run then
	Outcome   runs.Outcome // of the run then
	CreatedAt time.Time
	ReadAt    time.Time // zero if it is unread
}

// A NoteQuery selects notes of one actor. Zero fields do not restrict.
type NoteQuery struct {
	Unread bool        // only those that are not read
	Read   bool        // only those that are
	Types  []runs.Type // of the run; any of them
	After  runs.Cursor // the Next of the page before
	Limit  int         // 0 means 50; more than runs.MaxLimit means that

	// Language is what the reader would like the notes to be in, such as "de". An
	// inbox that has not got it, or is not asked for any, chooses one.
	Language string
}

// A NotePage is one part of a list of notes.
type NotePage struct {
	Notes []Note
	Next  runs.Cursor // empty on the last page
}
