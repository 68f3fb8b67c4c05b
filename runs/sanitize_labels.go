package runs

import "strings"

// A labelClass says how much of what follows a name is its secret.
type labelClass int

const (
	classNone   labelClass = iota
	classWeak              // up to a blank, unless it is a word or a very short number
	classPerson            // the same, also without a sign between
	classToken             // up to a blank, unless it is a word after a colon
	classLine              // to the end of the text
)

// classOf says what kind of value the identifier name, in lower case, has, when
// the word before stands directly before it. Names count by how they end: a
// password_policy is none. What only says how a value is written is ignored.
func classOf(before, name string) labelClass {
	switch name {
	case "code":
		if explains(before) {
			return classNone
		}
	case "key", "number", "string", "name", "id", "address", "tag", "phone", "phrase", "word":
		name = before + name // as in "private key"
	}
	word := name[strings.LastIndexAny(name, "._-")+1:]
	whole := squeezed(name[max(0, len(name)-48):])
	class := max(exactClass(word), exactClass(whole), endClass(whole))
	for class == classNone {
		n := formLen(whole)
		if n == 0 || n == len(whole) {
			break
		}
		whole = whole[:len(whole)-n]
		word = word[:max(0, len(word)-n)]
		class = max(exactClass(word), endClass(whole))
	}
	return class
}

func squeezed(name string) string {
	if !strings.ContainsAny(name, "_-.") {
		return name
	}
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == '.' {
			return -1
		}
		return r
	}, name)
}

// formLen returns the length of the end of name that says how a value is
// written, rather than what it is.
func formLen(name string) int {
	for _, end := range [...]string{"value", "text", "string", "data", "hash", "base64", "b64", "raw", "plain", "header", "id", "s"} {
		if strings.HasSuffix(name, end) {
			return len(end)
		}
	}
	return 0
}

// exactClass knows the names that are too short to be looked for in longer ones.
func exactClass(word string) labelClass {
	switch word {
	case "pw", "pass", "psw":
		return classLine
	case "sig", "sas", "jwt", "auth", "otp", "totp", "pin", "sid", "bearer", "basic", "negotiate", "ntlm", "saml", "pfx", "csrf", "xsrf", "session",
		"estsauth", "estsauthpersistent", "samlresponse", "samlrequest":
		return classToken
	case "serial", "sn", "imei", "meid", "udid", "iccid", "phone", "tel", "mobile", "fax", "upn", "oid", "mac":
		return classPerson
	case "key", "code", "state", "nonce", "user", "mail", "email", "login", "uid", "sub", "username", "account":
		return classWeak
	}
	return classNone
}

// endClass knows how names end that have such a value. The first switch keeps
// all other words cheap.
func endClass(name string) labelClass {
	switch name[max(0, len(name)-3):] {
	case "ord", "swd", "ort", "ase", "ode", "pwd", "ion", "kie", "ing", "key":
		if endsIn(name, "password passwd passwort kennwort passphrase passcode pwd authorization cookie connectionstring accountkey sharedaccesskey privatekey sessionkey") {
			return classLine
		}
	}
	switch name[max(0, len(name)-3):] {
	case "ret", "ken", "key", "ure", "ial", "ion", "ier", "ode", "nid", "ket", "ook":
		if endsIn(name, "secret token apikey accesskey sharedkey masterkey signingkey encryptionkey functionkey recoverykey signature credential assertion "+
			"verifier devicecode usercode authcode accesscode recoverycode sessionid ticket webhook") {
			return classToken
		}
	case "ber", "one", "tag", "ame", "ess":
		if endsIn(name, "serialnumber phonenumber telephone mobilenumber mobilephone assettag userprincipalname macaddress") {
			return classPerson
		}
	}
	switch name[max(0, len(name)-3):] {
	case "ame", "rid", "ess", "key":
		if endsIn(name, "username userid emailaddress loginname accountname subscriptionkey") {
			return classWeak
		}
	}
	return classNone
}

