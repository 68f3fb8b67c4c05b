package inventory

import "errors"

// What a [Source] reports for a sync to react to.
var (
	// ErrNoCollection means that the service has no such collection for this
	// tenant. The kinds of it are skipped.
	ErrNoCollection = errors.New("tenant has no such collection")

	// ErrGone means that an object was listed and then was not there any more.
	ErrGone = errors.New("object is gone")
)
