package monitor

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A List is a page of anything, as JSON.
type List struct {
	Data any    `json:"data"`
	Next string `json:"next,omitempty"` // the value of after for the next page
}

// A Document is a run as JSON. Its fields only grow; unknown values of status,
// outcome and reason may appear one day. The input of a run is not part of it.
type Document struct {
	ID          string             `json:"id"`
	Tenant      string             `json:"tenant"`
	Type        runs.Type          `json:"type"`
	Status      runs.Status        `json:"status"`
	Outcome     runs.Outcome       `json:"outcome,omitempty"`
	Initiator   runs.Actor         `json:"initiator"`
	Target      *runs.Target       `json:"target,omitempty"`
	Counts      Counts             `json:"counts"`
	Failure     *runs.Failure      `json:"failure,omitempty"`
	Failures    []runs.ItemFailure `json:"failures,omitempty"` // the first hundred; not in lists
	Waiting     *runs.Failure      `json:"waiting,omitempty"`
	Context     map[string]string  `json:"context,omitempty"` // not in lists
	Cancel      *CancelDocument    `json:"cancel_requested,omitempty"`
	RetryOf     string             `json:"retry_of,omitempty"`
	Attempt     int                `json:"attempt"`
	Revision    int64              `json:"revision"`
	CreatedAt   time.Time          `json:"created_at"`
	StartedAt   time.Time          `json:"started_at,omitzero"`
	CompletedAt time.Time          `json:"completed_at,omitzero"`
	NotBefore   time.Time          `json:"not_before,omitzero"`
	Links       map[string]string  `json:"links"`
}

// A CancelDocument says who asked for a run to end.
type CancelDocument struct {
	At  time.Time  `json:"at"`
	By  runs.Actor `json:"by"`
	Why string     `json:"why,omitempty"`
}

// Counts are a run's counts as one flat JSON object: total, processed,
// succeeded, failed, skipped, and the named extras beside them.
type Counts runs.Counts

// MarshalJSON implements [json.Marshaler].
func (c Counts) MarshalJSON() ([]byte, error) {
	flat := make(map[string]int64, len(c.Extra)+5)
	maps.Copy(flat, c.Extra)
	flat["total"] = c.Total
	flat["processed"] = runs.Counts(c).Processed()
	flat["succeeded"], flat["failed"], flat["skipped"] = c.Succeeded, c.Failed, c.Skipped
	return json.Marshal(flat)
}

// NewDocument returns r as JSON, with links for an API that is mounted at base.
func NewDocument(r *runs.Run, base string) Document {
	self := runPath(base, r.Ref())
	d := Document{
		ID:          r.ID,
		Tenant:      r.Tenant,
		Type:        r.Type,
		Status:      r.Status,
		Outcome:     r.Outcome,
		Initiator:   r.Initiator,
		Counts:      Counts(r.Counts),
		Failures:    r.Failures,
		Context:     r.Context,
		RetryOf:     r.RetryOf,
		Attempt:     r.Attempt,
		Revision:    r.Revision,
		CreatedAt:   r.CreatedAt,
		StartedAt:   r.StartedAt,
		CompletedAt: r.CompletedAt,
		Links:       map[string]string{"self": self, "items": self + "/items"},
	}
	if r.Status == runs.StatusQueued {
		d.NotBefore = r.NotBefore
	}
	if r.Target != (runs.Target{}) {
		d.Target = &r.Target
	}
	if r.Failure != (runs.Failure{}) {
		d.Failure = &r.Failure
	}
	if r.Waiting != (runs.Failure{}) {
		d.Waiting = &r.Waiting
	}
	if !r.Cancel.At.IsZero() {
		d.Cancel = &CancelDocument{r.Cancel.At, r.Cancel.By, r.Cancel.Why}
	}
	return d
}

// runPath is where a run is below base, in the API as in the hub.
func runPath(base string, ref runs.Ref) string {
	return base + "/t/" + url.PathEscape(ref.Tenant) + "/runs/" + url.PathEscape(ref.ID)
}

// encode returns v as JSON and a strong entity tag of it.
func encode(v any) (body []byte, tag string) {
	body, err := json.Marshal(v)
	if err != nil {
		// Unreachable: documents hold nothing that JSON cannot.
		body = []byte("{}")
	}
	sum := sha256.Sum256(body)
	return body, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

// writeTagged answers with v, or that the client has it already.
func writeTagged(w http.ResponseWriter, r *http.Request, v any) {
	body, tag := encode(v)
	answerTagged(w, r, body, tag)
}

func answerTagged(w http.ResponseWriter, r *http.Request, body []byte, tag string) {
	if !NotModified(w, r, tag) {
		writeBody(w, http.StatusOK, "application/json", body)
	}
}

// NotModified sets the answer's ETag to tag, which is in quotes, and reports
// whether it has answered with 304, because the request says in If-None-Match
// that the client has that version.
func NotModified(w http.ResponseWriter, r *http.Request, tag string) bool {
	w.Header().Set("ETag", tag)
	if !matches(r.Header.Get("If-None-Match"), tag) {
		return false
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNotModified)
	return true
}

// matches reports whether an If-None-Match header names the tag. A weak tag
// matches too: RFC 9110 compares weakly here.
func matches(header, tag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		if part = strings.TrimPrefix(strings.TrimSpace(part), "W/"); part == tag || part == "*" {
			return true
		}
	}
	return false
}
