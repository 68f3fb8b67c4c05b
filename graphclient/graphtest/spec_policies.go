package graphtest

// Sources of the spec_*.go files: policytypes, the row of each path.

func permC() perm { return perm{base: "DeviceManagementConfiguration"} }
func permS() perm { return perm{base: "DeviceManagementScripts"} }
func permA() perm { return perm{base: "DeviceManagementApps"} }
func permV() perm { return perm{base: "DeviceManagementServiceConfig"} }
func permR() perm { return perm{base: "DeviceManagementRBAC"} }

// catalogSettings are the settings of a catalog policy, 25 to a page.
func catalogSettings() *spec {
	return &spec{
		name: "settings", typ: "deviceManagementConfigurationSetting", page: 25, ids: idIndex,
		kids: []*spec{{
			name: "settingDefinitions", typ: "deviceManagementConfigurationSettingDefinition",
			page: 25, compute: settingDefinitions,
		}},
	}
}

func catalogAssignments() *spec {
	a := assignments("deviceManagementConfigurationPolicyAssignment")
	a.page = 25
	return a
}

func complianceActions(rule, item string) *spec {
	return &spec{
		name: "scheduledActionsForRule", typ: rule, ids: idParent,
		kids: []*spec{{name: "scheduledActionConfigurations", typ: item}},
	}
}

// catalogSpecs are the policies made of settings catalog settings.
func catalogSpecs() []*spec {
	return []*spec{
		{
			name: "deviceManagement/configurationPolicies", typ: "deviceManagementConfigurationPolicy",
			flag: countIsPage | settingCount, page: 25, bucket: "device-config-v2", perm: permC(),
			kids:    []*spec{catalogSettings(), catalogAssignments()},
			actions: []string{"assign", "createCopy", "reorder"},
		},
		{
			name: "deviceManagement/compliancePolicies", typ: "deviceManagementCompliancePolicy",
			flag: settingCount, page: 25, bucket: "device-config-v2", perm: permC(),
			kids: []*spec{
				catalogSettings(), catalogAssignments(),
				complianceActions("deviceManagementComplianceScheduledActionForRule", "deviceManagementComplianceActionItem"),
			},
			actions: []string{"assign", "setScheduledActions"},
		},
		{
			name: "deviceManagement/inventoryPolicies", typ: "deviceManagementConfigurationPolicy",
			flag: settingCount, page: 25, bucket: "device-config-v2", perm: permC(),
			kids: []*spec{catalogSettings(), catalogAssignments()},
		},
		{
			name: "deviceManagement/reusablePolicySettings", typ: "deviceManagementReusablePolicySetting",
			bucket: "device-config-v2", perm: permC(),
			gaps: gaps{selected: []string{"settingInstance"}},
			kids: []*spec{{
				name: "referencingConfigurationPolicies", typ: "deviceManagementConfigurationPolicy",
				compute: referencingPolicies,
			}},
			actions: []string{"clone"},
		},
	}
}

// profileSpecs are the policies older than the settings catalog.
func profileSpecs() []*spec {
	return []*spec{
		{
			name: "deviceManagement/deviceConfigurations", typ: "deviceConfiguration", flag: abstract,
			bucket: "device-configuration", perm: permC(), kids: configurationKids(),
			functions: []string{"getOmaSettingPlainTextValue"},
			actions:   []string{"assign", "windowsPrivacyAccessControls"},
		},
		{
			name: "deviceManagement/deviceCompliancePolicies", typ: "deviceCompliancePolicy", flag: abstract,
			bucket: "device-configuration", perm: permC(),
			kids: []*spec{
				complianceActions("deviceComplianceScheduledActionForRule", "deviceComplianceActionItem"),
				assignments("deviceCompliancePolicyAssignment"),
			},
			actions: []string{"assign", "scheduleActionsForRules"},
		},
		{
			name: "deviceManagement/groupPolicyConfigurations", typ: "groupPolicyConfiguration",
			bucket: "group-policy", perm: permC(),
			kids:    []*spec{definitionValues(), assignments("groupPolicyConfigurationAssignment")},
			actions: []string{"assign", "updateDefinitionValues"},
		},
		{
			name: "deviceManagement/groupPolicyUploadedDefinitionFiles", typ: "groupPolicyUploadedDefinitionFile",
			bucket: "group-policy", perm: permC(), gaps: gaps{never: []string{"content"}},
			kids:    []*spec{{name: "definitions", typ: "groupPolicyDefinition"}, {name: "groupPolicyOperations", typ: "groupPolicyOperation"}},
			actions: []string{"remove", "uploadNewVersion"},
		},
		{
			name: "deviceManagement/groupPolicyDefinitions", typ: "groupPolicyDefinition",
			bucket: "group-policy", perm: permC(),
			kids: []*spec{{name: "presentations", typ: "groupPolicyPresentation"}},
		},
		{
			name: "deviceManagement/intents", typ: "deviceManagementIntent", bucket: "device-intent", perm: permC(),
			kids: []*spec{
				{name: "settings", typ: "deviceManagementSettingInstance", flag: abstract},
				{
					name: "categories", typ: "deviceManagementIntentSettingCategory",
					kids: []*spec{{name: "settings", typ: "deviceManagementSettingInstance", flag: abstract}},
				},
				assignments("deviceManagementIntentAssignment"),
			},
			actions: []string{"assign", "createCopy", "migrateToTemplate", "updateSettings"},
		},
		{
			name: "deviceManagement/templates", typ: "deviceManagementTemplate",
			bucket: "device-intent", perm: permC(), actions: []string{"createInstance"},
		},
		{
			name: "deviceManagement/configurationPolicyTemplates", typ: "deviceManagementConfigurationPolicyTemplate",
			bucket: "device-config-v2", perm: permC(),
		},
	}
}

