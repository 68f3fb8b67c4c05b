package graphtest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

// exported is a policy as a full-metadata export writes it.
const exported = `{
	"@odata.context":"https://graph.microsoft.com/beta/$metadata#x","@odata.type":"#microsoft.graph.deviceManagementConfigurationPolicy",
	"@odata.id":"x","@odata.editLink":"x","id":"p","createdDateTime@odata.type":"#DateTimeOffset","createdDateTime":"2024-01-02T03:04:05.67Z",
	"name":"N","platforms@odata.type":"#microsoft.graph.deviceManagementConfigurationPlatforms","platforms":"windows10",
	"roleScopeTagIds@odata.type":"#Collection(String)","roleScopeTagIds":["0"],"settingCount":99,
	"templateReference":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationPolicyTemplateReference","templateId":"","templateFamily@odata.type":"#x","templateFamily":"none"},
	"settings@odata.context":"x","settings@odata.navigationLink":"x","settings":[{"@odata.type":"#microsoft.graph.deviceManagementConfigurationSetting","@odata.id":"x","id":"0","settingInstance":{
		"@odata.type":"#microsoft.graph.deviceManagementConfigurationChoiceSettingInstance","settingDefinitionId":"d","choiceSettingValue":{
			"@odata.type":"#microsoft.graph.deviceManagementConfigurationChoiceSettingValue","value":"d_1","children@odata.type":"#Collection(x)","children":[]}}}],
	"#microsoft.graph.assign":{"title":"x","target":"x"}}`

func TestMetadataLevels(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	f.add("deviceManagement/configurationPolicies", exported)
	const url = "/beta/deviceManagement/configurationPolicies/p?$expand=settings"
	const policy = `"id":"p","createdDateTime":"2024-01-02T03:04:05.67Z","name":"N","platforms":"windows10","roleScopeTagIds":["0"],"settingCount":1,`
	const ctx = `"@odata.context":"http://graph.test/beta/$metadata#deviceManagement/configurationPolicies/$entity",`
	const nav = "http://graph.test/beta/deviceManagement/configurationPolicies('p')/"
	const meta = "http://graph.test/beta/$metadata#deviceManagement/configurationPolicies('p')/settings"
	for _, tc := range []struct{ level, want string }{
		{"minimal", `{` + ctx + policy + `"templateReference":{"templateId":"","templateFamily":"none"},` +
			`"settings@odata.context":"` + meta + `","settings":[{"id":"0","settingInstance":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationChoiceSettingInstance","settingDefinitionId":"d","choiceSettingValue":{"value":"d_1","children":[]}}}]}`},
		{"none", `{` + policy + `"templateReference":{"templateId":"","templateFamily":"none"},` +
			`"settings":[{"id":"0","settingInstance":{"settingDefinitionId":"d","choiceSettingValue":{"value":"d_1","children":[]}}}]}`},
		{"full", `{` + ctx + `"@odata.type":"#microsoft.graph.deviceManagementConfigurationPolicy","@odata.id":"deviceManagement/configurationPolicies('p')","@odata.editLink":"deviceManagement/configurationPolicies('p')",` +
			`"id":"p","createdDateTime@odata.type":"#DateTimeOffset","createdDateTime":"2024-01-02T03:04:05.67Z","name":"N","platforms@odata.type":"#microsoft.graph.deviceManagementConfigurationPlatforms","platforms":"windows10",` +
			`"roleScopeTagIds@odata.type":"#Collection(String)","roleScopeTagIds":["0"],"settingCount":1,` +
			`"templateReference":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationPolicyTemplateReference","templateId":"","templateFamily@odata.type":"#microsoft.graph.deviceManagementConfigurationTemplateFamily","templateFamily":"none"},` +
			`"settings@odata.context":"` + meta + `","settings@odata.associationLink":"` + nav + `settings/$ref","settings@odata.navigationLink":"` + nav + `settings",` +
			`"settings":[{"@odata.type":"#microsoft.graph.deviceManagementConfigurationSetting","@odata.id":"deviceManagement/configurationPolicies('p')/settings('0')","@odata.editLink":"deviceManagement/configurationPolicies('p')/settings('0')","id":"0",` +
			`"settingInstance":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationChoiceSettingInstance","settingDefinitionId":"d","choiceSettingValue":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationChoiceSettingValue","value":"d_1","children@odata.type":"#Collection(microsoft.graph.deviceManagementConfigurationSettingInstance)","children":[]}},` +
			`"settingDefinitions@odata.associationLink":"` + nav + `settings('0')/settingDefinitions/$ref","settingDefinitions@odata.navigationLink":"` + nav + `settings('0')/settingDefinitions"}],` +
			`"assignments@odata.associationLink":"` + nav + `assignments/$ref","assignments@odata.navigationLink":"` + nav + `assignments",` +
			action(nav, "assign") + "," + action(nav, "createCopy") + "," + action(nav, "reorder") + `}`},
	} {
		f.header.Set("Accept", "application/json;odata.metadata="+tc.level)
		r := f.do(http.MethodGet, url, "")
		if diff := cmp.Diff(tc.want, r.body); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.level, diff)
		}
		if got := r.header.Get("Content-Type"); !strings.Contains(got, "odata.metadata="+tc.level) {
			t.Errorf("%s: Content-Type %s", tc.level, got)
		}
	}
}

