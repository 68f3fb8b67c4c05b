package graphtest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

// read answers a GET.
func (c *call) read() *answer {
	t := c.tenant
	t.settled(c.now)
	t.mu.RLock()
	p := c.look(t.find(c.route))
	a, served := c.readPlace(p)
	t.mu.RUnlock()
	if served >= 0 && c.quirks.BetweenPages != nil {
		c.quirks.BetweenPages(t, c.route.last().spec.name, served)
	}
	return a
}

// look returns a place as reads see it: what is stale, deleted or not to be seen
// by this caller.
func (c *call) look(p place) place {
	if p.lost != "" && len(c.route.steps) == 1 && len(c.tenant.ghosts) > 0 {
		for _, o := range c.ghostsOf(p.spec) {
			if o.id == p.lost {
				p.obj, p.lost = o, ""
			}
		}
	}
	if c.quirks.PatchLag > 0 {
		p.obj, p.parent = c.seen(p.obj), c.seen(p.parent)
	}
	for _, o := range []*object{p.obj, p.parent} {
		if c.hidden(o) {
			p.obj, p.lost = nil, o.id
		}
	}
	return p
}

// readPlace answers with the lock of the tenant held. served is the number of
// a page that has a next link, or -1.
func (c *call) readPlace(p place) (a *answer, served int) {
	switch {
	case p.lost != "":
		return c.notFound(p.lost), -1
	case c.late(p.obj, c.quirks.GetLag):
		return c.notFound(p.obj.id), -1
	case c.late(p.parent, c.quirks.GetLag):
		return c.notFound(p.parent.id), -1
	case c.route.fn != "":
		return c.function(p), -1
	}
	if err := c.check(p); err != nil {
		return c.refuse(err), -1
	}
	if a := c.advanced(p); a != nil {
		return a, -1
	}
	r := c.renderer()
	if p.obj == nil {
		return c.readList(r, p)
	}
	body := r.object(make([]byte, 0, 1024+2*len(p.obj.body)), p.obj, view{declared: p.spec.typ, at: p.path, opts: c.opts})
	if c.level != none {
		w := newObject(len(body) + 256)
		context := p.path
		if i := strings.LastIndexByte(context, '('); i > 0 && !p.spec.is(single) {
			context = context[:i] + "/$entity"
		}
		w.str("@odata.context", c.service()+"/$metadata#"+context)
		body = append(append(w.b, ','), body[1:]...)
	}
	return &answer{status: http.StatusOK, body: body}, -1
}

func (c *call) renderer() *renderer {
	r := &renderer{
		t: c.tenant, level: c.level, service: c.service(), cap: c.quirks.ExpandCap,
		stable: c.version == "v1.0" && c.route.root != nil && !c.route.root.is(directory),
	}
	if len(c.quirks.UnknownEnums) > 0 && !strings.Contains(strings.Join(c.header.Values("Prefer"), ","), "include-unknown-enum-members") {
		r.hidden = c.quirks.UnknownEnums
	}
	return r
}

// readList answers one page of a list.
func (c *call) readList(r *renderer, p place) (*answer, int) {
	cur, refused := c.cursor()
	if refused != nil {
		return refused, -1
	}
	list := p.path
	objs := c.selectObjects(p)
	cur.Offset = min(cur.Offset, len(objs))
	out := page{context: c.contextOf(p), count: -1}
	if forever := c.quirks.pageQuirk(list, PageEmptyForever, cur.Page) != nil; forever ||
		cur.Empty == 0 && c.quirks.pageQuirk(list, PageEmpty, cur.Page) != nil {
		cur.Empty++
		out.next = c.link("$skiptoken", cur)
		return c.list(out), cur.Page
	}
	pageSize := c.pageSize(p)
	end := min(cur.Offset+pageSize, len(objs))
	shown := objs[cur.Offset:end]
	for _, o := range shown {
		out.size += len(o.body) + 128
	}
	out.value = func(dst []byte) []byte { return r.elements(dst, p, shown, c.opts) }
	switch {
	case p.spec.is(countIsPage):
		out.count = len(shown)
	case c.opts.count && (!p.spec.is(directory) || c.eventual()):
		out.count = len(objs)
	}
	if end < len(objs) || c.quirks.pageQuirk(list, PageLoop, cur.Page) != nil {
		out.next = c.nextLink(list, cur, len(shown), pageSize)
		return c.list(out), cur.Page
	}
	return c.list(out), -1
}

// contextOf names the list and what was selected of it.
func (c *call) contextOf(p place) string {
	if len(c.opts.sel) == 0 {
		return p.path
	}
	return p.path + "(" + strings.Join(c.opts.sel, ",") + ")"
}

