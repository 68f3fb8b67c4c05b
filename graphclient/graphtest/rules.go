package graphtest

import "slices"

// A Rule names one thing that the service does with writes. All of them are
// obeyed, but for those that [Quirks.Lenient] names.
type Rule string

// The rules. [Rules] says what each means and where it was seen.
const (
	RulePermission      Rule = "write-permission"
	RuleReadOnly        Rule = "read-only"
	RuleAnnotation      Rule = "annotation"
	RuleScopeTagSupport Rule = "supports-scope-tags"
	RuleAbstract        Rule = "abstract-type"
	RuleTypeChange      Rule = "type-change"
	RuleCreateOnly      Rule = "create-only"
	RuleMethod          Rule = "method"
	RuleStatus          Rule = "status"
	RuleChildren        Rule = "children-in-body"
	RuleBind            Rule = "bind"
	RuleProvided        Rule = "provided"
	RuleDefaultTag      Rule = "default-tag"

	RuleCatalogPatch   Rule = "catalog-patch"
	RuleTemplate       Rule = "template"
	RuleForeignSecret  Rule = "foreign-secret"
	RuleBlockAction    Rule = "one-block-action"
	RuleBranding       Rule = "branding-minimum"
	RuleDefaultMessage Rule = "default-message"
	RuleCleanup        Rule = "one-cleanup-rule"
	RuleFilterInUse    Rule = "filter-in-use"
	RuleContextID      Rule = "context-id"
	RuleUpdateDates    Rule = "update-dates"
	RuleDeferral       Rule = "update-deferral"
	RulePriority       Rule = "priority"
	RuleNullSetting    Rule = "null-setting"
	RuleTermsVersion   Rule = "terms-version"

	RuleProfileName     Rule = "autopilot-name"
	RuleProfileAssigned Rule = "autopilot-assigned"
	RuleProfileDevices  Rule = "autopilot-devices"

	RuleAccessReference Rule = "access-reference"
	RuleStrengthID      Rule = "strength-id"
	RuleTrusted         Rule = "trusted-location"

	RuleParameter       Rule = "action-parameter"
	RuleAssignName      Rule = "assign-name"
	RuleAssignEntry     Rule = "assign-entry"
	RuleTarget          Rule = "target-type"
	RuleExclusionFilter Rule = "exclusion-filter"
	RuleDuplicateTarget Rule = "duplicate-target"
	RuleGroupsOnly      Rule = "groups-only"
	RuleIntents         Rule = "one-intent"
	RuleUnknownFilter   Rule = "unknown-filter"
	RulePolicySets      Rule = "policy-set-source"
	RulePublished       Rule = "published"
	RuleRelationship    Rule = "relationship"
)

// A RuleText says what a [Rule] is.
type RuleText struct {
	Rule   Rule
	Text   string
	Source string // section of graph.md, or row of policytypes, or a page of Microsoft's
}

// Rules returns all rules.
func Rules() []RuleText { return slices.Clone(ruleTexts) }

