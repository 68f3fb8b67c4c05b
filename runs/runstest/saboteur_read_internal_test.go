package runstest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tenantatlas/tenantatlas/runs"
)

// valueSaboteurs break what a store keeps of a run.
var valueSaboteurs = []saboteur{
	{"value-instants", inserted(func(in, stored *runs.Run, ok bool, err error) (*runs.Run, bool, error) {
		stored.CreatedAt = in.CreatedAt.Truncate(time.Microsecond)
		return stored, ok, err
	})},
	{"value-instants", inserting(func(r *runs.Run) { r.Cancel.At = r.Cancel.At.Truncate(time.Millisecond) })},
	{"value-instants", inserting(func(r *runs.Run) { r.StartedAt = r.StartedAt.Round(time.Microsecond) })},
	{"value-stamps", updated(func(_, stored *runs.Run, err error) (*runs.Run, error) {
		stored.LeaseUntil = stored.LeaseUntil.Add(1)
		return stored, err
	})},
	{"value-numbers", inserting(func(r *runs.Run) { r.Counts.Skipped = int64(float64(r.Counts.Skipped)) & math.MaxInt64 })},
	{"value-numbers", inserting(func(r *runs.Run) { r.Counts.Failed = int64(int32(r.Counts.Failed)) & math.MaxInt32 })}, //nolint:gosec // a defect
	{"value-params", inserting(func(r *runs.Run) {
		var b bytes.Buffer
		if json.Compact(&b, r.Params) == nil {
			r.Params = b.Bytes()
		}
	})},
	{"value-texts", inserting(func(r *runs.Run) { r.Cancel.Why = strings.TrimSpace(r.Cancel.Why) })},
	{"value-texts", inserting(func(r *runs.Run) {
		for i := range r.Failures {
			r.Failures[i].Key = strings.ReplaceAll(r.Failures[i].Key, "<", "\\u003c")
		}
	})},
	{"value-limits", func(b *broken) {
		b.insert = func(ctx context.Context, r *runs.Run) (*runs.Run, bool, error) {
			if len(r.Tenant)+len(r.Type)+len(r.Once) > 2000 {
				return nil, false, errors.New("index row is too large")
			}
			return b.Store.Insert(ctx, r)
		}
	}},
	{"caller-owns-passed", func(b *broken) {
		var passed *runs.Run
		inserted(func(in, stored *runs.Run, ok bool, err error) (*runs.Run, bool, error) {
			passed = in
			return stored, ok, err
		})(b)
		got(func(_ runs.Ref, r *runs.Run, err error) (*runs.Run, error) {
			r.Context = passed.Context
			return r, err
		})(b)
	}},
	{"caller-owns-passed", func(b *broken) {
		b.update = func(ctx context.Context, r *runs.Run) (*runs.Run, error) {
			stored, err := b.Store.Update(ctx, r)
			r.Revision++
			return stored, err
		}
	}},
	{"caller-owns-returned", func(b *broken) {
		var shared map[string]string
		got(func(_ runs.Ref, r *runs.Run, err error) (*runs.Run, error) {
			if shared == nil {
				shared = r.Context
			}
			r.Context = shared
			return r, err
		})(b)
	}},
}

// asking breaks List by changing what is asked.
func asking(change func(q *runs.Query)) func(b *broken) {
	return func(b *broken) {
		b.list = func(ctx context.Context, q runs.Query) (runs.Page, error) {
			change(&q)
			return b.Store.List(ctx, q)
		}
	}
}

// listed breaks List by changing what it returns.
func listed(change func(q runs.Query, p runs.Page, err error) (runs.Page, error)) func(b *broken) {
	return func(b *broken) {
		b.list = func(ctx context.Context, q runs.Query) (runs.Page, error) {
			p, err := b.Store.List(ctx, q)
			return change(q, p, err)
		}
	}
}

