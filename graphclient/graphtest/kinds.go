package graphtest

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// kindRules are what single lists ask of a body, by list. Each names its rules.
var kindRules = map[string]func(c *call, p place) *answer{ //nolint:gochecknoglobals // a constant table
	"deviceManagement/deviceCompliancePolicies":                       (*call).wrongCompliance,
	"deviceManagement/intuneBrandingProfiles":                         (*call).wrongBranding,
	"deviceManagement/managedDeviceCleanupRules":                      (*call).wrongCleanup,
	"deviceManagement/windowsAutopilotDeploymentProfiles":             (*call).wrongProfile,
	"deviceManagement/windowsFeatureUpdateProfiles":                   (*call).wrongUpdate,
	"deviceManagement/windowsQualityUpdateProfiles":                   (*call).wrongUpdate,
	"deviceManagement/windowsDriverUpdateProfiles":                    (*call).wrongUpdate,
	"deviceManagement/deviceEnrollmentConfigurations":                 (*call).wrongPriority,
	"deviceManagement/appleUserInitiatedEnrollmentProfiles":           (*call).wrongPriority,
	"deviceManagement/configurationPolicies":                          (*call).wrongCatalog,
	"identity/conditionalAccess/policies":                             (*call).wrongAccess,
	"identity/conditionalAccess/authenticationContextClassReferences": (*call).wrongContext,
}

func (c *call) wrongKind(p place) *answer {
	if check := kindRules[p.spec.name]; check != nil {
		return check(c, p)
	}
	return nil
}

// refuseModel answers a body that the service's model does not allow.
func (c *call) refuseModel(message string) *answer {
	return c.nested(http.StatusBadRequest, "ModelValidationFailure", message)
}

const oneBlock = "Compliance policy must have one and only one block scheduled action"

func (c *call) wrongCompliance(p place) *answer {
	if p.obj == nil && c.strict(RuleBlockAction) && blocks(member(c.body, "scheduledActionsForRule")) != 1 {
		return c.refuseModel(oneBlock)
	}
	return nil
}

// blocks counts the block actions of a compliance policy.
func blocks(rules []byte) int {
	n := 0
	for rule := range elements(rules) {
		for action := range elements(member(rule, "scheduledActionConfigurations")) {
			if text(member(action, "actionType")) == "block" {
				n++
			}
		}
	}
	return n
}

// brandingMinimum is what a branding profile can be created with.
var brandingMinimum = []string{"@odata.type", "profileName", "profileDescription", "roleScopeTagIds", "disableClientTelemetry"} //nolint:gochecknoglobals // a constant table

func (c *call) wrongBranding(p place) *answer {
	if p.obj != nil || !c.strict(RuleBranding) {
		return nil
	}
	for k := range membersOf(c.body) {
		if !slices.Contains(brandingMinimum, k) {
			return c.refuseModel("The property '" + k + "' is not allowed when a profile is created")
		}
	}
	return nil
}

func (c *call) wrongCleanup(p place) *answer {
	if !c.strict(RuleCleanup) {
		return nil
	}
	const name = "deviceCleanupRulePlatformType"
	platform := text(member(c.body, name))
	for _, o := range c.tenant.objects(p.spec, nil) {
		if o != p.obj && platform != "" && text(member(o.body, name)) == platform {
			return c.nested(http.StatusInternalServerError, "InternalServerError", "A rule for this platform exists")
		}
	}
	return nil
}

// profileName is the form of an Autopilot profile's name; its length, and that of
// the description, are from
// learn.microsoft.com/graph/api/resources/intune-enrollment-windowsautopilotdeploymentprofile.
var profileName = regexp.MustCompile(`^[\p{L}\p{N} _]*$`)

func (c *call) wrongProfile(place) *answer {
	name, description := text(member(c.body, "displayName")), text(member(c.body, "description"))
	if c.strict(RuleProfileName) && (!profileName.MatchString(name) || utf8.RuneCountInString(name) > 200 || utf8.RuneCountInString(description) > 1500) {
		return c.refuseModel("The display name or the description of the profile is not valid")
	}
	return nil
}

func (c *call) wrongUpdate(p place) *answer {
	release := text(member(member(c.body, "expeditedUpdateSettings"), "qualityUpdateRelease"))
	for _, version := range []string{text(member(c.body, "featureUpdateVersion")), release} {
		if version != "" && slices.Contains(c.quirks.Retired, version) {
			return c.nested(http.StatusBadRequest, "BadRequest", "The update is not in the catalog")
		}
	}
	start, err := time.Parse(time.RFC3339, text(member(member(c.body, "rolloutSettings"), "offerStartDateTimeInUTC")))
	if err == nil && start.Before(c.now) && c.strict(RuleUpdateDates) {
		return c.nested(http.StatusBadRequest, "BadRequest", "The rollout start date is in the past")
	}
	approval := member(c.body, "approvalType")
	if p.obj != nil {
		approval = member(p.obj.body, "approvalType")
	}
	deferral := string(member(c.body, "deploymentDeferralInDays"))
	if text(approval) == "manual" && deferral != "" && deferral != "0" && deferral != "null" && c.strict(RuleDeferral) {
		return c.nested(http.StatusBadRequest, "BadRequest", "deploymentDeferralInDays needs automatic approval")
	}
	return nil
}

