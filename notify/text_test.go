package notify_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/runs"
)

func TestPresent(t *testing.T) {
	labels := notify.Labels([]runs.Operation{{Type: syncType, Label: "Inventory sync"}})
	for name, test := range map[string]struct {
		run      runs.Run
		english  notify.Text
		germanly notify.Text
	}{
		"queued": {
			runs.Run{Type: syncType, Status: runs.StatusQueued},
			notify.Text{Title: "Inventory sync queued", Body: "Running in the background."},
			notify.Text{Title: "Inventory sync eingereiht", Body: "Läuft im Hintergrund."},
		},
		"running": {
			runs.Run{Type: syncType, Status: runs.StatusRunning},
			notify.Text{Title: "Inventory sync started", Body: "Running in the background."},
			notify.Text{Title: "Inventory sync begonnen", Body: "Läuft im Hintergrund."},
		},
		"partial": {
			*ended("r1"),
			notify.Text{Title: "Inventory sync “Acme” partially succeeded", Body: "63 of 66 done, 1 failed, 2 skipped."},
			notify.Text{Title: "Inventory sync “Acme” teilweise erfolgreich", Body: "63 von 66 erledigt, 1 fehlgeschlagen, 2 übersprungen."},
		},
		"failed": {
			runs.Run{Type: "no.label", Status: runs.StatusCompleted, Outcome: runs.OutcomeFailed, Failure: runs.Because(runs.ReasonThrottled), Counts: runs.Counts{Total: 9}},
			notify.Text{Title: "no.label failed", Body: "The service asked for fewer requests. 0 of 9 done."},
			notify.Text{Title: "no.label fehlgeschlagen", Body: "Der Dienst verlangte weniger Anfragen. 0 von 9 erledigt."},
		},
		"blocked, own reason": {
			runs.Run{Type: syncType, Status: runs.StatusCompleted, Outcome: runs.OutcomeBlocked, Failure: runs.Failure{Reason: "ext.a.b"}},
			notify.Text{Title: "Inventory sync blocked", Body: "The operation failed."},
			notify.Text{Title: "Inventory sync blockiert", Body: "Der Vorgang ist fehlgeschlagen."},
		},
		"nothing to do": {
			runs.Run{Type: syncType, Status: runs.StatusCompleted, Outcome: runs.OutcomeSucceeded},
			notify.Text{Title: "Inventory sync succeeded", Body: "There was nothing to do."},
			notify.Text{Title: "Inventory sync erfolgreich", Body: "Es gab nichts zu tun."},
		},
		"total unknown": {
			runs.Run{Type: syncType, Status: runs.StatusCompleted, Outcome: runs.OutcomeCanceled, Counts: runs.Counts{Succeeded: 3}},
			notify.Text{Title: "Inventory sync canceled", Body: "3 done."},
			notify.Text{Title: "Inventory sync abgebrochen", Body: "3 erledigt."},
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := notify.Of(&test.run)
			if diff := cmp.Diff(test.english, notify.Presenter{Label: labels}.Present(n)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.germanly, notify.Presenter{Language: notify.German, Label: labels}.Present(n)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Every reason has a sentence in both languages.
func TestReasons(t *testing.T) {
	for _, r := range []runs.Reason{
		runs.ReasonThrottled, runs.ReasonPermissionDenied, runs.ReasonUnauthenticated, runs.ReasonNotFound, runs.ReasonGone,
		runs.ReasonConflict, runs.ReasonInvalidInput, runs.ReasonTimeout, runs.ReasonCanceled, runs.ReasonWorkerLost, runs.ReasonPanic,
		runs.ReasonDispatchFailed, runs.ReasonUnreachable, runs.ReasonBadResponse, runs.ReasonPagingLoop, runs.ReasonInconsistentRead,
		runs.ReasonOutcomeUnknown, runs.ReasonApproval, runs.ReasonUnsupported, runs.ReasonNotReady, runs.ReasonInternal,
	} {
		n := notify.Of(&runs.Run{Type: syncType, Status: runs.StatusCompleted, Outcome: runs.OutcomeFailed, Failure: runs.Because(r)})
		english, german := notify.Presenter{}.Present(n).Body, notify.Presenter{Language: notify.German}.Present(n).Body
		if english == german || german == "Der Vorgang ist fehlgeschlagen." || strings.TrimSpace(english) == "" {
			t.Errorf("%s: %q and %q", r, english, german)
		}
	}
}
