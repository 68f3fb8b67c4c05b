package inventory

import (
	"errors"

	"github.com/tenantatlas/tenantatlas/runs"
)

// What a [Store] reports: the errors of package runs, so that a program needs
// to know one set only.
var (
	ErrNotFound         = runs.ErrNotFound         // there is no such thing in this tenant
	ErrBadCursor        = runs.ErrBadCursor        // the cursor is of another list
	ErrInvalid          = runs.ErrInvalid          // no store keeps this
	ErrStoreUnavailable = runs.ErrStoreUnavailable // try again later
)

// What a [Source] reports for a sync to react to.
var (
	// ErrNoCollection means that the service has no such collection for this
	// tenant. The kinds of it are skipped.
	ErrNoCollection = errors.New("tenant has no such collection")

	// ErrGone means that an object was listed and then was not there any more.
	ErrGone = errors.New("object is gone")
)
