package graphtest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

// demoPaths are the lists that a demo tenant must not leave empty: those of
// the type table, by what it calls the types.
const demoPaths = `
deviceManagement/roleScopeTags deviceManagement/assignmentFilters deviceManagement/roleDefinitions deviceManagement/roleAssignments
deviceManagement/notificationMessageTemplates deviceManagement/deviceCategories deviceAppManagement/mobileAppCategories
deviceManagement/managementConditions identityGovernance/termsOfUse/agreements identity/conditionalAccess/namedLocations
identity/conditionalAccess/authenticationStrengths/policies identity/conditionalAccess/authenticationContextClassReferences
deviceManagement/groupPolicyUploadedDefinitionFiles deviceManagement/reusablePolicySettings deviceManagement/deviceComplianceScripts
deviceAppManagement/mobileApps deviceAppManagement/iosManagedAppProtections deviceAppManagement/androidManagedAppProtections
deviceAppManagement/windowsManagedAppProtections deviceAppManagement/mdmWindowsInformationProtectionPolicies
deviceAppManagement/windowsInformationProtectionPolicies deviceAppManagement/targetedManagedAppConfigurations
deviceAppManagement/mobileAppConfigurations deviceAppManagement/policySets deviceAppManagement/managedEBooks
deviceAppManagement/iosLobAppProvisioningConfigurations deviceAppManagement/wdacSupplementalPolicies deviceAppManagement/vppTokens
deviceManagement/configurationPolicies deviceManagement/compliancePolicies deviceManagement/inventoryPolicies
deviceManagement/deviceConfigurations deviceManagement/groupPolicyConfigurations deviceManagement/intents
deviceManagement/resourceAccessProfiles deviceManagement/hardwareConfigurations deviceManagement/windowsFeatureUpdateProfiles
deviceManagement/windowsQualityUpdateProfiles deviceManagement/windowsQualityUpdatePolicies deviceManagement/windowsDriverUpdateProfiles
deviceManagement/deviceManagementScripts deviceManagement/deviceShellScripts deviceManagement/deviceCustomAttributeShellScripts
deviceManagement/deviceHealthScripts deviceManagement/deviceCompliancePolicies deviceManagement/deviceEnrollmentConfigurations
deviceManagement/windowsAutopilotDeploymentProfiles deviceManagement/depOnboardingSettings
deviceManagement/appleUserInitiatedEnrollmentProfiles deviceManagement/androidDeviceOwnerEnrollmentProfiles
deviceManagement/termsAndConditions deviceManagement/intuneBrandingProfiles deviceManagement/managedDeviceCleanupRules
deviceManagement/operationApprovalPolicies officeConfiguration/clientConfigurations deviceManagement/mobileThreatDefenseConnectors
deviceManagement/complianceManagementPartners deviceManagement/remoteAssistancePartners deviceManagement/deviceManagementPartners
deviceManagement/ndesConnectors deviceManagement/virtualEndpoint/provisioningPolicies deviceManagement/virtualEndpoint/userSettings
identity/conditionalAccess/policies groups users`

func TestDemoTenantHasEveryKind(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	doc := graphtest.DemoTenant(7, 2)
	if err := f.tenant.LoadDocument(doc); err != nil {
		t.Fatal(err)
	}
	total := 0
	for path := range strings.FieldsSeq(demoPaths) {
		got := f.all("/beta/" + path)
		if len(got) == 0 || len(got) != len(doc[path]) {
			t.Errorf("%s lists %d objects, the document has %d", path, len(got), len(doc[path]))
		}
		total += len(got)
	}
	for _, path := range []string{"deviceManagement/settings", "deviceManagement/applePushNotificationCertificate", "deviceManagement/androidManagedStoreAccountEnterpriseSettings"} {
		if f.get("/beta/"+path).str("id") == "" {
			t.Errorf("%s is empty", path)
		}
	}
	t.Logf("demo tenant of size 2: %d objects in lists", total)
	if n := len(f.all("/beta/deviceAppManagement/mobileApps/" + f.all("/beta/deviceAppManagement/mobileApps")[1].str("id") + "/relationships")); n != 1 {
		t.Errorf("second app has %d relationships, want 1", n)
	}
}

func TestDemoTenantIsDeterministic(t *testing.T) {
	text := func(seed uint64) string {
		b, err := json.Marshal(graphtest.DemoTenant(seed, 1))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if first, again := text(1), text(1); first != again {
		t.Error("equal seeds made different tenants")
	}
	if text(1) == text(2) {
		t.Error("different seeds made the same tenant")
	}
}

func TestGrow(t *testing.T) {
	f := newFixture(t, graphtest.Config{PageSize: 500})
	if err := f.tenant.Grow(graphtest.Scale{Policies: 300, Configurations: 200, Groups: 400}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{
		"deviceManagement/configurationPolicies?$expand=settings,assignments": 300,
		"deviceManagement/deviceConfigurations":                               200,
		"groups":                                                              400,
	} {
		objs := f.all("/beta/" + path)
		if len(objs) != want {
			t.Errorf("%s: %d objects, want %d", path, len(objs), want)
		}
		if n := len(f.do("GET", "/beta/"+path, "").body) / want; path != "groups" && (n < 3000 || n > 7000) {
			t.Errorf("%s: %d bytes an object, want about 4 KB", path, n)
		}
	}
	if err := f.tenant.Grow(graphtest.Scale{Groups: 1}); err == nil {
		t.Error("growing twice with one seed: no error")
	}
}
