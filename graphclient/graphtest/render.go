package graphtest

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// A level is how much metadata the client accepts.
type level int

const (
	minimal level = iota
	none
	full
)

// levelOf reads odata.metadata out of an Accept header.
func levelOf(accept string) level {
	accept = strings.ToLower(accept)
	switch {
	case strings.Contains(accept, "metadata=full"):
		return full
	case strings.Contains(accept, "metadata=none"):
		return none
	}
	return minimal
}

func (l level) String() string { return [...]string{"minimal", "none", "full"}[l] }

// A renderer turns stored objects into the JSON of one answer. The lock of
// its tenant is held.
type renderer struct {
	t       *Tenant
	level   level
	service string // scheme, host and version, for links
	hidden  map[string][]string
	cap     int  // most children an expansion shows; 0 means all
	stable  bool // v1.0, which leaves out scope tags and filters
}

// A view is what one object of an answer shows.
type view struct {
	declared string // type that the path declares
	list     bool   // as an element of a list
	at       string // canonical path of the object
	opts     *options
}

var noOptions = &options{} // read-only

// elements appends objects of a list, separated.
func (r *renderer) elements(dst []byte, p place, objs []*object, opts *options) []byte {
	for _, o := range objs {
		dst = r.object(comma(dst), o, view{declared: p.spec.typ, list: true, at: p.path + "('" + o.id + "')", opts: opts})
	}
	return dst
}

// object appends o.
func (r *renderer) object(dst []byte, o *object, v view) []byte {
	start := len(dst)
	dst = append(dst, '{')
	if r.level != none && o.typ != "" && (o.typ != v.declared || r.level == full) {
		dst = append(dst, `"@odata.type":"#microsoft.graph.`...)
		dst = append(dst, o.typ...)
		dst = append(dst, '"')
	}
	if r.level == full {
		dst = r.links(dst, o, v)
	}
	dst = r.members(dst, o, v)
	for i := range v.opts.expand {
		dst = r.expansion(dst, o, v, &v.opts.expand[i])
	}
	if r.level == full && o.spec.typ != "" {
		dst = r.navigation(dst, o, v)
	}
	if len(r.hidden) > 0 {
		dst = append(dst[:start], hideEnums(append(dst[start:len(dst):len(dst)], '}'), r.hidden)...)
		return dst
	}
	return append(dst, '}')
}

// members appends the object's own properties.
func (r *renderer) members(dst []byte, o *object, v view) []byte {
	body := o.body
	if v.list && o.list != nil {
		body = o.list
	}
	g := &o.spec.gaps
	if v.opts.sel == nil && len(g.asked) == 0 && r.level == minimal && !r.stable {
		if len(body) > 2 {
			dst = comma(dst)
			dst = append(dst, body[1:len(body)-1]...)
		}
		return dst
	}
	for k, val := range membersOf(o.body) {
		selected := foldIn(v.opts.sel, k)
		switch {
		case v.opts.sel != nil && !selected, r.stable && slices.Contains(betaProperties, k):
			continue
		case v.list && slices.Contains(g.absent, k):
			continue
		case v.list && slices.Contains(g.null, k),
			v.list && slices.Contains(g.selected, k) && !selected,
			slices.Contains(g.asked, k) && !selected:
			val = []byte("null")
		}
		dst = r.member(dst, k, val)
	}
	return dst
}

// member appends one property with what the metadata level adds to it.
func (r *renderer) member(dst []byte, name string, val []byte) []byte {
	if r.level == full {
		if typ := fullType(name, val); typ != "" {
			dst = append(quote(comma(dst), name+"@odata.type"), ':')
			dst = quote(dst, typ)
		}
	}
	dst = append(quote(comma(dst), name), ':')
	if r.stable && name == "target" && isObject(val) {
		val = without(val, betaProperties)
	}
	switch r.level {
	case none:
		return appendUntyped(dst, val)
	case full:
		return r.nested(dst, name, val)
	default:
		return append(dst, val...)
	}
}

// betaProperties are those that v1.0 silently does not have. Read-only.
// Source: policytypes deviceConfiguration.
var betaProperties = []string{
	"roleScopeTagIds", "roleScopeTags", "supportsScopeTags",
	"deviceAndAppManagementAssignmentFilterId", "deviceAndAppManagementAssignmentFilterType",
}

// without copies an object but for some members.
func without(val []byte, names []string) []byte {
	w := newObject(len(val))
	for k, v := range membersOf(val) {
		if !slices.Contains(names, k) {
			w.raw(k, v)
		}
	}
	return w.bytes()
}

// nested appends a value of a property with all its types.
func (r *renderer) nested(dst []byte, name string, val []byte) []byte {
	switch {
	case isObject(val):
		dst = append(dst, '{')
		if typ := nestedTypes[name]; typ != "" && member(val, "@odata.type") == nil {
			dst = append(append(append(dst, `"@odata.type":"#microsoft.graph.`...), typ...), '"')
		}
		for k, v := range membersOf(val) {
			if k == "@odata.type" {
				dst = append(append(comma(dst), `"@odata.type":`...), v...)
				continue
			}
			dst = r.member(dst, k, v)
		}
		return append(dst, '}')
	case isArray(val):
		dst = append(dst, '[')
		for v := range elements(val) {
			dst = r.nested(comma(dst), name, v)
		}
		return append(dst, ']')
	}
	return append(dst, val...)
}

