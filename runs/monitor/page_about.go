package monitor

import (
	"net/http"
	"slices"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/audit"
)

// A kind is a type of run as its page shows it.
type kind struct {
	runs.Operation
	Fields []string // that make a run unique, besides the tenant
	Whole  bool     // all of the params do
	Rights []right
}

// A right is who may do something, by the table of roles; nobody is known if the
// host's Authorizer goes by something else.
type right struct {
	Action runs.Action
	Roles  []runs.Role
	Mine   bool // whether the actor may
}

// typesPage shows what can run, what of it is the same, and who may do what.
func (h *Hub) typesPage(w http.ResponseWriter, r *http.Request, p *page) error {
	p.Title = p.T("types.title")
	var kinds []kind
	for _, op := range h.cfg.Runs.Operations() {
		fields, known := op.Scope()
		kinds = append(kinds, kind{op, fields, !known, h.rights(r, p, op.Rights()...)})
	}
	p.Data = struct {
		Types    []kind
		MayStart bool
		Table    []right
		Roles    []runs.Role // empty if nobody knows
	}{
		kinds, h.cfg.may(r.Context(), p.Actor, p.Tenant, runs.ActionStart),
		h.rights(r, p, runs.ActionStart, runs.ActionCancelOwn, runs.ActionCancelOther, runs.ActionRetryOwn, runs.ActionRetryOther), h.cfg.roles(),
	}
	return h.render(w, r, http.StatusOK, "types", p)
}

func (h *Hub) rights(r *http.Request, p *page, actions ...runs.Action) []right {
	var out []right
	for _, a := range actions {
		one := right{Action: a, Mine: h.cfg.may(r.Context(), p.Actor, p.Tenant, a)}
		for _, role := range h.cfg.roles() {
			if role.May(a) {
				one.Roles = append(one.Roles, role)
			}
		}
		out = append(out, one)
	}
	return out
}

// Has reports whether a role has the right.
func (r right) Has(role runs.Role) bool { return slices.Contains(r.Roles, role) }

// roles are those of the table of package runs, if the host goes by it.
func (cfg *Config) roles() []runs.Role {
	access := cfg.Authorizer
	if g, ok := access.(*audit.Guard); ok {
		access = g.Unwrap()
	}
	if _, ok := access.(runs.Roles); !ok {
		return nil
	}
	return []runs.Role{runs.RoleReadonly, runs.RoleOperator, runs.RoleManager, runs.RoleOwner}
}

// settingsPage has the preferences of this browser. The module keeps them there;
// the server never learns of them.
func (h *Hub) settingsPage(w http.ResponseWriter, r *http.Request, p *page) error {
	p.Title = p.T("settings.title")
	return h.render(w, r, http.StatusOK, "settings", p)
}

// helpPage explains the marks, the search and the keys.
func (h *Hub) helpPage(w http.ResponseWriter, r *http.Request, p *page) error {
	p.Title = p.T("help.title")
	type entry struct {
		Mark mark
		Text string
	}
	var legend []entry
	for _, s := range []runs.Status{runs.StatusQueued, runs.StatusRunning} {
		legend = append(legend, entry{p.markOf(s, ""), p.T("legend." + string(s))})
	}
	for _, o := range []runs.Outcome{
		runs.OutcomeSucceeded, runs.OutcomePartiallySucceeded, runs.OutcomeFailed, runs.OutcomeCanceled, runs.OutcomeBlocked,
	} {
		legend = append(legend, entry{p.markOf(runs.StatusCompleted, o), p.T("legend." + string(o))})
	}
	p.Data = struct {
		Legend  []entry
		Trouble []string
		Keys    [][2]string
		Search  []string
	}{
		legend,
		[]string{"lost", "stale", "waiting"},
		[][2]string{{"?", "help"}, {"/", "search"}, {"j", "next"}, {"k", "previous"}, {"Enter", "open"}, {"g o", "overview"}, {"g r", "runs"}, {"g n", "notes"}, {"p", "pause"}},
		[]string{`status:failed`, `type:inventory.sync`, `-type:inventory.sync`, `initiator:me`, `created:>=2026-01-01`, `since:24h`, `"Conditional Access"`, `1a2b3c4d`},
	}
	return h.render(w, r, http.StatusOK, "help", p)
}
