package graphtest

import (
	"encoding/base64"
	"fmt"
)

const (
	settingNS = "#microsoft.graph.deviceManagementConfiguration"
	csp       = "device_vendor_msft_policy_config_"
)

// catalog makes settings catalog policies, reusable settings and inventory
// policies.
func (d *demo) catalog() {
	for i := range 2 * d.size {
		d.reusable = append(d.reusable, d.policy("deviceManagement/reusablePolicySettings", fmt.Sprintf("Addresses %s %d", places[i%len(places)], i), props{
			"settingDefinitionId": "vendor_msft_firewall_mdmstore_dynamickeywords_addresses_{id}", "version": 1, "referencingConfigurationPolicyCount": 0,
			"settingInstance": d.group("vendor_msft_firewall_mdmstore_dynamickeywords_addresses_{id}", d.text("vendor_msft_firewall_mdmstore_dynamickeywords_addresses_{id}_addresses", "192.0.2.7")),
		}))
	}
	areas := []string{"defender", "browser", "update", "deviceguard", "localpoliciessecurityoptions", "power", "start"}
	for i := range 8 * d.size {
		n := 2 + d.rng.IntN(9)
		switch i {
		case 0:
			n = 61
		case 1:
			n = 130
		}
		area := areas[i%len(areas)]
		var settings []props
		for s := range n {
			settings = append(settings, props{"settingInstance": d.setting(area, s)})
		}
		name := fmt.Sprintf("Win - %s - %s", teams[i%len(teams)], area)
		if i == 5 || i == 6 {
			name = "Win - Baseline" // one name, two policies
		}
		d.policies = append(d.policies, d.catalogPolicy("deviceManagement/configurationPolicies", name, "windows10", "mdm", settings))
	}
	d.catalogPolicy("deviceManagement/configurationPolicies", "Firewall - Rules", "windows10", "mdm,microsoftSense", []props{
		{"settingInstance": d.group("vendor_msft_firewall_mdmstore_firewallrules_{firewallrulename}", d.text("vendor_msft_firewall_mdmstore_firewallrules_{firewallrulename}_remoteaddressdynamickeywords_reusablesettings", d.reusable[0]))},
		{"settingInstance": d.secret(csp+"laps_recoverypassword", "correct horse")},
	})
	d.catalogPolicy("deviceManagement/inventoryPolicies", "Device inventory - Windows", "windows10", "windowsInventory", []props{{"settingInstance": d.choice(csp+"inventory_bios", "enabled")}})
}

func (d *demo) catalogPolicy(path, name, platforms, technologies string, settings []props) string {
	created := d.day()
	assignments := d.assign()
	return d.add(path, props{
		"name": name, "description": d.pick(descriptions), "platforms": platforms, "technologies": technologies,
		"createdDateTime": created, "lastModifiedDateTime": d.after(created), "roleScopeTagIds": d.scope(), "creationSource": nil,
		"priorityMetaData": nil, "isAssigned": len(assignments) > 0, "settings": settings, "assignments": assignments,
		"templateReference": props{"templateId": "", "templateFamily": "none", "templateDisplayName": nil, "templateDisplayVersion": nil},
	})
}

// setting makes one of the shapes a setting can have.
func (d *demo) setting(area string, n int) props {
	id := fmt.Sprintf("%s%s_setting%03d", csp, area, n)
	switch d.rng.IntN(6) {
	case 0:
		return d.text(id, fmt.Sprintf("Wert %d – ☕", d.rng.IntN(1000)))
	case 1:
		return props{"@odata.type": settingNS + "SimpleSettingInstance", "settingDefinitionId": id, "settingInstanceTemplateReference": nil, "simpleSettingValue": props{"@odata.type": settingNS + "IntegerSettingValue", "settingValueTemplateReference": nil, "value": d.rng.IntN(1 << 20)}}
	case 2:
		return props{"@odata.type": settingNS + "SimpleSettingCollectionInstance", "settingDefinitionId": id, "settingInstanceTemplateReference": nil, "simpleSettingCollectionValue": []props{
			{"@odata.type": settingNS + "StringSettingValue", "settingValueTemplateReference": nil, "value": "https://intranet.example/*"},
			{"@odata.type": settingNS + "StringSettingValue", "settingValueTemplateReference": nil, "value": "https://*.northwind-harbour.example"},
		}}
	case 3:
		return d.group(id, d.choice(id+"_state", "1"), d.text(id+"_path", `C:\Program Files\Tool`))
	}
	return d.choice(id, d.pick([]string{"0", "1", "2"}), d.text(id+"_detail", d.pick(teams)))
}

