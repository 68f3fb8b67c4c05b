package graphtest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// function answers a GET that ends in a function name or $count.
func (c *call) function(p place) *answer {
	switch strings.ToLower(c.route.fn) {
	case "$count":
		return c.countObjects(p)
	case "delta":
		return c.delta(p)
	case "getomasettingplaintextvalue":
		return c.plainOMA(p)
	case "getrolescopetagsbyresource":
		return c.scopeTags(p)
	case "$ref":
		return c.reference(p)
	}
	return c.fail(http.StatusMethodNotAllowed, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
}

func (c *call) countObjects(p place) *answer {
	if p.obj != nil {
		return c.noSegment("$count")
	}
	if p.spec.is(directory) && !c.eventual() {
		return c.fail(http.StatusBadRequest, "Request_BadRequest", "$count is not currently supported.")
	}
	if err := c.check(p); err != nil {
		return c.refuse(err)
	}
	n := len(c.selectObjects(p))
	return &answer{status: http.StatusOK, body: strconv.AppendInt(nil, int64(n), 10), ctype: "text/plain"}
}

// reference answers /$ref of a single navigation property.
func (c *call) reference(p place) *answer {
	if p.obj == nil {
		return c.noSegment("$ref")
	}
	w := newObject(256)
	w.str("@odata.context", c.service()+"/$metadata#$ref")
	w.str("@odata.id", c.service()+"/"+p.obj.spec.name+"('"+p.obj.id+"')")
	return &answer{status: http.StatusOK, body: w.bytes()}
}

// plainOMA answers getOmaSettingPlainTextValue, which a permission to read is
// not enough for. Source: policytypes customConfiguration.
func (c *call) plainOMA(p place) *answer {
	if p.obj == nil {
		return c.noSegment(c.route.fn)
	}
	if roles := c.token.roles; roles != nil && !foldIn(roles, "DeviceManagementConfiguration.ReadWrite.All") {
		return c.forbidden([]string{"DeviceManagementConfiguration.ReadWrite.All"})
	}
	_, id, _ := strings.Cut(unescape(c.route.args), "=")
	id = strings.Trim(id, "'")
	value, ok := c.tenant.secrets[id]
	if !ok || id == "" || !bytes.Contains(p.obj.body, []byte(id)) {
		return c.nested(http.StatusNotFound, "ResourceNotFound", "No secret was found for the reference")
	}
	w := newObject(256)
	w.str("@odata.context", c.service()+"/$metadata#Edm.String")
	w.raw("value", value)
	return &answer{status: http.StatusOK, body: w.bytes()}
}

// scopeTags answers getRoleScopeTagsByResource, which a restricted admin may
// ask when the list is forbidden. Source: policytypes roleScopeTag.
func (c *call) scopeTags(p place) *answer {
	return c.list(page{context: "Collection(roleScopeTag)", count: -1, value: func(dst []byte) []byte {
		return c.renderer().elements(dst, p, c.tenant.objects(p.spec, nil), noOptions)
	}})
}

// byIDs answers POST directoryObjects/getByIds: what exists, in any number.
// Source: graph.md section 3.5.
func (c *call) byIDs() *answer {
	var in struct {
		IDs   []string `json:"ids"`
		Types []string `json:"types"`
	}
	if err := json.Unmarshal(c.body, &in); err != nil || len(in.IDs) == 0 {
		return c.fail(http.StatusBadRequest, "Request_BadRequest", "Invalid request body: ids is required.")
	}
	if len(in.IDs) > 1000 {
		return c.fail(http.StatusBadRequest, "Request_BadRequest", "Too many ids: the limit is 1000.")
	}
	c.tenant.mu.RLock()
	defer c.tenant.mu.RUnlock()
	r := c.renderer()
	return c.list(page{context: "directoryObjects", count: -1, value: func(dst []byte) []byte {
		for _, id := range in.IDs {
			if o := c.directoryObject(id, in.Types); o != nil && !slices.Contains(c.quirks.PartialIDs, id) {
				dst = r.object(comma(dst), o, view{declared: "directoryObject", list: true, at: o.spec.name + "('" + id + "')", opts: noOptions})
			}
		}
		return dst
	}})
}

// directoryObject finds an object of one of the types, or of any.
func (c *call) directoryObject(id string, types []string) *object {
	for _, path := range directoryLists {
		root := c.tenant.root(path, false)
		if root == nil || len(types) > 0 && !foldIn(types, root.spec.typ) && !foldIn(types, "directoryObject") {
			continue
		}
		if o := root.list.get(id); o != nil {
			return o
		}
	}
	return nil
}

var directoryLists = []string{"groups", "users", "servicePrincipals", "directoryRoles"} // read-only

// settingDefinitions makes the definitions that a catalog setting uses, which
// exports do not carry.
func settingDefinitions(_ *Tenant, setting *object) []*object {
	if setting == nil {
		return nil
	}
	var out []*object
	seen := make(map[string]bool)
	var walk func(v []byte)
	walk = func(v []byte) {
		switch {
		case isObject(v):
			for k, m := range membersOf(v) {
				if id := text(m); k == "settingDefinitionId" && id != "" && !seen[id] {
					seen[id] = true
					out = append(out, newDefinition(setting, id, text(member(v, "@odata.type"))))
				}
				walk(m)
			}
		case isArray(v):
			for m := range elements(v) {
				walk(m)
			}
		}
	}
	walk(setting.body)
	return out
}

func newDefinition(setting *object, id, instance string) *object {
	typ := "deviceManagementConfigurationSimpleSettingDefinition"
	switch {
	case strings.Contains(instance, "ChoiceSetting"):
		typ = "deviceManagementConfigurationChoiceSettingDefinition"
	case strings.Contains(instance, "GroupSetting"):
		typ = "deviceManagementConfigurationSettingGroupCollectionDefinition"
	}
	name := id[strings.LastIndexByte(id, '_')+1:]
	w := newObject(256)
	w.str("id", id)
	w.str("name", name)
	w.str("displayName", name)
	w.str("rootDefinitionId", id)
	w.str("version", "1")
	return &object{id: id, typ: typ, spec: setting.spec.kid("settingDefinitions"), body: w.bytes()}
}

// referencingPolicies lists the catalog policies that name a reusable setting.
func referencingPolicies(t *Tenant, setting *object) []*object {
	r := t.root("deviceManagement/configurationPolicies", false)
	if r == nil || setting == nil {
		return nil
	}
	var out []*object
	for _, policy := range r.list.objs {
		for _, k := range policy.kids {
			if slices.ContainsFunc(k.list.objs, func(o *object) bool { return bytes.Contains(o.body, []byte(`"`+setting.id+`"`)) }) {
				out = append(out, policy)
				break
			}
		}
	}
	return out
}

// assignmentsOfRole lists the assignments of one role definition.
func assignmentsOfRole(t *Tenant, role *object) []*object {
	r := t.root("deviceManagement/roleAssignments", false)
	if r == nil || role == nil {
		return nil
	}
	var out []*object
	for _, a := range r.list.objs {
		for _, k := range a.kids {
			if k.spec.name == "roleDefinition" && k.list.get(role.id) != nil {
				out = append(out, a)
			}
		}
	}
	return out
}
