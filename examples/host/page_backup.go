package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/runs"
)

func (h *host) routeBackupPages(mux *router) {
	const list = " /t/{tenant}/backups"
	mux.HandleFunc("GET"+list, h.backupPage("backups", h.setsPage))
	mux.HandleFunc("POST"+list, h.backupPage("backups", h.createSetPage))
	mux.HandleFunc("GET"+list+"/{id}", h.backupPage("backups", h.setPage))
	mux.HandleFunc("GET"+list+"/{id}/certificate", h.backupPage("backups", h.certificatePage))
	mux.HandleFunc("GET"+list+"/{id}/add", h.backupPage("backups", h.addPage))
	mux.HandleFunc("POST"+list+"/{id}/add", h.backupPage("backups", h.startAdd))
	mux.HandleFunc("POST"+list+"/{id}/verify", h.backupPage("backups", h.startVerify))
	mux.HandleFunc("POST"+list+"/{id}/export", h.backupPage("backups", h.startExport))
	mux.HandleFunc("POST"+list+"/{id}/delete", h.backupPage("backups", h.deleteSetPage))
	mux.HandleFunc("GET /t/{tenant}/versions/{version}", h.backupPage("backups", h.versionPage))
}

// backupPage lets in who may view the tenant, and shows the errors that only
// backups and restores have.
func (h *host) backupPage(section string, serve func(w http.ResponseWriter, r *http.Request, p page) error) http.HandlerFunc {
	return h.viewing(func(w http.ResponseWriter, r *http.Request, p page) error {
		p.Section = section
		if r.Method != http.MethodGet {
			p.Path = "/"
		}
		err := serve(w, r, p)
		if status, f, ok := backupProblem(err); ok {
			h.failPageWith(w, r, p, status, f)
			return nil
		}
		return err
	})
}

// refuse reports why the actor may not do a, before anything else is looked at.
// What is allowed is recorded where it is done.
func (h *host) refuse(r *http.Request, p page, a runs.Action) error {
	if p.May(a) {
		return nil
	}
	return h.authorizer.Authorize(r.Context(), p.Actor, p.Tenant, a)
}

