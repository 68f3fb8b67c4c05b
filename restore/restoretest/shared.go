package restoretest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
)

var backupPromisesOfAll = []promise[backup.Store]{
	{
		name: "tenants",
		text: "tenants are invisible to each other; one that is unknown has no backups",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			s.add("one", version("p1", "h1"))
			s.step("put key", func() error { _, err := st.PutKey(ctx, acme, []byte("ours")); return err })
			s.foreign()
			theirs := newSet("one", 7)
			theirs.Tenant = globex
			later := version("p1", "h1")
			later.ID = "v-theirs"
			l := link(1, "one")
			l.Tenant = globex
			s.step("create", func() error { return st.CreateSet(ctx, theirs) })
			s.step("stage", func() error {
				kept, err := st.Stage(ctx, globex, "one", payloads(later))
				if err == nil && kept[0].ID != later.ID {
					err = errors.New("another tenant's version was taken")
				}
				return err
			})
			s.step("append", func() error { return st.Append(ctx, l, nil) })
			s.want("set", at(0), s.get("one").CreatedAt)
			s.want("items", []string{"p1"}, s.objects(backup.ItemQuery{Set: "one"}))
			s.has("v-p1-h1", true)
			s.want("chain", []int64{1}, s.chained(0, 0))
			return s.err
		},
	},
	{
		name: "delete-and-stage",
		text: "an item's version is there, however a set that has it is deleted while it is staged for another",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			const rounds, objects = 10, 5
			for round := range rounds {
				old, young := fmt.Sprint("old-", round), fmt.Sprint("young-", round)
				s.create(old, 0)
				s.create(young, 1)
				var all, again []backup.Version
				for i := range objects {
					v := version(fmt.Sprint("p", i), fmt.Sprint("h", round))
					all = append(all, v)
					v.ID += "-again"
					again = append(again, v)
				}
				s.add(old, all...)
				l := link(s.next(), old)
				var wg sync.WaitGroup
				var deleted, staged error
				wg.Go(func() { deleted = st.Append(ctx, l, nil) })
				wg.Go(func() { _, staged = st.Stage(ctx, acme, young, payloads(again...)) })
				wg.Wait()
				s.step("both", func() error { return errors.Join(deleted, staged) })
				items := s.items(backup.ItemQuery{Set: young, Staged: true})
				s.want("items", objects, len(items))
				for _, i := range items {
					s.has(i.ID, true)
				}
			}
			return s.err
		},
	},
	{
		name: "context",
		text: "a context that ends makes a call return soon, with the context's error, and a write that returns an error has changed nothing",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			s.add("one", version("p1", "h1"))
			ended, cancel := context.WithCancel(ctx)
			cancel()
			reads, writes := backupCalls(ended, st, acme)
			s.wantAll(reads, context.Canceled)
			s.wantAll(writes, context.Canceled)
			s.want("sets", []string{"one"}, s.sets(0))
			s.want("items", []string{"p1"}, s.objects(backup.ItemQuery{Set: "one", Staged: true}))
			s.wantErr("key", backup.ErrNotFound, func() error { _, err := st.Key(ctx, acme); return err })
			s.drop("one") // nobody uses it
			return s.err
		},
	},
	{
		name: "holds-nothing",
		text: "nothing that was passed is kept hold of, and the caller owns what it gets",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			staged, key, sealing := payloads(version("p1", "h1")), []byte("key"), sealing("x", true)
			s.step("stage", func() error { _, err := st.Stage(ctx, acme, "one", staged); return err })
			s.step("append", func() error { return st.Append(ctx, link(1, "one"), sealing) })
			s.step("put key", func() error { _, err := st.PutKey(ctx, acme, key); return err })
			texts := func() (payload, kept, manifest, certificate []byte) {
				var err error
				s.step("version", func() error { _, payload, err = st.GetVersion(ctx, acme, "v-p1-h1"); return err })
				s.step("key", func() error { kept, err = st.Key(ctx, acme); return err })
				s.step("sealing", func() error {
					is, err := st.GetSealing(ctx, acme, "one")
					if err == nil {
						manifest, certificate = is.Manifest, is.Certificate
					}
					return err
				})
				return payload, kept, manifest, certificate
			}
			spoil := func(all ...[]byte) {
				for _, b := range all {
					clear(b)
				}
			}
			spoil(staged[0].Sealed, key, sealing.Manifest, sealing.Certificate)
			spoil(texts())
			payload, kept, manifest, certificate := texts()
			s.want("payload", sealed(version("p1", "h1")), payload)
			s.want("key", []byte("key"), kept)
			again := sealingText()
			s.want("manifest", again.Manifest, manifest)
			s.want("certificate", again.Certificate, certificate)
			return s.err
		},
	},
}

