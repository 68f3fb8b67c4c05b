package memruns

import (
	"context"
	"strings"

	"github.com/tenantatlas/tenantatlas/runs"
)

// items is what became of the items of one run.
type items struct {
	byKey map[string]runs.Item
	keys  index[string]
}

// PutItems implements [runs.ItemStore].
func (s *Store) PutItems(ctx context.Context, ref runs.Ref, attempt int, puts []runs.Item) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, it := range puts {
		if err := it.Validate(); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.find(ref.Tenant, ref.ID)
	switch {
	case e == nil:
		return runs.ErrNotFound
	case e.run.Status != runs.StatusRunning || e.run.Attempt != attempt:
		return runs.ErrConflict
	}
	kept := s.items[e.id]
	if kept == nil {
		kept = &items{byKey: map[string]runs.Item{}, keys: index[string]{compare: strings.Compare}}
		if s.items == nil {
			s.items = map[string]*items{}
		}
		s.items[e.id] = kept
	}
	for _, it := range puts {
		it.Attempt, it.At = attempt, runs.Instant(it.At)
		kept.byKey[it.Key] = it
		kept.keys.add(it.Key)
	}
	return nil
}

// Items implements [runs.ItemStore].
func (s *Store) Items(ctx context.Context, q runs.ItemQuery) (runs.ItemPage, error) {
	if err := ctx.Err(); err != nil {
		return runs.ItemPage{}, err
	}
	after, err := position(string(q.After), itemQueryText(q))
	if err != nil {
		return runs.ItemPage{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var page runs.ItemPage
	kept := s.items[q.Run.ID]
	if kept == nil || s.find(q.Run.Tenant, q.Run.ID) == nil {
		return page, nil
	}
	w := kept.keys.from(after)
	if key, ok := w.value(); ok && after != "" && key == after {
		w.forward()
	}
	for key, ok := w.value(); ok; key, ok = w.value() {
		if it := kept.byKey[key]; anyOf(q.Outcomes, it.Outcome) && (q.Reason == "" || q.Reason == it.Reason) {
			if len(page.Items) == runs.PageSize(q.Limit) {
				page.Next = runs.Cursor(cursor(itemQueryText(q), page.Items[len(page.Items)-1].Key))
				break
			}
			page.Items = append(page.Items, it)
		}
		w.forward()
	}
	return page, nil
}
