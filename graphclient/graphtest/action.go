package graphtest

import (
	"bytes"
	"net/http"
	"slices"
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
	"setdefaultprofile":            (*call).setDefaultProfile,
	"createcopy":                   (*call).createCopy,
	"remove":                       (*call).remove,
}

// parameters are those of the actions that have them, by the actions' names in
// lower case. What assign takes depends on the type.
// Source: graph.md section 2; policytypes, column write.
var parameters = map[string][]string{ //nolint:gochecknoglobals // a constant table
	"createinstance":          {"displayName", "description", "settingsDelta", "roleScopeTagIds"},
	"updatesettings":          {"settings"},
	"updatedefinitionvalues":  {"added", "updated", "deletedIds"},
	"scheduleactionsforrules": {"deviceComplianceScheduledActionForRules"},
	"setscheduledactions":     {"scheduledActions"},
	"update":                  {"addedPolicySetItems", "updatedPolicySetItems", "deletedPolicySetItems", "assignments"},
	"targetapps":              {"apps", "appGroupType"},
	"updaterelationships":     {"relationships"},
	"setpriority":             {"priority"},
	"createcopy":              {"displayName", "description"},
}

// wrongAction says what is wrong with the call of an action, or nothing.
func (c *call) wrongAction(p place) *answer {
	allowed := parameters[strings.ToLower(c.route.fn)]
	if allowed == nil || !c.strict(RuleParameter) {
		return nil
	}
	for k := range membersOf(c.body) {
		windows := p.spec.typ == "windowsManagedAppProtection" && k == "appGroupType"
		if !foldIn(allowed, k) || windows {
			return c.refuseModel("The parameter '" + k + "' is not declared by the action")
		}
	}
	return nil
}

// setKids replaces the children of a kind.
func (c *call) setKids(o *object, kid *spec, value []byte) {
	c.remember(o)
	for i, k := range o.kids {
		if k.spec == kid {
			o.kids = append(o.kids[:i:i], o.kids[i+1:]...)
			break
		}
	}
	ingester{c.tenant}.children(o, kid, o.spec.name+"('"+o.id+"')/"+kid.name, c.rewrite(kid.name, value))
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
	if a := c.wrongTemplate("deviceManagement/templates", template); a != nil {
		return a
	}
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
	if a := c.wrongSettings(p); a != nil {
		return a
	}
	if c.strict(RuleNullSetting) {
		value = set(p.obj.kid(kid), value)
	}
	c.merge(p.obj, kid, value, "definitionId")
	return &answer{status: http.StatusNoContent}
}

// set returns the settings that are set: null leaves one as it is, if there is one.
func set(there *kidList, settings []byte) []byte {
	out := []byte("[")
	for e := range elements(settings) {
		null := string(member(e, "value")) == "null" || string(member(e, "valueJson")) == `"null"`
		if null && there != nil && slices.ContainsFunc(there.list.objs, func(o *object) bool {
			return bytes.Equal(member(o.body, "definitionId"), member(e, "definitionId"))
		}) {
			continue
		}
		out = append(comma(out), e...)
	}
	return append(out, ']')
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
	updated := make(map[string][]byte)
	for e := range elements(member(c.body, strings.Replace(added, "added", "updated", 1))) {
		updated[text(member(e, "id"))] = e
	}
	if a := c.wrongBind(place{spec: kid, parent: o}); a != nil {
		return a
	}
	all := []byte("[")
	if k := o.kid(kid); k != nil {
		for _, old := range k.list.objs {
			doc := []byte(export(old))
			for k, v := range membersOf(updated[old.id]) {
				doc = setMember(doc, k, v)
			}
			if !gone[old.id] {
				all = append(comma(all), doc...)
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
	kid := p.spec.kid("items")
	if kid == nil {
		return c.notAllowed()
	}
	to := p.spec.kid("assignments")
	value := member(c.body, "assignments")
	if a := c.wrongEntries(to, value); a != nil {
		return a
	}
	a := c.addAndDelete(p.obj, kid, "addedPolicySetItems", "deletedPolicySetItems")
	if isArray(value) && a.status < http.StatusBadRequest {
		c.setKids(p.obj, to, value)
	}
	return a
}

// scheduleActions replaces what happens to devices that are not compliant.
func (c *call) scheduleActions(p place) *answer {
	kid := p.spec.kid("scheduledActionsForRule")
	for _, name := range []string{"deviceComplianceScheduledActionForRules", "scheduledActions"} {
		if value := member(c.body, name); kid != nil && isArray(value) {
			if p.spec.is(abstract) && blocks(value) != 1 && c.strict(RuleBlockAction) {
				return c.refuseModel(oneBlock)
			}
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

// setPriority gives an object a priority, and those that have it the next ones.
func (c *call) setPriority(p place) *answer {
	v := member(c.body, "priority")
	if v == nil {
		return c.refuseModel("The parameter 'priority' is required")
	}
	n := priorityOf(c.body)
	if (made(p) || n < 1) && c.strict(RuleProvided) {
		return c.builtIn()
	}
	c.remember(p.obj)
	for at := n; c.strict(RulePriority); at++ {
		other := c.withPriority(p, p.obj.typ, at)
		if other == nil {
			break
		}
		defer func() {
			other.body = setMember(other.body, "priority", []byte(itoa(at+1)))
			other.finish()
		}()
	}
	p.obj.body = setMember(p.obj.body, "priority", v)
	p.obj.finish()
	return &answer{status: http.StatusNoContent}
}
