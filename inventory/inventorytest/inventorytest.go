// Package inventorytest tests implementations of [inventory.Store].
//
// A driver's own test is one call:
//
//	func TestStore(t *testing.T) {
//		inventorytest.TestStore(t, func(t testing.TB) inventory.Store { return open(t) })
//	}
package inventorytest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/inventory"
)

// TestStore checks that the stores open returns keep every promise made by
// [inventory.Store] and [inventory.Reader]. It calls open once for each
// promise; every store must be empty.
func TestStore(t *testing.T, open func(t testing.TB) inventory.Store) {
	for _, p := range promises() {
		t.Run(p.name, func(t *testing.T) {
			if err := p.check(t.Context(), open(t)); err != nil {
				t.Errorf("%v\nbroken promise: %s", err, p.text)
			}
		})
	}
}

// A promise is one sentence of the documentation. Its check returns an error
// rather than failing a test, so that inventorytest can be tested.
type promise struct {
	name, text string
	check      func(ctx context.Context, s inventory.Store) error
}

func promises() []promise {
	return slices.Concat(putPromises, knownPromises, coverPromises, missingPromises, forgetPromises,
		listPromises, linkPromises, sharedPromises)
}

// The tenants and kinds of the tests.
const (
	acme   = "acme"
	globex = "globex"

	policy = "configurationPolicy"
	filter = "assignmentFilter"
)

// A sync of everything, and one of less.
var (
	sync1 = inventory.Sync{Tenant: acme, Run: "run-1", Selection: "everything"}
	sync2 = inventory.Sync{Tenant: acme, Run: "run-2", Selection: "everything"}
	sync3 = inventory.Sync{Tenant: acme, Run: "run-3", Selection: "everything"}
	other = inventory.Sync{Tenant: acme, Run: "run-4", Selection: "less"}
)

// at returns an instant so many minutes after the first.
func at(minutes int) time.Time {
	return time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC).Add(time.Duration(minutes) * time.Minute)
}

// item returns an entry of a policy with little in it.
func item(id, name, hash string) inventory.Entry {
	return inventory.Entry{
		Item: inventory.Item{
			Kind: policy, ID: id, Name: name, Category: "configuration", Hash: hash,
			FirstSeenAt: at(0), LastSeenAt: at(0), LastSeenRun: "run-1",
		},
		Content: content(hash),
	}
}

// content returns a document to go with a hash.
func content(hash string) json.RawMessage { return json.RawMessage(`{"hash":"` + hash + `"}`) }

// full returns an entry in which every field differs from zero.
func full() inventory.Entry {
	return inventory.Entry{
		Item: inventory.Item{
			Kind: policy, ID: "p1", Name: "Größe “A”", Platform: "windows", Category: "configuration",
			ScopeTags: []string{"0", "7"},
			Assigned: inventory.Assigned{
				Groups: 1, Excluded: 2, AllUsers: true, AllDevices: true, Other: 3, Filters: 4,
			},
			Meta: map[string]string{inventory.MetaOData: "x", inventory.MetaParent: "y"},
			Hash: "h1", AssignmentsHash: "a1",
			ModifiedAt: at(-9), FirstSeenAt: at(0), LastSeenAt: at(0), LastSeenRun: "run-1",
		},
		Stamp:       "stamp",
		Linked:      true,
		Content:     json.RawMessage(`{"name":"Größe","settings":[1,2.50]}`),
		Assignments: json.RawMessage(`[{"target":{"groupId":"g1"}}]`),
		Links: []inventory.Link{
			{Type: "assigned_to", To: inventory.LinkTarget{Kind: "group", ID: "g1", Name: "Pilots"}, Exclude: true},
			{Type: "assigned_to", To: inventory.LinkTarget{Kind: "all_users"}},
			{Type: "uses_filter", To: inventory.LinkTarget{Kind: filter, ID: "f1"}},
		},
	}
}

// covered returns the coverage of a kind that succeeded.
func covered(kind string, minutes int) inventory.Coverage {
	return inventory.Coverage{Kind: kind, Status: "succeeded", Pages: 1, At: at(minutes)}
}

