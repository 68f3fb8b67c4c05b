package graphtest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

// shows says how a property reads: its JSON kind, "null" or "absent".
func shows(o object, name string) string {
	switch v, ok := o[name]; {
	case !ok:
		return "absent"
	case v == nil:
		return "null"
	}
	return "there"
}

func TestListsTellLessThanObjects(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	if err := f.tenant.LoadDocument(graphtest.DemoTenant(3, 1)); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		path, prop                     string
		list, selected, get, getSelect string
	}{
		{"deviceManagement/deviceManagementScripts", "scriptContent", "null", "null", "there", "there"},
		{"deviceManagement/deviceShellScripts", "scriptContent", "null", "null", "there", "there"},
		{"deviceManagement/deviceCustomAttributeShellScripts", "scriptContent", "null", "null", "there", "there"},
		{"deviceManagement/deviceComplianceScripts", "detectionScriptContent", "null", "null", "there", "there"},
		{"deviceManagement/deviceHealthScripts", "detectionScriptContent", "null", "null", "there", "there"},
		{"deviceManagement/deviceHealthScripts", "remediationScriptContent", "null", "null", "there", "there"},
		{"deviceAppManagement/mobileApps", "roleScopeTagIds", "absent", "absent", "there", "there"},
		{"deviceAppManagement/mobileApps", "largeIcon", "absent", "absent", "there", "there"},
		{"deviceManagement/intuneBrandingProfiles", "themeColorLogo", "null", "null", "there", "there"},
		{"deviceManagement/reusablePolicySettings", "settingInstance", "null", "there", "there", "there"},
		{"deviceManagement/androidDeviceOwnerEnrollmentProfiles", "tokenValue", "null", "there", "null", "there"},
		{"deviceManagement/groupPolicyUploadedDefinitionFiles", "content", "null", "null", "null", "null"},
		{"deviceManagement/hardwareConfigurations", "configurationFileContent", "null", "null", "there", "there"},
		{"deviceAppManagement/vppTokens", "token", "null", "null", "null", "null"},
		{"deviceManagement/deviceCompliancePolicies", "scheduledActionsForRule", "absent", "absent", "absent", "absent"},
		{"deviceManagement/deviceConfigurations", "rootCertificate", "absent", "absent", "absent", "absent"},
	} {
		base := "/beta/" + tc.path
		first := f.all(base)[0]
		one := base + "/" + first.str("id")
		sel := "?$select=id," + strings.ToLower(tc.prop) // names match in any case
		for what, got := range map[string][2]string{
			"list":              {shows(first, tc.prop), tc.list},
			"list with $select": {shows(f.all(base + sel)[0], tc.prop), tc.selected},
			"get":               {shows(f.get(one), tc.prop), tc.get},
			"get with $select":  {shows(f.get(one+sel), tc.prop), tc.getSelect},
		} {
			if got[0] != got[1] {
				t.Errorf("%s %s in %s: %s, want %s", tc.path, tc.prop, what, got[0], got[1])
			}
		}
	}
}

func TestAgreementFilesComeWithoutData(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	if err := f.tenant.LoadDocument(graphtest.DemoTenant(3, 1)); err != nil {
		t.Fatal(err)
	}
	const path = "/beta/identityGovernance/termsOfUse/agreements"
	agreement := f.all(path + "?$expand=files")[0]
	file := agreement.list("files")[0]
	if shows(file, "fileData") != "null" {
		t.Errorf("expanded file shows its data: %v", file)
	}
	if got := f.get(path + "/" + agreement.str("id") + "/files/" + file.str("id")); shows(got, "fileData") != "there" {
		t.Errorf("single file lacks its data: %v", got)
	}
}

