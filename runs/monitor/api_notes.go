package monitor

import (
	"net/http"
	"net/url"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A NoteDocument is a notification as JSON.
type NoteDocument struct {
	ID        string            `json:"id"`
	Tenant    string            `json:"tenant"`
	Run       string            `json:"run"`
	Type      runs.Type         `json:"type"`
	Title     string            `json:"title"`
	Body      string            `json:"body,omitempty"`
	Status    runs.Status       `json:"status,omitempty"`
	Outcome   runs.Outcome      `json:"outcome,omitempty"`
	CreatedAt time.Time         `json:"created_at"`
	ReadAt    time.Time         `json:"read_at,omitzero"`
	Links     map[string]string `json:"links"`
}

func (a *API) noteDocument(r *http.Request, n Note) NoteDocument {
	links := map[string]string{"run": runPath(a.base(r), n.Run), "read": a.base(r) + "/notifications/" + url.PathEscape(n.ID) + "/read"}
	if page := a.pageOf(r, n.Run); page != "" {
		links["page"] = page
	}
	return NoteDocument{
		ID: n.ID, Tenant: n.Run.Tenant, Run: n.Run.ID, Type: n.Run.Type, Title: n.Title, Body: n.Body,
		Status: n.Status, Outcome: n.Outcome, CreatedAt: n.CreatedAt, ReadAt: n.ReadAt, Links: links,
	}
}

func (a *API) notes(w http.ResponseWriter, r *http.Request, actor runs.Actor) error {
	v := r.URL.Query()
	limit, err := ParseLimit(v)
	if err != nil {
		return err
	}
	q := NoteQuery{Unread: v.Get("unread") == "1", Types: split[runs.Type](v["type"]), After: runs.Cursor(v.Get("after")), Limit: limit}
	for _, t := range q.Types {
		if t.Validate() != nil || len(q.Types) > maxList {
			return bad("type")
		}
	}
	page, err := a.cfg.Inbox.Notes(r.Context(), actor, q)
	if err != nil {
		return err
	}
	data := make([]NoteDocument, len(page.Notes))
	for i, n := range page.Notes {
		data[i] = a.noteDocument(r, n)
	}
	writeTagged(w, r, List{data, string(page.Next)})
	return nil
}

func (a *API) unread(w http.ResponseWriter, r *http.Request, actor runs.Actor) error {
	n, err := a.cfg.Inbox.Unread(r.Context(), actor, unreadLimit)
	if err != nil {
		return err
	}
	writeTagged(w, r, inboxState{n})
	return nil
}

func (a *API) readNote(w http.ResponseWriter, r *http.Request, actor runs.Actor) error {
	ctx, id := r.Context(), r.PathValue("id")
	// Marking passes over what is not there; the client is told.
	if _, err := a.cfg.Inbox.Note(ctx, actor, id); err != nil {
		return err
	}
	if err := a.cfg.Inbox.Mark(ctx, actor, []string{id}, true); err != nil {
		return err
	}
	a.live.noted(actor)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *API) readAllNotes(w http.ResponseWriter, r *http.Request, actor runs.Actor) error {
	if err := a.cfg.Inbox.MarkAll(r.Context(), actor); err != nil {
		return err
	}
	a.live.noted(actor)
	w.WriteHeader(http.StatusNoContent)
	return nil
}
