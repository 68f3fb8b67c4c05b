package backup

import (
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A Set is a collection of versions of objects of one tenant. Items are added
// by runs; those of a run that has not come to its end are in no list.
type Set struct {
	ID          string     `json:"id"`
	Tenant      string     `json:"tenant"`
	Name        string     `json:"name"`
	Description string     `json:"description,omitempty"`
	CreatedAt   time.Time  `json:"created_at"`
	CreatedBy   runs.Actor `json:"created_by"`

	// Origin is the tenant that the objects were read from, if it is another
	// one: the set was imported.
	Origin string `json:"origin,omitempty"`

	// Items is how many items the set has, and Sealed when the last of them
	// was added; zero if the set is empty still.
	Items  int       `json:"items"`
	Sealed time.Time `json:"sealed_at,omitzero"`

	// Manifest is the digest of the set's manifest, and Seq the number of its
	// link in the tenant's chain; see [Link].
	Manifest string `json:"manifest,omitempty"`
	Seq      int64  `json:"seq,omitempty"`

	// Complete is that of the set's certificate.
	Complete bool `json:"complete"`
}

// Limits of what people write about a set.
const (
	MaxName        = 200
	MaxDescription = 2000
)

// A SetQuery selects sets of one tenant, newest first.
type SetQuery struct {
	Tenant string // required
	After  Cursor // the Next of the page before
	Limit  int    // 0 means 50; more than [runs.MaxLimit] means that
}

// A SetPage is one part of a list of sets.
type SetPage struct {
	Sets []Set
	Next Cursor // empty on the last page
}

// A Cursor is a position in a list, opaque to callers.
type Cursor = runs.Cursor

// An Item is an object's place in a set.
type Item struct {
	Set string `json:"backup_set"`
	Version
}

// An ItemQuery selects items of one set.
type ItemQuery struct {
	Tenant string // required
	Set    string // required
	Kind   string // if not empty
	Text   string // if not empty: the folded name contains it; see [inventory.Fold]

	// Staged selects also what a run has added that has not come to its end.
	Staged bool

	After Cursor
	Limit int // 0 means 50; more than [runs.MaxLimit] means that
}

// An ItemPage is one part of a list of items.
type ItemPage struct {
	Items []Item
	Next  Cursor // empty on the last page
}

// A Version is one state of one object, as it was captured. It never changes.
type Version struct {
	// ID is the digest of the version's payload; see [Payload].
	ID string `json:"version"`

	Kind     string            `json:"kind"`
	Object   string            `json:"external_id"` // as in [inventory.Ref]
	Name     string            `json:"display_name,omitempty"`
	Platform contract.Platform `json:"platform,omitempty"`
	Category contract.Category `json:"category"`

	// Hash and AssignmentsHash are those of [inventory.Item]: two versions with
	// equal ones are the same configuration.
	Hash            string `json:"hash"`
	AssignmentsHash string `json:"assignments_hash,omitempty"`

	ModifiedAt time.Time `json:"modified_at,omitzero"` // as the object says
	CapturedAt time.Time `json:"captured_at"`
	Run        string    `json:"run"` // that captured it

	Size       int `json:"size"`                 // bytes of the payload
	Children   int `json:"children,omitempty"`   // parts that the object said to have, all of them read
	Secrets    int `json:"secrets,omitempty"`    // values that a restore needs input for
	Unresolved int `json:"unresolved,omitempty"` // groups in assignments whose names are not known
}

// Ref names the object.
func (v *Version) Ref() inventory.Ref { return inventory.Ref{Kind: v.Kind, ID: v.Object} }

// A Quality is something that a version lacks.
type Quality string

// The qualities. They are derived when they are asked for, never stored: what a
// release knows of a kind may change.
const (
	QualityMetadataOnly       Quality = "metadata_only"        // objects of the kind cannot be restored
	QualityAssignmentsUnknown Quality = "assignments_unknown"  // who gets the object was not read
	QualityOrphaned           Quality = "orphaned_assignments" // a group in the assignments is not known
	QualityMaskedSecrets      Quality = "masked_secrets"       // the service did not give a secret away
)

// Quality says what v lacks.
func (v *Version) Quality() []Quality {
	var all []Quality
	t, ok := contract.Lookup(v.Kind)
	if !ok || t.Write.Support == contract.InventoryOnly {
		all = append(all, QualityMetadataOnly)
	}
	if ok && v.AssignmentsHash == "" && hasAssignments(t) {
		all = append(all, QualityAssignmentsUnknown)
	}
	if v.Unresolved > 0 {
		all = append(all, QualityOrphaned)
	}
	if v.Secrets > 0 {
		all = append(all, QualityMaskedSecrets)
	}
	return all
}

// hasAssignments reports whether objects of the kind have assignments of their
// own, apart from their content.
func hasAssignments(t *contract.Type) bool {
	return t.Assign.Read != contract.AssignedNowhere && t.Assign.Read != contract.AssignedInBody
}
