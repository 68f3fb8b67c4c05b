package graphtest

import (
	"encoding/base64"
	"fmt"
)

// apps makes apps of several sorts with categories, relationships and
// assignments, and their configurations.
func (d *demo) apps() {
	var categories []props
	for _, name := range []string{"Productivity", "Harbour tools"} {
		id := d.add("deviceAppManagement/mobileAppCategories", props{"displayName": name, "lastModifiedDateTime": d.day()})
		categories = append(categories, props{"id": id, "displayName": name})
	}
	app := func(typ, name string, p props) string {
		id := d.policy("deviceAppManagement/mobileApps", name, p.or(props{
			"@odata.type": graphNamespace + typ, "publisher": "Northwind Harbour", "isFeatured": false, "publishingState": "published", "isAssigned": true,
			"largeIcon": props{"type": "image/png", "value": base64.StdEncoding.EncodeToString([]byte("png"))}, "categories": categories[:1+d.rng.IntN(2)],
			"assignments": d.appAssignments(), "dependentAppCount": 0, "supersedingAppCount": 0, "supersededAppCount": 0,
		}))
		d.appIDs = append(d.appIDs, id)
		return id
	}
	runtime := app("win32LobApp", "Runtime", props{"fileName": "runtime.intunewin", "size": 1 << 20, "installCommandLine": "install.cmd", "uninstallCommandLine": "remove.cmd", "committedContentVersion": "1"})
	for i := range 3 * d.size {
		app("win32LobApp", fmt.Sprintf("Harbour tool %d", i+1), props{
			"fileName": "tool.intunewin", "size": 4 << 20, "installCommandLine": "install.cmd", "uninstallCommandLine": "remove.cmd", "committedContentVersion": "1", "dependentAppCount": 1,
			"rules":         []props{{"@odata.type": "#microsoft.graph.win32LobAppFileSystemRule", "ruleType": "detection", "path": `C:\Tools`, "fileOrFolderName": "tool.exe", "operationType": "exists"}},
			"relationships": []props{{"@odata.type": "#microsoft.graph.mobileAppDependency", "targetId": runtime, "targetDisplayName": "Runtime", "targetType": "child", "dependencyType": "autoInstall"}},
		})
		app("winGetApp", fmt.Sprintf("Store app %d", i+1), props{"packageIdentifier": fmt.Sprintf("9NBLGGH4%04d", i), "installExperience": props{"runAsAccount": "system"}})
	}
	ios := app("iosVppApp", "Notes for iPad", props{"bundleId": "example.northwind.notes", "totalLicenseCount": 50, "usedLicenseCount": 3, "vppTokenId": d.id()})
	app("webApp", "Intranet", props{"appUrl": "https://intranet.example", "useManagedBrowser": true})
	app("officeSuiteApp", "Office for Windows", props{"productIds": []string{"o365ProPlusRetail"}, "updateChannel": "monthlyEnterprise", "excludedApps": props{"groove": true, "access": false}})
	d.policy("deviceAppManagement/mobileAppConfigurations", "Notes settings", props{"@odata.type": "#microsoft.graph.iosMobileAppConfiguration", "version": 1, "targetedMobileApps": []string{ios}, "settings": []props{{"appConfigKey": "server", "appConfigKeyType": "stringType", "appConfigKeyValue": "notes.example"}}, "assignments": d.toGroups()})
	d.policy("deviceAppManagement/mobileAppConfigurations", "OEM settings", props{"@odata.type": "#microsoft.graph.androidManagedStoreAppConfiguration", "version": 1, "targetedMobileApps": []string{d.id()}, "packageId": "app:example.oem", "appSupportsOemConfig": true, "payloadJson": base64.StdEncoding.EncodeToString([]byte(`{"kind":"androidenterprise#managedConfiguration"}`)), "assignments": d.toGroups()})
	d.policy("deviceAppManagement/managedEBooks", "Safety handbook", props{"@odata.type": "#microsoft.graph.iosVppEBook", "publisher": "Harbour press", "vppTokenId": d.id(), "assignments": []props{{"@odata.type": "#microsoft.graph.iosVppEBookAssignment", "installIntent": "available", "target": d.target("groupAssignmentTarget", false)["target"]}}})
	d.policy("deviceAppManagement/iosLobAppProvisioningConfigurations", "Provisioning 2026", props{"payload": base64.StdEncoding.EncodeToString([]byte("signed profile")), "payloadFileName": "harbour.mobileprovision", "version": 1, "expirationDateTime": "2026-09-01T00:00:00Z", "assignments": d.toGroups()})
	d.policy("deviceAppManagement/wdacSupplementalPolicies", "S mode tools", props{"content": base64.StdEncoding.EncodeToString([]byte("policy")), "contentFileName": "tools.bin", "version": "1", "assignments": d.toGroups()})
}

