package main

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
)

func (h *host) routeRestorePages(mux *router) {
	const list = " /t/{tenant}/restores"
	for pattern, serve := range map[string]func(w http.ResponseWriter, r *http.Request, p page) error{
		"GET" + list:                    h.restoresPage,
		"POST" + list:                   h.createRestorePage,
		"GET" + list + "/new":           h.selectPage,
		"GET" + list + "/{id}":          h.restorePage,
		"GET" + list + "/{id}/scope":    h.scopePage,
		"POST" + list + "/{id}/scope":   h.saveScope,
		"GET" + list + "/{id}/mapping":  h.mappingPage,
		"POST" + list + "/{id}/mapping": h.saveMapping,
		"GET" + list + "/{id}/preview":  h.previewPage,
		"POST" + list + "/{id}/preview": h.startPreview,
		"GET" + list + "/{id}/execute":  h.executePage,
		"POST" + list + "/{id}/execute": h.startExecute,
		"POST" + list + "/{id}/rerun":   h.rerunPage,
	} {
		mux.HandleFunc(pattern, h.backupPage("restores", serve))
	}
}

// restorePath is where a step of a restore is.
func restorePath(tenant, id, step string) string {
	return "/t/" + url.PathEscape(tenant) + "/restores/" + url.PathEscape(id) + "/" + step
}

// A restoreData is what the pages of one restore share.
type restoreData struct {
	Restore *restore.Restore
	State   string
	Set     *backup.Set
	Step    string // the current one
	watched
	Query url.Values // the filters that are set
	Kinds []*contract.Type
	First bool
	Next  runs.Cursor
}

// restoresPage lists the restores of the tenant.
func (h *host) restoresPage(w http.ResponseWriter, r *http.Request, p page) error {
	after := runs.Cursor(r.URL.Query().Get("after"))
	list, err := h.stores.restores.List(r.Context(), restore.Query{Tenant: p.Tenant, After: after})
	if err != nil {
		return err
	}
	sets := make([]string, len(list.Restores))
	for i, d := range list.Restores {
		sets[i] = d.Set
	}
	names, err := h.setNames(r.Context(), p.Tenant, sets)
	if err != nil {
		return err
	}
	p.Title = "Restores"
	p.Data = struct {
		Restores []restore.Restore
		Sets     map[string]string // names by ID
		Next     runs.Cursor
		First    bool
	}{list.Restores, names, list.Next, after == ""}
	return h.render(w, r, http.StatusOK, "restores.html", p)
}

// selectPage is the first step: which set.
func (h *host) selectPage(w http.ResponseWriter, r *http.Request, p page) error {
	after := runs.Cursor(r.URL.Query().Get("after"))
	list, err := h.stores.backups.ListSets(r.Context(), backup.SetQuery{Tenant: p.Tenant, After: after})
	if err != nil {
		return err
	}
	p.Title = "Restore: select"
	p.Data = struct {
		Sets   []backup.Set
		Chosen string
		Next   runs.Cursor
		First  bool
	}{list.Sets, r.URL.Query().Get("set"), list.Next, after == ""}
	return h.render(w, r, http.StatusOK, "restore_select.html", p)
}

// createRestorePage makes the document that the other steps are kept in.
func (h *host) createRestorePage(w http.ResponseWriter, r *http.Request, p page) error {
	doc, err := h.newRestore(r, monitor.Viewer{Actor: p.Actor, Tenant: p.Tenant}, r.PostFormValue("backup_set"), r.PostFormValue("version"))
	if err != nil {
		return err
	}
	http.Redirect(w, r, restorePath(p.Tenant, doc.ID, "scope"), http.StatusSeeOther)
	return nil
}

// restorePage leads to the step that a restore is at.
func (h *host) restorePage(w http.ResponseWriter, r *http.Request, p page) error {
	doc, err := h.stores.restores.Get(r.Context(), p.Tenant, r.PathValue("id"))
	if err != nil {
		return err
	}
	step := map[string]string{"previewed": "preview", "stale": "preview", "executed": "execute"}[doc.Status()]
	if step == "" {
		step = "scope"
	}
	http.Redirect(w, r, restorePath(p.Tenant, doc.ID, step), http.StatusSeeOther)
	return nil
}

// restoreAt reads what all steps of a restore show.
func (h *host) restoreAt(r *http.Request, p *page, step string) (d restoreData, err error) {
	if d.Restore, err = h.stores.restores.Get(r.Context(), p.Tenant, r.PathValue("id")); err != nil {
		return d, err
	}
	if d.Set, err = h.stores.backups.GetSet(r.Context(), p.Tenant, d.Restore.Set); err != nil {
		return d, err
	}
	typ := map[string]runs.Type{"preview": restore.PreviewType, "execute": restore.ExecuteType}[step]
	if d.watched, err = h.watching(r, p.Tenant, runs.Target{Kind: kindRestore, ID: d.Restore.ID}, typ); err != nil {
		return d, err
	}
	v := r.URL.Query()
	d.State, d.Step, d.First = d.Restore.Status(), step, v.Get("after") == ""
	d.Query, d.Kinds = filters(v, "kind", "q", "decision", "result", "show"), allKinds()
	p.Title = "Restore of " + d.Set.Name + ": " + step
	return d, nil
}