// selectObjects applies cast, $filter, $search and $orderby.
func (c *call) selectObjects(p place) []*object {
	objs := c.tenant.objects(p.spec, p.parent)
	if q := c.quirks; q.ListLag > 0 || q.PatchLag > 0 || q.DeleteLag > 0 || q.RoleTags != nil {
		objs = slices.DeleteFunc(slices.Clone(objs), func(o *object) bool { return c.late(o, q.ListLag) || c.hidden(o) })
		for i := range objs {
			objs[i] = c.seen(objs[i])
		}
		if p.parent == nil {
			objs = append(objs, c.ghostsOf(p.spec)...)
		}
	}
	if p.cast == "" && c.opts.filter == nil && c.opts.search == nil && c.opts.order == "" {
		return objs
	}
	var out []*object
	for _, o := range objs {
		if p.cast != "" && o.typ != p.cast ||
			c.opts.filter != nil && !c.opts.filter.match(o) ||
			c.opts.search != nil && !found(o, c.opts.search) {
			continue
		}
		out = append(out, o)
	}
	if c.opts.order != "" {
		path := strings.Split(c.opts.order, "/")
		keys := make(map[*object]string, len(out))
		for _, o := range out {
			keys[o] = strings.ToLower(text(lookup(o.body, path)))
		}
		slices.SortStableFunc(out, func(a, b *object) int {
			if c.opts.desc {
				a, b = b, a
			}
			return cmp.Compare(keys[a], keys[b])
		})
	}
	return out
}

// pageSize is the number of objects of a page, which $top can only lower.
func (c *call) pageSize(p place) int {
	cfg := &c.srv.cfg
	size := cmp.Or(p.spec.page, 100)
	if cfg.PageSize > 0 {
		size = cfg.PageSize
	}
	if n := cfg.PageSizes[c.listName(p)]; n > 0 {
		size = n
	}
	if c.opts.top > 0 && (p.spec.is(directory) || c.quirks.HonourTop) {
		size = min(c.opts.top, 999)
	}
	return size
}

// listName is the class of the list: "deviceManagement/intents/{id}/settings".
func (c *call) listName(place) string { return c.route.class }

// check refuses options that the place does not support.
func (c *call) check(p place) error {
	if c.quirks.RefuseCasts && p.cast != "" {
		return badOption("Resource not found for the segment 'microsoft.graph.%s'.", p.cast)
	}
	for i := range c.opts.expand {
		e := &c.opts.expand[i]
		switch {
		case p.obj == nil && p.spec.is(listNoExpand):
			return badOption("Query option 'Expand' is not allowed on this collection.")
		case p.obj == nil && foldIn(p.spec.noExpand, e.nav):
			return badOption("The property '%s' cannot be used in the $expand query option.", e.nav)
		case c.level == full && foldIn(p.spec.fullRefuses, e.nav):
			return badOption("The property '%s' cannot be expanded with full metadata.", e.nav)
		}
		if err := checkExpand(p.spec, e); err != nil {
			return err
		}
	}
	if c.version == "beta" {
		if err := c.srv.schema.check(p.spec, c.opts); err != nil {
			return err
		}
	}
	if c.opts.filter == nil {
		return nil
	}
	if p.obj != nil {
		return badOption("The query specified in the URI is not valid. $filter can be applied only to collections.")
	}
	return c.checkFilter(p.spec)
}

// checkExpand finds the navigation properties of an expansion, nested ones
// included.
func checkExpand(sp *spec, e *expand) error {
	kid := sp.kid(e.nav)
	if kid == nil || kid.is(castOnly) {
		return badOption("Parsing OData Select and Expand failed: Could not find a property named '%s' on type 'microsoft.graph.%s'.", e.nav, sp.typ)
	}
	for i := range e.opts.expand {
		if err := checkExpand(kid, &e.opts.expand[i]); err != nil {
			return err
		}
	}
	return nil
}

// checkFilter refuses what Intune's lists do not filter by. Entra's rules for
// advanced queries are in advanced.
func (c *call) checkFilter(sp *spec) error {
	var err error
	c.opts.filter.uses(func(name string) {
		switch {
		case name == "in>15":
			err = badOption("Too many child clauses specified in search filter expression containing 'OR' operators: the limit is 15.")
		case foldIn(sp.noFilter, name):
			err = badOption("Filter on '%s' is not supported.", name)
		case sp.is(directory):
		case name == "not" || name == "ne" || name == "startswith" || name == "endswith" || name == "contains":
			err = badOption("The $filter operator or function '%s' is not supported by this collection.", name)
		}
	})
	return err
}
