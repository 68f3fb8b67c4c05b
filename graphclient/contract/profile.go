package contract

// deviceConfigurations is the list that six types share. It is never filtered.
func deviceConfigurations() []List {
	return []List{{Path: "/deviceManagement/deviceConfigurations", Query: "$expand=assignments"}}
}

// profile returns the rest of a type of that list.
func profile(t Type) Type {
	t.Category = Configuration
	t.Name = "displayName"
	t.Lists = deviceConfigurations()
	t.Read.ByID = true
	t.Assign = Assign{Read: AssignedInList, Shape: AssignReplace, Body: "assignments", Status: 200}
	t.Bucket = BucketDeviceConfiguration
	t.Permissions = access(configurationArea)
	t.Write.Support, t.Write.Create, t.Write.Update = Restorable, 201, 204
	t.Write.Strip = append(t.Write.Strip, "privacyAccessControls")
	return t
}

// profileTypes returns the configuration profiles that need no certificate.
func profileTypes() []Type {
	all := []Type{
		{
			Key: "deviceConfiguration", Title: "Device configuration profiles", General: true,
			OData: []string{"*"},
			Read: Read{Children: []Child{{
				Name: "privacyAccessControls", Path: "{type}/privacyAccessControls",
				OData: []string{"windows10GeneralConfiguration"},
			}}},
			Write: Write{
				Shape: WritePatch,
				Actions: []Action{{
					Method: "POST", Path: "windowsPrivacyAccessControls", Body: "windowsPrivacyAccessControls",
					From: "privacyAccessControls", Status: 204,
				}},
			},
			Order:  100,
			Source: "IM 132-140; CD update DeviceConfigurations; IBR#25, #26; CIPP#2541",
			noise:  []string{"privacyAccessControls.id"},
			sets:   []string{"privacyAccessControls"},
		},
		{
			Key: "customConfiguration", Title: "Custom profiles (OMA-URI and Apple payloads)",
			OData: []string{"*CustomConfiguration"},
			Read:  Read{Reveal: "getOmaSettingPlainTextValue(secretReferenceValueId='{secret}')"},
			Write: Write{
				Shape: WritePatch,
				Strip: []string{"omaSettings.isEncrypted", "omaSettings.secretReferenceValueId"},
			},
			Order:  100,
			Source: "CD backup DeviceConfigurations; IM#29, #263; CIPP#5410; M365DSC#4412, #6846: secrets read as a mask, in clear only with permission to write",
			noise:  []string{"omaSettings.isEncrypted", "omaSettings.secretReferenceValueId"},
		},
	}
	all[0].withNavigations() // some features need a certificate
	for i := range all {
		all[i] = profile(all[i])
	}
	return all
}

// updateTypes returns what governs the updates of operating systems.
func updateTypes() []Type {
	ring := profile(Type{
		Key: "updateRing", Title: "Windows update rings, iOS and macOS update policies",
		OData: []string{"windowsUpdateForBusinessConfiguration", "iosUpdateConfiguration", "macOSSoftwareUpdateConfiguration"},
		Write: Write{Shape: WritePatch, Strip: pauses()},
		Order: 100,
		// Pauses and rollbacks are operations, not configuration.
		noise:  pauses(),
		Source: "IM 546-555; CIPP compare exclusions",
	})
	ring.Category = Updates
	return []Type{
		ring,
		updateProfile(Type{
			Key: "windowsFeatureUpdateProfile", Title: "Feature updates",
			OData:  []string{"windowsFeatureUpdateProfile"},
			Lists:  at("/deviceManagement/windowsFeatureUpdateProfiles"),
			Assign: replaced(204),
			Write:  patched(201, 200, "deployableContentDisplayName", "endOfSupportDate"),
			Source: "IM 558-565; CD WindowsFeatureUpdates: the version may have left the catalogue, past dates are refused",
			noise:  []string{"deployableContentDisplayName", "endOfSupportDate"},
		}),
		updateProfile(Type{
			Key: "windowsQualityUpdateProfile", Title: "Expedited quality updates",
			OData:  []string{"windowsQualityUpdateProfile"},
			Lists:  at("/deviceManagement/windowsQualityUpdateProfiles"),
			Assign: replaced(204),
			Write:  patched(201, 200, "releaseDateDisplayName", "deployableContentDisplayName"),
			Source: "IM 569-577; CD WindowsQualityUpdates",
			noise:  []string{"releaseDateDisplayName", "deployableContentDisplayName"},
		}),
		updateProfile(Type{
			Key: "windowsQualityUpdatePolicy", Title: "Quality update policies (hotpatch)",
			OData:  []string{"windowsQualityUpdatePolicy"},
			Lists:  at("/deviceManagement/windowsQualityUpdatePolicies"),
			Assign: replaced(0),
			Write:  patched(201, 200),
			Source: "TF windows_quality_update_policy",
		}),
		updateProfile(Type{
			Key: "windowsDriverUpdateProfile", Title: "Driver updates",
			OData:  []string{"windowsDriverUpdateProfile"},
			Lists:  at("/deviceManagement/windowsDriverUpdateProfiles"),
			Read:   Read{Children: []Child{{Name: "driverInventories", Path: "driverInventories"}}},
			Assign: replaced(204),
			Write: Write{
				Shape: WritePatch, Support: Restorable, Create: 201, Update: 200,
				Strip:     []string{"inventorySyncStatus", "newUpdates", "deviceReporting", "driverInventories"},
				Immutable: []string{"approvalType"},
			},
			Source: "IM 858-863; CD WindowsDriverUpdates; TF windows_driver_update_profile",
			// Which drivers there are to approve depends on the devices.
			noise: []string{"inventorySyncStatus", "newUpdates", "deviceReporting", "driverInventories"},
		}),
	}
}

// updateProfile returns the rest of a type of the update service.
func updateProfile(t Type) Type {
	t.Category, t.Platform = Updates, Windows
	t.Name = "displayName"
	t.Bucket, t.Order = BucketUpdates, 100
	t.Permissions = access(configurationArea)
	return t
}

// pauses are the properties of an update ring that its buttons set.
func pauses() []string {
	return []string{
		"qualityUpdatesPauseStartDate", "featureUpdatesPauseStartDate",
		"qualityUpdatesPauseExpiryDateTime", "featureUpdatesPauseExpiryDateTime",
		"qualityUpdatesRollbackStartDateTime", "featureUpdatesRollbackStartDateTime",
		"qualityUpdatesWillBeRolledBack", "featureUpdatesWillBeRolledBack",
	}
}
