package contract

import (
	"bytes"
	"slices"
	"strings"
)

// secretName reports whether a value of that name is a secret. It goes by how the
// name ends, since what comes last says what a value is: a "wifiPassword" is one, a
// "passwordMinimumLength" is a length. So it knows the properties of types that
// are still to come, and the keys that administrators give to apps.
func secretName(name []byte) bool {
	if len(name) == 0 {
		return false
	}
	switch name[len(name)-1] | 0x20 {
	case 's':
		one := name[:len(name)-1]
		return !isWord(one, "pin") && len(one) > 0 && one[len(one)-1]|0x20 != 's' && secretName(one)
	case 'd':
		return ends(name, "password") || ends(name, "passwd") || isWord(name, "pwd")
	case 'e':
		return ends(name, "passphrase") || ends(name, "passcode") || ends(name, "challenge") || isCode(name) ||
			strings.EqualFold(string(name), "license") ||
			ends(name, "value") && !ends(name, "keyvalue") && secretName(name[:len(name)-len("value")])
	case 't':
		return ends(name, "secret") || ends(name, "qrcodecontent") || ends(name, "agentcommandlineargument") ||
			ends(name, "text") && secretName(name[:len(name)-len("text")])
	case 'n':
		return ends(name, "token") && !ends(name, "createtoken") || isWord(name, "pin")
	case 'y':
		return isKey(name)
	case 'k':
		return isWord(name, "psk")
	case 'l':
		return ends(name, "credential") || ends(name, "keymaterial")
	case 'b':
		return ends(name, "boardingblob") || ends(name, "pfxblob")
	case 'o':
		return ends(name, "boardinginfo")
	case 'g':
		return ends(name, "passwordformatstring")
	case 'h':
		return ends(name, "passwordhash")
	case 'x':
		return isWord(name, "pfx")
	}
	return false
}

// isKey reports whether a key of that name opens something. Most do; the others
// are names of entries, or made to be public.
func isKey(name []byte) bool {
	for _, compound := range []string{"apikey", "sharedkey", "privatekey", "wifikey", "pidkey", "accesskey", "productkey"} {
		if ends(name, compound) {
			return true
		}
	}
	if len(name) == len("key") || !isWord(name, "key") {
		return false
	}
	for _, other := range []string{"appconfigkey", "publickey", "public_key", "registrykey", "itemkey", "skipkey", "sortkey"} {
		if ends(name, other) {
			return false
		}
	}
	return true
}

// isCode reports whether a code of that name lets somebody in or out.
func isCode(name []byte) bool {
	if !ends(name, "code") {
		return false
	}
	for _, of := range []string{"modeexit", "bypass", "unlock", "pairing", "activation", "access", "pin"} {
		if ends(name[:len(name)-len("code")], of) {
			return true
		}
	}
	return false
}

// ends reports whether name ends so, in whatever case.
func ends(name []byte, end string) bool {
	return len(name) >= len(end) && strings.EqualFold(string(name[len(name)-len(end):]), end)
}

// isWord reports whether the last word of name is that one: what is too short to
// be told by its letters, as in "mapping" and "monkey".
func isWord(name []byte, word string) bool {
	if !ends(name, word) {
		return false
	}
	at := len(name) - len(word)
	return at == 0 || !isLetter(name[at-1]) || isUpper(name[at]) && !isUpper(name[at-1])
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

// isNaming reports whether a member says of what the value beside it is, as the
// key of an app's setting does.
func isNaming(key []byte) bool {
	switch string(key) {
	case "name", "key", "appConfigKey", "definitionId", "settingDefinitionId", "omaUri":
		return true
	}
	return false
}

// isNamed reports whether a member holds the value that the member beside it names.
func isNamed(key []byte) bool {
	switch string(key) {
	case "value", "valueJson", "valueString", "valueStringArray", "defaultValue", "appConfigKeyValue", "simpleSettingValue":
		return true
	}
	return false
}

// names reports whether the text of a naming member names a secret. Sentences do
// not: they are for people.
func names(s []byte) bool {
	return len(s) <= maxSecretName && secretName(s) && bytes.IndexByte(s, ' ') < 0
}

// maxSecretName is more than the longest definition has.
const maxSecretName = 512

// missing returns the secrets that an object has in the tenant, and that Graph has
// left out.
func missing(object []byte) []string {
	var out []string
	_ = members(object, func(m member) {
		name := ""
		switch value, _ := text(m.value); string(m.key) {
		case "wiFiSecurityType", "wifiSecurityType":
			if value == "wep" || strings.HasSuffix(value, "Personal") {
				name = "preSharedKey"
			}
		case "authenticationMethod":
			if value == "sharedSecret" {
				name = "sharedSecret"
			}
		case "preSharedKeyIsSet":
			if string(m.value) == "true" {
				name = "preSharedKey"
			}
		}
		switch string(Member(object, name)) {
		case "", "null", `""`:
			if name != "" && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	})
	return out
}

// saysLittle reports whether text in the place of a secret is none: a switch, or
// what is filled in for each user or device.
func saysLittle(s string) bool {
	switch strings.ToLower(strings.Trim(s, " \r\n\t<>/\"")) {
	case "", "true", "false", "null", "enabled", "disabled":
		return true
	}
	return strings.HasPrefix(s, "{{") && strings.HasSuffix(s, "}}") && strings.Count(s, "{{") == 1
}

// isMask reports whether s is a placeholder for a secret.
func isMask(s string) bool { return s == maskXML || s != "" && strings.Trim(s, "*") == "" }

// isMaskAnywhere reports whether s is one whatever it is called. A star or two are
// wildcards.
func isMaskAnywhere(s string) bool { return len(s) >= len(Mask) && isMask(s) }

// suspect reports whether doc may hold anything that Redact has to look at. Most
// documents do not, and one pass over their strings is all that they cost.
func (r *rules) suspect(doc []byte) bool {
	for i := 0; i < len(doc); {
		n := bytes.IndexByte(doc[i:], '"')
		if n < 0 {
			return false
		}
		start := i + n
		i = skipString(doc, start)
		s := doc[start+1 : max(i-1, start+1)]
		if next := skipSpace(doc, i); next < len(doc) && doc[next] == ':' {
			if r.suspectKey(s, doc[skipSpace(doc, next+1):]) {
				return true
			}
		} else if suspectText(s) {
			return true
		}
	}
	return false
}

// suspectKey is given a key as it stands in a document, and what follows.
func (r *rules) suspectKey(key, value []byte) bool {
	switch string(key) {
	case "isEncrypted", "preSharedKeyIsSet":
		return len(value) > 0 && value[0] == 't'
	case "valueState", "wiFiSecurityType", "wifiSecurityType", "authenticationMethod":
		return true
	}
	if len(r.live[string(key)]) > 0 || bytes.IndexByte(key, '\\') >= 0 {
		return true
	}
	return len(value) > 0 && bytes.IndexByte([]byte(`"{[`), value[0]) >= 0 && secretName(key)
}

// suspectText is given a text as it stands in a document.
func suspectText(s []byte) bool {
	if len(s) < len(Mask) {
		return names(s)
	}
	switch s[0] {
	case '*':
		return isMaskAnywhere(string(s[:min(len(s), 64)]))
	case '<', '{', '[', '\\', 0xEF:
		return true
	}
	if bytes.Contains(s[max(len(s)-128, 0):], []byte(`\u00`)) { // what it ends with may be written otherwise
		return true
	}
	return names(s) || string(s) == maskXML || string(s) == secretSetting || isBase64Document(s)
}
