package runstest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/tenantatlas/tenantatlas/runs"
)

// inserting breaks Insert by changing what is inserted.
func inserting(change func(r *runs.Run)) func(b *broken) {
	return func(b *broken) {
		b.insert = func(ctx context.Context, r *runs.Run) (*runs.Run, bool, error) {
			r = r.Clone()
			change(r)
			return b.Store.Insert(ctx, r)
		}
	}
}

// inserted breaks Insert by changing what it returns.
func inserted(change func(in, stored *runs.Run, ok bool, err error) (*runs.Run, bool, error)) func(b *broken) {
	return func(b *broken) {
		b.insert = func(ctx context.Context, r *runs.Run) (*runs.Run, bool, error) {
			stored, ok, err := b.Store.Insert(ctx, r)
			return change(r, stored, ok, err)
		}
	}
}

// updating breaks Update by changing what is written.
func updating(change func(r *runs.Run)) func(b *broken) {
	return func(b *broken) {
		b.update = func(ctx context.Context, r *runs.Run) (*runs.Run, error) {
			r = r.Clone()
			change(r)
			return b.Store.Update(ctx, r)
		}
	}
}

// updated breaks Update by changing what it returns.
func updated(change func(in, stored *runs.Run, err error) (*runs.Run, error)) func(b *broken) {
	return func(b *broken) {
		b.update = func(ctx context.Context, r *runs.Run) (*runs.Run, error) {
			stored, err := b.Store.Update(ctx, r)
			return change(r, stored, err)
		}
	}
}

// got breaks Get by changing what it returns.
func got(change func(ref runs.Ref, r *runs.Run, err error) (*runs.Run, error)) func(b *broken) {
	return func(b *broken) {
		b.get = func(ctx context.Context, ref runs.Ref) (*runs.Run, error) {
			r, err := b.Store.Get(ctx, ref)
			return change(ref, r, err)
		}
	}
}

