package monitor

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A tab selects runs by how they are doing.
type tab struct {
	Name    string
	Text    string
	Href    string
	Count   string // empty if it is not known
	Current bool
}

// A chip is a filter that is on, with the address of the list without it.
type chip struct {
	Text, Remove string
}

// A choice is an option of a select.
type choice struct {
	Value, Text string
	Selected    bool
}

// A listing is what the page of runs shows.
type listing struct {
	Tabs     []tab
	Chips    []chip
	Types    []choice
	Windows  []choice
	Words    string
	Hidden   [][2]string // filters that the form keeps as they are
	Unknown  []string
	Runs     []*runs.Run
	Filtered bool
	Looked   bool // only a part of the runs was looked through
	Clear    string
	Newest   string
	Previous string
	Next     string
	CSV      string
	JSONL    string
}

// runsPage lists the runs of a tenant.
func (h *Hub) runsPage(w http.ResponseWriter, r *http.Request, p *page) error {
	v, err := canonical(r.URL.Query())
	if err != nil {
		return err
	}
	path := p.Path("runs")
	if v.Encode() != r.URL.Query().Encode() {
		// A form sends what is empty too, and search text stands for parameters.
		http.Redirect(w, r, withQuery(path, v), http.StatusSeeOther)
		return nil
	}
	f, err := ParseQuery(v, p.Actor, p.Now)
	if err != nil {
		return err
	}
	viewer := Viewer{p.Actor, p.Tenant}
	list, err := h.api.readRuns(r.Context(), viewer, f)
	if err != nil {
		return err
	}
	for _, name := range f.Unknown {
		delete(v, name)
	}
	filter := without(v, "after", "trail", "limit", "sort")
	data := listing{
		Tabs: p.tabs(path, filter), Chips: p.chips(path, filter), Types: p.typeChoices(v), Windows: p.windowChoices(v),
		Words: v.Get("q"), Unknown: f.Unknown, Runs: list.Runs, Filtered: len(filter) > 0, Clear: path,
		CSV: withQuery(path+".csv", filter), JSONL: withQuery(path+".jsonl", filter),
		Looked: !f.Exact() && list.Next != "",
	}
	for _, name := range slices.Sorted(maps.Keys(without(filter, "q", "since"))) {
		for _, value := range filter[name] {
			if name != "type" || !isOneType(filter) {
				data.Hidden = append(data.Hidden, [2]string{name, value})
			}
		}
	}
	data.page(path, v, f.Next(list.Next))
	h.countTabs(r, viewer, f, data.Tabs)
	p.Title, p.Data = p.T("runs.title"), data
	return h.render(w, r, http.StatusOK, "runs", p)
}

// isOneType reports whether the select of types can show what is filtered.
func isOneType(v url.Values) bool { return len(split[string](v["type"])) == 1 }

// without returns v without some of its parameters.
func without(v url.Values, names ...string) url.Values {
	v = maps.Clone(v)
	for _, name := range names {
		delete(v, name)
	}
	return v
}