func (d *demo) choice(id, value string, children ...props) props {
	if children == nil || d.rng.IntN(2) == 0 {
		children = []props{}
	}
	return props{"@odata.type": settingNS + "ChoiceSettingInstance", "settingDefinitionId": id, "settingInstanceTemplateReference": nil, "choiceSettingValue": props{"settingValueTemplateReference": nil, "value": id + "_" + value, "children": children}}
}

func (d *demo) text(id, value string) props {
	return props{"@odata.type": settingNS + "SimpleSettingInstance", "settingDefinitionId": id, "settingInstanceTemplateReference": nil, "simpleSettingValue": props{"@odata.type": settingNS + "StringSettingValue", "settingValueTemplateReference": nil, "value": value}}
}

func (d *demo) secret(id, value string) props {
	return props{"@odata.type": settingNS + "SimpleSettingInstance", "settingDefinitionId": id, "settingInstanceTemplateReference": nil, "simpleSettingValue": props{"@odata.type": settingNS + "SecretSettingValue", "settingValueTemplateReference": nil, "value": value, "valueState": "notEncrypted"}}
}

func (d *demo) group(id string, children ...props) props {
	return props{"@odata.type": settingNS + "GroupSettingCollectionInstance", "settingDefinitionId": id, "settingInstanceTemplateReference": nil, "groupSettingCollectionValue": []props{{"settingValueTemplateReference": nil, "children": children}}}
}

// profiles makes device configurations: rings, custom settings with secrets,
// certificates and the profiles that need them.
func (d *demo) profiles() {
	const path = "deviceManagement/deviceConfigurations"
	profile := func(typ, name string, p props) string {
		p["@odata.type"], p["version"], p["supportsScopeTags"], p["assignments"] = graphNamespace+typ, 1+d.rng.IntN(9), true, d.assign()
		return d.policy(path, name, p)
	}
	for i, ring := range rings {
		profile("windowsUpdateForBusinessConfiguration", "Updates - "+ring, props{
			"qualityUpdatesDeferralPeriodInDays": 3 * i, "featureUpdatesDeferralPeriodInDays": 30 * i, "automaticUpdateMode": "autoInstallAtMaintenanceTime",
			"deliveryOptimizationMode": "httpWithPeeringNat", "qualityUpdatesPaused": false, "qualityUpdatesPauseExpiryDateTime": "0001-01-01T00:00:00Z",
			"installationSchedule": props{"@odata.type": "#microsoft.graph.windowsUpdateActiveHoursInstall", "activeHoursStart": "08:00:00.0000000", "activeHoursEnd": "17:00:00.0000000"},
		})
	}
	for i := range 2 * d.size {
		profile("windows10CustomConfiguration", fmt.Sprintf("Custom %s %d", d.pick(places), i), props{"omaSettings": []props{
			{"@odata.type": "#microsoft.graph.omaSettingString", "displayName": "Wi-Fi key", "omaUri": "./Vendor/MSFT/WiFi/Key", "isEncrypted": true, "value": fmt.Sprintf("wifi-secret-%d", i)},
			{"@odata.type": "#microsoft.graph.omaSettingStringXml", "displayName": "Start layout", "omaUri": "./Vendor/MSFT/Start/Layout", "isEncrypted": true, "fileName": "layout.xml", "value": base64.StdEncoding.EncodeToString([]byte("<layout/>"))},
			{"@odata.type": "#microsoft.graph.omaSettingInteger", "displayName": "Telemetry", "omaUri": "./Device/Telemetry", "isEncrypted": false, "secretReferenceValueId": nil, "value": i},
		}})
		profile("windows10GeneralConfiguration", fmt.Sprintf("Restrictions %s", teams[i%len(teams)]), props{"cameraBlocked": i%2 == 0, "passwordRequired": true, "passwordMinimumLength": 8 + i, "privacyAccessControls": []props{{"displayName": "Camera", "accessLevel": "forceDeny", "dataCategory": "camera"}}})
	}
	profile("iosUpdateConfiguration", "iOS updates at night", props{"scheduledInstallDays": []string{"sunday"}, "utcTimeOffsetInMinutes": 60})
	root := profile("windows81TrustedRootCertificate", "Harbour root CA", props{"trustedRootCertificate": base64.StdEncoding.EncodeToString([]byte("not a real certificate")), "certFileName": "root.cer", "destinationStore": "computerCertStoreRoot"})
	bind := "https://graph.microsoft.com/beta/" + path + "('"
	scep := profile("windows81SCEPCertificateProfile", "Harbour device certificate", props{"renewalThresholdPercentage": 20, "keyUsage": "digitalSignature", "scepServerUrls": []string{"https://ndes.northwind-harbour.example/certsrv/mscep/mscep.dll"}, "rootCertificate@odata.bind": bind + root + "')"})
	profile("windowsWifiEnterpriseEAPConfiguration", "Wi-Fi Harbour", props{
		"ssid": "HARBOUR", "preSharedKey": nil, "eapType": "eapTls", "rootCertificatesForServerValidation@odata.bind": []string{bind + root + "')"},
		"identityCertificateForClientAuthentication@odata.bind": bind + scep + "')",
	})
	d.policy("deviceManagement/resourceAccessProfiles", "PKCS legacy", props{"@odata.type": "#microsoft.graph.windows10XSCEPCertificateProfile", "version": 1, "assignments": d.assign()})
	d.policy("deviceManagement/hardwareConfigurations", "BIOS standard", props{"fileName": "bios.cctk", "configurationFileContent": base64.StdEncoding.EncodeToString([]byte("[cctk]\nbootorder=uefi")), "version": 1, "hardwareConfigurationFormat": "dell", "perDevicePasswordDisabled": false, "assignments": d.assign()})
}

