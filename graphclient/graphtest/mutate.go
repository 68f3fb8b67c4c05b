package graphtest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Document is a whole tenant: graph list path to objects, with children and
// annotations as an export carries them.
type Document map[string][]json.RawMessage

// ReadDocument reads a tenant document, compressed or not:
// {"deviceManagement/configurationPolicies": [{…}, …], …}.
func ReadDocument(r io.Reader) (Document, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read tenant document: %w", err)
	}
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("read tenant document: %w", err)
		}
		if data, err = io.ReadAll(z); err != nil {
			return nil, fmt.Errorf("read tenant document: %w", err)
		}
	}
	var doc Document
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("read tenant document: %w", err)
	}
	return doc, nil
}

// Load reads a tenant document and adds its objects.
func (t *Tenant) Load(r io.Reader) error {
	doc, err := ReadDocument(r)
	if err != nil {
		return err
	}
	return t.LoadDocument(doc)
}

// LoadDocument adds the objects of doc. Unknown paths become lists that are
// served as they are. The objects before an error stay.
func (t *Tenant) LoadDocument(doc Document) error {
	for _, path := range slices.Sorted(maps.Keys(doc)) {
		for _, obj := range doc[path] {
			if _, err := t.Add(path, obj); err != nil {
				return err
			}
		}
	}
	return nil
}

// Add adds an object to a list such as "deviceManagement/intents" or
// "deviceManagement/intents/{id}/assignments" with a real id, and returns its
// id, which is derived from the content when doc has none. It reports
// [ErrExists] for an id that the list has and [ErrNotFound] for a list under
// an object that does not exist. Children that doc carries inline are added
// under their own paths.
func (t *Tenant) Add(path string, doc json.RawMessage) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p, list, err := t.place(path, true)
	if err != nil {
		return "", fmt.Errorf("add to %s: %w", path, err)
	}
	parent := ""
	if p.parent != nil {
		parent = p.parent.id
	}
	o, err := ingester{t}.object(p.spec, p.path, parent, len(list.objs), doc)
	if err != nil {
		return "", fmt.Errorf("add to %s: %w", path, err)
	}
	if list.get(o.id) != nil {
		return "", fmt.Errorf("add %s to %s: %w", o.id, path, ErrExists)
	}
	t.seq++
	o.seq = t.seq
	t.rank(o) // which some exports leave out
	list.add(o)
	p.parent.touched(t.seq)
	return o.id, nil
}

// Replace puts doc in the place of an object, children included. The object
// keeps its id and place in the list. When doc does not carry
// lastModifiedDateTime (modifiedDateTime) and the object has it, it is set to
// now; carry the old value to keep it. It reports [ErrNotFound].
func (t *Tenant) Replace(path, id string, doc json.RawMessage) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	p, list, err := t.place(path, false)
	if err != nil {
		return fmt.Errorf("replace in %s: %w", path, err)
	}
	i := list.find(id)
	if i < 0 {
		return fmt.Errorf("replace %s in %s: %w", id, path, ErrNotFound)
	}
	return t.replace(p, list, i, doc)
}

func (t *Tenant) replace(p place, list *collection, i int, doc json.RawMessage) error {
	old := list.objs[i]
	parent := ""
	if p.parent != nil {
		parent = p.parent.id
	}
	if !isObject(bytes.TrimSpace(doc)) || !json.Valid(doc) {
		return fmt.Errorf("replace %s: not a JSON object", old.id)
	}
	doc = setMember(doc, "id", quote(nil, old.id))
	for _, name := range modifiedNames {
		if member(old.body, name) != nil && member(doc, name) == nil {
			doc = setMember(doc, name, t.stamp())
		}
	}
	o, err := ingester{t}.object(p.spec, p.path, parent, i, doc)
	if err != nil {
		return fmt.Errorf("replace %s: %w", old.id, err)
	}
	t.seq++
	o.seq, o.made = t.seq, old.made
	list.objs[i] = o
	p.parent.touched(t.seq)
	return nil
}

var modifiedNames = []string{"lastModifiedDateTime", "modifiedDateTime"} // read-only

func (t *Tenant) stamp() []byte {
	return quote(nil, t.now().UTC().Format(time.RFC3339Nano))
}