func action(nav, name string) string {
	return `"#microsoft.graph.` + name + `":{"title":"microsoft.graph.` + name + `","target":"` + strings.TrimSuffix(nav, "/") + `/microsoft.graph.` + name + `"}`
}

func TestTypesInMixedLists(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	f.add("deviceManagement/deviceConfigurations", `{"@odata.type":"#microsoft.graph.iosUpdateConfiguration","id":"i"}`)
	f.add("deviceAppManagement/iosManagedAppProtections", `{"@odata.type":"#microsoft.graph.iosManagedAppProtection","id":"T_1"}`)
	f.add("deviceAppManagement/targetedManagedAppConfigurations", `{"id":"A_1"}`)
	f.add("deviceManagement/assignmentFilters", `{"id":"f"}`)
	for path, want := range map[string][]string{
		"deviceManagement/deviceConfigurations":        {"#microsoft.graph.iosUpdateConfiguration"},
		"deviceAppManagement/iosManagedAppProtections": {""},
		"deviceAppManagement/managedAppPolicies":       {"#microsoft.graph.iosManagedAppProtection", "#microsoft.graph.targetedManagedAppConfiguration"},
		"deviceManagement/assignmentFilters":           {""},
	} {
		var got []string
		for _, o := range f.all("/beta/" + path) {
			got = append(got, o.str("@odata.type"))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s, minimal (-want +got):\n%s", path, diff)
		}
	}
	f.header.Set("Accept", "application/json; odata.metadata=full")
	if got := f.all("/beta/deviceManagement/assignmentFilters")[0].str("@odata.type"); got != "#microsoft.graph.deviceAndAppManagementAssignmentFilter" {
		t.Errorf("untyped filter is %q in full metadata", got)
	}
	one := f.get("/beta/deviceManagement/deviceConfigurations/i")
	if want := "deviceManagement/deviceConfigurations('i')/microsoft.graph.iosUpdateConfiguration"; one.str("@odata.editLink") != want {
		t.Errorf("edit link %s, want %s", one.str("@odata.editLink"), want)
	}
}

func TestStableVersionLacksTagsAndFilters(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	f.add("deviceManagement/deviceConfigurations", `{"@odata.type":"#microsoft.graph.iosUpdateConfiguration","id":"i","roleScopeTagIds":["0"],"displayName":"I",
		"assignments":[{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"g","deviceAndAppManagementAssignmentFilterId":"f"}}]}`)
	for version, want := range map[string]bool{"beta": true, "v1.0": false} {
		o := f.get("/" + version + "/deviceManagement/deviceConfigurations/i?$expand=assignments")
		target := o.list("assignments")[0].obj("target")
		if o.has("roleScopeTagIds") != want || target.has("deviceAndAppManagementAssignmentFilterId") != want || target.str("groupId") != "g" {
			t.Errorf("%s: tags and filters there: %v %v, want %v", version, o.has("roleScopeTagIds"), target, want)
		}
	}
}

func TestUnknownEnumMembers(t *testing.T) {
	f := newFixture(t, graphtest.Config{Quirks: graphtest.Quirks{UnknownEnums: map[string][]string{"builtInControls": {"riskRemediation"}}}})
	f.add("identity/conditionalAccess/policies", `{"id":"ca","grantControls":{"builtInControls":["mfa","riskRemediation"]}}`)
	const url = "/beta/identity/conditionalAccess/policies/ca"
	if got := f.do(http.MethodGet, url, "").body; !strings.Contains(got, `["mfa","unknownFutureValue"]`) {
		t.Errorf("without Prefer: %s", got)
	}
	f.header.Set("Prefer", "include-unknown-enum-members")
	if got := f.do(http.MethodGet, url, "").body; !strings.Contains(got, `["mfa","riskRemediation"]`) {
		t.Errorf("with Prefer: %s", got)
	}
}