func TestCertificatesAreFoundByNavigationOnly(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	const dc = "deviceManagement/deviceConfigurations"
	bind := `"https://graph.microsoft.us/beta/deviceManagement/deviceConfigurations('root')"`
	f.add(dc, `{"@odata.type":"#microsoft.graph.windows81TrustedRootCertificate","id":"root","displayName":"Root"}`)
	f.add(dc, `{"@odata.type":"#microsoft.graph.windows81SCEPCertificateProfile","id":"scep","rootCertificate@odata.bind":`+bind+`}`)
	f.add(dc, `{"@odata.type":"#microsoft.graph.windowsWifiEnterpriseEAPConfiguration","id":"wifi","rootCertificatesForServerValidation@odata.bind":[`+bind+`]}`)
	base := "/beta/" + dc
	if r := f.do(http.MethodGet, base+"/scep", ""); strings.Contains(r.body, "root") {
		t.Errorf("the profile shows its certificate: %s", r.body)
	}
	got := f.get(base + "/scep/microsoft.graph.windows81SCEPCertificateProfile/rootCertificate")
	if got.str("id") != "root" || got.str("@odata.type") != "#microsoft.graph.windows81TrustedRootCertificate" {
		t.Errorf("navigation leads to %v", got)
	}
	if got := ids(f.all(base + "/wifi/microsoft.graph.windowsWifiEnterpriseEAPConfiguration/rootCertificatesForServerValidation")); len(got) != 1 || got[0] != "root" {
		t.Errorf("navigation leads to %v", got)
	}
	f.refused(base+"/scep/rootCertificate", http.StatusBadRequest, "BadRequest")
	f.refused(base+"?$expand=rootCertificate", http.StatusBadRequest, "BadRequest")
	f.refused(base+"/wifi/microsoft.graph.windowsWifiEnterpriseEAPConfiguration/identityCertificateForClientAuthentication", http.StatusNotFound, "ResourceNotFound")
	f.srv.SetQuirks(graphtest.Quirks{RefuseCasts: true})
	f.refused(base+"/scep/microsoft.graph.windows81SCEPCertificateProfile", http.StatusBadRequest, "BadRequest")
	if err := f.tenant.Delete(dc, "root"); err != nil {
		t.Fatal(err)
	}
	f.srv.SetQuirks(graphtest.Quirks{})
	f.refused(base+"/scep/microsoft.graph.windows81SCEPCertificateProfile/rootCertificate", http.StatusNotFound, "ResourceNotFound")
}

func TestOMASecrets(t *testing.T) {
	reader := graphtest.Client{ID: "reader", Roles: []string{"DeviceManagementConfiguration.Read.All"}}
	f := newFixture(t, graphtest.Config{Clients: []graphtest.Client{reader}})
	const path = "/beta/deviceManagement/deviceConfigurations/c"
	f.add("deviceManagement/deviceConfigurations", `{"@odata.type":"#microsoft.graph.windows10CustomConfiguration","id":"c","omaSettings":[
		{"@odata.type":"#microsoft.graph.omaSettingString","displayName":"s","isEncrypted":true,"value":"hunter2"},
		{"@odata.type":"#microsoft.graph.omaSettingStringXml","displayName":"x","isEncrypted":true,"secretReferenceValueId":"ref-x","value":"PHg+"},
		{"@odata.type":"#microsoft.graph.omaSettingString","displayName":"p","isEncrypted":false,"value":"plain"}]}`)
	settings := f.get(path).list("omaSettings")
	for i, want := range []string{"****", "PGEvPg==", "plain"} {
		if got := settings[i].str("value"); got != want {
			t.Errorf("setting %d reads %q, want %q", i, got, want)
		}
	}
	if settings[0].str("@odata.type") != "#microsoft.graph.omaSettingString" {
		t.Errorf("minimal metadata lost the type of %v", settings[0])
	}
	fn := path + "/getOmaSettingPlainTextValue(secretReferenceValueId='"
	if got := f.get(fn + settings[0].str("secretReferenceValueId") + "')").str("value"); got != "hunter2" {
		t.Errorf("plain value %q, want hunter2", got)
	}
	if got := f.get(fn + "ref-x')").str("value"); got != "PHg+" {
		t.Errorf("plain XML %q, want PHg+", got)
	}
	f.refused(fn+"none')", http.StatusNotFound, "ResourceNotFound")
	var err error
	if f.token, err = f.srv.IssueToken(graphtest.Grant{Tenant: tenantID, Client: "reader"}); err != nil {
		t.Fatal(err)
	}
	f.get(path)
	if msg := f.refused(fn+"ref-x')", http.StatusForbidden, "Forbidden"); !strings.Contains(msg, "DeviceManagementConfiguration.ReadWrite.All") {
		t.Errorf("403 message %s", msg)
	}
}

