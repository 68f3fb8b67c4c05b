package contract

// catalogTypes returns the types built on the settings catalog.
func catalogTypes() []Type {
	// Lists come in pages of 25, and so do the settings of one policy: only
	// the count tells whether all are there.
	settings := Read{Children: []Child{{Name: "settings", Path: "settings", Count: "settingCount"}}}
	noise := []string{
		"settings.id", "settings.settingDefinitions", "priorityMetaData", "*.auditRuleInformation",
		"templateReference.templateDisplayName", "templateReference.templateDisplayVersion",
	}
	// Settings and the children of a value are told apart by their
	// definition; nothing depends on their order.
	sets := []string{"settings", "*.children"}
	links := []link{
		{path: "templateReference.templateId", target: TargetTemplate, name: "templateDisplayName"},
		{path: "*.simpleSettingValue", walk: reusableSetting},
		{path: "*.simpleSettingCollectionValue", walk: reusableSetting},
	}
	return []Type{
		{
			Key: "configurationPolicy", Title: "Settings catalog policies", Category: Configuration,
			OData: []string{"deviceManagementConfigurationPolicy"},
			Name:  "name",
			Lists: []List{{Path: "/deviceManagement/configurationPolicies", Query: "$expand=assignments"}},
			Read:  settings,
			Assign: Assign{
				Read: AssignedInList, Shape: AssignReplace, Body: "assignments", Status: 200,
			},
			Write: Write{
				Shape: WritePut, Support: Restorable, Create: 201, Update: 204,
				Strip: []string{
					"settingCount", "creationSource", "priorityMetaData",
					"settings.id", "settings.settingDefinitions", "*.auditRuleInformation",
				},
				Immutable: []string{"platforms", "technologies", "templateReference"},
				Replaces:  []string{"settings"},
			},
			Bucket: BucketDeviceConfigV2, Permissions: access(configurationArea), Order: 100,
			Source: "IM 602-617; CD update SettingsCatalog; CIPP#3744; TF settings_catalog_configuration_policy_json; IBR#88; IM#209, #241",
			noise:  noise, sets: sets, links: links,
		},
		{
			Key: "compliancePolicyV2", Title: "Compliance policies (Linux)", Category: Compliance,
			OData: []string{"deviceManagementCompliancePolicy"},
			Name:  "name",
			Lists: []List{{Path: "/deviceManagement/compliancePolicies"}},
			Read: Read{Children: []Child{
				settings.Children[0],
				{
					Name: "scheduledActionsForRule", Path: "scheduledActionsForRule",
					Query: "$expand=scheduledActionConfigurations",
				},
			}},
			Assign: replaced(200),
			Write: Write{
				Shape: WritePut, Support: Restorable, Create: 201, Update: 204,
				Strip:     []string{"settingCount", "creationSource", "settings.id", "settings.settingDefinitions", "scheduledActionsForRule"},
				Immutable: []string{"platforms", "technologies"},
				Replaces:  []string{"settings"},
				Actions: []Action{{
					Method: "POST", Path: "setScheduledActions", Body: "scheduledActions",
					From: "scheduledActionsForRule", Status: 200,
				}},
			},
			Bucket: BucketDeviceConfigV2, Permissions: access(configurationArea), Order: 110,
			Source: "IM 219-228; CD update Compliance; CD#256",
			noise:  append(scheduledActionNoise(), noise...),
			sets:   append(scheduledActionSets(), sets...),
			links:  append(scheduledActionLinks(), links...),
		},
		{
			Key: "inventoryPolicy", Title: "Device inventory policies", Category: Configuration,
			OData:  []string{"deviceManagementInventoryPolicy"},
			Name:   "name",
			Lists:  []List{{Path: "/deviceManagement/inventoryPolicies"}},
			Read:   settings,
			Assign: replaced(0),
			Write:  seen("the type is not in the service's metadata yet"),
			Bucket: BucketDeviceConfigV2, Permissions: access(configurationArea), Order: 100,
			Source: "IM 621-630; TF settings_catalog_inventory_policy",
			noise:  noise, sets: sets, links: links,
		},
		{
			Key: "reusablePolicySetting", Title: "Reusable settings", Category: EndpointSecurity, Foundation: true,
			OData: []string{"deviceManagementReusablePolicySetting"},
			Name:  "displayName",
			// Without $select the list has no settings.
			Lists: []List{{
				Path:  "/deviceManagement/reusablePolicySettings",
				Query: "$select=id,settingInstance,displayName,description,settingDefinitionId,version,lastModifiedDateTime",
			}},
			Write: Write{
				Shape: WritePut, Support: Restorable, Create: 201, Update: 204,
				Strip:     []string{"referencingConfigurationPolicyCount", "referencingConfigurationPolicies"},
				Immutable: []string{"settingDefinitionId"},
				Replaces:  []string{"settingInstance"},
			},
			Bucket: BucketDeviceConfigV2, Permissions: access(configurationArea), Order: 70,
			Source: "IM 794-804; CD update ReusableSettings; TF reuseable_policy_settings, linux_device_compliance_script",
			noise:  []string{"referencingConfigurationPolicyCount", "referencingConfigurationPolicies", "*.auditRuleInformation"},
			sets:   []string{"*.children"},
		},
	}
}

// reusableSetting adds the reusable setting that a value of the catalog
// stands for, if it does: firewall rules and the discovery script of a Linux
// compliance policy hold its id as a string.
func reusableSetting(x *extraction, n node) {
	definition, _ := n.parent["settingDefinitionId"].(string)
	if odataName(n.text("@odata.type")) != "deviceManagementConfigurationReferenceSettingValue" && !namesReusable(definition) {
		return
	}
	x.id(to("reusablePolicySetting", ""), n.get("value"))
}

func namesReusable(definition string) bool {
	return match("*_reusablesettings", definition) || definition == "linux_customcompliance_discoveryscript"
}
