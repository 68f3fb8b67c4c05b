package monitor

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A noteList is what the page of notifications shows.
type noteList struct {
	Tabs    []tab
	Types   []choice
	Type    string
	State   string // what the form keeps
	Notes   []Note
	Newest  string
	Next    string
	Hidden  int    // notes of tenants that the actor may not view any more
	Self    string // the address of the page, to come back to
	ReadAll string
}

// readNotes returns a page of the actor's notes without those of tenants that
// they may not view any more, and how many these are.
func (a *API) readNotes(r *http.Request, actor runs.Actor, q NoteQuery) (NotePage, int, error) {
	list, err := a.cfg.Inbox.Notes(r.Context(), actor, q)
	if err != nil {
		return NotePage{}, 0, err
	}
	visible := make(map[string]bool)
	all := len(list.Notes)
	list.Notes = slices.DeleteFunc(list.Notes, func(n Note) bool {
		may, known := visible[n.Run.Tenant]
		if !known {
			may = a.cfg.may(r.Context(), actor, n.Run.Tenant, runs.ActionView)
			visible[n.Run.Tenant] = may
		}
		return !may
	})
	return list, all - len(list.Notes), nil
}

// notesPage shows what the actor was told, first what they have not read.
func (h *Hub) notesPage(w http.ResponseWriter, r *http.Request, p *page) error {
	v := r.URL.Query()
	limit, err := ParseLimit(v)
	if err != nil {
		return err
	}
	state := v.Get("show")
	q := NoteQuery{Types: split[runs.Type](v["type"]), After: runs.Cursor(v.Get("after")), Limit: limit, Language: p.Lang}
	switch state {
	case "", "unread":
		q.Unread, state = true, ""
	case "read":
		q.Read = true
	case "all":
	default:
		return bad("show")
	}
	for _, t := range q.Types {
		if t.Validate() != nil || len(q.Types) > maxList {
			return bad("type")
		}
	}
	list, hidden, err := h.api.readNotes(r, p.Actor, q)
	if err != nil {
		return err
	}
	path := p.Base + "/notifications"
	filter := url.Values{}
	for _, name := range []string{"show", "type", "tenant", "limit"} {
		if s := v.Get(name); s != "" {
			filter.Set(name, s)
		}
	}
	data := noteList{
		Types: p.typeChoices(v), Type: v.Get("type"), State: state, Notes: list.Notes, Hidden: hidden,
		Self: withQuery(path, filter), ReadAll: path + "/read-all",
	}
	for _, name := range []string{"unread", "read", "all"} {
		next := maps.Clone(filter)
		if next.Del("show"); name != "unread" {
			next.Set("show", name)
		}
		data.Tabs = append(data.Tabs, tab{Name: name, Text: p.T("notes.tab." + name), Href: withQuery(path, next), Current: name == state || name == "unread" && state == ""})
	}
	if v.Has("after") {
		data.Newest = withQuery(path, filter)
	}
	if list.Next != "" {
		data.Next = with(path, filter, "after", string(list.Next))
	}
	p.Title, p.Data = p.T("notes.title"), data
	return h.render(w, r, http.StatusOK, "notes", p)
}

// openNote leads to the run of a note and marks it read, unless a browser only
// looks ahead.
func (h *Hub) openNote(w http.ResponseWriter, r *http.Request, p *page) error {
	note, err := h.cfg.Inbox.Note(r.Context(), p.Actor, r.PathValue("id"))
	if err != nil {
		return err
	}
	if r.Method == http.MethodGet && r.Header.Get("Sec-Purpose") == "" {
		if err := h.cfg.Inbox.Mark(r.Context(), p.Actor, []string{note.ID}, true); err != nil {
			return fmt.Errorf("mark read: %w", err)
		}
	}
	p.Tenant = note.Run.Tenant
	http.Redirect(w, r, p.Path("runs", note.Run.ID), http.StatusSeeOther)
	return nil
}

// markNotes makes notes read or unread and leads back to the list.
func (h *Hub) markNotes(mark func(r *http.Request, actor runs.Actor) error) func(w http.ResponseWriter, r *http.Request, p *page) error {
	return func(w http.ResponseWriter, r *http.Request, p *page) error {
		if err := r.ParseForm(); err != nil {
			return runs.Public(runs.ErrInvalid, runs.ReasonInvalidInput, "The form could not be read.")
		}
		if err := mark(r, p.Actor); err != nil {
			return fmt.Errorf("mark notes: %w", err)
		}
		back := url.Values{}
		for _, name := range []string{"show", "type", "tenant"} {
			if s := r.PostForm.Get(name); s != "" {
				back.Set(name, s)
			}
		}
		http.Redirect(w, r, withQuery(p.Base+"/notifications", back), http.StatusSeeOther)
		return nil
	}
}

func (h *Hub) markOne(read bool) func(r *http.Request, actor runs.Actor) error {
	return func(r *http.Request, actor runs.Actor) error {
		return h.cfg.Inbox.Mark(r.Context(), actor, []string{r.PathValue("id")}, read)
	}
}

func (h *Hub) markAll(r *http.Request, actor runs.Actor) error {
	return h.cfg.Inbox.MarkAll(r.Context(), actor)
}
