package memnotify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/runs"
)

// Add implements [notify.Outbox].
func (s *Store) Add(ctx context.Context, deliveries ...notify.Delivery) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, d := range deliveries {
		if err := d.Validate(); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range deliveries {
		if _, there := s.deliveries[d.ID()]; !there {
			s.deliveries[d.ID()] = exact(d)
		}
	}
	return nil
}

// exact returns d with its instants as they are kept.
func exact(d notify.Delivery) notify.Delivery {
	for _, t := range []*time.Time{&d.NextAt, &d.CreatedAt, &d.SettledAt, &d.Notification.At, &d.Notification.ReadAt} {
		*t = runs.Instant(*t)
	}
	d.Notification.Counts.Extra = nil
	return d
}

// Take implements [notify.Outbox].
func (s *Store) Take(ctx context.Context, t notify.Taking) ([]notify.Delivery, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var due []notify.Delivery
	for _, d := range s.deliveries {
		if d.State == notify.DeliveryPending && d.Channel == t.Channel && !d.NextAt.After(runs.Instant(t.Now)) {
			due = append(due, d)
		}
	}
	slices.SortFunc(due, func(a, b notify.Delivery) int {
		return cmp.Or(a.NextAt.Compare(b.NextAt), strings.Compare(a.ID(), b.ID()))
	})
	due = due[:min(len(due), runs.PageSize(t.Limit))]
	for i := range due {
		due[i].Attempt++
		due[i].NextAt = runs.Instant(t.Until)
		s.deliveries[due[i].ID()] = due[i]
	}
	return due, nil
}

// Settle implements [notify.Outbox].
func (s *Store) Settle(ctx context.Context, d notify.Delivery) error {
	if err := cmp.Or(ctx.Err(), d.Validate()); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	kept, ok := s.deliveries[d.ID()]
	if !ok || kept.State != notify.DeliveryPending || kept.Attempt != d.Attempt {
		return notify.ErrConflict
	}
	kept.State, kept.Reason, kept.NextAt, kept.SettledAt = d.State, d.Reason, d.NextAt, d.SettledAt
	s.deliveries[d.ID()] = exact(kept)
	return nil
}

// A place is a position in the log.
type place struct {
	At time.Time
	ID string
}

// Log implements [notify.Outbox].
func (s *Store) Log(ctx context.Context, q notify.LogQuery) (notify.LogPage, error) {
	var page notify.LogPage
	if err := ctx.Err(); err != nil {
		return page, err
	}
	filter := fmt.Sprintf("log %q", q.State)
	var after place
	if err := position(q.After, filter, &after); err != nil {
		return page, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	newest := func(a, b place) int { return cmp.Or(b.At.Compare(a.At), strings.Compare(b.ID, a.ID)) }
	for _, d := range s.deliveries {
		if (q.State == "" || d.State == q.State) && (q.After == "" || newest(place{d.CreatedAt, d.ID()}, after) > 0) {
			page.Deliveries = append(page.Deliveries, d)
		}
	}
	slices.SortFunc(page.Deliveries, func(a, b notify.Delivery) int {
		return newest(place{a.CreatedAt, a.ID()}, place{b.CreatedAt, b.ID()})
	})
	if size := q.PageSize(); len(page.Deliveries) > size {
		page.Deliveries = page.Deliveries[:size]
		last := page.Deliveries[size-1]
		page.Next = cursor(filter, place{last.CreatedAt, last.ID()})
	}
	return page, nil
}

// Forget implements [notify.Outbox].
func (s *Store) Forget(ctx context.Context, before time.Time, limit int) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var old []notify.Delivery
	for _, d := range s.deliveries {
		if d.State != notify.DeliveryPending && d.CreatedAt.Before(before) {
			old = append(old, d)
		}
	}
	slices.SortFunc(old, func(a, b notify.Delivery) int { return a.CreatedAt.Compare(b.CreatedAt) })
	old = old[:min(len(old), max(limit, 0))]
	for _, d := range old {
		delete(s.deliveries, d.ID())
	}
	return len(old), nil
}
