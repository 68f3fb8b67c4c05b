package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/restore/bunrestore"
	"github.com/tenantatlas/tenantatlas/restore/memrestore"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

// A sample is two backups of a few objects of the demo tenant, one of which was
// changed in between: what an old state can be taken from.
type sample struct {
	*world
	first, second *backup.Set
}

// newSample has one set with an object, to which another run has added two more,
// and a second one with all of them.
func newSample(t *testing.T, kept store) *sample {
	t.Helper()
	w := newWorldIn(t, graphtest.DemoTenant(1, 1), kept)
	refs := w.sampleRefs()
	s := &sample{world: w, first: w.set("Größe 1")}
	w.run(backup.AddType, backup.AddInput{Set: s.first.ID, Items: refs[:1]})
	w.run(backup.AddType, backup.AddInput{Set: s.first.ID, Items: refs[1:]})
	path := "deviceManagement/assignmentFilters"
	if err := w.server.Tenant(contoso).Patch(path, refs[0].ID, []byte(`{"rule":"(device.model -eq \"new\")"}`)); err != nil {
		t.Fatal(err)
	}
	s.second = w.set("second")
	w.run(backup.AddType, backup.AddInput{Set: s.second.ID, Items: refs})
	return s
}

// sampleRefs are a filter and two policies.
func (w *world) sampleRefs() []inventory.Ref {
	at := w.server.Tenant(contoso)
	filters, policies := at.IDs("deviceManagement/assignmentFilters"), at.IDs("deviceManagement/configurationPolicies")
	return []inventory.Ref{
		{Kind: "assignmentFilter", ID: filters[0]},
		{Kind: "configurationPolicy", ID: policies[0]},
		{Kind: "configurationPolicy", ID: policies[1]},
	}
}

// whole checks every byte of a set as a verification does.
func whole(ctx context.Context, s backup.Store, v *backup.Vault, tenant, set string) error {
	m, err := backup.Check(ctx, s, v, tenant, set)
	if err != nil {
		return err
	}
	var all error
	for _, item := range m.Items {
		_, err := backup.Open(ctx, s, v, tenant, item)
		all = errors.Join(all, err)
	}
	return all
}

// An extent says how many of many changes are to be tried.
type extent struct {
	one int  // of how many changes one is
	all bool // a byte becomes every other one; see flipper
}

// eachStore calls do in a bubble with a store of every kind. Changes are all tried in
// memory, where it costs nothing, and in the long version.
func eachStore(t *testing.T, do func(t *testing.T, kept store, how extent)) {
	t.Helper()
	long := os.Getenv("TENANTATLAS_LONG") != ""
	t.Run("memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { do(t, memrestore.New(), extent{1, long}) })
	})
	how := extent{one: 101}
	if long {
		how.one = 1
	}
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		if err := open(t, db).Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) { do(t, open(t, sqltest.Open(t, db.DSN)), how) })
	})
}

