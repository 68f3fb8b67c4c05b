package contract

// areas returns the types, listed in files by area. Their sources are in
// shorthands: CD is IntuneCD, IM IntuneManagement (lines of EndpointManager.psm1), TF the
// community's Terraform provider for Microsoft 365, IBR
// IntuneBackupAndRestore, HK and HKW the hydration kit and its web app, CIPP
// CIPP-API, M365DSC Microsoft365DSC, DOC Microsoft's documentation, CSDL the
// service's metadata; "X#n" is issue n of X.
func areas() [][]Type {
	return [][]Type{
		foundations(), tenantTypes(), connectorTypes(),
		catalogTypes(), profileTypes(), certificateTypes(), templateTypes(),
		complianceTypes(), updateTypes(), scriptTypes(),
		appTypes(), appProtectionTypes(), appConfigurationTypes(),
		enrollmentTypes(), deviceEnrollmentTypes(),
		conditionalAccessTypes(), rbacTypes(),
	}
}

// at returns the list at a path that needs no query.
func at(path string) []List { return []List{{Path: path}} }

// access returns the usual pair of permissions.
func access(area string) Permissions {
	return Permissions{Read: []string{area + ".Read.All"}, Write: []string{area + ".ReadWrite.All"}}
}

// The areas of permissions.
const (
	configurationArea = "DeviceManagementConfiguration"
	scriptsArea       = "DeviceManagementScripts"
	appsArea          = "DeviceManagementApps"
	serviceArea       = "DeviceManagementServiceConfig"
	rbacArea          = "DeviceManagementRBAC"
)

// policyAccess is what conditional access and its parts need.
func policyAccess() Permissions {
	return Permissions{
		Read:  []string{"Policy.Read.All"},
		Write: []string{"Policy.Read.All", "Policy.ReadWrite.ConditionalAccess", "Application.Read.All"},
	}
}

// replaced is the assignment of most types.
func replaced(status int) Assign {
	return Assign{Read: AssignedAtPath, Shape: AssignReplace, Body: "assignments", Status: status}
}

// named is an assignment with an array of a name of its own.
func named(body string, status int) Assign {
	return Assign{Read: AssignedAtPath, Shape: AssignNamed, Body: body, Status: status}
}

// oneByOne is an assignment by child objects.
func oneByOne() Assign {
	return Assign{Read: AssignedAtPath, Shape: AssignOneByOne, Status: 201}
}

// patched is the write shape of most types.
func patched(create, update int, strip ...string) Write {
	return Write{Shape: WritePatch, Support: Restorable, Create: create, Update: update, Strip: strip}
}

// seen is for types that are only looked at.
func seen(reason string) Write { return Write{Support: InventoryOnly, Reason: reason} }
