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
	SecretMasked    SecretState = "masked"    // Graph gave a placeholder, or nothing where there has to be something
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
// rest is as it was, but for space around it. It lists every secret that it met,
// those included that Graph had masked. Doc has to be a valid JSON object; on an
// error dst is returned as it was.
//
// What a secret is follows from its name, whatever the type and at any depth: its
// own, or the one that stands beside it; see the rule in secret.go. A text that is
// itself JSON or XML is redacted in its place. A placeholder is a secret whatever
// it is called, and so is what Graph leaves out although the object cannot do
// without. What somebody has written into a script, a command line or a
// description cannot be told.
func (t *Type) Redact(dst, doc []byte) ([]byte, []Secret, error) {
	if !json.Valid(doc) {
		return dst, nil, fmt.Errorf("redact %s: invalid JSON", t.Key)
	}
	doc = bytes.TrimSpace(doc)
	if doc[0] != '{' {
		return dst, nil, fmt.Errorf("redact %s: %w", t.Key, errNotObject)
	}
	if !t.rules.suspect(doc) {
		return append(dst, doc...), nil, nil
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

// A hint is what is known of a value by its name and by what stands beside it.
type hint struct {
	secret bool
	state  SecretState // what it is, if the document says so
}

func (r *redactor) value(v []byte) { r.copy(v, hint{}) }

func (r *redactor) copy(v []byte, h hint) {
	switch v[0] {
	case '{':
		r.object(v, h)
	case '[':
		r.out = append(r.out, '[')
		elements(v, func(i int, e []byte) {
			if i > 0 {
				r.out = append(r.out, ',')
			}
			r.in(strconv.Itoa(i), func() { r.copy(e, h) })
		})
		r.out = append(r.out, ']')
	case '"':
		r.text(v, h)
	default:
		r.out = append(r.out, v...)
	}
}

func (r *redactor) in(step string, f func()) {
	r.pointer = append(r.pointer, step)
	f()
	r.pointer = r.pointer[:len(r.pointer)-1]
}

// object copies an object. If it is in the place of a secret, its value is one.
func (r *redactor) object(v []byte, h hint) {
	beside := hintOf(v)
	beside.secret = beside.secret || h.secret
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
			r.copy(m.value, r.hint(m, beside))
		})
		r.path = r.path[:len(r.path)-1]
	})
	r.out = append(r.out, '}')
	for _, name := range missing(v) {
		r.in(name, func() { r.note(SecretMasked) })
	}
}

// hint returns what is known of a member of an object.
func (r *redactor) hint(m member, beside hint) hint {
	switch {
	case string(m.key) == "value" && beside.state != "":
		return hint{true, beside.state}
	case beside.secret && isNamed(m.key):
		// A structure in JSON has names of its own.
		s, _ := text(m.value)
		return hint{secret: string(m.key) != "valueJson" || s == "" || s[0] != '{' && s[0] != '['}
	}
	return hint{secret: secretName(m.key) && !r.rules.open.has(r.path, nil)}
}

// text copies a string.
func (r *redactor) text(v []byte, h hint) {
	s, _ := text(v)
	switch {
	case h.secret && isMask(s) || isMaskAnywhere(s):
		r.note(SecretMasked)
	case h.state == SecretEncrypted && s != "":
		r.note(SecretEncrypted)
	case h.secret && (h.state != "" && s != "" || !saysLittle(s)):
		r.note(SecretWithheld)
		v = []byte(`"` + Mask + `"`)
	case suspectText(v[1 : len(v)-1]):
		redacted, state := redactText(s)
		if state == "" {
			break
		}
		r.note(state)
		if state == SecretWithheld {
			v, _ = json.Marshal(redacted) // a string always can be
		}
	}
	r.out = append(r.out, v...)
}

func (r *redactor) note(state SecretState) {
	r.secrets = append(r.secrets, Secret{Pointer: "/" + strings.Join(r.pointer, "/"), State: state})
}

// hintOf says whether the value that an object holds is a secret by what stands
// beside it, and if so which.
func hintOf(object []byte) hint {
	var h hint
	_ = members(object, func(m member) {
		switch string(m.key) {
		case "@odata.type":
			if s, _ := text(m.value); s == secretSetting && h.state == "" {
				h.state = SecretWithheld
			}
		case "valueState":
			if s, _ := text(m.value); s == "encryptedValueToken" {
				h.state = SecretEncrypted
			}
		case "isEncrypted":
			if string(m.value) == "true" {
				h.state = SecretWithheld
			}
		}
		if isNaming(m.key) {
			s, _ := text(m.value)
			// The first column of a list in the catalog is called that.
			column := string(m.key) == "settingDefinitionId" && strings.HasSuffix(s, "_key")
			h.secret = h.secret || !column && names([]byte(s))
		}
	})
	return h
}

// pointerEscape escapes a step of a JSON pointer.
func pointerEscape(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "~", "~0"), "/", "~1")
}
