package runs

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The sizes beyond which nothing is kept, in bytes.
const (
	MaxText   = 1 << 10  // of an ID, a name, a key or another single text
	MaxParams = 64 << 10 // of a run's params, and of its context in all
)

// Validate reports [ErrInvalid], naming the field, for a run that no store
// keeps: one without a tenant, an ID or a well-formed type, with a status and
// an outcome that do not go together, with counts below zero, or with text that
// is not UTF-8, holds a NUL or is too long. Stores call it before they write.
func (r *Run) Validate() error {
	switch {
	case r.Tenant == "":
		return invalid("tenant is empty")
	case r.ID == "":
		return invalid("ID is empty")
	}
	if err := r.Type.Validate(); err != nil {
		return err
	}
	if err := r.validateStage(); err != nil {
		return err
	}
	for _, t := range []struct{ name, text string }{
		{"tenant", r.Tenant},
		{"ID", r.ID},
		{"key", string(r.Key)},
		{"once", r.Once},
		{"lane", r.Lane},
		{"initiator", string(r.Initiator.Kind)},
		{"initiator", r.Initiator.ID},
		{"initiator", r.Initiator.Name},
		{"target", r.Target.Kind},
		{"target", r.Target.ID},
		{"target", r.Target.Name},
		{"cancel request", string(r.Cancel.By.Kind)},
		{"cancel request", r.Cancel.By.ID},
		{"cancel request", r.Cancel.By.Name},
		{"cancel request", r.Cancel.Why},
		{"retried run", r.RetryOf},
		{"instance", r.Instance},
		{"incarnation", r.Incarnation},
	} {
		if err := validText(t.name, t.text); err != nil {
			return err
		}
	}
	return r.validateContent()
}

func (r *Run) validateStage() error {
	switch r.Status {
	case StatusQueued, StatusRunning:
		if r.Outcome != "" {
			return invalid("a %s run has the outcome %q", r.Status, r.Outcome)
		}
	case StatusCompleted:
		switch r.Outcome {
		case OutcomeSucceeded, OutcomePartiallySucceeded, OutcomeFailed, OutcomeCanceled, OutcomeBlocked:
		default:
			return invalid("a completed run has the outcome %q", r.Outcome)
		}
	default:
		return invalid("status is %q", r.Status)
	}
	if r.Attempt < 0 || r.Lost < 0 || r.Rings < 0 {
		return invalid("attempt, lost or rings is below zero")
	}
	return nil
}

func (r *Run) validateContent() error {
	if len(r.Params) > MaxParams {
		return invalid("params are larger than %d bytes", MaxParams)
	}
	if len(r.Params) > 0 && !json.Valid(r.Params) {
		return invalid("params are not JSON")
	}
	if !utf8.Valid(r.Params) {
		return invalid("params are not UTF-8")
	}
	size := 0
	for k, v := range r.Context {
		size += len(k) + len(v)
		if !plainText(k) || !plainText(v) {
			return invalid("context is not plain text")
		}
	}
	if size > MaxParams {
		return invalid("context is larger than %d bytes", MaxParams)
	}
	c := r.Counts
	if c.Total < 0 || c.Succeeded < 0 || c.Failed < 0 || c.Skipped < 0 {
		return invalid("counts are below zero")
	}
	for k := range c.Extra {
		if err := validText("name of a count", k); err != nil {
			return err
		}
	}
	for _, f := range []Failure{r.Failure, r.Waiting} {
		if err := f.validate(); err != nil {
			return err
		}
	}
	if len(r.Failures) > MaxFailures {
		return invalid("more than %d failed items", MaxFailures)
	}
	for _, f := range r.Failures {
		if err := validText("key of an item", f.Key); err != nil {
			return err
		}
		if err := f.validate(); err != nil {
			return err
		}
	}
	return nil
}

// Validate reports [ErrInvalid] for an item that no store keeps: one without a
// key or a known outcome, or with text that is not UTF-8, holds a NUL or is too
// long.
func (it Item) Validate() error {
	if it.Key == "" {
		return invalid("key of an item is empty")
	}
	switch it.Outcome {
	case ItemSucceeded, ItemFailed, ItemSkipped:
	default:
		return invalid("an item has the outcome %q", it.Outcome)
	}
	if err := validText("key of an item", it.Key); err != nil {
		return err
	}
	return it.validate()
}

// Validate reports [ErrInvalid] unless t is two or more words of lower-case
// letters, digits and underscores, joined by dots, each beginning with a
// letter.
func (t Type) Validate() error {
	words := strings.Split(string(t), ".")
	if len(words) < 2 || len(t) > 100 {
		return invalid("type %q is not resource.action", t)
	}
	for _, w := range words {
		if !isWord(w) {
			return invalid("type %q is not resource.action", t)
		}
	}
	return nil
}

func isWord(w string) bool {
	for i, c := range []byte(w) {
		lower := 'a' <= c && c <= 'z'
		if !lower && (i == 0 || (c < '0' || c > '9') && c != '_') {
			return false
		}
	}
	return w != ""
}

func (f Failure) validate() error {
	if f.Reason != "" && !f.Reason.Known() {
		return invalid("unknown reason %q", f.Reason)
	}
	if f.Reason == "" && f.Message != "" {
		return invalid("a failure has a message and no reason")
	}
	return validText("message of a failure", f.Message)
}

func validText(name, s string) error {
	if len(s) > MaxText {
		return invalid("%s is longer than %d bytes", name, MaxText)
	}
	if !plainText(s) {
		return invalid("%s is not UTF-8 without NUL", name)
	}
	return nil
}

// plainText reports whether every store can keep s as text: PostgreSQL takes
// neither broken UTF-8 nor NUL.
func plainText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
}

// printable returns s without what could break a line of a log or turn the order
// of letters around.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// displayName returns what is shown of a name: at most 256 runes of what is
// visible of it.
func displayName(s string) string {
	s = printable(s)
	n := 0
	for i := range s {
		if n++; n > 256 {
			return s[:i]
		}
	}
	return s
}

// itemKey returns the key under which an item is kept: what is visible of key,
// or a digest of one that no store keeps, so that the item does not vanish.
func itemKey(key string) string {
	if shown := printable(key); shown != "" && len(shown) <= MaxText {
		return shown
	}
	sum := sha256.Sum256([]byte(key))
	return "item " + hex.EncodeToString(sum[:4])
}
