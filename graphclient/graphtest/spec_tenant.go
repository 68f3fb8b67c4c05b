package graphtest

func tenantSpecs() []*spec {
	return []*spec{
		{
			name: "deviceManagement/roleScopeTags", typ: "roleScopeTag", bucket: "rbac", perm: permR(),
			kids:      []*spec{assignments("roleScopeTagAutoAssignment")},
			functions: []string{"getRoleScopeTagsByResource"}, actions: []string{"assign"},
		},
		{
			name: "deviceManagement/roleDefinitions", typ: "roleDefinition", bucket: "rbac", perm: permR(),
			kids: []*spec{{name: "roleAssignments", typ: "roleAssignment", compute: assignmentsOfRole}},
		},
		{
			name: "deviceManagement/roleAssignments", typ: "deviceAndAppManagementRoleAssignment", bucket: "rbac", perm: permR(),
			kids: []*spec{
				{name: "roleDefinition", typ: "roleDefinition", flag: single},
				{name: "roleScopeTags", typ: "roleScopeTag"},
			},
		},
		{
			name: "deviceManagement/assignmentFilters", typ: "deviceAndAppManagementAssignmentFilter",
			bucket: "policy-sets", perm: permC(), actions: []string{"getSupportedProperties"},
		},
		{
			name: "deviceManagement/notificationMessageTemplates", typ: "notificationMessageTemplate",
			bucket: "notifications", perm: permV(),
			kids: []*spec{{
				name: "localizedNotificationMessages", typ: "localizedNotificationMessage",
				ids: idLocale, aliases: []string{"localizedMessages"},
			}},
			actions: []string{"sendTestMessage"},
		},
		{
			name: "deviceManagement/managementConditions", typ: "managementCondition", flag: abstract,
			bucket: "fencing", perm: permC(),
			kids: []*spec{{name: "managementConditionStatements", typ: "managementConditionStatement"}},
		},
		{
			name: "deviceManagement/managedDeviceCleanupRules", typ: "managedDeviceCleanupRule", bucket: "devices", perm: permC(),
		},
		{
			name: "deviceManagement/operationApprovalPolicies", typ: "operationApprovalPolicy", bucket: "approvals",
			perm: perm{base: "DeviceManagementConfiguration", exact: []string{"DeviceManagementRBAC.Read.All", "DeviceManagementRBAC.ReadWrite.All"}},
		},
		{
			name: "deviceManagement/operationApprovalRequests", typ: "operationApprovalRequest", bucket: "approvals",
			perm: perm{base: "DeviceManagementConfiguration", exact: []string{"DeviceManagementRBAC.Read.All", "DeviceManagementRBAC.ReadWrite.All"}},
		},
		{
			name: "deviceManagement/auditEvents", typ: "auditEvent", bucket: "auditing",
			perm: perm{base: "DeviceManagementApps", exact: []string{"DeviceManagementConfiguration.Read.All", "DeviceManagementConfiguration.ReadWrite.All"}},
		},
		{
			name: "deviceManagement/settings", typ: "deviceManagementSettings", flag: single, bucket: "device-configuration",
			perm: perm{base: "DeviceManagementConfiguration", exact: []string{"DeviceManagementServiceConfig.Read.All", "DeviceManagementServiceConfig.ReadWrite.All"}},
		},
		{
			name: "officeConfiguration/clientConfigurations", typ: "officeClientConfiguration", flag: abstract,
			bucket: "office", kids: []*spec{assignments("officeClientConfigurationAssignment")}, actions: []string{"assign"},
		},
	}
}

// connectorSpecs are the connectors and partners, good for inventory only.
func connectorSpecs() []*spec {
	list := func(path, typ, bucket string) *spec {
		return &spec{name: "deviceManagement/" + path, typ: typ, bucket: bucket, perm: permV()}
	}
	apns := list("applePushNotificationCertificate", "applePushNotificationCertificate", "devices")
	apns.flag |= single
	play := list("androidManagedStoreAccountEnterpriseSettings", "androidManagedStoreAccountEnterpriseSettings", "android-for-work")
	play.flag |= single
	return []*spec{
		apns, play,
		list("mobileThreatDefenseConnectors", "mobileThreatDefenseConnector", "partner-integration"),
		list("complianceManagementPartners", "complianceManagementPartner", "partner-integration"),
		list("remoteAssistancePartners", "remoteAssistancePartner", "partner-integration"),
		list("deviceManagementPartners", "deviceManagementPartner", "partner-integration"),
		list("ndesConnectors", "ndesConnector", "enrollment"),
		list("exchangeConnectors", "deviceManagementExchangeConnector", "partner-integration"),
		list("serviceNowConnections", "serviceNowConnection", "partner-integration"),
		list("domainJoinConnectors", "deviceManagementDomainJoinConnector", "enrollment"),
	}
}
