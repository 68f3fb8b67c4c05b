package inventory

import (
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A Sync names the run that writes to a [Store].
type Sync struct {
	Tenant    string
	Run       string // ID of the run
	Selection string // [Selection.Hash]
}

// Coverage says how far one run knows one kind.
type Coverage struct {
	Kind string `json:"kind"`

	// Status is succeeded if every object of the kind was listed and read,
	// failed if not, and skipped if the tenant has no such collection. Only
	// the first says anything about objects that were not seen. What could be
	// read of a kind that has failed is kept: an object without a usable ID
	// keeps no other one from being brought up to date.
	Status runs.ItemOutcome `json:"status"`
	Reason runs.Reason      `json:"reason,omitempty"` // why not succeeded

	Pages   int `json:"pages"`   // that the lists of the kind had, those with other kinds' objects included
	Listed  int `json:"listed"`  // objects on them, as often as they came
	Objects int `json:"objects"` // different ones, which the inventory now has

	New       int `json:"new"`
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"`

	// Repeated counts objects that came more than once in a list, Vanished
	// those that were gone when they were to be read. If there are any, the
	// list has changed while it was read and may have lost an object on the
	// way.
	Repeated int `json:"repeated,omitempty"`
	Vanished int `json:"vanished,omitempty"`

	// ChildrenExpected is how many parts the objects that were read whole said
	// to have, ChildrenRead how many of those came. Objects that do not say
	// count in neither.
	ChildrenExpected int `json:"children_expected,omitempty"`
	ChildrenRead     int `json:"children_read,omitempty"`

	Warnings int `json:"warnings,omitempty"` // places in documents that were not understood

	// Full says that every object was read whole, not only those that had
	// moved.
	Full bool `json:"full,omitempty"`

	// At is when the kind was done with. It is later than that of every
	// coverage of the kind before; see [Known].
	At time.Time `json:"at"`
}

// Succeeded reports whether the kind was covered.
func (c *Coverage) Succeeded() bool { return c.Status == runs.ItemSucceeded }

// Inconsistent reports whether the list of the kind has changed while it was
// read.
func (c *Coverage) Inconsistent() bool { return c.Repeated > 0 || c.Vanished > 0 }

// A Report is the coverage of one run.
type Report struct {
	Run         string     `json:"run"`
	Selection   string     `json:"selection"`
	CompletedAt time.Time  `json:"completed_at,omitzero"` // zero while the run goes on, or if it never came to its end
	Kinds       []Coverage `json:"kinds"`                 // by kind; those that are done with
}