// templates makes administrative templates and intents.
func (d *demo) templates() {
	definition := func(name string) props {
		return props{
			"id": d.id(), "classType": "machine", "displayName": name, "categoryPath": `\Harbour\Browser`, "policyType": "admxBacked",
			"presentations": []props{{"@odata.type": "#microsoft.graph.groupPolicyPresentationTextBox", "id": d.id(), "label": "Address", "required": true}},
		}
	}
	for i := range 2 * d.size {
		var values []props
		for n := range 2 + d.rng.IntN(3) {
			def := definition(fmt.Sprintf("Configure home page %d", n))
			presentation := def["presentations"].([]props)[0]
			d.add("deviceManagement/groupPolicyDefinitions", props{"id": def["id"], "classType": def["classType"], "displayName": def["displayName"], "categoryPath": def["categoryPath"], "policyType": def["policyType"], "presentations": def["presentations"]})
			values = append(values, props{
				"id": d.id(), "enabled": n%2 == 0, "configurationType": "policy", "createdDateTime": d.day(), "definition": def,
				"presentationValues": []props{{"@odata.type": "#microsoft.graph.groupPolicyPresentationValueText", "id": d.id(), "value": "https://start.example/" + fmt.Sprint(n), "presentation": presentation}},
			})
		}
		d.policy("deviceManagement/groupPolicyConfigurations", fmt.Sprintf("ADMX %s", teams[i%len(teams)]), props{"policyConfigurationIngestionType": "builtIn", "definitionValues": values, "assignments": d.assign()})
	}
	d.add("deviceManagement/groupPolicyUploadedDefinitionFiles", props{"fileName": "harbour.admx", "displayName": "harbour.admx", "status": "available", "languageCodes": []string{"en-US"}, "targetPrefix": "harbour", "targetNamespace": "Harbour.Policies", "revision": "1.0", "content": "PD94bWwgLz4=", "lastModifiedDateTime": d.day()})
	template := d.add("deviceManagement/templates", props{"@odata.type": "#microsoft.graph.securityBaselineTemplate", "displayName": "Harbour baseline", "versionInfo": "March 2025", "templateType": "securityBaseline"})
	for _, team := range teams[:2] {
		settings := []props{
			{"@odata.type": "#microsoft.graph.deviceManagementBooleanSettingInstance", "id": d.id(), "definitionId": "deviceConfiguration--windows10EndpointProtectionConfiguration_firewallBlockStatefulFTP", "valueJson": "true"},
			{"@odata.type": "#microsoft.graph.deviceManagementStringSettingInstance", "id": d.id(), "definitionId": "deviceConfiguration--windows10EndpointProtectionConfiguration_title", "valueJson": `"` + team + `"`},
		}
		d.add("deviceManagement/intents", props{
			"displayName": "Endpoint protection - " + team, "description": nil, "isAssigned": true, "templateId": template, "lastModifiedDateTime": d.day(), "roleScopeTagIds": d.scope(),
			"settings": settings, "categories": []props{{"id": d.id(), "displayName": "Firewall", "settings": settings[:1]}}, "assignments": d.toGroups(),
		})
	}
}

