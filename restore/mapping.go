package restore

import (
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A Mapping says what stands in the target for something that items of the set
// refer to.
type Mapping struct {
	Kind string `json:"kind"` // of an item, or a Target constant of package contract
	ID   string `json:"id"`   // in the backup
	Name string `json:"name,omitempty"`

	// State says how the answer was found. Candidates are what it could be, if
	// that was not clear; at most [MaxCandidates].
	State      MappingState `json:"state"`
	Candidates []Candidate  `json:"candidates,omitempty"`

	// To is the id in the target, empty if there is none yet or Skip is true.
	// Skip says that the reference is to be given up: an assignment to it is left
	// out, also of an object that has it now, because assignments are replaced as
	// a whole; one that it takes somebody out of keeps all assignments of the
	// object as they are. Items that depend on it are not written.
	To   string `json:"to,omitempty"`
	Skip bool   `json:"skip,omitempty"`

	By runs.Actor `json:"by,omitzero"` // who answered; zero if nobody had to
	At time.Time  `json:"at,omitzero"`
}

// A MappingState says how the target of a mapping was found.
type MappingState string

// The states of a mapping.
const (
	Unmapped   MappingState = "unmapped"   // there is no candidate
	Found      MappingState = "found"      // there is one candidate, by its name or because it is the same tenant
	Several    MappingState = "several"    // there are several candidates; somebody has to choose
	Answered   MappingState = "answered"   // somebody has chosen, now or in an earlier restore
	InSet      MappingState = "in_set"     // it is restored together with what needs it
	Everywhere MappingState = "everywhere" // it is the same in every tenant, such as a built-in role
)

// A Candidate is something in the target that a mapping could lead to.
type Candidate struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// MaxCandidates is how many candidates of a mapping are kept.
const MaxCandidates = 20

// settled reports whether nobody has to be asked any more.
func (m *Mapping) settled() bool {
	return m.Skip || m.To != "" || m.State == InSet || m.State == Everywhere
}
