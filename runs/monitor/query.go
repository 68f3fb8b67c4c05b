package monitor

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A Filter narrows a list of runs. What a store can look up is in Query; the
// rest is looked for in what the store returns, a bounded number of runs at a
// time.
type Filter struct {
	Query runs.Query

	NotTypes      []runs.Type
	NotStatuses   []runs.Status
	NotOutcomes   []runs.Outcome
	NotInitiators []string // ids
	Words         []string // each is in the run's id, type, target, initiator or failure

	Unknown []string // names of parameters that mean nothing here, sorted

	Since bool // Query.From is counted from now, or from when the first page was asked for
}

// Next returns the cursor for the page behind a page of f, which ends at the
// store's cursor c. Every page of a list has the same beginning, so that of a
// list that is said to begin some time ago is part of it.
func (f Filter) Next(c runs.Cursor) runs.Cursor {
	if !f.Since || c == "" {
		return c
	}
	return runs.Cursor(strconv.FormatInt(f.Query.From.UnixMilli(), 36)) + beginEnd + c
}

// beginEnd is what is between the beginning of a list and the store's cursor.
const beginEnd = "."

// Exact reports whether a store can find all that f selects, so that counts are
// those of the list.
func (f Filter) Exact() bool {
	return len(f.NotTypes) == 0 && len(f.NotStatuses) == 0 && len(f.NotOutcomes) == 0 && len(f.NotInitiators) == 0 && len(f.Words) == 0
}

// ParseQuery reads the filters of a list of runs from a URL's query; see [API].
// actor is who "me" stands for and now what "since" counts from. It reports
// [runs.ErrInvalid] with a sentence that names the parameter. The caller sets
// the tenant.
func ParseQuery(v url.Values, actor runs.Actor, now time.Time) (Filter, error) {
	v, err := spread(v)
	if err != nil {
		return Filter{}, err
	}
	f := Filter{
		Query:         runs.Query{Types: split[runs.Type](v["type"]), Target: runs.Target{ID: v.Get("target")}, After: runs.Cursor(v.Get("after"))},
		NotTypes:      split[runs.Type](v["not.type"]),
		NotStatuses:   split[runs.Status](v["not.status"]),
		NotOutcomes:   split[runs.Outcome](v["not.outcome"]),
		NotInitiators: split[string](v["not.initiator"]),
		Words:         v["q"],
	}
	f.Query.Statuses = split[runs.Status](v["status"])
	f.Query.Outcomes = split[runs.Outcome](v["outcome"])
	for name, values := range v {
		switch {
		case !slices.Contains(parameters(), name):
			f.Unknown = append(f.Unknown, name)
		case len(values) > 1 && slices.Contains([]string{"initiator", "target", "since", "from", "to"}, name):
			return f, bad(name) // one of them would be passed over silently
		}
	}
	slices.Sort(f.Unknown)
	f.Words = slices.DeleteFunc(f.Words, func(word string) bool {
		if !isID(word) {
			return false
		}
		f.Query.IDs = append(f.Query.IDs, strings.ToLower(word))
		return true
	})
	for i, id := range f.NotInitiators {
		if id == "me" {
			f.NotInitiators[i] = actor.ID
		}
	}
	switch id := v.Get("initiator"); id {
	case "":
	case "me":
		f.Query.Initiator = actor
	default:
		f.Query.Initiator = runs.Actor{ID: id}
	}
	if err := f.check(); err != nil {
		return f, err
	}
	f.Since = v.Get("since") != "" && v.Get("from") == ""
	return f, parseWindow(&f.Query, v, now)
}

// parameters are the names that a list of runs knows.
func parameters() []string {
	return []string{
		"status", "outcome", "type", "initiator", "target", "since", "from", "to", "sort", "limit", "after", "trail", "q",
		"not.status", "not.outcome", "not.type", "not.initiator",
	}
}

func (f Filter) check() error {
	for name, statuses := range map[string][]runs.Status{"status": f.Query.Statuses, "not.status": f.NotStatuses} {
		for _, s := range statuses {
			switch s {
			case runs.StatusQueued, runs.StatusRunning, runs.StatusCompleted:
			default:
				return bad(name)
			}
		}
	}
	for name, outcomes := range map[string][]runs.Outcome{"outcome": f.Query.Outcomes, "not.outcome": f.NotOutcomes} {
		for _, o := range outcomes {
			if !isOutcome(o) {
				return bad(name)
			}
		}
	}
	for name, types := range map[string][]runs.Type{"type": f.Query.Types, "not.type": f.NotTypes} {
		for _, t := range types {
			if t.Validate() != nil || len(types) > maxList {
				return bad(name)
			}
		}
	}
	switch {
	case len(f.NotInitiators) > maxList:
		return bad("not.initiator")
	case len(f.Words) > maxWords || len(f.Query.IDs) > maxWords:
		return bad("q")
	}
	return nil
}