// Patch sets the members that patch names, children given inline included,
// and leaves the others. The modification time moves unless patch names it.
// It reports [ErrNotFound].
func (t *Tenant) Patch(path, id string, patch json.RawMessage) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	p, list, err := t.place(path, false)
	if err != nil {
		return fmt.Errorf("patch in %s: %w", path, err)
	}
	i := list.find(id)
	if i < 0 {
		return fmt.Errorf("patch %s in %s: %w", id, path, ErrNotFound)
	}
	if !json.Valid(patch) {
		return fmt.Errorf("patch %s in %s: not JSON", id, path)
	}
	doc := export(list.objs[i])
	for _, name := range modifiedNames {
		if member(doc, name) != nil {
			doc = setMember(doc, name, t.stamp())
		}
	}
	for k, v := range membersOf(patch) {
		doc = setMember(doc, k, v)
	}
	return t.replace(p, list, i, doc)
}

// Delete removes an object with its children. It reports [ErrNotFound].
func (t *Tenant) Delete(path, id string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	p, list, err := t.place(path, false)
	if err != nil {
		return fmt.Errorf("delete from %s: %w", path, err)
	}
	i := list.find(id)
	if i < 0 {
		return fmt.Errorf("delete %s from %s: %w", id, path, ErrNotFound)
	}
	list.remove(i)
	t.seq++
	if p.spec.is(deltaList) {
		t.gone = append(t.gone, tombstone{path: p.spec.name, id: id, seq: t.seq})
	}
	p.parent.touched(t.seq)
	return nil
}

// Get returns an object with its children inline and its type, as an export
// would have it; secrets are masked. It reports [ErrNotFound].
func (t *Tenant) Get(path, id string) (json.RawMessage, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	r := t.routeOf(path)
	if r.bad != "" {
		return nil, fmt.Errorf("get from %s: %w", path, ErrNotFound)
	}
	p := t.find(r)
	if p.lost == "" {
		if o := t.object(p.spec, p.parent, id); o != nil {
			return export(o), nil
		}
	}
	return nil, fmt.Errorf("get %s from %s: %w", id, path, ErrNotFound)
}

// IDs returns the ids of a list in its order; nil for a list that does not
// exist.
func (t *Tenant) IDs(path string) []string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	r := t.routeOf(path)
	if r.bad != "" {
		return nil
	}
	p := t.find(r)
	if p.lost != "" || p.obj != nil {
		return nil
	}
	var ids []string
	for _, o := range t.objects(p.spec, p.parent) {
		ids = append(ids, o.id)
	}
	return ids
}

// place finds the stored list behind a path. The lock is held for writing.
func (t *Tenant) place(path string, create bool) (place, *collection, error) {
	path = strings.Trim(path, "/")
	r := t.routeOf(path)
	if r.root == nil && create && path != "" {
		root := t.root(path, true)
		return place{spec: root.spec, path: path}, &root.list, nil
	}
	if r.bad != "" || r.fn != "" || r.last().hasKey {
		return place{}, nil, ErrNotFound
	}
	p := t.find(r)
	if len(r.steps) == 1 {
		if len(p.spec.views) > 0 {
			return p, nil, ErrNotFound
		}
		root := t.root(p.spec.name, true)
		return place{spec: root.spec, path: root.spec.name}, &root.list, nil
	}
	if p.parent == nil || p.spec != r.last().spec || p.spec.compute != nil {
		return p, nil, ErrNotFound
	}
	k := p.parent.kid(p.spec)
	if k == nil {
		k = &kidList{spec: p.spec}
		p.parent.kids = append(p.parent.kids, k)
	}
	return p, &k.list, nil
}

// touched brings up to date what a parent tells of its children.
func (o *object) touched(seq uint64) {
	switch {
	case o == nil:
	case o.spec.is(settingCount):
		o.finish()
	case o.spec.is(deltaList):
		o.seq = seq
	}
}

// export writes an object with everything below it.
func export(o *object) json.RawMessage {
	w := newObject(2 * len(o.body))
	if o.typ != "" {
		w.str("@odata.type", graphNamespace+o.typ)
	}
	for k, v := range membersOf(o.body) {
		w.raw(k, v)
	}
	for _, k := range o.kids {
		w.key(k.spec.name)
		if k.spec.is(single) && len(k.list.objs) == 1 {
			w.b = append(w.b, export(k.list.objs[0])...)
			continue
		}
		w.b = append(w.b, '[')
		for _, child := range k.list.objs {
			w.b = append(comma(w.b), export(child)...)
		}
		w.b = append(w.b, ']')
	}
	for i, l := range o.refs {
		if slices.ContainsFunc(o.refs[:i], func(r ref) bool { return r.nav == l.nav }) {
			continue
		}
		w.key(l.nav + "@odata.bind")
		w.b = append(w.b, '[')
		for _, l2 := range o.refs[i:] {
			if l2.nav == l.nav {
				w.b = quote(comma(w.b), "https://graph.microsoft.com/beta/"+l2.path+"('"+l2.id+"')")
			}
		}
		w.b = append(w.b, ']')
	}
	return w.bytes()
}
