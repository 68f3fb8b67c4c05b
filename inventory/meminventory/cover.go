package meminventory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/tenantatlas/tenantatlas/inventory"
)

// Cover implements [inventory.Store].
func (s *Store) Cover(ctx context.Context, sync inventory.Sync, c inventory.Coverage, missed []string) error {
	return s.write(ctx, sync.Tenant, func(t *tenant) error {
		rep := t.reports[sync.Run]
		if rep == nil {
			rep = &report{sync: sync, kinds: make(map[string]inventory.Coverage)}
			t.reports[sync.Run] = rep
		}
		rep.kinds[c.Kind] = c
		k := t.kind(c.Kind)
		k.covered = latest(k.covered, c.At)
		if !c.Succeeded() {
			return nil
		}
		if c.Full {
			k.full = latest(k.full, c.At)
		}
		not := make(map[string]struct{}, len(missed))
		for _, id := range missed {
			not[id] = struct{}{}
		}
		for id, r := range k.byID {
			if _, gone := not[id]; !gone && !r.item.LastSeenAt.After(c.At) {
				r.item.LastSeenAt, r.item.LastSeenRun = c.At, sync.Run
			}
		}
		return nil
	})
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Finish implements [inventory.Store].
func (s *Store) Finish(ctx context.Context, sync inventory.Sync, at time.Time) error {
	return s.write(ctx, sync.Tenant, func(t *tenant) error {
		rep := t.reports[sync.Run]
		if rep == nil {
			rep = &report{sync: sync, kinds: make(map[string]inventory.Coverage)}
			t.reports[sync.Run] = rep
		}
		if rep.finished.IsZero() {
			rep.finished = at
			for _, c := range rep.kinds {
				if c.Succeeded() {
					t.kind(c.Kind).finish(sync.Selection, c)
					t.kind(c.Kind).finish("", c)
				}
			}
		}
		t.forgetContents(at)
		t.forgetReports()
		return nil
	})
}

// finish makes c decide what is missing in the given scope.
func (k *kind) finish(selection string, c inventory.Coverage) {
	s := k.scopes[selection]
	switch {
	case c.At.After(s.last):
		s = scope{last: c.At, before: s.last, consistent: !c.Inconsistent()}
	case c.At.Before(s.last):
		s.before = latest(s.before, c.At)
	}
	k.scopes[selection] = s
}

func (t *tenant) forgetContents(at time.Time) {
	used := make(map[string]struct{})
	for _, k := range t.kinds {
		for _, r := range k.byID {
			used[r.item.Hash] = struct{}{}
			used[r.item.AssignmentsHash] = struct{}{}
		}
	}
	for hash, c := range t.contents {
		_, isUsed := used[hash]
		switch {
		case isUsed:
			c.unused = time.Time{}
		case c.unused.IsZero():
			c.unused = at
		case !at.Before(c.unused.Add(inventory.ContentGrace)):
			delete(t.contents, hash)
		}
	}
}

func (t *tenant) forgetReports() {
	bySelection := make(map[string][]*report)
	for _, r := range t.reports {
		bySelection[r.sync.Selection] = append(bySelection[r.sync.Selection], r)
	}
	for _, reports := range bySelection {
		slices.SortFunc(reports, func(a, b *report) int {
			return cmp.Or(b.latest().Compare(a.latest()), cmp.Compare(b.sync.Run, a.sync.Run))
		})
		for _, old := range reports[min(len(reports), inventory.KeptReports):] {
			delete(t.reports, old.sync.Run)
		}
	}
}

// Coverage implements [inventory.Reader].
func (s *Store) Coverage(ctx context.Context, q inventory.CoverageQuery) (inventory.Report, error) {
	var out inventory.Report
	err := s.read(ctx, q.Tenant, func(t *tenant) error {
		rep := t.report(q)
		if rep == nil {
			return inventory.ErrNotFound
		}
		out = inventory.Report{Run: rep.sync.Run, Selection: rep.sync.Selection, CompletedAt: rep.finished}
		for _, c := range rep.kinds {
			out.Kinds = append(out.Kinds, c)
		}
		slices.SortFunc(out.Kinds, func(a, b inventory.Coverage) int { return cmp.Compare(a.Kind, b.Kind) })
		return nil
	})
	return out, err
}

// report returns the one that q names, or nil.
func (t *tenant) report(q inventory.CoverageQuery) *report {
	if t == nil {
		return nil
	}
	if q.Run != "" {
		return t.reports[q.Run]
	}
	var last *report
	for _, r := range t.reports {
		if r.finished.IsZero() || q.Selection != "" && r.sync.Selection != q.Selection {
			continue
		}
		if last == nil || cmp.Or(r.finished.Compare(last.finished), cmp.Compare(r.sync.Run, last.sync.Run)) > 0 {
			last = r
		}
	}
	return last
}
