package monitor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A detail is what the page of one run shows.
type detail struct {
	Run      *runs.Run
	Flash    string // what became of the action that led here
	Steps    []step
	Spans    []span
	Groups   []group
	Items    itemList
	Related  []*runs.Run
	Context  string // JSON; empty if there is none
	Links    []Link
	Controls []control
	Audit    runAudit
	Self     string
	JSON     string
}

// An itemList is the table of what became of each item.
type itemList struct {
	Items    []runs.Item
	Tabs     []tab
	Reason   runs.Reason // that is filtered by
	Words    string
	Filtered bool
	Clear    string
	Newest   string // the first page
	Next     string
	CSV      string
	JSONL    string
}

// runPage shows one run with its items.
func (h *Hub) runPage(w http.ResponseWriter, r *http.Request, p *page) error {
	viewer := Viewer{p.Actor, p.Tenant}
	run, err := h.api.readRun(r.Context(), viewer, r.PathValue("id"))
	if err != nil {
		return err
	}
	v := r.URL.Query()
	self := p.Path("runs", run.ID)
	data := detail{Run: run, Flash: p.flash(v, run), Self: self, JSON: p.Base + apiPath + strings.TrimPrefix(self, p.Base)}
	if data.Items, err = h.itemList(r, p, run, v); err != nil {
		return err
	}
	if data.Related, err = h.related(r, viewer, run); err != nil {
		return err
	}
	data.Steps, data.Spans = p.timeline(run)
	data.Groups = p.groups(run, self)
	if len(run.Context) > 0 {
		text, err := json.MarshalIndent(run.Context, "", "  ")
		if err != nil {
			return fmt.Errorf("show context: %w", err)
		}
		data.Context = string(text)
	}
	if h.cfg.Links != nil {
		data.Links = h.cfg.Links(run)
	}
	data.Controls = h.controls(r, p, run)
	data.Audit = h.auditOf(r.Context(), p, run)
	p.Title, p.Data = p.Label(run.Type)+" "+run.Ref().Short(), data
	return h.render(w, r, http.StatusOK, "run", p)
}

// flash says what became of the action that led to this page.
func (p *page) flash(v url.Values, run *runs.Run) string {
	switch name := v.Get("started") + v.Get("asked"); name {
	case "new":
		return p.T("flash.new", p.Label(run.Type))
	case "joined":
		return p.T("flash.joined", p.Who(run.Initiator))
	case "cancel":
		if run.Active() {
			return p.T("flash.cancel")
		}
	}
	return ""
}

// itemList reads a page of the run's items.
func (h *Hub) itemList(r *http.Request, p *page, run *runs.Run, v url.Values) (itemList, error) {
	v = without(v, "started", "asked", "flash")
	f, err := parseItemQuery(v)
	if err != nil {
		return itemList{}, err
	}
	f.query.Run = run.Ref()
	self := p.Path("runs", run.ID)
	list, err := h.api.readItems(r.Context(), f)
	if err != nil {
		return itemList{}, err
	}
	filter := without(v, "after", "limit")
	l := itemList{
		Items: list.Items, Reason: f.query.Reason, Words: f.word, Filtered: len(filter) > 0, Clear: self + "#items",
		CSV: withQuery(self+"/items.csv", filter), JSONL: withQuery(self+"/items.jsonl", filter),
	}
	for _, t := range []struct {
		name  string
		value runs.ItemOutcome
		count int64
	}{
		{"all", "", run.Counts.Processed()},
		{"failed", runs.ItemFailed, run.Counts.Failed},
		{"skipped", runs.ItemSkipped, run.Counts.Skipped},
		{"succeeded", runs.ItemSucceeded, run.Counts.Succeeded},
	} {
		next := without(filter, "outcome")
		if t.value != "" {
			next.Set("outcome", string(t.value))
		}
		one := tab{Name: t.name, Text: p.T("tab." + t.name), Href: withQuery(self, next) + "#items", Current: v.Get("outcome") == string(t.value)}
		if f.query.Reason == "" && f.word == "" {
			one.Count = number(t.count)
		}
		l.Tabs = append(l.Tabs, one)
	}
	if v.Has("after") {
		l.Newest = withQuery(self, filter) + "#items"
	}
	if list.Next != "" {
		l.Next = with(self, filter, "after", string(list.Next)) + "#items"
	}
	return l, nil
}

// relatedLimit is how many related runs are shown.
const relatedLimit = 5

// related are the newest other runs on the same target or, if the run has none,
// of the same type. The run that this one tries again is beside them.
func (h *Hub) related(r *http.Request, v Viewer, run *runs.Run) ([]*runs.Run, error) {
	f := Filter{Query: runs.Query{Types: []runs.Type{run.Type}, Limit: relatedLimit + 1}}
	if run.Target.ID != "" {
		f.Query.Types, f.Query.Target = nil, runs.Target{Kind: run.Target.Kind, ID: run.Target.ID}
	}
	page, err := h.api.readRuns(r.Context(), v, f)
	if err != nil {
		return nil, err
	}
	others := slices.DeleteFunc(page.Runs, func(other *runs.Run) bool { return other.ID == run.ID })
	return others[:min(len(others), relatedLimit)], nil
}

// A group is the failed items of a run that have one reason.
type group struct {
	Reason runs.Reason
	Count  int
	Said   string
	Advice string
	Keys   []string // a few of them
	More   int      // how many there are besides Keys
	Href   string   // the list of them
}

// general is what failures of one reason have in common. For a reason of a program
// that is in the words of the program alone.
func general(f runs.Failure) runs.Failure {
	if declared(f.Reason) {
		return f
	}
	return runs.Because(f.Reason)
}

// groups are the failures that the run carries, the most frequent reason first.
func (p *page) groups(run *runs.Run, self string) []group {
	const keys = 3
	var out []group
	for _, f := range run.Failures {
		i := slices.IndexFunc(out, func(g group) bool { return g.Reason == f.Reason })
		if i < 0 {
			i = len(out)
			out = append(out, group{
				Reason: f.Reason, Said: p.Said(general(f.Failure)), Advice: p.Advice(f.Reason),
				Href: withQuery(self, url.Values{"reason": {string(f.Reason)}}) + "#items",
			})
		}
		out[i].Count++
		if len(out[i].Keys) < keys {
			out[i].Keys = append(out[i].Keys, f.Key)
		} else {
			out[i].More++
		}
	}
	slices.SortStableFunc(out, func(a, b group) int { return b.Count - a.Count })
	return out
}
