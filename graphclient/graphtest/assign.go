package graphtest

import (
	"net/http"
	"strings"
)

// assignName is the property of the body of assign, and what a success answers.
// Source: graph.md section 2, assign body names and status codes.
func assignName(typ string) (name string, status int) {
	switch strings.TrimSuffix(typ, "Assignment") {
	case "deviceManagementScript":
		return "deviceManagementScriptAssignments", http.StatusNoContent
	case "deviceHealthScript":
		return "deviceHealthScriptAssignments", http.StatusNoContent
	case "enrollmentConfiguration":
		return "enrollmentConfigurationAssignments", http.StatusNoContent
	case "mobileApp":
		return "mobileAppAssignments", http.StatusNoContent
	case "managedEBook":
		return "managedEBookAssignments", http.StatusNoContent
	case "windowsDefenderApplicationControlSupplementalPolicy":
		return "wdacPolicyAssignments", http.StatusNoContent
	case "iosLobAppProvisioningConfiguration":
		return "iOSLobAppProvisioningConfigAssignments", http.StatusNoContent
	case "officeClientConfiguration":
		return "officeConfigurationAssignments", http.StatusOK
	case "deviceManagementConfigurationPolicy", "deviceConfiguration", "deviceCompliancePolicy", "groupPolicyConfiguration",
		"roleScopeTagAuto", "deviceManagementResourceAccessProfile", "embeddedSIMActivationCodePool":
		return "assignments", http.StatusOK
	}
	return "assignments", http.StatusNoContent
}

// assign replaces all assignments of an object.
func (c *call) assign(p place) *answer {
	kid := p.spec.kid("assignments")
	if kid == nil {
		return c.notAllowed()
	}
	if p.spec.typ == "windowsAutopilotDeploymentProfile" && c.strict(RuleProfileDevices) {
		return c.assignDevices()
	}
	name, status := assignName(kid.typ)
	value := member(c.body, name)
	if value == nil && c.quirks.AssignSilently {
		return &answer{status: status, body: []byte(`{"value":[]}`)}
	}
	if !isArray(value) && !c.strict(RuleAssignName) {
		for _, v := range membersOf(c.body) {
			value = v
		}
	}
	if !isArray(value) {
		return c.refuseModel("The parameter '" + name + "' is required")
	}
	if a := c.unassignable(p); a != nil {
		return a
	}
	if a := c.wrongEntries(kid, value); a != nil {
		return a
	}
	all := []byte("[")
	if k := p.obj.kid(kid); k != nil && c.strict(RulePolicySets) { // what a policy set has assigned stays
		for _, o := range k.list.objs {
			if text(member(o.body, "source")) == "policySets" {
				all = append(comma(all), export(o)...)
			}
		}
	}
	for e := range elements(value) {
		all = append(comma(all), e...)
	}
	c.setKids(p.obj, kid, append(all, ']'))
	if status == http.StatusNoContent {
		return &answer{status: status}
	}
	return &answer{status: status, body: append(append([]byte(`{"value":`), value...), '}')}
}

// assignDevices is the assign of Autopilot profiles, which takes devices.
func (c *call) assignDevices() *answer {
	if !isArray(member(c.body, "deviceIds")) {
		return c.refuseModel("The parameter 'deviceIds' is required")
	}
	return &answer{status: http.StatusNoContent}
}

// unassignable says why an object cannot be assigned, or nothing.
func (c *call) unassignable(p place) *answer {
	if made(p) && isDefault(p.spec) && c.strict(RuleProvided) {
		return c.builtIn()
	}
	state := text(member(p.obj.body, "publishingState"))
	if p.spec.typ == "mobileApp" && state != "" && state != "published" && c.strict(RulePublished) {
		return c.nested(http.StatusBadRequest, "BadRequest", "The app is not yet published")
	}
	return nil
}

// wrongEntries says what is wrong with assignments, or nothing.
func (c *call) wrongEntries(kid *spec, all []byte) *answer {
	targets, groups := make(map[string]bool), make(map[string]string)
	for e := range elements(all) {
		if a := c.wrongEntry(kid, e); a != nil {
			return a
		}
		target := member(e, "target")
		group, intent := text(member(target, "groupId")), text(member(e, "intent"))
		switch {
		case group != "" && groups[group] != "" && groups[group] != intent && c.strict(RuleIntents):
			return c.nested(http.StatusBadRequest, "BadRequest", "A group cannot have several intents of an app")
		case targets[string(target)] && c.strict(RuleDuplicateTarget):
			return c.nested(http.StatusBadRequest, "BadRequest", "Duplicate assignment target")
		}
		targets[string(target)] = true
		if group != "" {
			groups[group] = intent
		}
	}
	return nil
}

// wrongEntry says what is wrong with one assignment, or nothing.
func (c *call) wrongEntry(kid *spec, e []byte) *answer {
	target := member(e, "target")
	kind := strings.TrimPrefix(text(member(target, "@odata.type")), graphNamespace)
	excludes := kind == "exclusionGroupAssignmentTarget"
	filter := ""
	if how := text(member(target, "deviceAndAppManagementAssignmentFilterType")); how != "" && how != "none" {
		filter = text(member(target, "deviceAndAppManagementAssignmentFilterId"))
	}
	switch {
	case !strings.HasSuffix(kind, "Target") && c.strict(RuleTarget):
		return c.refuseModel("Cannot create an abstract class.")
	case (member(e, "id") != nil || member(e, "sourceId") != nil) && c.strict(RuleAssignEntry):
		return c.isSet("id")
	case text(member(e, "source")) == "policySets" && c.strict(RulePolicySets):
		return c.isSet("source")
	case excludes && filter != "" && c.strict(RuleExclusionFilter):
		return c.nested(http.StatusBadRequest, "BadRequest", "Filters are not supported for exclusion groups")
	case kid.typ == "targetedManagedAppPolicyAssignment" && !excludes && kind != "groupAssignmentTarget" && c.strict(RuleGroupsOnly):
		return c.nested(http.StatusBadRequest, "BadRequest", "App protection can be assigned to groups only")
	case filter != "" && filter != zeroID && c.strict(RuleUnknownFilter) && c.tenant.linked(ref{path: "deviceManagement/assignmentFilters", id: filter}) == nil:
		return c.nested(http.StatusBadRequest, "BadRequest", "Scope Tags validation failed : Filters "+filter)
	}
	return nil
}

// zeroID stands for no filter. Source: graph.md section 1, assignments.
const zeroID = "00000000-0000-0000-0000-000000000000"
