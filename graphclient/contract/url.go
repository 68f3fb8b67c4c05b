package contract

// ListURL returns path and query of the request for l. The parent is the id
// that stands for "{parent}", empty for a list without one.
func (l List) ListURL(parent string) string {
	return withQuery(expand(l.Path, parent), l.Query)
}

// ObjectURL returns the path, without query, of an object of the list l. For
// a singleton that is the list's own path.
func (l List) ObjectURL(parent, id string) string {
	if l.Singleton {
		return expand(l.Path, parent)
	}
	return expand(l.Path, parent) + "/" + pathEscape(id)
}

// URL returns the path that replaces all assignments of the object at the given
// path.
func (a Assign) URL(object string) string {
	if a.Action != "" {
		return object + "/" + a.Action
	}
	return object + "/assign"
}

// AssignmentURL returns the path of one assignment of the object at the given
// path.
func AssignmentURL(object, id string) string { return AssignmentsURL(object) + "/" + pathEscape(id) }

// URL returns the path of the request for the object at the given path.
func (a Action) URL(object string) string { return object + "/" + a.Path }

// EntryURL returns the path of an entry that is there already, by its id.
func (a Action) EntryURL(object, id string) string { return a.URL(object) + "/" + pathEscape(id) }

// ReadURL returns path and query of the request that reads the object at the
// given path, of the list l: with everything that reading by id shows or, if the
// list shows everything, with that.
func (t *Type) ReadURL(l List, object string) string {
	if t.Read.ByID {
		return withQuery(object, t.Read.Query)
	}
	return withQuery(object, l.Query)
}

// AssignmentsURL returns the path of the assignments of the object at the
// given path. Types that are [AssignedNowhere] or [AssignedInBody] have none.
func AssignmentsURL(object string) string { return object + "/assignments" }

// ChildrenOf returns the children that an object has whose type is odataType,
// as [Summary] gives it.
func (t *Type) ChildrenOf(odataType string) []Child {
	var out []Child
	for _, c := range t.Read.Children {
		if len(c.OData) == 0 || matchAny(c.OData, odataType) {
			out = append(out, c)
		}
	}
	return out
}

// URL returns path and query of the request for the child of the object at
// the given path, whose type is odataType, as [Summary] gives it.
func (c Child) URL(object, odataType string) string {
	return withQuery(object+"/"+castPath(c.Path, odataType), c.Query)
}
