package graphclient

import "strings"

// A Cause says what a request was refused for, where Graph's text is one that is
// known. It is a stable code to store.
type Cause string

// The causes.
const (
	CauseAbstractType  Cause = "abstract_type"   // no type or a wrong one; at times also a property that cannot be set
	CauseReadOnly      Cause = "read_only"       // a property that cannot be set
	CauseBlockAction   Cause = "block_action"    // a compliance policy without its one block action
	CauseScopeTag      Cause = "scope_tag"       // a scope tag that the application's role does not have
	CauseUnknownFilter Cause = "unknown_filter"  // an assignment with a filter that is not there
	CauseNotPublished  Cause = "not_published"   // an app or a file that is still processed
	CauseDefaults      Cause = "tenant_defaults" // security defaults are on
	CauseReference     Cause = "reference"       // something that is referred to is not there
)

// causes are the known texts, in lower case, by what they hold, and the codes.
var causes = []struct { //nolint:gochecknoglobals // a constant table
	text  string
	cause Cause
}{
	{"cannot create an abstract class", CauseAbstractType},
	{"is read-only", CauseReadOnly},
	{"one and only one block scheduled action", CauseBlockAction},
	{"added a tag which is not allowed by the current role", CauseScopeTag},
	{"scope tags validation failed : filters", CauseUnknownFilter},
	{"not yet published", CauseNotPublished},
	{"uploadinprogress", CauseNotPublished},
	{"security defaults is enabled", CauseDefaults},
}

// causeOf returns the cause that a message or a code says; empty if none is known.
func causeOf(code, message string) Cause {
	message = strings.ToLower(message[:min(len(message), 4096)])
	for _, k := range causes {
		if strings.Contains(message, k.text) {
			return k.cause
		}
	}
	if strings.EqualFold(code, "InvalidReferenceId") {
		return CauseReference
	}
	return ""
}
