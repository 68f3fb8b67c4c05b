package runs

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/tenantatlas/tenantatlas/internal/canonjson"
)

// A Key identifies what a run would do, so that the same thing is not done
// twice at a time. It begins with the version of the rule that made it.
type Key string

// KeyOf derives the key of an operation from what makes it unique. Equal inputs
// give equal keys in every process and release: the order of object keys, the
// spelling of numbers (1 and 1.0) and of strings (é and \u00e9) do not matter,
// the order of arrays does (see [Set]), and numbers are exact. Who asks is no
// part of it. It reports [ErrInvalid] for what has no canonical form.
func KeyOf(tenant string, typ Type, identity any) (Key, error) {
	sum, err := digest([]any{tenant, typ, identity})
	if err != nil {
		return "", fmt.Errorf("key of %s: %w", typ, err)
	}
	return Key("v1:" + sum), nil
}

// OnceFor turns an idempotency key that an actor chose, such as the value of an
// HTTP Idempotency-Key header, into a [Request].Once that no other actor's keys
// can meet. It is empty if key is.
func OnceFor(actor Actor, key string) string {
	if key == "" {
		return ""
	}
	sum, err := digest([]any{actor.Kind, actor.ID, []byte(key)})
	if err != nil {
		return "" // unreachable: broken text in kind or ID is replaced by encoding/json
	}
	return "key:" + sum
}

func digest(v any) (string, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return "", invalid("identity cannot be encoded as JSON: %T", err)
	}
	canonical, err := canonjson.Canonical(nil, raw)
	if err != nil {
		return "", invalid("identity has no canonical form: %v", err)
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:]), nil
}

// sameJSON reports whether a and b mean the same.
func sameJSON(a, b json.RawMessage) bool {
	if string(a) == string(b) {
		return true
	}
	ca, err := canonjson.Canonical(nil, a)
	if err != nil {
		return false
	}
	cb, err := canonjson.Canonical(nil, b)
	return err == nil && string(ca) == string(cb)
}

// A Set is a list whose order has no meaning and which holds nothing twice.
// Identity functions wrap such lists in it: as JSON it is a sorted array.
type Set[T cmp.Ordered] []T

// MarshalJSON implements [json.Marshaler].
func (s Set[T]) MarshalJSON() ([]byte, error) {
	sorted := slices.Compact(slices.Sorted(slices.Values(s)))
	if sorted == nil {
		sorted = []T{}
	}
	return json.Marshal(sorted)
}
