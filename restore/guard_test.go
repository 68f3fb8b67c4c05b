package restore_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore"
)

// A Conditional Access policy is written report-only, unless it is enforced in the
// target anyway or spares the account for emergencies.
func TestNobodyIsLockedOut(t *testing.T) {
	const (
		path      = "identity/conditionalAccess/policies"
		emergency = "99999999-9999-9999-9999-999999999999"
		watched   = "enabledForReportingButNotEnforced"
	)
	policy := func(excluded string) json.RawMessage {
		return json.RawMessage(fmt.Sprintf(`{"id":"c1","displayName":"Require MFA","state":"enabled","conditions":{"clientAppTypes":["all"],"applications":{"includeApplications":["All"]},"users":{"includeUsers":["All"],"excludeGroups":[%s]}},"grantControls":{"operator":"OR","builtInControls":["mfa"]}}`, excluded))
	}
	for _, tt := range []struct {
		name      string
		excluded  string // of the policy
		emergency string // as configured
		now       string // the state of the policy in the target; empty if it is gone
		want      string
	}{
		{"gone", "", emergency, "", watched},
		{"gone, nobody configured", `"` + emergency + `"`, "", "", watched},
		{"gone, spares the account", `"` + emergency + `"`, emergency, "", "enabled"},
		{"disabled", "", emergency, "disabled", watched},
		{"disabled, spares the account", `"` + emergency + `"`, emergency, "disabled", "enabled"},
		{"enforced", "", emergency, "enabled", "enabled"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, graphtest.Document{
					path:     {policy(tt.excluded)},
					"groups": {json.RawMessage(`{"id":"` + emergency + `","displayName":"Break glass","securityEnabled":true}`)},
				})
				w.cfg.Emergency = tt.emergency
				w.tracker = w.newTracker(w.cfg)
				set := w.backup("conditionalAccessPolicy")
				at := w.server.Tenant(contoso)
				if tt.now == "" {
					w.wipe()
				} else if err := at.Patch(path, "c1", json.RawMessage(fmt.Sprintf(`{"displayName":"Renamed","state":%q}`, tt.now))); err != nil {
					t.Fatal(err)
				}
				r := w.plan(contoso, set.ID)
				w.preview(contoso, r.ID)
				w.execute(contoso, r.ID)
				i := w.items(contoso, r.ID)[inventory.Ref{Kind: "conditionalAccessPolicy", ID: "c1"}]
				if i.Result != restore.Verified || i.ReportOnly != (tt.want == watched) {
					t.Errorf("%s, %s %s, report-only %v; want verified, %v", i.Decision, i.Result, i.Message, i.ReportOnly, tt.want == watched)
				}
				for _, id := range at.IDs(path) {
					doc, err := at.Get(path, id)
					if got := contract.Text(contract.Member(doc, "state")); err != nil || got != tt.want {
						t.Errorf("the policy is %s, %v; want %s", got, err, tt.want)
					}
				}
			})
		})
	}
}