// start starts a run and leads to a page that shows it: the given one, or the
// run's own if it could not be dispatched.
func (h *host) start(w http.ResponseWriter, r *http.Request, p page, typ runs.Type, params any, to string) error {
	started, err := h.queue.Start(r.Context(), runs.Request{Tenant: p.Tenant, Type: typ, Params: params, Initiator: p.Actor})
	if err != nil && (started.Run == nil || !errors.Is(err, runs.ErrDispatchFailed)) {
		return err
	}
	how := "joined"
	if started.Created {
		how = "new"
	}
	if to == "" || err != nil {
		to = runPath(started.Run.Ref())
	}
	if u, err := url.Parse(to); err == nil {
		to = u.Path + withQuery(u.Query(), "started", how)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// A watched is what a page shows of the runs that are about its subject.
type watched struct {
	Runs   []*runs.Run // the newest ones, as a whole
	Latest *runs.Run   // the one that the page follows; nil if there was none
}

// Running reports whether the page changes by itself.
func (w watched) Running() bool { return w.Latest != nil && w.Latest.Active() }

// watching reads the runs about a subject. The latest is the newest of those that
// are under way or of the type.
func (h *host) watching(r *http.Request, tenant string, target runs.Target, typ runs.Type) (w watched, err error) {
	list, err := h.tracker.List(r.Context(), runs.Query{Tenant: tenant, Target: target, Limit: 5})
	for _, listed := range list.Runs {
		run, err := h.tracker.Get(r.Context(), listed.Ref())
		if err != nil {
			return w, err
		}
		w.Runs = append(w.Runs, run)
		if w.Latest == nil && (run.Active() || run.Type == typ) {
			w.Latest = run
		}
	}
	return w, err
}

// label is what people call a type of run.
func (h *host) label(t runs.Type) string {
	for _, op := range h.tracker.Operations() {
		if op.Type == t {
			return op.Label
		}
	}
	return string(t)
}

// allKinds are all kinds of the contract, for a filter.
func allKinds() []*contract.Type { return slices.Collect(contract.All()) }

// kindTitle is what people call a kind.
func kindTitle(kind string) string {
	if t, ok := contract.Lookup(kind); ok {
		return t.Title
	}
	if kind == contract.TargetGroup {
		return "Groups"
	}
	return strings.ReplaceAll(kind, "_", " ")
}

// setNames are the names of sets, by ID, of those on a page of a list.
func (h *host) setNames(ctx context.Context, tenant string, ids []string) (map[string]string, error) {
	names := make(map[string]string)
	for _, id := range ids {
		if names[id] != "" {
			continue
		}
		set, err := h.stores.backups.GetSet(ctx, tenant, id)
		switch {
		case errors.Is(err, runs.ErrNotFound):
			names[id] = "a set that was deleted"
		case err != nil:
			return nil, err
		default:
			names[id] = set.Name
		}
	}
	return names, nil
}

func setPath(tenant, id string) string {
	return "/t/" + url.PathEscape(tenant) + "/backups/" + url.PathEscape(id)
}

// setsPage lists the sets.
func (h *host) setsPage(w http.ResponseWriter, r *http.Request, p page) error {
	after := runs.Cursor(r.URL.Query().Get("after"))
	list, err := h.stores.backups.ListSets(r.Context(), backup.SetQuery{Tenant: p.Tenant, After: after})
	if err != nil {
		return err
	}
	p.Title = "Backups"
	p.Data = struct {
		Sets  []backup.Set
		Next  runs.Cursor
		First bool
		Today string // a name for a new one
	}{list.Sets, list.Next, after == "", time.Now().UTC().Format(time.DateOnly)}
	return h.render(w, r, http.StatusOK, "backups.html", p)
}

// createSetPage makes a set and leads to the choice of what to capture.
func (h *host) createSetPage(w http.ResponseWriter, r *http.Request, p page) error {
	if err := h.allow(r, p.Actor, p.Tenant, runs.ActionStart, kindSet); err != nil {
		return err
	}
	set, err := backup.NewSet(r.Context(), h.stores.backups, p.Tenant, r.PostFormValue("name"), lines(r.PostFormValue("description")), p.Actor, time.Now())
	if err != nil {
		return err
	}
	http.Redirect(w, r, setPath(p.Tenant, set.ID)+"/add", http.StatusSeeOther)
	return nil
}

// lines returns text of a form, in which browsers end lines like typewriters.
func lines(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

// A setData is what the pages of one set share.
type setData struct {
	Set *backup.Set
	watched
	Query  url.Values // the filters that are set
	Kinds  []*contract.Type
	First  bool
	Next   runs.Cursor
	Items  []backup.Item
	Found  []inventory.Item
	Report *backup.Certificate
}

// set reads the set that the path names.
func (h *host) set(r *http.Request, p page) (*backup.Set, error) {
	return h.stores.backups.GetSet(r.Context(), p.Tenant, r.PathValue("id"))
}

// filters are those parameters of a query that are set.
func filters(v url.Values, names ...string) url.Values {
	set := url.Values{}
	for _, name := range names {
		if s := v.Get(name); s != "" {
			set.Set(name, s)
		}
	}
	return set
}

// setPage shows a set: what is in it, how complete it is, and what can be done
// with it.
func (h *host) setPage(w http.ResponseWriter, r *http.Request, p page) error {
	set, err := h.set(r, p)
	if err != nil {
		return err
	}
	v := r.URL.Query()
	list, err := h.stores.backups.ListItems(r.Context(), backup.ItemQuery{
		Tenant: p.Tenant, Set: set.ID, Kind: v.Get("kind"), Text: v.Get("q"), After: runs.Cursor(v.Get("after")),
	})
	if err != nil {
		return err
	}
	d := setData{
		Set: set, Items: list.Items, Next: list.Next, First: v.Get("after") == "",
		Query: filters(v, "kind", "q"), Kinds: allKinds(),
	}
	if d.watched, err = h.watching(r, p.Tenant, runs.Target{Kind: kindSet, ID: set.ID}, ""); err != nil {
		return err
	}
	if d.Latest == nil && len(d.Runs) > 0 {
		d.Latest = d.Runs[0]
	}
	p.Title, p.Data = set.Name, d
	return h.render(w, r, http.StatusOK, "backup.html", p)
}

// certificatePage says how complete a set is.
func (h *host) certificatePage(w http.ResponseWriter, r *http.Request, p page) error {
	set, err := h.set(r, p)
	if err != nil {
		return err
	}
	d := setData{Set: set}
	if d.Report, err = h.certificate(r, p.Tenant, set.ID); err != nil {
		return err
	}
	p.Title, p.Data = "Certificate", d
	return h.render(w, r, http.StatusOK, "certificate.html", p)
}

// addPage lets choose from the inventory what to capture.
func (h *host) addPage(w http.ResponseWriter, r *http.Request, p page) error {
	set, err := h.set(r, p)
	if err != nil {
		return err
	}
	v := r.URL.Query()
	list, err := h.stores.inventory.List(r.Context(), inventory.Query{
		Tenant: p.Tenant, Kind: v.Get("kind"), Text: v.Get("q"), After: runs.Cursor(v.Get("after")), Limit: 100,
	})
	if err != nil {
		return err
	}
	p.Title = "Add to " + set.Name
	p.Data = setData{
		Set: set, Found: list.Items, Next: list.Next, First: v.Get("after") == "",
		Query: filters(v, "kind", "q"), Kinds: allKinds(),
	}
	return h.render(w, r, http.StatusOK, "backup_add.html", p)
}

// maxChosen is how many objects one run captures by name.
const maxChosen = 500

// startAdd captures what was chosen.
func (h *host) startAdd(w http.ResponseWriter, r *http.Request, p page) error {
	if err := h.refuse(r, p, runs.ActionStart); err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return invalid("The form could not be read.")
	}
	set, err := h.set(r, p)
	if err != nil {
		return err
	}
	in := backup.AddInput{Set: set.ID}
	kind, text := r.PostForm.Get("kind"), r.PostForm.Get("q")
	switch what := r.PostForm.Get("what"); {
	case what == "everything", what == "matching" && kind == "" && text == "":
		in.All = true
	case what == "matching" && text == "":
		in.All, in.Selection = true, &inventory.Selection{PolicyTypes: []string{kind}}
	case what == "matching":
		in.Items, err = h.matching(r, inventory.Query{Tenant: p.Tenant, Kind: kind, Text: text, Limit: inventory.MaxLimit})
	default:
		in.Items, err = refsOf(r.PostForm["item"])
	}
	if err != nil {
		return err
	}
	return h.start(w, r, p, backup.AddType, in, setPath(p.Tenant, set.ID))
}

// matching are the items of the inventory that a filter finds.
func (h *host) matching(r *http.Request, q inventory.Query) (refs []inventory.Ref, err error) {
	for {
		list, err := h.stores.inventory.List(r.Context(), q)
		if err != nil {
			return nil, err
		}
		for _, i := range list.Items {
			if refs = append(refs, i.Ref()); len(refs) > maxChosen {
				return nil, invalid(fmt.Sprintf("More than %d objects match. Narrow the filter, or choose a kind without a name.", maxChosen))
			}
		}
		if q.After = list.Next; q.After == "" {
			return refs, nil
		}
	}
}

// refValue is an object as the value of a field; no kind has a space.
func refValue(kind, id string) string { return kind + " " + id }

// refsOf returns the objects that fields name.
func refsOf(values []string) ([]inventory.Ref, error) {
	refs := make([]inventory.Ref, len(values))
	for i, s := range values {
		kind, id, ok := strings.Cut(s, " ")
		if !ok {
			return nil, invalid("The form names something that is no object.")
		}
		refs[i] = inventory.Ref{Kind: kind, ID: id}
	}
	return refs, nil
}

func (h *host) startVerify(w http.ResponseWriter, r *http.Request, p page) error {
	in := backup.VerifyInput{Set: r.PathValue("id"), Depth: backup.Depth(r.PostFormValue("depth"))}
	return h.start(w, r, p, backup.VerifyType, in, setPath(p.Tenant, in.Set))
}

func (h *host) startExport(w http.ResponseWriter, r *http.Request, p page) error {
	in := backup.ExportInput{Set: r.PathValue("id")}
	return h.start(w, r, p, backup.ExportType, in, setPath(p.Tenant, in.Set))
}

// deleteSetPage deletes a set if its name was typed.
func (h *host) deleteSetPage(w http.ResponseWriter, r *http.Request, p page) error {
	if err := h.allow(r, p.Actor, p.Tenant, runs.ActionDeleteSets, kindSet); err != nil {
		return err
	}
	set, err := h.set(r, p)
	if err != nil {
		return err
	}
	if strings.TrimSpace(r.PostFormValue("confirm")) != set.Name {
		return invalid("Type the name of the set to confirm that it is deleted.")
	}
	if err := h.backups.backup.Delete(r.Context(), p.Tenant, set.ID, p.Actor); err != nil {
		return err
	}
	http.Redirect(w, r, "/t/"+url.PathEscape(p.Tenant)+"/backups", http.StatusSeeOther)
	return nil
}

// nameOf is what an object is called, or else its id.
func nameOf(name, id string) string { return cmp.Or(name, id) }
