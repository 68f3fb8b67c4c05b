package restore_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/runs"
)

// docs is one list of a tenant.
func docs(path string, all ...string) graphtest.Document {
	d := graphtest.Document{path: nil}
	for _, o := range all {
		d[path] = append(d[path], json.RawMessage(o))
	}
	return d
}

// restored backs up, wipes, applies quirks, restores, and returns the items. It
// executes again what has to wait.
func (w *world) restored(q graphtest.Quirks, kinds ...string) map[inventory.Ref]restore.Item {
	w.t.Helper()
	set := w.backup(kinds...)
	w.wipe()
	r := w.plan(contoso, set.ID)
	w.preview(contoso, r.ID)
	w.server.SetQuirks(q)
	for range 100 {
		w.execute(contoso, r.ID)
		if w.finished(r.ID) {
			return w.items(contoso, r.ID)
		}
		time.Sleep(time.Minute) // synctest
	}
	w.t.Error("the restore does not come to an end")
	return w.items(contoso, r.ID)
}

// What the service does with what it is given, and how late it shows it, is told
// apart from what somebody has changed: everything is verified, and a second
// preview has nothing to do.
func TestRestoreOfRewrittenObjects(t *testing.T) {
	for name, q := range map[string]graphtest.Quirks{
		"rewrites": {Rewrites: []graphtest.Rewrite{graphtest.RewriteNulls, graphtest.RewriteEmpty, graphtest.RewriteDates, graphtest.RewriteOrder, graphtest.RewriteAudit}},
		"late":     {WriteLag: 10 * time.Second, PatchLag: 15 * time.Second, PublishLag: 2 * time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, graphtest.DemoTenant(2, 1))
			set := w.backup()
			w.wipe()
			r := w.plan(contoso, set.ID)
			w.preview(contoso, r.ID)
			w.server.SetQuirks(q)
			w.execute(contoso, r.ID)
			first := w.items(contoso, r.ID)
			for ref, i := range first {
				if i.Decision.Writes() && i.Result != restore.Verified {
					t.Errorf("%s: %v %q: %s, %s %s %s %+v", name, ref, i.Name, i.Decision, i.Result, i.Reason, i.Message, i.Changes)
				}
			}
			time.Sleep(time.Hour) // synctest: until everything is seen
			again := w.plan(contoso, set.ID)
			w.preview(contoso, again.ID)
			for ref, i := range w.items(contoso, again.ID) {
				if first[ref].Decision.Writes() && i.Decision != restore.Unchanged {
					t.Errorf("%s: a second preview says %v %q: %s %s %+v, want unchanged", name, ref, i.Name, i.Decision, i.Message, i.Changes)
				}
			}
		})
	}
}

// What cannot be changed once an object is there is said by the preview, and
// nothing is sent.
func TestImmutableDifference(t *testing.T) {
	for kind, tc := range map[string]struct{ path, was, is, property string }{
		"assignmentFilter":    {"deviceManagement/assignmentFilters", `{"id":"o","displayName":"F","platform":"iOS","rule":"x"}`, `{"platform":"macOS"}`, "platform"},
		"configurationPolicy": {catalog, `{"id":"o","name":"C","platforms":"windows10","technologies":"mdm","settings":[]}`, `{"technologies":"endpointPrivilegeManagement"}`, "technologies"},
		"deviceCustomAttributeShellScript": {
			"deviceManagement/deviceCustomAttributeShellScripts",
			`{"id":"o","displayName":"A","customAttributeName":"n","customAttributeType":"integer","scriptContent":"eA=="}`, `{"customAttributeType":"string"}`, "customAttributeType",
		},
		"mobileAppConfiguration": {
			"deviceAppManagement/mobileAppConfigurations",
			`{"id":"o","@odata.type":"#microsoft.graph.iosMobileAppConfiguration","displayName":"M","targetedMobileApps":[],"settings":[]}`, `{"targetedMobileApps":["11111111-1111-1111-1111-111111111111"]}`, "targetedMobileApps",
		},
	} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, docs(tc.path, tc.was))
				set := w.backup(kind)
				if err := w.server.Tenant(contoso).Patch(tc.path, "o", []byte(tc.is)); err != nil {
					t.Fatal(err)
				}
				r := w.plan(contoso, set.ID)
				w.preview(contoso, r.ID)
				i := w.items(contoso, r.ID)[inventory.Ref{Kind: kind, ID: "o"}]
				if i.Decision != restore.Blocked || i.Reason != restore.ReasonImmutable || !strings.Contains(i.Message, tc.property) || len(i.Changes) == 0 {
					t.Errorf("%s %s %q %v, want blocked by %s", i.Decision, i.Reason, i.Message, i.Changes, tc.property)
				}
				w.execute(contoso, r.ID)
				if n := w.server.Writes(); n != 0 {
					t.Errorf("%d writes were sent, want none", n)
				}
			})
		})
	}
}

