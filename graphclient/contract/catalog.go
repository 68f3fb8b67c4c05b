package contract

// catalog returns the types built on the settings catalog.
func catalog() []Type {
	return []Type{
		{
			Key:      "configurationPolicy",
			Title:    "Settings catalog",
			Category: Configuration,
			OData:    []string{"deviceManagementConfigurationPolicy"},
			Name:     "name",
			Lists:    []List{{Path: "/deviceManagement/configurationPolicies", Query: "$expand=assignments"}},
			Read: Read{Children: []Child{
				{Name: "settings", Path: "settings", Count: "settingCount"},
			}},
			Assign: Assign{Read: AssignedInList, Shape: AssignReplace, Body: "assignments", Status: 200},
			Write:  Write{Shape: WritePut, Support: Restorable, Path: "/deviceManagement/configurationPolicies", Create: 201, Update: 204},
			Bucket: BucketDeviceConfigV2,
			Order:  100,
			noise:  []string{"settingCount", "settings.id"},
		},
	}
}
