package restore

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// A writer makes the requests that write one object, by what the contract says
// of its type. It sends nothing.
type writer struct {
	typ    *contract.Type
	url    func(path string) string // addresses of other objects, for bodies
	list   contract.List
	parent string // the id that stands for "{parent}"
	doc    []byte // the content in terms of the target

	provided bool // by the service, which does more with such objects by itself
}

// create returns the request that creates the object.
func (w *writer) create() (Call, error) {
	doc, err := w.without(func(a contract.Action) bool { return !w.immutable(a.From) })
	if err != nil {
		return Call{}, err
	}
	if shape := w.typ.Write.Shape; shape == contract.WriteTwoStep {
		doc, err = w.minimum(doc)
	} else if shape == contract.WriteTemplate {
		doc, err = contract.WithMember(nil, doc, "templateId", nil)
	}
	if err != nil {
		return Call{}, err
	}
	if doc, err = w.bind(doc, true); err != nil {
		return Call{}, err
	}
	body, err := w.typ.CreateBody(nil, doc)
	if err != nil {
		return Call{}, err
	}
	body, err = w.wrap(body)
	return Call{Method: "POST", Path: w.collection(), Body: body}, err
}

// collection is where objects are created.
func (w *writer) collection() string {
	l := w.list
	if w.typ.Write.Path != "" {
		l.Path = w.typ.Write.Path
	}
	l.Query = ""
	parent := w.parent
	if w.typ.Write.Shape == contract.WriteTemplate {
		parent = contract.Text(contract.Member(w.doc, "templateId"))
	}
	return l.ListURL(parent)
}