func open(t *testing.T, db sqltest.DB) *bunrestore.Store {
	t.Helper()
	s, err := bunrestore.New(db.DB)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The change of any single byte that is stored is found.
func TestEveryByte(t *testing.T) {
	eachStore(t, func(t *testing.T, kept store, how extent) {
		s := newSample(t, kept)
		ctx := t.Context()
		changes := 0
		found := func(what string, check func() error) func(where string) {
			return func(where string) {
				t.Helper()
				if changes++; changes%how.one != 0 {
					return
				}
				if err := check(); !errors.Is(err, backup.ErrCorrupt) {
					t.Errorf("%s%s was changed: %v, want ErrCorrupt", what, where, err)
				}
			}
		}
		eachFlip := func(v any, do func(where string)) { (&flipper{how.all, do}).flip(v) }
		checked := func(what string, store backup.Store) func(where string) {
			return found(what, func() error {
				_, err := backup.Check(ctx, store, s.cfg.Vault, contoso, s.second.ID)
				return err
			})
		}
		if err := whole(ctx, &tampered{Store: s.cfg.Store}, s.cfg.Vault, contoso, s.second.ID); err != nil {
			t.Fatal(err)
		}
		set, err := s.cfg.Store.GetSet(ctx, contoso, s.second.ID)
		if err != nil {
			t.Fatal(err)
		}
		eachFlip(set, checked("set", &tampered{Store: s.cfg.Store, set: func(is *backup.Set) { *is = *set }}))

		sealing, err := s.cfg.Store.GetSealing(ctx, contoso, s.second.ID)
		if err != nil {
			t.Fatal(err)
		}
		eachFlip(sealing, checked("sealing", &tampered{Store: s.cfg.Store, sealing: func(is *backup.Sealing) { *is = *sealing }}))

		links, err := s.cfg.Store.Links(ctx, contoso, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		for i := range links {
			chain := &tampered{Store: s.cfg.Store, chain: func([]backup.Link) []backup.Link { return slices.Clone(links) }}
			eachFlip(&links[i], checked(fmt.Sprint("link ", i), chain))
		}

		page, err := s.cfg.Store.ListItems(ctx, backup.ItemQuery{Tenant: contoso, Set: s.second.ID})
		if err != nil {
			t.Fatal(err)
		}
		for i := range page.Items {
			v, sealed, err := s.cfg.Store.GetVersion(ctx, contoso, page.Items[i].ID)
			if err != nil {
				t.Fatal(err)
			}
			id := v.ID
			row := &tampered{Store: s.cfg.Store, version: func(is *backup.Version, payload *[]byte) {
				if is.ID == id {
					*is, *payload = v, sealed
				}
			}}
			line := backup.ManifestItem{Kind: v.Kind, ID: v.Object, Version: v.ID}
			opened := func() error {
				_, err := backup.Open(ctx, row, s.cfg.Vault, contoso, line)
				return err
			}
			eachFlip(&v, found("version", opened))
			eachFlip(&sealed, found("payload", opened))
			place := page.Items[i]
			listed := &tampered{Store: s.cfg.Store, items: func(items []backup.Item) []backup.Item {
				items[i].Set, items[i].Kind, items[i].Object, items[i].ID = place.Set, place.Kind, place.Object, place.ID
				return items
			}}
			eachFlip(&place.Set, checked("item's set", listed))
			eachFlip(&place.Kind, checked("item's kind", listed))
			eachFlip(&place.Object, checked("item's object", listed))
			eachFlip(&place.ID, checked("item's version", listed))
		}
		t.Logf("%d changes were found", changes/how.one)
	})
}

// The change of any byte of a tenant's key, or another key, opens nothing.
func TestEveryByteOfTheKey(t *testing.T) {
	eachStore(t, func(t *testing.T, kept store, _ extent) {
		s := newSample(t, kept)
		wrapped, err := s.cfg.Store.Key(t.Context(), contoso)
		if err != nil {
			t.Fatal(err)
		}
		store := &tampered{Store: s.cfg.Store, key: func([]byte) []byte { return bytes.Clone(wrapped) }}
		flips := flipper{do: func(where string) {
			vault, err := backup.NewVault(s.key, store)
			if err != nil {
				t.Fatal(err)
			}
			if err := whole(t.Context(), store, vault, contoso, s.second.ID); !errors.Is(err, backup.ErrKey) {
				t.Errorf("key%s was changed: %v, want ErrKey", where, err)
			}
		}}
		flips.flip(&wrapped)
	})
}

// A tampering is something that somebody could do to the tables. Before is what
// the set was when it was sealed for the first time.
type tampering struct {
	name string
	do   func(s *sample, before state) *tampered
}

// A state is everything about a set at one time.
type state struct {
	set     *backup.Set
	sealing *backup.Sealing
	items   []backup.Item
}

func (s *sample) state(id string) state {
	s.t.Helper()
	ctx := s.t.Context()
	set, err := s.cfg.Store.GetSet(ctx, contoso, id)
	if err != nil {
		s.t.Fatal(err)
	}
	sealing, err := s.cfg.Store.GetSealing(ctx, contoso, id)
	if err != nil {
		s.t.Fatal(err)
	}
	page, err := s.cfg.Store.ListItems(ctx, backup.ItemQuery{Tenant: contoso, Set: id})
	if err != nil {
		s.t.Fatal(err)
	}
	return state{set, sealing, page.Items}
}

// without returns the links without one of them.
func without(i int) func(links []backup.Link) []backup.Link {
	return func(links []backup.Link) []backup.Link { return slices.Delete(links, i, i+1) }
}

var tamperings = []tampering{
	{"an item is removed", func(*sample, state) *tampered {
		return &tampered{items: func(items []backup.Item) []backup.Item { return items[1:] }}
	}},
	{"all items are removed", func(*sample, state) *tampered {
		return &tampered{items: func([]backup.Item) []backup.Item { return nil }}
	}},
	{"an item is there twice", func(*sample, state) *tampered {
		return &tampered{items: func(items []backup.Item) []backup.Item { return append(items, items[0]) }}
	}},
	{"an item is inserted", func(*sample, state) *tampered {
		return &tampered{items: func(items []backup.Item) []backup.Item {
			more := items[0]
			more.Object = "another"
			return append(items, more)
		}}
	}},
	{"two items are swapped", func(*sample, state) *tampered {
		return &tampered{items: func(items []backup.Item) []backup.Item {
			items[1].ID, items[2].ID = items[2].ID, items[1].ID
			return items
		}}
	}},
	{"an item is rolled back", func(s *sample, _ state) *tampered {
		old := s.state(s.first.ID).items
		return &tampered{items: func(items []backup.Item) []backup.Item {
			for i := range items {
				for _, o := range old {
					if items[i].Object == o.Object {
						items[i].Version = o.Version
					}
				}
			}
			return items
		}}
	}},
	{"a version is removed", func(s *sample, _ state) *tampered {
		return &tampered{missing: s.state(s.second.ID).items[0].ID}
	}},
	{"two payloads are swapped", func(s *sample, _ state) *tampered {
		items := s.state(s.second.ID).items
		return &tampered{version: func(v *backup.Version, sealed *[]byte) {
			for i := range 2 {
				if v.ID == items[i].ID {
					_, *sealed, _ = s.cfg.Store.GetVersion(s.t.Context(), contoso, items[1-i].ID)
					return
				}
			}
		}}
	}},
	{"a payload is rolled back", func(s *sample, _ state) *tampered {
		old, now := s.state(s.first.ID).items[0], s.state(s.second.ID).items[0]
		return &tampered{version: func(v *backup.Version, sealed *[]byte) {
			if v.ID == now.ID {
				_, *sealed, _ = s.cfg.Store.GetVersion(s.t.Context(), contoso, old.ID)
			}
		}}
	}},
	{"a version is rolled back with its payload", func(s *sample, _ state) *tampered {
		old, now := s.state(s.first.ID).items[0], s.state(s.second.ID).items[0]
		return &tampered{version: func(v *backup.Version, sealed *[]byte) {
			if v.ID == now.ID {
				*v, *sealed, _ = s.cfg.Store.GetVersion(s.t.Context(), contoso, old.ID)
			}
		}}
	}},
	{"a payload is cut short", func(*sample, state) *tampered {
		return &tampered{version: func(_ *backup.Version, sealed *[]byte) { *sealed = (*sealed)[:len(*sealed)-1] }}
	}},
	{"a payload is empty", func(*sample, state) *tampered {
		return &tampered{version: func(_ *backup.Version, sealed *[]byte) { *sealed = nil }}
	}},
	{"the manifest is removed", func(*sample, state) *tampered {
		return &tampered{sealing: func(is *backup.Sealing) { is.Manifest = nil }}
	}},
	{"the manifest is another set's", func(s *sample, _ state) *tampered {
		other := s.state(s.first.ID)
		return &tampered{sealing: func(is *backup.Sealing) { *is = *other.sealing }}
	}},
	{"the manifest is rolled back", func(_ *sample, before state) *tampered {
		return &tampered{sealing: func(is *backup.Sealing) { is.Manifest = before.sealing.Manifest }}
	}},
	{"the certificate is rolled back", func(_ *sample, before state) *tampered {
		return &tampered{sealing: func(is *backup.Sealing) { is.Certificate = before.sealing.Certificate }}
	}},
	{"the set is rolled back", func(_ *sample, before state) *tampered {
		return &tampered{set: func(is *backup.Set) { *is = *before.set }}
	}},
	{"everything about the set but the chain is rolled back", func(_ *sample, before state) *tampered {
		return &tampered{
			set:     func(is *backup.Set) { *is = *before.set },
			sealing: func(is *backup.Sealing) { *is = *before.sealing },
			items:   func([]backup.Item) []backup.Item { return before.items },
		}
	}},
	{"the first link is removed", func(*sample, state) *tampered { return &tampered{chain: without(0)} }},
	{"a link between is removed", func(*sample, state) *tampered { return &tampered{chain: without(1)} }},
	{"the last link of the set is removed", func(*sample, state) *tampered { return &tampered{chain: without(3)} }},
	{"the chain is removed", func(*sample, state) *tampered {
		return &tampered{chain: func([]backup.Link) []backup.Link { return nil }}
	}},
	{"two links are swapped", func(*sample, state) *tampered {
		return &tampered{chain: func(links []backup.Link) []backup.Link {
			links[1], links[2] = links[2], links[1]
			return links
		}}
	}},
	{"two links have each other's number", func(*sample, state) *tampered {
		return &tampered{chain: func(links []backup.Link) []backup.Link {
			links[1], links[2] = links[2], links[1]
			links[1].Seq, links[2].Seq = links[2].Seq, links[1].Seq
			return links
		}}
	}},
	{"a link is rolled back", func(*sample, state) *tampered {
		return &tampered{chain: func(links []backup.Link) []backup.Link {
			links[3] = links[2]
			links[3].Seq = 4
			return links
		}}
	}},
	{"a link is inserted at the end", func(*sample, state) *tampered {
		return &tampered{chain: func(links []backup.Link) []backup.Link {
			more := links[3]
			more.Seq++
			return append(links, more)
		}}
	}},
	{"a link is another tenant's", func(*sample, state) *tampered {
		return &tampered{chain: func(links []backup.Link) []backup.Link {
			links[0].Tenant = "fabrikam"
			return links
		}}
	}},
}

// Whatever is removed, swapped, inserted or rolled back is found by a
// verification, and neither a preview nor an execution restores anything of it.
func TestTampering(t *testing.T) {
	eachStore(t, func(t *testing.T, kept store, how extent) {
		s := newSample(t, kept)
		before := s.state(s.second.ID)
		before.set = &backup.Set{}
		*before.set = *s.state(s.second.ID).set
		// One more object makes the state above an old one.
		policy := s.server.Tenant(contoso).IDs("deviceManagement/configurationPolicies")[2]
		s.run(backup.AddType, backup.AddInput{Set: s.second.ID, Items: []inventory.Ref{{Kind: "configurationPolicy", ID: policy}}})
		for _, item := range s.state(s.second.ID).items {
			typ, _ := contract.Lookup(item.Kind)
			if err := s.server.Tenant(contoso).Delete(typ.Lists[0].Path[1:], item.Object); err != nil {
				t.Fatal(err)
			}
		}
		planned := s.restores(s.cfg.Store)
		r := planned.plan(s.second.ID)
		if bad := planned.preview(r.ID); len(bad) > 0 {
			t.Fatalf("before anything has changed, a preview says %v", bad)
		}
		run, want := planned.execute(r.ID)
		if len(want) < 3 || damagedRun(run) {
			t.Fatalf("before anything has changed, an execution sends %q, %+v %+v", want, run.Failure, run.Failures)
		}
		for _, is := range tamperings {
			t.Log(is.name)
			store := is.do(s, before)
			store.Store = s.cfg.Store
			if err := whole(t.Context(), store, s.cfg.Vault, contoso, s.second.ID); !errors.Is(err, backup.ErrCorrupt) {
				t.Errorf("%s: a check reports %v, want ErrCorrupt", is.name, err)
			}
			if err := backup.Export(t.Context(), store, s.cfg.Vault, contoso, s.second.ID, new(bytes.Buffer)); !errors.Is(err, backup.ErrCorrupt) {
				t.Errorf("%s: an export reports %v, want ErrCorrupt", is.name, err)
			}
			w := s.restores(store)
			run := w.tracker.Execute(runs.Request{Tenant: contoso, Type: backup.VerifyType, Params: backup.VerifyInput{Set: s.second.ID}, Initiator: dana})
			if !damagedRun(run) {
				t.Errorf("%s: a verification %s, %+v %+v, want that it fails with %s", is.name, run.Outcome, run.Failure, run.Failures, backup.ReasonDamaged)
			}
			if how.one == 1 {
				planned.preview(r.ID) // while it was whole
				w.refuses(is.name, r.ID, want)
			}
			if bad := w.preview(r.ID); len(bad) == 0 {
				t.Errorf("%s: a preview refuses nothing", is.name)
			}
			if _, err := w.planner.New(t.Context(), contoso, s.second.ID, dana); !errors.Is(err, backup.ErrCorrupt) {
				t.Errorf("%s: a new restore reports %v, want ErrCorrupt", is.name, err)
			}
		}
	})
}

// damagedRun reports whether a run has failed, or some of its items have,
// because something was damaged.
func damagedRun(run *runs.Run) bool {
	if run.Failure.Reason == backup.ReasonDamaged {
		return run.Outcome == runs.OutcomeFailed
	}
	return slices.ContainsFunc(run.Failures, func(f runs.ItemFailure) bool { return f.Reason == backup.ReasonDamaged })
}

// A restoring is what restores from a store, whatever was done to it.
type restoring struct {
	t       *testing.T
	cfg     restore.Config
	planner *restore.Planner
	tracker *runstest.Tracker
	target  *refusing
}

// A refusing target changes nothing, and notes what it was to change.
type refusing struct {
	restore.Target
	mu   sync.Mutex
	sent []string
}

func (r *refusing) Send(_ context.Context, c restore.Call) (restore.Reply, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, fmt.Sprintf("%s %s %s", c.Method, c.Path, c.Body))
	return restore.Reply{}, &restore.CallError{Reason: runs.ReasonPermissionDenied}
}

func (s *sample) restores(from backup.Store) *restoring {
	s.t.Helper()
	w := &restoring{t: s.t, target: &refusing{Target: s.target}}
	w.cfg = restore.Config{
		Store: s.documents, Backups: from, Vault: s.cfg.Vault,
		Target: func(context.Context, string) (restore.Target, error) { return w.target, nil },
	}
	var err error
	if w.planner, err = restore.NewPlanner(w.cfg); err != nil {
		s.t.Fatal(err)
	}
	cfg := s.cfg
	cfg.Store = from
	w.tracker = runstest.New(s.t, runs.Config{Operations: []runs.Operation{
		backup.VerifyOperation(cfg), restore.PreviewOperation(w.cfg), restore.ExecuteOperation(w.cfg),
	}})
	return w
}

// refuses checks that the execution of a restore does less than the calls that it
// takes, and nothing else.
func (w *restoring) refuses(what, id string, calls []string) {
	w.t.Helper()
	run, got := w.execute(id)
	if !damagedRun(run) || len(got) == len(calls) {
		w.t.Errorf("%s: an execution %s, %+v %+v, want that it fails with %s", what, run.Outcome, run.Failure, run.Failures, backup.ReasonDamaged)
	}
	for _, call := range got {
		if !slices.Contains(calls, call) {
			w.t.Errorf("%s: an execution sends what was not captured: %s", what, call)
		}
	}
}

// plan makes a restore of a set, that gives up what has no counterpart.
func (w *restoring) plan(set string) *restore.Restore {
	w.t.Helper()
	r, err := w.planner.New(w.t.Context(), contoso, set, dana)
	if err != nil {
		w.t.Fatal(err)
	}
	var patch restore.Patch
	for _, m := range r.Mapping {
		if m.To == "" && m.State == restore.Unmapped {
			patch.Mapping = append(patch.Mapping, restore.Choice{Kind: m.Kind, ID: m.ID, Skip: true})
		}
	}
	if r, err = w.planner.Change(w.t.Context(), contoso, r.ID, patch, dana); err != nil {
		w.t.Fatal(err)
	}
	return r
}

// execute has a restore executed, and returns what that was to change.
func (w *restoring) execute(id string) (*runs.Run, []string) {
	w.t.Helper()
	dry := false
	run := w.tracker.Execute(runs.Request{Tenant: contoso, Type: restore.ExecuteType, Initiator: dana, Params: restore.ExecuteInput{
		Restore: id, DryRun: &dry, Acknowledge: true, Confirm: contoso,
	}})
	return run, w.target.sent
}

// preview has a restore previewed, and returns what is refused because it was
// damaged.
func (w *restoring) preview(id string) (bad []string) {
	w.t.Helper()
	run := w.tracker.Execute(runs.Request{Tenant: contoso, Type: restore.PreviewType, Params: restore.PreviewInput{Restore: id}, Initiator: dana})
	if run.Failure.Reason == backup.ReasonDamaged {
		return []string{"everything"}
	}
	page, err := w.cfg.Store.Items(w.t.Context(), restore.ItemQuery{Tenant: contoso, Restore: id})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, i := range page.Items {
		if i.Decision == restore.Blocked && i.Reason == backup.ReasonDamaged {
			bad = append(bad, i.Name)
		}
	}
	return bad
}

// An archive with any byte changed, cut off or added is refused, or has what it
// had before.
func TestEveryByteOfAnArchive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newWorld(t, graphtest.DemoTenant(1, 1))
		set := s.set("Größe 1")
		s.run(backup.AddType, backup.AddInput{Set: set.ID, Items: s.sampleRefs()[:1]})
		var out bytes.Buffer
		if err := backup.Export(t.Context(), s.cfg.Store, s.cfg.Vault, contoso, set.ID, &out); err != nil {
			t.Fatal(err)
		}
		archive := out.Bytes()
		want, err := backup.Check(t.Context(), s.cfg.Store, s.cfg.Vault, contoso, set.ID)
		if err != nil {
			t.Fatal(err)
		}
		imported := func(archive []byte) (*backup.Manifest, error) {
			cfg := backup.Config{Store: memrestore.New(), Vault: s.cfg.Vault}
			set, err := cfg.Import(t.Context(), contoso, "", dana, bytes.NewReader(archive), int64(len(archive)))
			if err != nil {
				return nil, err
			}
			m, err := backup.Check(t.Context(), cfg.Store, cfg.Vault, contoso, set.ID)
			if err != nil {
				t.Fatal(err)
			}
			return m, nil
		}
		refused := 0
		check := func(what string, archive []byte) {
			m, err := imported(archive)
			switch {
			case errors.Is(err, backup.ErrArchive):
				refused++
			case err != nil:
				t.Errorf("%s: %v, want ErrArchive", what, err)
			case m.Name != want.Name || m.Description != want.Description || m.Origin != "" || !cmp.Equal(m.Items, want.Items):
				t.Errorf("%s: what was imported is %+v, want %+v", what, m, want)
			}
		}
		check("nothing", archive)
		if refused > 0 {
			t.Fatal("the archive as it is was refused")
		}
		for i := range archive {
			archive[i] ^= masks[i%len(masks)]
			check(fmt.Sprintf("byte %d was changed", i), archive)
			archive[i] ^= masks[i%len(masks)]
		}
		for _, n := range []int{0, 1, len(archive) / 2, len(archive) - 1} {
			check(fmt.Sprintf("cut to %d bytes", n), archive[:n])
		}
		t.Logf("%d of %d changes were refused", refused, len(archive))
	})
}
