package runs

import (
	"strings"
	"unicode/utf8"
)

// MaxMessage is how many runes [Sanitize] leaves at most.
const MaxMessage = 256

const (
	removed = "[removed]"

	// maxSanitized is how many visible bytes of a text are looked at: all that
	// MaxMessage runes can need, also when most of them turn out to be secrets.
	maxSanitized = 4 << 10
)

// Sanitize makes free text fit to be kept and shown. It is a second line of
// defence for text that somebody thought to be harmless; what is not known to
// be harmless is better not kept at all, see [Public].
//
// The result is one line of at most [MaxMessage] runes of valid UTF-8 without
// control, format, bidirectional and other invisible characters. Ordinary words
// and names, short numbers and codes, dates, versions, paths and addresses of
// services stay as they are. Everything else is replaced by "[removed]":
//
//   - the values of what is called a password, secret, token, key, signature,
//     cookie, code and the like, and all of a connection string;
//   - whatever looks drawn by lot rather than written by people: tokens, JWTs,
//     keys, hashes, certificates, long digits, also when they are broken over
//     several lines or written with invisible characters between;
//   - user information, queries and fragments of URLs, the paths of webhooks;
//   - e-mail addresses and other names of accounts, phone numbers, serial
//     numbers, hardware addresses;
//   - GUIDs, unless the word before says that they name a thing ("policy",
//     "request", …) or they are of version 7, which our own IDs are and those of
//     directory objects are not: without that they might be a person's;
//   - stack traces, from their first line to the end.
//
// Text is judged both as it stands and with percent, JSON and HTML escapes,
// full-width letters and accents taken away; text that is found to hide
// something comes out without them. A secret that consists of ordinary words
// only can be told from other text only by what stands before it.
//
// Sanitize of its own result changes nothing. Its time is linear, and does not
// grow with the visible length beyond a few kilobytes, which are all that it
// looks at.
func Sanitize(s string) string { return sanitize("", s) }

// SanitizeFact is [Sanitize] for a value that is known under a name: it also
// removes what the name says is a secret, such as that of "client_secret", and
// keeps the GUID of what the name says is a thing, such as "backup_set". The name
// itself is not checked.
func SanitizeFact(name, value string) string {
	return sanitize(oneLine(visible(name, maxSanitized))+"= ", value)
}

// sanitize sanitizes s as if label stood before it, on the same line.
func sanitize(label, s string) string {
	// What was removed can bring together what stood around it, and what is
	// decoded can be encoded again. Nearly all texts are done after two rounds.
	for range 8 {
		clean := shorten(scrub(label, visible(s, maxSanitized)))
		if clean == s {
			return s
		}
		s = clean
	}
	return removed
}

// scrub replaces the secrets in text, which is visible text.
func scrub(label, text string) string {
	plain, ok := decode(text)
	if !ok {
		return removed
	}
	if out, found := findSecrets(label, plain); found {
		return out
	}
	if plain != text {
		if out, found := findSecrets(label, text); found {
			return out
		}
	}
	return oneLine(text)
}

// shorten cuts s to MaxMessage runes, if it can between two words. All secrets
// are gone by then, so none can be cut to a piece that looks harmless.
func shorten(s string) string {
	if utf8.RuneCountInString(s) <= MaxMessage {
		return s
	}
	end := 0
	for range MaxMessage - 1 {
		_, n := utf8.DecodeRuneInString(s[end:])
		end += n
	}
	cut := s[:end]
	if i := strings.LastIndexByte(cut, ' '); i > end/2 {
		cut = cut[:i]
	}
	if i := strings.LastIndexByte(cut, removed[0]); i >= 0 && strings.HasPrefix(removed, cut[i:]) && cut[i:] != removed {
		cut = cut[:i]
	}
	return strings.TrimRight(cut, " ") + "…"
}

// A scrubber looks for secrets in one text.
type scrubber struct {
	text string
	low  string // text with ASCII letters in lower case: the same offsets
	gone []bool // for every byte of text, whether it is removed
	any  bool
}

