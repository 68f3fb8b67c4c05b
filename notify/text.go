package notify

import (
	"strconv"
	"strings"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A Language is one that notifications are worded in.
type Language string

// The languages. Any other is taken for English.
const (
	English Language = "en"
	German  Language = "de"
)

// A Text is what a person reads of a notification. It is plain text.
type Text struct {
	Title string // "Inventory sync queued"
	Body  string // "Running in the background."
}

// A Presenter words notifications, out of a fixed vocabulary and the label of
// the run's type. The zero value is ready, and says the type for its label.
type Presenter struct {
	Language Language // empty means English

	// Label names a type of run. If nil, or if it returns "", the type is named
	// as it is. See [Labels].
	Label func(t runs.Type) string
}

// Labels returns the labels that operations declare.
func Labels(ops []runs.Operation) func(runs.Type) string {
	labels := make(map[runs.Type]string, len(ops))
	for _, op := range ops {
		labels[op.Type] = op.Label
	}
	return func(t runs.Type) string { return labels[t] }
}

// Present words n.
func (p Presenter) Present(n Notification) Text {
	words := english()
	if p.Language == German {
		words = german()
	}
	label := ""
	if p.Label != nil {
		label = p.Label(n.Run.Type)
	}
	if label == "" {
		label = string(n.Run.Type)
	}
	if n.Target.Name != "" {
		label += " “" + n.Target.Name + "”"
	}
	if n.Stage != runs.StatusCompleted {
		return Text{Title: label + " " + words.stages[n.Stage], Body: words.background}
	}
	body := words.counts(n.Counts)
	if n.Reason != "" {
		body = strings.TrimSpace(words.reason(n.Reason) + " " + body)
	}
	if body == "" {
		body = words.nothing
	}
	return Text{Title: label + " " + words.outcomes[n.Outcome], Body: body}
}

// A vocabulary is all that is said in one language.
type vocabulary struct {
	stages              map[runs.Status]string
	outcomes            map[runs.Outcome]string
	background, nothing string
	done, of            string
	failed, skipped     string
	reason              func(runs.Reason) string
}

// counts says how many items were done, or nothing if there were none.
func (v vocabulary) counts(c runs.Counts) string {
	if c.Processed() == 0 && c.Total == 0 {
		return ""
	}
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	text := number(c.Succeeded)
	if c.Total >= c.Processed() {
		text += v.of + number(c.Total)
	}
	text += v.done
	if c.Failed > 0 {
		text += ", " + number(c.Failed) + v.failed
	}
	if c.Skipped > 0 {
		text += ", " + number(c.Skipped) + v.skipped
	}
	return text + "."
}

func english() vocabulary {
	return vocabulary{
		stages: map[runs.Status]string{runs.StatusQueued: "queued", runs.StatusRunning: "started"},
		outcomes: map[runs.Outcome]string{
			runs.OutcomeSucceeded: "succeeded", runs.OutcomePartiallySucceeded: "partially succeeded",
			runs.OutcomeFailed: "failed", runs.OutcomeCanceled: "canceled", runs.OutcomeBlocked: "blocked",
		},
		background: "Running in the background.", nothing: "There was nothing to do.",
		of: " of ", done: " done", failed: " failed", skipped: " skipped",
		reason: runs.Reason.Sentence,
	}
}

func german() vocabulary {
	return vocabulary{
		stages: map[runs.Status]string{runs.StatusQueued: "eingereiht", runs.StatusRunning: "begonnen"},
		outcomes: map[runs.Outcome]string{
			runs.OutcomeSucceeded: "erfolgreich", runs.OutcomePartiallySucceeded: "teilweise erfolgreich",
			runs.OutcomeFailed: "fehlgeschlagen", runs.OutcomeCanceled: "abgebrochen", runs.OutcomeBlocked: "blockiert",
		},
		background: "Läuft im Hintergrund.", nothing: "Es gab nichts zu tun.",
		of: " von ", done: " erledigt", failed: " fehlgeschlagen", skipped: " übersprungen",
		reason: germanReason,
	}
}

// germanReason is [runs.Reason.Sentence] in German.
func germanReason(r runs.Reason) string {
	sentences := map[runs.Reason]string{
		runs.ReasonThrottled:        "Der Dienst verlangte weniger Anfragen.",
		runs.ReasonPermissionDenied: "Die Berechtigung fehlt.",
		runs.ReasonUnauthenticated:  "Die Anmeldung beim Dienst ist fehlgeschlagen.",
		runs.ReasonNotFound:         "Das Gewünschte gibt es nicht.",
		runs.ReasonGone:             "Es verschwand, während es gelesen wurde.",
		runs.ReasonConflict:         "Jemand anderes hat es inzwischen geändert.",
		runs.ReasonInvalidInput:     "Die Eingabe ist ungültig.",
		runs.ReasonTimeout:          "Es hat zu lange gedauert.",
		runs.ReasonCanceled:         "Der Vorgang wurde abgebrochen.",
		runs.ReasonWorkerLost:       "Der ausführende Prozess verschwand vor dem Ende.",
		runs.ReasonPanic:            "Der Vorgang endete wegen eines Programmfehlers.",
		runs.ReasonDispatchFailed:   "Der Vorgang konnte niemandem zur Ausführung übergeben werden.",
		runs.ReasonUnreachable:      "Ein benötigter Dienst war nicht erreichbar.",
		runs.ReasonBadResponse:      "Der Dienst antwortete unerwartet.",
		runs.ReasonPagingLoop:       "Die Liste des Dienstes nahm kein Ende.",
		runs.ReasonInconsistentRead: "Die Daten änderten sich, während sie gelesen wurden.",
		runs.ReasonOutcomeUnknown:   "Es ist nicht bekannt, ob die Änderung gemacht wurde.",
		runs.ReasonApproval:         "Jemand anderes aus der Verwaltung muss die Änderung genehmigen.",
		runs.ReasonUnsupported:      "Das wird nicht unterstützt.",
		runs.ReasonNotReady:         "Etwas, das es vorher geben muss, fehlt.",
		runs.ReasonInternal:         "Der Vorgang ist unerwartet fehlgeschlagen.",
	}
	if s := sentences[r]; s != "" {
		return s
	}
	return "Der Vorgang ist fehlgeschlagen."
}
