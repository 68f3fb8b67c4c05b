package main

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/tenantatlas/tenantatlas/inventory/directory"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A roleRow is a role that the wizard offers, and what it may do.
type roleRow struct {
	Role  runs.Role
	Title string
	May   []string
}

// rights are what people call the actions that make a difference between roles.
func rights() []struct {
	action runs.Action
	words  string
} {
	return []struct {
		action runs.Action
		words  string
	}{
		{runs.ActionView, "view everything but the audit"},
		{runs.ActionStart, "sync, back up, verify, preview"},
		{runs.ActionMapGroups, "map groups"},
		{runs.ActionRestore, "restore"},
		{runs.ActionViewAudit, "view the audit"},
		{runs.ActionDeleteSets, "delete backups"},
	}
}

func roleRows() []roleRow {
	rows := []roleRow{
		{Role: runs.RoleReadonly, Title: "Readonly"},
		{Role: runs.RoleOperator, Title: "Operator"},
		{Role: runs.RoleManager, Title: "Manager"},
		{Role: runs.RoleOwner, Title: "Owner"},
	}
	for i := range rows {
		for _, r := range rights() {
			if rows[i].Role.May(r.action) {
				rows[i].May = append(rows[i].May, r.words)
			}
		}
	}
	return rows
}

// An accessData is what the wizard shows. All its state is in the URL, but for
// the sign-in.
type accessData struct {
	Roles    []roleRow
	Role     runs.Role // chosen; empty if none is
	Text     string    // searched for
	SignedIn bool
	CanSign  bool // this host has a sign-in
	Expires  time.Time
	Found    []foundGroup
	Problem  runs.Failure
	Group    string // the id of the chosen one
	Name     string // of it, as the directory knows it; empty if it does not
	Query    url.Values
}

// accessPage is a wizard in three steps: a role, a group whose members are to
// have it, and what to do. The group is searched for at the directory itself,
// with the person's own rights and only when the person asks for it.
func (h *host) accessPage(w http.ResponseWriter, r *http.Request, p page) error {
	q := r.URL.Query()
	d := accessData{Roles: roleRows(), Text: q.Get("q"), CanSign: h.opts.demo, Query: url.Values{}}
	if i := slices.IndexFunc(d.Roles, func(row roleRow) bool { return string(row.Role) == q.Get("role") }); i >= 0 {
		d.Role, d.Group = d.Roles[i].Role, q.Get("group")
		d.Query.Set("role", string(d.Role))
	}
	status := http.StatusOK
	if d.Role != "" && d.Group == "" && d.Text != "" {
		d.Query.Set("q", d.Text)
		var err error
		if d.Found, err = h.search(r.Context(), p.Actor, p.Tenant, d.Text, 0); err != nil {
			known := false
			if status, d.Problem, known = searchProblem(err); !known {
				return err
			}
		}
	}
	if d.Group != "" {
		found, err := h.stores.directory.Lookup(r.Context(), p.Tenant, []string{d.Group})
		if err != nil {
			return err
		}
		d.Name = directory.Unresolved(d.Group)
		if g, ok := found[d.Group]; ok {
			d.Name = g.Name
		} else if d.Text != "" {
			// The cache may not have it; the search that has led here does.
			searched, _ := h.search(r.Context(), p.Actor, p.Tenant, d.Text, 0)
			for _, g := range searched {
				if g.ID == d.Group {
					d.Name = g.Name
				}
			}
		}
	}
	if t := h.signedIn.get(p.Actor, p.Tenant, time.Now()); !t.Value.IsZero() {
		d.SignedIn, d.Expires = true, t.Expires
	}
	p.Title, p.Section, p.Data = "Access", "access", d
	return h.render(w, r, status, "access.html", p)
}

// signInPage signs the person in and leads back to the wizard.
func (h *host) signInPage(w http.ResponseWriter, r *http.Request, p page) error {
	token, err := h.signIn(r.Context(), p.Actor, p.Tenant)
	if err != nil {
		return err
	}
	h.signedIn.put(p.Actor, p.Tenant, token)
	return backToAccess(w, r, p)
}

// signOutPage forgets the person's token.
func (h *host) signOutPage(w http.ResponseWriter, r *http.Request, p page) error {
	h.signedIn.drop(p.Actor, p.Tenant)
	return backToAccess(w, r, p)
}

func backToAccess(w http.ResponseWriter, r *http.Request, p page) error {
	to := "/t/" + url.PathEscape(p.Tenant) + "/access"
	if role := r.PostFormValue("role"); role != "" {
		to += "?" + url.Values{"role": {role}}.Encode()
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}
