package inventorytest_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/inventorytest"
	"github.com/tenantatlas/tenantatlas/inventory/meminventory"
)

// What the promises are tested with.
const (
	acme   = "acme"
	policy = "configurationPolicy"
	sync2  = "run-2"
)

// A broken store does one thing otherwise than it should. The suite must
// notice.
type broken struct {
	*meminventory.Store

	put    func(ctx context.Context, s *broken, sync inventory.Sync, e []inventory.Entry) error
	cover  func(ctx context.Context, s *broken, sync inventory.Sync, c inventory.Coverage, missed []string) error
	finish func(ctx context.Context, s *broken, sync inventory.Sync, at time.Time) error
	known  func(inventory.Known) inventory.Known
	item   func(*inventory.Item)
	list   func(ctx context.Context, s *broken, q inventory.Query) (inventory.Page, error)
	links  func(ctx context.Context, s *broken, q inventory.LinkQuery) (inventory.LinkPage, error)
	report func(ctx context.Context, s *broken, q inventory.CoverageQuery) (inventory.Report, error)
	text   func(ctx context.Context, s *broken, tenant, hash string) (json.RawMessage, error)
	tenant string // what every tenant is taken for

	lastRun inventory.Sync
}

func (s *broken) Put(ctx context.Context, sync inventory.Sync, e []inventory.Entry) error {
	if s.put != nil {
		return s.put(ctx, s, sync, slices.Clone(e))
	}
	return s.Store.Put(ctx, sync, e)
}

func (s *broken) Cover(ctx context.Context, sync inventory.Sync, c inventory.Coverage, missed []string) error {
	if s.cover != nil {
		return s.cover(ctx, s, sync, c, missed)
	}
	return s.Store.Cover(ctx, sync, c, missed)
}

func (s *broken) Finish(ctx context.Context, sync inventory.Sync, at time.Time) error {
	if s.finish != nil {
		return s.finish(ctx, s, sync, at)
	}
	return s.Store.Finish(ctx, sync, at)
}

func (s *broken) Known(ctx context.Context, tenant, kind string) (inventory.Known, error) {
	k, err := s.Store.Known(ctx, tenant, kind)
	if s.known != nil {
		k = s.known(k)
	}
	return k, err
}

func (s *broken) Get(ctx context.Context, tenant string, ref inventory.Ref, selection string) (inventory.Document, error) {
	if s.tenant != "" {
		tenant = s.tenant
	}
	d, err := s.Store.Get(ctx, tenant, ref, selection)
	if s.item != nil {
		s.item(&d.Item)
	}
	return d, err
}

func (s *broken) List(ctx context.Context, q inventory.Query) (inventory.Page, error) {
	if s.list != nil {
		return s.list(ctx, s, q)
	}
	p, err := s.Store.List(ctx, q)
	for i := range p.Items {
		if s.item != nil {
			s.item(&p.Items[i])
		}
	}
	return p, err
}

func (s *broken) Links(ctx context.Context, q inventory.LinkQuery) (inventory.LinkPage, error) {
	if s.links != nil {
		return s.links(ctx, s, q)
	}
	return s.Store.Links(ctx, q)
}

func (s *broken) Coverage(ctx context.Context, q inventory.CoverageQuery) (inventory.Report, error) {
	if s.report != nil {
		return s.report(ctx, s, q)
	}
	return s.Store.Coverage(ctx, q)
}

func (s *broken) Content(ctx context.Context, tenant, hash string) (json.RawMessage, error) {
	if s.text != nil {
		return s.text(ctx, s, tenant, hash)
	}
	return s.Store.Content(ctx, tenant, hash)
}

// eachEntry changes entries on their way in.
func eachEntry(change func(e *inventory.Entry)) *broken {
	return &broken{put: func(ctx context.Context, s *broken, sync inventory.Sync, e []inventory.Entry) error {
		for i := range e {
			change(&e[i])
		}
		return s.Store.Put(ctx, sync, e)
	}}
}

// eachCover changes coverage on its way in.
func eachCover(change func(c *inventory.Coverage, missed *[]string)) *broken {
	return &broken{cover: func(ctx context.Context, s *broken, sync inventory.Sync, c inventory.Coverage, missed []string) error {
		change(&c, &missed)
		return s.Store.Cover(ctx, sync, c, missed)
	}}
}

func eachItem(change func(i *inventory.Item)) *broken { return &broken{item: change} }

func eachKnown(change func(k inventory.Known) inventory.Known) *broken { return &broken{known: change} }

