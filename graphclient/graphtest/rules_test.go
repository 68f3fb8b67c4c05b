package graphtest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

// say sends a request and returns the status and what the body says.
func (f *fixture) say(method, path, body string) string {
	f.tb.Helper()
	r := f.do(method, "/beta/"+path, body)
	return fmt.Sprintf("%d %s", r.status, r.body)
}

func (f *fixture) create(path, body string) string { return f.say(http.MethodPost, path, body) }
func (f *fixture) patch(path, body string) string  { return f.say(http.MethodPatch, path, body) }

// read returns what a property reads.
func (f *fixture) read(path, property string) string {
	f.tb.Helper()
	return fmt.Sprint(f.get("/beta/" + path)[property])
}

// The lists of the cases.
const (
	catalogs    = "deviceManagement/configurationPolicies"
	profiles    = "deviceManagement/deviceConfigurations"
	compliance  = "deviceManagement/deviceCompliancePolicies"
	filters     = "deviceManagement/assignmentFilters"
	tags        = "deviceManagement/roleScopeTags"
	enrollments = "deviceManagement/deviceEnrollmentConfigurations"
	autopilots  = "deviceManagement/windowsAutopilotDeploymentProfiles"
	scripts     = "deviceManagement/deviceManagementScripts"
	mobileApps  = "deviceAppManagement/mobileApps"
	protections = "deviceAppManagement/iosManagedAppProtections"
	accesses    = "identity/conditionalAccess/policies"
	locations   = "identity/conditionalAccess/namedLocations"
	toGroup     = `{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"g"}}`
	profile     = `{"@odata.type":"#microsoft.graph.macOSGeneralDeviceConfiguration","displayName":"P"}`
)

