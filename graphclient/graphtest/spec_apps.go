package graphtest

func appSpecs() []*spec {
	return []*spec{
		{
			name: "deviceAppManagement/mobileApps", typ: "mobileApp", flag: abstract,
			bucket: "applications", perm: permA(), fullRefuses: []string{"categories"}, gaps: gaps{absent: []string{"roleScopeTagIds", "largeIcon"}},
			kids: []*spec{
				{name: "categories", typ: "mobileAppCategory"},
				assignments("mobileAppAssignment"),
				{name: "relationships", typ: "mobileAppRelationship", flag: abstract},
				{name: "contentVersions", typ: "mobileAppContent", flag: castOnly, kids: []*spec{{name: "files", typ: "mobileAppContentFile"}}},
			},
			actions: []string{"assign", "updateRelationships"},
		},
		{name: "deviceAppManagement/mobileAppCategories", typ: "mobileAppCategory", bucket: "applications", perm: permA()},
		{
			name: "deviceAppManagement/mobileAppConfigurations", typ: "managedDeviceMobileAppConfiguration", flag: abstract,
			bucket: "applications", perm: permA(),
			kids: []*spec{assignments("managedDeviceMobileAppConfigurationAssignment")}, actions: []string{"assign"},
		},
		{
			name: "deviceAppManagement/policySets", typ: "policySet", flag: listNoExpand, bucket: "bundles", perm: permC(),
			kids: []*spec{
				{name: "items", typ: "policySetItem", flag: abstract},
				assignments("policySetAssignment"),
			},
			actions: []string{"update"},
		},
		{
			name: "deviceAppManagement/managedEBooks", typ: "managedEBook", flag: abstract, bucket: "books", perm: permA(),
			kids: []*spec{
				{name: "assignments", typ: "managedEBookAssignment", ids: idAssignment},
				{name: "categories", typ: "managedEBookCategory"},
			},
			actions: []string{"assign"},
		},
		{
			name: "deviceAppManagement/iosLobAppProvisioningConfigurations", typ: "iosLobAppProvisioningConfiguration",
			bucket: "applications", perm: permA(),
			kids: []*spec{assignments("iosLobAppProvisioningConfigurationAssignment")}, actions: []string{"assign"},
		},
		{
			name: "deviceAppManagement/wdacSupplementalPolicies", typ: "windowsDefenderApplicationControlSupplementalPolicy",
			bucket: "unlock", perm: permA(),
			kids:    []*spec{assignments("windowsDefenderApplicationControlSupplementalPolicyAssignment")},
			actions: []string{"assign"},
		},
		{name: "deviceAppManagement/vppTokens", typ: "vppToken", bucket: "enrollment", perm: permV(), gaps: gaps{never: []string{"token"}}},
	}
}

func protectionSpecs() []*spec {
	protection := func(path, typ string) *spec {
		return &spec{
			name: "deviceAppManagement/" + path, typ: typ, bucket: "managed-applications", perm: permA(),
			kids: []*spec{
				{name: "apps", typ: "managedMobileApp", ids: idApp},
				assignments("targetedManagedAppPolicyAssignment"),
			},
			actions: []string{"assign", "targetApps"},
		}
	}
	information := func(path, typ string) *spec {
		return &spec{
			name: "deviceAppManagement/" + path, typ: typ, bucket: "wip", perm: permA(),
			kids: []*spec{
				{name: "protectedAppLockerFiles", typ: "windowsInformationProtectionAppLockerFile"},
				{name: "exemptAppLockerFiles", typ: "windowsInformationProtectionAppLockerFile"},
				assignments("targetedManagedAppPolicyAssignment"),
			},
			actions: []string{"assign"},
		}
	}
	configuration := protection("targetedManagedAppConfigurations", "targetedManagedAppConfiguration")
	configuration.kids = append(configuration.kids, catalogSettings())
	fallback := protection("defaultManagedAppProtections", "defaultManagedAppProtection") // for everybody: not assignable
	fallback.kids, fallback.actions = fallback.kids[:1], fallback.actions[1:]
	return []*spec{
		protection("iosManagedAppProtections", "iosManagedAppProtection"),
		protection("androidManagedAppProtections", "androidManagedAppProtection"),
		protection("windowsManagedAppProtections", "windowsManagedAppProtection"),
		fallback,
		configuration,
		information("mdmWindowsInformationProtectionPolicies", "mdmWindowsInformationProtectionPolicy"),
		information("windowsInformationProtectionPolicies", "windowsInformationProtectionPolicy"),
		{
			name: "deviceAppManagement/managedAppPolicies", typ: "managedAppPolicy", flag: abstract | listNoExpand,
			bucket: "managed-applications", perm: permA(),
			views: []string{
				"deviceAppManagement/iosManagedAppProtections", "deviceAppManagement/androidManagedAppProtections",
				"deviceAppManagement/windowsManagedAppProtections", "deviceAppManagement/defaultManagedAppProtections",
				"deviceAppManagement/targetedManagedAppConfigurations",
				"deviceAppManagement/mdmWindowsInformationProtectionPolicies", "deviceAppManagement/windowsInformationProtectionPolicies",
			},
		},
	}
}