var listSaboteurs = []saboteur{
	{"list-order", listed(func(_ runs.Query, p runs.Page, err error) (runs.Page, error) {
		slices.SortFunc(p.Runs, func(a, b *runs.Run) int { return b.CreatedAt.Compare(a.CreatedAt) })
		return p, err
	})},
	{"list-order", listed(func(_ runs.Query, p runs.Page, err error) (runs.Page, error) {
		slices.SortFunc(p.Runs, func(a, b *runs.Run) int { return cmp.Compare(strings.ToLower(b.ID), strings.ToLower(a.ID)) })
		return p, err
	})},
	{"list-pages", listed(func(_ runs.Query, p runs.Page, err error) (runs.Page, error) {
		if p.Next == "" {
			p.Runs = p.Runs[:len(p.Runs)-1]
		}
		return p, err
	})},
	{"list-pages", asking(func(q *runs.Query) { q.Limit++ })},
	{"list-limits", asking(func(q *runs.Query) { q.Limit = cmp.Or(q.Limit, 100) })},
	{"list-tenant", asking(func(q *runs.Query) {
		if len(q.IDs) > 0 {
			q.Tenant = acme
		}
	})},
	{"list-no-tenant", asking(func(q *runs.Query) { q.Tenant = cmp.Or(q.Tenant, acme) })},
	{"list-lean", func(b *broken) {
		b.list = func(ctx context.Context, q runs.Query) (runs.Page, error) {
			p, err := b.Store.List(ctx, q)
			for i, r := range p.Runs {
				p.Runs[i], err = b.Store.Get(ctx, r.Ref())
			}
			return p, err
		}
	}},
	{"list-lean", listed(func(_ runs.Query, p runs.Page, err error) (runs.Page, error) {
		for _, r := range p.Runs {
			r.Counts.Extra = nil
		}
		return p, err
	})},
	{"list-sees-writes", func(b *broken) { // a cache
		pages := map[string]runs.Page{}
		listed(func(q runs.Query, p runs.Page, err error) (runs.Page, error) {
			name := fmt.Sprint(q)
			if _, ok := pages[name]; !ok {
				pages[name] = p
			}
			return pages[name], err
		})(b)
	}},
	{"list-meanwhile", byOffset},
	{"list-leaving", byOffset},

	{"filter-ids", asking(func(q *runs.Query) { q.IDs = nil })},
	{"filter-types", asking(func(q *runs.Query) { q.Types = nil })},
	{"filter-types", asking(func(q *runs.Query) { q.Types = q.Types[:min(1, len(q.Types))] })},
	{"filter-statuses", asking(func(q *runs.Query) { q.Statuses = nil })},
	{"filter-outcomes", asking(func(q *runs.Query) { q.Outcomes = nil })},
	{"filter-initiator", asking(func(q *runs.Query) { q.Initiator.Kind = "" })},
	{"filter-target", asking(func(q *runs.Query) { q.Target.ID = "" })},
	{"filter-time", asking(func(q *runs.Query) { q.From = time.Time{} })},
	{"filter-time", asking(func(q *runs.Query) {
		if !q.To.IsZero() {
			q.To = q.To.Add(1000)
		}
	})},
	{"filter-combined", asking(func(q *runs.Query) {
		if len(q.Types) > 0 && len(q.Outcomes) > 0 {
			q.Target = runs.Target{}
		}
	})},
	{"filter-sparse", listed(func(q runs.Query, p runs.Page, err error) (runs.Page, error) {
		if q.After != "" { // nothing more among the first hundred
			return runs.Page{}, err
		}
		return p, err
	})},
	{"filter-odd", listed(func(q runs.Query, p runs.Page, err error) (runs.Page, error) {
		if !utf8.ValidString(q.Target.Kind) {
			return p, errors.New("invalid byte sequence")
		}
		return p, err
	})},
	{"cursor-of-another", startsOver},
	{"cursor-of-nobody", startsOver},
}

