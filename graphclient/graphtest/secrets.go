package graphtest

import (
	"bytes"
	"strings"
)

// Secrets go in plain and never come out of a read again.
// Source: policytypes customConfiguration and configurationPolicy.

// What a masked OMA value reads as: stars, or the base64 of "<a/>" for XML.
const (
	maskedText = `"****"`
	maskedXML  = `"PGEvPg=="`
)

// secret returns value as reads show it and keeps what it hides.
func (in ingester) secret(name string, value []byte) []byte {
	switch {
	case name == "omaSettings" && isArray(value):
		return in.maskOMA(value)
	case name == "settingInstance" && bytes.Contains(value, []byte("SecretSettingValue")):
		return in.encryptSettings(value)
	}
	return value
}

// maskOMA hides the values of encrypted OMA settings. Each is kept under its
// secretReferenceValueId, which it gets when it has none.
func (in ingester) maskOMA(settings []byte) []byte {
	dst := make([]byte, 0, len(settings))
	dst = append(dst, '[')
	for s := range elements(settings) {
		if len(dst) > 1 {
			dst = append(dst, ',')
		}
		dst = append(dst, in.maskSetting(s)...)
	}
	return append(dst, ']')
}

func (in ingester) maskSetting(s []byte) []byte {
	if string(member(s, "isEncrypted")) != "true" {
		return s
	}
	value := member(s, "value")
	if shown := string(value); shown == maskedText || shown == maskedXML || value == nil {
		return s
	}
	id := text(member(s, "secretReferenceValueId"))
	if id == "" {
		id = guid("secret", in.t.id, string(s))
	}
	in.t.secrets[id] = bytes.Clone(value)
	mask := maskedText
	if strings.HasSuffix(text(member(s, "@odata.type")), "omaSettingStringXml") {
		mask = maskedXML
	}
	s = setMember(s, "value", []byte(mask))
	return setMember(s, "secretReferenceValueId", quote(nil, id))
}

// encryptSettings replaces every plain secret of a catalog setting by a token
// that means nothing anywhere else.
func (in ingester) encryptSettings(value []byte) []byte {
	switch {
	case isObject(value):
		switch string(member(value, "valueState")) {
		case `"encryptedValueToken"`: // whoever may write it has checked that it is the tenant's
			in.t.secrets[text(member(value, "value"))] = []byte("null")
		case `"notEncrypted"`:
			token := guid("secret", in.t.id, string(member(value, "value")))
			in.t.secrets[token] = bytes.Clone(member(value, "value"))
			value = setMember(value, "value", quote(nil, token))
			return setMember(value, "valueState", []byte(`"encryptedValueToken"`))
		}
		w := newObject(len(value))
		for k, v := range membersOf(value) {
			w.raw(k, in.encryptSettings(v))
		}
		return w.bytes()
	case isArray(value):
		dst := append(make([]byte, 0, len(value)), '[')
		for v := range elements(value) {
			if len(dst) > 1 {
				dst = append(dst, ',')
			}
			dst = append(dst, in.encryptSettings(v)...)
		}
		return append(dst, ']')
	}
	return value
}
