package contract

// scriptTypes returns the scripts that devices run. Lists have no content.
func scriptTypes() []Type {
	all := []Type{
		{
			Key: "deviceComplianceScript", Title: "Windows compliance scripts", Platform: Windows, Foundation: true,
			OData: []string{"deviceComplianceScript"},
			Lists: at("/deviceManagement/deviceComplianceScripts"),
			// Compliance policies bring the script along; nobody assigns it,
			// though Graph could.
			Assign: Assign{Shape: AssignNamed, Body: "deviceHealthScriptAssignments", Status: 204},
			Write:  patched(201, 200),
			Order:  80,
			Source: "IM 234-243; CD update ComplianceScripts; CSDL: may be 404 for a while after its creation",
		},
		{
			Key: "deviceManagementScript", Title: "PowerShell scripts", Platform: Windows,
			OData:  []string{"deviceManagementScript"},
			Lists:  at("/deviceManagement/deviceManagementScripts"),
			Assign: named("deviceManagementScriptAssignments", 204),
			Write:  patched(201, 200),
			Order:  100,
			Source: "IM 373-382; CD PowershellScripts; GetIntuneAssignments#14: the permission is its own since July 2025",
		},
		{
			Key: "deviceShellScript", Title: "macOS shell scripts", Platform: MacOS,
			OData:  []string{"deviceShellScript"},
			Lists:  at("/deviceManagement/deviceShellScripts"),
			Assign: named("deviceManagementScriptAssignments", 204),
			Write:  patched(201, 200),
			Order:  100,
			Source: "IM 387-396; CD update ShellScripts; DOC devices-deviceshellscript-assign",
		},
		{
			Key: "deviceCustomAttributeShellScript", Title: "macOS custom attributes", Platform: MacOS,
			OData:  []string{"deviceCustomAttributeShellScript"},
			Lists:  at("/deviceManagement/deviceCustomAttributeShellScripts"),
			Assign: named("deviceManagementScriptAssignments", 204),
			Write: Write{
				Shape: WritePatch, Support: Restorable, Create: 201, Update: 200,
				Immutable: []string{"customAttributeName", "customAttributeType", "displayName"},
			},
			Order:  100,
			Source: "IM 401-413; CD update CustomAttributes",
		},
		{
			Key: "deviceHealthScript", Title: "Remediations", Platform: Windows,
			OData:    []string{"deviceHealthScript"},
			Provided: []Match{{"isGlobalScript", "true"}},
			Lists:    at("/deviceManagement/deviceHealthScripts"),
			Assign:   named("deviceHealthScriptAssignments", 204),
			Write: Write{
				Shape: WritePatch, Support: Restorable, Create: 201, Update: 200,
				Strip:     []string{"isGlobalScript", "highestAvailableVersion"},
				Immutable: []string{"deviceHealthScriptType"},
			},
			Order:  100,
			Source: "IM 742-758; CD update ProactiveRemediation: Microsoft's own scripts can be assigned, not created",
			noise:  []string{"highestAvailableVersion"},
		},
	}
	for i := range all {
		t := &all[i]
		t.Category = Scripts
		t.Name = "displayName"
		t.Read.ByID = true
		t.Bucket = BucketDevices
		t.Permissions = access(scriptsArea)
	}
	return all
}
