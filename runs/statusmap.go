package runs

import (
	"slices"
	"strings"
)

// A StatusMap says in our words what the status words of another program mean:
// each field lists the words of one meaning. [StatusMaps] has those of a few
// programs; a host writes its own the same way.
//
// A word matches without regard to the case of ASCII letters; nothing else
// about it is forgiven, and no word is ever guessed. A word that stands in two
// fields means the first of them. A StatusMap is plain data and safe for
// concurrent use while nobody changes it.
type StatusMap struct {
	NotYet    []string // the record is no run yet: a draft, a preview
	Queued    []string
	Running   []string
	Succeeded []string
	Partial   []string // it went through, with errors
	Failed    []string
	Canceled  []string
}

// Mapped is what [StatusMap.Map] made of a foreign status.
type Mapped struct {
	Status  Status  // empty if the word is unknown, or means that there is no run yet
	Outcome Outcome // set exactly if Status is StatusCompleted
	Raw     string  // the word as it was given: foreign text, so [Sanitize] it before it is kept or shown
}

// Map translates status. It reports false for a word that m does not have: it
// then maps to nothing, and the caller should say so to somebody who can extend
// m.
//
// Counts, where they are known, correct the names of endings; nil means that
// they are not. What is called a success but has failures is what [OutcomeOf]
// says. What is called a success with errors is a failure if nothing succeeded,
// and a success if no item failed and none is unaccounted for. A failure and a
// cancellation stay what they are called, whatever was counted before. Negative
// counts are read as none.
func (m StatusMap) Map(status string, counts *Counts) (Mapped, bool) {
	got := Mapped{Raw: status}
	is := func(words []string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return equalFoldASCII(w, status) })
	}
	switch {
	case is(m.NotYet):
	case is(m.Queued):
		got.Status = StatusQueued
	case is(m.Running):
		got.Status = StatusRunning
	case is(m.Succeeded):
		got.Status, got.Outcome = StatusCompleted, OutcomeSucceeded
		if counts != nil {
			got.Outcome = OutcomeOf(*counts)
		}
	case is(m.Partial):
		got.Status, got.Outcome = StatusCompleted, partialOutcome(counts)
	case is(m.Failed):
		got.Status, got.Outcome = StatusCompleted, OutcomeFailed
	case is(m.Canceled):
		got.Status, got.Outcome = StatusCompleted, OutcomeCanceled
	default:
		return got, false
	}
	return got, true
}

// partialOutcome is the outcome of a run that is said to have had errors.
func partialOutcome(c *Counts) Outcome {
	switch {
	case c == nil:
		return OutcomePartiallySucceeded
	case c.Succeeded <= 0:
		return OutcomeFailed
	case c.Failed <= 0 && c.Total > 0 && c.Succeeded >= c.Total-max(c.Skipped, 0):
		return OutcomeSucceeded
	default: // failures, or items that nobody accounts for: then the name is believed
		return OutcomePartiallySucceeded
	}
}

// equalFoldASCII is strings.EqualFold without its further equivalences, by
// which a Kelvin sign would be a k.
func equalFoldASCII(word, s string) bool {
	return len(word) == len(s) && strings.EqualFold(word, s)
}

// StatusMaps returns the vocabularies that this package knows, by name. The
// first five are those of the application that this module follows; the names
// of the others are their programs'. The caller owns the map.
func StatusMaps() map[string]StatusMap {
	return map[string]StatusMap{
		"BulkOperationRun": {
			Queued:    []string{"pending"},
			Running:   []string{"running"},
			Succeeded: []string{"completed"},
			Partial:   []string{"completed_with_errors"},
			Failed:    []string{"failed", "aborted"},
		},
		"RestoreRun": {
			NotYet:    []string{"draft", "scoped", "checked", "previewed"},
			Queued:    []string{"pending", "queued"},
			Running:   []string{"running"},
			Succeeded: []string{"completed"},
			Partial:   []string{"partial", "completed_with_errors"},
			Failed:    []string{"failed", "aborted"},
			Canceled:  []string{"cancelled"},
		},
		"InventorySyncRun": {
			Queued:    []string{"pending"},
			Running:   []string{"running"},
			Succeeded: []string{"success", "skipped"},
			Partial:   []string{"partial"},
			Failed:    []string{"failed"},
		},
		"EntraGroupSyncRun": {
			Queued:    []string{"pending"},
			Running:   []string{"running"},
			Succeeded: []string{"succeeded"},
			Failed:    []string{"failed"},
		},
		"BackupScheduleRun": {
			Running:   []string{"running"},
			Succeeded: []string{"success", "skipped"},
			Partial:   []string{"partial"},
			Failed:    []string{"failed"},
		},
		"River": {
			Queued:    []string{"available", "scheduled", "pending", "retryable"},
			Running:   []string{"running"},
			Succeeded: []string{"completed"},
			Failed:    []string{"discarded"},
			Canceled:  []string{"cancelled"},
		},
		"asynq": {
			Queued:    []string{"pending", "scheduled", "retry", "aggregating"},
			Running:   []string{"active"},
			Succeeded: []string{"completed"},
			Failed:    []string{"archived"},
		},
		"Temporal": {
			Running:   []string{"Running"},
			Succeeded: []string{"Completed", "ContinuedAsNew"},
			Failed:    []string{"Failed", "TimedOut", "Terminated"},
			Canceled:  []string{"Canceled"},
		},
		"Azure ARM": {
			Queued:    []string{"NotStarted", "Accepted"},
			Running:   []string{"Running", "InProgress"},
			Succeeded: []string{"Succeeded"},
			Failed:    []string{"Failed"},
			Canceled:  []string{"Canceled"},
		},
		"Velero": {
			Queued:    []string{"New", "Queued", "ReadyToStart"},
			Running:   []string{"InProgress", "Finalizing", "FinalizingPartiallyFailed"},
			Succeeded: []string{"Completed"},
			Partial:   []string{"PartiallyFailed"},
			Failed:    []string{"Failed", "FailedValidation"},
		},
	}
}
