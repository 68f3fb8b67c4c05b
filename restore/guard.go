package restore

import (
	"fmt"
	"slices"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// reportOnly is the state of a Conditional Access policy that is only watched.
const reportOnly = "enabledForReportingButNotEnforced"

// guard keeps a Conditional Access policy from locking people out: one that was
// enforced, and is not so in the target now, is restored report-only, unless it
// excludes the account for emergencies. It returns what people should know of
// that.
func (j *job) guard(e *entry, want *wanted, is *state) (string, error) {
	if e.Kind != "conditionalAccessPolicy" || textOf(contract.Member(want.content, "state")) != "enabled" {
		return "", nil
	}
	if is != nil && textOf(contract.Member(is.content, "state")) == "enabled" {
		return "", nil
	}
	if j.cfg.Emergency != "" && excludesPrincipal(e.typ, want.content, j.cfg.Emergency) {
		return "", nil
	}
	content, err := contract.WithMember(nil, want.content, "state", []byte(`"`+reportOnly+`"`))
	if err != nil {
		return "", fmt.Errorf("guard: %w", err)
	}
	guarded, err := newState(e.typ, content, want.assignments)
	if err != nil {
		return "", err
	}
	want.state = guarded
	return "It was enforced, and is restored report-only: nothing shows that the account for emergencies is excluded.", nil
}

func excludesPrincipal(t *contract.Type, content []byte, id string) bool {
	refs, _ := t.References(content, nil)
	return slices.ContainsFunc(refs, func(r contract.Reference) bool { return r.Exclude && r.ID == id })
}
