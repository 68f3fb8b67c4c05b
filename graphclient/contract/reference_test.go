package contract_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

const (
	idA = "aaaaaaaa-0000-4000-8000-000000000001"
	idB = "bbbbbbbb-0000-4000-8000-000000000002"
	idC = "cccccccc-0000-4000-8000-000000000003"
)

func TestReferences(t *testing.T) {
	type ref = contract.Reference
	dependsOn := func(target, id, pointer string) ref {
		return ref{Relation: contract.DependsOn, Target: target, ID: id, Pointer: pointer}
	}
	for _, tt := range []struct {
		name, kind, content string
		want                []ref
	}{
		{
			"scope tags", "deviceManagementScript", `{"roleScopeTagIds":["0","7"]}`,
			[]ref{
				{Relation: contract.ScopedBy, Target: "roleScopeTag", ID: "0", Pointer: "/roleScopeTagIds/0"},
				{Relation: contract.ScopedBy, Target: "roleScopeTag", ID: "7", Pointer: "/roleScopeTagIds/1"},
			},
		},
		{
			"compliance", "deviceCompliancePolicy",
			`{"scheduledActionsForRule":[{"scheduledActionConfigurations":[
			   {"notificationTemplateId":"` + idA + `","notificationMessageCCList":["` + idB + `"]},
			   {"notificationTemplateId":"00000000-0000-0000-0000-000000000000"},{"notificationTemplateId":""}]}],
			  "deviceCompliancePolicyScript":{"deviceComplianceScriptId":"` + idC + `"}}`,
			[]ref{
				dependsOn("notificationMessageTemplate", idA, "/scheduledActionsForRule/0/scheduledActionConfigurations/0/notificationTemplateId"),
				dependsOn("group", idB, "/scheduledActionsForRule/0/scheduledActionConfigurations/0/notificationMessageCCList/0"),
				dependsOn("deviceComplianceScript", idC, "/deviceCompliancePolicyScript/deviceComplianceScriptId"),
			},
		},
		{
			"settings catalog", "configurationPolicy",
			`{"templateReference":{"templateId":"t_1","templateDisplayName":"Firewall"},"settings":[{"settingInstance":{
			   "settingDefinitionId":"rules","groupSettingCollectionValue":[{"children":[
			    {"settingDefinitionId":"x_remote_reusablesettings","simpleSettingCollectionValue":[
			      {"@odata.type":"#microsoft.graph.deviceManagementConfigurationStringSettingValue","value":"` + idA + `"}]},
			    {"settingDefinitionId":"other","simpleSettingValue":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationReferenceSettingValue","value":"` + idB + `"}},
			    {"settingDefinitionId":"plain","simpleSettingValue":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationStringSettingValue","value":"` + idC + `"}}]}]}}]}`,
			[]ref{
				{Relation: contract.DependsOn, Target: "template", ID: "t_1", Name: "Firewall", Pointer: "/templateReference/templateId"},
				dependsOn("reusablePolicySetting", idB, "/settings/0/settingInstance/groupSettingCollectionValue/0/children/1/simpleSettingValue/value"),
				dependsOn("reusablePolicySetting", idA, "/settings/0/settingInstance/groupSettingCollectionValue/0/children/0/simpleSettingCollectionValue/0/value"),
			},
		},
		{
			"Linux compliance", "compliancePolicyV2",
			`{"settings":[{"settingInstance":{"settingDefinitionId":"linux_customcompliance_discoveryscript","simpleSettingValue":{"value":"` + idA + `"}}}]}`,
			[]ref{dependsOn("reusablePolicySetting", idA, "/settings/0/settingInstance/simpleSettingValue/value")},
		},
		{
			"apps of a status page", "enrollmentStatusPage", `{"selectedMobileAppIds":["` + idA + `"]}`,
			[]ref{dependsOn("mobileApp", idA, "/selectedMobileAppIds/0")},
		},
		{
			"enrolment notifications", "enrollmentRestriction",
			`{"notificationTemplates":["Email_` + idA + `","Push_00000000-0000-0000-0000-000000000000"],"notificationMessageTemplateId":null}`,
			[]ref{dependsOn("notificationMessageTemplate", idA, "/notificationTemplates/0")},
		},
		{
			"an app", "mobileApp",
			`{"categories":[{"id":"` + idA + `","displayName":"Games"}],"vppTokenId":"` + idB + `","vppTokenDisplayName":"Token",
			  "relationships":[{"targetId":"` + idC + `","targetType":"child","targetDisplayName":"Runtime"},{"targetId":"x","targetType":"parent"}]}`,
			[]ref{
				{Relation: contract.DependsOn, Target: "mobileAppCategory", ID: idA, Name: "Games", Pointer: "/categories/0/id"},
				{Relation: contract.DependsOn, Target: "vppToken", ID: idB, Name: "Token", Pointer: "/vppTokenId"},
				{Relation: contract.DependsOn, Target: "mobileApp", ID: idC, Name: "Runtime", Pointer: "/relationships/0/targetId"},
			},
		},
		{
			"an app relationship", "mobileAppRelationship", `{"targetId":"` + idA + `","targetType":"child","targetDisplayName":"Runtime"}`,
			[]ref{{Relation: contract.DependsOn, Target: "mobileApp", ID: idA, Name: "Runtime", Pointer: "/targetId"}},
		},
		{
			"app protection", "iosManagedAppProtection",
			`{"apps":[{"id":"x","mobileAppIdentifier":{"@odata.type":"#microsoft.graph.iosMobileAppIdentifier","bundleId":"com.example"}}]}`,
			[]ref{dependsOn("app_identifier", "com.example", "/apps/0/mobileAppIdentifier/bundleId")},
		},
		{
			"a policy set", "policySet",
			`{"items":[{"@odata.type":"#microsoft.graph.mobileAppPolicySetItem","payloadId":"` + idA + `","displayName":"App"},
			  {"@odata.type":"#microsoft.graph.managedAppProtectionPolicySetItem","itemType":"#microsoft.graph.iosManagedAppProtection","payloadId":"T_` + idB + `"}]}`,
			[]ref{
				{Relation: contract.DependsOn, Target: "mobileApp", ID: idA, Name: "App", Pointer: "/items/0/payloadId"},
				dependsOn("iosManagedAppProtection", "T_"+idB, "/items/1/payloadId"),
			},
		},
		{
			"certificates of a Wi-Fi profile", "wifiVpnEmail",
			`{"rootCertificatesForServerValidation":[{"id":"` + idA + `","displayName":"Root"}],
			  "identityCertificateForClientAuthentication":{"id":"` + idB + `","displayName":"SCEP"}}`,
			[]ref{
				{Relation: contract.DependsOn, Target: "trustedRootCertificate", ID: idA, Name: "Root", Pointer: "/rootCertificatesForServerValidation/0/id"},
				{Relation: contract.DependsOn, Target: "scepPkcsCertificate", ID: idB, Name: "SCEP", Pointer: "/identityCertificateForClientAuthentication/id"},
			},
		},
		{
			"a bound certificate", "scepPkcsCertificate",
			`{"rootCertificate@odata.bind":"https://graph.microsoft.us/beta/deviceManagement/deviceConfigurations('` + idA + `')"}`,
			[]ref{dependsOn("trustedRootCertificate", idA, "/rootCertificate@odata.bind")},
		},
		{
			"administrative templates", "groupPolicyConfiguration",
			`{"definitionValues":[{"definition":{"id":"` + idA + `","policyType":"admxBacked"}},
			  {"definition":{"id":"` + idB + `","policyType":"admxIngested","displayName":"Ours"}}]}`,
			[]ref{{Relation: contract.DependsOn, Target: "definition", ID: idB, Name: "Ours", Pointer: "/definitionValues/1/definition/id"}},
		},
		{
			"a role assignment", "roleAssignment",
			`{"members":["` + idA + `"],"resourceScopes":["` + idB + `"],"roleDefinition":{"id":"` + idC + `","displayName":"Help desk"},"roleScopeTags":[{"id":"3"}]}`,
			[]ref{
				{Relation: contract.ScopedBy, Target: "roleScopeTag", ID: "3", Pointer: "/roleScopeTags/0/id"},
				{Relation: contract.DependsOn, Target: "roleDefinition", ID: idC, Name: "Help desk", Pointer: "/roleDefinition/id"},
				{Relation: contract.AssignedTo, Target: "group", ID: idA, Pointer: "/members/0"},
				dependsOn("group", idB, "/resourceScopes/0"),
			},
		},
		{
			"conditional access", "conditionalAccessPolicy",
			`{"conditions":{"users":{"includeUsers":["All"],"excludeGroups":["` + idA + `"],"includeRoles":["` + idB + `"]},
			   "applications":{"includeApplications":["All","` + idC + `"],"includeAuthenticationContextClassReferences":["c1"]},
			   "locations":{"includeLocations":["All"],"excludeLocations":["AllTrusted","` + idA + `"]},
			   "clientApplications":null},
			  "grantControls":{"termsOfUse":["` + idB + `"],"authenticationStrength":{"id":"` + idC + `","displayName":"MFA"}}}`,
			[]ref{
				{Relation: contract.AssignedTo, Target: "all_users", Pointer: "/conditions/users/includeUsers/0"},
				{Relation: contract.AssignedTo, Target: "group", ID: idA, Exclude: true, Pointer: "/conditions/users/excludeGroups/0"},
				{Relation: contract.AssignedTo, Target: "directory_role", ID: idB, Pointer: "/conditions/users/includeRoles/0"},
				dependsOn("service_principal", idC, "/conditions/applications/includeApplications/1"),
				dependsOn("authenticationContext", "c1", "/conditions/applications/includeAuthenticationContextClassReferences/0"),
				dependsOn("namedLocation", idA, "/conditions/locations/excludeLocations/1"),
				dependsOn("termsOfUseAgreement", idB, "/grantControls/termsOfUse/0"),
				{Relation: contract.DependsOn, Target: "authenticationStrength", ID: idC, Name: "MFA", Pointer: "/grantControls/authenticationStrength/id"},
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, warnings := lookup(t, tt.kind).References([]byte(tt.content), nil)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("references (-want +got):\n%s", diff)
			}
			if len(warnings) > 0 {
				t.Errorf("warnings = %v, want none", warnings)
			}
			for _, r := range got {
				value, _ := at(t, tt.content, r.Pointer).(string)
				if !strings.Contains(value, r.ID) {
					t.Errorf("at %s stands %q, not %s", r.Pointer, value, r.ID)
				}
			}
		})
	}
}

