package inventory

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// A Ref names an item within a tenant.
type Ref struct {
	Kind string `json:"kind"` // key of the contract, or that of [contract.Unknown]
	ID   string `json:"id"`   // the object's own id; a singleton's is its kind
}

// An Item is what the inventory knows about one object of a tenant. It says
// when the object was there, never that it is gone.
type Item struct {
	Kind     string            `json:"kind"`
	ID       string            `json:"external_id"`            // as in [Ref]
	Name     string            `json:"display_name,omitempty"` // empty if the object has none
	Platform contract.Platform `json:"platform,omitempty"`
	Category contract.Category `json:"category"`

	ScopeTags []string          `json:"scope_tags,omitempty"` // ids, sorted
	Assigned  Assigned          `json:"assigned,omitzero"`
	Meta      map[string]string `json:"meta,omitempty"` // of the keys below, no others

	// Hash identifies the configuration: equal configurations have equal
	// hashes, whatever their ids and times are. AssignmentsHash does the same
	// for who gets the object; it is empty if objects of the kind are not
	// assigned. Both are the names of contents; see [Reader.Content].
	Hash            string `json:"hash"`
	AssignmentsHash string `json:"assignments_hash,omitempty"`

	ModifiedAt  time.Time `json:"modified_at,omitzero"` // as the object says; zero if it does not
	FirstSeenAt time.Time `json:"first_seen_at"`
	LastSeenAt  time.Time `json:"last_seen_at"`
	LastSeenRun string    `json:"last_seen_run"`

	// Hidden says that an administrator does not want to see the item. It has
	// nothing to do with whether the object exists.
	Hidden bool `json:"hidden,omitempty"`

	// Missing and Confidence are derived whenever an item is read; see [Query].
	Missing    bool       `json:"missing"`
	Confidence Confidence `json:"confidence,omitempty"` // of Missing; empty if it is false
}

// Ref names i.
func (i *Item) Ref() Ref { return Ref{i.Kind, i.ID} }

// The keys of [Item.Meta].
const (
	MetaOData    = "odata_type" // without "#microsoft.graph.", if the kind has several
	MetaParent   = "parent"     // the id of the object that this one was listed under
	MetaProvided = "provided"   // "true" if the service made the object
)

// Assigned counts to whom an object is assigned.
type Assigned struct {
	Groups     int  `json:"groups,omitempty"`   // included groups
	Excluded   int  `json:"excluded,omitempty"` // excluded groups
	AllUsers   bool `json:"all_users,omitempty"`
	AllDevices bool `json:"all_devices,omitempty"`
	Other      int  `json:"other,omitempty"`   // targets of any other type
	Filters    int  `json:"filters,omitempty"` // targets that a filter narrows
}

// A Confidence says how sure it is that a missing item is not there.
type Confidence string

// The confidences.
const (
	// ConfidenceLow means that the item was missed once only, or that the list
	// which it was missed in changed while it was read.
	ConfidenceLow Confidence = "low"
	// ConfidenceHigh means that two runs in a row have missed the item, the
	// last of them in a list that did not change meanwhile.
	ConfidenceHigh Confidence = "high"
)

// A Document is an item with its contents.
type Document struct {
	Item
	// Content is the configuration, children included: JSON without the
	// object's id, times and version, and with a mask in place of every secret.
	Content json.RawMessage `json:"content"`
	// Assignments is the array of assignments as it is compared, without ids;
	// nil if objects of the kind are not assigned.
	Assignments json.RawMessage `json:"assignments,omitempty"`
}

// Fold returns s in the form in which names are sorted and searched, so that
// all stores do it in the same way: in lower case, without space around it.
func Fold(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