// failedCover returns the coverage of a kind that failed.
func failedCover(kind string, minutes int) inventory.Coverage {
	return inventory.Coverage{Kind: kind, Status: "failed", Reason: "throttled", At: at(minutes)}
}

// A script calls a store step by step until one fails.
type script struct {
	inventory.Store
	ctx context.Context //nolint:containedctx // lives as long as one check
	err error
}

func on(ctx context.Context, s inventory.Store) *script { return &script{Store: s, ctx: ctx} }

func (s *script) step(name string, do func() error) *script {
	if s.err == nil {
		if err := do(); err != nil {
			s.err = fmt.Errorf("%s: %w", name, err)
		}
	}
	return s
}

func (s *script) put(sync inventory.Sync, entries ...inventory.Entry) *script {
	return s.step("put", func() error { return s.Put(s.ctx, sync, entries) })
}

func (s *script) cover(sync inventory.Sync, c inventory.Coverage, missed ...string) *script {
	return s.step("cover", func() error { return s.Cover(s.ctx, sync, c, missed) })
}

func (s *script) finish(sync inventory.Sync, minutes int) *script {
	return s.step("finish", func() error { return s.Finish(s.ctx, sync, at(minutes)) })
}

// run covers the policies and finishes.
func (s *script) run(sync inventory.Sync, minutes int, missed ...string) *script {
	return s.cover(sync, covered(policy, minutes), missed...).finish(sync, minutes)
}

// get returns an item of acme's, or nothing after an error.
func (s *script) get(kind, id, selection string) (doc inventory.Document) {
	s.step("get", func() (err error) {
		doc, err = s.Get(s.ctx, acme, inventory.Ref{Kind: kind, ID: id}, selection)
		return err
	})
	return doc
}

// want compares what a step gave with what it should have given.
func (s *script) want(what string, want, got any) *script {
	return s.step(what, func() error {
		if reflect.DeepEqual(want, got) {
			return nil
		}
		return fmt.Errorf("got %s, want %s", text(got), text(want))
	})
}

// wantErr expects an error.
func (s *script) wantErr(what string, want error, do func() error) *script {
	return s.step(what, func() error {
		switch err := do(); {
		case err == nil:
			return fmt.Errorf("got no error, want %w", want)
		case !errors.Is(err, want):
			return fmt.Errorf("got error %w, want %w", err, want)
		}
		return nil
	})
}

// text shows v in an error.
func text(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%+v", v)
	}
	return string(raw)
}

// all returns the items that q finds, over all pages.
func (s *script) all(q inventory.Query) (items []inventory.Item) {
	q.Tenant = acme
	s.step("list", func() error {
		for range 100 {
			page, err := s.List(s.ctx, q)
			if err != nil {
				return err
			}
			if len(page.Items) > q.PageSize() {
				return fmt.Errorf("a page has %d items, want at most %d", len(page.Items), q.PageSize())
			}
			items = append(items, page.Items...)
			if q.After = page.Next; q.After == "" {
				return nil
			}
		}
		return errors.New("there are more than 100 pages")
	})
	return items
}

// ids returns the ids of what q finds.
func (s *script) ids(q inventory.Query) []string {
	ids := []string{}
	for _, i := range s.all(q) {
		ids = append(ids, i.ID)
	}
	return ids
}

// links returns the links that q finds, over all pages.
func (s *script) links(q inventory.LinkQuery) (links []inventory.Link) {
	q.Tenant = acme
	s.step("links", func() error {
		for range 100 {
			page, err := s.Links(s.ctx, q)
			if err != nil {
				return err
			}
			if len(page.Links) > q.PageSize() {
				return fmt.Errorf("a page has %d links, want at most %d", len(page.Links), q.PageSize())
			}
			links = append(links, page.Links...)
			if q.After = page.Next; q.After == "" {
				return nil
			}
		}
		return errors.New("there are more than 100 pages")
	})
	return links
}