func eachList(list func(ctx context.Context, s *broken, q inventory.Query) (inventory.Page, error)) *broken {
	return &broken{list: list}
}

func eachLinks(links func(ctx context.Context, s *broken, q inventory.LinkQuery) (inventory.LinkPage, error)) *broken {
	return &broken{links: links}
}

func eachFinish(finish func(ctx context.Context, s *broken, sync inventory.Sync, at time.Time) error) *broken {
	return &broken{finish: finish}
}

func saboteurs() map[string]*broken {
	return map[string]*broken{
		"put-then-get": eachEntry(func(e *inventory.Entry) { e.Assigned.Filters = 0 }),
		"put-little":   eachEntry(func(e *inventory.Entry) { e.ModifiedAt = time.Unix(0, 0).UTC() }),
		"put-replaces": {put: func(ctx context.Context, s *broken, sync inventory.Sync, e []inventory.Entry) error {
			if k, _ := s.Store.Known(ctx, sync.Tenant, policy); len(k.Items) > 0 {
				return nil // the first one stays
			}
			return s.Store.Put(ctx, sync, e)
		}},
		"put-first-seen": eachItem(func(i *inventory.Item) { i.FirstSeenAt = i.FirstSeenAt.Add(7 * time.Minute) }),
		"put-hidden": {put: func(ctx context.Context, s *broken, sync inventory.Sync, e []inventory.Entry) error {
			err := s.Store.Put(ctx, sync, e)
			for _, e := range e {
				_ = s.Hide(ctx, sync.Tenant, e.Ref(), false)
			}
			return err
		}},
		"put-derived":         eachItem(func(i *inventory.Item) { i.Missing = true }),
		"put-content-once":    {put: overwriting},
		"put-content-known":   {put: demanding},
		"put-invalid":         {put: oneByOne},
		"put-links":           eachEntry(func(e *inventory.Entry) { e.Linked = true }),
		"put-holds-nothing":   {put: keeping},
		"known-nothing":       eachKnown(func(k inventory.Known) inventory.Known { k.CoveredAt = time.Unix(1, 0); return k }),
		"known-traces":        eachKnown(func(k inventory.Known) inventory.Known { delete(k.Items, "p2"); return k }),
		"known-trace-moves":   eachEntry(func(e *inventory.Entry) { e.Stamp = strings.Replace(e.Stamp, "moved", "stamp", 1) }),
		"known-times":         eachCover(func(c *inventory.Coverage, _ *[]string) { c.Full = false }),
		"cover-seen":          eachCover(func(_ *inventory.Coverage, missed *[]string) { *missed = nil }),
		"cover-only-seen":     {cover: renaming},
		"cover-not-back":      eachItem(func(i *inventory.Item) { i.LastSeenAt = i.FirstSeenAt.Add(-time.Minute) }),
		"cover-not-succeeded": eachCover(func(c *inventory.Coverage, _ *[]string) { c.Status = "succeeded" }),
		"coverage-of-run":     eachCover(func(c *inventory.Coverage, _ *[]string) { c.ChildrenRead = 0 }),
		"cover-replaces": {cover: func(ctx context.Context, s *broken, sync inventory.Sync, c inventory.Coverage, missed []string) error {
			if r, err := s.Store.Coverage(ctx, inventory.CoverageQuery{Tenant: sync.Tenant, Run: sync.Run}); err == nil && len(r.Kinds) > 0 {
				return nil
			}
			return s.Store.Cover(ctx, sync, c, missed)
		}},
		"coverage-latest": {report: func(ctx context.Context, s *broken, q inventory.CoverageQuery) (inventory.Report, error) {
			q.Selection = ""
			return s.Store.Coverage(ctx, q)
		}},
		"missing-when-finished": {cover: func(ctx context.Context, s *broken, sync inventory.Sync, c inventory.Coverage, missed []string) error {
			err := s.Store.Cover(ctx, sync, c, missed)
			_ = s.Store.Finish(ctx, sync, c.At)
			return err
		}},
		"missing-not-covered": eachCover(func(c *inventory.Coverage, missed *[]string) {
			if !c.Succeeded() {
				c.Status, *missed = "succeeded", []string{"p1"}
			}
		}),
		"missing-scope": eachFinish(func(ctx context.Context, s *broken, sync inventory.Sync, at time.Time) error {
			r, err := s.Store.Coverage(ctx, inventory.CoverageQuery{Tenant: sync.Tenant, Run: sync.Run})
			for _, k := range r.Kinds { // decides for every selection
				all := inventory.Sync{Tenant: sync.Tenant, Run: sync.Run + "-all", Selection: "everything"}
				_ = s.Store.Cover(ctx, all, k, []string{"p1"})
				_ = s.Store.Finish(ctx, all, at)
			}
			if err != nil {
				return err
			}
			return s.Store.Finish(ctx, sync, at)
		}),
		"missing-seen-elsewhere": {cover: func(ctx context.Context, s *broken, sync inventory.Sync, c inventory.Coverage, missed []string) error {
			if sync.Selection != "everything" {
				return s.Store.Cover(ctx, sync, c, []string{"p1"})
			}
			return s.Store.Cover(ctx, sync, c, missed)
		}},
		"missing-confidence": eachItem(func(i *inventory.Item) {
			if i.Missing {
				i.Confidence = inventory.ConfidenceHigh
			}
		}),
		"missing-inconsistent": eachCover(func(c *inventory.Coverage, _ *[]string) { c.Vanished = 0 }),
		"finish-again": eachFinish(func(ctx context.Context, s *broken, sync inventory.Sync, at time.Time) error {
			if s.lastRun == sync {
				sync.Run += "-again"
				_ = s.Store.Cover(ctx, sync, inventory.Coverage{Kind: policy, Status: "succeeded", At: at}, []string{"p1"})
			}
			s.lastRun = sync
			return s.Store.Finish(ctx, sync, at)
		}),
		"finish-late": eachFinish(func(ctx context.Context, s *broken, sync inventory.Sync, at time.Time) error {
			if sync.Run == sync2 {
				_ = s.Store.Cover(ctx, sync, inventory.Coverage{Kind: policy, Status: "succeeded", At: at}, []string{"p1"})
			}
			return s.Store.Finish(ctx, sync, at)
		}),
		"forget-contents": eachFinish(func(ctx context.Context, s *broken, sync inventory.Sync, at time.Time) error {
			_ = s.Store.Finish(ctx, sync, at)
			return s.Store.Finish(ctx, sync, at.Add(2*inventory.ContentGrace))
		}),
		"forget-put-again": eachFinish(func(ctx context.Context, s *broken, sync inventory.Sync, at time.Time) error {
			_ = s.Store.Finish(ctx, sync, at.Add(-inventory.ContentGrace))
			return s.Store.Finish(ctx, sync, at)
		}),
		"forget-not-others": eachFinish(func(ctx context.Context, s *broken, sync inventory.Sync, at time.Time) error {
			ours := sync
			ours.Tenant = acme
			_ = s.Store.Finish(ctx, ours, at)
			return s.Store.Finish(ctx, sync, at)
		}),
		"forget-reports": eachFinish(func(context.Context, *broken, inventory.Sync, time.Time) error { return nil }),
		"list-order": eachList(func(ctx context.Context, s *broken, q inventory.Query) (inventory.Page, error) {
			p, err := s.Store.List(ctx, q)
			slices.SortStableFunc(p.Items, func(a, b inventory.Item) int { return strings.Compare(a.Name, b.Name) })
			return p, err
		}),
		"list-pages": eachList(func(ctx context.Context, s *broken, q inventory.Query) (inventory.Page, error) {
			p, err := s.Store.List(ctx, q)
			if p.Next == "" && len(p.Items) > 0 {
				p.Items = p.Items[:len(p.Items)-1]
			}
			return p, err
		}),
		"list-grows": eachList(func(ctx context.Context, s *broken, q inventory.Query) (inventory.Page, error) {
			if q.After != "" {
				q.After, q.Limit = "", 0 // by offset
				p, err := s.Store.List(ctx, q)
				p.Items = p.Items[min(2, len(p.Items)):min(4, len(p.Items))]
				return p, err
			}
			return s.Store.List(ctx, q)
		}),
		"list-kind": eachList(func(ctx context.Context, s *broken, q inventory.Query) (inventory.Page, error) {
			q.Kind = ""
			return s.Store.List(ctx, q)
		}),
		"list-text": eachList(func(ctx context.Context, s *broken, q inventory.Query) (inventory.Page, error) {
			q.Text = strings.ReplaceAll(q.Text, "%", "")
			return s.Store.List(ctx, q)
		}),
		"list-filters-and-pages": eachList(func(ctx context.Context, s *broken, q inventory.Query) (inventory.Page, error) {
			p, err := s.Store.List(ctx, q)
			if q.Missing {
				p.Next = ""
			}
			return p, err
		}),
		"list-bad-cursor": eachList(func(ctx context.Context, s *broken, q inventory.Query) (inventory.Page, error) {
			p, err := s.Store.List(ctx, q)
			if err != nil {
				q.After = ""
				return s.Store.List(ctx, q)
			}
			return p, err
		}),
		"links-order": eachLinks(func(ctx context.Context, s *broken, q inventory.LinkQuery) (inventory.LinkPage, error) {
			p, err := s.Store.Links(ctx, q)
			slices.Reverse(p.Links)
			return p, err
		}),
		"links-from-to": eachLinks(func(ctx context.Context, s *broken, q inventory.LinkQuery) (inventory.LinkPage, error) {
			if q.From != (inventory.Ref{}) {
				q.To = inventory.Ref{}
			}
			return s.Store.Links(ctx, q)
		}),
		"links-names": eachEntry(func(e *inventory.Entry) {
			for i := range e.Links {
				e.Links[i].To.Name = ""
			}
		}),
		"links-missing": eachLinks(func(ctx context.Context, s *broken, q inventory.LinkQuery) (inventory.LinkPage, error) {
			p, err := s.Store.Links(ctx, q)
			for i, l := range p.Links {
				_, gone := s.Store.Get(ctx, acme, l.To.Ref(), "")
				p.Links[i].Missing = gone != nil
			}
			return p, err
		}),
		"links-bad-cursor": eachLinks(func(ctx context.Context, s *broken, q inventory.LinkQuery) (inventory.LinkPage, error) {
			p, err := s.Store.Links(ctx, q)
			if err != nil {
				q.After = ""
				return s.Store.Links(ctx, q)
			}
			return p, err
		}),
		"get-not-found": {text: func(context.Context, *broken, string, string) (json.RawMessage, error) { return nil, nil }},
		"content": {text: func(ctx context.Context, s *broken, tenant, hash string) (json.RawMessage, error) {
			raw, err := s.Store.Content(ctx, tenant, hash)
			return append(raw, '\n'), err
		}},
		"tenants": {tenant: acme},
		"concurrent": {put: func(ctx context.Context, s *broken, sync inventory.Sync, e []inventory.Entry) error {
			if e[0].ID == "p-1-3" {
				e = e[1:]
			}
			return s.Store.Put(ctx, sync, e)
		}},
		"context": {put: func(ctx context.Context, s *broken, sync inventory.Sync, e []inventory.Entry) error {
			return s.Store.Put(context.WithoutCancel(ctx), sync, e)
		}},
	}
}

