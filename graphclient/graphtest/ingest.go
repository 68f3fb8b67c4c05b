package graphtest

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // a name-based GUID is SHA-1 by definition
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const graphNamespace = "#microsoft.graph."

// An ingester turns one document as exported into an object as stored.
type ingester struct {
	t *Tenant
}

// object stores doc as an object of sp. Children that the document carries
// inline become children of the object. at is the canonical path of the list
// and parent the id of the object it belongs to.
func (in ingester) object(sp *spec, at, parent string, index int, doc []byte) (*object, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, doc); err != nil {
		return nil, fmt.Errorf("read document of %s: %w", at, err)
	}
	if !isObject(compact.Bytes()) {
		return nil, fmt.Errorf("read document of %s: not a JSON object", at)
	}
	return in.store(sp, at, parent, index, compact.Bytes()), nil
}

// store is object for a document known to be a compact JSON object.
func (in ingester) store(sp *spec, at, parent string, index int, doc []byte) *object {
	o := &object{spec: sp}
	if !sp.is(abstract) {
		o.typ = sp.typ
	}
	w := newObject(len(doc) + 64)
	inline := make(map[*spec][]byte)
	var members []byte
	for k, v := range membersOf(doc) {
		switch {
		case k == "id":
			o.id = text(v)
		case k == "@odata.type":
			if typ := strings.TrimPrefix(text(v), graphNamespace); typ != o.typ {
				o.typ = typ // else keep the shared string
			}
		case strings.HasSuffix(k, "@odata.bind"):
			o.refs = append(o.refs, refsOf(sp, strings.TrimSuffix(k, "@odata.bind"), v)...)
		case annotation(k):
		case sp.inline(k) != nil:
			if kid := sp.inline(k); isArray(v) || inline[kid] == nil {
				inline[kid] = v
			}
		default:
			members = append(quote(append(members, ','), k), ':')
			members = append(members, in.secret(k, clean(v))...)
		}
	}
	if o.id == "" {
		o.id = deriveID(sp.ids, at, parent, index, doc)
	}
	w.str("id", o.id)
	w.b = append(w.b, members...)
	o.body = clip(w.bytes())
	for _, kid := range sp.kids {
		if v := inline[kid]; v != nil {
			in.children(o, kid, at+"('"+o.id+"')/"+kid.name, v)
		}
	}
	o.finish()
	return o
}

// children stores the inline value of a navigation property.
func (in ingester) children(o *object, kid *spec, at string, value []byte) {
	if kid.compute != nil {
		return
	}
	docs := [][]byte{value}
	if isArray(value) {
		docs = slices.Collect(elements(value))
	}
	list := &kidList{spec: kid}
	for i, doc := range docs {
		if !isObject(doc) {
			if name := text(doc); name != "" { // an export that kept only names
				doc = newNamed(name)
			} else {
				continue
			}
		}
		child := in.store(kid, at, o.id, i, doc)
		for n := 1; list.list.get(child.id) != nil; n++ {
			child.rename(child.id + "_" + strconv.Itoa(n))
		}
		list.list.add(child)
	}
	if len(list.list.objs) > 0 {
		o.kids = append(o.kids, list)
	}
}

// finish brings what depends on the whole object up to date.
func (o *object) finish() {
	if o.spec.is(settingCount) {
		n := 0
		for _, k := range o.kids {
			if k.spec.name == "settings" {
				n = len(k.list.objs)
			}
		}
		o.body = setMember(o.body, "settingCount", strconv.AppendInt(nil, int64(n), 10))
	}
	g := &o.spec.gaps
	if !g.any() {
		return
	}
	for _, name := range g.never {
		if member(o.body, name) != nil {
			o.body = setMember(o.body, name, []byte("null"))
		}
	}
	w := newObject(len(o.body))
	for k, v := range membersOf(o.body) {
		if slices.Contains(g.absent, k) {
			continue
		}
		if slices.Contains(g.null, k) || slices.Contains(g.selected, k) || slices.Contains(g.asked, k) {
			v = []byte("null")
		}
		w.raw(k, v)
	}
	o.list = w.bytes()
}

// clip returns b without much spare room: most of a document can be children.
func clip(b []byte) []byte {
	if cap(b)-len(b) > len(b)/4 {
		return bytes.Clone(b)
	}
	return b
}

func (o *object) rename(id string) {
	o.id = id
	o.body = setMember(o.body, "id", quote(nil, id))
}

