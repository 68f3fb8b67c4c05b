package contract

// enrollmentConfigurations is the list that three types share.
func enrollmentConfigurations() []List { return at("/deviceManagement/deviceEnrollmentConfigurations") }

// enrollmentTypes returns what decides how devices get in, by one list.
func enrollmentTypes() []Type {
	all := []Type{
		{
			Key: "enrollmentStatusPage", Title: "Enrolment status pages", Platform: Windows,
			OData:  []string{"windows10EnrollmentCompletionPageConfiguration"},
			Source: "IM 293-312; CD EnrollmentStatusPage: the default has priority 0 and can only be changed",
			sets:   []string{"selectedMobileAppIds"},
			links:  []link{to("mobileApp", "selectedMobileAppIds")},
		},
		{
			Key: "enrollmentRestriction", Title: "Enrolment restrictions, Windows Hello, enrolment notifications, Windows restore", General: true,
			OData: []string{
				"deviceEnrollmentPlatformRestrictionConfiguration", "deviceEnrollmentPlatformRestrictionsConfiguration",
				"deviceEnrollmentLimitConfiguration", "deviceEnrollmentWindowsHelloForBusinessConfiguration",
				"deviceEnrollmentNotificationConfiguration", "windowsRestoreDeviceEnrollmentConfiguration",
			},
			Write: Write{
				Strip:     []string{"windowsMobileRestriction"},
				Immutable: []string{"platformType"},
			},
			Source: "IM 316-334; CD update EnrollmentConfigurations; IBR#94: priorities collide unless they are set in order",
			noise:  []string{"windowsMobileRestriction"},
			sets:   []string{"notificationTemplates"},
			links: []link{
				// "Email_<id>" and "Push_<id>".
				{path: "notificationTemplates", target: "notificationMessageTemplate", cut: "_"},
				to("notificationMessageTemplate", "notificationMessageTemplateId"),
			},
		},
		{
			Key: "comanagementSettings", Title: "Co-management authority", Platform: Windows,
			OData:  []string{"deviceComanagementAuthorityConfiguration"},
			Source: "IM 339-349: the command line has secrets of the tenant's Configuration Manager",
		},
	}
	for i := range all {
		t := &all[i]
		t.Category = Enrollment
		t.Name = "displayName"
		t.Provided = []Match{{"priority", "0"}}
		t.Lists = enrollmentConfigurations()
		t.Read.ByID = true
		t.Assign = named("enrollmentConfigurationAssignments", 204)
		t.Write.Shape, t.Write.Support, t.Write.Create, t.Write.Update = WritePatch, Restorable, 201, 200
		t.Write.Provided = PartContent
		t.Write.Strip, t.Write.Serial = append(t.Write.Strip, "priority"), "priority"
		t.Write.Immutable = append(t.Write.Immutable, "deviceEnrollmentConfigurationType")
		t.Write.Actions = []Action{{Method: "POST", Path: "setPriority", Body: "priority", From: "priority", Status: 204}}
		t.Bucket, t.Order = BucketEnrollment, 120
		t.Permissions = access(serviceArea)
	}
	return all
}