func sealingText() *backup.Sealing { return sealing("x", true) }

// wantAll expects an error of every call.
func (s *script) wantAll(all calls, want error) {
	for what, call := range all {
		s.wantErr(what, want, call)
	}
}

// foreign expects that the other tenant has no backups.
func (s *vault) foreign() {
	_, writes := backupCalls(s.ctx, s.Store, globex)
	for _, what := range []string{"use set", "stage"} {
		s.wantErr(what, backup.ErrNotFound, writes[what])
	}
	reads, _ := backupCalls(s.ctx, s.Store, globex)
	for _, what := range []string{"get set", "get version", "get sealing", "key"} {
		s.wantErr(what, backup.ErrNotFound, reads[what])
	}
	s.step("lists", func() error {
		sets, err1 := s.ListSets(s.ctx, backup.SetQuery{Tenant: globex})
		items, err2 := s.ListItems(s.ctx, backup.ItemQuery{Tenant: globex, Set: "one"})
		versions, err3 := s.VersionsOf(s.ctx, globex, policy, "p1", 0)
		links, err4 := s.Links(s.ctx, globex, 0, 0)
		head, err5 := s.Head(s.ctx, globex)
		if len(sets.Sets)+len(items.Items)+len(versions)+len(links) > 0 || head != nil {
			return errors.New("another tenant has something")
		}
		return errors.Join(err1, err2, err3, err4, err5)
	})
}

