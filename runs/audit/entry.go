package audit

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tenantatlas/tenantatlas/runs"
)

// An Event says what happened: a lower-case word, or several with dots.
// Programs may have more than the ones below.
type Event string

// The events that this package records.
const (
	EventStart  Event = "start"  // somebody asked for the run; it may have come to nothing
	EventJoin   Event = "join"   // somebody asked for what the run does already
	EventRetry  Event = "retry"  // somebody asked for another run like this one
	EventCancel Event = "cancel" // somebody asked for the run to end
	EventClaim  Event = "claim"  // a worker asked whether it may execute the run; kept if it may not
	EventPhase  Event = "phase"  // the run asked for a further right
	EventAccess Event = "access" // a right was asked for outside of any run

	EventQueued    Event = "queued"
	EventRunning   Event = "running"
	EventCompleted Event = "completed" // with the run's outcome as the result

	EventPrune Event = "audit.prune" // old entries of this log are being deleted
)

// The results of decisions.
const (
	ResultAllowed = "allowed"
	ResultRefused = "refused"
)

// An Object is what somebody did something to. It may be empty.
type Object struct {
	Kind string `json:"kind,omitempty"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"` // as it was; of a run, its type
}

// RunObject is the run as an object.
func RunObject(ref runs.Ref) Object { return Object{Kind: "run", ID: ref.ID, Name: string(ref.Type)} }

// An Entry is one line of the audit. It holds no secret and nothing of a run's
// params.
type Entry struct {
	Tenant string    `json:"tenant"`
	Seq    int64     `json:"seq"` // 1, 2, … within the tenant, without a gap
	At     time.Time `json:"at"`  // when it was recorded; never before the entry in front of it

	Actor  runs.Actor        `json:"actor"` // who, with the name as it was
	Event  Event             `json:"event"`
	Action runs.Action       `json:"action,omitempty"` // the right that was asked for; empty if none was
	Result string            `json:"result,omitempty"` // of a decision, allowed or refused; of a run, its outcome
	Reason runs.Reason       `json:"reason,omitempty"` // of a refusal or a failure
	Object Object            `json:"object,omitzero"`
	Facts  map[string]string `json:"facts,omitempty"` // what else there is to know, sanitized

	// Altered says that what is kept is not what was recorded, so that nothing
	// in this entry can be trusted. See also [Log.Verify].
	Altered bool `json:"-"`
}

// What an entry may hold at most. Longer texts are cut: an entry that is too
// long is better than none.
const (
	maxName  = 255 // bytes of a tenant
	maxText  = 256 // bytes of any other text
	maxFacts = 16
)

// clean returns e as it is kept.
func clean(e Entry) (Entry, error) {
	if !ValidTenant(e.Tenant) {
		return Entry{}, fmt.Errorf("%w: no such name of a tenant", runs.ErrInvalid)
	}
	if e.Event == "" {
		return Entry{}, fmt.Errorf("%w: an entry without an event", runs.ErrInvalid)
	}
	for _, s := range []*string{
		(*string)(&e.Actor.Kind), &e.Actor.ID, &e.Actor.Name, (*string)(&e.Event), (*string)(&e.Action),
		&e.Result, (*string)(&e.Reason), &e.Object.Kind, &e.Object.ID, &e.Object.Name,
	} {
		*s = plain(*s)
	}
	var facts map[string]string
	for name, value := range e.Facts {
		if len(facts) == maxFacts {
			break
		}
		if facts == nil {
			facts = make(map[string]string)
		}
		facts[plain(runs.Sanitize(name))] = plain(runs.SanitizeFact(name, value))
	}
	e.Facts, e.Altered = facts, false
	return e, nil
}

// ValidTenant reports whether a tenant of this name can have an audit.
func ValidTenant(name string) bool { return name != "" && len(name) <= maxName && plain(name) == name }

// plain returns what is visible of s, cut to size.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) <= maxText {
		return s
	}
	end := maxText
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// IndexOf returns what e is found by.
func IndexOf(e Entry) Index {
	x := Index{Actor: actorKey(e.Actor), Event: e.Event, Action: e.Action}
	if e.Object.Kind != "" || e.Object.ID != "" {
		x.Object = objectKey(e.Object)
	}
	return x
}

func actorKey(a runs.Actor) string { return plain(string(a.Kind)) + ":" + plain(a.ID) }

func objectKey(o Object) string { return plain(o.Kind) + ":" + plain(o.ID) }