// scopePage is the second step: which items of the set.
func (h *host) scopePage(w http.ResponseWriter, r *http.Request, p page) error {
	d, err := h.restoreAt(r, &p, "scope")
	if err != nil {
		return err
	}
	list, err := h.stores.backups.ListItems(r.Context(), scopeQuery(p.Tenant, d.Set.ID, r.URL.Query()))
	if err != nil {
		return err
	}
	d.Next = list.Next
	p.Data = struct {
		restoreData
		Items []backup.Item
	}{d, list.Items}
	return h.render(w, r, http.StatusOK, "restore_scope.html", p)
}

func scopeQuery(tenant, set string, v url.Values) backup.ItemQuery {
	return backup.ItemQuery{Tenant: tenant, Set: set, Kind: v.Get("kind"), Text: v.Get("q"), After: runs.Cursor(v.Get("after")), Limit: 100}
}

// saveScope keeps which items are restored: all, those that match the filter, or
// those that are marked, where only items that the form has shown count as not
// marked.
func (h *host) saveScope(w http.ResponseWriter, r *http.Request, p page) error {
	if err := h.refuse(r, p, runs.ActionStart); err != nil {
		return err
	}
	d, err := h.restoreAt(r, &p, "scope")
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return invalid("The form could not be read.")
	}
	form := r.PostForm
	var scope restore.Scope
	switch form.Get("what") {
	case "everything":
	case "matching":
		q := scopeQuery(p.Tenant, d.Set.ID, url.Values{"kind": form["kind"], "q": form["q"]})
		scope.Items, err = h.itemsOf(r, q)
	default:
		scope.Items, err = h.marked(r, d.Restore, form)
	}
	if err != nil {
		return err
	}
	if err := h.savePlan(r, p, restore.Patch{Scope: &scope}); err != nil {
		return err
	}
	to := restorePath(p.Tenant, d.Restore.ID, "mapping")
	if form.Get("stay") != "" {
		to = restorePath(p.Tenant, d.Restore.ID, "scope") + "?" + filters(form, "kind", "q", "after").Encode()
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// marked is the scope with what a form has marked and without what it has not.
func (h *host) marked(r *http.Request, doc *restore.Restore, form url.Values) ([]inventory.Ref, error) {
	shown, err := refsOf(form["shown"])
	if err != nil {
		return nil, err
	}
	chosen, err := refsOf(form["item"])
	if err != nil {
		return nil, err
	}
	before := doc.Scope.Items
	if before == nil {
		if before, err = h.itemsOf(r, backup.ItemQuery{Tenant: doc.Tenant, Set: doc.Set}); err != nil {
			return nil, err
		}
	}
	hidden := slices.DeleteFunc(slices.Clone(before), func(ref inventory.Ref) bool { return slices.Contains(shown, ref) })
	return append(hidden, chosen...), nil
}

// itemsOf are the objects of a set that match q; an empty list, not nil, if there
// are none.
func (h *host) itemsOf(r *http.Request, q backup.ItemQuery) ([]inventory.Ref, error) {
	refs := []inventory.Ref{}
	for q.Limit = runs.MaxLimit; ; {
		list, err := h.stores.backups.ListItems(r.Context(), q)
		if err != nil {
			return nil, err
		}
		for _, i := range list.Items {
			refs = append(refs, i.Ref())
		}
		if q.After = list.Next; q.After == "" {
			return refs, nil
		}
	}
}

// savePlan changes the plan as the form has shown it.
func (h *host) savePlan(r *http.Request, p page, patch restore.Patch) error {
	revision, err := strconv.ParseInt(r.PostForm.Get("revision"), 10, 64)
	if err != nil || revision < 1 {
		return invalid("The form does not say which revision of the restore it is about.")
	}
	patch.Revision = revision
	_, err = h.changeRestore(r, monitor.Viewer{Actor: p.Actor, Tenant: p.Tenant}, patch)
	return err
}

// mappingsShown is how many mappings one page has.
const mappingsShown = 100

// mappingPage is the third step: what stands for what in the target.
func (h *host) mappingPage(w http.ResponseWriter, r *http.Request, p page) error {
	d, err := h.restoreAt(r, &p, "mapping")
	if err != nil {
		return err
	}
	data := struct {
		restoreData
		Mappings   []mappingRow
		Open, Rest int // answers that are missing, and mappings that need none
		From, Till int // of those that are shown
		Total      int
		Groups     []directory.Group // to choose from
	}{restoreData: d}
	data.From, _ = strconv.Atoi(r.URL.Query().Get("from"))
	data.From = max(data.From, 0)
	for _, m := range d.Restore.Mapping {
		row := mappingRow{Mapping: m}
		switch {
		case m.State == restore.InSet || m.State == restore.Everywhere:
			data.Rest++
			continue
		case row.Missing():
			data.Open++
		case d.Query.Get("show") == "open":
			continue
		}
		if data.Total++; data.Total > data.From && len(data.Mappings) < mappingsShown {
			data.Mappings = append(data.Mappings, row)
		}
	}
	data.Till = data.From + len(data.Mappings)
	if err := h.nameTargets(r, p.Tenant, data.Mappings); err != nil {
		return err
	}
	groups, err := h.stores.directory.List(r.Context(), directory.Query{Tenant: p.Tenant, Limit: directory.MaxLimit})
	if err != nil {
		return err
	}
	data.Groups = groups.Groups
	p.Data = data
	return h.render(w, r, http.StatusOK, "restore_mapping.html", p)
}

// nameTargets finds out what the answers are called in the target.
func (h *host) nameTargets(r *http.Request, tenant string, rows []mappingRow) error {
	var refs []inventory.Ref
	for _, m := range rows {
		if m.To != "" {
			refs = append(refs, inventory.Ref{Kind: m.Kind, ID: m.To})
		}
	}
	names, err := h.find.Names(r.Context(), tenant, refs)
	for i := range rows {
		rows[i].Called = names[inventory.Ref{Kind: rows[i].Kind, ID: rows[i].To}]
	}
	return err
}

// A mappingRow is a mapping as it is shown.
type mappingRow struct {
	restore.Mapping
	Called string // what To is called in the target
}

// Missing reports whether somebody has to answer.
func (m mappingRow) Missing() bool { return m.To == "" && !m.Skip }

// Label is the name in the backup, or what is left of the id.
func (m mappingRow) Label() string { return unresolved(m.Name, m.ID) }

// Value is the field of the mapping.
func (m mappingRow) Value() string { return refValue(m.Kind, m.ID) }

// unresolved is a name, or something to tell an id by that has none.
func unresolved(name, id string) string {
	if name != "" {
		return name
	}
	return directory.Unresolved(id)
}

// saveMapping keeps the answers that differ from those that there are.
func (h *host) saveMapping(w http.ResponseWriter, r *http.Request, p page) error {
	if err := h.refuse(r, p, runs.ActionMapGroups); err != nil {
		return err
	}
	d, err := h.restoreAt(r, &p, "mapping")
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return invalid("The form could not be read.")
	}
	refs, err := refsOf(r.PostForm["ref"])
	if err != nil {
		return err
	}
	answers, skips := r.PostForm["to"], r.PostForm["skip"]
	if len(answers) != len(refs) {
		return invalid("The form could not be read.")
	}
	patch := restore.Patch{}
	for i, ref := range refs {
		c := restore.Choice{Kind: ref.Kind, ID: ref.ID, To: trim(answers[i]), Skip: slices.Contains(skips, refValue(ref.Kind, ref.ID))}
		if c.Skip {
			c.To = ""
		}
		at := slices.IndexFunc(d.Restore.Mapping, func(m restore.Mapping) bool { return m.Kind == c.Kind && m.ID == c.ID })
		if at >= 0 && d.Restore.Mapping[at].To == c.To && d.Restore.Mapping[at].Skip == c.Skip {
			continue
		}
		if c.To, err = h.idOf(r, p.Tenant, c.Kind, c.To); err != nil {
			return err
		}
		patch.Mapping = append(patch.Mapping, c)
	}
	if len(patch.Mapping) > 0 {
		if err := h.savePlan(r, p, patch); err != nil {
			return err
		}
	}
	to := "preview"
	if r.PostForm.Get("stay") != "" {
		to = "mapping?" + filters(r.PostForm, "show", "from").Encode()
	}
	http.Redirect(w, r, restorePath(p.Tenant, d.Restore.ID, to), http.StatusSeeOther)
	return nil
}

// idOf is the id of what somebody has named. It need not be there; of several with
// one name it is none.
func (h *host) idOf(r *http.Request, tenant, kind, named string) (string, error) {
	if named == "" {
		return "", nil
	}
	byID, err := h.find.ByID(r.Context(), tenant, kind, []string{named})
	if _, ok := byID[named]; ok || err != nil {
		return named, err
	}
	byName, err := h.find.ByName(r.Context(), tenant, kind, named, 2)
	switch {
	case err != nil:
		return "", err
	case len(byName) > 1:
		return "", invalid("Several things in this tenant have the name that you gave. Give the id of one.")
	case len(byName) == 1:
		return byName[0].ID, nil
	}
	return named, nil
}
