package contract

// templateTypes returns the older kinds of policies that are built on
// templates and definitions.
func templateTypes() []Type {
	return []Type{
		{
			Key: "groupPolicyUploadedDefinitionFile", Title: "Imported ADMX files", Category: Configuration,
			Platform: Windows, Foundation: true,
			OData: []string{"groupPolicyUploadedDefinitionFile"},
			Name:  "fileName",
			Lists: at("/deviceManagement/groupPolicyUploadedDefinitionFiles"),
			Write: Write{
				Shape: WriteAsync, Support: PreviewOnly, Create: 201,
				Reason: "Graph does not return the content of the files",
				Strip: []string{
					"languageCodes", "targetPrefix", "targetNamespace", "policyType",
					"revision", "status", "uploadDateTime",
				},
				Await: &Await{Property: "status", Done: "available", Failed: "uploadFailed"},
			},
			Bucket: BucketGroupPolicy, Permissions: access(configurationArea), Order: 45,
			Source: "IM 761-777; TF group_policy_uploaded_definition_files; IM#84, #124, #169, #234: parents first, definitions get new ids",
			noise:  []string{"status", "uploadDateTime", "groupPolicyUploadedLanguageFiles.id", "groupPolicyUploadedLanguageFiles.lastModifiedDateTime"},
			sets:   []string{"languageCodes", "groupPolicyUploadedLanguageFiles"},
		},
		{
			Key: "groupPolicyConfiguration", Title: "Administrative templates", Category: Configuration, Platform: Windows,
			OData: []string{"groupPolicyConfiguration"},
			Name:  "displayName",
			Lists: at("/deviceManagement/groupPolicyConfigurations"),
			Read: Read{Children: []Child{{
				Name: "definitionValues", Path: "definitionValues", Query: "$expand=definition",
				Children: []Child{{Name: "presentationValues", Path: "presentationValues", Query: "$expand=presentation"}},
			}}},
			Assign: replaced(200),
			Write: Write{
				Shape: WriteShell, Support: Restorable, Create: 201, Update: 200,
				Strip: []string{"definitionValues", "policyConfigurationIngestionType"},
				Actions: []Action{{
					Method: "POST", Path: "updateDefinitionValues", Body: "added",
					From: "definitionValues", Deleted: "deletedIds", Status: 204,
				}},
				Binds: map[string]string{
					"definition":   "/deviceManagement/groupPolicyDefinitions",
					"presentation": "/deviceManagement/groupPolicyDefinitions('{parent}')/presentations",
				},
				Replaces: []string{"definitionValues"},
			},
			Bucket: BucketGroupPolicy, Permissions: access(configurationArea), Order: 100,
			Source: "IM 354-370; CD backup and update GroupPolicyConfigurations; IBR#95; IM#124, #169, #234; M365DSC#3472",
			noise:  definitionNoise(),
			sets:   []string{"definitionValues", "definitionValues.presentationValues"},
			links: []link{{
				path: "definitionValues.definition", walk: importedDefinition,
			}},
		},
		{
			Key: "intent", Title: "Endpoint security policies and baselines (legacy)", Category: EndpointSecurity,
			OData: []string{"deviceManagementIntent"},
			Name:  "displayName",
			Lists: at("/deviceManagement/intents"),
			Read:  Read{Children: []Child{{Name: "settings", Path: "settings"}}},
			// A restore goes through the template that the document names.
			Assign: replaced(204),
			Write: Write{
				Shape: WriteTemplate, Support: Restorable, Create: 200, Update: 200,
				Path:  "/deviceManagement/templates/{parent}/createInstance",
				Strip: []string{"settings.id", "isMigratingToConfigurationPolicy", "@odata.type"},
				Actions: []Action{{
					Method: "POST", Path: "updateSettings", Body: "settings", From: "settings", Status: 204,
				}},
				Immutable: []string{"templateId"},
			},
			Bucket: BucketDeviceIntent, Permissions: access(configurationArea), Order: 100,
			Source: "IM 187-202; CD update ManagementIntents; CD#208: Microsoft moves intents to the catalog; IBR#60; HKW",
			noise:  []string{"settings.id", "*.value.id", "isMigratingToConfigurationPolicy"},
			sets:   []string{"settings"},
			links:  []link{to(TargetTemplate, "templateId")},
		},
		{
			Key: "resourceAccessProfile", Title: "Resource access profiles", Category: Configuration, Platform: Windows,
			OData: []string{
				"windows10XSCEPCertificateProfile", "windows10XCertificateProfile", "windows10XTrustedRootCertificate",
				"windows10XVpnConfiguration", "windows10XWifiConfiguration",
			},
			Name:   "displayName",
			Lists:  at("/deviceManagement/resourceAccessProfiles"),
			Read:   Read{ByID: true},
			Assign: replaced(200),
			Write:  patched(201, 200),
			Bucket: BucketOther, Permissions: access(configurationArea), Order: 92,
			Source: "DOC rapolicy; CSDL: no other tool handles it",
			links: []link{
				to("resourceAccessProfile", "rootCertificateId"),
				to("resourceAccessProfile", "authenticationCertificateId"),
			},
		},
		{
			Key: "hardwareConfiguration", Title: "BIOS configurations", Category: Configuration, Platform: Windows,
			OData:  []string{"hardwareConfiguration"},
			Name:   "displayName",
			Lists:  at("/deviceManagement/hardwareConfigurations"),
			Read:   Read{ByID: true}, // the list has no file
			Assign: replaced(0),
			Write: Write{
				Shape: WritePatch, Support: PreviewOnly, Create: 201, Update: 200,
				Reason: "nobody has published how it is assigned",
			},
			Bucket: BucketDevices, Permissions: access(configurationArea), Order: 100,
			Source: "IM 635-645",
		},
	}
}

// definitionNoise covers what a definition brings along besides its id, in
// the language of whoever asks.
func definitionNoise() []string {
	noise := []string{"policyConfigurationIngestionType"}
	for _, p := range []string{"id", "createdDateTime", "lastModifiedDateTime"} {
		noise = append(noise, "definitionValues."+p, "definitionValues.presentationValues."+p)
	}
	for _, p := range []string{
		"categoryPath", "displayName", "explainText", "groupPolicyCategoryId", "hasRelatedDefinitions",
		"lastModifiedDateTime", "minDeviceCspVersion", "minUserCspVersion", "policyType", "supportedOn", "version",
	} {
		noise = append(noise, "definitionValues.definition."+p)
	}
	for _, p := range []string{
		"label", "lastModifiedDateTime", "required", "defaultValue", "defaultItem", "items", "suggestions",
		"defaultChecked", "minValue", "maxValue", "maxLength", "spin", "spinStep", "explicitValue", "valuePrefix",
	} {
		noise = append(noise, "definitionValues.presentationValues.presentation."+p)
	}
	return noise
}

// importedDefinition adds a definition that came with an imported file. The
// built-in ones have the same id in every tenant.
func importedDefinition(x *extraction, n node) {
	if n.text("policyType") == "admxIngested" {
		x.add(Reference{Target: TargetDefinition, ID: n.text("id"), Name: n.text("displayName")}, n.get("id"))
	}
}