func (c *call) wrongPriority(p place) *answer {
	n := priorityOf(c.body)
	if p.obj == nil && n > 0 && c.strict(RulePriority) && c.withPriority(p, typeIn(p, c.body), n) != nil {
		return c.nested(http.StatusBadRequest, "BadRequest", "The priority is used by another configuration")
	}
	return nil
}

// priorityOf returns the priority of an object, 0 if it has none.
func priorityOf(body []byte) int {
	n, err := strconv.Atoi(string(member(body, "priority")))
	if err != nil {
		return 0
	}
	return n
}

// typeIn returns the type that a body says its object has.
func typeIn(p place, body []byte) string {
	if typ := strings.TrimPrefix(text(member(body, "@odata.type")), graphNamespace); typ != "" {
		return typ
	}
	return p.spec.typ
}

// withPriority returns the object of a type that has the priority.
func (c *call) withPriority(p place, typ string, n int) *object {
	for _, o := range c.tenant.objects(p.spec, nil) {
		if o.typ == typ && o != p.obj && priorityOf(o.body) == n {
			return o
		}
	}
	return nil
}

func (c *call) wrongCatalog(place) *answer {
	return c.wrongTemplate("deviceManagement/configurationPolicyTemplates", text(member(member(c.body, "templateReference"), "templateId")))
}

// wrongTemplate refuses a template that there is not, or not any more.
func (c *call) wrongTemplate(list, id string) *answer {
	if id == "" {
		return nil
	}
	if slices.Contains(c.quirks.Retired, id) {
		return c.nested(http.StatusBadRequest, "BadRequest", "The template is not active")
	}
	r := c.tenant.root(list, false)
	if r == nil || len(r.list.objs) == 0 || !c.strict(RuleTemplate) {
		return nil
	}
	o := r.list.get(id)
	if o == nil {
		return c.nested(http.StatusBadRequest, "InvalidReferenceId", "The template was not found")
	}
	if state := text(member(o.body, "lifecycleState")); state != "" && state != "active" || string(member(o.body, "isDeprecated")) == "true" {
		return c.nested(http.StatusBadRequest, "BadRequest", "The template is not active")
	}
	return nil
}

// accessRefs are what a Conditional Access policy names, by list. Others of their
// ids are words, or are not Intune's or Conditional Access's own.
var accessRefs = map[string]string{ //nolint:gochecknoglobals // a constant table
	"conditions.locations.includeLocations":                               "identity/conditionalAccess/namedLocations",
	"conditions.locations.excludeLocations":                               "identity/conditionalAccess/namedLocations",
	"grantControls.termsOfUse":                                            "identityGovernance/termsOfUse/agreements",
	"conditions.applications.includeAuthenticationContextClassReferences": "identity/conditionalAccess/authenticationContextClassReferences",
}

func (c *call) wrongAccess(place) *answer {
	if strength := member(member(c.body, "grantControls"), "authenticationStrength"); isObject(strength) && c.strict(RuleStrengthID) {
		for k := range membersOf(strength) {
			if k != "id" && !annotation(k) {
				return c.badRequest("1042: Only the id of an authentication strength can be given.")
			}
		}
	}
	if c.quirks.SecurityDefaults && text(member(c.body, "state")) == "enabled" {
		return c.badRequest("1133: Security Defaults is enabled in the tenant. You must disable Security defaults before enabling a Conditional Access policy.")
	}
	if !c.strict(RuleAccessReference) {
		return nil
	}
	for path, list := range accessRefs {
		value := c.body
		for key := range strings.SplitSeq(path, ".") {
			value = member(value, key)
		}
		for e := range elements(value) {
			id := text(e)
			if id != "All" && id != "AllTrusted" && c.tenant.linked(ref{path: list, id: id}) == nil {
				return c.badRequest("1040: The policy refers to the unknown object " + id + ".")
			}
		}
	}
	return nil
}

var contextID = regexp.MustCompile(`^c[1-9][0-9]?$`)

func (c *call) wrongContext(p place) *answer {
	if p.lost != "" && c.strict(RuleContextID) && !contextID.MatchString(p.lost) {
		return c.badRequest("The id of an authentication context is c1 to c99.")
	}
	return nil
}
