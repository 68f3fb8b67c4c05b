package runs_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/runs"
)

// The words of every vocabulary, as the contract lists them.
func TestStatusMaps(t *testing.T) {
	want := map[string]string{
		"BulkOperationRun": `
			queued: pending
			running: running
			succeeded: completed
			partially_succeeded: completed_with_errors
			failed: failed aborted`,
		"RestoreRun": `
			: draft scoped checked previewed
			queued: pending queued
			running: running
			succeeded: completed
			partially_succeeded: partial completed_with_errors
			failed: failed aborted
			canceled: cancelled`,
		"InventorySyncRun": `
			queued: pending
			running: running
			succeeded: success skipped
			partially_succeeded: partial
			failed: failed`,
		"EntraGroupSyncRun": `
			queued: pending
			running: running
			succeeded: succeeded
			failed: failed`,
		"BackupScheduleRun": `
			running: running
			succeeded: success skipped
			partially_succeeded: partial
			failed: failed`,
		"River": `
			queued: available scheduled pending retryable
			running: running
			succeeded: completed
			failed: discarded
			canceled: cancelled`,
		"asynq": `
			queued: pending scheduled retry aggregating
			running: active
			succeeded: completed
			failed: archived`,
		"Temporal": `
			running: Running
			succeeded: Completed ContinuedAsNew
			failed: Failed TimedOut Terminated
			canceled: Canceled`,
		"Azure ARM": `
			queued: NotStarted Accepted
			running: Running InProgress
			succeeded: Succeeded
			failed: Failed
			canceled: Canceled`,
		"Velero": `
			queued: New Queued ReadyToStart
			running: InProgress Finalizing FinalizingPartiallyFailed
			succeeded: Completed
			partially_succeeded: PartiallyFailed
			failed: Failed FailedValidation`,
	}
	all := runs.StatusMaps()
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(all))); diff != "" {
		t.Errorf("vocabularies (-want +got):\n%s", diff)
	}
	for name, rows := range want {
		words := 0
		for row := range strings.Lines(strings.TrimSpace(rows)) {
			stage, list, _ := strings.Cut(strings.TrimSpace(row), ":")
			for word := range strings.FieldsSeq(list) {
				words++
				for _, spelled := range []string{word, strings.ToUpper(word), strings.ToLower(word)} {
					got, ok := all[name].Map(spelled, nil)
					if want := mapped(stage, spelled); !ok || got != want {
						t.Errorf("%s: Map(%q) = %+v, %v; want %+v", name, spelled, got, ok, want)
					}
				}
			}
		}
		m := all[name]
		if n := len(slices.Concat(m.NotYet, m.Queued, m.Running, m.Succeeded, m.Partial, m.Failed, m.Canceled)); n != words {
			t.Errorf("%s has %d words, want %d", name, n, words)
		}
	}
}

// mapped is what a word of the table's column stage must map to.
func mapped(stage, raw string) runs.Mapped {
	switch s := runs.Status(stage); s {
	case "", runs.StatusQueued, runs.StatusRunning:
		return runs.Mapped{Status: s, Raw: raw}
	}
	return runs.Mapped{Status: runs.StatusCompleted, Outcome: runs.Outcome(stage), Raw: raw}
}

func TestStatusMapUnknown(t *testing.T) {
	all := runs.StatusMaps()
	for name, words := range map[string][]string{
		"BulkOperationRun":  {"", " ", "pending ", "succeeded", "canceled", "completed with errors", "completed-with-errors"},
		"BackupScheduleRun": {"pending", "canceled"},
		"River":             {"canceled", "Canceled", "failed"},
		"asynq":             {"retryable"},
		"Temporal":          {"Cancelled", "Timed Out", "WORKFLOW_EXECUTION_STATUS_RUNNING"},
		"Velero":            {"Deleting", "Finalizing…"},
		"no such map":       {"", "running"},
	} {
		for _, word := range words {
			got, ok := all[name].Map(word, &runs.Counts{Total: 1, Succeeded: 1})
			if want := (runs.Mapped{Raw: word}); ok || got != want {
				t.Errorf("%s: Map(%q) = %+v, %v; want it unknown", name, word, got, ok)
			}
		}
	}
	kelvin := runs.StatusMap{Failed: []string{"ok"}}
	if got, ok := kelvin.Map("o\u212a", nil); ok {
		t.Errorf("a Kelvin sign for a k is mapped to %+v", got)
	}
}

// Every combination of small counts, also negative and impossible ones.
func TestStatusMapCounts(t *testing.T) {
	m := runs.StatusMap{
		NotYet: []string{"draft"}, Queued: []string{"queued"}, Running: []string{"running"}, Succeeded: []string{"done"},
		Partial: []string{"errors"}, Failed: []string{"failed"}, Canceled: []string{"canceled"},
	}
	for c := range smallCounts {
		outcome := func(word string) runs.Outcome {
			got, ok := m.Map(word, &c)
			if !ok || got.Status != runs.StatusCompleted && got.Outcome != "" {
				t.Fatalf("Map(%s, %+v) = %+v, %v", word, c, got, ok)
			}
			return got.Outcome
		}
		for word, want := range map[string]runs.Outcome{
			"draft": "", "queued": "", "running": "", "failed": runs.OutcomeFailed, "canceled": runs.OutcomeCanceled,
			"done": runs.OutcomeOf(c),
		} {
			if got := outcome(word); got != want {
				t.Errorf("%s with %+v is %q, want %q", word, c, got, want)
			}
		}
		got := outcome("errors")
		open := c.Total <= 0 || max(c.Succeeded, 0)+max(c.Failed, 0)+max(c.Skipped, 0) < c.Total
		switch got {
		case runs.OutcomeFailed:
			if c.Succeeded > 0 {
				t.Errorf("errors with %+v is a failure, although something succeeded", c)
			}
		case runs.OutcomePartiallySucceeded:
			if c.Succeeded <= 0 || c.Failed <= 0 && !open {
				t.Errorf("errors with %+v is a partial success without a success or without a failure", c)
			}
		case runs.OutcomeSucceeded:
			if c.Succeeded <= 0 || c.Failed > 0 || open {
				t.Errorf("errors with %+v is a success", c)
			}
		default:
			t.Errorf("errors with %+v is %q", c, got)
		}
		if implied := runs.OutcomeOf(c); !open && c.Succeeded > 0 && got != implied {
			t.Errorf("errors with %+v is %s, but the counts say %s", c, got, implied)
		}
	}
}

func smallCounts(yield func(runs.Counts) bool) {
	for n := range int64(6 * 6 * 6 * 6) {
		c := runs.Counts{Total: n%6 - 1, Succeeded: n/6%6 - 1, Failed: n/36%6 - 1, Skipped: n/216 - 1}
		if !yield(c) {
			return
		}
	}
}

// The caller owns what StatusMaps returns.
func TestStatusMapsIsolated(t *testing.T) {
	m := runs.StatusMaps()
	m["River"].Running[0] = "changed"
	delete(m, "asynq")
	again := runs.StatusMaps()
	if got, ok := again["River"].Map("running", nil); !ok || got.Status != runs.StatusRunning {
		t.Errorf("after a change elsewhere: %+v, %v", got, ok)
	}
	if _, ok := again["asynq"]; !ok {
		t.Error("asynq is gone")
	}
}
