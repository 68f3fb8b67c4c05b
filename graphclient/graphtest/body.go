package graphtest

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
)

// readOnly are properties that no request may hold.
// Source: graph.md section 1, generic strip.
var readOnly = []string{ //nolint:gochecknoglobals // a constant table
	"createdDateTime", "lastModifiedDateTime", "modifiedDateTime", "version", "isAssigned",
}

// wrong says what is wrong with a body, or nothing.
func (c *call) wrong(p place) *answer {
	if !isObject(bytes.TrimSpace(c.body)) {
		return c.badRequest("An empty or malformed payload was received. A JSON object is expected.")
	}
	for _, check := range []func(p place) *answer{
		c.wrongMembers, c.wrongType, c.wrongChange, c.wrongChildren, c.wrongBind, c.wrongTags, c.wrongSettings, c.wrongKind,
	} {
		if a := check(p); a != nil {
			return a
		}
	}
	return nil
}

// isSet is the answer to a property that the service sets itself.
func (c *call) isSet(name string) *answer {
	return c.nested(http.StatusBadRequest, "BadRequest", "The property '"+name+"' is read-only and cannot be set")
}

// wrongMembers refuses what no request may hold.
func (c *call) wrongMembers(p place) *answer {
	for k, v := range membersOf(c.body) {
		switch {
		case annotation(k) && k != "@odata.type" && !strings.HasSuffix(k, "@odata.bind"):
			if c.strict(RuleAnnotation) {
				return c.badRequest("The annotation '" + k + "' was found in the payload and is not recognized.")
			}
		case k == "supportsScopeTags" && string(v) == "true" && c.strict(RuleScopeTagSupport):
			return c.isSet(k)
		case !c.strict(RuleReadOnly):
		case k == "version" && p.spec.typ == "termsAndConditions":
		case k == "id" && (p.obj == nil && !p.spec.is(callerID) || p.obj != nil && text(v) != p.obj.id),
			slices.Contains(readOnly, k):
			return c.isSet(k)
		}
	}
	if !c.strict(RuleReadOnly) {
		return nil
	}
	for _, path := range p.spec.write.set {
		if has(c.body, path) {
			return c.isSet(path)
		}
	}
	return nil
}

// has reports whether a document has a member at a dotted path, in which arrays
// are transparent and a leading "*." stands for any depth.
func has(value []byte, path string) bool {
	if isArray(value) {
		for e := range elements(value) {
			if has(e, path) {
				return true
			}
		}
		return false
	}
	if name, deep := strings.CutPrefix(path, "*."); deep {
		return bytes.Contains(value, []byte(`"`+name+`":`))
	}
	first, rest, more := strings.Cut(path, ".")
	v := member(value, first)
	return v != nil && (!more || has(v, rest))
}

// wrongType refuses objects that do not say what they are, or something else.
func (c *call) wrongType(p place) *answer {
	typ := strings.TrimPrefix(text(member(c.body, "@odata.type")), graphNamespace)
	switch {
	case p.spec.is(abstract) && (typ == "" && c.method != http.MethodPut || typ == p.spec.typ) && c.strict(RuleAbstract):
		return c.badRequest("Cannot create an abstract class.")
	case p.obj != nil && typ != "" && p.obj.typ != "" && typ != p.obj.typ && c.strict(RuleTypeChange):
		return c.nested(http.StatusBadRequest, "ModelValidationFailure", "The type of an object cannot be changed")
	}
	return nil
}

// wrongChange refuses changes of what cannot be changed. A PATCH must not even
// hold it.
func (c *call) wrongChange(p place) *answer {
	if p.obj == nil {
		return nil
	}
	if made(p) && !isDefault(p.spec) && p.spec.typ != "deviceHealthScript" && c.strict(RuleProvided) {
		return c.builtIn()
	}
	if !c.strict(RuleCreateOnly) {
		return nil
	}
	for _, name := range p.spec.write.once {
		v := member(c.body, name)
		if v == nil || c.method == http.MethodPut && sameValue(v, member(p.obj.body, name)) {
			continue
		}
		return c.nested(http.StatusBadRequest, "BadRequest", "The property '"+name+"' cannot be changed after the object was created")
	}
	return nil
}

// sameValue reports whether two values are equal but for what only annotates
// them. A template may be named without its names.
func sameValue(a, b []byte) bool {
	if isObject(a) && isObject(b) {
		for k, v := range membersOf(a) {
			if other := member(b, k); !annotation(k) && other != nil && !sameValue(v, other) {
				return false
			}
		}
		return true
	}
	return bytes.Equal(a, b)
}