// byOffset counts the runs that were shown instead of remembering the last.
func byOffset(b *broken) {
	b.list = func(ctx context.Context, q runs.Query) (runs.Page, error) {
		offset, _ := strconv.Atoi(string(q.After))
		size := q.Limit
		q.After, q.Limit = "", runs.MaxLimit
		all, err := b.Store.List(ctx, q)
		if err != nil {
			return runs.Page{}, err
		}
		p := runs.Page{Runs: all.Runs[min(offset, len(all.Runs)):]}
		if len(p.Runs) > size {
			p.Runs, p.Next = p.Runs[:size], runs.Cursor(strconv.Itoa(offset+size))
		}
		return p, nil
	}
}

// startsOver takes a bad cursor for none.
func startsOver(b *broken) {
	b.list = func(ctx context.Context, q runs.Query) (runs.Page, error) {
		p, err := b.Store.List(ctx, q)
		if errors.Is(err, runs.ErrBadCursor) {
			q.After = ""
			return b.Store.List(ctx, q)
		}
		return p, err
	}
}

// dueWithout breaks Due by leaving runs out.
func dueWithout(out func(q runs.DueQuery, r *runs.Run) bool) func(b *broken) {
	return func(b *broken) {
		b.due = func(ctx context.Context, q runs.DueQuery) ([]*runs.Run, error) {
			all, err := b.Store.Due(ctx, q)
			return slices.DeleteFunc(all, func(r *runs.Run) bool { return out(q, r) }), err
		}
	}
}

// dueWith breaks Due by adding acme's runs.
func dueWith(in func(q runs.DueQuery, r *runs.Run) bool) func(b *broken) {
	return func(b *broken) {
		b.due = func(ctx context.Context, q runs.DueQuery) ([]*runs.Run, error) {
			all, err := b.Store.Due(ctx, q)
			page, lerr := b.Store.List(ctx, runs.Query{Tenant: acme, Types: q.Types})
			for _, r := range page.Runs {
				if in(q, r) && !slices.Contains(ids(all), r.ID) {
					all = append(all, r)
				}
			}
			return all, errors.Join(err, lerr)
		}
	}
}

// dueAsking breaks Due by changing what is asked.
func dueAsking(change func(q *runs.DueQuery)) func(b *broken) {
	return func(b *broken) {
		b.due = func(ctx context.Context, q runs.DueQuery) ([]*runs.Run, error) {
			change(&q)
			return b.Store.Due(ctx, q)
		}
	}
}

// dueOnce answers as it did the first time.
func dueOnce(b *broken) {
	var first []*runs.Run
	b.due = func(ctx context.Context, q runs.DueQuery) ([]*runs.Run, error) {
		all, err := b.Store.Due(ctx, q)
		if first == nil {
			first = all
		}
		return first, err
	}
}