// maxWords is how many words may be looked for at once.
const maxWords = 10

func parseWindow(q *runs.Query, v url.Values, now time.Time) error {
	if s := v.Get("sort"); s != "" && s != "-created" {
		return bad("sort")
	}
	if s := v.Get("since"); s != "" {
		d, ok := parseAge(s)
		if !ok {
			return bad("since")
		}
		q.From = now.Add(-d).Truncate(time.Millisecond)
		if begin, after, ok := strings.Cut(string(q.After), beginEnd); ok && v.Get("from") == "" {
			ms, err := strconv.ParseInt(begin, 36, 64)
			if err != nil {
				return bad("after")
			}
			q.From, q.After = time.UnixMilli(ms).UTC(), runs.Cursor(after)
		}
	}
	for name, t := range map[string]*time.Time{"from": &q.From, "to": &q.To} {
		if s := v.Get(name); s != "" {
			var ok bool
			if *t, ok = parseTime(s); !ok {
				return bad(name)
			}
		}
	}
	var err error
	q.Limit, err = ParseLimit(v)
	return err
}

// parseTime reads an instant, or one without a zone as a form sends it, or a
// day, both in UTC.
func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", "2006-01-02T15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// Keeps reports whether a run that the store returned for f.Query is one that f
// selects.
func (f Filter) Keeps(r *runs.Run) bool {
	if slices.Contains(f.NotTypes, r.Type) || slices.Contains(f.NotStatuses, r.Status) ||
		slices.Contains(f.NotOutcomes, r.Outcome) || slices.Contains(f.NotInitiators, r.Initiator.ID) {
		return false
	}
	texts := []string{
		string(r.Type), r.Target.Name, r.Target.ID, r.Initiator.Name, r.Initiator.ID,
		string(r.Failure.Reason), r.Failure.Message, r.Waiting.Message,
	}
	for _, word := range f.Words {
		word = strings.ToLower(word)
		found := strings.HasSuffix(r.ID, word)
		for _, text := range texts {
			found = found || strings.Contains(strings.ToLower(text), word)
		}
		if !found {
			return false
		}
	}
	return true
}

// rest is the part of f that a store does not know of, for [gather].
func (f Filter) rest() string {
	if f.Exact() {
		return ""
	}
	v := url.Values{"q": f.Words, "initiator": f.NotInitiators}
	for _, t := range f.NotTypes {
		v.Add("type", string(t))
	}
	for _, s := range f.NotStatuses {
		v.Add("status", string(s))
	}
	for _, o := range f.NotOutcomes {
		v.Add("outcome", string(o))
	}
	return v.Encode()
}

// spread replaces the search text of a query, its parameter q, by the parameters
// that it stands for; words remain in q, each a value of its own.
func spread(v url.Values) (url.Values, error) {
	if !v.Has("q") {
		return tell(v)
	}
	found, err := ParseSearch(strings.Join(v["q"], " "))
	if err != nil {
		return nil, err
	}
	all := maps.Clone(v)
	delete(all, "q")
	for name, values := range found {
		all[name] = append(slices.Clone(all[name]), values...)
	}
	return tell(all)
}

// tell tells statuses and outcomes apart, which people do not: a run is queued,
// active or failed. It returns v if there is nothing to tell.
func tell(v url.Values) (url.Values, error) {
	told := v
	for _, not := range []string{"", "not."} {
		var statuses, outcomes []string
		values := split[string](v[not+"status"])
		for _, s := range values {
			switch s {
			case "all": // of the tabs, as are active and partial
			case "active":
				statuses = append(statuses, string(runs.StatusQueued), string(runs.StatusRunning))
			case "partial":
				outcomes = append(outcomes, string(runs.OutcomePartiallySucceeded))
			default:
				if isOutcome(runs.Outcome(s)) {
					outcomes = append(outcomes, s)
				} else {
					statuses = append(statuses, s)
				}
			}
		}
		switch {
		case slices.Equal(values, statuses):
			continue
		case len(statuses) > 0 && len(outcomes) > 0 && not == "":
			return nil, runs.Public(runs.ErrInvalid, runs.ReasonInvalidInput,
				"The parameter status names runs that have ended and runs that have not. Ask for one of both.")
		}
		told = maps.Clone(told)
		set(told, not+"status", statuses)
		set(told, not+"outcome", append(slices.Clone(told[not+"outcome"]), outcomes...))
	}
	return told, nil
}