func (d *demo) updates() {
	d.policy("deviceManagement/windowsFeatureUpdateProfiles", "Windows 11 24H2", props{"featureUpdateVersion": "Windows 11, version 24H2", "deployableContentDisplayName": "Windows 11, version 24H2", "endOfSupportDate": "2027-10-12T00:00:00Z", "rolloutSettings": props{"offerStartDateTimeInUTC": nil, "offerEndDateTimeInUTC": nil, "offerIntervalInDays": nil}, "assignments": d.toGroups()})
	d.policy("deviceManagement/windowsQualityUpdateProfiles", "Expedite March", props{"expeditedUpdateSettings": props{"qualityUpdateRelease": "2025-03-11T00:00:00Z", "daysUntilForcedReboot": 1}, "releaseDateDisplayName": "03/11/2025", "assignments": d.toGroups()})
	d.policy("deviceManagement/windowsQualityUpdatePolicies", "Hotpatch", props{"hotpatchEnabled": true, "approvalSettings": []props{}, "assignments": d.toGroups()})
	d.policy("deviceManagement/windowsDriverUpdateProfiles", "Drivers - manual", props{"approvalType": "manual", "deviceReporting": 12, "newUpdates": 1, "deploymentDeferralInDays": nil, "inventorySyncStatus": nil, "assignments": d.toGroups(), "driverInventories": []props{{"name": "Display 31.0", "version": "31.0", "approvalStatus": "needsReview", "applicableDeviceCount": 4}}})
}

// compliance makes policies of both generations. Their actions name message
// templates and groups.
func (d *demo) compliance() {
	actions := func() []props {
		return []props{{"ruleName": nil, "scheduledActionConfigurations": []props{
			{"id": d.id(), "actionType": "block", "gracePeriodHours": 12, "notificationTemplateId": "00000000-0000-0000-0000-000000000000", "notificationMessageCCList": []string{}},
			{"id": d.id(), "actionType": "notification", "gracePeriodHours": 24, "notificationTemplateId": d.pick(d.messages[:2]), "notificationMessageCCList": []string{d.pick(d.groups)}},
		}}}
	}
	for i := range 2 * d.size {
		policy := props{"@odata.type": "#microsoft.graph.windows10CompliancePolicy", "version": 1, "bitLockerEnabled": true, "osMinimumVersion": "10.0.22631", "validOperatingSystemBuildRanges": []props{}, "scheduledActionsForRule": actions(), "assignments": d.assign()}
		if i == 0 {
			policy["deviceCompliancePolicyScript"] = props{"deviceComplianceScriptId": d.checks[0], "rulesContent": d.script(`{"Rules":[]}`)}
		}
		d.policy("deviceManagement/deviceCompliancePolicies", fmt.Sprintf("Compliance Windows %d", i+1), policy)
	}
	d.policy("deviceManagement/deviceCompliancePolicies", "Compliance iOS", props{"@odata.type": "#microsoft.graph.iosCompliancePolicy", "version": 2, "passcodeRequired": true, "osMinimumVersion": "17.0", "scheduledActionsForRule": actions(), "assignments": d.assign()})
	created := d.day()
	d.add("deviceManagement/compliancePolicies", props{
		"name": "Compliance Linux", "description": "", "platforms": "linux", "technologies": "linuxMdm", "createdDateTime": created, "lastModifiedDateTime": created, "roleScopeTagIds": []string{"0"},
		"settings":                []props{{"settingInstance": d.text("linux_customcompliance_discoveryscript", d.reusable[0])}},
		"scheduledActionsForRule": actions(), "assignments": d.assign(),
	})
}
