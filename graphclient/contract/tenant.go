package contract

// tenantTypes returns what concerns the tenant as a whole.
func tenantTypes() []Type {
	return []Type{
		{
			Key: "deviceManagementSettings", Title: "Tenant-wide compliance settings", Category: Tenant,
			OData: []string{"deviceManagementSettings"},
			Lists: []List{{Path: "/deviceManagement/settings", Singleton: true}},
			Write: Write{
				Shape: WriteSingleton, Support: Restorable, Update: 204,
				Path: "/deviceManagement", Body: "settings",
			},
			Bucket: BucketDeviceConfiguration, Order: 110,
			Permissions: Permissions{
				Read:  []string{"DeviceManagementConfiguration.Read.All", "DeviceManagementServiceConfig.Read.All"},
				Write: []string{"DeviceManagementConfiguration.ReadWrite.All", "DeviceManagementServiceConfig.ReadWrite.All"},
			},
			Source: "CD DeviceManagementSettings",
		},
		{
			Key: "termsAndConditions", Title: "Terms and conditions", Category: Tenant,
			OData:  []string{"termsAndConditions"},
			Name:   "displayName",
			Lists:  at("/deviceManagement/termsAndConditions"),
			Assign: oneByOne(),
			Write:  patched(201, 200), // a higher version would ask every user again; the generic list has it
			Bucket: BucketCompanyTerms, Permissions: access(serviceArea), Order: 120,
			Source: "IM 417-427; TF terms_and_conditions: assignments cannot be expanded in the list",
		},
		{
			Key: "intuneBrandingProfile", Title: "Company portal branding", Category: Tenant,
			OData:    []string{"intuneBrandingProfile"},
			Name:     "profileName",
			Provided: []Match{{"isDefaultProfile", "true"}},
			Lists:    at("/deviceManagement/intuneBrandingProfiles"),
			Read:     Read{ByID: true}, // the list has no images
			Assign:   replaced(204),
			Write: Write{
				Shape: WriteTwoStep, Support: Restorable, Create: 201, Update: 200, Provided: PartContent,
				Strip: []string{"isDefaultProfile"}, Immutable: []string{"disableClientTelemetry"},
			},
			Bucket: BucketWIP, Permissions: access(appsArea), Order: 120,
			Source: "IM 246-262",
			noise:  []string{"isDefaultProfile"},
		},
		{
			Key: "managedDeviceCleanupRule", Title: "Device clean-up rules", Category: Tenant,
			OData:  []string{"managedDeviceCleanupRule"},
			Name:   "displayName",
			Single: "deviceCleanupRulePlatformType",
			Lists:  at("/deviceManagement/managedDeviceCleanupRules"),
			Write:  patched(201, 200),
			Bucket: BucketDevices, Permissions: access(configurationArea), Order: 110,
			Source: "TF managed_device_cleanup_rule: a second rule for a platform is a 500",
		},
		{
			Key: "officeClientConfiguration", Title: "Office cloud policies", Category: Configuration,
			OData:  []string{"windowsOfficeClientConfiguration"},
			Name:   "displayName",
			Lists:  at("/officeConfiguration/clientConfigurations"),
			Read:   Read{ByID: true},
			Assign: named("officeConfigurationAssignments", 200),
			Write:  seen("the type is gone from the service's metadata"),
			Bucket: BucketOther, Order: 120,
			Permissions: access("OfficeConfig"), // a guess: no page names it
			Source:      "DOC cirrus-officeclientconfiguration-assign",
			noise:       []string{"checkinStatuses"},
		},
		{
			Key: "cloudPcProvisioningPolicy", Title: "Windows 365 provisioning policies and user settings", Category: Configuration,
			Platform: Windows,
			OData:    []string{"cloudPcProvisioningPolicy", "cloudPcUserSetting"},
			Name:     "displayName",
			Lists: []List{
				{Path: "/deviceManagement/virtualEndpoint/provisioningPolicies", Query: "$expand=assignments"},
				{Path: "/deviceManagement/virtualEndpoint/userSettings", Query: "$expand=assignments"},
			},
			Read:   Read{ByID: true},
			Assign: Assign{Read: AssignedInList, Shape: AssignReplace, Body: "assignments"},
			Write: Write{
				Shape: WritePatch, Support: PreviewOnly,
				Reason: "it refers to Azure images and networks that Graph cannot map",
				Strip:  []string{"alternateResourceUrl", "gracePeriodInHours"},
			},
			Bucket: BucketCloudPC, Permissions: access("CloudPC"), Order: 120,
			Source: "IM 838-856",
			noise:  []string{"alternateResourceUrl", "gracePeriodInHours"},
		},
	}
}

// connectorTypes returns what ties the tenant to other services.
func connectorTypes() []Type {
	return []Type{
		{
			Key: "vppToken", Title: "Apple VPP tokens", Category: Apps, Platform: IOS,
			OData:  []string{"vppToken"},
			Name:   "displayName",
			Lists:  at("/deviceAppManagement/vppTokens"),
			Write:  seen("the token itself is a secret that Graph does not return"),
			Bucket: BucketEnrollment, Permissions: access(serviceArea),
			Source: "CD backup VolumePurchaseProgram: what apps and profiles are mapped to",
			noise:  []string{"state", "lastSyncDateTime", "lastSyncStatus", "tokenActionResults"},
			live:   []string{"token"},
		},
		{
			Key: "connectors", Title: "Connectors and partners", Category: Tenant,
			OData: []string{
				"applePushNotificationCertificate", "mobileThreatDefenseConnector", "complianceManagementPartner",
				"remoteAssistancePartner", "deviceManagementPartner", "ndesConnector",
				"androidManagedStoreAccountEnterpriseSettings",
			},
			Name: "displayName",
			Lists: []List{
				{Path: "/deviceManagement/applePushNotificationCertificate", Singleton: true, Name: "appleIdentifier", Bucket: BucketDevices},
				{Path: "/deviceManagement/mobileThreatDefenseConnectors", Name: "partnerDisplayName", Bucket: BucketPartnerIntegration},
				{Path: "/deviceManagement/complianceManagementPartners", Bucket: BucketPartnerIntegration},
				{Path: "/deviceManagement/remoteAssistancePartners", Bucket: BucketPartnerIntegration},
				{Path: "/deviceManagement/deviceManagementPartners", Bucket: BucketPartnerIntegration},
				{Path: "/deviceManagement/ndesConnectors"},
				{
					Path:      "/deviceManagement/androidManagedStoreAccountEnterpriseSettings",
					Singleton: true, Name: "ownerUserPrincipalName", Bucket: BucketAndroidForWork,
				},
			},
			Write:  seen("a connection is set up on both sides; it is watched for expiry and state"),
			Bucket: BucketEnrollment, Permissions: access(serviceArea),
			Source: "CD APNs, CompliancePartner, ManagementPartner, RemoteAssistancePartner, ManagedGooglePlay",
			noise: []string{
				"lastHeartbeatDateTime", "lastConnectionDateTime", "lastAppSyncDateTime", "lastAppSyncStatus",
				"certificate", "healthChecks",
			},
			sets:  []string{"targetGroupIds", "managedGooglePlayInitialScopeTagIds"},
			links: []link{to(TargetGroup, "targetGroupIds")},
		},
	}
}