// deviceEnrollmentTypes returns the profiles of the vendors' own programs.
func deviceEnrollmentTypes() []Type {
	return []Type{
		{
			Key: "autopilotProfile", Title: "Windows Autopilot profiles", Category: Enrollment, Platform: Windows,
			OData: []string{"azureADWindowsAutopilotDeploymentProfile", "activeDirectoryWindowsAutopilotDeploymentProfile"},
			Name:  "displayName",
			Lists: at("/deviceManagement/windowsAutopilotDeploymentProfiles"),
			Read: Read{Children: []Child{{
				Name: "domainJoinConfiguration", Path: "{type}/domainJoinConfiguration", Query: "$select=id,displayName",
				Single: true, OData: []string{"activeDirectoryWindowsAutopilotDeploymentProfile"},
			}}},
			// /assign exists and takes devices.
			Assign: oneByOne(),
			Write: Write{
				Shape: WritePatch, Support: Restorable, Create: 201, Update: 200,
				Strip:     append(autopilotTwins(), "domainJoinConfiguration"),
				Immutable: []string{"managementServiceAppId"},
			},
			Bucket: BucketEnrollment, Permissions: access(serviceArea), Order: 130,
			Source: "IM 516-525; TF windows_autopilot_deployment_profile; CSDL assign(deviceIds); M365DSC#3892: not every character is allowed in a name",
			noise:  []string{"domainJoinConfiguration.displayName"},
			links:  []link{{path: "domainJoinConfiguration.id", target: "deviceConfiguration", name: "displayName"}},
		},
		{
			Key: "depEnrollmentProfile", Title: "Apple automated enrolment profiles", Category: Enrollment,
			OData: []string{
				"depIOSEnrollmentProfile", "depMacOSEnrollmentProfile", "depTvOSEnrollmentProfile",
				"depVisionOSEnrollmentProfile", "depEnrollmentProfile",
			},
			Name: "displayName",
			Lists: []List{{
				Path:   "/deviceManagement/depOnboardingSettings/{parent}/enrollmentProfiles",
				Parent: "/deviceManagement/depOnboardingSettings",
			}},
			Read: Read{ByID: true},
			Write: Write{
				Shape: WritePatch, Support: Restorable, Create: 201, Update: 204,
				Strip: []string{"isDefault", "configurationEndpointUrl"},
				Actions: []Action{{
					Method: "POST", Path: "setDefaultProfile", When: "isDefault", Status: 204,
				}},
			},
			Bucket: BucketDeviceEnrollment, Permissions: access(serviceArea), Order: 120,
			Source: "CD AppleEnrollmentProfile; TF macos_dep_enrollment_profile; IM 781-795: assigned to devices, not to groups",
			noise:  []string{"configurationEndpointUrl"},
			sets:   []string{"enabledSkipKeys", "enrollmentTimeAzureAdGroupIds"},
			links: []link{
				to("vppToken", "companyPortalVppTokenId"),
				to(TargetGroup, "enrollmentTimeAzureAdGroupIds"),
			},
		},
		{
			Key: "appleUserInitiatedEnrollmentProfile", Title: "Apple user-initiated enrolment", Category: Enrollment,
			OData:  []string{"appleUserInitiatedEnrollmentProfile"},
			Name:   "displayName",
			Lists:  at("/deviceManagement/appleUserInitiatedEnrollmentProfiles"),
			Assign: oneByOne(),
			Write: Write{
				Shape: WritePatch, Support: Restorable, Create: 201, Update: 200,
				Strip:     []string{"priority"},
				Serial:    "priority",
				Immutable: []string{"platform"},
				Actions:   []Action{{Method: "POST", Path: "setPriority", Body: "priority", From: "priority", Status: 204}},
			},
			Bucket: BucketDeviceEnrollment, Permissions: access(serviceArea), Order: 120,
			Source: "IM 719-725; TF apple_user_initiated_enrollment_profile_assignment",
		},
		{
			Key: "androidDeviceOwnerEnrollmentProfile", Title: "Android Enterprise enrolment profiles", Category: Enrollment,
			Platform: Android,
			OData:    []string{"androidDeviceOwnerEnrollmentProfile"},
			Name:     "displayName",
			Lists:    at("/deviceManagement/androidDeviceOwnerEnrollmentProfiles"),
			Read:     Read{ByID: true},
			Write: patched(201, 200, "accountId", "tokenValue", "tokenCreationDateTime", "tokenExpirationDateTime", "qrCodeContent",
				"qrCodeImage", "enrolledDeviceCount", "enrollmentTokenUsageCount"),
			Bucket: BucketAndroidForWork, Order: 120,
			Permissions: Permissions{
				Read:  []string{"DeviceManagementConfiguration.Read.All", "DeviceManagementServiceConfig.Read.All"},
				Write: []string{"DeviceManagementConfiguration.ReadWrite.All", "DeviceManagementServiceConfig.ReadWrite.All"},
			},
			Source: "DOC androidforwork-androiddeviceownerenrollmentprofile",
			noise:  []string{"accountId", "tokenCreationDateTime", "tokenExpirationDateTime", "enrolledDeviceCount", "enrollmentTokenUsageCount"},
		},
	}
}

// autopilotTwins are the older names of properties that a profile has under
// newer ones too. A request may hold one of each pair.
func autopilotTwins() []string {
	return []string{"enableWhiteGlove", "extractHardwareHash", "language", "outOfBoxExperienceSettings"}
}
