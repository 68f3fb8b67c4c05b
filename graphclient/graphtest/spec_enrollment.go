package graphtest

func scriptSpecs() []*spec {
	script := func(path, typ, assignment string, contents ...string) *spec {
		return &spec{
			name: "deviceManagement/" + path, typ: typ, bucket: "devices", perm: permS(),
			gaps: gaps{null: contents}, kids: []*spec{assignments(assignment)}, actions: []string{"assign"},
		}
	}
	health := script("deviceHealthScripts", "deviceHealthScript", "deviceHealthScriptAssignment",
		"detectionScriptContent", "remediationScriptContent")
	health.noFilter = []string{"isGlobalScript"}
	return []*spec{
		script("deviceManagementScripts", "deviceManagementScript", "deviceManagementScriptAssignment", "scriptContent"),
		script("deviceShellScripts", "deviceShellScript", "deviceManagementScriptAssignment", "scriptContent"),
		script("deviceCustomAttributeShellScripts", "deviceCustomAttributeShellScript", "deviceManagementScriptAssignment", "scriptContent"),
		script("deviceComplianceScripts", "deviceComplianceScript", "deviceHealthScriptAssignment", "detectionScriptContent"),
		health,
	}
}

func enrollmentSpecs() []*spec {
	return []*spec{
		{
			name: "deviceManagement/deviceEnrollmentConfigurations", typ: "deviceEnrollmentConfiguration", flag: abstract,
			bucket: "enrollment", perm: permV(), noFilter: []string{"endswith"},
			kids:    []*spec{assignments("enrollmentConfigurationAssignment")},
			actions: []string{"assign", "setPriority"},
		},
		{
			name: "deviceManagement/windowsAutopilotDeploymentProfiles", typ: "windowsAutopilotDeploymentProfile", flag: abstract,
			bucket: "enrollment", perm: permV(), noExpand: []string{"assignments"},
			kids: []*spec{
				assignments("windowsAutopilotDeploymentProfileAssignment"),
				{name: "assignedDevices", typ: "windowsAutopilotDeviceIdentity"},
			},
			actions: []string{"assign"},
		},
		{
			name: "deviceManagement/depOnboardingSettings", typ: "depOnboardingSetting",
			bucket: "device-enrollment", perm: permV(),
			kids: []*spec{{
				name: "enrollmentProfiles", typ: "enrollmentProfile",
				actions: []string{"setDefaultProfile", "updateDeviceProfileAssignment"},
			}},
		},
		{
			name: "deviceManagement/appleUserInitiatedEnrollmentProfiles", typ: "appleUserInitiatedEnrollmentProfile",
			bucket: "device-enrollment", perm: permV(),
			kids: []*spec{assignments("appleEnrollmentProfileAssignment")}, actions: []string{"setPriority"},
		},
		{
			name: "deviceManagement/androidDeviceOwnerEnrollmentProfiles", typ: "androidDeviceOwnerEnrollmentProfile",
			bucket: "android-for-work", perm: permC(),
			gaps:    gaps{asked: []string{"tokenValue", "qrCodeContent", "qrCodeImage"}},
			actions: []string{"createToken", "revokeToken"},
		},
		{
			name: "deviceManagement/termsAndConditions", typ: "termsAndConditions",
			bucket: "company-terms", perm: permV(), noExpand: []string{"assignments"},
			kids: []*spec{
				assignments("termsAndConditionsAssignment"),
				{name: "acceptanceStatuses", typ: "termsAndConditionsAcceptanceStatus"},
			},
		},
		{
			name: "deviceManagement/intuneBrandingProfiles", typ: "intuneBrandingProfile", bucket: "wip", perm: permA(),
			gaps: gaps{null: []string{"themeColorLogo", "lightBackgroundLogo", "landingPageCustomizedImage"}},
			kids: []*spec{assignments("intuneBrandingProfileAssignment")}, actions: []string{"assign"},
		},
		{
			name: "deviceManagement/deviceCategories", typ: "deviceCategory", bucket: "enrollment",
			perm: perm{base: "DeviceManagementConfiguration", exact: []string{"DeviceManagementManagedDevices.Read.All", "DeviceManagementManagedDevices.ReadWrite.All"}},
		},
		{
			name: "deviceManagement/virtualEndpoint/provisioningPolicies", typ: "cloudPcProvisioningPolicy",
			bucket: "cloud-pc", perm: perm{base: "CloudPC"},
			kids: []*spec{assignments("cloudPcProvisioningPolicyAssignment")}, actions: []string{"assign"},
		},
		{
			name: "deviceManagement/virtualEndpoint/userSettings", typ: "cloudPcUserSetting",
			bucket: "cloud-pc", perm: perm{base: "CloudPC"},
			kids: []*spec{assignments("cloudPcUserSettingAssignment")}, actions: []string{"assign"},
		},
	}
}
