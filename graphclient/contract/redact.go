package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/tenantatlas/tenantatlas/internal/canonjson"
)

// A Secret is a value that a document does not hold in clear, or must not be
// kept.
type Secret struct {
	Pointer string // JSON pointer to the value in the document as it was
	State   SecretState
}

// A SecretState says what became of a secret.
type SecretState string

// The states. The first three mean that a restore elsewhere needs input.
const (
	SecretMasked    SecretState = "masked"    // Graph gave a placeholder
	SecretEncrypted SecretState = "encrypted" // Graph gave a token that only this tenant understands
	SecretWithheld  SecretState = "withheld"  // Redact replaced a value in clear
	SecretDropped   SecretState = "dropped"   // Redact removed a live credential
)

// Mask is what [Type.Redact] writes in place of a secret, and what Graph
// itself gives for most.
const Mask = "****"

// maskXML is what Graph gives for a secret that is XML: "<a/>" in base64.
const maskXML = "PGEvPg=="

// Redact appends doc as it may be kept: live credentials (enrolment tokens,
// QR codes) are left out, secrets in clear are replaced by [Mask], and the
// rest is as it was, byte by byte. It lists every secret that it met, those
// included that Graph had masked. Doc has to be a valid JSON object; on an
// error dst is returned as it was.
func (t *Type) Redact(dst, doc []byte) ([]byte, []Secret, error) {
	if !json.Valid(doc) {
		return dst, nil, fmt.Errorf("redact %s: invalid JSON", t.Key)
	}
	doc = bytes.TrimSpace(doc)
	if doc[0] != '{' {
		return dst, nil, fmt.Errorf("redact %s: %w", t.Key, errNotObject)
	}
	r := redactor{rules: &t.rules, out: dst}
	r.value(doc)
	return r.out, r.secrets, nil
}

// A redactor copies one document.
type redactor struct {
	rules   *rules
	out     []byte
	secrets []Secret
	path    canonjson.Path // without the indexes of arrays
	pointer []string       // with them
}

func (r *redactor) value(v []byte) {
	switch v[0] {
	case '{':
		r.object(v)
	case '[':
		r.out = append(r.out, '[')
		elements(v, func(i int, e []byte) {
			if i > 0 {
				r.out = append(r.out, ',')
			}
			r.in(strconv.Itoa(i), func() { r.value(e) })
		})
		r.out = append(r.out, ']')
	default:
		r.out = append(r.out, v...)
	}
}

func (r *redactor) in(step string, f func()) {
	r.pointer = append(r.pointer, step)
	f()
	r.pointer = r.pointer[:len(r.pointer)-1]
}

func (r *redactor) object(v []byte) {
	state := stateOf(v)
	first := true
	r.out = append(r.out, '{')
	// The document is valid, and so is every object in it.
	_ = members(v, func(m member) {
		r.path = append(r.path, m.key)
		r.in(pointerEscape(string(m.key)), func() {
			if r.rules.live.has(r.path, nil) {
				if string(m.value) != "null" {
					r.note(SecretDropped)
				}
				return
			}
			if !first {
				r.out = append(r.out, ',')
			}
			first = false
			r.out = append(append(r.out, m.text...), ':')
			r.member(string(m.key), m.value, state)
		})
		r.path = r.path[:len(r.path)-1]
	})
	r.out = append(r.out, '}')
}

// member copies the value of one member of an object in the given state.
func (r *redactor) member(key string, value []byte, state SecretState) {
	s, isText := text(value)
	isSecret := r.rules.masks.has(r.path, nil) || key == "value" && state != ""
	switch {
	case !isText || s == "" || !isSecret:
		r.value(value)
	case isMask(s):
		r.note(SecretMasked)
		r.value(value)
	case state == SecretEncrypted:
		r.note(SecretEncrypted)
		r.value(value)
	default:
		r.note(SecretWithheld)
		r.out = append(r.out, `"`+Mask+`"`...)
	}
}

func (r *redactor) note(state SecretState) {
	r.secrets = append(r.secrets, Secret{Pointer: "/" + strings.Join(r.pointer, "/"), State: state})
}

// stateOf says whether the property "value" of an object is a secret by what
// stands beside it, and if so which.
func stateOf(object []byte) SecretState {
	var state SecretState
	_ = members(object, func(m member) {
		switch string(m.key) {
		case "@odata.type":
			if s, _ := text(m.value); s == secretSetting && state == "" {
				state = SecretWithheld
			}
		case "valueState":
			if s, _ := text(m.value); s == "encryptedValueToken" {
				state = SecretEncrypted
			}
		case "isEncrypted":
			if string(m.value) == "true" {
				state = SecretWithheld
			}
		}
	})
	return state
}

// isMask reports whether s is a placeholder for a secret.
func isMask(s string) bool { return s == maskXML || strings.Trim(s, "*") == "" }

// pointerEscape escapes a step of a JSON pointer.
func pointerEscape(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "~", "~0"), "/", "~1")
}
