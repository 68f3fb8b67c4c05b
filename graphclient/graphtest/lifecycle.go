package graphtest

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"time"
)

// made reports whether the service has made an object by itself.
// Source: graph.md section 4, defaults.
func made(p place) bool {
	if p.obj == nil {
		return false
	}
	body := p.obj.body
	switch p.spec.name {
	case "deviceManagement/deviceEnrollmentConfigurations":
		return string(member(body, "priority")) == "0"
	case "deviceManagement/intuneBrandingProfiles":
		return string(member(body, "isDefaultProfile")) == "true"
	case "deviceManagement/roleScopeTags", "deviceManagement/roleDefinitions":
		return string(member(body, "isBuiltIn")) == "true"
	case "deviceManagement/deviceHealthScripts":
		return string(member(body, "isGlobalScript")) == "true"
	case "identity/conditionalAccess/authenticationStrengths/policies":
		return text(member(body, "policyType")) == "builtIn"
	}
	return false
}

// isDefault reports whether what the service has made of a list are defaults, which
// can be changed and not assigned. Scripts of its own can be both.
func isDefault(sp *spec) bool {
	return sp.name == "deviceManagement/deviceEnrollmentConfigurations" || sp.name == "deviceManagement/intuneBrandingProfiles"
}

func (c *call) builtIn() *answer {
	return c.nested(http.StatusBadRequest, "BadRequest", "This operation is not allowed for a default or built-in object")
}

// undeletable says why an object cannot be deleted, or nothing.
func (c *call) undeletable(p place) *answer {
	switch {
	case made(p) && c.strict(RuleProvided):
		return c.builtIn()
	case p.obj.typ == "ipNamedLocation" && string(member(p.obj.body, "isTrusted")) == "true" && c.strict(RuleTrusted):
		return c.badRequest("1046: A trusted named location cannot be deleted.")
	case p.spec.name == "deviceManagement/windowsAutopilotDeploymentProfiles" && c.strict(RuleProfileAssigned):
		if k := p.obj.kid(p.spec.kid("assignments")); k != nil && len(k.list.objs) > 0 {
			return c.nested(http.StatusBadRequest, "BadRequest", "The profile is assigned and cannot be deleted")
		}
	case p.spec.name == "deviceManagement/assignmentFilters" && c.strict(RuleFilterInUse):
		id := quote(nil, p.obj.id)
		for _, r := range c.tenant.roots {
			for _, o := range r.list.objs {
				if named(o, id) {
					return c.nested(http.StatusBadRequest, "BadRequest", "The filter is used by an assignment and cannot be deleted")
				}
			}
		}
	}
	return nil
}

// named reports whether an assignment of an object has a filter, given as JSON.
func named(o *object, filter []byte) bool {
	for _, k := range o.kids {
		for _, a := range k.list.objs {
			if bytes.Equal(member(member(a.body, "target"), "deviceAndAppManagementAssignmentFilterId"), filter) {
				return true
			}
		}
	}
	return false
}

// created completes an object that a request has created.
func (c *call) created(p place, o *object) {
	switch p.spec.name {
	case "deviceAppManagement/mobileApps":
		if packaged(o.typ) {
			o.body = setMember(o.body, "publishingState", []byte(`"notPublished"`))
		} else {
			c.settle(o, "publishingState", "processing", "published")
		}
	case "deviceManagement/groupPolicyUploadedDefinitionFiles":
		c.settle(o, "status", "uploadInProgress", "available")
	default:
		if c.strict(RulePriority) {
			c.tenant.rank(o)
		}
	}
	o.finish()
	c.spread(p, o)
}

// packaged reports whether an app consists of a package that has to be uploaded.
// Source: policytypes mobileApp.
func packaged(typ string) bool {
	return strings.HasSuffix(typ, "LobApp") || slices.Contains([]string{"macOSDmgApp", "macOSPkgApp", "windowsUniversalAppX", "windowsMobileMSI"}, typ)
}

