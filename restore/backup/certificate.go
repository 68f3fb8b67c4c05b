package backup

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A Certificate says how complete a set is: for every kind what the service
// listed, what is in the set, and what is not and why.
type Certificate struct {
	Set string `json:"backup_set"`

	// Status is complete, or partial if anything that was asked for is not in
	// the set. Reasons are why, each one once; empty if it is complete.
	Status  CertificateStatus `json:"status"`
	Reasons []runs.Reason     `json:"reasons,omitempty"`

	Kinds []KindReport `json:"kinds"` // by kind
}

// A CertificateStatus says whether a set has all that was asked for.
type CertificateStatus string

// The statuses of a certificate.
const (
	Complete CertificateStatus = "complete"
	Partial  CertificateStatus = "partial"
)

// A KindReport says how the objects of one kind were captured. Figures count
// objects unless they say otherwise.
type KindReport struct {
	Kind string    `json:"kind"`
	Run  string    `json:"run"` // the last one that captured objects of the kind
	At   time.Time `json:"at"`

	// Whole says that all objects of the kind were asked for, not chosen ones.
	Whole bool `json:"whole"`

	// Reason is why the kind could not be listed; empty if it was. Absent says
	// that the tenant has no such collection, which is no lack.
	Reason runs.Reason `json:"reason,omitempty"`
	Absent bool        `json:"absent,omitempty"`

	Pages    int `json:"pages"`              // of the lists of the last run
	Listed   int `json:"listed"`             // by the service then, each once
	Vanished int `json:"vanished,omitempty"` // listed, and gone when they were to be read

	Captured    int `json:"captured"`              // in the set, by any run
	Children    int `json:"children,omitempty"`    // parts of them that have a place of their own in Graph, all read
	Assignments int `json:"assignments,omitempty"` // whose assignments were read
	Secrets     int `json:"secrets,omitempty"`     // values that the service did not give away

	// Missing are the objects that were asked for and are not in the set, by
	// ID.
	Missing []Missing `json:"missing,omitempty"`
}

// Missing is an object that could not be captured.
type Missing struct {
	ID     string      `json:"id"`
	Reason runs.Reason `json:"reason"`
}

// A tally is what the certificate of a set is made of, by kind.
type tally map[string]*KindReport

// tallyOf returns what an earlier certificate says, which may be nil, and then the
// reports of a run. What one run could not capture stays missing until another has
// captured it.
func tallyOf(earlier *Certificate, reports []KindReport) tally {
	t := make(tally)
	if earlier != nil {
		reports = append(slices.Clone(earlier.Kinds), reports...)
	}
	for _, r := range reports {
		t.of(r.Kind).add(r)
	}
	return t
}

func (t tally) of(kind string) *KindReport {
	if t[kind] == nil {
		t[kind] = &KindReport{Kind: kind}
	}
	return t[kind]
}

// certify returns the certificate of a set that has these items, all of which were
// counted.
func (t tally) certify(set string, in []ManifestItem) *Certificate {
	all := []KindReport{}
	var reasons []runs.Reason
	for _, kind := range slices.Sorted(maps.Keys(t)) {
		k := t[kind]
		k.settle(in)
		all = append(all, *k)
		reasons = append(reasons, k.lacks()...)
	}
	slices.Sort(reasons)
	reasons = slices.Compact(reasons)
	status := Complete
	if len(reasons) > 0 {
		status = Partial
	}
	return &Certificate{Set: set, Status: status, Reasons: reasons, Kinds: all}
}

// add adds what a later run reports.
func (k *KindReport) add(r KindReport) {
	k.Run, k.At = r.Run, r.At
	k.Pages, k.Listed = r.Pages, r.Listed
	if r.Whole { // who asks for everything learns what everything is
		k.Whole, k.Reason, k.Absent, k.Vanished = true, r.Reason, r.Absent, r.Vanished
	}
	k.Missing = append(k.Missing, r.Missing...)
}

// count counts a version that is in the set.
func (k *KindReport) count(v *Version) {
	k.Captured++
	k.Children += v.Children
	k.Secrets += v.Secrets
	if v.AssignmentsHash != "" {
		k.Assignments++
	}
}

// settle leaves only what is missing still, each object once with the last reason.
// The items of the set are in order.
func (k *KindReport) settle(in []ManifestItem) {
	reasons := make(map[string]runs.Reason)
	for _, m := range k.Missing {
		if _, has := slices.BinarySearchFunc(in, ManifestItem{Kind: k.Kind, ID: m.ID}, compareItems); !has {
			reasons[m.ID] = m.Reason
		}
	}
	k.Missing = nil
	for _, id := range slices.Sorted(maps.Keys(reasons)) {
		k.Missing = append(k.Missing, Missing{ID: id, Reason: reasons[id]})
	}
}

// lacks returns why the kind is not complete.
func (k *KindReport) lacks() []runs.Reason {
	var all []runs.Reason
	if k.Reason != "" {
		all = append(all, k.Reason)
	}
	for _, m := range k.Missing {
		all = append(all, m.Reason)
	}
	return all
}

// decodeCertificate returns what was stored as doc, if it has the digest.
func decodeCertificate(doc []byte, digest string) (*Certificate, error) {
	if digestOf(doc) != digest {
		return nil, fmt.Errorf("%w: the certificate has changed", ErrCorrupt)
	}
	c := new(Certificate)
	if err := json.Unmarshal(doc, c); err != nil {
		return nil, fmt.Errorf("%w: the certificate cannot be read", ErrCorrupt)
	}
	return c, nil
}