// endsIn reports whether name ends in one of the words ends.
func endsIn(name, ends string) bool {
	for ends != "" {
		var end string
		if end, ends, _ = strings.Cut(ends, " "); strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// labels removes the values of what has a name that calls for it.
func (s *scrubber) labels() {
	before := "" // the word directly before the name, for "client secret"
	for i := 0; i < len(s.low); {
		if !isAlnum(s.low[i]) {
			i++
			continue
		}
		end := i
		for end < len(s.low) && (isAlnum(s.low[end]) || strings.IndexByte("_-.", s.low[end]) >= 0) {
			end++
		}
		name := strings.TrimRight(s.low[i:end], "_-.")
		stop := i + len(name)
		next := end
		if class := classOf(before, name); class != classNone {
			v := s.valueAfter(stop)
			if to := s.valueEnd(v, class); to > v.at {
				s.remove(v.at, to)
				if from := s.pairsBefore(i); v.sign == '=' && from < i {
					s.remove(from, v.at)
				}
				next = to
			}
		}
		before = ""
		if stop == end && end < len(s.low) && (s.low[end] == ' ' || s.low[end] == '+') {
			before = name
		}
		i = next
	}
}

// explains reports whether a code after this word is about an outcome.
func explains(before string) bool {
	switch before {
	case "error", "status", "exit", "return", "reason", "response", "result", "http", "country", "language", "failure", "operation":
		return true
	}
	return false
}

// A value is where the value of a name begins, and what stands between.
type value struct {
	at    int
	sign  byte // ':', '=' or '>'; 0 if there is none
	tight bool // there is no blank after the sign
	quote byte // what encloses the value; 0 if nothing
	blank bool // there is at least a blank between
}

// valueAfter finds the value of the name that ends at i. It understands prose,
// JSON, XML, URLs, headers, command lines and the settings of programs.
func (s *scrubber) valueAfter(i int) value {
	v := value{at: i}
	for start := i; v.at < len(s.text) && v.at-start < 40; {
		switch c := s.text[v.at]; c {
		case ' ', '\n', '+': // a plus is a blank in a form
			v.blank, v.tight = true, false
			v.at++
			if n := s.filler(v.at); n > 0 && v.sign == 0 {
				v.at += n
			}
		case ':', '=', '>':
			v.sign, v.tight = c, true
			v.at++
		case '"', '\'', '`':
			if v.sign == 0 && !v.blank { // it ends the name
				v.at++
				break
			}
			v.quote = c
			v.at++
			return v
		case ']', ')', '}', '\\', '-', '/', '*', '#', '_', '.':
			// After a name in brackets or in bold type, and in an arrow.
			if v.sign != 0 || v.blank && c != '-' {
				return v
			}
			v.at++
		case ',':
			n := s.namedValue(v.at)
			if n == 0 || v.sign != 0 {
				return v
			}
			v.at += n
		default:
			return v
		}
	}
	return v
}

// filler returns the length of a word at i that may stand between a name and its
// value.
func (s *scrubber) filler(i int) int {
	for _, w := range [...]string{"is ", "was ", "are ", "value ", "set to ", "to be ", "ist ", "lautet "} {
		if n := len(w) - 1; strings.HasPrefix(s.low[i:], w[:n]) && i+n < len(s.low) && strings.IndexByte(" +", s.low[i+n]) >= 0 {
			return n
		}
	}
	return 0
}

// namedValue returns the length of what follows a name that is a value itself,
// as in {"name":"password","value":"…"}, up to its sign.
func (s *scrubber) namedValue(i int) int {
	rest := strings.TrimLeft(s.low[i:min(len(s.low), i+20)], ", \"'\n")
	if !strings.HasPrefix(rest, "value") {
		return 0
	}
	return min(len(s.low), i+20) - i - len(rest) + len("value")
}

// valueEnd returns where the value v ends if it is to be removed, else 0.
func (s *scrubber) valueEnd(v value, class labelClass) int {
	rest := s.text[v.at:]
	if rest == "" || v.sign == 0 && v.quote == 0 && !v.blank || strings.HasPrefix(rest, removed) {
		return 0
	}
	spoken := v.sign == 0
	end := v.at + len(rest)
	switch {
	case v.quote != 0:
		end = v.at + quotedLen(rest, v.quote)
		if spoken && class < classLine && plainWords(s.text[v.at:end]) {
			return 0
		}
	case class == classLine && !spoken:
		if i := strings.IndexByte(rest, '<'); v.sign == '>' && i >= 0 {
			end = v.at + i
		}
	default:
		end = v.at + wordLen(rest)
		if s.harmless(strings.TrimRight(s.text[v.at:end], ".,;:!?)]}'\""), v, class) {
			return 0
		}
	}
	return v.at + len(strings.TrimRight(s.text[v.at:end], ".,;:!?)]}'\" \n"))
}

// harmless reports whether an unquoted value is none of those that its name
// could have.
func (s *scrubber) harmless(word string, v value, class labelClass) bool {
	switch {
	case v.sign == 0 && class == classWeak:
		return true
	case v.sign == 0:
		return len(word) < 5 || plainWords(word) || class == classPerson && !strings.ContainsAny(word, "0123456789")
	case class == classToken:
		return v.sign == ':' && !v.tight && plainWords(word)
	}
	number := strings.Trim(word, "0123456789") == "" && len(word) <= 3
	return number || readable(word) && (plainWords(word) || class == classWeak && !strings.ContainsAny(word, "0123456789@"))
}

// wordLen returns the length of s up to its first blank.
func wordLen(s string) int {
	if i := strings.IndexAny(s, " \n"); i >= 0 {
		return i
	}
	return len(s)
}

// quotedLen returns the length of the text in s up to the quote that ends it.
// One within a word does not, since its escape may be gone.
func quotedLen(s string, quote byte) int {
	for i := range len(s) {
		if s[i] == quote && (i+1 == len(s) || strings.IndexByte(" \n,;:}])>.&|<!?)", s[i+1]) >= 0) {
			return i
		}
	}
	return len(s)
}

// plainWords reports whether s has nothing but words in lower case, capitalized
// or in capitals, with blanks or hyphens between.
func plainWords(s string) bool {
	letters := 0
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ' ' || r == '-' || r == '_' }) {
		for i := range len(part) {
			c := part[i]
			if !isLetter(c) && c < 0x80 {
				return false
			}
			letters++
		}
		tail := part[1:]
		if part != strings.ToUpper(part) && tail != strings.ToLower(tail) || !wordlike(part, true) || len(part) > 24 {
			return false
		}
	}
	return letters > 0
}

// pairsBefore returns where the settings of a connection string begin that
// stand before the name at i, each ended by a semicolon.
func (s *scrubber) pairsBefore(i int) int {
	for {
		t := strings.TrimRight(s.text[:i], " \n")
		if !strings.HasSuffix(t, ";") {
			return i
		}
		from := strings.LastIndexAny(t[:len(t)-1], ";\"'`\n") + 1
		sign := strings.IndexByte(t[from:], '=')
		if sign < 0 {
			return i
		}
		key := strings.TrimRight(t[from:from+sign], " ")
		if from > 0 && t[from-1] == ';' {
			i = from + len(key) - len(strings.TrimLeft(key, " "))
			continue
		}
		return from + keyStart(key)
	}
}

// keyStart returns where the name of a setting begins in the words before its
// equals sign: names like "Data Source" have two.
func keyStart(words string) int {
	i := strings.LastIndexByte(words, ' ') + 1
	j := strings.LastIndexByte(words[:max(i-1, 0)], ' ') + 1
	switch strings.ToLower(words[j:]) {
	case "data source", "user id", "initial catalog", "integrated security", "network address":
		return j
	}
	return i
}
