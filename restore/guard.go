package restore

import (
	"fmt"
	"slices"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// guarded is the kind that is restored in a way that harms nobody, so that nobody
// has to agree to it by name.
const guarded = "conditionalAccessPolicy"

// reportOnly is the state of a Conditional Access policy that is only watched.
const reportOnly = "enabledForReportingButNotEnforced"

// guard keeps a Conditional Access policy from locking people out: one that was
// enforced, and is not so in the target now, is restored report-only, unless it
// excludes the account for emergencies. It returns what people should know of
// that.
func (j *job) guard(e *entry, want *wanted, is *state) (string, error) {
	if e.Kind != guarded || contract.Text(contract.Member(want.content, "state")) != "enabled" {
		return "", nil
	}
	if is != nil && contract.Text(contract.Member(is.content, "state")) == "enabled" {
		return "", nil
	}
	if j.cfg.Emergency != "" && excludesPrincipal(e.typ, want.content, j.cfg.Emergency) {
		return "", nil
	}
	content, err := contract.WithMember(nil, want.content, "state", []byte(`"`+reportOnly+`"`))
	if err != nil {
		return "", fmt.Errorf("guard: %w", err)
	}
	if want.state, err = newState(e.typ, content, want.assignments); err != nil {
		return "", err
	}
	return "It was enforced, and is restored report-only: nothing shows that the account for emergencies is excluded.", nil
}

func excludesPrincipal(t *contract.Type, content []byte, id string) bool {
	refs, _ := t.References(content, nil)
	return slices.ContainsFunc(refs, func(r contract.Reference) bool { return r.Exclude && r.ID == id })
}
