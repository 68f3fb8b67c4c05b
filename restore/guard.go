package restore

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// guarded is the kind that is restored in a way that harms nobody, so that nobody
// has to agree to it by name.
const guarded = "conditionalAccessPolicy"

// reportOnly is the state of a Conditional Access policy that is only watched.
const reportOnly = "enabledForReportingButNotEnforced"

// endangers reports whether writing a Conditional Access policy could lock people
// out: it was enforced, is not so in the target now, and does not exclude the
// account for emergencies. Such a policy is restored report-only.
func (j *job) endangers(e *entry, want *wanted, is *state) bool {
	const enforced = "enabled"
	switch {
	case e.Kind != guarded || contract.Text(contract.Member(want.content, "state")) != enforced:
		return false
	case is != nil && contract.Text(contract.Member(is.content, "state")) == enforced:
		return false
	default:
		return j.cfg.Emergency == "" || !excludesPrincipal(e.typ, want.content, j.cfg.Emergency)
	}
}

// disarm makes a policy report-only.
func (w *wanted) disarm(e *entry) error {
	content, err := contract.WithMember(nil, w.content, "state", []byte(`"`+reportOnly+`"`))
	if err != nil {
		return fmt.Errorf("guard: %w", err)
	}
	w.state, err = newState(e.typ, content, w.assignments)
	return err
}

func excludesPrincipal(t *contract.Type, content []byte, id string) bool {
	refs, _ := t.References(content, nil)
	return slices.ContainsFunc(refs, func(r contract.Reference) bool { return r.Exclude && strings.EqualFold(r.ID, id) })
}