// updateSpecs are update profiles and what is rarely used.
func updateSpecs() []*spec {
	return []*spec{
		{
			name: "deviceManagement/resourceAccessProfiles", typ: "deviceManagementResourceAccessProfileBase", flag: abstract,
			bucket: "resource-access", perm: permC(),
			kids: []*spec{assignments("deviceManagementResourceAccessProfileAssignment")}, actions: []string{"assign"},
		},
		{
			name: "deviceManagement/hardwareConfigurations", typ: "hardwareConfiguration",
			bucket: "devices", perm: permC(), gaps: gaps{null: []string{"configurationFileContent"}},
			kids: []*spec{assignments("hardwareConfigurationAssignment")}, actions: []string{"assign"},
		},
		{
			name: "deviceManagement/windowsFeatureUpdateProfiles", typ: "windowsFeatureUpdateProfile",
			bucket: "updates", perm: permC(),
			kids: []*spec{assignments("windowsFeatureUpdateProfileAssignment")}, actions: []string{"assign"},
		},
		{
			name: "deviceManagement/windowsQualityUpdateProfiles", typ: "windowsQualityUpdateProfile",
			bucket: "updates", perm: permC(),
			kids: []*spec{assignments("windowsQualityUpdateProfileAssignment")}, actions: []string{"assign"},
		},
		{
			name: "deviceManagement/windowsQualityUpdatePolicies", typ: "windowsQualityUpdatePolicy",
			bucket: "updates", perm: permC(),
			kids: []*spec{assignments("windowsQualityUpdatePolicyAssignment")}, actions: []string{"assign"},
		},
		{
			name: "deviceManagement/windowsDriverUpdateProfiles", typ: "windowsDriverUpdateProfile",
			bucket: "updates", perm: permC(),
			kids: []*spec{
				{name: "driverInventories", typ: "windowsDriverUpdateInventory"},
				assignments("windowsDriverUpdateProfileAssignment"),
			},
			actions: []string{"assign", "executeAction", "syncInventory"},
		},
	}
}

// definitionValues are the configured values of an administrative template:
// definition, presentation values and their presentations are all children.
func definitionValues() *spec {
	definition := &spec{
		name: "definition", typ: "groupPolicyDefinition", flag: single,
		kids: []*spec{{name: "presentations", typ: "groupPolicyPresentation"}},
	}
	presentation := &spec{name: "presentation", typ: "groupPolicyPresentation", flag: single}
	return &spec{
		name: "definitionValues", typ: "groupPolicyDefinitionValue",
		kids: []*spec{definition, {
			name: "presentationValues", typ: "groupPolicyPresentationValue",
			kids: []*spec{presentation},
		}},
	}
}

// configurationKids are the children of a device configuration. All but the
// assignments belong to derived types: certificates of SCEP, Wi-Fi, VPN and
// mail profiles are found by navigation only.
func configurationKids() []*spec {
	kids := []*spec{
		assignments("deviceConfigurationAssignment"),
		{name: "privacyAccessControls", typ: "windowsPrivacyDataAccessControlItem", flag: castOnly},
		{name: "deviceUpdateStates", typ: "windowsUpdateState", flag: castOnly},
		{name: "managedDeviceCertificateStates", typ: "managedDeviceCertificateState", flag: castOnly},
		{name: "derivedCredentialSettings", typ: "deviceManagementDerivedCredentialSettings", flag: castOnly | single},
	}
	for _, name := range []string{
		"rootCertificate", "rootCertificateForServerValidation", "rootCertificateForClientValidation",
		"identityCertificate", "identityCertificateForClientAuthentication", "secondaryIdentityCertificateForClientAuthentication",
		"smimeSigningCertificate", "smimeEncryptionCertificate", "secondaryRootCertificateForClientValidation",
	} {
		kids = append(kids, &spec{name: name, typ: "deviceConfiguration", flag: castOnly | single | abstract})
	}
	for _, name := range []string{"rootCertificatesForServerValidation", "rootCertificatesForClientValidation"} {
		kids = append(kids, &spec{name: name, typ: "deviceConfiguration", flag: castOnly | abstract})
	}
	return kids
}