// withQuery is path with v as its query.
func withQuery(path string, v url.Values) string {
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// with is path with v and one more parameter as its query.
func with(path string, v url.Values, name, value string) string {
	v = maps.Clone(v)
	v.Set(name, value)
	return withQuery(path, v)
}

// tabs are what the list can be narrowed to with one click.
func (p *page) tabs(path string, v url.Values) []tab {
	out := []tab{{Name: "all"}, {Name: "active"}, {Name: "succeeded"}, {Name: "partial"}, {Name: "failed"}}
	rest := without(v, "status", "outcome")
	for i := range out {
		next := maps.Clone(rest)
		switch out[i].Name {
		case "active":
			next.Set("status", "queued,running")
		case "succeeded":
			next.Set("outcome", "succeeded")
		case "partial":
			next.Set("outcome", "partially_succeeded")
		case "failed":
			next.Set("outcome", "failed")
		}
		out[i].Text = p.T("tab." + out[i].Name)
		out[i].Href = withQuery(path, next)
		out[i].Current = next.Encode() == v.Encode()
	}
	return out
}

// countTabs fills in the counts of the tabs. Without them the page is still
// right, so an error only goes to the log.
func (h *Hub) countTabs(r *http.Request, v Viewer, f Filter, tabs []tab) {
	f.Query.Statuses, f.Query.Outcomes = nil, nil
	if !f.Exact() {
		return
	}
	tally, err := h.api.readCounts(r.Context(), v, f)
	if err != nil {
		h.cfg.Logger.WarnContext(r.Context(), "runs were not counted", "error", err)
		return
	}
	for i := range tabs {
		switch tabs[i].Name {
		case "active":
			tabs[i].Count = capped(tally.Status[runs.StatusQueued], tally.Status[runs.StatusRunning])
		case "succeeded":
			tabs[i].Count = capped(tally.Outcome[runs.OutcomeSucceeded])
		case "partial":
			tabs[i].Count = capped(tally.Outcome[runs.OutcomePartiallySucceeded])
		case "failed":
			tabs[i].Count = capped(tally.Outcome[runs.OutcomeFailed])
		default:
			tabs[i].Count = capped(slices.Collect(maps.Values(tally.Status))...)
		}
	}
}

// countLimit is how far a [runs.Tracker] counts.
const countLimit = 10_000

// capped is the sum of figures of a tally, "10 000+" if it may be more.
func capped(figures ...int) string {
	sum := 0
	for _, n := range figures {
		sum += n
	}
	if sum >= countLimit {
		return number(countLimit) + "+"
	}
	return number(int64(sum))
}

// chips are the filters of v, apart from the status, which the tabs show.
func (p *page) chips(path string, v url.Values) []chip {
	var out []chip
	isTab := slices.ContainsFunc(p.tabs(path, v), func(t tab) bool { return t.Current })
	for _, name := range slices.Sorted(maps.Keys(v)) {
		bare, not := strings.CutPrefix(name, "not.")
		if isTab && (name == "status" || name == "outcome") {
			continue
		}
		values := v[name]
		if bare == "type" || bare == "status" || bare == "outcome" || not {
			values = split[string](values)
		}
		for i, value := range values {
			rest := slices.Delete(slices.Clone(values), i, i+1)
			next := without(v, name)
			if len(rest) > 0 {
				next.Set(name, strings.Join(rest, ","))
			}
			text := p.chipText(bare, value)
			if not {
				text = p.T("filter.not", text)
			}
			out = append(out, chip{text, withQuery(path, next)})
		}
	}
	return out
}

func (p *page) chipText(name, value string) string {
	switch {
	case name == "type":
		value = p.Label(runs.Type(value))
	case name == "initiator" && value == "me":
		return p.T("filter.mine")
	case name == "status" || name == "outcome":
		value = p.markOf(runs.StatusCompleted, runs.Outcome(value)).Word
	case name == "since":
		return p.T("filter.since", value)
	case name == "from" || name == "to":
		if t, ok := parseTime(value); ok {
			value = t.UTC().Format("2006-01-02 15:04")
		}
	}
	return p.T("filter."+name, value)
}

func (p *page) typeChoices(v url.Values) []choice {
	out := []choice{{"", p.T("filter.anytype"), false}}
	for _, op := range p.hub.cfg.Runs.Operations() {
		out = append(out, choice{string(op.Type), op.Label, isOneType(v) && v.Get("type") == string(op.Type)})
	}
	return out
}

func (p *page) windowChoices(v url.Values) []choice {
	out := []choice{{"", p.T("filter.anytime"), false}}
	known := v.Get("since") == ""
	for _, age := range []string{"1h", "24h", "7d", "30d"} {
		out = append(out, choice{age, p.T("filter.since", age), v.Get("since") == age})
		known = known || v.Get("since") == age
	}
	if !known {
		out = append(out, choice{v.Get("since"), p.T("filter.since", v.Get("since")), true})
	}
	return out
}

// page sets the links to other pages. The way back is in the address, since a
// cursor leads forward only.
func (l *listing) page(path string, v url.Values, next runs.Cursor) {
	const (
		first = "-" // stands for the page without a cursor
		sep   = "~"
		steps = 10
	)
	rest := without(v, "after", "trail")
	after := v.Get("after")
	var trail []string
	if s := v.Get("trail"); s != "" && len(s) < 4000 {
		trail = strings.Split(s, sep)
	}
	if after != "" {
		l.Newest = withQuery(path, rest)
		if n := len(trail); n > 0 {
			back := maps.Clone(rest)
			if trail[n-1] != first {
				back.Set("after", trail[n-1])
				if n > 1 {
					back.Set("trail", strings.Join(trail[:n-1], sep))
				}
			}
			l.Previous = withQuery(path, back)
		}
	} else {
		after, trail = first, nil
	}
	if next != "" {
		forward := maps.Clone(rest)
		forward.Set("after", string(next))
		trail = append(slices.Clone(trail), after)
		forward.Set("trail", strings.Join(trail[max(0, len(trail)-steps):], sep))
		l.Next = withQuery(path, forward)
	}
}
