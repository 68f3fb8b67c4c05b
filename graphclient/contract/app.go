package contract

// appTypes returns apps and what is distributed like them.
func appTypes() []Type {
	return []Type{
		{
			Key: "mobileApp", Title: "Apps", Category: Apps,
			open:  []string{"productKey"}, // the id that an app has in Microsoft's store
			OData: []string{"*App", "*WebClip", "*AppX", "*AppXBundle", "windowsMobileMSI", "windowsPhoneXAP"},
			Name:  "displayName",
			// The store apps that come with every tenant, until somebody
			// assigns them.
			Provided: []Match{{"appAvailability", "global"}},
			Lists:    []List{{Path: "/deviceAppManagement/mobileApps", Query: "$expand=assignments"}},
			Read:     Read{ByID: true, Query: "$expand=categories"}, // the list has no scope tags and no icon
			Assign:   Assign{Read: AssignedInList, Shape: AssignNamed, Body: "mobileAppAssignments", Status: 204},
			Write: Write{
				Shape: WritePatch, Support: Restorable, Create: 201, Update: 200,
				Strip: []string{
					"uploadState", "publishingState", "dependentAppCount", "supersedingAppCount", "supersededAppCount",
					"committedContentVersion", "isFeatured", "size", "categories",
				},
				Except: []Exception{packagedApps(), purchasedApps()},
				Await:  &Await{Property: "publishingState", Done: "published"},
				Actions: []Action{{
					Method: "POST", Path: "categories/$ref", From: "categories", Each: true, Ref: true, Status: 204,
				}},
				Binds: map[string]string{"categories": "/deviceAppManagement/mobileAppCategories"},
			},
			Bucket: BucketApplications, Permissions: access(appsArea), Order: 60,
			Source: "IM 484-498; CD backup Applications; TF winget_app; DOC shared-mobileapp-assign; IM#345",
			// A new content version is an upload, and so not left out.
			noise: []string{
				"uploadState", "publishingState", "dependentAppCount", "supersedingAppCount", "supersededAppCount",
				"usedLicenseCount", "totalLicenseCount", "assignedLicenses", "revokeLicenseActionResults",
				"categories.displayName", "categories.lastModifiedDateTime", "vppTokenDisplayName",
			},
			sets: []string{"categories", "excludedApps"},
			links: []link{
				{path: "categories.id", target: "mobileAppCategory", name: "displayName"},
				{path: "vppTokenId", target: "vppToken", name: "vppTokenDisplayName"},
				{path: "relationships", walk: appRelationship},
			},
		},
		{
			Key: "mobileAppRelationship", Title: "App dependencies and supersedence", Category: Apps,
			OData: []string{"mobileAppDependency", "mobileAppSupersedence"},
			Lists: []List{{
				Path:         "/deviceAppManagement/mobileApps/{parent}/relationships",
				Parent:       "/deviceAppManagement/mobileApps",
				ParentCounts: []string{"dependentAppCount", "supersedingAppCount", "supersededAppCount"},
			}},
			Write: Write{
				Shape: WriteShell, Support: PreviewOnly, Update: 204,
				Reason: "all relationships of an app are written together, and this release knows of no safe way to add one",
				Path:   "/deviceAppManagement/mobileApps/{parent}/updateRelationships", Body: "relationships",
				Strip:    relationshipNames(),
				Replaces: []string{"relationships"},
			},
			Bucket: BucketApplications, Permissions: access(appsArea), Order: 62,
			Source: "TF mobile_app_supersedence; CSDL updateRelationships: the list shows both directions, the child's is written",
			noise:  relationshipNames(),
			links:  []link{{path: "targetId", walk: relationshipTarget}},
		},
		{
			Key: "policySet", Title: "Policy sets", Category: Apps,
			OData: []string{"policySet"},
			Name:  "displayName",
			Lists: at("/deviceAppManagement/policySets"),
			Read:  Read{ByID: true, Query: "$expand=assignments,items"}, // refused for the list
			Assign: Assign{
				Read: AssignedInRead, Shape: AssignWithBody, Body: "assignments", Action: "update", Status: 204,
			},
			Write: Write{
				Shape: WriteShell, Support: Restorable, Create: 201, Update: 200,
				Strip: []string{"status", "errorCode", "items.id", "items.createdDateTime", "items.lastModifiedDateTime", "items.status", "items.errorCode"},
				Actions: []Action{{
					Method: "POST", Path: "update", Body: "addedPolicySetItems", From: "items", Deleted: "deletedPolicySetItems", Status: 204,
				}},
			},
			Bucket: BucketBundles, Permissions: access(configurationArea), Order: 300,
			Source: "IM 529-543; IBR#94; DOC policyset-policyset-update; M365DSC#3058: members show the set's assignments as their own",
			noise: []string{
				"status", "errorCode", "items.id", "items.createdDateTime", "items.lastModifiedDateTime",
				"items.status", "items.errorCode", "items.displayName",
			},
			sets:  []string{"items", "guidedDeploymentTags"},
			links: []link{{path: "items", walk: policySetItem}},
		},
		{
			Key: "managedEBook", Title: "iOS eBooks", Category: Apps, Platform: IOS,
			OData:  []string{"iosVppEBook"},
			Name:   "displayName",
			Lists:  at("/deviceAppManagement/managedEBooks"),
			Read:   Read{ByID: true},
			Assign: named("managedEBookAssignments", 204),
			Write: Write{
				Shape: WritePatch, Support: PreviewOnly, Update: 200,
				Reason: "books are bought at Apple, not created",
			},
			Bucket: BucketBooks, Permissions: access(appsArea), Order: 100,
			Source: "DOC books-managedebook-assign",
			noise:  []string{"usedLicenseCount", "totalLicenseCount"},
			links:  []link{to("vppToken", "vppTokenId")},
		},
		{
			Key: "iosLobAppProvisioningConfiguration", Title: "iOS app provisioning profiles", Category: Apps, Platform: IOS,
			OData:  []string{"iosLobAppProvisioningConfiguration"},
			Name:   "displayName",
			Lists:  at("/deviceAppManagement/iosLobAppProvisioningConfigurations"),
			Read:   Read{ByID: true},
			Assign: named("iOSLobAppProvisioningConfigAssignments", 204),
			Write:  patched(201, 200),
			Bucket: BucketApplications, Permissions: access(appsArea), Order: 100,
			Source: "DOC; CSDL assign: the payload is signed and expires",
		},
		{
			Key: "wdacSupplementalPolicy", Title: "WDAC supplemental policies (S mode)", Category: Apps, Platform: Windows,
			OData:  []string{"windowsDefenderApplicationControlSupplementalPolicy"},
			Name:   "displayName",
			Lists:  at("/deviceAppManagement/wdacSupplementalPolicies"),
			Read:   Read{ByID: true},
			Assign: named("wdacPolicyAssignments", 204),
			Write:  patched(201, 200),
			Bucket: BucketUnlock, Permissions: access(appsArea), Order: 100,
			Source: "DOC unlock-windowsdefenderapplicationcontrolsupplementalpolicy-assign",
		},
	}
}