func TestCatalogSecretsReadAsTokens(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	f.add("deviceManagement/configurationPolicies", `{"id":"p","name":"N","settings":[{"settingInstance":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationSimpleSettingInstance","settingDefinitionId":"d",
		"simpleSettingValue":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationSecretSettingValue","value":"hunter2","valueState":"notEncrypted"}}}]}`)
	r := f.do(http.MethodGet, "/beta/deviceManagement/configurationPolicies/p/settings?$expand=settingDefinitions", "")
	setting := r.object(t).list("value")[0]
	value := setting.obj("settingInstance").obj("simpleSettingValue")
	if value.str("valueState") != "encryptedValueToken" || len(value.str("value")) != 36 || strings.Contains(r.body, "hunter2") {
		t.Errorf("secret reads %v", value)
	}
	if got := ids(setting.list("settingDefinitions")); len(got) != 1 || got[0] != "d" {
		t.Errorf("definitions %v, want d", got)
	}
}

func TestAdministrativeTemplatesAreReadInThreeSteps(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	if err := f.tenant.LoadDocument(graphtest.DemoTenant(3, 1)); err != nil {
		t.Fatal(err)
	}
	base := "/beta/deviceManagement/groupPolicyConfigurations/" + f.all("/beta/deviceManagement/groupPolicyConfigurations")[0].str("id") + "/definitionValues"
	for _, value := range f.all(base + "?$expand=definition") {
		if value.obj("definition").str("classType") != "machine" || value.has("presentationValues") {
			t.Errorf("definition value %v", value)
		}
		for _, p := range f.all(base + "/" + value.str("id") + "/presentationValues?$expand=presentation") {
			if p.str("@odata.type") != "#microsoft.graph.groupPolicyPresentationValueText" || p.obj("presentation").str("label") != "Address" {
				t.Errorf("presentation value %v", p)
			}
		}
		if got := f.get(base + "/" + value.str("id") + "/definition/presentations"); len(got.list("value")) != 1 {
			t.Errorf("presentations of the definition: %v", got)
		}
	}
}

func TestComputedChildren(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	if err := f.tenant.LoadDocument(graphtest.DemoTenant(3, 1)); err != nil {
		t.Fatal(err)
	}
	role := f.all("/beta/deviceManagement/roleDefinitions?$filter=isBuiltIn eq false")[0].str("id")
	if got := f.all("/beta/deviceManagement/roleDefinitions/" + role + "/roleAssignments"); len(got) != 1 {
		t.Fatalf("role has %d assignments, want 1", len(got))
	} else if a := f.get("/beta/deviceManagement/roleAssignments/" + got[0].str("id") + "?$expand=roleDefinition,roleScopeTags"); a.obj("roleDefinition").str("id") != role || len(a.list("roleScopeTags")) != 1 {
		t.Errorf("assignment %v", a)
	}
	reusable := f.all("/beta/deviceManagement/reusablePolicySettings")[0].str("id")
	if got := f.all("/beta/deviceManagement/reusablePolicySettings/" + reusable + "/referencingConfigurationPolicies"); len(got) != 1 || got[0].str("name") != "Firewall - Rules" {
		t.Errorf("referencing policies %v", got)
	}
	if got := f.all("/beta/deviceManagement/roleScopeTags/getRoleScopeTagsByResource(resource='MobileApps')"); len(got) != 5 {
		t.Errorf("tags by resource: %d, want 5", len(got))
	}
	if got := f.all("/beta/identity/conditionalAccess/authenticationStrength/policies"); len(got) != 2 {
		t.Errorf("strengths by their other path: %d, want 2", len(got))
	}
}

func TestExpandCap(t *testing.T) {
	f := newFixture(t, graphtest.Config{Quirks: graphtest.Quirks{ExpandCap: 2}})
	f.add("deviceManagement/configurationPolicies", `{"id":"p","settings":[{"a":1},{"a":2},{"a":3}]}`)
	got := f.get("/beta/deviceManagement/configurationPolicies/p?$expand=settings")
	if len(got.list("settings")) != 2 || got.num("settingCount") != 3 {
		t.Errorf("expanded %d settings of %d, want 2 of 3", len(got.list("settings")), got.num("settingCount"))
	}
}