// insertSaboteurs break Insert and Get.
var insertSaboteurs = []saboteur{
	{"insert-then-get", inserting(func(r *runs.Run) { r.Lost = 0 })},
	{"insert-then-get", inserted(func(_, stored *runs.Run, ok bool, err error) (*runs.Run, bool, error) {
		stored.Revision = 7
		return stored, ok, err
	})},
	{"insert-zero", inserting(func(r *runs.Run) {
		if r.CreatedAt.IsZero() {
			r.CreatedAt = time.Now()
		}
	})},
	{"insert-taken-id", inserted(func(in, stored *runs.Run, ok bool, err error) (*runs.Run, bool, error) {
		if errors.Is(err, runs.ErrExists) {
			return in, false, nil
		}
		return stored, ok, err
	})},
	{"insert-own-retry", inserted(func(in, stored *runs.Run, ok bool, err error) (*runs.Run, bool, error) {
		return stored, ok || stored.ID == in.ID, err
	})},
	{"insert-invalid", inserted(func(in, stored *runs.Run, ok bool, err error) (*runs.Run, bool, error) {
		if errors.Is(err, runs.ErrInvalid) {
			return in, true, nil
		}
		return stored, ok, err
	})},
	{"exact-text", inserting(func(r *runs.Run) { r.Key = runs.Key(strings.ToLower(string(r.Key))) })},
	{"exact-text", inserting(func(r *runs.Run) { r.Once = strings.TrimSpace(r.Once) })},

	{"get-missing", got(func(ref runs.Ref, r *runs.Run, err error) (*runs.Run, error) {
		if err != nil {
			return queued(ref.Tenant, ref.ID, ""), nil
		}
		return r, nil
	})},
	{"get-other-tenant", func(b *broken) {
		b.get = func(ctx context.Context, ref runs.Ref) (*runs.Run, error) {
			ref.Tenant = acme
			return b.Store.Get(ctx, ref)
		}
	}},
	{"get-any-type", got(func(ref runs.Ref, r *runs.Run, err error) (*runs.Run, error) {
		if ref.Type != testRun {
			return nil, runs.ErrNotFound
		}
		return r, err
	})},
	{"get-odd", got(func(ref runs.Ref, r *runs.Run, err error) (*runs.Run, error) {
		if !utf8.ValidString(ref.ID) || strings.Contains(ref.Tenant, "\x00") {
			return nil, errors.New("invalid byte sequence")
		}
		return r, err
	})},

	{"join-key", inserting(func(r *runs.Run) { r.Key = "" })},
	{"join-key", inserting(func(r *runs.Run) { r.Key += runs.Key(r.Type) })},
	{"join-key", inserted(func(_, stored *runs.Run, ok bool, err error) (*runs.Run, bool, error) {
		if !ok {
			stored.Params = nil
		}
		return stored, ok, err
	})},
	{"join-key-other-tenant", inserting(func(r *runs.Run) { r.Tenant = acme })},
	{"join-key-completed", forever},
	{"join-not-by-completed", func(b *broken) {
		b.insert = func(ctx context.Context, r *runs.Run) (*runs.Run, bool, error) {
			if r.Ended() {
				active := r.Clone()
				active.Status, active.Outcome = runs.StatusQueued, ""
				return b.Store.Insert(ctx, active)
			}
			return b.Store.Insert(ctx, r)
		}
	}},
	{"join-requeued", func(b *broken) {
		var free atomic.Bool
		b.update = func(ctx context.Context, r *runs.Run) (*runs.Run, error) {
			free.Store(free.Load() || r.Key == "")
			return b.Store.Update(ctx, r)
		}
		b.insert = func(ctx context.Context, r *runs.Run) (*runs.Run, bool, error) {
			if free.Load() {
				r = r.Clone()
				r.Key = ""
			}
			return b.Store.Insert(ctx, r)
		}
	}},
	{"join-once", inserted(func(in, stored *runs.Run, ok bool, err error) (*runs.Run, bool, error) {
		if !ok && stored.Ended() {
			return in, true, nil
		}
		return stored, ok, err
	})},
	{"join-once-other", inserting(func(r *runs.Run) { r.Type = testRun })},
	{"join-once-other", inserting(func(r *runs.Run) { r.Tenant = acme })},
	{"join-once-before-key", func(b *broken) {
		b.insert = func(ctx context.Context, r *runs.Run) (*runs.Run, bool, error) {
			byKey := r.Clone()
			byKey.Once = ""
			if stored, ok, err := b.Store.Insert(ctx, byKey); !ok || r.Once == "" {
				return stored, ok, err
			}
			return b.Store.Insert(ctx, r)
		}
	}},
	{"join-writes-nothing", func(b *broken) {
		b.insert = func(ctx context.Context, r *runs.Run) (*runs.Run, bool, error) {
			stored, ok, err := b.Store.Insert(ctx, r)
			if err == nil && !ok {
				stored.Timing.Ring = hour
				if _, err := b.Store.Update(ctx, stored.Clone()); err != nil {
					return nil, false, err
				}
			}
			return stored, ok, err
		}
	}},
	{"join-empty", inserting(func(r *runs.Run) { r.Key += "none" })},
	{"join-empty", inserting(func(r *runs.Run) { r.Once += "none" })},
	{"join-empty", inserting(func(r *runs.Run) { r.Lane += "none" })},
}

// forever keeps the key of a completed run taken.
func forever(b *broken) {
	keys := map[runs.Key]*runs.Run{}
	b.insert = func(ctx context.Context, r *runs.Run) (*runs.Run, bool, error) {
		if first := keys[r.Key]; first != nil {
			return first, false, nil
		}
		stored, ok, err := b.Store.Insert(ctx, r)
		if ok {
			keys[r.Key] = stored
		}
		return stored, ok, err
	}
}