// findSecrets returns text without its secrets, in one line, and whether it had
// any.
func findSecrets(label, text string) (out string, found bool) {
	all := label + text
	s := newScrubber(all)
	s.search()
	if strings.IndexByte(text, '\n') >= 0 {
		// A line break may be anywhere within a secret, or within its name.
		s.searchJoined()
	}
	if !s.any {
		return oneLine(text), false
	}
	return s.replace(len(label)), true
}

func newScrubber(text string) *scrubber {
	return &scrubber{text: text, low: lowerASCII(text), gone: make([]bool, len(text))}
}

func (s *scrubber) search() {
	s.blocks()
	s.labels()
	s.numbers()
	s.units()
}

// searchJoined looks for what is a secret when the line breaks are taken out.
func (s *scrubber) searchJoined() {
	joined := newScrubber(strings.ReplaceAll(s.text, "\n", ""))
	joined.search()
	at := 0
	for i := range len(s.text) {
		if s.text[i] == '\n' {
			s.gone[i] = s.gone[i] || 0 < at && at < len(joined.gone) && joined.gone[at-1] && joined.gone[at]
			continue
		}
		if joined.gone[at] {
			s.remove(i, i+1)
		}
		at++
	}
}

func (s *scrubber) remove(from, to int) {
	for i := from; i < to; i++ {
		s.gone[i] = true
	}
	s.any = s.any || from < to
}

// replace returns the text from an offset on, with one mark for each stretch
// that is removed.
func (s *scrubber) replace(from int) string {
	var b strings.Builder
	for i := from; i < len(s.text); {
		j := i
		for j < len(s.text) && s.gone[j] == s.gone[i] {
			j++
		}
		part := s.text[i:j]
		switch {
		case s.gone[i]:
			b.WriteString(removed)
		case i > from && j < len(s.text) && strings.Trim(part, " \n") == "":
			// Two neighbours become one mark.
			for ; j < len(s.text) && s.gone[j]; j++ {
			}
		default:
			b.WriteString(part)
		}
		i = j
	}
	return oneLine(b.String())
}

// blocks removes what has a beginning that is known, and may have no end: PEM,
// whole or torn, and stack traces.
func (s *scrubber) blocks() {
	for at := 0; at < len(s.low); {
		i := strings.Index(s.low[at:], "-----")
		if i < 0 {
			break
		}
		from := at + i
		at = s.pemEnd(from)
		if at < 0 {
			at = from + len("-----") // a ruler
			continue
		}
		if strings.HasPrefix(strings.TrimLeft(s.low[from:], "-"), "end") {
			from = s.wordBefore(from) // the last line of a block without its head
		}
		s.remove(from, at)
	}
	const head = "goroutine "
	if i := strings.Index(s.low, head); i >= 0 && i+len(head) < len(s.low) && isDigit(s.low[i+len(head)]) {
		s.remove(i, len(s.text))
	}
}

// pemEnd returns the end of the PEM block whose first dashes stand at from: the
// end of the text if it has none, and -1 if there is no block.
func (s *scrubber) pemEnd(from int) int {
	rest := strings.TrimLeft(s.low[from:], "-")
	foot := strings.Index(rest, "-----end")
	switch {
	case strings.HasPrefix(rest, "end"):
		foot = 0
	case foot >= 0:
		foot += len("-----end")
	case strings.HasPrefix(rest, "begin"), from > 0 && isLetter(s.low[from-1]) && strings.TrimLeft(rest, " \n") != "":
		return len(s.low) // no foot
	default:
		return -1
	}
	end := strings.Index(rest[foot:], "-----")
	if end < 0 {
		return len(s.low)
	}
	return len(s.low) - len(strings.TrimLeft(rest[foot+end:], "-"))
}

// wordBefore returns where the word begins that stands before offset i.
func (s *scrubber) wordBefore(i int) int {
	t := strings.TrimRight(s.text[:i], " \n")
	return strings.LastIndexByte(t, ' ') + 1
}
