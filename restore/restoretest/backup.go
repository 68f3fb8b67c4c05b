package restoretest

import (
	"context"
	"fmt"

	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/runs"
)

// Kinds of the tests.
const (
	policy = "configurationPolicy"
	filter = "assignmentFilter"
)

// A vault is a script with a backup store.
type vault struct {
	script
	backup.Store
}

func onBackups(ctx context.Context, s backup.Store) *vault {
	return &vault{script{ctx: ctx}, s}
}

// newSet returns a set of acme's.
func newSet(id string, minutes int) *backup.Set {
	return &backup.Set{
		ID: id, Tenant: acme, Name: "Set “" + id + "”", Description: "one\ntwo", CreatedAt: at(minutes), CreatedBy: dana, Origin: globex,
	}
}

// version returns a version of a policy.
func version(object, hash string) backup.Version {
	return backup.Version{
		ID: "v-" + object + "-" + hash, Kind: policy, Object: object, Name: "Größe " + object,
		Platform: "windows", Category: "configuration", Hash: hash, AssignmentsHash: "a-" + hash,
		ModifiedAt: at(-9), CapturedAt: at(0), Run: "run-1", Size: 9, Children: 3, Secrets: 2, Unresolved: 1,
	}
}

// bare returns a version with nothing that it need not have.
func bare(object string) backup.Version {
	return backup.Version{ID: "v-" + object, Kind: policy, Object: object, Category: "configuration", Hash: "h", CapturedAt: at(0)}
}

// named returns a version of another kind and name.
func named(kind, object, name string) backup.Version {
	v := version(object, "h1")
	v.ID, v.Kind, v.Name = "v-"+kind+"-"+object, kind, name
	return v
}

// sealed is the payload that goes with a version.
func sealed(v backup.Version) []byte { return []byte("\x00\xffsealed " + v.ID) }

func (s *vault) create(id string, minutes int) {
	s.step("create set", func() error { return s.CreateSet(s.ctx, newSet(id, minutes)) })
}

// stage returns what Stage says of the versions.
func (s *vault) stage(set string, versions ...backup.Version) (kept []backup.Version) {
	s.step("stage", func() (err error) {
		kept, err = s.Stage(s.ctx, acme, set, payloads(versions...))
		return err
	})
	return kept
}

func payloads(versions ...backup.Version) []backup.Staged {
	var staged []backup.Staged
	for _, v := range versions {
		staged = append(staged, backup.Staged{Version: v, Sealed: sealed(v)})
	}
	return staged
}

// link returns the link with this number.
func link(seq int64, set string) backup.Link {
	return backup.Link{
		Tenant: acme, Seq: seq, Previous: fmt.Sprint("link ", seq-1), Set: set, Manifest: fmt.Sprint("manifest ", seq),
		At: at(int(seq)), By: dana, Run: "run-1", MAC: fmt.Sprint("mac ", seq),
	}
}

// sealing returns one that differs from others.
func sealing(note string, complete bool) *backup.Sealing {
	return &backup.Sealing{
		Manifest: []byte(`{ "manifest": "` + note + `" }`), Certificate: []byte(`{"certificate":"` + note + `"} `), Complete: complete,
	}
}

// next is the number of the link that the tenant's chain lacks.
func (s *vault) next() (seq int64) {
	s.step("head", func() error {
		head, err := s.Head(s.ctx, acme)
		if seq = 1; head != nil {
			seq = head.Seq + 1
		}
		return err
	})
	return seq
}

// seal makes what is staged part of the set.
func (s *vault) seal(set string) {
	l := link(s.next(), set)
	s.step("seal", func() error { return s.Append(s.ctx, l, sealing(set, true)) })
}

// add stages and seals.
func (s *vault) add(set string, versions ...backup.Version) {
	s.stage(set, versions...)
	s.seal(set)
}

// drop deletes a set.
func (s *vault) drop(set string) {
	l := link(s.next(), set)
	l.Manifest = ""
	s.step("delete", func() error { return s.Append(s.ctx, l, nil) })
}

// get returns a set, or nothing after an error.
func (s *vault) get(id string) (set backup.Set) {
	s.step("get set", func() error {
		found, err := s.GetSet(s.ctx, acme, id)
		if err == nil {
			set = *found
		}
		return err
	})
	return set
}

// items returns the items that q finds, over all pages.
func (s *vault) items(q backup.ItemQuery) []backup.Item {
	items := []backup.Item{}
	q.Tenant = acme
	s.step("list items", func() error {
		for range maxPages {
			page, err := s.ListItems(s.ctx, q)
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

// objects returns the ids of what q finds.
func (s *vault) objects(q backup.ItemQuery) []string {
	ids := []string{}
	for _, i := range s.items(q) {
		ids = append(ids, i.Object)
	}
	return ids
}

// sets returns the ids of all sets, over pages of this size.
func (s *vault) sets(limit int) []string {
	ids := []string{}
	q := backup.SetQuery{Tenant: acme, Limit: limit}
	s.step("list sets", func() error {
		for range maxPages {
			page, err := s.ListSets(s.ctx, q)
			if err != nil {
				return err
			}
			if most := runs.PageSize(limit); len(page.Sets) > most {
				return fmt.Errorf("a page has %d sets, want at most %d", len(page.Sets), most)
			}
			for _, is := range page.Sets {
				ids = append(ids, is.ID)
			}
			if q.After = page.Next; q.After == "" {
				return nil
			}
		}
		return errPages
	})
	return ids
}

// has expects that the tenant has the version, or not.
func (s *vault) has(id string, want bool) {
	s.step("get "+id, func() error {
		_, _, err := s.GetVersion(s.ctx, acme, id)
		switch {
		case want:
			return err
		case err == nil:
			return fmt.Errorf("the version is there, want that it is not")
		case !isNotFound(err):
			return err
		}
		return nil
	})
}

// backupCalls are all of a store, which change something where they can.
func backupCalls(ctx context.Context, s backup.Store, tenant string) (reads, writes calls) {
	l := link(2, "one")
	l.Tenant = tenant
	set := newSet("two", 9)
	set.Tenant = tenant
	reads = calls{
		"get set":     func() error { _, err := s.GetSet(ctx, tenant, "one"); return err },
		"list sets":   func() error { _, err := s.ListSets(ctx, backup.SetQuery{Tenant: tenant}); return err },
		"list items":  func() error { _, err := s.ListItems(ctx, backup.ItemQuery{Tenant: tenant, Set: "one"}); return err },
		"get version": func() error { _, _, err := s.GetVersion(ctx, tenant, "v-p1-h1"); return err },
		"versions of": func() error { _, err := s.VersionsOf(ctx, tenant, policy, "p1", 0); return err },
		"head":        func() error { _, err := s.Head(ctx, tenant); return err },
		"links":       func() error { _, err := s.Links(ctx, tenant, 0, 0); return err },
		"get sealing": func() error { _, err := s.GetSealing(ctx, tenant, "one"); return err },
		"key":         func() error { _, err := s.Key(ctx, tenant); return err },
	}
	writes = calls{
		"create set": func() error { return s.CreateSet(ctx, set) },
		"use set":    func() error { return s.UseSet(ctx, tenant, "one", "somebody", at(1000)) },
		"stage":      func() error { _, err := s.Stage(ctx, tenant, "one", payloads(version("p9", "h9"))); return err },
		"append":     func() error { return s.Append(ctx, l, nil) },
		"put key":    func() error { _, err := s.PutKey(ctx, tenant, []byte("another")); return err },
	}
	return reads, writes
}
