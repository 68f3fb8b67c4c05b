package restoretest

import (
	"context"
	"fmt"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A log is a script with a store of restores.
type log struct {
	script
	restore.Store
}

func onRestores(ctx context.Context, s restore.Store) *log {
	return &log{script{ctx: ctx}, s}
}

// fence is that of new restores.
const fence = 7

// full returns a restore in which every field differs from zero, apart from its
// revision.
func full(id string, minutes int) *restore.Restore {
	return &restore.Restore{
		ID: id, Tenant: acme, Set: "set-1", CreatedAt: at(minutes), CreatedBy: dana, Origin: globex, Manifest: "m-1",
		UpdatedAt: at(minutes + 1), Fence: fence, RerunOf: "another",
		Scope: restore.Scope{Items: []inventory.Ref{{Kind: policy, ID: "p1"}, {Kind: filter, ID: "f1"}}},
		Mapping: []restore.Mapping{
			{Kind: "group", ID: "g1", Name: "Größe", State: restore.Answered, To: "g7", By: dana, At: at(-1)},
			{Kind: "group", ID: "g2", Name: "NUL \x00", State: restore.Several, Candidates: []restore.Candidate{{ID: "a", Name: "A"}, {ID: "b", Name: "B"}}},
			{Kind: filter, ID: "f9", State: restore.Answered, Skip: true},
		},
		Preview: &restore.Preview{
			Run: "run-2", At: at(2), Fingerprint: "f", Decisions: map[restore.Decision]int{restore.Create: 1, restore.Blocked: 2},
			Blockers: []restore.Blocker{{Reason: "conflict", Message: "m"}}, Warnings: []string{"w"}, Approvals: 3,
		},
		Execution: &restore.Execution{Run: "run-3", DryRun: true, At: at(3), Results: map[restore.Result]int{restore.Failed: 1}},
	}
}

// little returns a restore with nothing that it need not have.
func little(id string, minutes int) *restore.Restore {
	return &restore.Restore{ID: id, Tenant: acme, Set: "set-2", CreatedAt: at(minutes), UpdatedAt: at(minutes), Mapping: []restore.Mapping{}}
}

// revised returns r with a revision.
func revised(r *restore.Restore, revision int64) *restore.Restore {
	r.Revision = revision
	return r
}

// entry returns an item in which every field differs from zero.
func entry(id string) restore.Item {
	return restore.Item{
		Ref: inventory.Ref{Kind: policy, ID: id}, Name: "Größe " + id, Version: "v-" + id, Decision: restore.Update,
		Reason: "conflict", Message: "Look.", Object: "o-" + id, Hash: "h", AssignmentsHash: "a",
		Changes:           []inventory.Change{{Pointer: "/name", Before: `"a"`, After: `"b\u0000"`}},
		AssignmentsReason: "gone", Step: restore.Created, IntentAt: at(1), Result: restore.Waiting, RequestID: "r-1",
		Approval: "code", ApprovalAt: at(2), Request: []byte("\x00\xff{}"), Tries: 4,
	}
}

// plain returns an item with nothing that it need not have.
func plain(kind, id, name string) restore.Item {
	return restore.Item{Ref: inventory.Ref{Kind: kind, ID: id}, Name: name, Version: "v", Decision: restore.Create, Step: restore.Planned}
}

// answer says what stands for a group of another tenant's.
func answer(id, to string) restore.Answer {
	return restore.Answer{Origin: "elsewhere", Ref: inventory.Ref{Kind: "group", ID: id}, To: to, By: dana, At: at(1)}
}

func (s *log) create(id string, minutes int) {
	s.step("create", func() error { return s.Create(s.ctx, full(id, minutes)) })
}

// put adds items under the fence of new restores and more.
func (s *log) put(id string, more int64, items ...restore.Item) {
	s.step("put", func() error { return s.Put(s.ctx, acme, id, fence+more, items) })
}

func (s *log) remember(answers ...restore.Answer) {
	s.step("remember", func() error { return s.Remember(s.ctx, acme, answers) })
}

// recall returns the answers about groups by their ids.
func (s *log) recall(origin string, ids ...string) map[string]restore.Answer {
	found := make(map[string]restore.Answer)
	var refs []inventory.Ref
	for _, id := range ids {
		refs = append(refs, inventory.Ref{Kind: "group", ID: id})
	}
	s.step("recall", func() error {
		answers, err := s.Recall(s.ctx, acme, origin, refs)
		for _, a := range answers {
			if _, twice := found[a.ID]; twice {
				return fmt.Errorf("the answer about %s is there twice", a.ID)
			}
			found[a.ID] = a
		}
		return err
	})
	return found
}

// get returns a restore, or an empty one after an error.
func (s *log) get(id string) *restore.Restore {
	found := new(restore.Restore)
	s.step("get", func() error {
		r, err := s.Get(s.ctx, acme, id)
		if err == nil {
			found = r
		}
		return err
	})
	return found
}

// restores returns the ids of what q finds, over all pages.
func (s *log) restores(q restore.Query) []string {
	ids := []string{}
	q.Tenant = acme
	s.step("list", func() error {
		for range maxPages {
			page, err := s.List(s.ctx, q)
			if err != nil {
				return err
			}
			if most := runs.PageSize(q.Limit); len(page.Restores) > most {
				return fmt.Errorf("a page has %d restores, want at most %d", len(page.Restores), most)
			}
			for i := range page.Restores {
				ids = append(ids, page.Restores[i].ID)
			}
			if q.After = page.Next; q.After == "" {
				return nil
			}
		}
		return errPages
	})
	return ids
}

// items returns the items that q finds, over all pages.
func (s *log) items(q restore.ItemQuery) []restore.Item {
	items := []restore.Item{}
	q.Tenant = acme
	s.step("items", func() error {
		for range maxPages {
			page, err := s.Items(s.ctx, q)
			if err != nil {
				return err
			}
			if most := runs.PageSize(q.Limit); len(page.Items) > most {
				return fmt.Errorf("a page has %d items, want at most %d", len(page.Items), most)
			}
			items = append(items, page.Items...)
			if q.After = page.Next; q.After == "" {
				return nil
			}
		}
		return errPages
	})
	return items
}

// ids returns the ids of what q finds.
func (s *log) ids(q restore.ItemQuery) []string {
	ids := []string{}
	for _, i := range s.items(q) {
		ids = append(ids, i.ID)
	}
	return ids
}
