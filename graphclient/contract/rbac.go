package contract

// rbacTypes returns the types that decide who may do what.
func rbacTypes() []Type {
	return []Type{
		{
			Key: "roleAssignment", Title: "Intune role assignments", Category: RBAC,
			OData: []string{"deviceAndAppManagementRoleAssignment"},
			Name:  "displayName",
			Lists: at("/deviceManagement/roleAssignments"),
			Read: Read{ByID: true, Query: "$expand=roleScopeTags", Children: []Child{
				{Name: "roleDefinition", Path: "roleDefinition", Query: "$select=id,displayName", Single: true},
			}},
			Assign: Assign{
				Read: AssignedInBody, Shape: AssignWithBody, GroupsOnly: true,
			},
			Write: Write{
				Shape: WriteBinding, Support: Restorable, Create: 201, Update: 200,
				Consent: "a role assignment gives people power over the tenant",
				Strip:   []string{"roleDefinition", "roleScopeTags"},
				Binds: map[string]string{
					"roleDefinition": "/deviceManagement/roleDefinitions",
					"roleScopeTags":  "/deviceManagement/roleScopeTags",
				},
			},
			Bucket: BucketRBAC, Order: 310,
			Permissions: Permissions{
				Read:  []string{"DeviceManagementRBAC.Read.All", "Group.Read.All"},
				Write: []string{"DeviceManagementRBAC.ReadWrite.All", "Group.Read.All"},
			},
			Source: "IM 662; CD backup Roles; TF role_assignment",
			noise: []string{
				"roleDefinition.displayName",
				"roleScopeTags.displayName", "roleScopeTags.description", "roleScopeTags.isBuiltIn",
			},
			sets: []string{"members", "resourceScopes", "scopeMembers"},
			links: []link{
				{path: "roleDefinition.id", target: "roleDefinition", name: "displayName"},
				{path: "members", target: TargetGroup, relation: AssignedTo},
				{path: "resourceScopes", target: TargetGroup},
				{path: "scopeMembers", target: TargetGroup},
			},
		},
		{
			Key: "operationApprovalPolicy", Title: "Multi-admin approval policies", Category: RBAC,
			OData: []string{"operationApprovalPolicy"},
			Name:  "displayName",
			Lists: at("/deviceManagement/operationApprovalPolicies"),
			Read:  Read{ByID: true},
			Write: Write{
				Shape: WritePatch, Support: Restorable, Create: 201, Update: 200,
				Consent: "once it is there, every further write to the types that it protects waits for an approval",
			},
			Bucket: BucketOther, Order: 320,
			Permissions: Permissions{
				Read:  []string{"DeviceManagementConfiguration.Read.All", "DeviceManagementRBAC.Read.All"},
				Write: []string{"DeviceManagementConfiguration.ReadWrite.All", "DeviceManagementRBAC.ReadWrite.All"},
			},
			Source: "TF operation_approval_policy",
			sets:   []string{"approverGroupIds"},
			links:  []link{to(TargetGroup, "approverGroupIds")},
		},
	}
}
