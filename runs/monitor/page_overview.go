package monitor

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// recent is how many of the newest runs that have ended the overview looks at.
const recent = runs.MaxLimit

// waitWarning is how long a run may be queued before somebody should look after
// the workers.
const waitWarning = 2 * time.Minute

// An overview is what the first page of a tenant shows.
type overview struct {
	Running    []*runs.Run
	MoreActive bool // more run than are shown
	Queued     string
	Oldest     string // how long the oldest queued run has waited; empty if none is queued
	OldestMore bool   // it may be longer
	Slow       bool   // Oldest is so long that no worker seems to run
	FailedDay  string
	DayCapped  bool
	Failed     []*runs.Run // the newest failed ones of a day
	Ended      int
	Rate       string
	Outcomes   []share
	Bars       []column
	Types      []summary
	ActiveHref string
	FailedHref string
}

// A share is how many of the recent runs ended in one way, and its place in the
// drawing.
type share struct {
	Mark     mark
	Count    int
	X, Width string
}

// A column is one recent run in the drawing of durations.
type column struct {
	Class               string
	Title               string
	X, Y, Width, Height string
}

// A summary is the recent runs of one type.
type summary struct {
	Type            runs.Type
	Label           string
	Count           int
	Rate            string
	Median, Slowest string
}

// overviewPage shows how a tenant's runs are doing. It reads five pages of the
// store, whatever there is.
func (h *Hub) overviewPage(w http.ResponseWriter, r *http.Request, p *page) error {
	v := Viewer{p.Actor, p.Tenant}
	data := overview{
		ActiveHref: p.Path("runs") + "?status=queued%2Crunning",
		FailedHref: p.Path("runs") + "?outcome=failed&since=24h",
	}
	day := p.Now.Add(-24 * time.Hour)
	list := func(q runs.Query) ([]*runs.Run, bool, error) {
		page, err := h.api.readRuns(r.Context(), v, Filter{Query: q})
		return page.Runs, page.Next != "", err
	}
	var err error
	if data.Running, data.MoreActive, err = list(runs.Query{Statuses: []runs.Status{runs.StatusRunning}, Limit: 8}); err != nil {
		return err
	}
	queued, more, err := list(runs.Query{Statuses: []runs.Status{runs.StatusQueued}, Limit: runs.MaxLimit})
	if err != nil {
		return err
	}
	data.queue(p, queued, more)
	if data.Failed, _, err = list(runs.Query{Outcomes: []runs.Outcome{runs.OutcomeFailed}, From: day, Limit: 5}); err != nil {
		return err
	}
	tally, err := h.api.readCounts(r.Context(), v, Filter{Query: runs.Query{From: day, Outcomes: []runs.Outcome{runs.OutcomeFailed}}})
	if err != nil {
		return err
	}
	data.FailedDay = capped(tally.Outcome[runs.OutcomeFailed])
	ended, _, err := list(runs.Query{Statuses: []runs.Status{runs.StatusCompleted}, Limit: recent})
	if err != nil {
		return err
	}
	data.recent(p, ended)
	p.Title, p.Data = p.T("overview.title"), data
	return h.render(w, r, http.StatusOK, "overview", p)
}

// queue says how long runs wait. Those that were told to wait do not count.
func (o *overview) queue(p *page, queued []*runs.Run, more bool) {
	o.Queued = number(int64(len(queued)))
	if more {
		o.Queued += "+"
	}
	for _, run := range slices.Backward(queued) {
		if run.NotBefore.After(p.Now) || run.Waiting.Reason != "" {
			continue
		}
		waited := p.Now.Sub(run.CreatedAt)
		o.Oldest, o.OldestMore, o.Slow = p.Span(waited), more, waited > waitWarning
		return
	}
}

// recent sums up the runs that have ended lately.
func (o *overview) recent(p *page, ended []*runs.Run) {
	o.Ended = len(ended)
	if o.Ended == 0 {
		return
	}
	byOutcome := make(map[runs.Outcome]int)
	byType := make(map[runs.Type][]*runs.Run)
	for _, run := range ended {
		byOutcome[run.Outcome]++
		byType[run.Type] = append(byType[run.Type], run)
	}
	o.Rate = rate(byOutcome[runs.OutcomeSucceeded], o.Ended)
	x := 0.0
	for _, outcome := range []runs.Outcome{
		runs.OutcomeSucceeded, runs.OutcomePartiallySucceeded, runs.OutcomeFailed, runs.OutcomeCanceled, runs.OutcomeBlocked,
	} {
		if n := byOutcome[outcome]; n > 0 {
			width := 100 * float64(n) / float64(o.Ended)
			o.Outcomes = append(o.Outcomes, share{p.markOf(runs.StatusCompleted, outcome), n, percent(x), percent(width)})
			x += width
		}
	}
	o.Bars = p.columns(ended)
	for typ, all := range byType {
		o.Types = append(o.Types, p.summarize(typ, all))
	}
	slices.SortFunc(o.Types, func(a, b summary) int { return cmp.Or(b.Count-a.Count, cmp.Compare(a.Type, b.Type)) })
}

func rate(part, all int) string { return fmt.Sprintf("%d %%", 100*part/all) }

func (p *page) summarize(typ runs.Type, all []*runs.Run) summary {
	succeeded := 0
	var took []time.Duration
	for _, run := range all {
		if run.Outcome == runs.OutcomeSucceeded {
			succeeded++
		}
		if !run.StartedAt.IsZero() {
			took = append(took, run.CompletedAt.Sub(run.StartedAt))
		}
	}
	s := summary{Type: typ, Label: p.Label(typ), Count: len(all), Rate: rate(succeeded, len(all)), Median: "–", Slowest: "–"}
	if slices.Sort(took); len(took) > 0 {
		s.Median, s.Slowest = clock(took[len(took)/2]), clock(took[len(took)-1])
	}
	return s
}

// columns draws how long each run took, the oldest first. The height is the
// root of the duration, so that short ones are seen beside long ones.
func (p *page) columns(ended []*runs.Run) []column {
	longest := time.Millisecond
	for _, run := range ended {
		if !run.StartedAt.IsZero() {
			longest = max(longest, run.CompletedAt.Sub(run.StartedAt))
		}
	}
	// Few runs are not drawn as few broad walls.
	slot := 100 / float64(max(len(ended), 40))
	var out []column
	for i, run := range slices.Backward(ended) {
		height := 4.0
		if !run.StartedAt.IsZero() {
			took := max(run.CompletedAt.Sub(run.StartedAt), 0)
			height = max(100*math.Sqrt(float64(took)/float64(longest)), height)
		}
		m := p.Mark(run)
		out = append(out, column{
			Class: m.Class, Title: p.Label(run.Type) + ", " + m.Word + ", " + p.Took(run),
			X: percent(float64(len(ended)-1-i) * slot), Width: percent(slot * .75), Y: percent(100 - height), Height: percent(height),
		})
	}
	return out
}