func (d *demo) appAssignments() []props {
	list := []props{{"intent": "required", "settings": nil, "source": "direct", "target": d.target("groupAssignmentTarget", true)["target"]}}
	if d.rng.IntN(3) == 0 {
		list = append(list, props{"intent": "available", "settings": nil, "source": "policySets", "sourceId": d.id(), "target": d.target("allLicensedUsersAssignmentTarget", false)["target"]})
	}
	return list
}

// protections makes app protection and configuration policies.
func (d *demo) protections() {
	phone := func(kind, id string) props {
		if kind == "ios" {
			return props{"mobileAppIdentifier": props{"@odata.type": "#microsoft.graph.iosMobileAppIdentifier", "bundleId": id}}
		}
		return props{"mobileAppIdentifier": props{"@odata.type": "#microsoft.graph.androidMobileAppIdentifier", "packageId": id}}
	}
	for _, kind := range []string{"ios", "android"} {
		for i := range d.size {
			d.policy("deviceAppManagement/"+kind+"ManagedAppProtections", fmt.Sprintf("Protect %s %d", kind, i+1), props{
				"id": "T_" + d.id(), "version": `"1"`, "pinRequired": true, "minimumPinLength": 6, "periodOfflineBeforeAccessCheck": "PT12H", "appGroupType": "selectedPublicApps",
				"deployedAppCount": 2, "isAssigned": true, "apps": []props{phone(kind, "com.example.mail"), phone(kind, "com.example.notes")}, "assignments": d.toGroups(),
			})
		}
	}
	d.policy("deviceAppManagement/windowsManagedAppProtections", "Protect Edge", props{"id": "T_" + d.id(), "version": `"1"`, "printBlocked": true, "apps": []props{{"mobileAppIdentifier": props{"@odata.type": "#microsoft.graph.windowsAppIdentifier", "windowsAppId": "com.microsoft.edge"}}}, "assignments": d.toGroups()})
	d.policy("deviceAppManagement/targetedManagedAppConfigurations", "Mail defaults", props{"id": "A_" + d.id(), "version": `"1"`, "customSettings": []props{{"name": "signature", "value": "off"}}, "appGroupType": "selectedPublicApps", "apps": []props{phone("ios", "com.example.mail")}, "assignments": d.toGroups()})
	d.policy("deviceAppManagement/mdmWindowsInformationProtectionPolicies", "Old WIP", props{"version": `"1"`, "enforcementLevel": "encryptAndAuditOnly", "enterpriseDomain": "northwind-harbour.example", "protectedAppLockerFiles": []props{{"displayName": "Notepad", "fileHash": "ab", "file": base64.StdEncoding.EncodeToString([]byte("<AppLockerPolicy/>")), "version": "1"}}, "exemptAppLockerFiles": []props{}, "assignments": d.toGroups()})
	d.policy("deviceAppManagement/windowsInformationProtectionPolicies", "Old WIP without enrolment", props{"version": `"1"`, "enforcementLevel": "noProtection", "enterpriseDomain": "northwind-harbour.example", "assignments": d.toGroups()})
}

// sets makes policy sets out of what is there by now.
func (d *demo) sets() {
	d.policy("deviceAppManagement/policySets", "Welcome set", props{
		"status": "success", "errorCode": "noError",
		"items": []props{
			{"@odata.type": "#microsoft.graph.mobileAppPolicySetItem", "payloadId": d.appIDs[0], "itemType": "#microsoft.graph.win32LobApp", "displayName": "Runtime", "status": "success", "intent": "required"},
			{"@odata.type": "#microsoft.graph.deviceManagementConfigurationPolicyPolicySetItem", "payloadId": d.policies[0], "itemType": "#microsoft.graph.deviceManagementConfigurationPolicy", "displayName": "Policy", "status": "success"},
		},
		"assignments": d.toGroups(),
	})
}