func TestReferencesOfAssignments(t *testing.T) {
	const assignments = `[
		{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"` + idA + `",
		  "deviceAndAppManagementAssignmentFilterId":"` + idB + `","deviceAndAppManagementAssignmentFilterType":"exclude"}},
		{"target":{"@odata.type":"#microsoft.graph.exclusionGroupAssignmentTarget","groupId":"` + idC + `"}},
		{"target":{"@odata.type":"#microsoft.graph.allLicensedUsersAssignmentTarget",
		  "deviceAndAppManagementAssignmentFilterId":"00000000-0000-0000-0000-000000000000","deviceAndAppManagementAssignmentFilterType":"include"}},
		{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"adadadad-808e-44e2-905a-0b7873a8a531"}},
		{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"acacacac-9df4-4c7d-9d50-4ef0226f57a9"}},
		{"target":{"@odata.type":"#microsoft.graph.configurationManagerCollectionAssignmentTarget","collectionId":"SMS00001"},
		 "settings":{"vpnConfigurationId":"` + idB + `"}},
		{"target":{"@odata.type":"#microsoft.graph.cloudPcManagementGroupAssignmentTarget","groupId":"` + idA + `"}}]`
	to := func(target, id, pointer string) contract.Reference {
		return contract.Reference{Relation: contract.AssignedTo, Target: target, ID: id, Pointer: pointer, Assignment: true}
	}
	excluded := to("group", idC, "/1/target/groupId")
	excluded.Exclude = true
	want := []contract.Reference{
		to("group", idA, "/0/target/groupId"),
		{
			Relation: contract.UsesFilter, Target: "assignmentFilter", ID: idB, Exclude: true, Assignment: true,
			Pointer: "/0/target/deviceAndAppManagementAssignmentFilterId",
		},
		excluded,
		to("all_users", "", "/2/target"),
		to("all_devices", "", "/3/target/groupId"),
		to("all_users", "", "/4/target/groupId"),
		to("collection", "SMS00001", "/5/target/collectionId"),
		{Relation: contract.DependsOn, Target: "wifiVpnEmail", ID: idB, Assignment: true, Pointer: "/5/settings/vpnConfigurationId"},
		to("group", idA, "/6/target/groupId"),
	}
	typ := lookup(t, "mobileApp")
	got, warnings := typ.References(nil, []byte(assignments))
	if diff := cmp.Diff(want, got); diff != "" || len(warnings) > 0 {
		t.Errorf("references (-want +got):\n%s\nwarnings %v", diff, warnings)
	}
	got, warnings = typ.References([]byte(`{"assignments":`+assignments+`}`), nil)
	if len(got) != len(want) || len(warnings) > 0 {
		t.Errorf("of assignments in the content: %d references, warnings %v; want %d, none", len(got), warnings, len(want))
	}
	got, _ = typ.References([]byte(`{"assignments":`+assignments+`}`), []byte(`[]`))
	if len(got) != 0 {
		t.Errorf("with given assignments: %v; want those of the content to be passed over", got)
	}
}

