package graphtest

import (
	"net/http"
	"strconv"
)

// updateRelationships replaces the relationships of an app.
func (c *call) updateRelationships(p place) *answer {
	kid := p.spec.kid("relationships")
	value := member(c.body, "relationships")
	if kid == nil || !isArray(value) {
		return c.nested(http.StatusBadRequest, "ModelValidationFailure", "The parameter 'relationships' is required")
	}
	for e := range elements(value) {
		for _, name := range []string{"targetDisplayName", "targetDisplayVersion", "targetPublisher"} {
			if c.strict(RuleRelationship) && (member(e, name) != nil || text(member(e, "targetType")) == "parent") {
				return c.isSet(name)
			}
		}
	}
	c.setKids(p.obj, kid, value)
	return &answer{status: http.StatusNoContent}
}

// addRef lets an object refer to another one.
func (c *call) addRef(p place) *answer {
	link := text(member(c.body, "@odata.id"))
	path, id, err := bindTarget(link)
	if err != nil || p.parent == nil {
		return c.badRequest("The link to the object is missing.")
	}
	if c.strict(RuleBind) {
		if a := c.binding(link); a != nil {
			return a
		}
	}
	p.parent.refs = append(p.parent.refs, ref{nav: p.spec.name, path: path, id: id})
	return &answer{status: http.StatusNoContent}
}

// changeRef replaces the one object that an object refers to, or takes one away.
func (c *call) changeRef(p place) *answer {
	if p.parent == nil || c.method != http.MethodPut && c.method != http.MethodDelete || c.method == http.MethodPut && !p.spec.is(single) {
		return c.notAllowed()
	}
	before := p.parent.refs
	var kept []ref
	for _, r := range before {
		if r.nav != p.spec.name || p.obj != nil && !p.spec.is(single) && r.id != p.obj.id {
			kept = append(kept, r)
		}
	}
	p.parent.refs = kept
	if c.method == http.MethodDelete {
		return &answer{status: http.StatusNoContent}
	}
	a := c.addRef(p)
	if a.status >= http.StatusBadRequest {
		p.parent.refs = before
	}
	return a
}

// setDefaultProfile makes a profile the one that devices get.
// Source: policytypes depEnrollmentProfile.
func (c *call) setDefaultProfile(p place) *answer {
	if p.parent == nil || p.obj == nil {
		return c.notAllowed()
	}
	for _, o := range c.tenant.objects(p.spec, p.parent) {
		o.body = setMember(o.body, "isDefault", strconv.AppendBool(nil, o == p.obj))
		o.finish()
	}
	return &answer{status: http.StatusNoContent}
}

// createCopy makes another policy of a policy.
// Source: graph.md section 2, other actions.
func (c *call) createCopy(p place) *answer {
	list := c.listOf(place{spec: p.spec, path: p.spec.name})
	if list == nil || p.obj == nil {
		return c.notAllowed()
	}
	doc := setMember(export(p.obj), "id", quote(nil, guid("copy", c.requestID)))
	doc = setMember(doc, "assignments", []byte("[]"))
	for name, as := range map[string]string{"displayName": "displayName", "description": "description"} {
		if as == "displayName" && member(doc, "displayName") == nil {
			as = "name"
		}
		if v := member(c.body, name); v != nil {
			doc = setMember(doc, as, v)
		}
	}
	o, err := ingester{c.tenant}.object(p.spec, p.spec.name, "", len(list.objs), doc)
	if err != nil {
		return c.badRequest("The payload could not be read.")
	}
	c.tenant.seq++
	o.seq, o.made = c.tenant.seq, c.now
	list.add(o)
	return c.show(p, o, http.StatusOK)
}