var ruleTexts = []RuleText{ //nolint:gochecknoglobals // a constant table
	{RulePermission, "a permission to read does not allow to write: 403 with the permissions that would", "graph.md 1 permissions, 3.2; policytypes perm"},
	{RuleReadOnly, "what the service sets itself is refused in a body", "graph.md 1 generic strip, 4 write rules; policytypes strip"},
	{RuleAnnotation, "annotations are refused in a body, but for types and bindings", "graph.md 1 generic strip"},
	{RuleScopeTagSupport, "supportsScopeTags is refused when it is true", "graph.md 1; policytypes deviceConfiguration"},
	{RuleAbstract, "an object of an abstract type is refused, and one that does not say which it is", "graph.md 1 @odata.type, 3.7, 4 write rules"},
	{RuleTypeChange, "an object keeps its type", "graph.md 1 @odata.type"},
	{RuleCreateOnly, "what only a create may hold is refused in a PATCH, and in a PUT if it differs", "graph.md 4 write rules; policytypes strip, pit"},
	{RuleMethod, "PUT replaces catalog policies, Linux compliance policies and reusable settings, and nothing else; intents are created by their templates", "graph.md 2 write shapes"},
	{RuleStatus, "a success is answered by the status of its type", "graph.md 2 status codes, 4 write rules; policytypes write"},
	{RuleChildren, "children are refused in a body whose type does not take them", "graph.md 2 write shapes 3 and 5; policytypes write, strip"},
	{RuleBind, "a binding leads to an object that there is, on the host of the cloud; a role assignment binds its role", "graph.md 2 write shape 9, 3.10; policytypes roleAssignment, groupPolicyConfiguration"},
	{RuleProvided, "what the service has made can be deleted by nobody, and only some of it be changed or assigned", "graph.md 4 defaults"},
	{RuleDefaultTag, `an object without scope tags gets the tag "0"`, "graph.md 4 RBAC and tags; policytypes roleScopeTag"},

	{RuleCatalogPatch, "a PATCH leaves the settings of a catalog policy as they are", "graph.md 4 write rules; policytypes configurationPolicy"},
	{RuleTemplate, "a template is there, in the same upper and lower case, and active; checked where the tenant lists templates", "graph.md 4 write rules; policytypes configurationPolicy, intent"},
	{RuleForeignSecret, "the token that stands for a secret means nothing in another tenant", "graph.md 4 secrets; policytypes configurationPolicy"},
	{RuleBlockAction, "a compliance policy has one block action, also when its actions are replaced", "graph.md 4 write rules; policytypes deviceCompliancePolicy"},
	{RuleBranding, "a branding profile is created with its name, and the rest follows", "graph.md 2 write shape 6; policytypes intuneBrandingProfile"},
	{RuleDefaultMessage, "one message of a notification template is the default one: making another one that takes it away from the first", "graph.md 4 write rules; policytypes notificationMessageTemplate"},
	{RuleCleanup, "a second clean-up rule for a platform is answered with 500", "graph.md 3.2, 4 write rules; policytypes managedDeviceCleanupRule"},
	{RuleFilterInUse, "a filter is not deleted while an assignment names it", "graph.md 4 consistency; policytypes assignmentFilter"},
	{RuleContextID, "the id of an authentication context is c1 to c99", "policytypes authenticationContext"},
	{RuleUpdateDates, "a rollout does not begin in the past", "policytypes windowsFeatureUpdateProfile"},
	{RuleDeferral, "drivers are deferred only with automatic approval", "policytypes windowsDriverUpdateProfile"},
	{RulePriority, "priorities are unique among objects of a type: a create cannot take one, setPriority moves the others", "policytypes enrollmentRestriction, appleUserInitiatedEnrollmentProfile"},
	{RuleNullSetting, "updateSettings with null leaves a setting as it is", "policytypes intent"},
	{RuleTermsVersion, "a higher version of terms forgets who has accepted them", "graph.md 4 write rules; policytypes termsAndConditions"},

	{RuleProfileName, "the name of an Autopilot profile has letters, digits, spaces and underscores", "graph.md 4 write rules; policytypes autopilotProfile"},
	{RuleProfileAssigned, "an Autopilot profile is not deleted while it is assigned", "graph.md 4 write rules; policytypes autopilotProfile"},
	{RuleProfileDevices, "assign of an Autopilot profile takes devices, and answers 204 to them", "graph.md 2 assign; policytypes autopilotProfile"},

	{RuleAccessReference, "what a Conditional Access policy names is there", "policytypes conditionalAccessPolicy"},
	{RuleStrengthID, "a Conditional Access policy names an authentication strength by its id alone", "policytypes authenticationStrength, conditionalAccessPolicy"},
	{RuleTrusted, "a trusted location is not deleted", "graph.md 3.11; policytypes namedLocation"},

	{RuleParameter, "an action is refused with a parameter that it does not have", "graph.md 2; policytypes windowsManagedAppProtection"},
	{RuleAssignName, "assign is refused with another property than its type's", "graph.md 2 assign body names"},
	{RuleAssignEntry, "an assignment in a request has no id of its own or of its source", "graph.md 1 assignments"},
	{RuleTarget, "a target says of which type it is", "graph.md 1 @odata.type"},
	{RuleExclusionFilter, "an exclusion has no filter", "graph.md 1 assignments, 4 assign"},
	{RuleDuplicateTarget, "a target is there once", "graph.md 4 assign"},
	{RuleGroupsOnly, "app protection is assigned to groups only", "graph.md 1 assignments; policytypes iosManagedAppProtection"},
	{RuleIntents, "an app has one intent for a group", "policytypes mobileApp"},
	{RuleUnknownFilter, "a filter that an assignment names is there", "graph.md 4 assign; policytypes assignmentFilter"},
	{RulePolicySets, "assignments that come from a policy set stay, and cannot be written", "graph.md 1 assignments; policytypes policySet"},
	{RulePublished, "an app is assigned when it is published, which a package never is without its content", "graph.md 3.2; policytypes mobileApp"},
	{RuleRelationship, "a relationship is written by the app that has it, without what it shows of the other one", "policytypes mobileAppRelationship"},
}

// strict reports whether the service obeys a rule.
func (c *call) strict(r Rule) bool { return !slices.Contains(c.quirks.Lenient, r) }