// expansion appends the children that one item of $expand asks for.
func (r *renderer) expansion(dst []byte, o *object, v view, e *expand) []byte {
	kid := o.spec.kid(e.nav)
	if kid == nil || e.cast != "" && e.cast != o.typ {
		return dst
	}
	objs := r.t.objects(kid, o)
	at := v.at + "/" + kid.name
	if r.level != none {
		dst = append(quote(comma(dst), kid.name+"@odata.context"), ':')
		dst = quote(dst, r.service+"/$metadata#"+at)
	}
	if r.level == full {
		dst = r.navLinks(dst, at, kid.name)
	}
	dst = append(quote(comma(dst), kid.name), ':')
	if kid.is(single) {
		if len(objs) == 0 {
			return append(dst, "null"...)
		}
		return r.object(dst, objs[0], view{declared: kid.typ, at: at, opts: &e.opts})
	}
	dst = append(dst, '[')
	for i, child := range objs {
		if r.cap > 0 && i == r.cap {
			break
		}
		if e.opts.filter != nil && !e.opts.filter.match(child) {
			continue
		}
		dst = r.object(comma(dst), child, view{declared: kid.typ, list: true, at: at + "('" + child.id + "')", opts: &e.opts})
	}
	return append(dst, ']')
}

// links appends what full metadata says about the object itself.
func (r *renderer) links(dst []byte, o *object, v view) []byte {
	if o.spec.typ == "" {
		return dst
	}
	dst = append(quote(comma(dst), "@odata.id"), ':')
	dst = quote(dst, v.at)
	dst = append(quote(comma(dst), "@odata.editLink"), ':')
	edit := v.at
	if o.typ != v.declared && o.typ != "" {
		edit += "/microsoft.graph." + o.typ
	}
	return quote(dst, edit)
}

func (r *renderer) navLinks(dst []byte, at, name string) []byte {
	dst = append(quote(comma(dst), name+"@odata.associationLink"), ':')
	dst = quote(dst, r.service+"/"+at+"/$ref")
	dst = append(quote(comma(dst), name+"@odata.navigationLink"), ':')
	return quote(dst, r.service+"/"+at)
}

// navigation appends the links to children that were not expanded, and the
// actions.
func (r *renderer) navigation(dst []byte, o *object, v view) []byte {
	for _, kid := range o.spec.kids {
		expanded := slices.ContainsFunc(v.opts.expand, func(e expand) bool { return strings.EqualFold(e.nav, kid.name) })
		if !expanded && !kid.is(castOnly) {
			dst = r.navLinks(dst, v.at+"/"+kid.name, kid.name)
		}
	}
	if v.opts.sel != nil {
		return dst
	}
	for _, action := range o.spec.actions {
		dst = append(quote(comma(dst), graphNamespace+action), ':')
		w := newObject(128)
		w.str("title", "microsoft.graph."+action)
		w.str("target", r.service+"/"+v.at+"/microsoft.graph."+action)
		dst = append(dst, w.bytes()...)
	}
	return dst
}

// comma appends a separator unless an object or array has just begun.
func comma(dst []byte) []byte {
	if n := len(dst); n > 0 && dst[n-1] != '{' && dst[n-1] != '[' {
		return append(dst, ',')
	}
	return dst
}

var dateTime = regexp.MustCompile(`^"\d{4}-\d\d-\d\dT[\d:.]+Z"$`)

// fullType is the annotation of a property in full metadata, or "".
func fullType(name string, val []byte) string {
	switch {
	case len(val) == 0 || name == "id":
		return ""
	case val[0] == '"':
		switch {
		case dateTime.Match(val):
			return "#DateTimeOffset"
		case enumTypes[name] != "":
			return graphNamespace + enumTypes[name]
		case name == "platforms":
			return "#microsoft.graph.deviceManagementConfigurationPlatforms"
		}
	case val[0] == '[':
		if typ := collectionTypes[name]; typ != "" {
			return "#Collection(microsoft.graph." + typ + ")"
		}
		for v := range elements(val) {
			if typ := text(member(v, "@odata.type")); isObject(v) && typ != "" {
				return "#Collection(" + strings.TrimPrefix(typ, "#") + ")"
			} else if isObject(v) && nestedTypes[name] != "" {
				return "#Collection(microsoft.graph." + nestedTypes[name] + ")"
			} else if isObject(v) {
				return ""
			}
			break
		}
		return "#Collection(String)"
	}
	return ""
}

// appendUntyped appends val without any annotation.
func appendUntyped(dst, val []byte) []byte {
	if !bytes.Contains(val, []byte(`"@odata.`)) {
		return append(dst, val...)
	}
	switch {
	case isObject(val):
		dst = append(dst, '{')
		for k, v := range membersOf(val) {
			if !annotation(k) {
				dst = append(quote(comma(dst), k), ':')
				dst = appendUntyped(dst, v)
			}
		}
		return append(dst, '}')
	case isArray(val):
		dst = append(dst, '[')
		for v := range elements(val) {
			dst = appendUntyped(comma(dst), v)
		}
		return append(dst, ']')
	}
	return append(dst, val...)
}

// hideEnums replaces enum values that a client has not asked to see.
func hideEnums(val []byte, hidden map[string][]string) []byte {
	w := newObject(len(val))
	for k, v := range membersOf(val) {
		switch {
		case len(hidden[k]) > 0:
			for _, value := range hidden[k] {
				v = bytes.ReplaceAll(v, quote(nil, value), []byte(`"unknownFutureValue"`))
			}
		case isObject(v):
			v = hideEnums(v, hidden)
		}
		w.raw(k, v)
	}
	return w.bytes()
}