var updateSaboteurs = []saboteur{
	{"update-replaces", updating(func(r *runs.Run) { r.Counts.Extra = nil })},
	{"update-replaces", updated(func(in, stored *runs.Run, err error) (*runs.Run, error) {
		stored.Params = in.Params
		return stored, err
	})},
	{"update-clears", func(b *broken) {
		b.update = func(ctx context.Context, r *runs.Run) (*runs.Run, error) {
			if old, err := b.Store.Get(ctx, r.Ref()); err == nil && r.Target == (runs.Target{}) {
				r = r.Clone()
				r.Target = old.Target
			}
			return b.Store.Update(ctx, r)
		}
	}},
	{"update-immutable", updated(func(in, stored *runs.Run, err error) (*runs.Run, error) {
		stored.Initiator = in.Initiator
		return stored, err
	})},
	{"update-without-params", func(b *broken) {
		var lost atomic.Bool
		updating(func(r *runs.Run) { lost.Store(r.Params == nil) })(b)
		got(func(_ runs.Ref, r *runs.Run, err error) (*runs.Run, error) {
			if lost.Load() {
				r.Params = nil
			}
			return r, err
		})(b)
	}},
	{"update-revisions", updated(func(_, stored *runs.Run, err error) (*runs.Run, error) {
		stored.Revision++
		return stored, err
	})},
	{"update-stale", lastWriterWins},
	{"update-missing", func(b *broken) {
		b.update = func(ctx context.Context, r *runs.Run) (*runs.Run, error) {
			stored, err := b.Store.Update(ctx, r)
			if errors.Is(err, runs.ErrNotFound) {
				stored, _, err = b.Store.Insert(ctx, r)
			}
			return stored, err
		}
	}},
	{"update-invalid", updated(func(in, stored *runs.Run, err error) (*runs.Run, error) {
		if errors.Is(err, runs.ErrInvalid) {
			return in, nil
		}
		return stored, err
	})},
	{"early-refused", func(b *broken) { // takes what the caller says for what is stored
		b.update = func(ctx context.Context, r *runs.Run) (*runs.Run, error) {
			stored, err := b.Store.Update(ctx, r)
			if errors.Is(err, runs.ErrNotDue) && r.NotBefore.IsZero() {
				return r.Clone(), nil
			}
			return stored, err
		}
	}},
	{"early-refused", func(b *broken) { // looks only at claims
		b.update = func(ctx context.Context, r *runs.Run) (*runs.Run, error) {
			stored, err := b.Store.Update(ctx, r)
			if errors.Is(err, runs.ErrNotDue) && r.Ended() {
				return r.Clone(), nil
			}
			return stored, err
		}
	}},
	{"early-refused", func(b *broken) { // cannot cancel
		b.update = func(ctx context.Context, r *runs.Run) (*runs.Run, error) {
			if r.Outcome == runs.OutcomeCanceled {
				return nil, runs.ErrNotDue
			}
			return b.Store.Update(ctx, r)
		}
	}},
	{"early-no-more", func(b *broken) { // goes by what the caller says
		b.update = func(ctx context.Context, r *runs.Run) (*runs.Run, error) {
			if r.Status == runs.StatusRunning && r.NotBefore.After(time.Now()) {
				return nil, runs.ErrNotDue
			}
			return b.Store.Update(ctx, r)
		}
	}},
	{"early-no-more", func(b *broken) { // has a clock of its own
		b.update = func(ctx context.Context, r *runs.Run) (*runs.Run, error) {
			old, err := b.Store.Get(ctx, r.Ref())
			if err == nil && old.Status == runs.StatusQueued && old.NotBefore.After(time.Now().Add(-10*time.Minute)) && !old.NotBefore.Equal(future) {
				return nil, runs.ErrNotDue
			}
			return b.Store.Update(ctx, r)
		}
	}},
	{"lane-update", crowdsLane},
	{"lane-insert", inserting(func(r *runs.Run) { r.Lane = "" })},
	{"lane-waits", func(b *broken) { // nobody waits in a lane
		var busy atomic.Bool
		updating(func(r *runs.Run) { busy.Store(r.Status == runs.StatusRunning) })(b)
		inserted(func(in, stored *runs.Run, ok bool, err error) (*runs.Run, bool, error) {
			if busy.Load() && in.Lane != "" {
				return nil, false, runs.ErrLaneBusy
			}
			return stored, ok, err
		})(b)
	}},
	{"lane-other", inserting(func(r *runs.Run) { r.Tenant = acme })},
	{"lane-other", inserting(func(r *runs.Run) { r.Lane = strings.ToLower(r.Lane) })},
	{"lane-other", inserting(func(r *runs.Run) { r.Lane += string(r.Type) })},

	{"stamp-insert", inserting(func(r *runs.Run) { r.Timing = runs.Timing{} })},
	{"stamp-insert", inserted(func(in, stored *runs.Run, ok bool, err error) (*runs.Run, bool, error) {
		stored.Timing = in.Timing
		return stored, ok, err
	})},
	{"stamp-update", updating(func(r *runs.Run) { r.Timing.Ring = 0 })},
	{"stamp-each", updating(func(r *runs.Run) { r.Timing.Ring = r.Timing.Lease + r.Timing.Ring })},
	{"stamp-nothing", inserting(func(r *runs.Run) {
		if r.Timing.Delay < 0 {
			r.NotBefore = time.Now().Add(r.Timing.Delay)
		}
	})},
	{"stamp-nothing", updating(func(r *runs.Run) {
		if r.Timing.Lease == 0 {
			r.LeaseUntil = time.Time{}
		}
	})},
	{"stamp-goes-on", updating(func(r *runs.Run) { r.Stamp(time.Now().Add(-time.Minute)) })},
	{"stamp-not-by-people", inserting(func(r *runs.Run) { r.Stamp(r.CreatedAt) })},
	{"stamp-not-by-people", inserting(func(r *runs.Run) { r.UpdatedAt = time.Now() })},
}

