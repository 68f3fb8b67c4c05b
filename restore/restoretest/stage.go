package restoretest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tenantatlas/tenantatlas/restore/backup"
)

var stagePromises = []promise[backup.Store]{
	{
		name: "stage-then-get",
		text: "Stage keeps versions and payloads as they are; a version that is only staged is there for GetVersion",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			odd := version("p3", "h1")
			odd.Name = "NUL \x00, tab \t, �, <b>"
			all := []backup.Version{version("p1", "h1"), bare("p2"), odd}
			s.want("staged", all, s.stage("one", all...))
			for _, v := range all {
				got, payload, err := st.GetVersion(ctx, acme, v.ID)
				s.step("get "+v.ID, func() error { return err })
				s.want(v.ID, v, got)
				s.want("payload", sealed(v), payload)
			}
			return s.err
		},
	},
	{
		name: "stage-order",
		text: "Stage returns for each item, in their order, the version that the set now has of the object",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			var all []backup.Version
			for i := range 120 {
				all = append(all, version(fmt.Sprintf("p%03d", i*37%120), "h1"))
			}
			s.want("staged", all, s.stage("one", all...))
			s.want("nothing", 0, len(s.stage("one")))
			return s.err
		},
	},
	{
		name: "stage-reuses",
		text: "a version of the object with the same Hash and AssignmentsHash, in any set, is taken instead, and the new one is not kept",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			s.create("two", 1)
			old := version("p1", "h1")
			s.add("one", old)
			again := old
			again.ID, again.CapturedAt, again.Name = "v-later", at(60), "Renamed"
			s.want("staged", []backup.Version{old}, s.stage("two", again))
			s.seal("two")
			s.want("items", []backup.Item{{Set: "two", Version: old}}, s.items(backup.ItemQuery{Set: "two"}))
			s.has("v-later", false)
			return s.err
		},
	},
	{
		name: "stage-same-only",
		text: "a version of another object, with another Hash or with another AssignmentsHash is not the same",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			old := version("p1", "h1")
			others := map[string]func(v *backup.Version){
				"kind":        func(v *backup.Version) { v.Kind = filter },
				"object":      func(v *backup.Version) { v.Object = "p2" },
				"hash":        func(v *backup.Version) { v.Hash = "h2" },
				"assignments": func(v *backup.Version) { v.AssignmentsHash = "" },
			}
			s.create("one", 0)
			s.add("one", old)
			for name, change := range others {
				v := old
				v.ID = "v-" + name
				change(&v)
				s.create(name, 1)
				s.want(name, []backup.Version{v}, s.stage(name, v))
			}
			return s.err
		},
	},
	{
		name: "stage-present",
		text: "if the set has the object already, staged or not, nothing is changed for it, and what the set has is returned",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			s.stage("one", version("p1", "h1"))
			later := version("p1", "h2")
			s.want("staged", []backup.Version{version("p1", "h1")}, s.stage("one", later))
			s.seal("one")
			s.want("sealed", []backup.Version{version("p1", "h1"), version("p2", "h1")}, s.stage("one", later, version("p2", "h1")))
			s.has(later.ID, false)
			s.want("items", []backup.Item{{Set: "one", Version: version("p1", "h1")}}, s.items(backup.ItemQuery{Set: "one"}))
			return s.err
		},
	},
	{
		name: "stage-twice",
		text: "if an object is staged twice at once, the first stays",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			first, second := version("p1", "h1"), version("p1", "h2")
			s.want("staged", []backup.Version{first, first}, s.stage("one", first, second))
			s.has(second.ID, false)
			s.want("items", 1, len(s.items(backup.ItemQuery{Set: "one", Staged: true})))
			return s.err
		},
	},
	{
		name: "stage-invalid",
		text: "Stage reports ErrInvalid, keeping none, for an item without ID, kind, object or hash, and for one whose ID is that of another version",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			s.stage("one", version("p1", "h1"))
			for name, change := range map[string]func(v *backup.Version){
				"ID":          func(v *backup.Version) { v.ID = "" },
				"kind":        func(v *backup.Version) { v.Kind = "" },
				"object":      func(v *backup.Version) { v.Object = "" },
				"hash":        func(v *backup.Version) { v.Hash = "" },
				"another's":   func(v *backup.Version) { v.ID = "v-p1-h1" },
				"another new": func(v *backup.Version) { v.ID = "v-p2-h2" },
			} {
				bad := version("p3", "h3")
				change(&bad)
				s.wantErr(name, backup.ErrInvalid, func() error {
					_, err := st.Stage(ctx, acme, "one", payloads(version("p2", "h2"), bad))
					return err
				})
			}
			s.want("items", []string{"p1"}, s.objects(backup.ItemQuery{Set: "one", Staged: true}))
			s.has("v-p2-h2", false)
			return s.err
		},
	},
	{
		name: "stage-invisible",
		text: "staged items are in no list but those with Staged, and count for nothing, until a manifest is appended",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			s.add("one", version("p1", "h1"))
			s.stage("one", version("p2", "h1"))
			s.want("items", []string{"p1"}, s.objects(backup.ItemQuery{Set: "one"}))
			s.want("staged", []string{"p1", "p2"}, s.objects(backup.ItemQuery{Set: "one", Staged: true}))
			s.want("count", 1, s.get("one").Items)
			s.step("versions", func() error {
				if all, err := st.VersionsOf(ctx, acme, policy, "p2", 0); err != nil || len(all) > 0 {
					return fmt.Errorf("%d versions, %w; want none", len(all), err)
				}
				return nil
			})
			s.seal("one")
			s.want("sealed", []string{"p1", "p2"}, s.objects(backup.ItemQuery{Set: "one"}))
			return s.err
		},
	},
	{
		name: "stage-concurrent",
		text: "of concurrent calls of Stage for one object and state one version is kept, and all return it",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			const sets, objects = 4, 20
			kept := make([][]backup.Version, sets)
			errs := make([]error, sets)
			var wg sync.WaitGroup
			for i := range sets {
				id := fmt.Sprint("set-", i)
				s.create(id, i)
				wg.Go(func() {
					var all []backup.Version
					for k := range objects {
						v := version(fmt.Sprint("p", (k*7+i*3)%objects), "h1") // in other orders
						v.ID += id
						all = append(all, v)
					}
					kept[i], errs[i] = st.Stage(ctx, acme, id, payloads(all...))
				})
			}
			wg.Wait()
			s.step("stage", func() error { return errors.Join(errs...) })
			of := make(map[string]string)
			for _, versions := range kept {
				for _, v := range versions {
					if of[v.Object] == "" {
						of[v.Object] = v.ID
					}
					s.want(v.Object, of[v.Object], v.ID)
				}
			}
			for i := range sets {
				for _, item := range s.items(backup.ItemQuery{Set: fmt.Sprint("set-", i), Staged: true}) {
					s.want(item.Object, of[item.Object], item.ID)
					s.has(item.ID, true)
				}
			}
			return s.err
		},
	},
	{
		name: "version-not-found",
		text: "GetVersion reports ErrNotFound for a version that is not there",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			s.add("one", version("p1", "h1"))
			for _, id := range []string{"", "v-p2-h1", "p1"} {
				s.has(id, false)
			}
			return s.err
		},
	},
}
