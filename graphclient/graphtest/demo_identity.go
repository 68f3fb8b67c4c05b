package graphtest

import (
	"encoding/base64"
	"fmt"
)

const demoAccount = "0f0f0f0f-1111-4222-8333-444444444444" // in the ids of default profiles

// enrollment makes what happens to a device on its first day.
func (d *demo) enrollment() {
	const path = "deviceManagement/deviceEnrollmentConfigurations"
	config := func(id, typ, kind, name string, priority int, p props) {
		p["@odata.type"], p["priority"], p["deviceEnrollmentConfigurationType"], p["version"] = graphNamespace+typ, priority, kind, 1
		if id != "" {
			p["id"] = demoAccount + "_" + id
		}
		if _, ok := p["assignments"]; !ok {
			p["assignments"] = []props{{"source": "direct", "target": props{"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"}}}
		}
		d.policy(path, name, p)
	}
	config("DefaultLimit", "deviceEnrollmentLimitConfiguration", "limit", "All users and all devices", 0, props{"limit": 15})
	config("DefaultPlatformRestrictions", "deviceEnrollmentPlatformRestrictionsConfiguration", "platformRestrictions", "All users and all devices", 0, props{"iosRestriction": props{"platformBlocked": false, "personalDeviceEnrollmentBlocked": true, "osMinimumVersion": "", "osMaximumVersion": "", "blockedManufacturers": []string{}, "blockedSkus": []string{}}})
	config("DefaultWindows10EnrollmentCompletionPageConfiguration", "windows10EnrollmentCompletionPageConfiguration", "windows10EnrollmentCompletionPageConfiguration", "All users and all devices", 0, props{"showInstallationProgress": false, "selectedMobileAppIds": []string{}})
	config("", "windows10EnrollmentCompletionPageConfiguration", "windows10EnrollmentCompletionPageConfiguration", "Status page", 1, props{"showInstallationProgress": true, "installProgressTimeoutInMinutes": 60, "selectedMobileAppIds": []string{d.appIDs[0], d.id()}, "assignments": d.toGroups()})
	config("", "deviceEnrollmentNotificationConfiguration", "enrollmentNotificationsConfiguration", "Mail on enrolment", 1, props{"platformType": "ios", "templateType": "0", "notificationMessageTemplateId": d.messages[2], "notificationTemplates": []string{"Email_" + d.messages[2]}, "assignments": d.toGroups()})
	config("", "deviceComanagementAuthorityConfiguration", "deviceComanagementAuthorityConfiguration", "Co-management", 1, props{"managedDeviceAuthority": 0, "installConfigurationManagerAgent": true, "configurationManagerAgentCommandLineArgument": "CCMSETUPCMD=secret", "assignments": d.toGroups()})
	for i := range d.size {
		d.policy("deviceManagement/windowsAutopilotDeploymentProfiles", fmt.Sprintf("Autopilot %s", places[i%len(places)]), props{
			"@odata.type": "#microsoft.graph.azureADWindowsAutopilotDeploymentProfile", "deviceNameTemplate": "NH%SERIAL%", "locale": "nl-NL", "deviceType": "windowsPc", "preprovisioningAllowed": true,
			"managementServiceAppId": nil, "outOfBoxExperienceSetting": props{"privacySettingsHidden": true, "eulaHidden": true, "userType": "standard", "deviceUsageType": "singleUser"}, "assignments": d.toGroups(),
		})
	}
	d.policy("deviceManagement/depOnboardingSettings", "x", props{"tokenName": "Apple business", "appleIdentifier": "dep@northwind-harbour.example", "tokenExpirationDateTime": "2026-01-01T00:00:00Z", "enrollmentProfiles": []props{
		{"@odata.type": "#microsoft.graph.depIOSEnrollmentProfile", "id": d.id(), "displayName": "iPads", "isDefault": true, "supervisedModeEnabled": true, "configurationEndpointUrl": "https://manage.example"},
		{"@odata.type": "#microsoft.graph.depMacOSEnrollmentProfile", "id": d.id(), "displayName": "Macs", "isDefault": false, "supervisedModeEnabled": true},
	}})
	d.policy("deviceManagement/appleUserInitiatedEnrollmentProfiles", "User enrolment", props{"platform": "ios", "priority": 1, "defaultEnrollmentType": "user", "assignments": d.toGroups()})
	d.policy("deviceManagement/androidDeviceOwnerEnrollmentProfiles", "Kiosk tablets", props{"accountId": demoAccount, "enrollmentMode": "corporateOwnedDedicatedDevice", "tokenValue": "AFWTOKEN", "qrCodeContent": "{\"token\":\"AFWTOKEN\"}", "qrCodeImage": props{"type": "image/png", "value": "cG5n"}, "enrolledDeviceCount": 3})
	d.policy("deviceManagement/termsAndConditions", "House rules", props{"title": "House rules", "bodyText": "Be kind to your device.", "acceptanceStatement": "I will", "version": 2, "assignments": d.toGroups()})
	for _, isDefault := range []bool{true, false} {
		image := props{"type": "image/png", "value": base64.StdEncoding.EncodeToString([]byte("logo"))}
		d.policy("deviceManagement/intuneBrandingProfiles", "", props{"profileName": map[bool]string{true: "Default", false: "Warehouse"}[isDefault], "isDefaultProfile": isDefault, "displayName": "Northwind Harbour", "themeColor": props{"r": 0, "g": 90, "b": 158}, "themeColorLogo": image, "lightBackgroundLogo": image, "landingPageCustomizedImage": nil, "assignments": d.toGroups()})
	}
	d.policy("deviceManagement/virtualEndpoint/provisioningPolicies", "Cloud PC standard", props{"imageId": "windows-11", "imageType": "gallery", "provisioningType": "dedicated", "assignments": d.toGroups()})
	d.policy("deviceManagement/virtualEndpoint/userSettings", "Cloud PC users", props{"localAdminEnabled": false, "selfServiceEnabled": true, "assignments": d.toGroups()})
	d.policy("officeConfiguration/clientConfigurations", "Office cloud policy", props{"@odata.type": "#microsoft.graph.windowsOfficeClientConfiguration", "priority": 1, "assignments": d.toGroups()})
}