// annotation reports whether a member is made anew by metadata level.
func annotation(key string) bool {
	return strings.Contains(key, "@odata.") || strings.HasPrefix(key, graphNamespace)
}

// clean returns value without annotations, except the types of nested
// objects that minimal metadata has to tell. It returns value itself when
// there is nothing to remove.
func clean(value []byte) []byte {
	if !bytes.Contains(value, []byte("@odata.")) && !bytes.Contains(value, []byte(graphNamespace)) {
		return value
	}
	return appendClean(make([]byte, 0, len(value)), value)
}

func appendClean(dst, value []byte) []byte {
	switch {
	case isObject(value):
		dst = append(dst, '{')
		first := true
		for k, v := range membersOf(value) {
			if k == "@odata.type" && declared(strings.TrimPrefix(text(v), graphNamespace)) || k != "@odata.type" && annotation(k) {
				continue
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = append(quote(dst, k), ':')
			dst = appendClean(dst, v)
		}
		return append(dst, '}')
	case isArray(value):
		dst = append(dst, '[')
		first := true
		for v := range elements(value) {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = appendClean(dst, v)
		}
		return append(dst, ']')
	}
	return append(dst, value...)
}

// deriveID gives an object an id that the same document always gets.
func deriveID(rule idRule, at, parent string, index int, doc []byte) string {
	switch rule {
	case idIndex:
		return strconv.Itoa(index)
	case idParent:
		return parent
	case idAssignment:
		target := member(doc, "target")
		for _, name := range []string{"groupId", "collectionId"} {
			if id := text(member(target, name)); id != "" {
				return parent + "_" + id
			}
		}
		switch kind := text(member(target, "@odata.type")); {
		case strings.HasSuffix(kind, "allLicensedUsersAssignmentTarget"):
			return parent + "_" + allUsersGroup
		case strings.HasSuffix(kind, "allDevicesAssignmentTarget"):
			return parent + "_" + allDevicesGroup
		}
	case idLocale:
		if locale := text(member(doc, "locale")); locale != "" {
			return parent + "_" + locale
		}
	case idApp:
		app := member(doc, "mobileAppIdentifier")
		for _, name := range []string{"packageId", "bundleId", "windowsAppId"} {
			if id := text(member(app, name)); id != "" {
				return strings.ToLower(id)
			}
		}
	case idDerived:
	}
	return guid(at, strconv.Itoa(index), string(doc))
}

// Groups that stand for everybody in the portal. Source: graph.md section 1,
// assignments.
const (
	allUsersGroup   = "acacacac-9df4-4c7d-9d50-4ef0226f57a9"
	allDevicesGroup = "adadadad-808e-44e2-905a-0b7873a8a531"
)

// guid is a version 5 GUID of its parts.
func guid(parts ...string) string {
	sum := sha1.Sum([]byte(strings.Join(parts, "\x00"))) //nolint:gosec // see import
	sum[6] = sum[6]&0x0f | 0x50
	sum[8] = sum[8]&0x3f | 0x80
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func newNamed(name string) []byte {
	w := newObject(len(name) + 32)
	w.str("displayName", name)
	return w.bytes()
}

// refsOf reads the value of a navigation binding: one URL or several.
func refsOf(sp *spec, nav string, value []byte) []ref {
	if sp.inline(nav) == nil {
		return nil
	}
	docs := [][]byte{value}
	if isArray(value) {
		docs = slices.Collect(elements(value))
	}
	var refs []ref
	for _, d := range docs {
		if path, id, err := bindTarget(text(d)); err == nil {
			refs = append(refs, ref{nav: nav, path: path, id: id})
		}
	}
	return refs
}

var errBind = errors.New("not the URL of an object")

// bindTarget cuts ".../beta/list('id')" or ".../beta/list/id" into list and id.
func bindTarget(link string) (path, id string, err error) {
	for _, version := range []string{"/beta/", "/v1.0/"} {
		if i := strings.Index(link, version); i >= 0 {
			link = link[i+len(version):]
			break
		}
	}
	link = strings.Trim(link, "/")
	i := strings.LastIndexByte(link, '/')
	if name, args, call := cutCall(link[i+1:]); call {
		return link[:i+1] + name, strings.Trim(args, "'"), nil
	}
	if i < 0 {
		return "", "", errBind
	}
	return link[:i], link[i+1:], nil
}
