package memruns

import (
	"context"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// isOver reports whether nothing will happen to r any more.
func isOver(r *runs.Run) bool { return r.Ended() && r.Announced && !r.CompletedAt.IsZero() }

// overMark is where the run of e is among those that are over.
func overMark(e *entry) mark { return mark{micros(e.run.CompletedAt), e} }

// Ended implements [runs.Pruner].
func (s *Store) Ended(ctx context.Context, before time.Time, after runs.EndedRun, limit int) ([]runs.EndedRun, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = 50
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	from := mark{micros(runs.Instant(after.CompletedAt)), &entry{id: after.ID}}
	w := s.over.from(from)
	if m, ok := w.value(); ok && compareMarks(m, from) == 0 {
		w.forward()
	}
	var found []runs.EndedRun
	for m, ok := w.value(); ok && len(found) < limit; m, ok = w.value() {
		r := m.entry.run
		if !r.CompletedAt.Before(before) {
			break
		}
		found = append(found, runs.EndedRun{Ref: r.Ref(), Outcome: r.Outcome, Once: r.Once, CompletedAt: r.CompletedAt})
		w.forward()
	}
	return found, nil
}

// Delete implements [runs.Pruner].
func (s *Store) Delete(ctx context.Context, refs []runs.Ref) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	deleted := 0
	for _, ref := range refs {
		e := s.find(ref.Tenant, ref.ID)
		if e == nil || !e.run.Ended() || !e.run.Announced {
			continue
		}
		r := e.run
		s.queue(r.Type).remove(e)
		s.list(r).remove(byID(e))
		s.over.remove(overMark(e))
		if once := (onceKey{r.Tenant, r.Type, r.Once}); s.onces[once] == e {
			delete(s.onces, once)
		}
		delete(s.items, e.id)
		delete(s.byID, e.id)
		deleted++
	}
	return deleted, nil
}
