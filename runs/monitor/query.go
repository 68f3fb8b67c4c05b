package monitor

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// ParseQuery reads the filters of a list of runs from a URL's query; see [API].
// actor is who "me" stands for and now what "since" counts from. It reports
// [runs.ErrInvalid] with a sentence that names the parameter. The caller sets
// the tenant.
func ParseQuery(v url.Values, actor runs.Actor, now time.Time) (runs.Query, error) {
	q := runs.Query{
		Types:  split[runs.Type](v["type"]),
		Target: runs.Target{ID: v.Get("target")},
		After:  runs.Cursor(v.Get("after")),
	}
	q.Statuses = split[runs.Status](v["status"])
	for _, s := range q.Statuses {
		switch s {
		case runs.StatusQueued, runs.StatusRunning, runs.StatusCompleted:
		default:
			return q, bad("status")
		}
	}
	q.Outcomes = split[runs.Outcome](v["outcome"])
	for _, o := range q.Outcomes {
		switch o {
		case runs.OutcomeSucceeded, runs.OutcomePartiallySucceeded, runs.OutcomeFailed, runs.OutcomeCanceled, runs.OutcomeBlocked:
		default:
			return q, bad("outcome")
		}
	}
	for _, t := range q.Types {
		if t.Validate() != nil || len(q.Types) > maxList {
			return q, bad("type")
		}
	}
	switch id := v.Get("initiator"); id {
	case "":
	case "me":
		q.Initiator = actor
	default:
		q.Initiator = runs.Actor{ID: id}
	}
	return q, parseWindow(&q, v, now)
}

func parseWindow(q *runs.Query, v url.Values, now time.Time) error {
	var err error
	if s := v.Get("since"); s != "" {
		d, ok := parseAge(s)
		if !ok {
			return bad("since")
		}
		q.From = now.Add(-d)
	}
	for name, t := range map[string]*time.Time{"from": &q.From, "to": &q.To} {
		if s := v.Get(name); s != "" {
			if *t, err = time.Parse(time.RFC3339, s); err != nil {
				return bad(name)
			}
		}
	}
	q.Limit, err = ParseLimit(v)
	return err
}

func parseItemQuery(v url.Values) (runs.ItemQuery, error) {
	q := runs.ItemQuery{
		Outcomes: split[runs.ItemOutcome](v["outcome"]),
		Reason:   runs.Reason(v.Get("reason")),
		After:    runs.Cursor(v.Get("after")),
	}
	for _, o := range q.Outcomes {
		switch o {
		case runs.ItemSucceeded, runs.ItemFailed, runs.ItemSkipped:
		default:
			return q, bad("outcome")
		}
	}
	var err error
	q.Limit, err = ParseLimit(v)
	return q, err
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
