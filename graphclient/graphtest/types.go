package graphtest

// nestedTypes are properties whose value is an object of the declared type,
// for full metadata. These types go unmentioned in minimal metadata; every
// other nested type is taken for a derived one, which it does mention.
// Read-only. Source: graph.md section 1, @odata.type.
var nestedTypes = map[string]string{
	"agentContext":                     "conditionalAccessAgentContext",
	"agents":                           "conditionalAccessAgents",
	"applicationEnforcedRestrictions":  "applicationEnforcedRestrictionsSessionControl",
	"applications":                     "conditionalAccessApplications",
	"authenticationFlows":              "conditionalAccessAuthenticationFlows",
	"authenticationStrength":           "authenticationStrengthPolicy",
	"choiceSettingCollectionValue":     "deviceManagementConfigurationChoiceSettingValue",
	"choiceSettingValue":               "deviceManagementConfigurationChoiceSettingValue",
	"clientApplications":               "conditionalAccessClientApplications",
	"conditions":                       "conditionalAccessConditionSet",
	"continuousAccessEvaluation":       "continuousAccessEvaluationSessionControl",
	"deviceFilter":                     "conditionalAccessFilter",
	"devices":                          "conditionalAccessDevices",
	"exemptedAppProtocols":             "keyValuePair",
	"grantControls":                    "conditionalAccessGrantControls",
	"groupSettingCollectionValue":      "deviceManagementConfigurationGroupSettingValue",
	"iosRestriction":                   "deviceEnrollmentPlatformRestriction",
	"includeGuestsOrExternalUsers":     "conditionalAccessGuestsOrExternalUsers",
	"excludeGuestsOrExternalUsers":     "conditionalAccessGuestsOrExternalUsers",
	"installExperience":                "winGetAppInstallExperience",
	"largeIcon":                        "mimeContent",
	"locations":                        "conditionalAccessLocations",
	"outOfBoxExperienceSetting":        "outOfBoxExperienceSetting",
	"outOfBoxExperienceSettings":       "outOfBoxExperienceSettings",
	"persistentBrowser":                "persistentBrowserSessionControl",
	"platforms":                        "conditionalAccessPlatforms",
	"rolePermissions":                  "rolePermission",
	"rolloutSettings":                  "windowsUpdateRolloutSettings",
	"sessionControls":                  "conditionalAccessSessionControls",
	"settingInstanceTemplateReference": "deviceManagementConfigurationSettingInstanceTemplateReference",
	"settingValueTemplateReference":    "deviceManagementConfigurationSettingValueTemplateReference",
	"signInFrequency":                  "signInFrequencySessionControl",
	"templateReference":                "deviceManagementConfigurationPolicyTemplateReference",
	"users":                            "conditionalAccessUsers",
	"windowsRestriction":               "deviceEnrollmentPlatformRestriction",
}

// collectionTypes are lists of objects whose declared type is not that of
// every element.
var collectionTypes = map[string]string{
	"children":                     "deviceManagementConfigurationSettingInstance",
	"omaSettings":                  "omaSetting",
	"simpleSettingCollectionValue": "deviceManagementConfigurationSimpleSettingValue",
}

// enumTypes are properties whose string is an enum value, for full metadata.
// Not complete: the others look like strings, which a client must stand too.
var enumTypes = map[string]string{
	"actionType":               "deviceComplianceActionType",
	"appGroupType":             "targetedManagedAppGroupType",
	"approvalType":             "driverUpdateProfileApprovalType",
	"automaticUpdateMode":      "automaticUpdateMode",
	"compliantNetworkType":     "compliantNetworkType",
	"countryLookupMethod":      "countryLookupMethodType",
	"deliveryOptimizationMode": "windowsDeliveryOptimizationMode",

	"deviceAndAppManagementAssignmentFilterType":  "deviceAndAppManagementAssignmentFilterType",
	"deviceEnrollmentConfigurationType":           "deviceEnrollmentConfigurationType",
	"deviceThreatProtectionRequiredSecurityLevel": "deviceThreatProtectionLevel",

	"deviceType":           "windowsAutopilotDeviceType",
	"managedBrowser":       "managedBrowserType",
	"passwordRequiredType": "requiredPasswordType",
	"pinCharacterSet":      "managedAppPinCharacterSet",
	"platform":             "devicePlatformType",
	"runAsAccount":         "runAsAccountType",
	"source":               "deviceAndAppManagementAssignmentSource",
	"technologies":         "deviceManagementConfigurationTechnologies",
	"templateFamily":       "deviceManagementConfigurationTemplateFamily",
}

// declared reports whether a nested type is the one its property declares.
func declared(typ string) bool {
	for _, t := range nestedTypes {
		if t == typ {
			return true
		}
	}
	return false
}
