package graphtest

import "net/http"

// A writing says what requests that write the objects of a list may hold, and
// how they are answered.
type writing struct {
	create, change int      // statuses of success; 0 means 201 and 200
	put            bool     // PUT replaces an object
	noPost         bool     // something else creates objects
	children       []string // that a body may hold
	set            []string // set by the service: dotted paths, arrays are transparent
	once           []string // only a create may hold them
}

// writings are the write rules by list.
// Source: policytypes, columns write and strip of the row that a comment names.
func writings() map[string]writing {
	const ok, none = http.StatusOK, http.StatusNoContent
	protection := writing{set: []string{"deployedAppCount", "deploymentSummary"}}
	configuration := protection
	configuration.children = []string{"settings"}
	return map[string]writing{
		// roleScopeTag, roleDefinition, notificationMessageTemplate: 200 for a POST
		"deviceManagement/roleScopeTags":                {create: ok, set: []string{"isBuiltIn"}},
		"deviceManagement/roleDefinitions":              {create: ok, set: []string{"isBuiltInRoleDefinition", "isBuiltIn", "roleAssignments", "permissions", "rolePermissions.actions"}},
		"deviceManagement/notificationMessageTemplates": {create: ok, set: []string{"defaultLocale", "description"}},
		// assignmentFilter
		"deviceManagement/assignmentFilters": {set: []string{"payloads"}, once: []string{"platform"}},
		// authenticationStrength, authenticationContext, namedLocation, conditionalAccessPolicy
		"identity/conditionalAccess/authenticationStrengths/policies": {
			change: none, set: []string{"requirementsSatisfied", "policyType"}, once: []string{"allowedCombinations"},
		},
		"identity/conditionalAccess/authenticationContextClassReferences": {change: none},
		"identity/conditionalAccess/namedLocations":                       {change: none},
		"identity/conditionalAccess/policies": {
			change: none, set: []string{"deletedDateTime", "templateId", "partialEnablementStrategy", "conditions.deviceStates"},
		},
		// groupPolicyUploadedDefinitionFile, groupPolicyConfiguration
		"deviceManagement/groupPolicyUploadedDefinitionFiles": {set: []string{"languageCodes", "targetPrefix", "targetNamespace", "policyType", "revision", "status", "uploadDateTime"}},
		"deviceManagement/groupPolicyConfigurations":          {set: []string{"policyConfigurationIngestionType"}},
		// configurationPolicy, compliancePolicyV2, reusablePolicySetting
		"deviceManagement/configurationPolicies": {
			put: true, children: []string{"settings"},
			set:  []string{"settingCount", "creationSource", "priorityMetaData", "settings.id", "settings.settingDefinitions", "*.auditRuleInformation"},
			once: []string{"platforms", "technologies", "templateReference"},
		},
		"deviceManagement/compliancePolicies": {
			put: true, change: none, children: []string{"settings", "scheduledActionsForRule"},
			set: []string{"settingCount", "creationSource", "settings.id"}, once: []string{"platforms", "technologies"},
		},
		"deviceManagement/reusablePolicySettings": {
			put: true, set: []string{"referencingConfigurationPolicyCount", "referencingConfigurationPolicies"}, once: []string{"settingDefinitionId"},
		},
		// deviceConfiguration, customConfiguration, updateRing
		"deviceManagement/deviceConfigurations": {
			change: none,
			set: []string{
				"omaSettings.isEncrypted", "omaSettings.secretReferenceValueId",
				"qualityUpdatesPauseStartDate", "featureUpdatesPauseStartDate", "qualityUpdatesPauseExpiryDateTime", "featureUpdatesPauseExpiryDateTime",
				"qualityUpdatesWillBeRolledBack", "featureUpdatesWillBeRolledBack", "qualityUpdatesRollbackStartDateTime", "featureUpdatesRollbackStartDateTime",
			},
		},
		// intent: created by templates/{id}/createInstance
		"deviceManagement/intents": {noPost: true, set: []string{"isMigratingToConfigurationPolicy"}, once: []string{"templateId"}},
		// deviceCompliancePolicy: POST has the actions, PATCH must not
		"deviceManagement/deviceCompliancePolicies": {
			change: none, children: []string{"scheduledActionsForRule"}, once: []string{"scheduledActionsForRule"},
			set: []string{"scheduledActionsForRule.id", "scheduledActionsForRule.scheduledActionConfigurations.id"},
		},
		// the update profiles
		"deviceManagement/windowsFeatureUpdateProfiles": {set: []string{"deployableContentDisplayName", "endOfSupportDate"}},
		"deviceManagement/windowsQualityUpdateProfiles": {set: []string{"releaseDateDisplayName", "deployableContentDisplayName"}},
		"deviceManagement/windowsDriverUpdateProfiles":  {set: []string{"inventorySyncStatus", "newUpdates", "deviceReporting"}, once: []string{"approvalType"}},
		// deviceCustomAttributeShellScript, deviceHealthScript
		"deviceManagement/deviceCustomAttributeShellScripts": {once: []string{"customAttributeName", "customAttributeType", "displayName"}},
		"deviceManagement/deviceHealthScripts":               {set: []string{"isGlobalScript", "highestAvailableVersion"}, once: []string{"deviceHealthScriptType"}},
		// enrollmentStatusPage, enrollmentRestriction, comanagementSettings
		"deviceManagement/deviceEnrollmentConfigurations": {
			set: []string{"windowsMobileRestriction"}, once: []string{"priority", "deviceEnrollmentConfigurationType", "platformType"},
		},
		// autopilotProfile, depEnrollmentProfile, appleUserInitiatedEnrollmentProfile, androidDeviceOwnerEnrollmentProfile
		"deviceManagement/windowsAutopilotDeploymentProfiles":       {once: []string{"managementServiceAppId"}},
		"deviceManagement/appleUserInitiatedEnrollmentProfiles":     {once: []string{"platform", "priority"}},
		"deviceManagement/androidDeviceOwnerEnrollmentProfiles":     {set: []string{"tokenValue", "tokenCreationDateTime", "qrCodeContent", "qrCodeImage", "enrolledDeviceCount", "enrollmentTokenUsageCount"}},
		"deviceManagement/depOnboardingSettings":                    {},
		"deviceManagement/intuneBrandingProfiles":                   {set: []string{"isDefaultProfile"}, once: []string{"disableClientTelemetry"}},
		"deviceAppManagement/mobileApps":                            {set: []string{"uploadState", "publishingState", "dependentAppCount", "supersedingAppCount", "supersededAppCount", "committedContentVersion", "isFeatured", "size"}},
		"deviceAppManagement/mobileAppConfigurations":               {change: none, once: []string{"targetedMobileApps"}},
		"deviceAppManagement/policySets":                            {children: []string{"items", "assignments"}, set: []string{"status", "errorCode", "items.id", "items.createdDateTime", "items.status"}},
		"deviceAppManagement/iosManagedAppProtections":              protection,
		"deviceAppManagement/androidManagedAppProtections":          protection,
		"deviceAppManagement/windowsManagedAppProtections":          protection,
		"deviceAppManagement/targetedManagedAppConfigurations":      configuration,
		"deviceManagement/virtualEndpoint/provisioningPolicies":     {set: []string{"alternateResourceUrl", "gracePeriodInHours"}},
		"deviceManagement/depOnboardingSettings/enrollmentProfiles": {change: none, set: []string{"isDefault", "configurationEndpointUrl"}},
	}
}
