package graphtest

import (
	"encoding/base64"
	"fmt"
)

// foundations makes what other objects refer to: tags, filters, roles,
// categories, notification templates.
func (d *demo) foundations() {
	d.add("deviceManagement/roleScopeTags", props{"id": "0", "displayName": "Default", "isBuiltIn": true, "permissions": []string{}})
	for i, place := range places[:4] {
		id := fmt.Sprint(i + 1)
		d.tags = append(d.tags, id)
		d.add("deviceManagement/roleScopeTags", props{"id": id, "displayName": place, "description": "Devices in " + place, "isBuiltIn": false, "assignments": d.toGroups()})
	}
	for i, rule := range []string{
		`(device.deviceOwnership -eq "Corporate")`, `(device.model -startsWith "Virtual")`, `(device.osVersion -startsWith "10.0.2")`, `(device.manufacturer -eq "Acme 'Labs'")`,
	} {
		d.filters = append(d.filters, d.policy("deviceManagement/assignmentFilters", fmt.Sprintf("Filter %d - %s", i+1, d.pick(teams)), props{
			"platform": "windows10AndLater", "rule": rule, "roleScopeTags": d.scope(), "roleScopeTagIds": nil, "assignmentFilterManagementType": "devices",
		}))
	}
	d.roles()
	for i, name := range []string{"Non-compliant - first notice", "Non-compliant - last notice", "EnrollmentNotificationInternalMEO"} {
		d.messages = append(d.messages, d.policy("deviceManagement/notificationMessageTemplates", name, props{
			"brandingOptions": "includeCompanyLogo,includeCompanyName", "defaultLocale": "en-us",
			"localizedNotificationMessages": []props{
				{"locale": "en-us", "subject": "Your device needs attention", "messageTemplate": fmt.Sprintf("Notice %d: please update your device.", i+1), "isDefault": true},
				{"locale": "nl-nl", "subject": "Uw apparaat vraagt aandacht", "messageTemplate": "Werk uw apparaat bij.", "isDefault": false},
			},
		}))
	}
	for _, name := range []string{"Kiosk", "Shared", "Personal"} {
		d.add("deviceManagement/deviceCategories", props{"displayName": name, "description": "", "roleScopeTagIds": []string{"0"}})
	}
	d.add("deviceManagement/managementConditions", props{"@odata.type": "#microsoft.graph.networkIPv4ConfigurationManagementCondition", "displayName": "Head office", "uniqueName": "HeadOffice", "ipV4Prefix": "192.0.2.0/24"})
	d.policy("deviceManagement/managedDeviceCleanupRules", "Clean up after 90 days", props{"deviceCleanupRulePlatformType": "all", "deviceInactivityBeforeRetirementInDays": 90})
	d.policy("deviceManagement/operationApprovalPolicies", "Two people for scripts", props{"policyType": "script", "policyPlatform": "notApplicable", "approverGroupIds": []string{d.pick(d.groups)}})
	d.add("deviceManagement/settings", props{"id": "settings", "secureByDefault": true, "deviceComplianceCheckinThresholdDays": 30, "isScheduledActionEnabled": true})
	for i := range 3 * d.size {
		d.add("deviceManagement/auditEvents", props{
			"displayName": "Patch DeviceManagementConfigurationPolicy", "activityDateTime": d.now.AddDate(0, 0, -i).Format("2006-01-02T15:04:05.0000000Z"),
			"activityType": "Patch DeviceManagementConfigurationPolicy", "category": "DeviceConfiguration", "componentName": "DeviceConfiguration",
		})
	}
}

func (d *demo) roles() {
	d.add("deviceManagement/roleDefinitions", props{"@odata.type": "#microsoft.graph.deviceAndAppManagementRoleDefinition", "displayName": "Help Desk Operator", "isBuiltIn": true, "isBuiltInRoleDefinition": true, "rolePermissions": []props{}})
	for _, team := range teams[:2] {
		actions := []string{"Microsoft.Intune_DeviceConfigurations_Read", "Microsoft.Intune_ManagedDevices_Read"}
		role := d.add("deviceManagement/roleDefinitions", props{
			"@odata.type": "#microsoft.graph.deviceAndAppManagementRoleDefinition", "displayName": team + " reader", "description": "Reads the devices of " + team,
			"isBuiltIn": false, "isBuiltInRoleDefinition": false, "roleScopeTagIds": []string{"0"},
			"rolePermissions": []props{{"actions": actions, "resourceActions": []props{{"allowedResourceActions": actions, "notAllowedResourceActions": []string{}}}}},
		})
		d.add("deviceManagement/roleAssignments", props{
			"displayName": team + " readers", "description": "", "scopeType": "resourceScope",
			"members": []string{d.pick(d.groups)}, "resourceScopes": []string{d.pick(d.groups)}, "scopeMembers": []string{},
			"roleDefinition": props{"@odata.type": "#microsoft.graph.deviceAndAppManagementRoleDefinition", "id": role, "displayName": team + " reader"},
			"roleScopeTags":  []props{{"id": "1", "displayName": places[0]}},
		})
	}
}