const catalog = "deviceManagement/configurationPolicies"

// A refused item says why, in words that were declared public, and keeps none of
// the others back.
func TestRefusedItems(t *testing.T) {
	setting := `"settings":[{"settingInstance":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationSimpleSettingInstance","settingDefinitionId":"x_y","simpleSettingValue":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationStringSettingValue","value":"1"}}}]`
	for name, tc := range map[string]struct {
		kind, path, doc string
		quirks          graphtest.Quirks
		reason          runs.Reason
		says            string
	}{
		"setting without a licence": {"configurationPolicy", catalog, `{"id":"o","name":"C","platforms":"windows10","technologies":"mdm",` + setting + `}`, graphtest.Quirks{Unlicensed: []string{"x_y"}}, runs.ReasonBadResponse, "BadRequest"},
		"retired template": {
			"configurationPolicy", catalog, `{"id":"o","name":"C","platforms":"windows10","technologies":"mdm","templateReference":{"templateId":"t_1","templateFamily":"endpointSecurityFirewall"},` + setting + `}`,
			graphtest.Quirks{Retired: []string{"t_1"}},
			runs.ReasonBadResponse, "BadRequest",
		},
		"retired template of an intent": {
			"intent", "deviceManagement/intents", `{"id":"o","displayName":"I","templateId":"t_1","settings":[]}`,
			graphtest.Quirks{Retired: []string{"t_1"}},
			runs.ReasonBadResponse, "BadRequest",
		},
		"retired update": {
			"windowsFeatureUpdateProfile", "deviceManagement/windowsFeatureUpdateProfiles", `{"id":"o","displayName":"F","featureUpdateVersion":"old"}`,
			graphtest.Quirks{Retired: []string{"old"}},
			runs.ReasonBadResponse, "BadRequest",
		},
		"tag of another role": {"deviceManagementScript", "deviceManagement/deviceManagementScripts", `{"id":"o","displayName":"S","scriptContent":"eA=="}`, graphtest.Quirks{RoleTags: []string{"7"}}, runs.ReasonBadResponse, "scope tags"},
		"rollout in the past": {
			"windowsFeatureUpdateProfile", "deviceManagement/windowsFeatureUpdateProfiles", `{"id":"o","displayName":"F","featureUpdateVersion":"v","rolloutSettings":{"offerStartDateTimeInUTC":"1999-01-01T00:00:00Z"}}`,
			graphtest.Quirks{},
			runs.ReasonBadResponse, "BadRequest",
		},
		"two block actions": {
			"deviceCompliancePolicy", "deviceManagement/deviceCompliancePolicies", `{"id":"o","@odata.type":"#microsoft.graph.macOSCompliancePolicy","displayName":"C","scheduledActionsForRule":[]}`,
			graphtest.Quirks{},
			runs.ReasonBadResponse, "one action that blocks",
		},
		"name that Autopilot refuses": {
			"autopilotProfile", "deviceManagement/windowsAutopilotDeploymentProfiles", `{"id":"o","@odata.type":"#microsoft.graph.azureADWindowsAutopilotDeploymentProfile","displayName":"A/B"}`,
			graphtest.Quirks{},
			runs.ReasonBadResponse, "ModelValidationFailure",
		},
		"assign that does nothing": {
			"deviceShellScript", "deviceManagement/deviceShellScripts", `{"id":"o","displayName":"S","scriptContent":"eA==","assignments":[{"target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget"}}]}`,
			graphtest.Quirks{},
			"", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				doc := docs(tc.path, tc.doc)
				doc["deviceManagement/deviceCategories"] = []json.RawMessage{json.RawMessage(`{"id":"c","displayName":"Kiosk"}`)}
				w := newWorld(t, doc)
				items := w.restored(tc.quirks, tc.kind, "deviceCategory")
				i := items[inventory.Ref{Kind: tc.kind, ID: "o"}]
				want := restore.Failed
				if tc.says == "" {
					want = restore.Verified
				}
				if i.Result != want || i.Reason != tc.reason || !strings.Contains(i.Message, tc.says) {
					t.Errorf("%s %s %q, want %s, and it to say %q", i.Result, i.Reason, i.Message, want, tc.says)
				}
				if tc.says != "" && i.RequestID == "" {
					t.Error("a refused item has no request ID")
				}
				if c := items[inventory.Ref{Kind: "deviceCategory", ID: "c"}]; c.Result != restore.Verified {
					t.Errorf("another item is %s: %s", c.Result, c.Message)
				}
			})
		})
	}
}