var dueSaboteurs = []saboteur{
	{"left-instance", func(b *broken) { // waits for the end of leases
		b.due = func(ctx context.Context, q runs.DueQuery) ([]*runs.Run, error) {
			all, err := b.Store.Due(ctx, q)
			return slices.DeleteFunc(all, func(r *runs.Run) bool { return q.Instance != "" && r.LeaseUntil.After(time.Now()) }), err
		}
	}},
	{"left-instance", func(b *broken) { // does not know instances
		b.due = func(ctx context.Context, q runs.DueQuery) ([]*runs.Run, error) {
			q.Instance = ""
			return b.Store.Due(ctx, q)
		}
	}},
	{"left-instance", inserting(func(r *runs.Run) { r.Instance = strings.ToLower(r.Instance) })},
	{"left-incarnation", func(b *broken) {
		b.due = func(ctx context.Context, q runs.DueQuery) ([]*runs.Run, error) {
			q.Incarnation = "none"
			return b.Store.Due(ctx, q)
		}
	}},
	{"left-running", inserting(func(r *runs.Run) {
		if r.Instance != "" && r.Status == runs.StatusQueued {
			r.Status = runs.StatusRunning
		}
	})},
	{"left-running", updating(func(r *runs.Run) {
		if r.Instance == "b" {
			r.Instance = "a" // as it was when it was claimed first
		}
	})},
	{"due-claimable", dueWith(func(q runs.DueQuery, r *runs.Run) bool { return q.Claimable && r.Status == runs.StatusQueued })},
	{"due-claimable", func(b *broken) {
		b.due = func(ctx context.Context, q runs.DueQuery) ([]*runs.Run, error) {
			all, err := b.Store.Due(ctx, q)
			for _, r := range all {
				r.Params = nil
			}
			return all, err
		}
	}},
	{"due-claimable-rings", dueWithout(func(_ runs.DueQuery, r *runs.Run) bool { return r.NextRing.After(time.Now()) })},
	{"due-claimable-rings", dueWithout(func(_ runs.DueQuery, r *runs.Run) bool { return r.CreatedAt.After(time.Now()) })},
	{"due-claimable-queued", dueWith(func(_ runs.DueQuery, r *runs.Run) bool { return r.Ended() && !r.Announced })},
	{"due-claimable-queued", dueWith(func(_ runs.DueQuery, r *runs.Run) bool {
		return r.Status == runs.StatusRunning && r.LeaseUntil.Before(time.Now())
	})},
	{"due-claimable-moves", dueOnce},
	{"due-types", dueAsking(func(q *runs.DueQuery) {
		if len(q.Types) == 0 {
			q.Types = []runs.Type{testRun}
		}
	})},
	{"due-types", dueAsking(func(q *runs.DueQuery) { q.Types = q.Types[:min(1, len(q.Types))] })},
	{"due-tenants", dueWithout(func(_ runs.DueQuery, r *runs.Run) bool { return r.Tenant == runs.SystemTenant })},
	{"due-limit", dueAsking(func(q *runs.DueQuery) { q.Limit = cmp.Or(q.Limit, 60) })},
	{"due-limit", dueAsking(func(q *runs.DueQuery) { q.Limit = min(q.Limit, 50) })},
	{"due-order", func(b *broken) {
		b.due = func(ctx context.Context, q runs.DueQuery) ([]*runs.Run, error) {
			limit := q.Limit
			q.Limit = 1000
			all, err := b.Store.Due(ctx, q)
			slices.Reverse(all)
			return all[:min(limit, len(all))], err
		}
	}},
	{"ring-status", dueAsking(func(q *runs.DueQuery) { q.Status = "" })},
	{"ring-status", dueWithout(func(q runs.DueQuery, r *runs.Run) bool { return q.Status != "" && r.Type == otherRun })},
	{"ring-next", dueWithout(func(_ runs.DueQuery, r *runs.Run) bool { return r.CreatedAt.After(time.Now()) })},
	{"ring-next", dueWithout(func(_ runs.DueQuery, r *runs.Run) bool { return r.NotBefore.IsZero() && r.NextRing.IsZero() })},
	{"ring-next", dueWith(func(_ runs.DueQuery, r *runs.Run) bool { return r.NextRing.IsZero() && r.NotBefore.After(time.Now()) })},
	{"ring-next", dueWith(func(_ runs.DueQuery, r *runs.Run) bool { return r.NextRing.Before(time.Now()) })},
	{"ring-lease", dueWithout(func(_ runs.DueQuery, r *runs.Run) bool { return r.LeaseUntil.IsZero() })},
	{"ring-lease", dueWith(func(_ runs.DueQuery, r *runs.Run) bool { return r.NextRing.Equal(past) })},
	{"ring-unannounced", dueWithout(func(_ runs.DueQuery, r *runs.Run) bool { return r.NextRing.IsZero() })},
	{"ring-unannounced", dueWith(func(_ runs.DueQuery, r *runs.Run) bool { return r.Announced && r.NextRing.Equal(past) })},
	{"ring-moves", dueOnce},
	{"ring-comes", dueWith(func(runs.DueQuery, *runs.Run) bool { return true })},
	{"ring-comes", dueAsking(func(q *runs.DueQuery) { q.Claimable = true })},
}