// rank gives an object the next priority of its type, if such objects have one
// and this one has none.
func (t *Tenant) rank(o *object) {
	switch o.spec.name {
	case "deviceManagement/deviceEnrollmentConfigurations", "deviceManagement/appleUserInitiatedEnrollmentProfiles":
	default:
		return
	}
	if member(o.body, "priority") != nil {
		return
	}
	n := 0
	for _, other := range t.objects(o.spec, nil) {
		if other.typ == o.typ && other != o {
			n = max(n, priorityOf(other.body))
		}
	}
	o.body = setMember(o.body, "priority", []byte(itoa(n+1)))
}

// accepted returns a changed document, after what else the change means.
func (c *call) accepted(p place, doc []byte) []byte {
	if p.spec.typ == "termsAndConditions" && c.strict(RuleTermsVersion) && len(string(member(c.body, "version"))) > 0 &&
		!bytes.Equal(member(doc, "version"), member(p.obj.body, "version")) {
		return setMember(doc, "acceptanceStatuses", []byte("[]"))
	}
	return doc
}

// spread carries what an object says over to those beside it: there is one default
// message in a notification template, which changes by making another one that.
// Source: learn.microsoft.com/graph/api/resources/intune-notification-localizednotificationmessage.
func (c *call) spread(p place, o *object) {
	if p.spec.typ != "localizedNotificationMessage" || p.parent == nil || !c.strict(RuleDefaultMessage) {
		return
	}
	list := &p.parent.kid(p.spec).list
	first := func(m *object) bool { return string(member(m.body, "isDefault")) == "true" }
	if !first(o) && !slices.ContainsFunc(list.objs, first) {
		o.body = setMember(o.body, "isDefault", []byte("true")) // it can only be taken over
	}
	if !first(o) {
		return
	}
	for _, m := range list.objs {
		if m != o && first(m) {
			m.body = setMember(m.body, "isDefault", []byte("false"))
		}
	}
	p.parent.body = setMember(p.parent.body, "defaultLocale", member(o.body, "locale"))
}

// A settlement is what the service finishes later than its answer.
type settlement struct {
	obj      *object
	property string
	value    []byte
	at       time.Time
}

// settle sets a property that the service changes by and by.
func (c *call) settle(o *object, property, first, last string) {
	if c.quirks.PublishLag <= 0 {
		o.body = setMember(o.body, property, quote(nil, last))
		return
	}
	o.body = setMember(o.body, property, quote(nil, first))
	c.tenant.pending = append(c.tenant.pending, settlement{o, property, quote(nil, last), c.now.Add(c.quirks.PublishLag)})
}

// settled finishes what is due by now.
func (t *Tenant) settled(now time.Time) {
	due := func(s settlement) bool { return !now.Before(s.at) }
	expired := func(a *approval) bool { return a.granted == "" && a.status(now) == "expired" }
	t.mu.RLock()
	found := slices.ContainsFunc(t.pending, due) || slices.ContainsFunc(t.asked, expired)
	t.mu.RUnlock()
	if !found {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.asked {
		if expired(a) {
			a.granted = "expired"
			_ = t.showApproval(a) // it was shown before
		}
	}
	t.pending = slices.DeleteFunc(t.pending, func(s settlement) bool {
		if !due(s) {
			return false
		}
		o := s.obj
		if r := t.root(o.spec.name, false); r != nil && r.list.get(o.id) != nil {
			o = r.list.get(o.id) // as later changes have left it
		}
		o.body = setMember(o.body, s.property, s.value)
		o.finish()
		return true
	})
}

// A ghost is an object that was deleted and is still seen.
type ghost struct {
	spec  *spec
	obj   *object
	until time.Time
}

// ghostsOf returns what was deleted from a list and is still seen.
func (c *call) ghostsOf(sp *spec) []*object {
	var all []*object
	for _, g := range c.tenant.ghosts {
		if g.spec == sp && c.now.Before(g.until) {
			all = append(all, g.obj)
		}
	}
	return all
}

// seen returns an object as reads show it: for a while, what it was.
func (c *call) seen(o *object) *object {
	for o != nil && o.was != nil && c.now.Before(o.changed.Add(c.quirks.PatchLag)) {
		o = o.was
	}
	return o
}

// remember keeps what an object was before an action changes it.
func (c *call) remember(o *object) {
	if c.quirks.PatchLag <= 0 {
		return
	}
	was := *o
	o.was, o.changed = &was, c.now
}