// script is base64 as the service stores it; every third has a byte order
// mark and CRLF.
func (d *demo) script(body string) string {
	if d.rng.IntN(3) == 0 {
		body = "\ufeff" + body + "\r\n"
	}
	return base64.StdEncoding.EncodeToString([]byte(body))
}

func (d *demo) scripts() {
	for i := range 2 * d.size {
		d.policy("deviceManagement/deviceManagementScripts", fmt.Sprintf("Map drives %d", i+1), props{
			"scriptContent": d.script(fmt.Sprintf("New-PSDrive -Name H%d -PSProvider FileSystem -Root \\\\files\\home", i)), "fileName": "drives.ps1",
			"runAsAccount": "user", "enforceSignatureCheck": false, "runAs32Bit": false, "assignments": d.assign(),
		})
		d.policy("deviceManagement/deviceHealthScripts", fmt.Sprintf("Repair print queue %d", i+1), props{
			"detectionScriptContent": d.script("if (Get-Service Spooler) { exit 1 }"), "remediationScriptContent": d.script("Restart-Service Spooler"),
			"publisher": "Workplace", "version": "1", "runAsAccount": "system", "isGlobalScript": i == 0, "highestAvailableVersion": nil,
			"assignments": []props{{"runRemediationScript": true, "runSchedule": props{"@odata.type": "#microsoft.graph.deviceHealthScriptDailySchedule", "interval": 1, "time": "09:00:00"}, "target": d.target("groupAssignmentTarget", true)["target"]}},
		})
	}
	d.policy("deviceManagement/deviceShellScripts", "Set host name", props{
		"scriptContent": d.script("#!/bin/sh\nscutil --set HostName mac"), "fileName": "hostname.sh", "runAsAccount": "system",
		"executionFrequency": "PT0S", "retryCount": 3, "blockExecutionNotifications": true, "assignments": d.assign(),
	})
	d.policy("deviceManagement/deviceCustomAttributeShellScripts", "Battery cycles", props{
		"scriptContent": d.script("#!/bin/sh\nsystem_profiler SPPowerDataType"), "fileName": "battery.sh", "runAsAccount": "system",
		"customAttributeName": "batteryCycles", "customAttributeType": "integer", "assignments": d.assign(),
	})
	d.checks = append(d.checks, d.policy("deviceManagement/deviceComplianceScripts", "Firmware is current", props{
		"detectionScriptContent": d.script("@{ Firmware = 7 } | ConvertTo-Json"), "publisher": "Workplace", "version": "1", "runAsAccount": "system",
	}))
}

// connectors makes what an inventory shows and nobody restores.
func (d *demo) connectors() {
	d.add("deviceManagement/applePushNotificationCertificate", props{"appleIdentifier": "apns@northwind-harbour.example", "topicIdentifier": "com.apple.mgmt.External.demo", "expirationDateTime": d.now.AddDate(0, 7, 0).Format("2006-01-02T15:04:05Z"), "certificateUploadStatus": nil})
	d.add("deviceManagement/androidManagedStoreAccountEnterpriseSettings", props{"id": "androidManagedStoreAccountEnterpriseSettings", "bindStatus": "boundAndValidated", "ownerUserPrincipalName": "play@northwind-harbour.example", "ownerOrganizationName": "Northwind Harbour"})
	d.add("deviceManagement/mobileThreatDefenseConnectors", props{"androidEnabled": true, "iosEnabled": true, "partnerState": "enabled", "lastHeartbeatDateTime": d.day()})
	d.add("deviceManagement/complianceManagementPartners", props{"displayName": "Mac partner", "partnerState": "enabled", "macOsOnboarded": true, "lastHeartbeatDateTime": d.day()})
	d.add("deviceManagement/remoteAssistancePartners", props{"displayName": "Remote help", "onboardingStatus": "onboarded", "lastConnectionDateTime": d.day()})
	d.add("deviceManagement/deviceManagementPartners", props{"displayName": "Asset register", "partnerState": "enabled", "isConfigured": true, "partnerAppType": "multiTenantApp"})
	d.add("deviceManagement/ndesConnectors", props{"displayName": "ndes01", "state": "active", "lastConnectionDateTime": d.day(), "machineName": "ndes01"})
	d.add("deviceAppManagement/vppTokens", props{"displayName": "Apple business", "organizationName": "Northwind Harbour", "appleId": "vpp@northwind-harbour.example", "state": "valid", "token": "vpp-secret", "expirationDateTime": d.now.AddDate(0, 5, 0).Format("2006-01-02T15:04:05Z")})
}