var restorePromisesOfAll = []promise[restore.Store]{
	{
		name: "tenants",
		text: "tenants are invisible to each other; one that is unknown has no restores",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			s.create("one", 0)
			s.put("one", 0, entry("p1"))
			s.remember(answer("g1", "g7"))
			theirs := full("one", 5)
			theirs.Tenant = globex
			for what, call := range map[string]func() error{
				"get":     func() error { _, err := st.Get(ctx, globex, "one"); return err },
				"replace": func() error { return st.Replace(ctx, theirs) },
				"put":     func() error { return st.Put(ctx, globex, "one", theirs.Fence, []restore.Item{entry("p2")}) },
				"clear":   func() error { return st.Clear(ctx, globex, "one", theirs.Fence) },
			} {
				s.wantErr(what, restore.ErrNotFound, call)
			}
			s.step("lists", func() error {
				page, err1 := st.List(ctx, restore.Query{Tenant: globex})
				items, err2 := st.Items(ctx, restore.ItemQuery{Tenant: globex, Restore: "one"})
				answers, err3 := st.Recall(ctx, globex, "elsewhere", []inventory.Ref{answer("g1", "").Ref})
				if len(page.Restores)+len(items.Items)+len(answers) > 0 {
					return errors.New("another tenant has something")
				}
				return errors.Join(err1, err2, err3)
			})
			s.step("create", func() error { return st.Create(ctx, theirs) })
			s.step("clear", func() error { return st.Clear(ctx, globex, "one", theirs.Fence) })
			s.want("restore", at(0), s.get("one").CreatedAt)
			s.want("items", []string{"p1"}, s.ids(restore.ItemQuery{Restore: "one"}))
			return s.err
		},
	},
	{
		name: "concurrent",
		text: "all methods are safe for concurrent use, and no write is lost",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			s.create("one", 0)
			const writers, each = 4, 10
			errs := make([]error, writers)
			var wg sync.WaitGroup
			for w := range writers {
				wg.Go(func() {
					for i := range each {
						// The same objects in other orders, and one of its own.
						items := []restore.Item{entry(fmt.Sprint("p", (i+w)%each)), entry(fmt.Sprint("p", (i+2*w)%each)), entry(fmt.Sprintf("own-%d-%d", w, i))}
						_, listErr := st.Items(ctx, restore.ItemQuery{Tenant: acme, Restore: "one"})
						errs[w] = errors.Join(errs[w], listErr, st.Put(ctx, acme, "one", fence, items))
					}
				})
			}
			wg.Wait()
			s.step("put", func() error { return errors.Join(errs...) })
			s.want("items", each+writers*each, len(s.ids(restore.ItemQuery{Restore: "one", Limit: 7})))
			return s.err
		},
	},
	{
		name: "context",
		text: "a context that ends makes a call return soon, with the context's error, and a write that returns an error has changed nothing",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			s.create("one", 0)
			s.put("one", 0, entry("p1"))
			ended, cancel := context.WithCancel(ctx)
			cancel()
			s.wantAll(calls{
				"get":   func() error { _, err := st.Get(ended, acme, "one"); return err },
				"list":  func() error { _, err := st.List(ended, restore.Query{Tenant: acme}); return err },
				"items": func() error { _, err := st.Items(ended, restore.ItemQuery{Tenant: acme, Restore: "one"}); return err },
				"recall": func() error {
					_, err := st.Recall(ended, acme, "x", []inventory.Ref{{Kind: "group", ID: "g1"}})
					return err
				},
				"create":   func() error { return st.Create(ended, full("two", 0)) },
				"replace":  func() error { return st.Replace(ended, full("one", 0)) },
				"clear":    func() error { return st.Clear(ended, acme, "one", fence) },
				"put":      func() error { return st.Put(ended, acme, "one", fence, []restore.Item{entry("p2")}) },
				"remember": func() error { return st.Remember(ended, acme, []restore.Answer{answer("g1", "g7")}) },
			}, context.Canceled)
			s.want("restores", []string{"one"}, s.restores(restore.Query{}))
			s.want("revision", int64(1), s.get("one").Revision)
			s.want("items", []string{"p1"}, s.ids(restore.ItemQuery{Restore: "one"}))
			s.want("answers", 0, len(s.recall("elsewhere", "g1")))
			return s.err
		},
	},
	{
		name: "holds-nothing",
		text: "nothing that was passed is kept hold of, and the caller owns what it gets",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			r, item := full("one", 0), entry("p1")
			s.step("create", func() error { return st.Create(ctx, r) })
			s.step("put", func() error { return st.Put(ctx, acme, "one", fence, []restore.Item{item}) })
			spoil := func(r *restore.Restore, i restore.Item) {
				if r == nil || len(r.Mapping) == 0 || len(i.Changes) == 0 {
					return // another step has failed
				}
				r.Scope.Items[0].ID, r.Mapping[0].To, r.Mapping[1].Candidates[0].ID = "bad", "bad", "bad"
				r.Preview.Decisions[restore.Create], r.Preview.Blockers[0].Message, r.Execution.Results[restore.Failed] = 99, "bad", 99
				r.Preview.Warnings[0] = "bad"
				i.Changes[0].Pointer, i.Request[0] = "bad", 'X'
			}
			read := func() (*restore.Restore, restore.Item) {
				items := append(s.items(restore.ItemQuery{Restore: "one"}), restore.Item{})
				return s.get("one"), items[0]
			}
			spoil(r, item)
			spoil(read())
			got, gotItem := read()
			s.want("restore", revised(full("one", 0), 1), got)
			s.want("item", entry("p1"), gotItem)
			return s.err
		},
	},
}
