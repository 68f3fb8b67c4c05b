package memruns

import (
	"context"
	"slices"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A queue is the runs of a type that wait for a worker or for their
// announcement.
type queue struct {
	ready  list // queued runs that may be claimed, oldest first
	parked list // queued runs by the instant from which they may be claimed
	alarms list // all that waits, by the instant at which it is due
}

func (s *Store) queue(t runs.Type) *queue {
	q := s.due[t]
	if q == nil {
		q = &queue{
			ready:  list{compare: compareMarks},
			parked: list{compare: compareMarks},
			alarms: list{compare: compareMarks},
		}
		s.due[t] = q
	}
	return q
}

// add files the run of e by what it waits for. What is in ready has been in
// parked before, unless its NotBefore is zero.
func (q *queue) add(e *entry) {
	r := e.run
	switch r.Status {
	case runs.StatusQueued:
		if r.NotBefore.IsZero() {
			q.ready.add(byID(e))
		} else {
			q.parked.add(mark{micros(r.NotBefore), e})
		}
		q.alarms.add(ringMark(e))
	case runs.StatusRunning:
		q.alarms.add(mark{micros(r.LeaseUntil), e})
	case runs.StatusCompleted:
		if !r.Announced {
			q.alarms.add(mark{micros(r.NextRing), e})
		}
	}
}

// remove undoes add.
func (q *queue) remove(e *entry) {
	r := e.run
	switch r.Status {
	case runs.StatusQueued:
		q.ready.remove(byID(e))
		q.parked.remove(mark{micros(r.NotBefore), e})
		q.alarms.remove(ringMark(e))
	case runs.StatusRunning:
		q.alarms.remove(mark{micros(r.LeaseUntil), e})
	case runs.StatusCompleted:
		q.alarms.remove(mark{micros(r.NextRing), e})
	}
}

// ringMark is where a queued run is among alarms.
func ringMark(e *entry) mark {
	return mark{max(micros(e.run.NotBefore), micros(e.run.NextRing)), e}
}

// micros orders instants; the zero one comes first.
func micros(t time.Time) int64 { return t.UnixMicro() }

// Due implements [runs.Store]. Claimable runs come oldest first, others in the
// order in which they became due.
func (s *Store) Due(ctx context.Context, q runs.DueQuery) ([]*runs.Run, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	limit := q.Limit
	if limit <= 0 {
		limit = 50
	}
	collect := s.collect
	if q.Instance != "" {
		collect = s.left
	}
	found := collect(q, limit)
	for i, r := range found {
		found[i] = r.Clone()
	}
	return found, nil
}

func (s *Store) collect(q runs.DueQuery, limit int) (found []*runs.Run) {
	s.mu.Lock() // what may be claimed by now moves from parked to ready
	defer s.mu.Unlock()
	at := runs.Instant(now())
	var m merge
	for _, t := range slices.Compact(slices.Sorted(slices.Values(q.Types))) {
		l := s.due[t]
		switch {
		case l == nil:
		case q.Claimable:
			l.promote(at)
			m = append(m, l.ready.first())
		default:
			m = append(m, l.alarms.first())
		}
	}
	for e := m.next(at); e != nil && len(found) < limit; e = m.next(at) {
		if ripe(q, e.run, at) {
			found = append(found, e.run)
		}
	}
	return found
}

// left returns what other incarnations of an instance have left behind.
func (s *Store) left(q runs.DueQuery, limit int) (found []*runs.Run) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var marks []mark
	for e := range s.held[q.Instance] {
		if e.run.Incarnation != q.Incarnation && slices.Contains(q.Types, e.run.Type) {
			marks = append(marks, mark{micros(e.run.LeaseUntil), e})
		}
	}
	slices.SortFunc(marks, compareMarks)
	for _, m := range marks[:min(limit, len(marks))] {
		found = append(found, m.entry.run)
	}
	return found
}

// promote makes runs ready whose NotBefore has come.
func (q *queue) promote(at time.Time) {
	for {
		w := q.parked.first()
		m, ok := w.value()
		if !ok || m.at > micros(at) {
			return
		}
		q.parked.remove(m)
		q.ready.add(byID(m.entry))
	}
}

// ripe looks at what the order of the lists leaves open.
func ripe(q runs.DueQuery, r *runs.Run, at time.Time) bool {
	if q.Claimable && r.NotBefore.After(at) {
		return false // the clock was set back
	}
	return q.Status == "" || q.Status == r.Status
}

// A merge walks along several lists at once, by instant and then by ID.
type merge []walk[mark]

// next returns the next entry whose instant has come, or nil.
func (m merge) next(at time.Time) *entry {
	var least mark
	from := -1
	for i := range m {
		v, ok := m[i].value()
		if ok && v.at <= micros(at) && (from < 0 || compareMarks(v, least) < 0) {
			least, from = v, i
		}
	}
	if from < 0 {
		return nil
	}
	m[from].forward()
	return least.entry
}
