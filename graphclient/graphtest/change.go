package graphtest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// change answers a request that changes the tenant.
func (c *call) change() *answer {
	t := c.tenant
	t.settled(c.now)
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(c.body) > 0 && !json.Valid(c.body) {
		return c.badRequest("Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
	}
	p := t.find(c.route)
	c.validate(p)
	for _, o := range []*object{p.obj, p.parent} {
		if c.late(o, c.quirks.WriteLag) || c.hidden(o) {
			return c.notFound(o.id)
		}
	}
	if action := writeActions[strings.ToLower(c.route.fn)]; action != nil && c.method == http.MethodPost {
		if p.lost != "" && !strings.EqualFold(c.route.fn, "createInstance") {
			return c.notFound(p.lost)
		}
		if a := c.wrongAction(p); a != nil {
			return a
		}
		return action(c, p)
	}
	switch {
	case strings.EqualFold(c.route.fn, "$ref"):
		return c.changeRef(p)
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

// create adds an object to a list.
func (c *call) create(p place) *answer {
	if a := c.wrong(p); a != nil {
		return a
	}
	if p.spec.ids == idAssignment && p.parent != nil {
		if a := c.wrongEntry(p.spec, c.body); a != nil {
			return a
		}
	}
	list := c.listOf(p)
	if list == nil || p.spec.write.noPost && c.strict(RuleMethod) && c.route.fn == "" {
		return c.notAllowed()
	}
	doc := setMember(c.rewritten(c.body), "id", quote(nil, c.newID(p)))
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
	c.created(p, o)
	p.parent.touched(c.tenant.seq)
	return c.show(p, o, c.status(p.spec.write.create, http.StatusCreated))
}

// status is what a success is answered by: that of the type, or the usual one.
func (c *call) status(own, usual int) int {
	if own == 0 || !c.strict(RuleStatus) {
		return usual
	}
	return own
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
	if len(p.spec.kids) > 0 && !p.spec.is(directory) && p.spec.kid("roleScopeTags") == nil && untagged(doc) && c.strict(RuleDefaultTag) {
		doc = setMember(doc, "roleScopeTagIds", []byte(`["0"]`))
	}
	return doc
}

// untagged reports whether an object has no scope tags.
func untagged(doc []byte) bool {
	switch string(member(doc, "roleScopeTagIds")) {
	case "", "null", "[]":
		return true
	}
	return false
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
	return guid("created", c.requestID, p.path, strconv.FormatUint(c.tenant.seq, 10)) // parts of a batch have one request id
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
	if a := c.wrong(p); a != nil {
		return a
	}
	list := c.listOf(p)
	o, err := ingester{c.tenant}.object(p.spec, p.path, "", len(list.objs), setMember(c.rewritten(c.body), "id", quote(nil, p.lost)))
	if err != nil {
		return c.badRequest("The payload could not be read.")
	}
	c.tenant.seq++
	o.seq, o.made = c.tenant.seq, c.now
	list.add(o)
	return c.done(p, o)
}

// patch changes an object: the members that the body has or, with whole, all of
// them. Children that a PUT carries replace those that are there; a PATCH leaves
// them.
func (c *call) patch(p place, whole bool) *answer {
	if whole && !p.spec.write.put && c.strict(RuleMethod) {
		return c.notAllowed()
	}
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
	for k, v := range membersOf(c.rewritten(c.body)) {
		if kid := p.spec.inline(k); kid != nil && !whole && (c.strict(RuleCatalogPatch) || kid.name != "settings") {
			continue // ignored, as the service does
		}
		if k == "id" || k == "@odata.type" && !whole && old.typ != "" {
			continue
		}
		doc = setMember(doc, k, v)
	}
	doc = setMember(doc, "lastModifiedDateTime", c.tenant.stamp())
	doc = c.accepted(p, doc)
	if err := c.tenant.replace(p, list, i, doc); err != nil {
		return c.badRequest("The payload could not be read.")
	}
	if o := list.objs[i]; c.quirks.PatchLag > 0 {
		o.was, o.changed = old, c.now
	}
	c.spread(p, list.objs[i])
	if whole {
		return &answer{status: http.StatusNoContent}
	}
	return c.done(p, list.objs[i])
}

// done answers a change.
func (c *call) done(p place, o *object) *answer {
	if status := c.status(p.spec.write.change, http.StatusOK); status != http.StatusOK {
		return &answer{status: status}
	}
	return c.show(p, o, http.StatusOK)
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
	if a := c.undeletable(p); a != nil {
		return a
	}
	list.remove(i)
	c.tenant.seq++
	if c.quirks.DeleteLag > 0 && p.parent == nil {
		c.tenant.ghosts = append(c.tenant.ghosts, ghost{spec: p.spec, obj: p.obj, until: c.now.Add(c.quirks.DeleteLag)})
	}
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
	if a := c.mayWrite(c.tenant.table[strings.ToLower(path)].perm); a != nil {
		return a
	}
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
