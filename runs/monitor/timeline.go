package monitor

import (
	"fmt"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A step is something that happened to a run.
type step struct {
	Class string // of its dot
	Name  string
	At    *moment
	Note  string // how long it took from the step before, or who did it
}

// A span is a part of a run's life in the drawing of it, in percent of the
// width.
type span struct {
	Class    string
	Label    string
	X, Width string
}

// timeline is the life of a run as far as its record tells: the steps, and the
// waits and the work between them to scale.
func (p *page) timeline(run *runs.Run) ([]step, []span) {
	steps := []step{{"queued", p.T("step.requested"), p.At(run.CreatedAt), p.Who(run.Initiator)}}
	end := run.CompletedAt
	if end.IsZero() {
		end = p.Now
	}
	var spans []span
	waited := end.Sub(run.CreatedAt)
	if began := run.StartedAt; !began.IsZero() && run.Status != runs.StatusQueued {
		waited = began.Sub(run.CreatedAt)
		note := p.T("step.waited", clock(waited))
		if run.Attempt > 1 {
			note = p.T("step.attempt", run.Attempt)
		}
		steps = append(steps, step{"running", p.T("step.began"), p.At(began), note})
		spans = append(spans, span{Class: "running", Label: p.T("span.work", clock(end.Sub(began)))})
	}
	spans = append([]span{{Class: "queued", Label: p.T("span.wait", clock(waited))}}, spans...)
	if !run.Cancel.At.IsZero() {
		note := p.Who(run.Cancel.By)
		if run.Cancel.Why != "" {
			note += ": " + run.Cancel.Why
		}
		steps = append(steps, step{"canceled", p.T("step.cancel"), p.At(run.Cancel.At), note})
	}
	switch {
	case run.Ended():
		m := p.Mark(run)
		steps = append(steps, step{m.Class, m.Word, p.At(run.CompletedAt), p.Took(run)})
		spans[len(spans)-1].Class += " " + m.Class
	case run.Status == runs.StatusQueued && run.NotBefore.After(p.Now):
		steps = append(steps, step{"queued", p.T("step.notbefore"), p.At(run.NotBefore), p.Said(run.Waiting)})
	}
	scale(spans, waited, end.Sub(run.CreatedAt))
	return steps, spans
}

// scale gives each of one or two spans its place, and none less than can be
// seen.
func scale(spans []span, first, all time.Duration) {
	const least = 1.5
	share := 100.0
	if len(spans) > 1 {
		share = least
		if all > 0 {
			share = min(max(100*float64(first)/float64(all), least), 100-least)
		}
		spans[1].X, spans[1].Width = percent(share), percent(100-share)
	}
	spans[0].X, spans[0].Width = "0", percent(share)
}

func percent(f float64) string { return fmt.Sprintf("%.2f%%", f) }