// ruleCases show every rule: what a service says that obeys it.
var ruleCases = []struct {
	rule graphtest.Rule
	name string
	do   func(f *fixture) string
	want string
}{
	{graphtest.RulePermission, "read permission", func(f *fixture) string {
		f.grant("DeviceManagementConfiguration.Read.All")
		f.get("/beta/" + profiles)
		return f.create(profiles, profile)
	}, "DeviceManagementConfiguration.ReadWrite.All"},
	{graphtest.RulePermission, "scripts have their own", func(f *fixture) string {
		f.grant("DeviceManagementConfiguration.ReadWrite.All", "DeviceManagementScripts.Read.All")
		return f.create(scripts, `{"displayName":"S"}`)
	}, "403 "},
	{graphtest.RulePermission, "conditional access needs three", func(f *fixture) string {
		f.grant("Policy.Read.All", "Policy.ReadWrite.ConditionalAccess")
		return f.create(accesses, `{"displayName":"C"}`)
	}, "403 "},
	{graphtest.RulePermission, "settings of the tenant", func(f *fixture) string {
		f.grant("DeviceManagementConfiguration.Read.All")
		return f.patch("deviceManagement", `{"settings":{"secureByDefault":true}}`)
	}, "403 "},
	{graphtest.RulePermission, "a part of a batch", func(f *fixture) string {
		f.grant("DeviceManagementConfiguration.Read.All")
		r := f.do(http.MethodPost, "/beta/$batch", `{"requests":[{"id":"1","method":"POST","url":"/`+filters+`","headers":{"Content-Type":"application/json"},"body":{"displayName":"F"}}]}`)
		return fmt.Sprint(r.object(f.tb).list("responses")[0].num("status"), " ")
	}, "403 "},
	{graphtest.RuleReadOnly, "created", func(f *fixture) string {
		return f.create(scripts, `{"displayName":"S","createdDateTime":"2025-01-01T00:00:00Z"}`)
	}, "'createdDateTime' is read-only"},
	{graphtest.RuleReadOnly, "id of a new object", func(f *fixture) string { return f.create(scripts, `{"displayName":"S","id":"x"}`) }, "'id' is read-only"},
	{graphtest.RuleReadOnly, "id of another object", func(f *fixture) string {
		return f.patch(scripts+"/"+f.add(scripts, `{"id":"s","displayName":"S"}`), `{"id":"t"}`)
	}, "'id' is read-only"},
	{graphtest.RuleReadOnly, "version", func(f *fixture) string { return f.create(scripts, `{"displayName":"S","version":2}`) }, "'version' is read-only"},
	{graphtest.RuleReadOnly, "of its type", func(f *fixture) string {
		return f.create(filters, `{"displayName":"F","payloads":[]}`)
	}, "'payloads' is read-only"},
	{graphtest.RuleReadOnly, "deep inside", func(f *fixture) string {
		return f.create(profiles, `{"@odata.type":"#microsoft.graph.windows10CustomConfiguration","omaSettings":[{"isEncrypted":true}]}`)
	}, "'omaSettings.isEncrypted' is read-only"},
	{graphtest.RuleAnnotation, "context", func(f *fixture) string { return f.create(scripts, `{"displayName":"S","@odata.context":"x"}`) }, "is not recognized"},
	{graphtest.RuleScopeTagSupport, "true", func(f *fixture) string {
		return f.create(profiles, `{"@odata.type":"#microsoft.graph.macOSGeneralDeviceConfiguration","supportsScopeTags":true}`)
	}, "400 "},
	{graphtest.RuleAbstract, "create", func(f *fixture) string { return f.create(profiles, `{"displayName":"P"}`) }, "Cannot create an abstract class."},
	{graphtest.RuleAbstract, "the base itself", func(f *fixture) string {
		return f.create(profiles, `{"@odata.type":"#microsoft.graph.deviceConfiguration","displayName":"P"}`)
	}, "Cannot create an abstract class."},
	{graphtest.RuleAbstract, "change", func(f *fixture) string {
		return f.patch(profiles+"/"+f.add(profiles, profile), `{"displayName":"Q"}`)
	}, "Cannot create an abstract class."},
	{graphtest.RuleTypeChange, "another type", func(f *fixture) string {
		return f.patch(profiles+"/"+f.add(profiles, profile), `{"@odata.type":"#microsoft.graph.iosGeneralDeviceConfiguration"}`)
	}, "type of an object cannot be changed"},
	{graphtest.RuleCreateOnly, "platform of a filter", func(f *fixture) string {
		return f.patch(filters+"/"+f.add(filters, `{"displayName":"F","platform":"iOS"}`), `{"platform":"iOS"}`)
	}, "'platform' cannot be changed"},
	{graphtest.RuleCreateOnly, "platforms of a catalog policy", func(f *fixture) string {
		return f.say(http.MethodPut, catalogs+"/"+f.add(catalogs, `{"name":"C","platforms":"windows10","technologies":"mdm"}`), `{"name":"C","platforms":"macOS","technologies":"mdm","settings":[]}`)
	}, "'platforms' cannot be changed"},
	{graphtest.RuleCreateOnly, "template of a catalog policy", func(f *fixture) string {
		id := f.add(catalogs, `{"name":"C","templateReference":{"templateId":"t_1"}}`)
		return f.say(http.MethodPut, catalogs+"/"+id, `{"name":"C","templateReference":{"templateId":"t_2"},"settings":[]}`)
	}, "'templateReference' cannot be changed"},
	{graphtest.RuleCreateOnly, "type of an enrolment configuration", func(f *fixture) string {
		id := f.add(enrollments, `{"@odata.type":"#microsoft.graph.deviceEnrollmentLimitConfiguration","priority":1}`)
		return f.patch(enrollments+"/"+id, `{"@odata.type":"#microsoft.graph.deviceEnrollmentLimitConfiguration","deviceEnrollmentConfigurationType":"limit"}`)
	}, "cannot be changed"},
	{graphtest.RuleCreateOnly, "name of a custom attribute", func(f *fixture) string {
		const list = "deviceManagement/deviceCustomAttributeShellScripts"
		return f.patch(list+"/"+f.add(list, `{"displayName":"A"}`), `{"displayName":"B"}`)
	}, "'displayName' cannot be changed"},
	{graphtest.RuleMethod, "PUT of what is patched", func(f *fixture) string {
		return f.say(http.MethodPut, scripts+"/"+f.add(scripts, `{"displayName":"S"}`), `{"displayName":"T"}`)
	}, "405 "},
	{graphtest.RuleMethod, "POST of an intent", func(f *fixture) string { return f.create("deviceManagement/intents", `{"displayName":"I"}`) }, "405 "},
	{graphtest.RuleStatus, "scope tag", func(f *fixture) string { return f.create(tags, `{"displayName":"T"}`) }, "200 "},
	{graphtest.RuleStatus, "role", func(f *fixture) string { return f.create("deviceManagement/roleDefinitions", `{"displayName":"R"}`) }, "200 "},
	{graphtest.RuleStatus, "notification template", func(f *fixture) string {
		return f.create("deviceManagement/notificationMessageTemplates", `{"displayName":"N"}`)
	}, "200 "},
	{graphtest.RuleStatus, "changed profile", func(f *fixture) string { return f.patch(profiles+"/"+f.add(profiles, profile), profile) }, "204 "},
	{graphtest.RuleChildren, "assignments", func(f *fixture) string {
		return f.create(scripts, `{"displayName":"S","assignments":[]}`)
	}, "'assignments' is not allowed"},
	{graphtest.RuleChildren, "actions of a compliance policy in a PATCH", func(f *fixture) string {
		id := f.add(compliance, `{"@odata.type":"#microsoft.graph.macOSCompliancePolicy","displayName":"C"}`)
		f.lenient(graphtest.RuleCreateOnly)
		return f.patch(compliance+"/"+id, `{"@odata.type":"#microsoft.graph.macOSCompliancePolicy","scheduledActionsForRule":[]}`)
	}, "'scheduledActionsForRule' is not allowed"},
	{graphtest.RuleChildren, "values of an administrative template", func(f *fixture) string {
		return f.create("deviceManagement/groupPolicyConfigurations", `{"displayName":"G","definitionValues":[]}`)
	}, "'definitionValues' is not allowed"},
	{graphtest.RuleBind, "a role assignment without a role", func(f *fixture) string {
		return f.create("deviceManagement/roleAssignments", `{"displayName":"A","members":[]}`)
	}, "roleDefinition is required"},
	{graphtest.RuleBind, "nothing there", func(f *fixture) string {
		return f.create(profiles, `{"@odata.type":"#microsoft.graph.windows81SCEPCertificateProfile","rootCertificate@odata.bind":"`+f.base+`/beta/deviceManagement/deviceConfigurations('r')"}`)
	}, "InvalidReferenceId"},
	{graphtest.RuleBind, "another cloud", func(f *fixture) string {
		f.add(profiles, `{"@odata.type":"#microsoft.graph.windows81TrustedRootCertificate","id":"r"}`)
		return f.create(profiles, `{"@odata.type":"#microsoft.graph.windows81SCEPCertificateProfile","rootCertificate@odata.bind":"https://graph.microsoft.us/beta/deviceManagement/deviceConfigurations('r')"}`)
	}, "Invalid URL"},
	{graphtest.RuleBind, "a category that is not there", func(f *fixture) string {
		id := f.add(mobileApps, `{"@odata.type":"#microsoft.graph.webApp","displayName":"W"}`)
		return f.create(mobileApps+"/"+id+"/categories/$ref", `{"@odata.id":"`+f.base+`/beta/deviceAppManagement/mobileAppCategories/c"}`)
	}, "InvalidReferenceId"},
	{graphtest.RuleProvided, "delete a default", func(f *fixture) string {
		id := f.add(enrollments, `{"@odata.type":"#microsoft.graph.deviceEnrollmentLimitConfiguration","id":"t_DefaultLimit","priority":0}`)
		return f.say(http.MethodDelete, enrollments+"/"+id, "")
	}, "default or built-in"},
	{graphtest.RuleProvided, "assign a default", func(f *fixture) string {
		id := f.add(enrollments, `{"@odata.type":"#microsoft.graph.deviceEnrollmentLimitConfiguration","id":"t_DefaultLimit","priority":0}`)
		return f.create(enrollments+"/"+id+"/assign", `{"enrollmentConfigurationAssignments":[`+toGroup+`]}`)
	}, "default or built-in"},
	{graphtest.RuleProvided, "give a default a priority", func(f *fixture) string {
		id := f.add(enrollments, `{"@odata.type":"#microsoft.graph.deviceEnrollmentLimitConfiguration","id":"t_DefaultLimit","priority":0}`)
		return f.create(enrollments+"/"+id+"/setPriority", `{"priority":1}`)
	}, "default or built-in"},
	{graphtest.RuleProvided, "change a built-in role", func(f *fixture) string {
		return f.patch("deviceManagement/roleDefinitions/"+f.add("deviceManagement/roleDefinitions", `{"displayName":"R","isBuiltIn":true}`), `{"description":"D"}`)
	}, "default or built-in"},
	{graphtest.RuleProvided, "delete the default tag", func(f *fixture) string {
		return f.say(http.MethodDelete, tags+"/"+f.add(tags, `{"id":"0","displayName":"Default","isBuiltIn":true}`), "")
	}, "default or built-in"},
	{graphtest.RuleProvided, "delete a script of Microsoft's", func(f *fixture) string {
		const list = "deviceManagement/deviceHealthScripts"
		return f.say(http.MethodDelete, list+"/"+f.add(list, `{"displayName":"S","isGlobalScript":true}`), "")
	}, "default or built-in"},
	{graphtest.RuleDefaultTag, "no tags", func(f *fixture) string {
		return f.create(scripts, `{"displayName":"S","roleScopeTagIds":[]}`)
	}, `"roleScopeTagIds":["0"]`},
}