// minimum is what an object has to have to be created, when the rest follows.
func (w *writer) minimum(doc []byte) ([]byte, error) {
	out := []byte(`{}`)
	for _, name := range append([]string{"@odata.type", w.typ.Name}, w.typ.Write.Immutable...) {
		if value := contract.Member(doc, name); value != nil {
			var err error
			if out, err = contract.WithMember(nil, out, name, value); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// update returns the request that changes the object with this id.
func (w *writer) update(id string) (Call, error) {
	doc, err := w.without(func(contract.Action) bool { return true })
	if err != nil {
		return Call{}, err
	}
	if doc, err = w.bind(doc, false); err != nil {
		return Call{}, err
	}
	body, err := w.typ.UpdateBody(nil, doc)
	if err != nil {
		return Call{}, err
	}
	body, err = w.wrap(body)
	method := "PATCH"
	if w.typ.Write.Shape == contract.WritePut {
		method = "PUT"
	}
	path := w.object(id)
	if w.typ.Write.Shape == contract.WriteSingleton && w.typ.Write.Path != "" {
		path = w.typ.Write.Path
	}
	return Call{Method: method, Path: path, Body: body}, err
}

// object is the path of the object with this id.
func (w *writer) object(id string) string { return w.list.ObjectURL(w.parent, id) }

// without returns the content without what the actions that leave out write.
func (w *writer) without(leave func(a contract.Action) bool) ([]byte, error) {
	doc := w.doc
	for _, a := range w.typ.Write.Actions {
		if a.From == "" || !leave(a) || contract.Member(doc, a.From) == nil {
			continue
		}
		var err error
		if doc, err = contract.WithMember(nil, doc, a.From, nil); err != nil {
			return nil, err
		}
	}
	return doc, nil
}

// immutable reports whether a property is given when the object is created, and
// changed by an action later.
func (w *writer) immutable(property string) bool {
	return slices.Contains(w.typ.Write.Immutable, property)
}

// wrap puts a body into the property that the request wants it in.
func (w *writer) wrap(body []byte) ([]byte, error) {
	if name := w.typ.Write.Body; name != "" {
		return contract.WithMember(nil, []byte(`{}`), name, body)
	}
	return body, nil
}

// bind replaces the objects that a document refers to by their addresses. They
// can be given when an object is created, and not changed later.
func (w *writer) bind(body []byte, create bool) ([]byte, error) {
	if len(w.typ.Write.Binds) == 0 {
		return body, nil
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var root any
	if err := dec.Decode(&root); err != nil {
		return nil, fmt.Errorf("bind: %w", err)
	}
	w.bindIn(root, "", create)
	return encode(root)
}

func (w *writer) bindIn(value any, parent string, create bool) {
	switch v := value.(type) {
	case []any:
		for _, e := range v {
			w.bindIn(e, parent, create)
		}
	case map[string]any:
		for property, path := range w.typ.Write.Binds {
			at, ok := v[property]
			if !ok {
				continue
			}
			delete(v, property)
			ids := idsOf(at)
			if len(ids) == 0 || !create {
				continue
			}
			if _, list := at.([]any); list {
				urls := make([]any, len(ids))
				for i, id := range ids {
					urls[i] = w.address(path, parent, id)
				}
				v[property+"@odata.bind"] = urls
				continue
			}
			v[property+"@odata.bind"] = w.address(path, parent, ids[0])
			parent = ids[0] // what is below belongs to it
		}
		for _, e := range v {
			w.bindIn(e, parent, create)
		}
	}
}

// address is that of an object that is bound.
func (w *writer) address(path, parent, id string) string {
	path = strings.ReplaceAll(path, "{parent}", parent)
	return w.url(path + "('" + strings.ReplaceAll(id, "'", "''") + "')")
}

// idsOf returns the ids of an object or of several.
func idsOf(value any) []string {
	switch v := value.(type) {
	case map[string]any:
		if id, ok := v["id"].(string); ok && id != "" {
			return []string{id}
		}
	case []any:
		var ids []string
		for _, e := range v {
			ids = append(ids, idsOf(e)...)
		}
		return ids
	}
	return nil
}

func encode(value any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return bytes.TrimSpace(out.Bytes()), nil
}

// actions returns the requests that complete a write of the object with this id:
// after its creation, or of one that has the given content, which is nil then.
func (w *writer) actions(id string, is []byte) ([]Call, error) {
	if w.provided && w.typ.Write.Provided != "" {
		return nil, nil
	}
	var calls []Call
	for _, a := range w.typ.Write.Actions {
		if is == nil && w.immutable(a.From) || a.When != "" && string(contract.Member(w.doc, a.When)) != "true" {
			continue
		}
		more, err := w.action(a, id, is)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", a.Path, err)
		}
		calls = append(calls, more...)
	}
	return calls, nil
}

func (w *writer) action(a contract.Action, id string, is []byte) ([]Call, error) {
	path := a.URL(w.object(id))
	if a.From == "" {
		return []Call{{Method: a.Method, Path: path}}, nil
	}
	value, err := w.part(a)
	if err != nil || value == nil && is == nil {
		return nil, err
	}
	if a.Each {
		return w.each(a, w.object(id), value, is)
	}
	if value == nil {
		value = []byte("[]")
	}
	body := value
	if a.Body != "" {
		if body, err = contract.WithMember(nil, []byte(`{}`), a.Body, value); err != nil {
			return nil, err
		}
	}
	for _, name := range a.With {
		if body, err = contract.WithMember(nil, body, name, contract.Member(w.doc, name)); err != nil {
			return nil, err
		}
	}
	if a.Deleted != "" {
		gone, err := idList(contract.Member(is, a.From))
		if err != nil {
			return nil, err
		}
		if body, err = contract.WithMember(nil, body, a.Deleted, gone); err != nil {
			return nil, err
		}
	}
	return []Call{{Method: a.Method, Path: path, Body: body}}, nil
}

// part returns the property of the content that an action writes as a request may
// hold it, or nil if there is nothing in it.
func (w *writer) part(a contract.Action) ([]byte, error) {
	name := a.From
	value := contract.Member(w.doc, name)
	if value == nil || string(value) == "null" || string(value) == "[]" {
		return nil, nil
	}
	doc, err := contract.WithMember(nil, []byte(`{}`), name, value)
	if err != nil {
		return nil, err
	}
	if !a.Ref { // else the request is the address itself
		if doc, err = w.bind(doc, true); err != nil {
			return nil, err
		}
	}
	if doc, err = w.typ.PartBody(nil, doc); err != nil {
		return nil, err
	}
	return contract.Member(doc, name), nil
}

// each returns one request for every entry of an array.
func (w *writer) each(a contract.Action, object string, value, is []byte) ([]Call, error) {
	var entries, there []json.RawMessage
	if value != nil {
		if err := json.Unmarshal(value, &entries); err != nil {
			return nil, fmt.Errorf("entries: %w", err)
		}
	}
	if before := contract.Member(is, a.From); before != nil {
		if err := json.Unmarshal(before, &there); err != nil {
			return nil, fmt.Errorf("entries: %w", err)
		}
	}
	var calls []Call
	for i, entry := range entries {
		call := Call{Method: a.Method, Path: a.URL(object), Body: entry}
		if a.Ref {
			raw := contract.Member(w.doc, a.From)
			var all []json.RawMessage
			if err := json.Unmarshal(raw, &all); err != nil || i >= len(all) {
				return nil, fmt.Errorf("entries: %w", err)
			}
			id := contract.Text(contract.Member(all[i], "id"))
			if slices.ContainsFunc(there, func(e json.RawMessage) bool { return contract.Text(contract.Member(e, "id")) == id }) {
				continue
			}
			body, err := encode(map[string]any{"@odata.id": w.url(w.typ.Write.Binds[a.From] + "/" + id)})
			if err != nil {
				return nil, err
			}
			call.Body = body
		}
		if a.Match != "" {
			for _, e := range there {
				if bytes.Equal(contract.Member(e, a.Match), contract.Member(entry, a.Match)) {
					call.Method, call.Path = "PATCH", a.EntryURL(object, contract.Text(contract.Member(e, "id")))
				}
			}
		}
		calls = append(calls, call)
	}
	return calls, nil
}

// idList returns the JSON array of the ids of objects.
func idList(array []byte) ([]byte, error) {
	ids := []string{}
	if array != nil {
		var all []struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(array, &all); err != nil {
			return nil, fmt.Errorf("ids: %w", err)
		}
		for _, o := range all {
			ids = append(ids, o.ID)
		}
	}
	return json.Marshal(ids)
}

// assign returns the requests that give the object with this id exactly these
// assignments, where it has others now.
func (w *writer) assign(id string, want, is []byte) ([]Call, error) {
	path := w.object(id)
	body, err := contract.AssignmentBody(nil, want)
	if err != nil {
		return nil, err
	}
	switch w.typ.Assign.Shape {
	case contract.AssignWithBody:
		if w.typ.Assign.Action == "" {
			return nil, nil
		}
		fallthrough
	case contract.AssignReplace, contract.AssignNamed:
		name := w.typ.Assign.Body
		if name == "" {
			name = "assignments"
		}
		doc, err := contract.WithMember(nil, []byte(`{}`), name, body)
		return []Call{{Method: "POST", Path: w.typ.Assign.URL(path), Body: doc}}, err
	case contract.AssignOneByOne:
		return w.assignEach(path, body, is)
	case contract.AssignNone:
	}
	return nil, nil
}

// assignEach adds what is to be there and is not, and then deletes what is there
// and is not to be: never the other way round, or nobody would have the object
// in between.
func (w *writer) assignEach(object string, want, is []byte) ([]Call, error) {
	var wants, there []json.RawMessage
	if err := json.Unmarshal(want, &wants); err != nil {
		return nil, fmt.Errorf("assignments: %w", err)
	}
	if len(is) > 0 {
		if err := json.Unmarshal(is, &there); err != nil {
			return nil, fmt.Errorf("assignments: %w", err)
		}
	}
	form := func(entry json.RawMessage) string {
		out, err := contract.NormalizeAssignments(nil, slices.Concat([]byte("["), entry, []byte("]")))
		if err != nil {
			return string(entry)
		}
		return string(out)
	}
	has := func(all []json.RawMessage, entry json.RawMessage) bool {
		return slices.ContainsFunc(all, func(e json.RawMessage) bool { return form(e) == form(entry) })
	}
	var calls []Call
	for _, entry := range wants {
		if !has(there, entry) {
			calls = append(calls, Call{Method: "POST", Path: contract.AssignmentsURL(object), Body: entry})
		}
	}
	for _, entry := range there {
		if !has(wants, entry) {
			id := contract.Text(contract.Member(entry, "id"))
			calls = append(calls, Call{Method: "DELETE", Path: contract.AssignmentURL(object, id)})
		}
	}
	return calls, nil
}