// lastWriterWins does not look at revisions.
func lastWriterWins(b *broken) {
	b.update = func(ctx context.Context, r *runs.Run) (*runs.Run, error) {
		r = r.Clone()
		for {
			now, err := b.Store.Get(ctx, r.Ref())
			if err != nil {
				return nil, err
			}
			r.Revision = now.Revision
			stored, err := b.Store.Update(ctx, r)
			if !errors.Is(err, runs.ErrConflict) {
				return stored, err
			}
		}
	}
}

// crowdsLane says that a run runs although its lane is busy.
func crowdsLane(b *broken) {
	updated(func(in, stored *runs.Run, err error) (*runs.Run, error) {
		if errors.Is(err, runs.ErrLaneBusy) {
			return in.Clone(), nil
		}
		return stored, err
	})(b)
}

var concurrencySaboteurs = []saboteur{
	{"concurrent-key", inserting(func(r *runs.Run) { r.Key = "" })},
	{"concurrent-once", inserting(func(r *runs.Run) { r.Once = "" })},
	{"concurrent-id", inserted(func(in, _ *runs.Run, _ bool, _ error) (*runs.Run, bool, error) { return in.Clone(), true, nil })},
	{"concurrent-update", lastWriterWins},
	{"concurrent-lane", crowdsLane},
	{"concurrent-own", func(b *broken) { // mixes up whose result is whose
		var mu sync.Mutex
		var before *runs.Run
		updated(func(_, stored *runs.Run, err error) (*runs.Run, error) {
			mu.Lock()
			defer mu.Unlock()
			if err == nil && before != nil {
				stored, before = before, stored
			} else if err == nil {
				before = stored.Clone()
			}
			return stored, err
		})(b)
	}},
	{"context-ended", func(b *broken) {
		b.insert = func(ctx context.Context, r *runs.Run) (*runs.Run, bool, error) {
			return b.Store.Insert(context.WithoutCancel(ctx), r)
		}
	}},
	{"context-ended", func(b *broken) {
		b.due = func(context.Context, runs.DueQuery) ([]*runs.Run, error) { return nil, errors.New("interrupted") }
	}},
	{"model", func(b *broken) { // loses a write now and then
		n := 0
		b.update = func(ctx context.Context, r *runs.Run) (*runs.Run, error) {
			if n++; n%50 == 0 {
				return r.Clone(), nil
			}
			return b.Store.Update(ctx, r)
		}
	}},
	{"model", func(b *broken) { // forgets a key when its run runs
		b.insert = func(ctx context.Context, r *runs.Run) (*runs.Run, bool, error) {
			if r.Status == runs.StatusRunning {
				r = r.Clone()
				r.Key = ""
			}
			return b.Store.Insert(ctx, r)
		}
	}},
}
