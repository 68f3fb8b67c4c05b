package graphtest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// advanced refuses directory queries that lack what they need.
// Source: graph.md section 3.5.
func (c *call) advanced(p place) *answer {
	if c.opts.search != nil {
		if !p.spec.is(directory) || p.obj != nil {
			return c.badRequest("The query parameter '$search' is not supported.")
		}
		if !c.eventual() {
			return c.fail(http.StatusBadRequest, "Request_UnsupportedQuery",
				"Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'")
		}
	}
	if c.opts.filter == nil || !p.spec.is(directory) || strings.HasPrefix(p.spec.name, "identity/") {
		return nil
	}
	needs := ""
	c.opts.filter.uses(func(name string) {
		if name == "not" || name == "ne" || name == "endswith" || name == "contains" || name == "isof" {
			needs = name
		}
	})
	switch {
	case needs == "contains" || needs == "isof":
		return c.fail(http.StatusBadRequest, "Request_UnsupportedQuery", "Unsupported Query.")
	case needs != "" && (!c.eventual() || !c.opts.count):
		return c.fail(http.StatusBadRequest, "Request_UnsupportedQuery",
			"Operator: '"+needs+"' is not supported because the required parameters might be missing. Try adding $count=true query parameter and ConsistencyLevel:eventual header.")
	}
	return nil
}

// found reports whether o matches the clauses of $search: every word of a
// clause begins a word of the property.
func found(o *object, terms []searchTerm) bool {
	match := false
	for i, term := range terms {
		hit := foundWords(text(member(o.body, term.prop)), term.text)
		switch {
		case i == 0:
			match = hit
		case term.or:
			match = match || hit
		default:
			match = match && hit
		}
	}
	return match
}

func foundWords(value, search string) bool {
	words := splitWords(value)
	for _, w := range splitWords(search) {
		if !slices.ContainsFunc(words, func(have string) bool { return strings.HasPrefix(have, w) }) {
			return false
		}
	}
	return true
}

func splitWords(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return strings.ContainsRune(" -_.,;:/()[]'\"&", r)
	})
}

// A change is one line of a delta answer: an object, or one that went away.
type change struct {
	seq  uint64
	obj  *object
	gone string
}

// delta answers groups/delta: everything at first, then what changed since
// the delta link. Source: graph.md section 3.6.
func (c *call) delta(p place) *answer {
	t := c.tenant
	cur, since, refused := c.deltaCursor()
	if refused != nil {
		return refused
	}
	if c.opts.delta == "latest" {
		return c.list(page{context: p.path, count: -1, delta: c.link("$deltatoken", cursor{Until: t.seq})})
	}
	changes := c.changes(p, since, cur.Until)
	size := c.pageSize(p)
	start := min(cur.Page*size, len(changes))
	end := min(start+size, len(changes))
	shown := changes[start:end]
	if c.quirks.DeltaDuplicates && start > 0 && len(shown) > 0 {
		shown = append([]change{changes[start-1]}, shown...)
	}
	out := page{context: p.path, count: -1, value: func(dst []byte) []byte {
		r := c.renderer()
		for _, ch := range shown {
			dst = r.change(comma(dst), p, ch, c.opts)
		}
		return dst
	}}
	if end < len(changes) {
		out.next = c.link("$skiptoken", cursor{Offset: int(since), Page: cur.Page + 1, Until: cur.Until})
	} else {
		out.delta = c.link("$deltatoken", cursor{Until: cur.Until})
	}
	return c.list(out)
}

// deltaCursor reads which changes the request is about: those after since, up
// to cur.Until.
func (c *call) deltaCursor() (cur cursor, since uint64, refused *answer) {
	switch {
	case c.opts.skip != "":
		cur, refused = c.cursor()
		return cur, uint64(cur.Offset), refused
	case c.opts.delta == "" || c.opts.delta == "latest":
		return cursor{Until: c.tenant.seq}, 0, nil
	}
	cur, err := c.srv.open(c.opts.delta, "$deltatoken"+c.scope())
	if err != nil {
		return cur, 0, c.badRequest("Invalid delta token.")
	}
	life := cmp.Or(c.quirks.DeltaTokenLifetime, 7*24*time.Hour)
	if c.now.Sub(time.UnixMilli(cur.Issued)) > life {
		status := http.StatusGone
		if c.quirks.DeltaBadRequest {
			status = http.StatusBadRequest
		}
		return cur, 0, c.fail(status, "syncStateNotFound", "The sync state generation is not found; a full resync is required.")
	}
	return cursor{Until: c.tenant.seq}, cur.Until, nil
}

// changes lists what happened after since, up to until, oldest first.
func (c *call) changes(p place, since, until uint64) []change {
	all := c.tenant.history.of(c.tenant, p.spec)
	after := func(seq uint64) int {
		i, _ := slices.BinarySearchFunc(all, seq+1, func(ch change, seq uint64) int { return cmp.Compare(ch.seq, seq) })
		return i
	}
	all = all[after(since):after(until)]
	if since == 0 && len(c.tenant.gone) > 0 { // everything: what went away is not there
		all = slices.DeleteFunc(slices.Clone(all), func(ch change) bool { return ch.obj == nil })
	}
	return all
}

// A history is the last state of a list in the order of its changes, kept for
// the many pages of one round.
type history struct {
	mu   sync.Mutex
	spec *spec
	seq  uint64
	list []change
}

// of returns the history of a list of t, whose lock is held.
func (h *history) of(t *Tenant, sp *spec) []change {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.spec == sp && h.seq == t.seq {
		return h.list
	}
	var list []change
	for _, o := range t.objects(sp, nil) {
		list = append(list, change{seq: o.seq, obj: o})
	}
	for _, g := range t.gone {
		if g.path == sp.name {
			list = append(list, change{seq: g.seq, gone: g.id})
		}
	}
	slices.SortFunc(list, func(a, b change) int { return cmp.Compare(a.seq, b.seq) })
	h.spec, h.seq, h.list = sp, t.seq, list
	return list
}

func (r *renderer) change(dst []byte, p place, ch change, opts *options) []byte {
	if ch.obj == nil {
		w := newObject(96)
		w.str("id", ch.gone)
		w.raw("@removed", []byte(`{"reason":"deleted"}`))
		return append(dst, w.bytes()...)
	}
	dst = r.object(dst, ch.obj, view{declared: p.spec.typ, list: true, at: p.path + "('" + ch.obj.id + "')", opts: opts})
	members := ch.obj.spec.kid("members")
	if members == nil || !foldIn(opts.sel, "members") || ch.obj.kid(members) == nil {
		return dst
	}
	dst = append(dst[:len(dst)-1], `,"members@delta":[`...)
	for _, m := range ch.obj.kid(members).list.objs {
		w := newObject(96)
		w.str("@odata.type", graphNamespace+m.typ)
		w.str("id", m.id)
		dst = append(comma(dst), w.bytes()...)
	}
	return append(dst, `]}`...)
}
