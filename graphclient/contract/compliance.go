package contract

// complianceTypes returns the compliance policies that are no part of the
// settings catalog.
func complianceTypes() []Type {
	return []Type{
		{
			Key: "deviceCompliancePolicy", Title: "Compliance policies", Category: Compliance,
			OData: []string{
				"androidCompliancePolicy", "androidDeviceOwnerCompliancePolicy", "androidForWorkCompliancePolicy",
				"androidWorkProfileCompliancePolicy", "aospDeviceOwnerCompliancePolicy", "defaultDeviceCompliancePolicy",
				"iosCompliancePolicy", "macOSCompliancePolicy", "windows10CompliancePolicy",
				"windows10MobileCompliancePolicy", "windows81CompliancePolicy", "windowsPhone81CompliancePolicy",
			},
			Name: "displayName",
			Lists: []List{{
				Path:  "/deviceManagement/deviceCompliancePolicies",
				Query: "$expand=scheduledActionsForRule($expand=scheduledActionConfigurations)",
			}},
			Assign: replaced(200),
			Write: Write{
				Shape: WriteWithChildren, Support: Restorable, Create: 201, Update: 204,
				Strip: []string{
					"scheduledActionsForRule.id", "scheduledActionsForRule.scheduledActionConfigurations.id",
				},
				Immutable: []string{"scheduledActionsForRule"},
				Replaces:  []string{"scheduledActionsForRule"},
				Actions: []Action{{
					Method: "POST", Path: "scheduleActionsForRules", Body: "deviceComplianceScheduledActionForRules",
					From: "scheduledActionsForRule", Status: 204,
				}},
			},
			Bucket: BucketDeviceConfiguration, Permissions: access(configurationArea), Order: 110,
			Source: "IM 206-213; CD backup Compliance, update DeviceCompliance; TenuVault#24, #25: exactly one block action",
			noise:  scheduledActionNoise(),
			sets:   append(scheduledActionSets(), "restrictedApps", "validOperatingSystemBuildRanges"),
			links: append(scheduledActionLinks(),
				to("deviceComplianceScript", "deviceCompliancePolicyScript.deviceComplianceScriptId")),
		},
	}
}

// scheduledActionNoise covers the actions for a policy that is not met. The
// name of the rule reads null, whatever was written.
func scheduledActionNoise() []string {
	return []string{
		"scheduledActionsForRule.id", "scheduledActionsForRule.ruleName",
		"scheduledActionsForRule.scheduledActionConfigurations.id",
		`scheduledActionsForRule.scheduledActionConfigurations.notificationTemplateId="` + zeroID + `"`,
	}
}

func scheduledActionSets() []string {
	return []string{
		"scheduledActionsForRule", "scheduledActionsForRule.scheduledActionConfigurations",
		"scheduledActionsForRule.scheduledActionConfigurations.notificationMessageCCList",
	}
}

func scheduledActionLinks() []link {
	const action = "scheduledActionsForRule.scheduledActionConfigurations."
	return []link{
		to("notificationMessageTemplate", action+"notificationTemplateId"),
		to(TargetGroup, action+"notificationMessageCCList"),
	}
}