// An application that may only read says which permission each item needs, and
// changes nothing.
func TestReadPermission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, small())
		set := w.backup("assignmentFilter", "configurationPolicy", "notificationMessageTemplate", "termsAndConditions")
		w.wipe()
		token, err := w.server.IssueToken(graphtest.Grant{Tenant: contoso, Lifetime: 1000 * time.Hour, Permissions: []string{
			"DeviceManagementConfiguration.Read.All", "DeviceManagementServiceConfig.Read.All", "Group.Read.All",
		}})
		if err != nil {
			t.Fatal(err)
		}
		w.clients[contoso], err = graphclient.New(graphclient.Config{Tenant: contoso, Tokens: fixedToken(token), Transport: w.server.Transport()})
		if err != nil {
			t.Fatal(err)
		}
		r := w.plan(contoso, set.ID)
		w.preview(contoso, r.ID)
		w.execute(contoso, r.ID)
		for ref, i := range w.items(contoso, r.ID) {
			why := i.Reason == runs.ReasonPermissionDenied && strings.Contains(i.Message, ".ReadWrite.All")
			if i.Result != restore.Failed || !why && i.Reason != restore.ReasonPending {
				t.Errorf("%v is %s (%s, %q), want it to name the permission", ref, i.Result, i.Reason, i.Message)
			}
		}
		for path := range small() {
			if path != "groups" && len(w.server.Tenant(contoso).IDs(path)) > 0 {
				t.Errorf("%s is not empty", path)
			}
		}
	})
}

// Priorities are unique and move each other: they come back as they were, also
// beside those that are there.
func TestPriorities(t *testing.T) {
	const path = "deviceManagement/deviceEnrollmentConfigurations"
	page := func(n int) string {
		return fmt.Sprintf(`{"id":"%d","@odata.type":"#microsoft.graph.windows10EnrollmentCompletionPageConfiguration","displayName":"Page %d","priority":%d,"deviceEnrollmentConfigurationType":"windows10EnrollmentCompletionPageConfiguration"}`, 9-n, n, n)
	}
	order := func(w *world) (names []string) {
		tenant := w.server.Tenant(contoso)
		rank := func(doc []byte) int { n, _ := strconv.Atoi(string(contract.Member(doc, "priority"))); return n }
		var all []json.RawMessage
		for _, id := range tenant.IDs(path) {
			doc, err := tenant.Get(path, id)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, doc)
		}
		slices.SortFunc(all, func(a, b json.RawMessage) int { return rank(a) - rank(b) })
		for _, doc := range all {
			names = append(names, contract.Text(contract.Member(doc, "displayName")))
		}
		return names
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, docs(path, page(1), page(2), page(3), page(4)))
		for ref, i := range w.restored(graphtest.Quirks{}, "enrollmentStatusPage") {
			if i.Result != restore.Verified {
				t.Errorf("%v %q: %s %s %+v", ref, i.Name, i.Result, i.Message, i.Changes)
			}
		}
		if got := strings.Join(order(w), ", "); got != "Page 1, Page 2, Page 3, Page 4" {
			t.Errorf("order %s", got)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, docs(path, page(1), page(2), page(3)))
		set := w.backup("enrollmentStatusPage")
		w.wipe()
		for n := 1; n < 3; n++ { // somebody has made others meanwhile
			doc := strings.Replace(page(n), "Page ", "Other ", 1)
			if _, err := w.server.Tenant(contoso).Add(path, json.RawMessage(strings.Replace(doc, `"id":"`, `"id":"x`, 1))); err != nil {
				t.Fatal(err)
			}
		}
		r := w.plan(contoso, set.ID)
		w.preview(contoso, r.ID)
		w.execute(contoso, r.ID)
		for ref, i := range w.items(contoso, r.ID) {
			if i.Result != restore.Verified {
				t.Errorf("%v %q: %s %s %+v", ref, i.Name, i.Result, i.Message, i.Changes)
			}
		}
		if got := strings.Join(order(w), ", "); got != "Page 1, Page 2, Page 3, Other 1, Other 2" {
			t.Errorf("order %s", got)
		}
	})
}