func packagedApps() Exception {
	return Exception{
		OData: []string{
			"*LobApp", "win32CatalogApp", "macOSDmgApp", "macOSPkgApp", "*AppX", "*AppXBundle",
			"windowsMobileMSI", "windowsPhoneXAP",
		},
		Support: PreviewOnly,
		Reason:  "the package is encrypted and Graph does not return the keys",
	}
}

func purchasedApps() Exception {
	return Exception{
		OData: []string{
			"iosVppApp", "macOsVppApp", "microsoftStoreForBusinessApp", "androidManagedStoreApp",
			"androidForWorkApp", "managedAndroidStoreApp", "managedIOSStoreApp",
		},
		Support: PreviewOnly,
		Reason:  "it comes from a store account or with the tenant; only its assignments can be put back",
	}
}

// relationshipNames are what an app relationship shows of its two ends.
func relationshipNames() []string {
	return []string{
		"targetDisplayName", "targetDisplayVersion", "targetPublisher", "targetPublisherDisplayName",
		"sourceDisplayName", "sourceDisplayVersion", "sourcePublisherDisplayName",
		"dependentAppCount", "dependsOnAppCount", "supersededAppCount", "supersedingAppCount",
	}
}

// appRelationship adds the app that another one depends on or supersedes. The
// other direction of the same relationship is the other app's.
func appRelationship(x *extraction, n node) {
	if n.text("targetType") != "parent" {
		x.id(link{target: "mobileApp", name: "targetDisplayName"}, n.get("targetId"))
	}
}

func relationshipTarget(x *extraction, n node) {
	appRelationship(x, node{value: n.parent})
}

// policySetItem adds a member of a policy set.
func policySetItem(x *extraction, n node) {
	kind, ok := policySetKinds[odataName(n.text("@odata.type"))]
	if !ok {
		// Items of app protection have one type for all platforms.
		kind, ok = policySetKinds[odataName(n.text("itemType"))]
	}
	if !ok {
		x.warn(n, "unknown kind of item")
		return
	}
	x.id(link{target: kind, name: "displayName"}, n.get("payloadId"))
}

var policySetKinds = map[string]string{
	"deviceCompliancePolicyPolicySetItem":                         "deviceCompliancePolicy",
	"deviceConfigurationPolicySetItem":                            "deviceConfiguration",
	"deviceManagementConfigurationPolicyPolicySetItem":            "configurationPolicy",
	"deviceManagementScriptPolicySetItem":                         "deviceManagementScript",
	"enrollmentRestrictionsConfigurationPolicySetItem":            "enrollmentRestriction",
	"iosLobAppProvisioningConfigurationPolicySetItem":             "iosLobAppProvisioningConfiguration",
	"managedDeviceMobileAppConfigurationPolicySetItem":            "mobileAppConfiguration",
	"mdmWindowsInformationProtectionPolicyPolicySetItem":          "windowsInformationProtection",
	"mobileAppPolicySetItem":                                      "mobileApp",
	"targetedManagedAppConfigurationPolicySetItem":                "targetedManagedAppConfiguration",
	"windows10EnrollmentCompletionPageConfigurationPolicySetItem": "enrollmentStatusPage",
	"windowsAutopilotDeploymentProfilePolicySetItem":              "autopilotProfile",
	"androidManagedAppProtection":                                 "androidManagedAppProtection",
	"iosManagedAppProtection":                                     "iosManagedAppProtection",
	"windowsManagedAppProtection":                                 "windowsManagedAppProtection",
}
