package monitor

import (
	"context"
	"time"
	"unicode/utf8"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A runState is what an event tells of a run: how it is now, not what happened.
// As JSON it has less than 1 KB.
type runState struct {
	ID          string       `json:"id"`
	Type        runs.Type    `json:"type"`
	Label       string       `json:"label"`
	Target      string       `json:"target,omitempty"` // the name of what it acts on
	Status      runs.Status  `json:"status"`
	Outcome     runs.Outcome `json:"outcome,omitempty"`
	Trouble     string       `json:"trouble,omitempty"` // lost, stale or waiting
	Mine        bool         `json:"mine,omitempty"`    // the viewer has started it
	Attempt     int          `json:"attempt"`
	Revision    int64        `json:"revision"`
	Percent     *int         `json:"percent,omitempty"` // as far as it is known
	Counts      stateCounts  `json:"counts"`
	CreatedAt   time.Time    `json:"created_at"`
	StartedAt   time.Time    `json:"started_at,omitzero"`
	CompletedAt time.Time    `json:"completed_at,omitzero"`
	UpdatedAt   time.Time    `json:"updated_at"`
}

type stateCounts struct {
	Total     int64 `json:"total"`
	Processed int64 `json:"processed"`
	Succeeded int64 `json:"succeeded"`
	Failed    int64 `json:"failed"`
	Skipped   int64 `json:"skipped"`
}

type inboxState struct {
	Unread int `json:"unread"` // up to 100
}

// How many bytes of a label, and of the name of a target, an event has room for.
const maxLabel, maxTarget = 100, 60

// stateOf is how a run was seen, as v may see it.
func (a *API) stateOf(ctx context.Context, v Viewer, s *seen) runState {
	run := s.run
	if a.cfg.Redact != nil {
		own := *run // everything that it refers to was left out
		run = &own
		a.redact(ctx, v, run)
	}
	c := run.Counts
	state := runState{
		ID:          run.ID,
		Type:        run.Type,
		Label:       cut(s.label, maxLabel),
		Target:      cut(run.Target.Name, maxTarget),
		Status:      run.Status,
		Outcome:     run.Outcome,
		Trouble:     s.trouble,
		Mine:        run.Initiator.Is(v.Actor),
		Attempt:     run.Attempt,
		Revision:    run.Revision,
		Counts:      stateCounts{c.Total, c.Processed(), c.Succeeded, c.Failed, c.Skipped},
		CreatedAt:   run.CreatedAt,
		StartedAt:   run.StartedAt,
		CompletedAt: run.CompletedAt,
		UpdatedAt:   run.UpdatedAt,
	}
	if n, known := c.Percent(); known && run.Status == runs.StatusRunning {
		state.Percent = &n
	}
	return state
}

// cut shortens s to n bytes at most, at the end of a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
