package contract

// conditionalAccessTypes returns conditional access and what it refers to.
func conditionalAccessTypes() []Type {
	return []Type{
		{
			Key: "termsOfUseAgreement", Title: "Entra terms of use", Category: ConditionalAccess, Foundation: true,
			OData: []string{"agreement"},
			Name:  "displayName",
			Lists: []List{{Path: "/identityGovernance/termsOfUse/agreements", Query: "$expand=files"}},
			Write: Write{
				Shape: WritePatch, Support: PreviewOnly, Create: 201, Update: 200,
				Reason: "Graph does not return the documents that people agree to",
			},
			Bucket: BucketIdentity, Permissions: access("Agreement"), Order: 47,
			Source: "IM 162-170; TF conditional_access_terms_of_use",
			noise:  []string{"files.createdDateTime", "files.id"},
			sets:   []string{"files"},
		},
		{
			Key: "namedLocation", Title: "Named locations", Category: ConditionalAccess, Foundation: true,
			OData:  []string{"ipNamedLocation", "countryNamedLocation", "compliantNetworkNamedLocation"},
			Name:   "displayName",
			Lists:  at("/identity/conditionalAccess/namedLocations"),
			Write:  patched(201, 204),
			Bucket: BucketConditionalAccess, Permissions: policyAccess(), Order: 50,
			Source: "IM 176-184; TF named_location: a trusted location has to be seen untrusted before it can be deleted",
			sets:   []string{"countriesAndRegions", "ipRanges"},
		},
		{
			Key: "authenticationStrength", Title: "Authentication strengths", Category: ConditionalAccess, Foundation: true,
			OData:    []string{"authenticationStrengthPolicy"},
			Name:     "displayName",
			Provided: []Match{{"policyType", "builtIn"}},
			Lists:    at("/identity/conditionalAccess/authenticationStrengths/policies"),
			Read: Read{Children: []Child{
				{Name: "combinationConfigurations", Path: "combinationConfigurations"},
			}},
			Write: Write{
				Shape: WriteShell, Support: Restorable, Create: 201, Update: 204,
				Strip:     []string{"requirementsSatisfied", "policyType", "combinationConfigurations"},
				Immutable: []string{"allowedCombinations"},
				Actions: []Action{
					{Method: "POST", Path: "updateAllowedCombinations", Body: "allowedCombinations", From: "allowedCombinations", Status: 200},
					{Method: "POST", Path: "combinationConfigurations", From: "combinationConfigurations", Each: true, Status: 201},
				},
			},
			Bucket: BucketIdentity, Order: 45,
			Permissions: Permissions{
				Read:  []string{"Policy.Read.All"},
				Write: append(policyAccess().Write, "Policy.ReadWrite.AuthenticationMethod"),
			},
			Source: "IM 809-818",
			noise:  []string{"requirementsSatisfied", "policyType", "combinationConfigurations.id"},
			sets:   []string{"allowedCombinations", "combinationConfigurations"},
		},
		{
			Key: "authenticationContext", Title: "Authentication contexts", Category: ConditionalAccess, Foundation: true,
			OData: []string{"authenticationContextClassReference"},
			Name:  "displayName",
			Lists: at("/identity/conditionalAccess/authenticationContextClassReferences"),
			Write: Write{
				Shape: WriteUpsert, Support: Restorable, Update: 204,
				Strip: []string{"@odata.type"},
			},
			Bucket: BucketIdentity, Permissions: policyAccess(), Order: 46,
			Source: "IM 823-833: the id, c1 to c99, is what applications ask for",
		},
		{
			Key: "conditionalAccessPolicy", Title: "Conditional access policies", Category: ConditionalAccess,
			OData:  []string{"conditionalAccessPolicy"},
			Name:   "displayName",
			Lists:  at("/identity/conditionalAccess/policies"),
			Assign: Assign{Read: AssignedInBody, Shape: AssignWithBody},
			Write: Write{
				Shape: WritePatch, Support: Restorable, Create: 201, Update: 204,
				Consent: "a wrong policy locks everybody out; it is written disabled or report-only unless someone says otherwise",
				Strip: []string{
					"deletedDateTime", "templateId", "partialEnablementStrategy", "conditions.deviceStates",
					"grantControls.authenticationStrength.displayName", "grantControls.authenticationStrength.description",
					"grantControls.authenticationStrength.policyType", "grantControls.authenticationStrength.requirementsSatisfied",
					"grantControls.authenticationStrength.allowedCombinations", "grantControls.authenticationStrength.combinationConfigurations",
					"grantControls.authenticationStrength.createdDateTime", "grantControls.authenticationStrength.modifiedDateTime",
					"grantControls.authenticationStrength.deletedDateTime",
				},
				Replaces: []string{"conditions", "grantControls", "sessionControls"},
			},
			Bucket: BucketConditionalAccess, Permissions: policyAccess(), Order: 400,
			Source: "IM 148-159; CD ConditionalAccess; TF conditional_access_policy; IM#364: an unknown app or location is a 400",
			noise: []string{
				"templateId", "partialEnablementStrategy", "conditions.deviceStates",
				"sessionControls.disableResilienceDefaults=false",
				"grantControls.authenticationStrength.displayName", "grantControls.authenticationStrength.description",
				"grantControls.authenticationStrength.policyType", "grantControls.authenticationStrength.requirementsSatisfied",
				"grantControls.authenticationStrength.allowedCombinations", "grantControls.authenticationStrength.combinationConfigurations",
				"grantControls.authenticationStrength.createdDateTime", "grantControls.authenticationStrength.modifiedDateTime",
				"grantControls.authenticationStrength.deletedDateTime",
			},
			sets:  conditionSets(),
			links: conditionLinks(),
		},
	}
}

