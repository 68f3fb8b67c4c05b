package restore

import (
	"fmt"
	"slices"
	"strings"
)

// circles blocks the items that refer to each other in a circle and are all to be
// created: each would have to be there before the others. One that is in the target
// already breaks it.
func (j *job) circles() {
	s := search{order: make(map[*entry]int), low: make(map[*entry]int), on: make(map[*entry]bool)}
	for _, e := range j.items {
		if e.creates() && s.order[e] == 0 {
			s.visit(e)
		}
	}
	for _, c := range s.circles {
		for _, e := range c {
			e.decide(Blocked, ReasonCircle, inCircle(c))
		}
	}
}

// creates reports whether the item is to be created, as far as that is known before
// it is compared.
func (e *entry) creates() bool { return e.Decision == "" && e.Object == "" }

// inCircle says what is to be done about items that refer to each other.
func inCircle(items []*entry) string {
	if len(items) == 1 {
		return "It refers to itself, so that it would have to be there before it is created. Create it by hand, or leave it out."
	}
	const together = 5 // in one sentence
	names := make([]string, 0, together+1)
	for _, e := range items[:min(len(items), together)] {
		names = append(names, "“"+e.Name+"”")
	}
	if more := len(items) - len(names); more > 0 {
		names = append(names, fmt.Sprint(more, " more"))
	}
	return "These refer to each other in a circle, so that none can be created before the others: " + strings.Join(names, ", ") +
		". Create one of them by hand, without what it refers to, and start another preview; or leave them out."
}

// A search finds circles (Tarjan's algorithm).
type search struct {
	order, low map[*entry]int // when an item was reached, from 1; and the earliest that it leads back to
	on         map[*entry]bool
	path       []*entry // items of which it is not known yet what circle they are in
	circles    [][]*entry
}

func (s *search) visit(e *entry) {
	s.order[e] = len(s.order) + 1
	s.low[e], s.on[e], s.path = s.order[e], true, append(s.path, e)
	self := false
	for _, to := range e.refers {
		switch {
		case !to.creates():
		case s.order[to] == 0:
			s.visit(to)
			s.low[e] = min(s.low[e], s.low[to])
		case s.on[to]:
			self = self || to == e
			s.low[e] = min(s.low[e], s.order[to])
		}
	}
	if s.low[e] != s.order[e] {
		return
	}
	n := slices.Index(s.path, e)
	c := slices.Clone(s.path[n:])
	s.path = s.path[:n]
	for _, is := range c {
		s.on[is] = false
	}
	if len(c) > 1 || self {
		s.circles = append(s.circles, c)
	}
}
