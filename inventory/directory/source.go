package directory

import (
	"context"
	"errors"
	"iter"
)

// A Source enumerates the groups of one tenant. It only ever reads.
//
// Its errors end up as the reason for which a run failed, so what may be shown
// is declared with [runs.Public]. It is safe for concurrent use and ends soon
// when ctx does.
type Source interface {
	// Groups yields all groups if link is empty, and else what is at the link:
	// the rest of an enumeration (from [Part].Next) or what has changed since
	// one ([Part].Link). It yields a page at a time; an error comes last.
	// [ErrResync] means that the link is no longer good. The same group may
	// come several times; the last one counts.
	Groups(ctx context.Context, link string) iter.Seq2[Part, error]
}

// A Part is one page of an enumeration.
type Part struct {
	Changes []Change

	// Next is where the enumeration goes on. On the last page it is empty, and
	// Link is where to ask for what changes from now on.
	Next, Link string
}

// A Change says how a group is now. Of LastSeenAt and Missing nothing is looked
// at, and of a group that was removed only the ID.
type Change struct {
	Group
	Removed bool
}

// ErrResync is what a [Source] reports for a link that is too old, or that the
// service does not know any more: everything has to be enumerated again.
var ErrResync = errors.New("link is no longer good")
