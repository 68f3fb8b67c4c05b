package monitor

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A mark is a status as people see it: an icon, a word and, by its class, a
// colour. No information is in the colour alone.
type mark struct {
	Class string // of the badge
	Word  string
	Icon  string // its address
}

// markOf names how a run is doing by its status and outcome.
func (p *page) markOf(s runs.Status, o runs.Outcome) mark {
	name := string(s)
	if s == runs.StatusCompleted {
		name = string(o)
	}
	switch name {
	case "queued", "running", "succeeded", "partially_succeeded", "failed", "canceled", "blocked":
		return mark{name, p.T("status." + name), p.Icon(name)}
	}
	return mark{"unknown", name, p.Icon("unknown")}
}

// Mark is the badge of a run.
func (p *page) Mark(r *runs.Run) mark { return p.markOf(r.Status, r.Outcome) }

// ItemMark is the badge of an item.
func (p *page) ItemMark(o runs.ItemOutcome) mark {
	if o == runs.ItemSkipped {
		return mark{"skipped", p.T("count.skipped"), p.Icon("skipped")}
	}
	return p.markOf(runs.StatusCompleted, runs.Outcome(o))
}

// leaseGrace is how far the clock of the store, which leases are kept by, may be
// behind that of the hub before a worker is called lost.
const leaseGrace = 5 * time.Second

// Trouble says what a run that is under way suffers from, as the end of a
// message key: "lost" if its worker gives no sign of life, "stale" if the worker
// lives but takes longer than such runs should, "waiting" if it was parked.
// Empty means nothing is known to be wrong.
func (p *page) Trouble(r *runs.Run) string {
	return troubleOf(p.hub.cfg.Runs.Operations(), r, p.Now)
}

func troubleOf(ops []runs.Operation, r *runs.Run, now time.Time) string {
	switch {
	case r.Status == runs.StatusRunning && !r.LeaseUntil.IsZero() && now.After(r.LeaseUntil.Add(leaseGrace)):
		return "lost"
	case r.Status == runs.StatusRunning && stale(ops, r, now):
		return "stale"
	case r.Status == runs.StatusQueued && r.Waiting.Reason != "":
		return "waiting"
	}
	return ""
}

func stale(ops []runs.Operation, r *runs.Run, now time.Time) bool {
	for _, op := range ops {
		if op.Type == r.Type {
			return op.Expected > 0 && now.Sub(r.StartedAt) > op.Expected
		}
	}
	return false
}

// Label is what people call a type of run.
func (p *page) Label(t runs.Type) string {
	return labelOf(p.hub.cfg.Runs.Operations(), t)
}

func labelOf(ops []runs.Operation, t runs.Type) string {
	for _, op := range ops {
		if op.Type == t {
			return op.Label
		}
	}
	return string(t)
}

// Who is the name of an actor, or the id if there is none.
func (p *page) Who(a runs.Actor) string {
	if a.Name != "" {
		return a.Name
	}
	return a.ID
}

// A moment is an instant as a <time> shows it.
type moment struct {
	ISO  string // for machines
	Text string // short, relative
	Full string // absolute
}

// At presents an instant; the zero one is nothing.
func (p *page) At(t time.Time) *moment {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &moment{iso(t), p.ago(t), t.Format("2006-01-02 15:04:05") + " UTC"}
}

func iso(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (p *page) ago(t time.Time) string {
	d := p.Now.Sub(t)
	switch {
	case d < 0 && d > -time.Minute, d >= 0 && d < 10*time.Second:
		return p.T("ago.now")
	case d < 0:
		return p.T("ago.in", p.Span(-d))
	case d < 30*24*time.Hour:
		return p.T("ago.past", p.Span(d))
	}
	return t.Format("2006-01-02")
}

// Span is a duration in its largest unit, for relative times.
func (p *page) Span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return p.T("span.seconds", int(d.Seconds()))
	case d < time.Hour:
		return p.T("span.minutes", int(d.Minutes()))
	case d < 48*time.Hour:
		return p.T("span.hours", int(d.Hours()))
	}
	return p.T("span.days", int(d.Hours()/24))
}