func TestReferencesWarn(t *testing.T) {
	for _, tt := range []struct{ name, kind, content, assignments, pointer string }{
		{"no JSON", "mobileApp", `{`, ``, ""},
		{"no assignments", "mobileApp", `{}`, `{}`, ""},
		{"an assignment without a target", "mobileApp", `{}`, `[{}]`, "/0"},
		{"a target of tomorrow", "mobileApp", `{}`, `[{"target":{"@odata.type":"#microsoft.graph.moonAssignmentTarget"}}]`, "/0/target"},
		{"a group without an id", "mobileApp", `{}`, `[{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget"}}]`, "/0/target"},
		{
			"a filter of tomorrow", "mobileApp", `{}`,
			`[{"target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget","deviceAndAppManagementAssignmentFilterId":"x","deviceAndAppManagementAssignmentFilterType":"maybe"}}]`,
			"/0/target",
		},
		{"an id that is a number", "enrollmentStatusPage", `{"selectedMobileAppIds":[1]}`, ``, "/selectedMobileAppIds/0"},
		{"an object that is text", "deviceCompliancePolicy", `{"deviceCompliancePolicyScript":"x"}`, ``, "/deviceCompliancePolicyScript"},
		{"an id of another form", "enrollmentRestriction", `{"notificationTemplates":["x"]}`, ``, "/notificationTemplates/0"},
		{"an item of tomorrow", "policySet", `{"items":[{"@odata.type":"#microsoft.graph.moonPolicySetItem","payloadId":"x"}]}`, ``, "/items/0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var assignments []byte
			if tt.assignments != "" {
				assignments = []byte(tt.assignments)
			}
			_, warnings := lookup(t, tt.kind).References([]byte(tt.content), assignments)
			if len(warnings) != 1 || warnings[0].Pointer != tt.pointer || warnings[0].Message == "" {
				t.Errorf("warnings = %v, want one at %q", warnings, tt.pointer)
			}
		})
	}
}

// TestReferenceTargets makes sure that what a link leads to is something.
func TestReferenceTargets(t *testing.T) {
	outside := []string{
		contract.TargetGroup, contract.TargetUser, contract.TargetDirectoryRole, contract.TargetServicePrincipal,
		contract.TargetTemplate, contract.TargetAppIdentifier, contract.TargetDerivedCredential,
	}
	for _, target := range contract.LinkTargets() {
		if _, ok := contract.Lookup(target); !ok && !slices.Contains(outside, target) {
			t.Errorf("a link leads to %q, which is neither a type nor declared", target)
		}
	}
}

// at returns the value that a JSON pointer leads to.
func at(t *testing.T, doc, pointer string) any {
	t.Helper()
	v := decode[any](t, []byte(doc))
	for step := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		step = strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~")
		switch c := v.(type) {
		case map[string]any:
			v = c[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(c) {
				t.Fatalf("%s: no element %s", pointer, step)
			}
			v = c[i]
		default:
			t.Fatalf("%s leads nowhere", pointer)
		}
	}
	return v
}
