package bell_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/notify/bell"
	"github.com/tenantatlas/tenantatlas/notify/memnotify"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

var (
	dana    = runs.User("dana", "Dana")
	erin    = runs.User("erin", "Erin")
	morning = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

func ended(n int) *runs.Run {
	return &runs.Run{
		Tenant: "acme", ID: fmt.Sprintf("r%03d", n), Type: "inventory.sync", Status: runs.StatusCompleted,
		Outcome: runs.OutcomeSucceeded, Initiator: dana, Counts: runs.Counts{Total: 2, Succeeded: 2},
		CompletedAt: morning.Add(time.Duration(n) * time.Second),
	}
}

// ring returns the bell over an inbox of dana's with so many notifications.
func ring(t *testing.T, many int) *bell.Bell {
	t.Helper()
	inbox := memnotify.New()
	for i := range many {
		if err := inbox.Put(t.Context(), notify.Of(ended(i))); err != nil {
			t.Fatal(err)
		}
	}
	labels := notify.Labels([]runs.Operation{{Type: "inventory.sync", Label: "Inventory sync"}})
	b, err := bell.New(bell.Config{
		Inbox: inbox, Presenter: notify.Presenter{Label: labels},
		Now: func() time.Time { return morning.Add(time.Hour) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func notes(t *testing.T, b *bell.Bell, q monitor.NoteQuery) []monitor.Note {
	t.Helper()
	page, err := b.Notes(t.Context(), dana, q)
	if err != nil {
		t.Fatal(err)
	}
	return page.Notes
}

func TestNotes(t *testing.T) {
	b := ring(t, 3)
	want := monitor.Note{
		ID: notify.Of(ended(2)).ID, Run: ended(2).Ref(), Title: "Inventory sync succeeded", Body: "2 of 2 done.",
		Status: runs.StatusCompleted, Outcome: runs.OutcomeSucceeded, CreatedAt: ended(2).CompletedAt,
	}
	page, err := b.Notes(t.Context(), dana, monitor.NoteQuery{Limit: 2, Types: []runs.Type{"inventory.sync"}})
	if err != nil || len(page.Notes) != 2 || page.Next == "" {
		t.Fatalf("a page has %d notes, %v; want 2 and a cursor", len(page.Notes), err)
	}
	if diff := cmp.Diff(want, page.Notes[0]); diff != "" {
		t.Error(diff)
	}
	page, err = b.Notes(t.Context(), dana, monitor.NoteQuery{Limit: 2, Types: []runs.Type{"inventory.sync"}, After: page.Next})
	if err != nil || len(page.Notes) != 1 || page.Next != "" {
		t.Errorf("the last page has %d notes, %v; want 1", len(page.Notes), err)
	}
	if _, err := b.Notes(t.Context(), dana, monitor.NoteQuery{After: "x"}); !errors.Is(err, runs.ErrBadCursor) {
		t.Errorf("a bad cursor: %v", err)
	}
	got, err := b.Note(t.Context(), dana, want.ID)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for _, who := range []runs.Actor{erin, {}} {
		if _, err := b.Note(t.Context(), who, want.ID); !errors.Is(err, runs.ErrNotFound) {
			t.Errorf("as %v: %v, want ErrNotFound", who, err)
		}
		page, err := b.Notes(t.Context(), who, monitor.NoteQuery{})
		if err != nil || len(page.Notes) > 0 {
			t.Errorf("%v has %d notes, %v", who, len(page.Notes), err)
		}
	}
}

func TestMark(t *testing.T) {
	b := ring(t, 250)
	var ids []string
	for i := range 250 {
		ids = append(ids, notify.Of(ended(i)).ID)
	}
	unread := func(want int) {
		t.Helper()
		n, err := b.Unread(t.Context(), dana, 1000)
		if n != want || err != nil {
			t.Errorf("%d are unread, %v; want %d", n, err, want)
		}
	}
	mark := func(who runs.Actor, ids []string, read bool) {
		t.Helper()
		if err := b.Mark(t.Context(), who, ids, read); err != nil {
			t.Error(err)
		}
	}
	mark(dana, append(ids[:1:1], "not there"), true)
	unread(249)
	if got := notes(t, b, monitor.NoteQuery{Read: true}); len(got) != 1 || got[0].ID != ids[0] || !got[0].ReadAt.Equal(morning.Add(time.Hour)) {
		t.Errorf("read are %+v", got)
	}
	mark(erin, ids, true)
	mark(runs.Actor{}, ids, true)
	unread(249)
	mark(dana, ids, true) // more than an inbox looks at
	unread(0)
	mark(dana, ids[:2], false)
	unread(2)
	for _, who := range []runs.Actor{erin, {}} {
		if err := b.MarkAll(t.Context(), who); err != nil {
			t.Error(err)
		}
	}
	unread(2)
	if err := b.MarkAll(t.Context(), dana); err != nil {
		t.Error(err)
	}
	unread(0)
}

// What goes wrong below keeps its meaning.
func TestErrors(t *testing.T) {
	b := ring(t, 1)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.Notes(over, dana, monitor.NoteQuery{})
	_, err2 := b.Note(over, dana, "x")
	_, err3 := b.Unread(over, dana, 1)
	for i, err := range []error{err, err2, err3, b.Mark(over, dana, []string{"x"}, true), b.MarkAll(over, dana)} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("call %d: %v, want context.Canceled", i, err)
		}
	}
	if _, err := bell.New(bell.Config{}); err == nil {
		t.Error("New accepts no inbox")
	}
}

// The hub shows notes in the language of whoever reads them.
func TestLanguage(t *testing.T) {
	b := ring(t, 1)
	hub, err := monitor.New(monitor.Config{
		Runs:       runstest.New(t, runs.Config{}),
		Who:        func(*http.Request) (runs.Actor, error) { return dana, nil },
		Authorizer: runs.Roles(func(context.Context, runs.Actor, string) (runs.Role, error) { return runs.RoleOwner, nil }),
		BasePath:   "/ops",
		Inbox:      b,
	})
	if err != nil {
		t.Fatal(err)
	}
	for language, want := range map[string]string{"de-DE,en": "Inventory sync erfolgreich", "fr,en": "Inventory sync succeeded", "": "Inventory sync succeeded"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/ops/notifications", nil)
		r.Header.Set("Accept-Language", language)
		w := httptest.NewRecorder()
		hub.ServeHTTP(w, r)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("in %q: %d without %q", language, w.Code, want)
		}
	}
}