// wrongChildren refuses children that a type does not take in a body. Those of a
// catalog policy are ignored by a PATCH.
func (c *call) wrongChildren(p place) *answer {
	if p.parent != nil {
		return nil
	}
	for k := range membersOf(c.body) {
		kid := p.spec.inline(k)
		if kid == nil || !c.strict(RuleChildren) || c.route.fn != "" {
			continue
		}
		if !slices.Contains(p.spec.write.children, kid.name) || p.obj != nil && !p.spec.write.put {
			return c.nested(http.StatusBadRequest, "ModelValidationFailure", "The property '"+k+"' is not allowed in this request")
		}
	}
	return nil
}

// wrongBind refuses bindings that lead nowhere or to another cloud.
func (c *call) wrongBind(p place) *answer {
	if !c.strict(RuleBind) {
		return nil
	}
	if p.spec.typ == "deviceAndAppManagementRoleAssignment" && p.obj == nil && member(c.body, "roleDefinition@odata.bind") == nil {
		return c.nested(http.StatusBadRequest, "ModelValidationFailure", "roleDefinition is required")
	}
	return c.bindings(c.body)
}

// bindings checks the bindings of a value, at every depth.
func (c *call) bindings(value []byte) *answer {
	switch {
	case isArray(value):
		for e := range elements(value) {
			if a := c.bindings(e); a != nil {
				return a
			}
		}
	case isObject(value):
		for k, v := range membersOf(value) {
			if !strings.HasSuffix(k, "@odata.bind") {
				if a := c.bindings(v); a != nil {
					return a
				}
				continue
			}
			links := [][]byte{v}
			if isArray(v) {
				links = slices.Collect(elements(v))
			}
			for _, link := range links {
				if a := c.binding(text(link)); a != nil {
					return a
				}
			}
		}
	}
	return nil
}

// binding checks that a link leads to an object.
func (c *call) binding(link string) *answer {
	if strings.Contains(link, "://") && !strings.HasPrefix(link, c.base+"/") {
		return c.badRequest("Invalid URL '" + link + "' in an @odata.bind annotation.")
	}
	path, id, err := bindTarget(link)
	if err != nil || c.tenant.linked(ref{path: path, id: id}) == nil {
		return c.nested(http.StatusBadRequest, "InvalidReferenceId", "The object that is bound was not found")
	}
	return nil
}

// wrongTags refuses tags that the caller's role does not have.
func (c *call) wrongTags(p place) *answer {
	if c.quirks.RoleTags == nil || p.parent != nil || p.spec.is(directory) {
		return nil
	}
	tags := member(c.body, "roleScopeTagIds")
	if p.obj == nil && untagged(c.body) && len(p.spec.kids) > 0 {
		tags = []byte(`["0"]`)
	}
	for tag := range elements(tags) {
		if id := text(tag); !slices.Contains(c.quirks.RoleTags, id) {
			return c.nested(http.StatusBadRequest, "BadRequest", "Added a tag which is not allowed by the current role: "+id)
		}
	}
	return nil
}

// hidden reports whether the caller's role cannot see an object.
func (c *call) hidden(o *object) bool {
	if o == nil || c.quirks.RoleTags == nil {
		return false
	}
	tags := member(o.body, "roleScopeTagIds")
	if !isArray(tags) {
		return false
	}
	for tag := range elements(tags) {
		if slices.Contains(c.quirks.RoleTags, text(tag)) {
			return false
		}
	}
	return true
}

// wrongSettings refuses settings of the catalog that the tenant cannot have.
func (c *call) wrongSettings(place) *answer {
	for _, name := range []string{"settings", "settingInstance", "settingsDelta"} {
		value := member(c.body, name)
		if value == nil {
			continue
		}
		for _, id := range c.quirks.Unlicensed {
			if bytes.Contains(value, quote(nil, id)) {
				return c.nested(http.StatusBadRequest, "BadRequest", "The setting '"+id+"' is not licensed for this tenant")
			}
		}
		if c.strict(RuleForeignSecret) && c.foreign(value) {
			return c.nested(http.StatusBadRequest, "BadRequest", "The encrypted value of a secret setting is not known")
		}
	}
	return nil
}

// foreign reports whether a value has the token of a secret that the tenant does
// not have.
func (c *call) foreign(value []byte) bool {
	switch {
	case isArray(value):
		return slices.ContainsFunc(slices.Collect(elements(value)), c.foreign)
	case isObject(value):
		if text(member(value, "valueState")) == "encryptedValueToken" {
			return c.tenant.secrets[text(member(value, "value"))] == nil
		}
		for _, v := range membersOf(value) {
			if c.foreign(v) {
				return true
			}
		}
	}
	return false
}