// conditionalAccess makes the policies of Entra and what they refer to.
func (d *demo) conditionalAccess() {
	const root = "identity/conditionalAccess/"
	stamp := func(p props) props {
		p["createdDateTime"] = d.day()
		p["modifiedDateTime"] = nil
		return p
	}
	office := d.add(root+"namedLocations", stamp(props{"@odata.type": "#microsoft.graph.ipNamedLocation", "displayName": "Offices", "isTrusted": true, "ipRanges": []props{{"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "198.51.100.0/24"}, {"@odata.type": "#microsoft.graph.iPv6CidrRange", "cidrAddress": "2001:db8::/48"}}}))
	d.add(root+"namedLocations", stamp(props{"@odata.type": "#microsoft.graph.countryNamedLocation", "displayName": "Where we work", "countriesAndRegions": []string{"NL", "FR", "SE"}, "includeUnknownCountriesAndRegions": false, "countryLookupMethod": "clientIpAddress"}))
	strength := d.add(root+"authenticationStrengths/policies", stamp(props{"displayName": "Keys only", "description": "", "policyType": "custom", "requirementsSatisfied": "mfa", "allowedCombinations": []string{"fido2", "windowsHelloForBusiness"}, "combinationConfigurations": []props{{"@odata.type": "#microsoft.graph.fido2CombinationConfiguration", "appliesToCombinations": []string{"fido2"}, "allowedAAGUIDs": []string{d.id()}}}}))
	d.add(root+"authenticationStrengths/policies", stamp(props{"id": "00000000-0000-0000-0000-000000000002", "displayName": "Multifactor authentication", "policyType": "builtIn", "requirementsSatisfied": "mfa", "allowedCombinations": []string{"password,sms"}}))
	d.add(root+"authenticationContextClassReferences", props{"id": "c1", "displayName": "Sensitive files", "description": "", "isAvailable": true})
	terms := d.add("identityGovernance/termsOfUse/agreements", props{"displayName": "Visitors' terms", "isViewingBeforeAcceptanceRequired": true, "files": []props{{"id": d.id(), "language": "en", "isDefault": true, "fileName": "terms.pdf", "fileData": props{"data": base64.StdEncoding.EncodeToString([]byte("%PDF-1.7"))}}}})
	for i := range 4 * d.size {
		grant := props{"operator": "OR", "builtInControls": []string{"mfa"}, "customAuthenticationFactors": []string{}, "termsOfUse": []string{}, "authenticationStrength": nil}
		switch i % 4 {
		case 1:
			grant = props{"operator": "AND", "builtInControls": []string{}, "termsOfUse": []string{terms}, "authenticationStrength": props{"id": strength, "displayName": "Keys only"}}
		case 2:
			grant["builtInControls"] = []string{"compliantDevice", "domainJoinedDevice"}
		}
		excluded := []string{d.groups[len(d.groups)-1]}
		if i == 3 {
			excluded = []string{d.id()} // a group that is gone
		}
		d.add(root+"policies", stamp(props{
			"displayName": fmt.Sprintf("CA%03d %s", i+1, d.pick(teams)), "state": d.pick([]string{"enabled", "disabled", "enabledForReportingButNotEnforced"}), "templateId": nil, "sessionControls": nil, "grantControls": grant,
			"conditions": props{
				"clientAppTypes": []string{"all"}, "userRiskLevels": []string{}, "signInRiskLevels": []string{}, "platforms": nil, "devices": nil, "clientApplications": nil,
				"applications": props{"includeApplications": []string{"All"}, "excludeApplications": []string{}, "includeUserActions": []string{}, "includeAuthenticationContextClassReferences": []string{}},
				"users":        props{"includeUsers": []string{"All"}, "excludeUsers": []string{}, "includeGroups": []string{}, "excludeGroups": excluded, "includeRoles": []string{}, "excludeRoles": []string{}},
				"locations":    props{"includeLocations": []string{"All"}, "excludeLocations": []string{office}},
			},
		}))
	}
}
