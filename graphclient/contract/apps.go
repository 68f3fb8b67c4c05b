package contract

// apps returns the types of the apps' area.
func apps() []Type {
	return []Type{
		{
			Key:      "mobileApp",
			Title:    "Apps",
			Category: Apps,
			OData:    []string{"*App"},
			Name:     "displayName",
			Lists:    []List{{Path: "/deviceAppManagement/mobileApps", Query: "$expand=assignments"}},
			Read:     Read{ByID: true, Query: "$expand=categories"},
			Assign:   Assign{Read: AssignedInList, Shape: AssignNamed, Body: "mobileAppAssignments", Status: 204},
			Write:    Write{Shape: WritePatch, Support: Restorable, Path: "/deviceAppManagement/mobileApps", Create: 201, Update: 200},
			Bucket:   BucketApplications,
			Order:    60,
		},
	}
}