// conditionSets returns the arrays of a conditional access policy. None has
// an order.
func conditionSets() []string {
	sets := []string{
		"conditions.clientAppTypes", "conditions.userRiskLevels", "conditions.signInRiskLevels",
		"conditions.servicePrincipalRiskLevels",
		"conditions.platforms.includePlatforms", "conditions.platforms.excludePlatforms",
		"conditions.devices.includeDevices", "conditions.devices.excludeDevices",
		"conditions.applications.includeUserActions",
		"conditions.users.includeGuestsOrExternalUsers.externalTenants.members",
		"conditions.users.excludeGuestsOrExternalUsers.externalTenants.members",
		"grantControls.builtInControls", "grantControls.customAuthenticationFactors",
	}
	for _, l := range conditionLinks() {
		sets = append(sets, l.path)
	}
	return sets
}

// conditionLinks returns where a conditional access policy names something.
func conditionLinks() []link {
	people := map[string]string{"All": TargetAllUsers, "None": "", "GuestsOrExternalUsers": ""}
	apps := map[string]string{"All": "", "None": "", "Office365": "", "MicrosoftAdminPortals": ""}
	places := map[string]string{"All": "", "AllTrusted": ""}
	services := map[string]string{"ServicePrincipalsInMyTenant": "", "All": "", "None": ""}
	assigned := func(side, what, target string, words map[string]string) link {
		return link{
			path: "conditions.users." + side + what, target: target, relation: AssignedTo,
			exclude: side == "exclude", words: words,
		}
	}
	uses := func(path, target string, words map[string]string) link {
		return link{path: path, target: target, words: words}
	}
	return []link{
		assigned("include", "Users", TargetUser, people), assigned("exclude", "Users", TargetUser, people),
		assigned("include", "Groups", TargetGroup, nil), assigned("exclude", "Groups", TargetGroup, nil),
		assigned("include", "Roles", TargetDirectoryRole, nil), assigned("exclude", "Roles", TargetDirectoryRole, nil),
		uses("conditions.applications.includeApplications", TargetServicePrincipal, apps),
		uses("conditions.applications.excludeApplications", TargetServicePrincipal, apps),
		uses("conditions.applications.includeAuthenticationContextClassReferences", "authenticationContext", nil),
		uses("conditions.locations.includeLocations", "namedLocation", places),
		uses("conditions.locations.excludeLocations", "namedLocation", places),
		uses("conditions.clientApplications.includeServicePrincipals", TargetServicePrincipal, services),
		uses("conditions.clientApplications.excludeServicePrincipals", TargetServicePrincipal, services),
		uses("grantControls.termsOfUse", "termsOfUseAgreement", nil),
		{path: "grantControls.authenticationStrength.id", target: "authenticationStrength", name: "displayName"},
	}
}
