package restore

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A Restore is the document of one restore.
type Restore struct {
	ID        string     `json:"id"`
	Tenant    string     `json:"tenant"`
	Set       string     `json:"backup_set"`
	CreatedAt time.Time  `json:"created_at"`
	CreatedBy runs.Actor `json:"created_by"`

	// Origin is the tenant that the objects of the set were read from, Manifest
	// the digest of the set's manifest when the restore was created.
	Origin   string `json:"origin"`
	Manifest string `json:"manifest"`

	UpdatedAt time.Time `json:"updated_at"`
	Revision  int64     `json:"revision"` // of this document; see [Store]
	Fence     int64     `json:"-"`        // of who may write the items; see [Journal]

	// RerunOf is the restore whose unfinished items this one takes up again.
	RerunOf string `json:"rerun_of,omitempty"`

	Scope   Scope     `json:"scope"`
	Mapping []Mapping `json:"mapping"` // by kind and id

	// Preview and Execution are the last ones; nil if there was none yet.
	Preview   *Preview   `json:"preview,omitempty"`
	Execution *Execution `json:"execution,omitempty"`
}

// A Scope says which items of the set are restored.
type Scope struct {
	// Items are the chosen ones; nil means all.
	Items []inventory.Ref `json:"items,omitempty"`
}

// Has reports whether an item is to be restored. Pages call it.
func (s Scope) Has(ref inventory.Ref) bool {
	return s.Items == nil || slices.Contains(s.Items, ref)
}

// A Preview says what a restore.preview has found.
type Preview struct {
	Run string    `json:"run"`
	At  time.Time `json:"at"`

	// Fingerprint is that of the document when the preview began. One that is
	// not the document's any more makes the preview stale.
	Fingerprint string `json:"fingerprint"`

	Decisions map[Decision]int `json:"decisions"` // items by what is to be done with them

	// Blockers keep the restore from being executed, whatever is acknowledged.
	Blockers []Blocker `json:"blockers,omitempty"`

	// Warnings, safe to show, keep nothing from being executed. Who acknowledges
	// the preview should know them.
	Warnings []string `json:"warnings,omitempty"`

	// Approvals is how many writes a second administrator may have to approve,
	// if the tenant asks for that.
	Approvals int `json:"approvals,omitempty"`

	// Consent are the kinds, sorted, that give people power over the tenant and
	// would be written. An execution writes those that [ExecuteInput] names.
	Consent []string `json:"consent,omitempty"`
}

// Clone returns a copy of p that shares nothing with it; nil of nil.
func (p *Preview) Clone() *Preview {
	if p == nil {
		return nil
	}
	c := *p
	c.Decisions, c.Blockers = maps.Clone(p.Decisions), slices.Clone(p.Blockers)
	c.Warnings, c.Consent = slices.Clone(p.Warnings), slices.Clone(p.Consent)
	return &c
}

// A Blocker is a reason for which a restore cannot be executed.
type Blocker struct {
	Reason  runs.Reason `json:"reason"`
	Message string      `json:"message"`
}

// An Execution says what a restore.execute has done.
type Execution struct {
	Run     string         `json:"run"`
	DryRun  bool           `json:"dry_run"`
	At      time.Time      `json:"at"`
	Results map[Result]int `json:"results"` // items by what became of them
}

// Clone returns a copy of e that shares nothing with it; nil of nil.
func (e *Execution) Clone() *Execution {
	if e == nil {
		return nil
	}
	c := *e
	c.Results = maps.Clone(e.Results)
	return &c
}

// Status says how far the restore is, in the words of the hub. A dry run changes
// nothing, so it is no execution here.
func (r *Restore) Status() string {
	switch {
	case r.executed():
		return "executed"
	case r.Preview != nil && r.Preview.Fingerprint == r.Fingerprint():
		return "previewed"
	case r.Preview != nil:
		return "stale"
	default:
		return "draft"
	}
}

// executed reports whether the restore was executed, and not only tried out.
func (r *Restore) executed() bool { return r.Execution != nil && !r.Execution.DryRun }

// Fingerprint stands for everything that a preview depends on: the set as it
// was sealed, the scope, and the mapping.
func (r *Restore) Fingerprint() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q\n", r.Tenant, r.Set, r.Manifest)
	fmt.Fprintf(h, "%v\n", r.Scope.Items == nil)
	for _, ref := range r.Scope.Items {
		fmt.Fprintf(h, "%q %q\n", ref.Kind, ref.ID)
	}
	for _, m := range r.Mapping {
		fmt.Fprintf(h, "%q %q %q %q %v\n", m.Kind, m.ID, m.State, m.To, m.Skip)
	}
	return hex.EncodeToString(h.Sum(nil))
}