// moreRuleCases are those of single types.
var moreRuleCases = []struct {
	rule graphtest.Rule
	name string
	do   func(f *fixture) string
	want string
}{
	{graphtest.RuleCatalogPatch, "settings", func(f *fixture) string {
		id := f.add(catalogs, `{"name":"C","settings":[{"a":1},{"a":2}]}`)
		f.lenient(graphtest.RuleChildren)
		f.patch(catalogs+"/"+id, `{"name":"D","settings":[]}`)
		return f.read(catalogs+"/"+id, "name") + f.read(catalogs+"/"+id, "settingCount")
	}, "D2"},
	{graphtest.RuleTemplate, "other case", func(f *fixture) string {
		f.add("deviceManagement/configurationPolicyTemplates", `{"id":"abc_1","lifecycleState":"active"}`)
		return f.create(catalogs, `{"name":"C","templateReference":{"templateId":"ABC_1"}}`)
	}, "The template was not found"},
	{graphtest.RuleTemplate, "not active", func(f *fixture) string {
		f.add("deviceManagement/configurationPolicyTemplates", `{"id":"abc_1","lifecycleState":"retired"}`)
		return f.create(catalogs, `{"name":"C","templateReference":{"templateId":"abc_1"}}`)
	}, "The template is not active"},
	{graphtest.RuleTemplate, "of an intent", func(f *fixture) string {
		f.add("deviceManagement/templates", `{"id":"t1"}`)
		return f.create("deviceManagement/templates/t2/createInstance", `{"displayName":"I"}`)
	}, "The template was not found"},
	{graphtest.RuleForeignSecret, "token", func(f *fixture) string {
		return f.create(catalogs, `{"name":"C","settings":[{"settingInstance":{"simpleSettingValue":{"valueState":"encryptedValueToken","value":"of-another-tenant"}}}]}`)
	}, "400 "},
	{graphtest.RuleBlockAction, "none", func(f *fixture) string {
		return f.create(compliance, `{"@odata.type":"#microsoft.graph.macOSCompliancePolicy","displayName":"C"}`)
	}, "one and only one block scheduled action"},
	{graphtest.RuleBlockAction, "two", func(f *fixture) string {
		return f.create(compliance, `{"@odata.type":"#microsoft.graph.macOSCompliancePolicy","scheduledActionsForRule":[{"scheduledActionConfigurations":[{"actionType":"block"},{"actionType":"block"}]}]}`)
	}, "one and only one block scheduled action"},
	{graphtest.RuleBlockAction, "replaced", func(f *fixture) string {
		id := f.add(compliance, `{"@odata.type":"#microsoft.graph.macOSCompliancePolicy","displayName":"C"}`)
		return f.create(compliance+"/"+id+"/scheduleActionsForRules", `{"deviceComplianceScheduledActionForRules":[]}`)
	}, "one and only one block scheduled action"},
	{graphtest.RuleBranding, "more than the minimum", func(f *fixture) string {
		return f.create("deviceManagement/intuneBrandingProfiles", `{"profileName":"B","themeColor":{"r":1}}`)
	}, "'themeColor' is not allowed"},
	{graphtest.RuleDefaultMessage, "a second one", func(f *fixture) string {
		const list = "deviceManagement/notificationMessageTemplates"
		at := list + "/" + f.add(list, `{"id":"n","displayName":"N"}`) + "/localizedNotificationMessages"
		f.create(at, `{"locale":"en-us","isDefault":true}`)
		f.create(at, `{"locale":"nl-nl","isDefault":true}`)
		got := f.read(list+"/n", "defaultLocale")
		for _, m := range f.all("/beta/" + at) {
			got += fmt.Sprint(" ", m["locale"], m["isDefault"])
		}
		return got
	}, "nl-nl en-usfalse nl-nltrue"},
	{graphtest.RuleCleanup, "same platform", func(f *fixture) string {
		f.add("deviceManagement/managedDeviceCleanupRules", `{"displayName":"A","deviceCleanupRulePlatformType":"ios"}`)
		return f.create("deviceManagement/managedDeviceCleanupRules", `{"displayName":"B","deviceCleanupRulePlatformType":"ios"}`)
	}, "500 "},
	{graphtest.RuleFilterInUse, "delete", func(f *fixture) string {
		f.add(filters, `{"id":"f","displayName":"F"}`)
		f.add(scripts, `{"displayName":"S","assignments":[{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"g","deviceAndAppManagementAssignmentFilterId":"f","deviceAndAppManagementAssignmentFilterType":"include"}}]}`)
		return f.say(http.MethodDelete, filters+"/f", "")
	}, "used by an assignment"},
	{graphtest.RuleContextID, "c100", func(f *fixture) string {
		return f.patch("identity/conditionalAccess/authenticationContextClassReferences/c100", `{"displayName":"X"}`)
	}, "400 "},
	{graphtest.RuleUpdateDates, "past", func(f *fixture) string {
		return f.create("deviceManagement/windowsFeatureUpdateProfiles", `{"displayName":"F","rolloutSettings":{"offerStartDateTimeInUTC":"2001-01-01T00:00:00Z"}}`)
	}, "in the past"},
	{graphtest.RuleDeferral, "manual approval", func(f *fixture) string {
		return f.create("deviceManagement/windowsDriverUpdateProfiles", `{"displayName":"D","approvalType":"manual","deploymentDeferralInDays":5}`)
	}, "needs automatic approval"},
	{graphtest.RulePriority, "taken", func(f *fixture) string {
		const esp = `{"@odata.type":"#microsoft.graph.windows10EnrollmentCompletionPageConfiguration","priority":1}`
		f.add(enrollments, esp)
		return f.create(enrollments, esp)
	}, "The priority is used"},
	{graphtest.RulePriority, "next one", func(f *fixture) string {
		f.add(enrollments, `{"@odata.type":"#microsoft.graph.windows10EnrollmentCompletionPageConfiguration","priority":4}`)
		return f.create(enrollments, `{"@odata.type":"#microsoft.graph.windows10EnrollmentCompletionPageConfiguration"}`)
	}, `"priority":5`},
	{graphtest.RulePriority, "moves the others", func(f *fixture) string {
		for _, doc := range []string{`{"id":"a","priority":1}`, `{"id":"b","priority":2}`, `{"id":"c","priority":3}`} {
			f.add("deviceManagement/appleUserInitiatedEnrollmentProfiles", doc)
		}
		at := "deviceManagement/appleUserInitiatedEnrollmentProfiles/"
		f.create(at+"c/setPriority", `{"priority":1}`)
		return f.read(at+"a", "priority") + f.read(at+"b", "priority") + f.read(at+"c", "priority")
	}, "231"},
	{graphtest.RuleNullSetting, "null", func(f *fixture) string {
		f.add("deviceManagement/intents", `{"id":"i","displayName":"I","settings":[{"@odata.type":"#microsoft.graph.deviceManagementBooleanSettingInstance","definitionId":"d","valueJson":"true"}]}`)
		f.create("deviceManagement/intents/i/updateSettings", `{"settings":[{"@odata.type":"#microsoft.graph.deviceManagementBooleanSettingInstance","definitionId":"d","valueJson":"null"}]}`)
		return f.all("/beta/deviceManagement/intents/i/settings")[0].str("valueJson")
	}, "true"},
	{graphtest.RuleTermsVersion, "higher", func(f *fixture) string {
		f.add("deviceManagement/termsAndConditions", `{"id":"t","displayName":"T","version":1,"acceptanceStatuses":[{"id":"u"}]}`)
		f.patch("deviceManagement/termsAndConditions/t", `{"version":2}`)
		return fmt.Sprint(len(f.all("/beta/deviceManagement/termsAndConditions/t/acceptanceStatuses")))
	}, "0"},
	{graphtest.RuleProfileName, "hyphen", func(f *fixture) string {
		return f.create(autopilots, `{"@odata.type":"#microsoft.graph.azureADWindowsAutopilotDeploymentProfile","displayName":"A-B"}`)
	}, "is not valid"},
	{graphtest.RuleProfileName, "too long", func(f *fixture) string {
		return f.create(autopilots, `{"@odata.type":"#microsoft.graph.azureADWindowsAutopilotDeploymentProfile","displayName":"`+strings.Repeat("a", 201)+`"}`)
	}, "is not valid"},
	{graphtest.RuleProfileAssigned, "delete", func(f *fixture) string {
		id := f.add(autopilots, `{"@odata.type":"#microsoft.graph.azureADWindowsAutopilotDeploymentProfile","assignments":[`+toGroup+`]}`)
		return f.say(http.MethodDelete, autopilots+"/"+id, "")
	}, "is assigned"},
	{graphtest.RuleProfileDevices, "assign of groups", func(f *fixture) string {
		id := f.add(autopilots, `{"@odata.type":"#microsoft.graph.azureADWindowsAutopilotDeploymentProfile"}`)
		if got := f.create(autopilots+"/"+id+"/assign", `{"deviceIds":[]}`); !strings.HasPrefix(got, "204") {
			return "devices are refused: " + got
		}
		return f.create(autopilots+"/"+id+"/assign", `{"assignments":[`+toGroup+`]}`)
	}, "'deviceIds' is required"},
	{graphtest.RuleAccessReference, "location", func(f *fixture) string {
		return f.create(accesses, `{"displayName":"C","conditions":{"locations":{"includeLocations":["All"],"excludeLocations":["gone"]}}}`)
	}, "unknown object gone"},
	{graphtest.RuleStrengthID, "more than an id", func(f *fixture) string {
		return f.create(accesses, `{"displayName":"C","grantControls":{"authenticationStrength":{"id":"s","displayName":"S"}}}`)
	}, "Only the id"},
	{graphtest.RuleTrusted, "delete", func(f *fixture) string {
		id := f.add(locations, `{"@odata.type":"#microsoft.graph.ipNamedLocation","isTrusted":true}`)
		return f.say(http.MethodDelete, locations+"/"+id, "")
	}, "trusted named location"},
	{graphtest.RuleParameter, "appGroupType for Windows", func(f *fixture) string {
		const list = "deviceAppManagement/windowsManagedAppProtections"
		return f.create(list+"/"+f.add(list, `{"displayName":"W"}`)+"/targetApps", `{"apps":[],"appGroupType":"allApps"}`)
	}, "is not declared by the action"},
	{graphtest.RuleAssignName, "assignments for a script", func(f *fixture) string {
		return f.create(scripts+"/"+f.add(scripts, `{"displayName":"S"}`)+"/assign", `{"assignments":[`+toGroup+`]}`)
	}, "'deviceManagementScriptAssignments' is required"},
	{graphtest.RuleAssignEntry, "id", func(f *fixture) string {
		return f.assign(catalogs, `{"id":"x",`+toGroup[1:])
	}, "read-only"},
	{graphtest.RuleTarget, "no type", func(f *fixture) string { return f.assign(catalogs, `{"target":{"groupId":"g"}}`) }, "Cannot create an abstract class."},
	{graphtest.RuleExclusionFilter, "filter", func(f *fixture) string {
		f.add(filters, `{"id":"f","displayName":"F"}`)
		return f.assign(catalogs, `{"target":{"@odata.type":"#microsoft.graph.exclusionGroupAssignmentTarget","groupId":"g","deviceAndAppManagementAssignmentFilterId":"f","deviceAndAppManagementAssignmentFilterType":"include"}}`)
	}, "not supported for exclusion groups"},
	{graphtest.RuleDuplicateTarget, "twice", func(f *fixture) string { return f.assign(catalogs, toGroup+","+toGroup) }, "Duplicate assignment target"},
	{graphtest.RuleGroupsOnly, "everybody", func(f *fixture) string {
		return f.assign(protections, `{"target":{"@odata.type":"#microsoft.graph.allLicensedUsersAssignmentTarget"}}`)
	}, "groups only"},
	{graphtest.RuleIntents, "two", func(f *fixture) string {
		id := f.add(mobileApps, `{"@odata.type":"#microsoft.graph.webApp","displayName":"W","publishingState":"published"}`)
		f.lenient(graphtest.RuleDuplicateTarget)
		return f.create(mobileApps+"/"+id+"/assign", `{"mobileAppAssignments":[{"intent":"required",`+toGroup[1:]+`,{"intent":"uninstall",`+toGroup[1:]+`]}`)
	}, "several intents"},
	{graphtest.RuleUnknownFilter, "unknown", func(f *fixture) string {
		return f.assign(catalogs, `{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"g","deviceAndAppManagementAssignmentFilterId":"f","deviceAndAppManagementAssignmentFilterType":"include"}}`)
	}, "Scope Tags validation failed : Filters f"},
	{graphtest.RulePolicySets, "written", func(f *fixture) string { return f.assign(catalogs, `{"source":"policySets",`+toGroup[1:]) }, "read-only"},
	{graphtest.RulePolicySets, "replaced", func(f *fixture) string {
		id := f.add(catalogs, `{"name":"C","assignments":[{"source":"policySets",`+toGroup[1:]+`]}`)
		f.create(catalogs+"/"+id+"/assign", `{"assignments":[]}`)
		return fmt.Sprint(len(f.all("/beta/" + catalogs + "/" + id + "/assignments")))
	}, "1"},
	{graphtest.RulePublished, "a package", func(f *fixture) string {
		f.create(mobileApps, `{"@odata.type":"#microsoft.graph.win32LobApp","displayName":"W"}`)
		return f.create(mobileApps+"/"+f.tenant.IDs(mobileApps)[0]+"/assign", `{"mobileAppAssignments":[`+toGroup+`]}`)
	}, "not yet published"},
	{graphtest.RuleRelationship, "name of the other app", func(f *fixture) string {
		id := f.add(mobileApps, `{"@odata.type":"#microsoft.graph.winGetApp","displayName":"W"}`)
		return f.create(mobileApps+"/"+id+"/updateRelationships", `{"relationships":[{"@odata.type":"#microsoft.graph.mobileAppDependency","targetId":"x","targetDisplayName":"X"}]}`)
	}, "read-only"},
}

