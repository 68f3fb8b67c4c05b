package contract

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"io"
)

// A text can be a document of its own: the payload of a custom profile, the
// settings of an app, an exported Wi-Fi profile. It is JSON or XML, plain or in
// base64. Secrets in it are replaced where they stand, so that the rest can still
// be read and compared.

// redactText returns the document that s is without its secrets, and what became of
// them; no state if it has none, or s is no document.
func redactText(s string) (string, SecretState) {
	doc, encoded := []byte(s), false
	if isBase64Document(doc) {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return s, ""
		}
		doc, encoded = b, true
	}
	var out []byte
	var state SecretState
	switch body := bytes.TrimSpace(bytes.TrimPrefix(doc, []byte("\uFEFF"))); {
	case len(body) == 0:
	case (body[0] == '{' || body[0] == '[') && json.Valid(body):
		out, state = redactJSON(body)
	case body[0] == '<':
		out, state = redactXML(body)
	}
	switch {
	case state != SecretWithheld:
		return s, state
	case encoded:
		return base64.StdEncoding.EncodeToString(out), state
	}
	return string(out), state
}

// isBase64Document reports whether s is what base64 makes of text that begins as
// JSON or XML does.
func isBase64Document(s []byte) bool {
	if len(s) < 8 || len(s)%4 != 0 || s[0] != 'P' && s[0] != 'e' && s[0] != 'W' && !bytes.HasPrefix(s, []byte("77u/")) {
		return false
	}
	var head [6]byte
	n, err := base64.StdEncoding.Decode(head[:], s[:8])
	if err != nil || n == 0 {
		return false
	}
	switch head[0] {
	case '{', '[':
		return bytes.IndexByte([]byte("\"{[ \r\n\t"), head[1]) >= 0
	}
	return head[0] == '<' || head[0] == 0xEF
}

func redactJSON(doc []byte) ([]byte, SecretState) {
	r := redactor{rules: &rules{}}
	if !r.rules.suspect(doc) {
		return doc, ""
	}
	r.value(doc)
	var state SecretState
	for _, s := range r.secrets {
		if state = s.State; state == SecretWithheld {
			break
		}
	}
	return r.out, state
}

// redactXML does the same with elements and attributes by their names, with the
// pairs of a property list, and with attributes of which one names the other.
func redactXML(doc []byte) ([]byte, SecretState) {
	x := xmlRedactor{doc: doc}
	d := xml.NewDecoder(bytes.NewReader(doc))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // only ASCII matters
	for {
		start := d.InputOffset()
		token, err := d.RawToken()
		if err != nil { // the end, or no XML from here on
			return append(x.out, doc[x.done:]...), x.state
		}
		x.token(token, int(start), int(d.InputOffset()))
	}
}

type xmlRedactor struct {
	doc   []byte
	out   []byte
	done  int // of doc
	state SecretState

	element string // that was opened last and not closed; else empty
	key     []byte // the text of a property list's key, until its value has come
}

func (x *xmlRedactor) token(token xml.Token, start, end int) {
	switch t := token.(type) {
	case xml.StartElement:
		x.element = t.Name.Local
		if t.Name.Local == "dict" || t.Name.Local == "array" {
			x.key = nil
		}
		x.attributes(t.Attr, start, end)
	case xml.EndElement:
		if x.element != "key" {
			x.key = nil
		}
		x.element = ""
	case xml.CharData:
		switch text := string(bytes.TrimSpace(t)); {
		case text == "" || x.element == "":
		case x.element == "key":
			x.key = []byte(text)
		case secretName([]byte(x.element)) || (x.element == "string" || x.element == "data") && names(x.key):
			x.replace(text, start, end)
		}
	}
}

// attributes looks at those of the element that stands between start and end.
func (x *xmlRedactor) attributes(all []xml.Attr, start, end int) {
	named := false
	for _, a := range all {
		switch a.Name.Local {
		case "name", "key", "Name", "Key":
			named = named || names([]byte(a.Value))
		}
	}
	at := start
	for _, a := range all { // as they stand there, each as name="value"
		from := at + bytes.IndexAny(x.doc[at:end], `"'`) + 1
		to := from + bytes.IndexByte(x.doc[from:end], x.doc[from-1])
		if secretName([]byte(a.Name.Local)) || named && (a.Name.Local == "value" || a.Name.Local == "Value") {
			x.replace(a.Value, from, to)
		}
		at = to + 1
	}
}

// replace masks what stands between start and end, which is text.
func (x *xmlRedactor) replace(text string, start, end int) {
	switch {
	case saysLittle(text):
	case isMask(text):
		if x.state == "" {
			x.state = SecretMasked
		}
	default:
		x.state = SecretWithheld
		x.out = append(append(x.out, x.doc[x.done:start]...), Mask...)
		x.done = end
	}
}