// set sets a list, or takes it away if it is empty.
func set(v url.Values, name string, values []string) {
	if len(values) == 0 {
		delete(v, name)
		return
	}
	v[name] = []string{strings.Join(values, ",")}
}

func isOutcome(o runs.Outcome) bool {
	switch o {
	case runs.OutcomeSucceeded, runs.OutcomePartiallySucceeded, runs.OutcomeFailed, runs.OutcomeCanceled, runs.OutcomeBlocked:
		return true
	}
	return false
}

// canonical is v with the search text spread over the parameters, the words
// alone in q, and nothing empty.
func canonical(v url.Values) (url.Values, error) {
	all, err := spread(v)
	if err != nil {
		return nil, err
	}
	out := make(url.Values)
	for name, values := range all {
		if values = slices.DeleteFunc(slices.Clone(values), func(s string) bool { return s == "" }); len(values) > 0 {
			out[name] = values
		}
	}
	if words := out["q"]; len(words) > 0 {
		out["q"] = []string{SearchText(url.Values{"q": words})}
	}
	return out, nil
}

// An itemFilter narrows the items of a run.
type itemFilter struct {
	query runs.ItemQuery
	word  string // is in the item's key or message
}

func (f itemFilter) keeps(it runs.Item) bool {
	word := strings.ToLower(f.word)
	return strings.Contains(strings.ToLower(it.Key), word) || strings.Contains(strings.ToLower(it.Message), word)
}

func parseItemQuery(v url.Values) (itemFilter, error) {
	f := itemFilter{word: strings.TrimSpace(v.Get("q")), query: runs.ItemQuery{
		Outcomes: split[runs.ItemOutcome](v["outcome"]),
		Reason:   runs.Reason(v.Get("reason")),
		After:    runs.Cursor(v.Get("after")),
	}}
	for _, o := range f.query.Outcomes {
		switch o {
		case runs.ItemSucceeded, runs.ItemFailed, runs.ItemSkipped:
		default:
			return f, bad("outcome")
		}
	}
	if len(f.word) > maxSearch {
		return f, bad("q")
	}
	var err error
	f.query.Limit, err = ParseLimit(v)
	return f, err
}

// ParseLimit reads the limit of a list from a URL's query, 1 to 200; 0 if there is
// none. It reports [runs.ErrInvalid].
func ParseLimit(v url.Values) (int, error) {
	s := v.Get("limit")
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > runs.MaxLimit {
		return 0, bad("limit")
	}
	return n, nil
}

// parseAge reads a duration of Go, or a number of days: 90m, 24h, 7d.
func parseAge(s string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		return time.Duration(n) * 24 * time.Hour, err == nil && n > 0 && n <= 10_000
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d > 0
}

// split reads a list: values with commas, a parameter several times, or both.
// What is in it twice counts once.
func split[T ~string](values []string) []T {
	var out []T
	for _, s := range values {
		for part := range strings.SplitSeq(s, ",") {
			if part = strings.TrimSpace(part); part != "" && !slices.Contains(out, T(part)) {
				out = append(out, T(part))
			}
			if len(out) > maxList {
				return out
			}
		}
	}
	return out
}

// maxList is how many values a list may have.
const maxList = 100

// bad says which parameter is wrong. It does not repeat its value.
func bad(name string) error {
	return runs.Public(runs.ErrInvalid, runs.ReasonInvalidInput, "The parameter "+name+" has a value that is not allowed.")
}

// preferredWait is how long a client asked to wait for a change, at most a
// minute: "Prefer: wait=20" (RFC 7240).
func preferredWait(h http.Header) time.Duration {
	for _, line := range h.Values("Prefer") {
		for part := range strings.SplitSeq(line, ",") {
			if s, ok := strings.CutPrefix(strings.TrimSpace(part), "wait="); ok {
				if n, err := strconv.Atoi(s); err == nil && n > 0 {
					return time.Duration(min(n, 60)) * time.Second
				}
			}
		}
	}
	return 0
}
