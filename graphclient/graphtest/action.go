package graphtest

import (
	"bytes"
	"net/http"
	"strings"
)

// writeActions are the bound actions that change something, by their names in
// lower case. Source: graph.md section 2.
var writeActions = map[string]func(c *call, p place) *answer{ //nolint:gochecknoglobals // a constant table
	"assign":                       (*call).assign,
	"createinstance":               (*call).createInstance,
	"updatesettings":               (*call).updateSettings,
	"updatedefinitionvalues":       (*call).updateDefinitionValues,
	"scheduleactionsforrules":      (*call).scheduleActions,
	"setscheduledactions":          (*call).scheduleActions,
	"update":                       (*call).updatePolicySet,
	"windowsprivacyaccesscontrols": (*call).privacyAccess,
	"updateallowedcombinations":    (*call).allowedCombinations,
	"targetapps":                   (*call).targetApps,
	"updaterelationships":          (*call).updateRelationships,
	"$ref":                         (*call).addRef,
	"setpriority":                  (*call).setPriority,
}

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
	name, status := assignName(kid.typ)
	value := member(c.body, name)
	if !isArray(value) {
		return c.nested(http.StatusBadRequest, "ModelValidationFailure", "The parameter '"+name+"' is required")
	}
	seen := make(map[string]bool)
	for e := range elements(value) {
		target := member(e, "target")
		kind := strings.TrimPrefix(text(member(target, "@odata.type")), graphNamespace)
		filter := text(member(target, "deviceAndAppManagementAssignmentFilterType"))
		form := string(target)
		switch {
		case !strings.HasSuffix(kind, "Target"):
			return c.nested(http.StatusBadRequest, "ModelValidationFailure", "Cannot create an abstract class.")
		case member(e, "id") != nil:
			return c.nested(http.StatusBadRequest, "BadRequest", "The property 'id' is read-only and cannot be set")
		case seen[form]:
			return c.nested(http.StatusBadRequest, "BadRequest", "Duplicate assignment target")
		case kind == "exclusionGroupAssignmentTarget" && filter != "" && filter != "none":
			return c.nested(http.StatusBadRequest, "BadRequest", "Filters are not supported for exclusion groups")
		}
		seen[form] = true
	}
	var kept [][]byte // what a policy set has assigned stays
	if k := p.obj.kid(kid); k != nil {
		for _, o := range k.list.objs {
			if text(member(o.body, "source")) == "policySets" {
				kept = append(kept, export(o))
			}
		}
	}
	all := []byte("[")
	for _, e := range kept {
		all = append(comma(all), e...)
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

// setKids replaces the children of a kind.
func (c *call) setKids(o *object, kid *spec, value []byte) {
	for i, k := range o.kids {
		if k.spec == kid {
			o.kids = append(o.kids[:i:i], o.kids[i+1:]...)
			break
		}
	}
	ingester{c.tenant}.children(o, kid, o.spec.name+"('"+o.id+"')/"+kid.name, value)
	c.tenant.seq++
	o.seq = c.tenant.seq
	o.touched(c.tenant.seq)
	if kid.name != "assignments" { // assignments do not move the time of every type
		for _, name := range modifiedNames {
			if member(o.body, name) != nil {
				o.body = setMember(o.body, name, c.tenant.stamp())
			}
		}
	}
	o.finish()
}

// createInstance makes an intent of a template.
func (c *call) createInstance(p place) *answer {
	if !isObject(bytes.TrimSpace(c.body)) || text(member(c.body, "displayName")) == "" {
		return c.nested(http.StatusBadRequest, "ModelValidationFailure", "displayName is required")
	}
	template := c.route.last().key
	root := c.tenant.root("deviceManagement/intents", true)
	to := place{spec: root.spec, path: root.spec.name}
	doc := newObject(len(c.body) + 64)
	for _, name := range []string{"displayName", "description", "roleScopeTagIds"} {
		if v := member(c.body, name); v != nil {
			doc.raw(name, v)
		}
	}
	doc.str("templateId", template)
	inner := *c
	inner.body = doc.bytes()
	a := inner.create(to)
	if a.status == http.StatusCreated {
		a.status = http.StatusOK
		if v := member(c.body, "settingsDelta"); isArray(v) {
			o := root.list.objs[len(root.list.objs)-1]
			c.setKids(o, root.spec.kid("settings"), v)
		}
	}
	return a
}

// updateSettings sets settings of an intent, each by its definition.
func (c *call) updateSettings(p place) *answer {
	kid := p.spec.kid("settings")
	value := member(c.body, "settings")
	if kid == nil || !isArray(value) {
		return c.nested(http.StatusBadRequest, "ModelValidationFailure", "The parameter 'settings' is required")
	}
	c.merge(p.obj, kid, value, "definitionId")
	return &answer{status: http.StatusNoContent}
}

// merge replaces the children that have the same key and adds the others.
func (c *call) merge(o *object, kid *spec, value []byte, key string) {
	given := make(map[string]bool)
	for e := range elements(value) {
		given[text(member(e, key))] = true
	}
	all := []byte("[")
	if k := o.kid(kid); k != nil {
		for _, old := range k.list.objs {
			if !given[text(member(old.body, key))] {
				all = append(comma(all), export(old)...)
			}
		}
	}
	for e := range elements(value) {
		all = append(comma(all), e...)
	}
	c.setKids(o, kid, append(all, ']'))
}

// updateDefinitionValues adds, changes and deletes values of an administrative
// template.
func (c *call) updateDefinitionValues(p place) *answer {
	kid := p.spec.kid("definitionValues")
	if kid == nil {
		return c.notAllowed()
	}
	return c.addAndDelete(p.obj, kid, "added", "deletedIds")
}

// addAndDelete carries out an action that adds and deletes children.
func (c *call) addAndDelete(o *object, kid *spec, added, deleted string) *answer {
	gone := make(map[string]bool)
	for e := range elements(member(c.body, deleted)) {
		gone[text(e)] = true
	}
	all := []byte("[")
	if k := o.kid(kid); k != nil {
		for _, old := range k.list.objs {
			if !gone[old.id] {
				all = append(comma(all), export(old)...)
			}
		}
	}
	n := 0
	for e := range elements(member(c.body, added)) {
		n++
		if member(e, "id") != nil {
			return c.nested(http.StatusBadRequest, "BadRequest", "The property 'id' is read-only and cannot be set")
		}
		e = setMember(e, "id", quote(nil, guid("child", c.requestID, kid.name, itoa(n))))
		all = append(comma(all), e...)
	}
	c.setKids(o, kid, append(all, ']'))
	return &answer{status: http.StatusNoContent}
}

// updatePolicySet adds and deletes what belongs to a policy set.
func (c *call) updatePolicySet(p place) *answer {
	if kid := p.spec.kid("items"); kid != nil {
		return c.addAndDelete(p.obj, kid, "addedPolicySetItems", "deletedPolicySetItems")
	}
	return c.notAllowed()
}

// scheduleActions replaces what happens to devices that are not compliant.
func (c *call) scheduleActions(p place) *answer {
	kid := p.spec.kid("scheduledActionsForRule")
	for _, name := range []string{"deviceComplianceScheduledActionForRules", "scheduledActions"} {
		if value := member(c.body, name); kid != nil && isArray(value) {
			c.setKids(p.obj, kid, value)
			if name == "scheduledActions" {
				return &answer{status: http.StatusOK, body: append(append([]byte(`{"value":`), value...), '}')}
			}
			return &answer{status: http.StatusNoContent}
		}
	}
	return c.nested(http.StatusBadRequest, "ModelValidationFailure", "The actions are required")
}

func (c *call) privacyAccess(p place) *answer {
	for _, kid := range p.spec.kids {
		if kid.inlineName("privacyAccessControls") || kid.name == "privacyAccessControls" {
			c.setKids(p.obj, kid, member(c.body, "windowsPrivacyAccessControls"))
			return &answer{status: http.StatusNoContent}
		}
	}
	return c.notAllowed()
}

func (s *spec) inlineName(name string) bool { return foldIn(s.aliases, name) }

func (c *call) allowedCombinations(p place) *answer {
	value := member(c.body, "allowedCombinations")
	if !isArray(value) {
		return c.badRequest("allowedCombinations is required.")
	}
	p.obj.body = setMember(p.obj.body, "allowedCombinations", value)
	p.obj.finish()
	return &answer{status: http.StatusOK, body: []byte(`{"currentCombinations":` + string(value) + `}`)}
}

// targetApps replaces the apps of an app protection policy.
func (c *call) targetApps(p place) *answer {
	kid := p.spec.kid("apps")
	value := member(c.body, "apps")
	if kid == nil || !isArray(value) {
		return c.nested(http.StatusBadRequest, "ModelValidationFailure", "The parameter 'apps' is required")
	}
	c.setKids(p.obj, kid, value)
	if v := member(c.body, "appGroupType"); v != nil {
		p.obj.body = setMember(p.obj.body, "appGroupType", v)
		p.obj.finish()
	}
	return &answer{status: http.StatusNoContent}
}

func (c *call) updateRelationships(p place) *answer {
	kid := p.spec.kid("relationships")
	value := member(c.body, "relationships")
	if kid == nil || !isArray(value) {
		return c.nested(http.StatusBadRequest, "ModelValidationFailure", "The parameter 'relationships' is required")
	}
	c.setKids(p.obj, kid, value)
	return &answer{status: http.StatusNoContent}
}

// addRef lets an object refer to another one.
func (c *call) addRef(p place) *answer {
	path, id, err := bindTarget(text(member(c.body, "@odata.id")))
	if err != nil || p.parent == nil {
		return c.badRequest("The link to the object is missing.")
	}
	p.parent.refs = append(p.parent.refs, ref{nav: p.spec.name, path: path, id: id})
	return &answer{status: http.StatusNoContent}
}

func (c *call) setPriority(p place) *answer {
	if v := member(c.body, "priority"); v != nil {
		p.obj.body = setMember(p.obj.body, "priority", v)
		p.obj.finish()
	}
	return &answer{status: http.StatusNoContent}
}
