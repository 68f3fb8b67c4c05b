package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tenantatlas/tenantatlas/internal/canonjson"
)

// Normalize appends the form of doc that is compared and hashed: canonical
// JSON without what the server adds or changes by itself (ids, times,
// versions, annotations, order of sets, null or empty against missing,
// secrets) and without assignments, which [NormalizeAssignments] treats. Two
// documents are the same configuration if their forms are equal. Normalizing
// a form once more changes nothing. On an error dst is returned as it was.
func (t *Type) Normalize(dst, doc []byte) ([]byte, error) {
	if t.rules.suspect(doc) && json.Valid(doc) { // and if it is not, that is reported below
		r := redactor{rules: &t.rules}
		r.value(bytes.TrimSpace(doc))
		doc = r.out
	}
	out, err := normalize(dst, doc, canonjson.Options{Drop: t.rules.drop, Unordered: t.rules.unordered})
	if err != nil {
		return dst, fmt.Errorf("normalize %s: %w", t.Key, err)
	}
	return out, nil
}

// NormalizeAssignments appends the form of an array of assignments that is
// compared and hashed: sorted, without ids and annotations. A null or absent
// array is an empty one.
func NormalizeAssignments(dst, assignments []byte) ([]byte, error) {
	assignments = bytes.TrimSpace(assignments)
	if len(assignments) == 0 || string(assignments) == "null" {
		assignments = []byte("[]")
	}
	if assignments[0] != '[' || !json.Valid(assignments) {
		return dst, errors.New("normalize assignments: not a JSON array")
	}
	// Only an array that is a member can be a set.
	doc := make([]byte, 0, len(assignments)+len(assignmentsHead)+1)
	doc = append(append(append(doc, assignmentsHead...), assignments...), '}')
	out, err := normalize(nil, doc, canonjson.Options{Drop: dropFromAssignment, Unordered: isAssignments})
	if err != nil {
		return dst, fmt.Errorf("normalize assignments: %w", err)
	}
	out = bytes.TrimSuffix(bytes.TrimPrefix(out, []byte(assignmentsHead)), []byte("}"))
	return append(dst, out...), nil
}

const assignmentsHead = `{"assignments":`

// normalize canonicalises doc and shortens its times.
func normalize(dst, doc []byte, o canonjson.Options) ([]byte, error) {
	o.DropNull = true
	e := canonjson.Encoder{Options: o}
	start := len(dst)
	out, err := e.Append(dst, doc)
	if err != nil {
		return dst, err
	}
	// Shorter times can change the order of a set, so that has to be found
	// anew. Few documents have such times once the generic ones are gone.
	if short, found := shortenTimes(out[start:]); found {
		return e.Append(dst, short)
	}
	return out, nil
}

func isAssignments(path canonjson.Path) bool { return len(path) == 1 }

// dropFromAssignment leaves out of an assignment what does not say who gets
// the object. That it comes from a policy set does: the entry is not ours to
// change.
func dropFromAssignment(path canonjson.Path, value []byte) bool {
	if key := path.Key(); bytes.IndexByte(key, '@') >= 0 {
		return isNoise(path, value, false)
	}
	switch string(path.Key()) {
	case "id", "sourceId":
		return len(path) == 2
	case "source":
		return len(path) == 2 && string(value) == `"direct"`
	case "deviceAndAppManagementAssignmentFilterId":
		return isEmpty(value) || string(value) == `"`+zeroID+`"`
	case "deviceAndAppManagementAssignmentFilterType":
		return string(value) == `"none"`
	}
	return len(path) > 1 && isEmpty(value)
}

// zeroID is how some services say that there is no reference.
const zeroID = "00000000-0000-0000-0000-000000000000"

func (r *rules) unordered(path canonjson.Path) bool { return r.sets.has(path, nil) }

// drop decides about a member of a document; its value is canonical.
func (r *rules) drop(path canonjson.Path, value []byte) bool {
	return isEmpty(value) || isMaskedSecret(path.Key(), value) || isNoise(path, value, r.plain) || r.noise.has(path, value)
}

// isEmpty reports whether value is what Graph also leaves out or gives as
// null, depending on the day.
func isEmpty(value []byte) bool { return len(value) == 2 && (value[0] == '"' || value[0] == '[') }

// isMaskedSecret reports whether a member is a placeholder for a secret: Graph gives
// the same one as null on another day.
func isMaskedSecret(key, value []byte) bool {
	return value[0] == '"' && (value[1] == '*' || value[1] == 'P') && isMask(string(value[1:len(value)-1])) && secretName(key)
}

// isNoise reports whether a member is noise in any document. plain means that
// the document's own @odata.type is.
func isNoise(path canonjson.Path, value []byte, plain bool) bool {
	key := path.Key()
	switch {
	case len(key) > 0 && key[0] == '#': // an action that could be called
		return true
	case bytes.IndexByte(key, '@') < 0:
		return isSecretSetting(key, value)
	case string(key) != "@odata.type":
		// A bound reference is content: an export may have nothing else.
		return !bytes.HasSuffix(key, []byte("@odata.bind"))
	case len(path) == 1:
		return plain
	}
	return !isPolymorphic(string(path[len(path)-2])) || isDeclared(odataName(string(bytes.Trim(value, `"`))))
}

// isSecretSetting reports whether a member holds a secret of the settings
// catalog. Graph gives a token for it, a new one after every write.
func isSecretSetting(key, value []byte) bool {
	switch string(key) {
	case "simpleSettingValue", "simpleSettingCollectionValue":
		return bytes.Contains(value, []byte(secretSetting))
	}
	return false
}

const secretSetting = "#microsoft.graph.deviceManagementConfigurationSecretSettingValue"

// shortenTimes cuts trailing zeros off the fractions of seconds in canonical
// JSON and reports whether there were any: services differ in how many digits
// they send.
func shortenTimes(doc []byte) ([]byte, bool) {
	var out []byte
	done := 0
	for i := 0; ; {
		n := bytes.Index(doc[i:], []byte(`Z"`))
		if n < 0 {
			break
		}
		i += n
		if end, ok := fraction(doc[:i]); ok {
			out = append(out, doc[done:end]...)
			done = i
		}
		i += 2
	}
	if done == 0 {
		return doc, false
	}
	return append(out, doc[done:]...), true
}

// fraction returns where the superfluous end of a time begins, if text ends in
// a quote and a time that has one.
func fraction(text []byte) (int, bool) {
	digits := len(text)
	for digits > 0 && '0' <= text[digits-1] && text[digits-1] <= '9' {
		digits--
	}
	const head = len(`"2006-01-02T15:04:05`)
	start := digits - 1 - head
	if digits == len(text) || start < 0 || text[digits-1] != '.' || !isTime(text[start:digits-1]) || start > 0 && text[start-1] == '\\' {
		return 0, false
	}
	end := len(text)
	for text[end-1] == '0' {
		end--
	}
	if text[end-1] == '.' {
		end--
	}
	return end, end < len(text)
}

// isTime reports whether text looks like a quote and a time.
func isTime(text []byte) bool {
	for i, want := range []byte(`"0000-00-00T00:00:00`) {
		c := text[i]
		if want == '0' && (c < '0' || c > '9') || want != '0' && c != want {
			return false
		}
	}
	return true
}
