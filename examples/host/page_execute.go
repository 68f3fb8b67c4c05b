package main

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/runs"
)

func trim(s string) string { return strings.TrimSpace(s) }

// A tally is how many items have a decision or a result.
type tally struct {
	Name  string
	Count int
}

// talliesOf are the figures that are not zero, in the order of all.
func talliesOf[T ~string](all []T, counts map[T]int) (tallies []tally) {
	for _, name := range all {
		if counts[name] > 0 {
			tallies = append(tallies, tally{string(name), counts[name]})
		}
	}
	return tallies
}

// A plannedItem is an item as people read it: its differences, and what has
// become of it so far.
type plannedItem struct {
	restore.Item
	Diff diffData
	Now  string // empty if nothing has
	Tone string
}

// An outcomeData is what the last two steps show.
type outcomeData struct {
	restoreData
	Items   []plannedItem
	Tallies []tally
	Consent []*contract.Type // kinds that give power over the tenant
	Writes  int              // items that an execution writes
	Left    bool             // something did not succeed
}

// changesOnly selects the items that are written.
const changesOnly = "?decision=create,update"

// outcome reads what both pages show of the items.
func (h *host) outcome(r *http.Request, p *page, step string) (o outcomeData, err error) {
	if o.restoreData, err = h.restoreAt(r, p, step); err != nil {
		return o, err
	}
	q, err := itemQuery(r.URL.Query())
	if err != nil {
		return o, err
	}
	q.Tenant, q.Restore = p.Tenant, o.Restore.ID
	list, err := h.stores.restores.Items(r.Context(), q)
	if err != nil {
		return o, err
	}
	o.Next = list.Next
	names, err := h.namesIn(r, o.Restore, list.Items)
	if err != nil {
		return o, err
	}
	failed := o.tried()
	for _, i := range list.Items {
		item := plannedItem{Item: i, Diff: diffData{"In " + p.Tenant + " now", "From the backup", names.rows(i.Changes)}, Now: words(string(i.Result)), Tone: tone(string(i.Result))}
		switch f, bad := failed[i.Kind+"/"+i.ID]; {
		case i.Result != "" || !i.Decision.Writes():
		case bad:
			item.Now, item.Tone, item.Message = "cannot be written", "failed", f.Message
		case failed != nil:
			item.Now, item.Tone = "can be written", "succeeded"
		case i.Step != restore.Planned:
			item.Now, item.Tone = string(i.Step), "running"
		}
		o.Items = append(o.Items, item)
	}
	if o.Restore.Preview != nil {
		for _, kind := range o.Restore.Preview.Consent {
			if t, ok := contract.Lookup(kind); ok {
				o.Consent = append(o.Consent, t)
			}
		}
		o.Writes = o.Restore.Preview.Decisions[restore.Create] + o.Restore.Preview.Decisions[restore.Update]
	}
	return o, nil
}

// tried are the items that a dry run, if that is what was done last, could not
// have written; nil if it was something else.
func (d *restoreData) tried() map[string]runs.Failure {
	e := d.Restore.Execution
	if e == nil || !e.DryRun || d.Latest == nil || d.Latest.ID != e.Run || d.Restore.Preview == nil || e.At.Before(d.Restore.Preview.At) {
		return nil
	}
	failed := make(map[string]runs.Failure)
	for _, f := range d.Latest.Failures {
		failed[f.Key] = f.Failure
	}
	return failed
}

// previewPage is the fourth step: what an execution would do.
func (h *host) previewPage(w http.ResponseWriter, r *http.Request, p page) error {
	o, err := h.outcome(r, &p, "preview")
	if err != nil {
		return err
	}
	if o.Restore.Preview != nil {
		o.Tallies = talliesOf(decisions(), o.Restore.Preview.Decisions)
	}
	p.Data = o
	return h.render(w, r, http.StatusOK, "restore_preview.html", p)
}

func (h *host) startPreview(w http.ResponseWriter, r *http.Request, p page) error {
	in := restore.PreviewInput{Restore: r.PathValue("id")}
	return h.start(w, r, p, restore.PreviewType, in, restorePath(p.Tenant, in.Restore, "preview"))
}

// executePage is the fifth step: it asks for what an execution needs, and shows
// what became of it.
func (h *host) executePage(w http.ResponseWriter, r *http.Request, p page) error {
	o, err := h.outcome(r, &p, "execute")
	if err != nil {
		return err
	}
	if e := o.Restore.Execution; e != nil && !e.DryRun {
		o.Tallies = talliesOf(results(), e.Results)
		o.Left = slices.ContainsFunc(o.Tallies, func(t tally) bool {
			return !slices.Contains([]restore.Result{restore.Verified, restore.Same, restore.Skipped}, restore.Result(t.Name))
		})
		// What was restored without its assignments is among those that were verified.
		o.Left = o.Left || o.Latest != nil && o.Latest.ID == e.Run && o.Latest.Counts.Failed > 0
	}
	p.Data = o
	return h.render(w, r, http.StatusOK, "restore_execute.html", p)
}

// startExecute executes for real only what was acknowledged and confirmed;
// everything else is a dry run.
func (h *host) startExecute(w http.ResponseWriter, r *http.Request, p page) error {
	dry := r.PostFormValue("for") != "real"
	in := restore.ExecuteInput{Restore: r.PathValue("id"), DryRun: &dry}
	if !dry {
		in.Acknowledge, in.Confirm, in.Consent = r.PostForm.Get("acknowledge") != "", trim(r.PostForm.Get("confirm")), r.PostForm["consent"]
	}
	return h.start(w, r, p, restore.ExecuteType, in, restorePath(p.Tenant, in.Restore, "execute")+changesOnly)
}

// rerunPage plans what did not succeed again.
func (h *host) rerunPage(w http.ResponseWriter, r *http.Request, p page) error {
	if err := h.allow(r, p.Actor, p.Tenant, runs.ActionStart, kindRestore); err != nil {
		return err
	}
	doc, err := h.backups.planner.Rerun(r.Context(), p.Tenant, r.PathValue("id"), p.Actor)
	if err != nil {
		return err
	}
	http.Redirect(w, r, restorePath(p.Tenant, doc.ID, "mapping"), http.StatusSeeOther)
	return nil
}

// tone is the looks of a decision or a result.
func tone(s string) string {
	return cmp.Or(map[string]string{
		"create": "running", "update": "running", "unchanged": "succeeded", "verified": "succeeded",
		"conflict": "failed", "blocked": "failed", "ambiguous": "failed", "failed": "failed",
		"needs_input": "partially_succeeded", "differs": "partially_succeeded", "unverified": "partially_succeeded", "waiting": "partially_succeeded",
	}[s], "neutral")
}

// words is a stable name as people read it.
func words(s string) string { return strings.ReplaceAll(s, "_", " ") }