// assign assigns a new object of a list.
func (f *fixture) assign(list, entries string) string {
	f.tb.Helper()
	return f.create(list+"/"+f.add(list, `{"displayName":"A"}`)+"/assign", `{"assignments":[`+entries+`]}`)
}

// grant gives the fixture a token with these permissions alone.
func (f *fixture) grant(permissions ...string) {
	f.tb.Helper()
	var err error
	if f.token, err = f.srv.IssueToken(graphtest.Grant{Tenant: tenantID, Permissions: permissions}); err != nil {
		f.tb.Fatal(err)
	}
}

// lenient switches off further rules, that a case would meet first.
func (f *fixture) lenient(rules ...graphtest.Rule) {
	f.off = append(f.off, rules...)
	f.srv.SetQuirks(graphtest.Quirks{Lenient: f.off})
}

// A service that obeys a rule says so, and one that does not does not: every case
// has been seen to fail.
func TestRules(t *testing.T) {
	seen := make(map[graphtest.Rule]bool)
	for _, tc := range slices.Concat(ruleCases, moreRuleCases) {
		t.Run(string(tc.rule)+"/"+tc.name, func(t *testing.T) {
			seen[tc.rule] = true
			if got := tc.do(newFixture(t, graphtest.Config{})); !strings.Contains(got, tc.want) {
				t.Errorf("obeyed: %.500s, want %q", got, tc.want)
			}
			f := newFixture(t, graphtest.Config{})
			f.lenient(tc.rule)
			if got := tc.do(f); strings.Contains(got, tc.want) {
				t.Errorf("not obeyed: %.500s", got)
			}
		})
	}
	for _, r := range graphtest.Rules() {
		if !seen[r.Rule] || r.Text == "" || r.Source == "" {
			t.Errorf("the rule %s has no case, no text or no source", r.Rule)
		}
	}
}
