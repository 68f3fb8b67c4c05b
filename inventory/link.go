package inventory

import "github.com/tenantatlas/tenantatlas/graphclient/contract"

// A Link is one typed edge from an item to something that it refers to.
type Link struct {
	From Ref               `json:"from"`
	Type contract.Relation `json:"type"`
	To   LinkTarget        `json:"to"`
	// Exclude says that the target is taken out: an excluded group, a filter
	// that excludes.
	Exclude bool `json:"exclude,omitempty"`
	// Missing is derived whenever a link is read. It says that the target's
	// kind is in the inventory, and the target is not or is missing itself. It
	// says nothing about groups and other targets that are no items.
	Missing bool `json:"missing"`
}

// A LinkTarget is what a [Link] leads to: an item, or something outside of the
// inventory such as a group.
type LinkTarget struct {
	Kind string `json:"kind"`           // of an item, or a Target constant of package contract
	ID   string `json:"id,omitempty"`   // empty for targets without one, such as all users
	Name string `json:"name,omitempty"` // of the item, else the last that is known; empty if none is
}

// Ref names the item that t is, if it is one.
func (t LinkTarget) Ref() Ref { return Ref{t.Kind, t.ID} }
