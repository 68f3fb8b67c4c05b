package restoretest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tenantatlas/tenantatlas/restore/backup"
)

// chained returns the numbers of the links after one.
func (s *vault) chained(after int64, limit int) []int64 {
	numbers := []int64{}
	s.step("links", func() error {
		links, err := s.Links(s.ctx, acme, after, limit)
		for _, l := range links {
			numbers = append(numbers, l.Seq)
		}
		return err
	})
	return numbers
}

var chainPromises = []promise[backup.Store]{
	{
		name: "head",
		text: "Head returns the last link as it was appended, or nil if there is none",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			head, err := st.Head(ctx, acme)
			s.step("head", func() error { return err })
			s.want("none", (*backup.Link)(nil), head)
			for seq := int64(1); seq <= 3; seq++ {
				l := link(seq, "one")
				if seq == 3 { // with nothing that it need not have
					l = backup.Link{Tenant: acme, Seq: 3, Set: "one", Manifest: "m", At: at(9), MAC: "m"}
				}
				s.step("append", func() error { return st.Append(ctx, l, sealing("x", true)) })
				head, err = st.Head(ctx, acme)
				s.step("head", func() error { return err })
				s.want("head", &l, head)
			}
			return s.err
		},
	},
	{
		name: "append-seals",
		text: "Append makes what is staged items, and sets Items, Sealed, Manifest, Seq and Complete of the set",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("zero", 0)
			s.create("one", 0)
			s.add("zero", version("p9", "h1"))
			s.stage("one", version("p1", "h1"), version("p2", "h1"))
			s.stage("zero", version("p8", "h1"))
			s.seal("one")
			want := *newSet("one", 0)
			want.Items, want.Sealed, want.Manifest, want.Seq, want.Complete = 2, at(2), "manifest 2", 2, true
			s.want("set", want, s.get("one"))
			s.want("items", []string{"p1", "p2"}, s.objects(backup.ItemQuery{Set: "one"}))
			s.want("another set", []string{"p9"}, s.objects(backup.ItemQuery{Set: "zero"}))
			page, err := st.ListSets(ctx, backup.SetQuery{Tenant: acme, Limit: 1})
			s.step("list", func() error { return err })
			s.want("listed", []backup.Set{s.get("zero")}, page.Sets)
			return s.err
		},
	},
	{
		name: "append-again",
		text: "a set that is sealed again has the items of both, and what was appended last",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			s.add("one", version("p1", "h1"))
			s.stage("one", version("p2", "h1"))
			s.step("append", func() error { return st.Append(ctx, link(2, "one"), sealing("second", false)) })
			want := *newSet("one", 0)
			want.Items, want.Sealed, want.Manifest, want.Seq = 2, at(2), "manifest 2", 2
			s.want("set", want, s.get("one"))
			got, err := st.GetSealing(ctx, acme, "one")
			s.step("sealing", func() error { return err })
			s.want("sealing", sealing("second", false), got)
			return s.err
		},
	},
	{
		name: "append-conflict",
		text: "Append reports ErrConflict, and changes nothing, unless the link's number is one more than that of the head",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			s.wantErr("0", backup.ErrConflict, func() error { return st.Append(ctx, link(0, "one"), sealing("bad", true)) })
			s.wantErr("2", backup.ErrConflict, func() error { return st.Append(ctx, link(2, "one"), sealing("bad", true)) })
			s.add("one", version("p1", "h1"))
			s.stage("one", version("p2", "h1"))
			before := s.get("one")
			for _, seq := range []int64{-1, 0, 1, 3} {
				s.wantErr(fmt.Sprint(seq), backup.ErrConflict, func() error { return st.Append(ctx, link(seq, "one"), sealing("bad", true)) })
				s.wantErr(fmt.Sprint("delete ", seq), backup.ErrConflict, func() error { return st.Append(ctx, link(seq, "one"), nil) })
			}
			s.want("set", before, s.get("one"))
			s.want("items", []string{"p1"}, s.objects(backup.ItemQuery{Set: "one"}))
			s.want("chain", []int64{1}, s.chained(0, 0))
			return s.err
		},
	},
	{
		name: "append-not-found",
		text: "Append reports ErrNotFound, and changes nothing, if there is no such set",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.wantErr("seal", backup.ErrNotFound, func() error { return st.Append(ctx, link(1, "one"), sealing("x", true)) })
			s.wantErr("delete", backup.ErrNotFound, func() error { return st.Append(ctx, link(1, "one"), nil) })
			s.want("chain", []int64{}, s.chained(0, 0))
			s.wantErr("set", backup.ErrNotFound, func() error { _, err := st.GetSet(ctx, acme, "one"); return err })
			return s.err
		},
	},
	{
		name: "append-deletes",
		text: "without a sealing, the set is deleted, with its items, staged ones too, its manifest and uses, and the versions that no other set has",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			s.add("one", version("p1", "h1"))
			s.stage("one", version("p2", "h1"))
			s.step("use", func() error { return st.UseSet(ctx, acme, "one", "x", at(1)) })
			s.drop("one")
			gone := func() {
				s.wantErr("sealing", backup.ErrNotFound, func() error { _, err := st.GetSealing(ctx, acme, "one"); return err })
				s.want("items", []string{}, s.objects(backup.ItemQuery{Set: "one", Staged: true}))
				s.has("v-p1-h1", false)
				s.has("v-p2-h1", false)
			}
			s.wantErr("set", backup.ErrNotFound, func() error { _, err := st.GetSet(ctx, acme, "one"); return err })
			gone()
			s.create("one", 0)
			gone()
			early := link(3, "one")
			early.At = at(0) // before the use that was deleted with the set
			s.step("delete again", func() error { return st.Append(ctx, early, nil) })
			return s.err
		},
	},
	{
		name: "append-keeps-shared",
		text: "versions that another set has, staged or not, stay when a set is deleted",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			for i, id := range []string{"one", "two", "three"} {
				s.create(id, i)
			}
			s.add("one", version("p1", "h1"), version("p2", "h1"), version("p3", "h1"))
			s.add("two", version("p1", "h1"))
			s.stage("three", version("p2", "h1"))
			s.drop("one")
			s.has("v-p1-h1", true)
			s.has("v-p2-h1", true)
			s.has("v-p3-h1", false)
			s.want("other", []backup.Item{{Set: "two", Version: version("p1", "h1")}}, s.items(backup.ItemQuery{Set: "two"}))
			s.drop("two")
			s.drop("three")
			s.has("v-p1-h1", false)
			s.has("v-p2-h1", false)
			return s.err
		},
	},
	{
		name: "append-in-use",
		text: "a set is not deleted, and ErrInUse reported, unless every use of it ended before the link's instant",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			s.add("one", version("p1", "h1"))
			for holder, until := range map[string]int{"ended": 1, "ends then": 2} {
				s.step("use", func() error { return st.UseSet(ctx, acme, "one", holder, at(until)) })
			}
			s.wantErr("delete", backup.ErrInUse, func() error { return st.Append(ctx, link(2, "one"), nil) })
			s.want("items", []string{"p1"}, s.objects(backup.ItemQuery{Set: "one"}))
			s.want("chain", []int64{1}, s.chained(0, 0))
			s.seal("one") // it can be added to all the same
			s.drop("one") // at 3
			return s.err
		},
	},
	{
		name: "use-moves",
		text: "a holder that uses a set again moves the instant, to the past too",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			use := func(until int) {
				s.step("use", func() error { return st.UseSet(ctx, acme, "one", "x", at(until)) })
			}
			use(-5)
			use(100)
			s.wantErr("delete", backup.ErrInUse, func() error { return st.Append(ctx, link(1, "one"), nil) })
			use(-5)
			s.drop("one")
			return s.err
		},
	},
	{
		name: "links",
		text: "Links returns the links after a number, in order, limit at most; 0 means 50",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			s.create("two", 0)
			const many = 51
			for range many - 1 {
				s.seal("one")
			}
			s.drop("two") // links of sets that are gone stay
			s.want("some", []int64{4, 5}, s.chained(3, 2))
			s.want("all", many, len(s.chained(0, 1000)))
			s.want("fifty", 50, len(s.chained(0, 0)))
			s.want("none", []int64{}, s.chained(many, 0))
			links, err := st.Links(ctx, acme, many-2, 0)
			s.step("links", func() error { return err })
			last := link(many, "two")
			last.Manifest = ""
			s.want("links", []backup.Link{link(many-1, "one"), last}, links)
			return s.err
		},
	},
	{
		name: "append-concurrent",
		text: "of concurrent calls of Append with one number one succeeds, and the others report ErrConflict",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			const rounds, writers = 5, 4
			for w := range writers {
				s.create(fmt.Sprint("set-", w), w)
			}
			for round := range rounds {
				errs := make([]error, writers)
				var wg sync.WaitGroup
				for w := range writers {
					wg.Go(func() {
						errs[w] = st.Append(ctx, link(int64(round+1), fmt.Sprint("set-", w)), sealing("x", true))
					})
				}
				wg.Wait()
				won := 0
				for _, err := range errs {
					if err == nil {
						won++
					} else if !errors.Is(err, backup.ErrConflict) {
						s.step("append", func() error { return err })
					}
				}
				s.want("winners", 1, won)
			}
			s.want("chain", rounds, len(s.chained(0, 0)))
			return s.err
		},
	},
	{
		name: "sealing-not-found",
		text: "GetSealing reports ErrNotFound for a set to which nothing was appended",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			s.stage("one", version("p1", "h1"))
			for _, id := range []string{"one", "two"} {
				s.wantErr(id, backup.ErrNotFound, func() error { _, err := st.GetSealing(ctx, acme, id); return err })
			}
			return s.err
		},
	},
	{
		name: "key",
		text: "Key returns the wrapped key of the tenant, or ErrNotFound; PutKey keeps the first one, and returns the one that the tenant has",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.wantErr("none", backup.ErrNotFound, func() error { _, err := st.Key(ctx, acme); return err })
			for _, key := range []string{"first \x00\xff", "second"} {
				got, err := st.PutKey(ctx, acme, []byte(key))
				s.step("put key", func() error { return err })
				s.want("kept", []byte("first \x00\xff"), got)
			}
			got, err := st.Key(ctx, acme)
			s.step("key", func() error { return err })
			s.want("key", []byte("first \x00\xff"), got)
			return s.err
		},
	},
	{
		name: "key-concurrent",
		text: "of concurrent calls of PutKey one wins, and all return its key",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			const writers = 8
			got := make([][]byte, writers)
			errs := make([]error, writers)
			var wg sync.WaitGroup
			for w := range writers {
				wg.Go(func() { got[w], errs[w] = st.PutKey(ctx, acme, fmt.Append(nil, "key ", w)) })
			}
			wg.Wait()
			s.step("put key", func() error { return errors.Join(errs...) })
			kept, err := st.Key(ctx, acme)
			s.step("key", func() error { return err })
			for _, key := range got {
				s.want("key", string(kept), string(key))
			}
			return s.err
		},
	},
}