// overwriting lets the last content of a hash stay.
func overwriting(ctx context.Context, s *broken, sync inventory.Sync, e []inventory.Entry) error {
	old, err := s.Store.List(ctx, inventory.Query{Tenant: sync.Tenant})
	if err != nil {
		return err
	}
	for _, i := range old.Items {
		e = append(e, inventory.Entry{Item: i})
	}
	s.Store = meminventory.New()
	return s.Store.Put(ctx, sync, e)
}

// demanding refuses an entry that does not bring its contents.
func demanding(ctx context.Context, s *broken, sync inventory.Sync, entries []inventory.Entry) error {
	for _, e := range entries {
		if e.Content == nil {
			return inventory.ErrInvalid
		}
	}
	return s.Store.Put(ctx, sync, entries)
}

// oneByOne stops in the middle.
func oneByOne(ctx context.Context, s *broken, sync inventory.Sync, entries []inventory.Entry) error {
	for i := range entries {
		if err := s.Store.Put(ctx, sync, entries[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

// keeping keeps hold of what was passed.
func keeping(ctx context.Context, s *broken, sync inventory.Sync, e []inventory.Entry) error {
	tags := e[0].ScopeTags
	s.item = func(i *inventory.Item) { i.ScopeTags = tags }
	return s.Store.Put(ctx, sync, e)
}

// renaming touches more than it should.
func renaming(ctx context.Context, s *broken, sync inventory.Sync, c inventory.Coverage, missed []string) error {
	s.item = func(i *inventory.Item) { i.Hash += "x" }
	return s.Store.Cover(ctx, sync, c, missed)
}

// TestSuiteNotices breaks every promise once.
func TestSuiteNotices(t *testing.T) {
	broken := saboteurs()
	for _, name := range inventorytest.Promises() {
		t.Run(name, func(t *testing.T) {
			s := broken[name]
			if s == nil {
				t.Fatal("there is no saboteur")
			}
			s.Store = meminventory.New()
			if text, err := inventorytest.Check(t.Context(), name, s); err == nil {
				t.Errorf("a store that breaks it passes: %s", text)
			} else {
				t.Log(err)
			}
		})
		delete(broken, name)
	}
	for name := range broken {
		t.Errorf("saboteur %q has no promise", name)
	}
}
