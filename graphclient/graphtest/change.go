package graphtest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// change answers a request that changes the tenant.
func (c *call) change() *answer {
	t := c.tenant
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(c.body) > 0 && !json.Valid(c.body) {
		return c.badRequest("Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
	}
	p := t.find(c.route)
	c.validate(p)
	if action := writeActions[strings.ToLower(c.route.fn)]; action != nil && c.method == http.MethodPost {
		if p.lost != "" && !strings.EqualFold(c.route.fn, "createInstance") {
			return c.notFound(p.lost)
		}
		return action(c, p)
	}
	switch {
	case c.route.fn != "":
		return c.notAllowed()
	case c.method == http.MethodPost && p.obj == nil && p.lost == "":
		return c.create(p)
	case p.lost != "" && (c.method != http.MethodPatch || !p.spec.is(callerID)):
		return c.notFound(p.lost)
	case p.lost != "":
		return c.upsert(p)
	case p.obj == nil:
		return c.notAllowed()
	case c.method == http.MethodPatch:
		return c.patch(p, false)
	case c.method == http.MethodPut:
		return c.patch(p, true)
	case c.method == http.MethodDelete:
		return c.remove(p)
	}
	return c.notAllowed()
}

func (c *call) notAllowed() *answer {
	return c.fail(http.StatusMethodNotAllowed, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
}

// readOnly are properties that no request may hold.
// Source: graph.md section 1, generic strip.
var readOnly = map[string]bool{ //nolint:gochecknoglobals // a constant table
	"createdDateTime": true, "lastModifiedDateTime": true, "modifiedDateTime": true, "isAssigned": true, "settingCount": true,
}

// wrong says what is wrong with a body, or nothing.
func (c *call) wrong(p place) *answer {
	if !isObject(bytes.TrimSpace(c.body)) {
		return c.badRequest("An empty or malformed payload was received. A JSON object is expected.")
	}
	for k := range membersOf(c.body) {
		switch {
		case readOnly[k]:
			return c.nested(http.StatusBadRequest, "BadRequest", "The property '"+k+"' is read-only and cannot be set")
		case annotation(k) && k != "@odata.type" && !strings.HasSuffix(k, "@odata.bind"):
			return c.badRequest("The annotation '" + k + "' was found in the payload and is not recognized.")
		}
	}
	if typ := member(c.body, "@odata.type"); p.spec.is(abstract) && typ == nil && c.method != http.MethodPut {
		return c.badRequest("Cannot create an abstract class.")
	}
	return nil
}

// create adds an object to a list.
func (c *call) create(p place) *answer {
	if a := c.wrong(p); a != nil {
		return a
	}
	list := c.listOf(p)
	if list == nil {
		return c.notAllowed()
	}
	doc := setMember(c.body, "id", quote(nil, c.newID(p)))
	if p.parent == nil {
		doc = c.stamped(p, doc)
	}
	parent := ""
	if p.parent != nil {
		parent = p.parent.id
	}
	o, err := ingester{c.tenant}.object(p.spec, p.path, parent, len(list.objs), doc)
	if err != nil {
		return c.badRequest("The payload could not be read.")
	}
	if list.get(o.id) != nil {
		return c.nested(http.StatusConflict, "Conflict", "An object with this id exists")
	}
	c.tenant.seq++
	o.seq, o.made = c.tenant.seq, c.now
	list.add(o)
	p.parent.touched(c.tenant.seq)
	return c.show(p, o, http.StatusCreated)
}

// late reports whether o is too new to be seen.
func (c *call) late(o *object, lag time.Duration) bool {
	return o != nil && lag > 0 && !o.made.IsZero() && c.now.Before(o.made.Add(lag))
}

// stamped returns a new object with what the service sets by itself.
func (c *call) stamped(p place, doc []byte) []byte {
	if p.spec.name == "deviceManagement/roleScopeTags" || p.spec.name == "deviceManagement/deviceCategories" {
		return doc
	}
	now := c.tenant.stamp()
	if len(p.spec.kids) > 0 || p.spec.is(abstract) {
		doc = setMember(doc, "createdDateTime", now)
	}
	doc = setMember(doc, "lastModifiedDateTime", now)
	if len(p.spec.kids) > 0 && !p.spec.is(directory) && p.spec.kid("roleScopeTags") == nil && member(doc, "roleScopeTagIds") == nil {
		doc = setMember(doc, "roleScopeTagIds", []byte(`["0"]`))
	}
	return doc
}

// newID gives an object its id: a GUID, a small number for scope tags, and for
// assignments the one that follows from the target.
func (c *call) newID(p place) string {
	if p.spec.ids == idAssignment && p.parent != nil {
		return deriveID(idAssignment, p.path, p.parent.id, 0, c.body)
	}
	if p.spec.name == "deviceManagement/roleScopeTags" {
		return strconv.FormatUint(c.tenant.seq+100, 10)
	}
	return guid("created", c.requestID, p.path)
}

// listOf returns the stored list of a place.
func (c *call) listOf(p place) *collection {
	if p.spec.compute != nil {
		return nil
	}
	if p.parent == nil {
		if len(p.spec.views) > 0 {
			return nil
		}
		return &c.tenant.root(p.spec.name, true).list
	}
	k := p.parent.kid(p.spec)
	if k == nil {
		k = &kidList{spec: p.spec}
		p.parent.kids = append(p.parent.kids, k)
	}
	return &k.list
}

// show answers with an object as a GET would, without its children.
func (c *call) show(p place, o *object, status int) *answer {
	body := c.renderer().object(make([]byte, 0, 256+len(o.body)), o, view{declared: p.spec.typ, at: p.path, opts: noOptions})
	return &answer{status: status, body: body}
}

// upsert creates an object at the id that the caller has chosen.
func (c *call) upsert(p place) *answer {
	list := c.listOf(p)
	o, err := ingester{c.tenant}.object(p.spec, p.path, "", len(list.objs), setMember(c.body, "id", quote(nil, p.lost)))
	if err != nil {
		return c.badRequest("The payload could not be read.")
	}
	c.tenant.seq++
	o.seq = c.tenant.seq
	list.add(o)
	return c.show(p, o, http.StatusCreated)
}

// patch changes an object: the members that the body has or, with whole, all of
// them. Children that a PUT carries replace those that are there; a PATCH leaves
// them.
func (c *call) patch(p place, whole bool) *answer {
	if a := c.wrong(p); a != nil {
		return a
	}
	list := c.listOf(p)
	if list == nil {
		return c.notAllowed()
	}
	i := list.find(p.obj.id)
	if i < 0 {
		return c.notFound(p.obj.id)
	}
	old := p.obj
	doc := export(old)
	if whole {
		doc = keep(doc)
	}
	for k, v := range membersOf(c.body) {
		if kid := p.spec.inline(k); kid != nil && !whole {
			continue // ignored, as the service does
		}
		if k == "id" || k == "@odata.type" && !whole && old.typ != "" {
			continue
		}
		doc = setMember(doc, k, v)
	}
	doc = setMember(doc, "lastModifiedDateTime", c.tenant.stamp())
	if err := c.tenant.replace(p, list, i, doc); err != nil {
		return c.badRequest("The payload could not be read.")
	}
	if whole {
		return &answer{status: http.StatusNoContent}
	}
	return c.show(p, list.objs[i], http.StatusOK)
}

// keep returns what a PUT leaves of an object: its id, its type, when it was
// made, and who gets it.
func keep(doc []byte) []byte {
	w := newObject(len(doc))
	for k, v := range membersOf(doc) {
		switch k {
		case "id", "@odata.type", "createdDateTime", "assignments", "creationSource":
			w.raw(k, v)
		}
	}
	return w.bytes()
}

// remove deletes an object.
func (c *call) remove(p place) *answer {
	list := c.listOf(p)
	if list == nil {
		return c.notAllowed()
	}
	i := list.find(p.obj.id)
	if i < 0 {
		return c.notFound(p.obj.id)
	}
	list.remove(i)
	c.tenant.seq++
	if p.spec.is(deltaList) {
		c.tenant.gone = append(c.tenant.gone, tombstone{path: p.spec.name, id: p.obj.id, seq: c.tenant.seq})
	}
	p.parent.touched(c.tenant.seq)
	return &answer{status: http.StatusNoContent}
}

// patchManagement changes the settings of the tenant, which are a property of
// what everything else is below.
// Source: policytypes deviceManagementSettings.
func (c *call) patchManagement() *answer {
	const path = "deviceManagement/settings"
	settings := member(c.body, "settings")
	if !json.Valid(c.body) || !isObject(settings) {
		return c.badRequest("A JSON object with settings is expected.")
	}
	t := c.tenant
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.root(path, true)
	if len(r.list.objs) == 0 {
		o, err := ingester{t}.object(r.spec, path, "", 0, settings)
		if err != nil {
			return c.badRequest("The payload could not be read.")
		}
		r.list.add(o)
		return &answer{status: http.StatusNoContent}
	}
	o := r.list.objs[0]
	for k, v := range membersOf(settings) {
		o.body = setMember(o.body, k, v)
	}
	o.finish()
	return &answer{status: http.StatusNoContent}
}
