package monitor

import (
	"net/http"

	"github.com/tenantatlas/tenantatlas/runs"
)

// typesPage shows what can run.
func (h *Hub) typesPage(w http.ResponseWriter, r *http.Request, p *page) error {
	p.Title = p.T("types.title")
	p.Data = struct {
		Types    []runs.Operation
		MayStart bool
	}{h.cfg.Runs.Operations(), h.cfg.may(r.Context(), p.Actor, p.Tenant, runs.ActionStart)}
	return h.render(w, r, http.StatusOK, "types", p)
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
