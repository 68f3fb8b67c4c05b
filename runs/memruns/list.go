package memruns

import (
	"context"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantatlas/runs"
)

// maxLook is how many runs one List looks at before it returns a short page.
const maxLook = 10_000

// A group is the runs of a tenant that have a type, a status and an outcome in
// common. Whatever a query asks of these three, it selects whole groups.
type group struct {
	typ     runs.Type
	status  runs.Status
	outcome runs.Outcome
}

func groupOf(r *runs.Run) group { return group{r.Type, r.Status, r.Outcome} }

// A list is the runs of a group in the order of their IDs.
type list = index[mark]

// list returns the list that r belongs to.
func (s *Store) list(r *runs.Run) *list {
	groups := s.lists[r.Tenant]
	if groups == nil {
		groups = map[group]*list{}
		s.lists[r.Tenant] = groups
	}
	l := groups[groupOf(r)]
	if l == nil {
		l = &list{compare: compareMarks}
		groups[groupOf(r)] = l
	}
	return l
}

// groups returns the lists that q selects, except for what q asks beyond
// groups.
func (s *Store) groups(q runs.Query) map[group]*list {
	selected := map[group]*list{}
	for g, l := range s.lists[q.Tenant] {
		if l.size > 0 && anyOf(q.Types, g.typ) && anyOf(q.Statuses, g.status) && anyOf(q.Outcomes, g.outcome) {
			selected[g] = l
		}
	}
	return selected
}

// anyOf reports whether v is one of the wanted values, or anything will do.
func anyOf[T comparable](wanted []T, v T) bool {
	return len(wanted) == 0 || slices.Contains(wanted, v)
}

// matches reports whether q selects r, of a group that q selects. IDs are not
// looked at.
func matches(q runs.Query, r *runs.Run) bool {
	switch {
	case q.Initiator.Kind != "" && q.Initiator.Kind != r.Initiator.Kind,
		q.Initiator.ID != "" && q.Initiator.ID != r.Initiator.ID,
		q.Target.Kind != "" && r.Target.Kind != q.Target.Kind,
		q.Target.ID != "" && r.Target.ID != q.Target.ID,
		!q.From.IsZero() && r.CreatedAt.Before(q.From),
		!q.To.IsZero() && !r.CreatedAt.Before(q.To):
		return false
	}
	return true
}

// List implements [runs.Store]. It looks at 10,000 runs at most, so a page may
// be short if q asks for an initiator, a target or a time.
func (s *Store) List(ctx context.Context, q runs.Query) (runs.Page, error) {
	if err := ctx.Err(); err != nil {
		return runs.Page{}, err
	}
	if q.Tenant == "" {
		return runs.Page{}, errNoTenant
	}
	after, err := position(string(q.After), queryText(q))
	if err != nil {
		return runs.Page{}, err
	}
	found, last := s.page(q, after)
	var page runs.Page
	for _, r := range found {
		c := *r
		c.Params, c.Context, c.Failures = nil, nil, nil
		page.Runs = append(page.Runs, c.Clone())
	}
	if last != "" {
		page.Next = runs.Cursor(cursor(queryText(q), last))
	}
	return page, nil
}

// page returns the next runs of q that are older than the one with the ID
// after, and the ID to go on from, which is empty at the end.
func (s *Store) page(q runs.Query, after string) (found []*runs.Run, last string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	next := s.newest(q, after)
	size := runs.PageSize(q.Limit)
	for range maxLook {
		e := next()
		switch {
		case e == nil:
			return found, ""
		case len(found) == size:
			return found, last
		}
		last = e.id
		if matches(q, e.run) {
			found = append(found, e.run)
		}
	}
	return found, last
}

// newest returns a function that returns the entries of q's groups one after
// the other, from the greatest ID that is less than after, or from the greatest
// of all if after is empty; then nil.
func (s *Store) newest(q runs.Query, after string) func() *entry {
	if len(q.IDs) > 0 {
		return s.named(q, after)
	}
	var walks []walk[mark]
	for _, l := range s.groups(q) {
		w := l.last()
		if after != "" {
			w = l.from(byID(&entry{id: after}))
			w.back()
		}
		walks = append(walks, w)
	}
	return func() *entry {
		var newest *entry
		var from int
		for i := range walks {
			if m, ok := walks[i].value(); ok && (newest == nil || m.entry.id > newest.id) {
				newest, from = m.entry, i
			}
		}
		if newest != nil {
			walks[from].back()
		}
		return newest
	}
}

// named is newest for a query that names its runs.
func (s *Store) named(q runs.Query, after string) func() *entry {
	ids := slices.Clone(q.IDs)
	slices.SortFunc(ids, func(a, b string) int { return strings.Compare(b, a) })
	ids = slices.Compact(ids)
	groups := s.groups(q)
	return func() *entry {
		for len(ids) > 0 {
			id := ids[0]
			ids = ids[1:]
			if after != "" && id >= after {
				continue
			}
			if e := s.find(q.Tenant, id); e != nil && groups[groupOf(e.run)] != nil {
				return e
			}
		}
		return nil
	}
}

// Count implements [runs.Counter]. It is quick if q asks for types, statuses,
// outcomes and IDs only.
func (s *Store) Count(ctx context.Context, q runs.Query, limit int) (runs.Tally, error) {
	if err := ctx.Err(); err != nil {
		return runs.Tally{}, err
	}
	if q.Tenant == "" {
		return runs.Tally{}, errNoTenant
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	figures := map[group]int{}
	if whole := len(q.IDs) == 0 && q.Initiator == (runs.Actor{}) && q.Target == (runs.Target{}) &&
		q.From.IsZero() && q.To.IsZero(); whole {
		for g, l := range s.groups(q) {
			figures[g] = l.size
		}
		return tally(figures, limit), nil
	}
	next := s.newest(q, "")
	for e := next(); e != nil; e = next() {
		if matches(q, e.run) {
			figures[groupOf(e.run)]++
		}
	}
	return tally(figures, limit), nil
}

func tally(figures map[group]int, limit int) runs.Tally {
	t := runs.Tally{Status: map[runs.Status]int{}, Outcome: map[runs.Outcome]int{}}
	for g, n := range figures {
		t.Status[g.status] += n
		if g.status == runs.StatusCompleted {
			t.Outcome[g.outcome] += n
		}
	}
	outcomes := capAt(t.Outcome, limit)
	t.Capped = capAt(t.Status, limit) || outcomes
	return t
}

// capAt bounds the figures and reports whether one of them reached the limit.
func capAt[K comparable](figures map[K]int, limit int) (reached bool) {
	for k, n := range figures {
		if n >= limit {
			figures[k], reached = limit, true
		}
	}
	return reached
}
