package inventory

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/internal/canonjson"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A Selection says which kinds a sync looks at. The zero Selection selects
// everything. Groups belong to the directory and are in no selection.
type Selection struct {
	// PolicyTypes are kinds, Categories are those of the contract. A kind is
	// selected if it is in both. A nil list does not restrict, nor does one
	// that names everything there is; an empty one would select nothing and is
	// refused.
	PolicyTypes []string            `json:"policy_types,omitzero"`
	Categories  []contract.Category `json:"categories,omitzero"`

	// IncludeFoundations keeps the kinds that others depend on by design, such
	// as filters, scope tags and role definitions. Nil means true.
	IncludeFoundations *bool `json:"include_foundations,omitempty"`

	// IncludeDependencies extracts the links between items. Nil means true.
	IncludeDependencies *bool `json:"include_dependencies,omitempty"`
}

// unknownPrefix begins the kinds of collections that the contract does not
// have; see [contract.Unknown].
const unknownPrefix = "unknown:"

// Complete returns s in the one form that all selections with its meaning
// have: defaults filled in, lists sorted, and nil where they do not restrict,
// so that a kind which a later release adds belongs to it too. It refuses what
// selects nothing or names something unknown, with a reason that may be shown.
func (s Selection) Complete() (Selection, error) {
	all := true
	c := Selection{
		PolicyTypes:         slices.Compact(slices.Sorted(slices.Values(s.PolicyTypes))),
		Categories:          slices.Compact(slices.Sorted(slices.Values(s.Categories))),
		IncludeFoundations:  s.IncludeFoundations,
		IncludeDependencies: s.IncludeDependencies,
	}
	if c.IncludeFoundations == nil {
		c.IncludeFoundations = &all
	}
	if c.IncludeDependencies == nil {
		c.IncludeDependencies = &all
	}
	for _, kind := range c.PolicyTypes {
		if _, known := contract.Lookup(kind); !known && !strings.HasPrefix(kind, unknownPrefix) {
			return Selection{}, refuse("The selection names an unknown policy type", kind)
		}
	}
	for _, category := range c.Categories {
		if !slices.Contains(categories(), category) {
			return Selection{}, refuse("The selection names an unknown category", string(category))
		}
	}
	switch {
	case s.PolicyTypes != nil && len(s.PolicyTypes) == 0:
		return Selection{}, refuse("The selection has an empty list of policy types and selects nothing", "")
	case s.Categories != nil && len(s.Categories) == 0:
		return Selection{}, refuse("The selection has an empty list of categories and selects nothing", "")
	case len(c.PolicyTypes) == 0 || containsAll(c.PolicyTypes, kinds()):
		c.PolicyTypes = nil
	}
	if len(c.Categories) == 0 || containsAll(c.Categories, categories()) {
		c.Categories = nil
	}
	if !c.selectsAny() {
		return Selection{}, refuse("The policy types, categories and foundations together select nothing", "")
	}
	return c, nil
}

// selectsAny reports whether anything is selected, if kinds that the contract
// does not have count as there.
func (s Selection) selectsAny() bool {
	isUnknown := func(kind string) bool {
		return strings.HasPrefix(kind, unknownPrefix) && s.selects(contract.Unknown(kind[len(unknownPrefix):]))
	}
	return len(s.Kinds()) > 0 || slices.ContainsFunc(s.PolicyTypes, isUnknown)
}

// Kinds returns the types of the contract that s selects, in the contract's
// order.
func (s Selection) Kinds() []*contract.Type {
	var out []*contract.Type
	for t := range contract.All() {
		if s.selects(t) {
			out = append(out, t)
		}
	}
	return out
}

// selects reports whether s selects t, which need not be in the contract.
func (s Selection) selects(t *contract.Type) bool {
	return (s.PolicyTypes == nil || slices.Contains(s.PolicyTypes, t.Key)) &&
		(s.Categories == nil || slices.Contains(s.Categories, t.Category)) &&
		(!t.Foundation || s.IncludeFoundations == nil || *s.IncludeFoundations)
}

// links reports whether links are extracted.
func (s Selection) links() bool { return s.IncludeDependencies == nil || *s.IncludeDependencies }

// Hash identifies the selection: equal meanings have equal hashes, in every
// process and release. It is the scope in which items are missing; see
// [Query]. It reports what [Selection.Complete] reports.
func (s Selection) Hash() (string, error) {
	c, err := s.Complete()
	if err != nil {
		return "", err
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("hash selection: %w", err)
	}
	canonical, err := canonjson.Canonical(nil, raw)
	if err != nil {
		return "", fmt.Errorf("hash selection: %w", err)
	}
	return hashOf(canonical), nil
}

// facts says for people what s selects.
func (s Selection) facts() map[string]string {
	facts := map[string]string{"selection": "everything"}
	var parts []string
	if s.PolicyTypes != nil {
		parts = append(parts, "types "+strings.Join(s.PolicyTypes, ", "))
	}
	if s.Categories != nil {
		names := make([]string, len(s.Categories))
		for i, c := range s.Categories {
			names[i] = string(c)
		}
		parts = append(parts, "categories "+strings.Join(names, ", "))
	}
	if s.IncludeFoundations != nil && !*s.IncludeFoundations {
		parts = append(parts, "no foundations")
	}
	if !s.links() {
		parts = append(parts, "no links")
	}
	if len(parts) > 0 {
		facts["selection"] = strings.Join(parts, "; ")
	}
	return facts
}

func refuse(message, name string) error {
	if isName(name) {
		message += ", " + name
	}
	return runs.Public(nil, runs.ReasonInvalidInput, message+".")
}

// isName reports whether s looks like a name that somebody mistyped and not
// like something that should not be repeated.
func isName(s string) bool {
	for _, c := range []byte(s) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 40
}

func kinds() []string {
	var keys []string
	for t := range contract.All() {
		keys = append(keys, t.Key)
	}
	return keys
}

func categories() []contract.Category {
	return []contract.Category{
		contract.Configuration, contract.Compliance, contract.EndpointSecurity, contract.Apps,
		contract.AppProtection, contract.Enrollment, contract.Updates, contract.Scripts,
		contract.ConditionalAccess, contract.RBAC, contract.Tenant,
	}
}

func containsAll[T comparable](list, all []T) bool {
	return !slices.ContainsFunc(all, func(v T) bool { return !slices.Contains(list, v) })
}

// hashOf is the name of a content: its SHA-256 in hex.
func hashOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
