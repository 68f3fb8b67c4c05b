package contract

// foundations returns the types that others depend on by design.
func foundations() []Type {
	return []Type{
		{
			Key: "roleScopeTag", Title: "Scope tags", Category: RBAC, Foundation: true,
			OData:    []string{"roleScopeTag"},
			Name:     "displayName",
			Provided: []Match{{"isBuiltIn", "true"}},
			Lists:    at("/deviceManagement/roleScopeTags"),
			Assign:   replaced(200),
			Write:    patched(200, 200, "isBuiltIn"),
			Bucket:   BucketRBAC, Permissions: access(rbacArea), Order: 10,
			Source: "IM 669-680; CD backup and update ScopeTags; DOC rbac-rolescopetag-assign; IM#401, CD#177: ids are small numbers of this tenant",
			noise:  []string{"isBuiltIn"},
		},
		{
			Key: "assignmentFilter", Title: "Assignment filters", Category: Tenant, Foundation: true,
			OData: []string{"deviceAndAppManagementAssignmentFilter", "payloadCompatibleAssignmentFilter"},
			plain: true, // nearly all are the first
			Name:  "displayName",
			Lists: at("/deviceManagement/assignmentFilters"),
			Write: Write{
				Shape: WritePatch, Support: Restorable, Create: 201, Update: 200,
				Strip: []string{"payloads"}, Immutable: []string{"platform"},
			},
			Bucket: BucketPolicySet, Permissions: access(configurationArea), Order: 15,
			Source: "IM 729-739; CD update Filters; CSDL validateFilter; IM#373: cannot be deleted while referenced",
			noise:  []string{"payloads"},
		},
		{
			Key: "roleDefinition", Title: "Intune role definitions", Category: RBAC, Foundation: true,
			OData:    []string{"deviceAndAppManagementRoleDefinition"},
			Name:     "displayName",
			Provided: []Match{{"isBuiltIn", "true"}, {"isBuiltInRoleDefinition", "true"}},
			Lists:    at("/deviceManagement/roleDefinitions"),
			Read:     Read{ByID: true},
			Write: patched(200, 200, "isBuiltInRoleDefinition", "isBuiltIn", "roleAssignments",
				"permissions", "rolePermissions.actions"),
			Bucket: BucketRBAC, Permissions: access(rbacArea), Order: 20,
			Source: "IM 650-665; CD backup and update Roles: permissions doubles rolePermissions",
			noise:  []string{"isBuiltInRoleDefinition", "isBuiltIn", "roleAssignments", "permissions", "rolePermissions.actions"},
			sets: []string{
				"rolePermissions.resourceActions.allowedResourceActions",
				"rolePermissions.resourceActions.notAllowedResourceActions",
			},
		},
		{
			Key: "notificationMessageTemplate", Title: "Notification templates", Category: Compliance, Foundation: true,
			OData: []string{"notificationMessageTemplate"},
			Name:  "displayName",
			// What enrolment notifications use inside; it cannot be written.
			Provided: []Match{{"displayName", "EnrollmentNotificationInternalMEO"}},
			Lists: []List{{
				Path:  "/deviceManagement/notificationMessageTemplates",
				Query: "$expand=localizedNotificationMessages",
			}},
			Write: Write{
				Shape: WriteShell, Support: Restorable, Create: 200, Update: 200,
				Strip: []string{"defaultLocale", "localizedNotificationMessages", "description"},
				Actions: []Action{{
					Method: "POST", Path: "localizedNotificationMessages",
					From: "localizedNotificationMessages", Each: true, Match: "locale", Status: 201,
				}},
			},
			Bucket: BucketNotifications, Permissions: access(serviceArea), Order: 40,
			Source: "IM 683-696; CD update NotificationTemplate; IBR#94: exactly one message is the default",
			noise:  []string{"localizedNotificationMessages.id", "localizedNotificationMessages.lastModifiedDateTime"},
			sets:   []string{"localizedNotificationMessages"},
		},
		{
			Key: "deviceCategory", Title: "Device categories", Category: Enrollment, Foundation: true,
			OData:  []string{"deviceCategory"},
			Name:   "displayName",
			Lists:  at("/deviceManagement/deviceCategories"),
			Write:  patched(201, 200),
			Bucket: BucketEnrollment, Order: 55,
			Permissions: Permissions{
				Read:  []string{"DeviceManagementConfiguration.Read.All", "DeviceManagementManagedDevices.Read.All"},
				Write: []string{"DeviceManagementConfiguration.ReadWrite.All", "DeviceManagementManagedDevices.ReadWrite.All"},
			},
			Source: "IM 871-875; CD update DeviceCategories",
		},
		{
			Key: "mobileAppCategory", Title: "App categories", Category: Apps, Foundation: true,
			OData:  []string{"mobileAppCategory"},
			Name:   "displayName",
			Lists:  at("/deviceAppManagement/mobileAppCategories"),
			Write:  patched(201, 200),
			Bucket: BucketApplications, Permissions: access(appsArea), Order: 55,
			Source: "TF application_category; CSDL mobileApp.categories: every tenant has built-in ones, which nothing marks",
		},
		{
			Key: "managementCondition", Title: "Locations (network fencing)", Category: Compliance, Foundation: true,
			OData:  []string{"managementCondition"},
			Name:   "displayName",
			Lists:  at("/deviceManagement/managementConditions"),
			Write:  seen("Microsoft has retired locations; the type is gone from the service's metadata"),
			Bucket: BucketFencing, Permissions: access(configurationArea), Order: 30,
			Source: "IM 590-597",
		},
	}
}