// Took is how long a run has been or was being executed; empty if it was not.
func (p *page) Took(r *runs.Run) string {
	switch {
	case r.StartedAt.IsZero() || r.Status == runs.StatusQueued:
		return ""
	case r.CompletedAt.IsZero():
		return clock(p.Now.Sub(r.StartedAt))
	}
	return clock(r.CompletedAt.Sub(r.StartedAt))
}

// clock is a duration in at most two units, for columns: "850 ms", "1 m 05 s".
func clock(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d m %02d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %02d m", int(d.Hours()), int(d.Minutes())%60)
}

// Num is a number as people read it.
func (p *page) Num(n int64) string { return number(n) }

// number is n with its thousands apart by a narrow space.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}

// A bar is the progress of a run.
type bar struct {
	Percent int
	Label   string
}

// Bar is how far a run is, or nil if that is not known or nothing runs.
func (p *page) Bar(r *runs.Run) *bar {
	n, known := r.Counts.Percent()
	if !known || r.Status != runs.StatusRunning {
		return nil
	}
	return &bar{n, p.T("col.progress")}
}

// Said is the sentence of a failure. A sentence of a reason is in the language
// of the page; what a program declared is as it is.
func (p *page) Said(f runs.Failure) string {
	if f.Message == "" || f.Message == f.Reason.Sentence() {
		return p.own("reason."+string(f.Reason), f.Reason.Sentence())
	}
	return f.Message
}

// Advice is what somebody can do about a reason. For one of a program it is what
// the host's messages say, if anything.
func (p *page) Advice(r runs.Reason) string {
	if declared(r) {
		return p.own("advice."+string(r), "")
	}
	return p.own("advice."+string(r), r.Advice())
}

// declared reports whether a reason is one of a program's own.
func declared(r runs.Reason) bool { return strings.HasPrefix(string(r), "ext.") }

// own is a message that only languages besides English have, because package
// runs speaks English.
func (p *page) own(key, english string) string {
	if text, ok := p.hub.languages[p.Lang][key]; ok {
		return text
	}
	return english
}

// Short is what people read to each other of a run's id.
func (p *page) Short(id string) string { return runs.Ref{ID: id}.Short() }

// TargetOf is the name of what a run acts on; empty if that is nothing in
// particular.
func (p *page) TargetOf(r *runs.Run) string {
	if r.Target.Name != "" {
		return r.Target.Name
	}
	return r.Target.ID
}

// NoteMark is the badge of a note.
func (p *page) NoteMark(n Note) mark { return p.markOf(n.Status, n.Outcome) }

// Icon is the address of an icon.
func (p *page) Icon(name string) string { return p.Asset("icons.svg") + "#" + name }

// Row is what the template of a table's row gets.
func (p *page) Row(r *runs.Run) any {
	return struct {
		Page *page
		Run  *runs.Run
	}{p, r}
}

// Select is what the template of a select gets.
func (p *page) Select(name string, choices []choice) any {
	return struct {
		Name, Label string
		Choices     []choice
	}{name, p.T("filter.label." + name), choices}
}

// Radios is what the template of a setting gets; the first value is what counts
// until another was chosen.
func (p *page) Radios(name string, values ...string) any {
	type radio struct {
		Name, Value, Text string
		First             bool
	}
	var all []radio
	for i, value := range values {
		all = append(all, radio{name, value, p.T("settings." + name + "." + value), i == 0})
	}
	return all
}

// TenantDir is the address of the first page of a tenant.
func (p *page) TenantDir(tenant string) string { return p.Base + "/t/" + url.PathEscape(tenant) + "/" }

// NotePath is the address that opens a note.
func (p *page) NotePath(id string) string { return p.Base + "/notifications/" + url.PathEscape(id) }