func identitySpecs() []*spec {
	ca := perm{exact: []string{"Policy.Read.All", "Policy.ReadWrite.ConditionalAccess", "Policy.Read.ConditionalAccess"}}
	policies := ca
	policies.also = []string{"Policy.Read.All", "Application.Read.All"}
	terms := perm{base: "Agreement"}
	group := perm{base: "Group", exact: []string{"Directory.Read.All", "Directory.ReadWrite.All", "GroupMember.Read.All"}}
	user := perm{base: "User", exact: []string{"Directory.Read.All", "Directory.ReadWrite.All"}}
	strengths := func(path string) *spec {
		return &spec{
			name: path, typ: "authenticationStrengthPolicy", flag: directory, bucket: "identity", perm: ca,
			kids:    []*spec{{name: "combinationConfigurations", typ: "authenticationCombinationConfiguration", flag: abstract}},
			actions: []string{"updateAllowedCombinations"},
		}
	}
	const main = "identity/conditionalAccess/authenticationStrengths/policies"
	specs := []*spec{
		{name: "identity/conditionalAccess/policies", typ: "conditionalAccessPolicy", flag: directory, bucket: "ca", perm: policies, actions: []string{"restore"}},
		{name: "identity/conditionalAccess/namedLocations", typ: "namedLocation", flag: directory, bucket: "ca", perm: ca, actions: []string{"restore"}},
		{name: "identity/conditionalAccess/authenticationContextClassReferences", typ: "authenticationContextClassReference", flag: directory | callerID, bucket: "identity", perm: ca},
		strengths(main),
		{
			name: "identityGovernance/termsOfUse/agreements", typ: "agreement", flag: directory, bucket: "identity", perm: terms,
			kids: []*spec{
				{name: "files", typ: "agreementFileLocalization", gaps: gaps{null: []string{"fileData"}}},
				{name: "file", typ: "agreementFile", flag: single},
			},
		},
		{
			name: "groups", typ: "group", flag: directory | deltaList, bucket: "identity", perm: group,
			kids: []*spec{{name: "members", typ: "directoryObject", flag: directory}},
		},
		{
			name: "directoryObjects", typ: "directoryObject", flag: directory, bucket: "identity",
			perm: perm{exact: append(group.reads(), user.reads()...)}, views: directoryLists, functions: []string{"getByIds"},
		},
		{name: "users", typ: "user", flag: directory, bucket: "identity", perm: user},
		{name: "organization", typ: "organization", flag: directory, bucket: "identity", perm: perm{base: "Organization", exact: []string{"User.Read", "User.Read.All", "Directory.Read.All"}}},
		{name: "servicePrincipals", typ: "servicePrincipal", flag: directory, bucket: "identity", perm: perm{base: "Application", exact: []string{"Directory.Read.All"}}},
		{name: "directoryRoles", typ: "directoryRole", flag: directory, bucket: "identity", perm: perm{base: "RoleManagement", exact: []string{"Directory.Read.All", "RoleManagement.Read.Directory"}}},
	}
	for _, path := range []string{"identity/conditionalAccess/authenticationStrength/policies", "policies/authenticationStrengthPolicies"} {
		other := strengths(path)
		other.views = []string{main}
		specs = append(specs, other)
	}
	return specs
}
