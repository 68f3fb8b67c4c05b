package directory

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A Group is what the cache knows about one group of a tenant.
type Group struct {
	ID   string `json:"id"`
	Name string `json:"display_name,omitempty"`
	Type Type   `json:"type"`

	Dynamic bool `json:"dynamic,omitempty"` // a rule decides who is a member
	Synced  bool `json:"synced,omitempty"`  // it comes from a directory on premises

	// LastSeenAt is when a sync that has ended last knew of the group. For one
	// that is there it moves on with every sync, changed or not.
	LastSeenAt time.Time `json:"last_seen_at"`

	// Missing says that the source has reported the group as removed, or that
	// a full enumeration did not have it.
	Missing bool `json:"missing"`
}

// Stale reports whether the group was last seen so long ago that one should
// not rely on what is known of it.
func (g *Group) Stale(now time.Time) bool { return now.Sub(g.LastSeenAt) >= StaleAfter }

const (
	// StaleAfter is how long after it was last seen a group is stale.
	StaleAfter = 30 * 24 * time.Hour

	// PurgeAfter is how long after it was last seen a group is forgotten.
	PurgeAfter = 90 * 24 * time.Hour
)

// A Type says what a group is for.
type Type string

// The types. Whether members are chosen by a rule or come from a directory on
// premises are facts besides.
const (
	Security     Type = "security"
	Microsoft365 Type = "microsoft365"
	MailSecurity Type = "mail_security" // mail-enabled security group
	Distribution Type = "distribution"  // a distribution list
)

// Unresolved is what people read in the place of the name of a group that is
// not in the cache.
func Unresolved(id string) string {
	r := []rune(strings.ToValidUTF8(id, "\uFFFD"))
	return "Unresolved (…" + string(r[max(0, len(r)-8):]) + ")"
}

// Fold returns s in the form in which names are sorted and searched, so that
// all stores do it in the same way: in lower case, without space around it.
func Fold(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// Canonical returns an id in the form in which ids are compared: a GUID in lower
// case, as the service writes it, and anything else as it is.
func Canonical(id string) string {
	if isGUID(id) {
		return strings.ToLower(id)
	}
	return id
}

func isGUID(id string) bool {
	const form = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
	if len(id) != len(form) {
		return false
	}
	for i, c := range []byte(id) {
		hex := '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
		if hex != (form[i] == 'x') || !hex && c != '-' {
			return false
		}
	}
	return true
}

// A Spelling is another way to write an id.
type Spelling struct{ ID, Asked string }

// Respelled returns how else to look for those of the ids that are GUIDs and were
// not found, those to be preferred last.
func Respelled(ids []string, found map[string]Group) []Spelling {
	var upper, lower []Spelling
	for _, id := range ids {
		if _, ok := found[id]; ok || !isGUID(id) {
			continue
		}
		if s := strings.ToUpper(id); s != id {
			upper = append(upper, Spelling{s, id})
		}
		if s := strings.ToLower(id); s != id {
			lower = append(lower, Spelling{s, id})
		}
	}
	return append(upper, lower...)
}

// Limits of what a store takes.
const (
	maxID   = 128 // bytes
	maxName = 256 // characters, which is what Entra allows
)

// A Record is a change as a store writes it.
type Record struct {
	Change
	Fold string // of the name
}

// Records returns what a store has to write for the changes of a page: one
// record for each group, by the last of its changes, in the order of ids. A
// name that is too long, or no text, is made to fit. It reports [ErrInvalid]
// for a change without an id, or with one that is not of printable ASCII.
func Records(changes []Change) ([]Record, error) {
	at := make(map[string]int, len(changes))
	records := make([]Record, 0, len(changes))
	for _, c := range changes {
		if !plainID(c.ID) {
			return nil, fmt.Errorf("%w: a group without an id, or with one that is none", ErrInvalid)
		}
		c.Name = plainName(c.Name)
		r := Record{Change: c, Fold: Fold(c.Name)}
		if i, again := at[c.ID]; again {
			records[i] = r
			continue
		}
		at[c.ID] = len(records)
		records = append(records, r)
	}
	slices.SortFunc(records, func(a, b Record) int { return cmp.Compare(a.ID, b.ID) })
	return records, nil
}

func plainID(id string) bool {
	for _, c := range []byte(id) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return id != "" && len(id) <= maxID
}

func plainName(name string) string {
	name = strings.ReplaceAll(strings.ToValidUTF8(name, "\uFFFD"), "\x00", "\uFFFD")
	if utf8.RuneCountInString(name) > maxName {
		name = string([]rune(name)[:maxName])
	}
	return name
}

// What a [Store] reports: the errors of package runs, so that a program needs
// to know one set only.
var (
	ErrBadCursor        = runs.ErrBadCursor        // the cursor is of another list
	ErrConflict         = runs.ErrConflict         // another round has begun meanwhile
	ErrInvalid          = runs.ErrInvalid          // no store keeps this
	ErrStoreUnavailable = runs.ErrStoreUnavailable // try again later
)