// There is one clean-up rule for a platform: that of the tenant is changed, under
// whatever name. Where the service fails each time, the item says so in the end.
func TestCleanupRules(t *testing.T) {
	const path = "deviceManagement/managedDeviceCleanupRules"
	rule := `{"id":"o","displayName":"Ours","deviceCleanupRulePlatformType":"ios","deviceInactivityBeforeRetirementInDays":30}`
	ref := inventory.Ref{Kind: "managedDeviceCleanupRule", ID: "o"}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, docs(path, rule))
		set := w.backup("managedDeviceCleanupRule")
		w.wipe()
		if _, err := w.server.Tenant(contoso).Add(path, json.RawMessage(`{"id":"p","displayName":"Theirs","deviceCleanupRulePlatformType":"ios","deviceInactivityBeforeRetirementInDays":90}`)); err != nil {
			t.Fatal(err)
		}
		r := w.plan(contoso, set.ID)
		w.preview(contoso, r.ID)
		w.execute(contoso, r.ID)
		if i := w.items(contoso, r.ID)[ref]; i.Decision != restore.Update || i.Object != "p" || i.Result != restore.Verified {
			t.Errorf("%s of %s: %s %s, want the rule of the platform changed", i.Decision, i.Object, i.Result, i.Message)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, docs(path, rule))
		w.server.SetFaults(graphtest.Fault{Method: http.MethodPost, Prefix: "/" + path, Kind: graphtest.FaultInternal})
		i := w.restored(graphtest.Quirks{}, "managedDeviceCleanupRule")[ref]
		if i.Result != restore.Failed || i.Reason != runs.ReasonUnreachable {
			t.Errorf("%s %s %q, want it to fail in the end", i.Result, i.Reason, i.Message)
		}
	})
}

// Assignments of a policy set are written by its own action.
func TestPolicySetAssignments(t *testing.T) {
	const path = "deviceAppManagement/policySets"
	synctest.Test(t, func(t *testing.T) {
		doc := docs(path, `{"id":"o","displayName":"Set","items":[],"assignments":[{"@odata.type":"#microsoft.graph.policySetAssignment","target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget"}}]}`)
		w := newWorld(t, doc)
		for ref, i := range w.restored(graphtest.Quirks{}, "policySet") {
			if i.Result != restore.Verified {
				t.Errorf("%v: %s %s %+v", ref, i.Result, i.Message, i.Changes)
			}
		}
		tenant := w.server.Tenant(contoso)
		got, err := tenant.Get(path, tenant.IDs(path)[0])
		if err != nil || !strings.Contains(string(got), "allDevicesAssignmentTarget") {
			t.Errorf("the set is %s, want it assigned (%v)", got, err)
		}
	})
}

// A script of Microsoft's can be changed and assigned; a default can be changed,
// and not assigned.
func TestProvidedObjects(t *testing.T) {
	const path, defaults = "deviceManagement/deviceHealthScripts", "deviceManagement/deviceEnrollmentConfigurations"
	synctest.Test(t, func(t *testing.T) {
		doc := docs(path, `{"id":"s","displayName":"Theirs","isGlobalScript":true,"description":"old","assignments":[{"target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget"},"runRemediationScript":true}]}`)
		doc[defaults] = []json.RawMessage{json.RawMessage(`{"id":"t_DefaultLimit","@odata.type":"#microsoft.graph.deviceEnrollmentLimitConfiguration","displayName":"All","priority":0,"limit":5,"assignments":[]}`)}
		w := newWorld(t, doc)
		set := w.backup("deviceHealthScript", "enrollmentRestriction")
		tenant := w.server.Tenant(contoso)
		for at, patch := range map[[2]string]string{
			{path, "s"}:                  `{"description":"new","assignments":[]}`,
			{defaults, "t_DefaultLimit"}: `{"limit":7,"assignments":[{"target":{"@odata.type":"#microsoft.graph.allLicensedUsersAssignmentTarget"}}]}`,
		} {
			if err := tenant.Patch(at[0], at[1], []byte(patch)); err != nil {
				t.Fatal(err)
			}
		}
		r := w.plan(contoso, set.ID)
		w.preview(contoso, r.ID)
		w.execute(contoso, r.ID)
		for ref, i := range w.items(contoso, r.ID) {
			if i.Decision != restore.Update || i.Result != restore.Verified {
				t.Errorf("%v: %s %s %s %+v", ref, i.Decision, i.Result, i.Message, i.Changes)
			}
		}
		script, err := tenant.Get(path, "s")
		if err != nil || !strings.Contains(string(script), "allDevices") || !strings.Contains(string(script), "old") {
			t.Errorf("script %s, want it as it was (%v)", script, err)
		}
		limit, err := tenant.Get(defaults, "t_DefaultLimit")
		if err != nil || !strings.Contains(string(limit), `"limit":5`) {
			t.Errorf("default %s, want its limit back (%v)", limit, err)
		}
	})
}
