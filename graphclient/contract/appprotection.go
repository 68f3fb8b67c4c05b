package contract

// targetApps is the request that says which apps a policy is for.
func targetApps(with ...string) Action {
	return Action{Method: "POST", Path: "targetApps", Body: "apps", From: "apps", With: with, Status: 204}
}

// appPolicy returns the rest of a policy for apps that manage themselves.
func appPolicy(t Type, target Action) Type {
	t.Name = "displayName"
	t.Read.ByID, t.Read.Query = true, "$expand=apps,assignments"
	t.Assign = Assign{Read: AssignedAtPath, Shape: AssignReplace, Body: "assignments", Status: 204, GroupsOnly: true}
	t.Write = Write{
		Shape: WritePatch, Support: Restorable, Create: 201, Update: 200,
		Strip:    []string{"deployedAppCount", "apps", "deploymentSummary"},
		Actions:  []Action{target},
		Replaces: []string{"apps"},
	}
	t.Bucket, t.Order = BucketManagedApplications, 100
	t.Permissions = access(appsArea)
	t.noise = append(t.noise, "deployedAppCount", "deploymentSummary", "apps.id", "apps.version")
	t.sets = append(t.sets, "apps")
	t.links = append(t.links,
		to(TargetAppIdentifier, "apps.mobileAppIdentifier.bundleId"),
		to(TargetAppIdentifier, "apps.mobileAppIdentifier.packageId"),
		to(TargetAppIdentifier, "apps.mobileAppIdentifier.windowsAppId"))
	return t
}

// appProtectionTypes returns the policies that protect data in apps. There is
// a list of all of them, which refuses $expand and every write.
func appProtectionTypes() []Type {
	return []Type{
		appPolicy(Type{
			Key: "iosManagedAppProtection", Title: "App protection for iOS", Category: AppProtection, Platform: IOS,
			OData:  []string{"iosManagedAppProtection"},
			Lists:  at("/deviceAppManagement/iosManagedAppProtections"),
			Source: "IM 430-447; CD update AppProtection; CIPP",
			sets:   []string{"exemptedAppProtocols", "managedUniversalLinks", "exemptedUniversalLinks"},
		}, targetApps("appGroupType")),
		appPolicy(Type{
			Key: "androidManagedAppProtection", Title: "App protection for Android", Category: AppProtection, Platform: Android,
			OData:  []string{"androidManagedAppProtection"},
			Lists:  at("/deviceAppManagement/androidManagedAppProtections"),
			Source: "TF android_managed_app_protection; CD AppProtection",
			sets:   []string{"exemptedAppPackages", "approvedKeyboards"},
		}, targetApps("appGroupType")),
		appPolicy(Type{
			Key: "windowsManagedAppProtection", Title: "App protection for Windows", Category: AppProtection, Platform: Windows,
			OData:  []string{"windowsManagedAppProtection"},
			Lists:  at("/deviceAppManagement/windowsManagedAppProtections"),
			Source: "TF windows_managed_app_protection; CSDL targetApps: without appGroupType",
		}, targetApps()),
		{
			Key: "windowsInformationProtection", Title: "Windows information protection", Category: AppProtection,
			Platform: Windows,
			OData:    []string{"mdmWindowsInformationProtectionPolicy", "windowsInformationProtectionPolicy"},
			Name:     "displayName",
			Lists: []List{
				{Path: "/deviceAppManagement/mdmWindowsInformationProtectionPolicies"},
				{Path: "/deviceAppManagement/windowsInformationProtectionPolicies"},
			},
			Read:   Read{ByID: true, Query: "$expand=protectedAppLockerFiles,exemptAppLockerFiles,assignments"},
			Assign: Assign{Read: AssignedAtPath, Shape: AssignReplace, Body: "assignments", Status: 204, GroupsOnly: true},
			Write:  seen("Microsoft has deprecated it"),
			Bucket: BucketWIP, Permissions: access(appsArea), Order: 100,
			Source: "IM 442-443; DOC mam-windowsinformationprotection-assign",
			noise:  []string{"protectedAppLockerFiles.id", "exemptAppLockerFiles.id"},
			sets:   []string{"protectedAppLockerFiles", "exemptAppLockerFiles"},
		},
		appPolicy(Type{
			Key: "targetedManagedAppConfiguration", Title: "App configuration for managed apps", Category: Apps,
			OData:  []string{"targetedManagedAppConfiguration"},
			Lists:  at("/deviceAppManagement/targetedManagedAppConfigurations"),
			Read:   Read{Children: []Child{{Name: "settings", Path: "settings"}}},
			Source: "IM 452-466; CSDL: in the list of all app policies too",
			noise:  []string{"settings.id"},
			sets:   []string{"customSettings", "settings"},
		}, targetApps("appGroupType")),
	}
}

// appConfigurationTypes returns the settings of apps on managed devices.
func appConfigurationTypes() []Type {
	return []Type{{
		Key: "mobileAppConfiguration", Title: "App configuration for managed devices", Category: Apps,
		OData:  []string{"iosMobileAppConfiguration", "androidManagedStoreAppConfiguration", "androidForWorkMobileAppConfiguration"},
		Name:   "displayName",
		Lists:  at("/deviceAppManagement/mobileAppConfigurations"),
		Read:   Read{ByID: true},
		Assign: replaced(204),
		Write: Write{
			Shape: WritePatch, Support: Restorable, Create: 201, Update: 204,
			Immutable: []string{"targetedMobileApps"},
		},
		Bucket: BucketApplications, Permissions: access(appsArea), Order: 100,
		Source: "IM 469-480, 703-715; CD backup and update AppConfiguration; CD#257",
		sets:   []string{"targetedMobileApps", "permissionActions", "settings"},
		links:  []link{to("mobileApp", "targetedMobileApps")},
	}}
}
