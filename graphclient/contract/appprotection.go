package contract

// appProtectionTypes returns the policies that protect data in apps.
func appProtectionTypes() []Type {
	protection := func(t Type, apps Action) Type {
		t.Category = AppProtection
		t.Name = "displayName"
		t.Read = Read{ByID: true, Query: "$expand=apps,assignments"}
		t.Assign = Assign{Read: AssignedAtPath, Shape: AssignReplace, Body: "assignments", Status: 204, GroupsOnly: true}
		t.Write = Write{
			Shape: WritePatch, Support: Restorable, Create: 201, Update: 200,
			Strip:    []string{"deployedAppCount", "apps", "deploymentSummary"},
			Actions:  []Action{apps},
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
	// The request has a second property, appGroupType, except for Windows.
	target := Action{Method: "POST", Path: "targetApps", Body: "apps", From: "apps", With: []string{"appGroupType"}, Status: 204}
	windowsTarget := target
	windowsTarget.With = nil
	return []Type{
		protection(Type{
			Key: "iosManagedAppProtection", Title: "App protection for iOS", Platform: IOS,
			OData: []string{"iosManagedAppProtection"},
			// The list of all app policies would be one request less, but
			// refuses $expand and every write.
			Lists:  at("/deviceAppManagement/iosManagedAppProtections"),
			Source: "IM 430-447; CD update AppProtection; CIPP",
			sets:   []string{"exemptedAppProtocols", "managedUniversalLinks", "exemptedUniversalLinks"},
		}, target),
		protection(Type{
			Key: "androidManagedAppProtection", Title: "App protection for Android", Platform: Android,
			OData:  []string{"androidManagedAppProtection"},
			Lists:  at("/deviceAppManagement/androidManagedAppProtections"),
			Source: "TF android_managed_app_protection; CD AppProtection",
			sets:   []string{"exemptedAppPackages", "approvedKeyboards"},
		}, target),
		protection(Type{
			Key: "windowsManagedAppProtection", Title: "App protection for Windows", Platform: Windows,
			OData:  []string{"windowsManagedAppProtection"},
			Lists:  at("/deviceAppManagement/windowsManagedAppProtections"),
			Source: "TF windows_managed_app_protection; CSDL targetApps",
		}, windowsTarget),
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
		func() Type {
			t := protection(Type{
				Key: "targetedManagedAppConfiguration", Title: "App configuration for managed apps",
				OData: []string{"targetedManagedAppConfiguration"},
				// It is in the list of all app policies too.
				Lists:  at("/deviceAppManagement/targetedManagedAppConfigurations"),
				Source: "IM 452-466; CSDL",
				noise:  []string{"settings.id"},
				sets:   []string{"customSettings", "settings"},
			}, target)
			t.Category = Apps
			t.Read.Children = []Child{{Name: "settings", Path: "settings"}}
			return t
		}(),
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
