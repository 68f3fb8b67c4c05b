package backup_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/restore/memrestore"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

// A failing store fails its writes while there is a reason to, as one whose disk
// is full does.
type failing struct {
	backup.Store
	stage, append error
	after         atomic.Int32 // how many calls of Stage succeed before
}

func (s *failing) Stage(ctx context.Context, tenant, set string, staged []backup.Staged) ([]backup.Version, error) {
	if s.stage != nil && s.after.Add(-1) < 0 {
		return nil, s.stage
	}
	return s.Store.Stage(ctx, tenant, set, staged)
}

func (s *failing) Append(ctx context.Context, l backup.Link, sealing *backup.Sealing) error {
	if s.append != nil {
		return s.append
	}
	return s.Store.Append(ctx, l, sealing)
}

// over returns the world's runs over another store.
func (w *world) over(store backup.Store) *runstest.Tracker {
	cfg := w.cfg
	cfg.Store = store
	return runstest.New(w.t, runs.Config{Operations: []runs.Operation{backup.AddOperation(cfg), backup.VerifyOperation(cfg)}})
}

// A run that ends between what it has staged and the manifest has added nothing
// that anybody sees, and harmed nothing; the next run completes the set.
func TestInterrupted(t *testing.T) {
	half := &failing{stage: backup.ErrStoreUnavailable}
	half.after.Store(3)
	for name, store := range map[string]*failing{
		"before the manifest": {append: backup.ErrStoreUnavailable},
		"at once":             {stage: backup.ErrStoreUnavailable},
		"half way":            half,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, graphtest.DemoTenant(1, 1))
				first, second := w.set("first"), w.set("second")
				w.run(backup.AddType, backup.AddInput{Set: first.ID, Items: w.sampleRefs()})
				store.Store = w.cfg.Store
				add := runs.Request{Tenant: contoso, Type: backup.AddType, Params: backup.AddInput{Set: second.ID, All: true}, Initiator: dana}
				if run := w.over(store).Execute(add); run.Outcome != runs.OutcomeFailed {
					t.Errorf("the run %s, want failed", run.Outcome)
				}
				set, err := w.cfg.Store.GetSet(t.Context(), contoso, second.ID)
				if err != nil || set.Items != 0 || set.Complete || set.Seq != 0 {
					t.Errorf("the set is %+v, %v; want it empty", set, err)
				}
				page, err := w.cfg.Store.ListItems(t.Context(), backup.ItemQuery{Tenant: contoso, Set: second.ID})
				if err != nil || len(page.Items) > 0 {
					t.Errorf("the set lists %d items, %v; want none", len(page.Items), err)
				}
				if _, err := backup.Check(t.Context(), w.cfg.Store, w.cfg.Vault, contoso, second.ID); !errors.Is(err, backup.ErrNotFound) {
					t.Errorf("a check of the set reports %v, want ErrNotFound", err)
				}
				empty := runs.Request{Tenant: contoso, Type: backup.VerifyType, Params: backup.VerifyInput{Set: second.ID}, Initiator: dana}
				if run := w.tracker.Execute(empty); run.Failure.Reason != runs.ReasonNotReady {
					t.Errorf("a verification of the set failed with %+v, want that it is empty", run.Failure)
				}
				if err := whole(t.Context(), w.cfg.Store, w.cfg.Vault, contoso, first.ID); err != nil {
					t.Errorf("the set before: %v", err)
				}
				if run := w.run(backup.AddType, backup.AddInput{Set: second.ID, All: true}); run.Counts.Skipped > 0 {
					t.Errorf("%d items are skipped as if the set had had them before", run.Counts.Skipped)
				}
				set, err = w.cfg.Store.GetSet(t.Context(), contoso, second.ID)
				if err != nil || set.Items < 80 || !set.Complete {
					t.Errorf("after another run the set is %+v, %v; want it complete", set, err)
				}
				if err := whole(t.Context(), w.cfg.Store, w.cfg.Vault, contoso, second.ID); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// listed returns the objects in a set.
func (w *world) listed(set string) map[inventory.Ref]bool {
	w.t.Helper()
	refs := make(map[inventory.Ref]bool)
	q := backup.ItemQuery{Tenant: contoso, Set: set, Limit: runs.MaxLimit}
	for {
		page, err := w.cfg.Store.ListItems(w.t.Context(), q)
		if err != nil {
			w.t.Fatal(err)
		}
		for i := range page.Items {
			refs[page.Items[i].Ref()] = true
		}
		if q.After = page.Next; q.After == "" {
			return refs
		}
	}
}

// Whatever the service answers, a set that lacks something does not say that it
// is complete.
func TestPartialNeverLooksComplete(t *testing.T) {
	kinds := []graphtest.FaultKind{
		graphtest.FaultForbidden, graphtest.FaultInternal, graphtest.FaultUnavailable, graphtest.FaultCutJSON,
		graphtest.FaultTruncate, graphtest.FaultReset, graphtest.FaultBadGatewayHTML, graphtest.FaultConditional, graphtest.FaultEmptyBody,
	}
	rounds := 4
	if os.Getenv("TENANTATLAS_LONG") == "1" {
		rounds = 300
	}
	partial := 0
	for round := range rounds {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, graphtest.DemoTenant(1, 1))
			want := w.set("everything")
			w.run(backup.AddType, backup.AddInput{Set: want.ID, All: true})
			rng := rand.New(rand.NewPCG(uint64(round), 1))
			var faults []graphtest.Fault
			paths := w.server.Tenant(contoso).Paths()
			for range 1 + rng.IntN(3) {
				f := graphtest.Fault{Kind: kinds[rng.IntN(len(kinds))], Prefix: "/" + paths[rng.IntN(len(paths))]}
				if rng.IntN(3) == 0 {
					f.Prefix, f.Rate = "", 0.02+0.2*rng.Float64()
				}
				if rng.IntN(2) == 0 {
					f.Skip = rng.IntN(3)
				}
				faults = append(faults, f)
			}
			w.server.SetFaults(faults...)
			got := w.set("with faults")
			run := w.tracker.Execute(runs.Request{Tenant: contoso, Type: backup.AddType, Params: backup.AddInput{Set: got.ID, All: true}, Initiator: dana})
			w.server.SetFaults()
			set, err := w.cfg.Store.GetSet(t.Context(), contoso, got.ID)
			if err != nil {
				t.Fatal(err)
			}
			lacks := !cmp.Equal(w.listed(want.ID), w.listed(got.ID))
			if lacks {
				partial++
			}
			if lacks == set.Complete {
				t.Errorf("round %d, %+v: the set lacks something: %t, and is complete: %t", round, faults, lacks, set.Complete)
			}
			if lacks == (run.Outcome == runs.OutcomeSucceeded) {
				t.Errorf("round %d, %+v: the set lacks something: %t, and the run %s", round, faults, lacks, run.Outcome)
			}
			if set.Seq == 0 {
				return
			}
			if _, err := backup.Check(t.Context(), w.cfg.Store, w.cfg.Vault, contoso, got.ID); err != nil {
				t.Errorf("round %d: %v", round, err)
			}
			// What was missing is captured by the next run, and then it is complete.
			w.run(backup.AddType, backup.AddInput{Set: got.ID, All: true})
			set, err = w.cfg.Store.GetSet(t.Context(), contoso, got.ID)
			if err != nil || !set.Complete || !cmp.Equal(w.listed(want.ID), w.listed(got.ID)) {
				t.Errorf("round %d: after a run without faults the set is %+v, %v; want it complete", round, set, err)
			}
		})
	}
	if partial == 0 {
		t.Error("no round has made a set partial")
	}
}

// Retention keeps what somebody uses, what is newest, and every byte of both.
func TestRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, graphtest.DemoTenant(1, 1))
		refs := w.sampleRefs()
		rng := rand.New(rand.NewPCG(1, 2))
		used := make(map[string]time.Time)
		var alive []string // the oldest first
		for round := range 20 {
			time.Sleep(time.Hour)
			s := w.set(fmt.Sprint("set ", round))
			if rng.IntN(3) == 0 {
				rule := fmt.Sprintf(`{"rule":"(device.model -eq \"%d\")"}`, round)
				if err := w.server.Tenant(contoso).Patch("deviceManagement/assignmentFilters", refs[0].ID, []byte(rule)); err != nil {
					t.Fatal(err)
				}
			}
			w.run(backup.AddType, backup.AddInput{Set: s.ID, Items: refs[:1+rng.IntN(len(refs))]})
			alive = append(alive, s.ID)
			if id := alive[rng.IntN(len(alive))]; rng.IntN(2) == 0 {
				used[id] = time.Now().Add(time.Duration(rng.IntN(20)-5) * time.Hour)
				if err := w.cfg.Store.UseSet(t.Context(), contoso, id, "restore", used[id]); err != nil {
					t.Fatal(err)
				}
			}
			keep := 1 + rng.IntN(8)
			var want []string
			for i, id := range alive {
				if i >= len(alive)-keep || !used[id].Before(time.Now()) {
					want = append(want, id)
				}
			}
			deleted, err := w.cfg.Retain(t.Context(), contoso, keep, dana)
			if err != nil || deleted != len(alive)-len(want) {
				t.Fatalf("round %d: %d sets were deleted, %v; want %d", round, deleted, err, len(alive)-len(want))
			}
			alive = want
			for _, id := range alive {
				if err := whole(t.Context(), w.cfg.Store, w.cfg.Vault, contoso, id); err != nil {
					t.Fatalf("round %d: %v", round, err)
				}
			}
		}
		if _, err := w.cfg.Retain(t.Context(), contoso, 0, dana); !errors.Is(err, backup.ErrInvalid) {
			t.Errorf("to keep nothing reports %v, want ErrInvalid", err)
		}
	})
}

// A key that is lost, another one, or that of another tenant opens nothing; one
// that was wrapped anew opens everything.
func TestKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSample(t, memrestore.New())
		ctx := t.Context()
		other, err := backup.OpenKeyFile(filepath.Join(t.TempDir(), "other.key"))
		if err != nil {
			t.Fatal(err)
		}
		wrapped, err := s.cfg.Store.Key(ctx, contoso)
		if err != nil {
			t.Fatal(err)
		}
		check := func(wrapper backup.KeyWrapper, store backup.Store, tenant string) error {
			vault, err := backup.NewVault(wrapper, store)
			if err != nil {
				t.Fatal(err)
			}
			return whole(ctx, store, vault, tenant, s.second.ID)
		}
		if err := check(other, s.cfg.Store, contoso); !errors.Is(err, backup.ErrKey) {
			t.Errorf("with another key: %v, want ErrKey", err)
		}
		// Without the tenant's key in the store, a vault makes a new one.
		if err := check(s.key, &lost{Store: s.cfg.Store}, contoso); !errors.Is(err, backup.ErrCorrupt) {
			t.Errorf("without the key: %v, want ErrCorrupt", err)
		}
		raw, err := s.key.Unwrap(ctx, contoso, wrapped)
		if err != nil {
			t.Fatal(err)
		}
		anew, err := other.Wrap(ctx, contoso, raw)
		if err != nil {
			t.Fatal(err)
		}
		rotated := &tampered{Store: s.cfg.Store, key: func([]byte) []byte { return anew }}
		if err := check(other, rotated, contoso); err != nil {
			t.Errorf("with the key wrapped anew: %v", err)
		}
		if err := check(s.key, rotated, contoso); !errors.Is(err, backup.ErrKey) {
			t.Errorf("with the key file from before: %v, want ErrKey", err)
		}
		moved := memrestore.New()
		if _, err := moved.PutKey(ctx, "fabrikam", wrapped); err != nil {
			t.Fatal(err)
		}
		vault, err := backup.NewVault(s.key, moved)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := vault.Seal(ctx, "fabrikam", inventory.Ref{Kind: "k", ID: "i"}, "d", []byte("{}")); !errors.Is(err, backup.ErrKey) {
			t.Errorf("with the key of another tenant: %v, want ErrKey", err)
		}
		// What is moved to another tenant, or another object, opens nowhere.
		item := s.state(s.second.ID).items[0]
		_, sealed, err := s.cfg.Store.GetVersion(ctx, contoso, item.ID)
		if err != nil {
			t.Fatal(err)
		}
		for name, at := range map[string]struct {
			tenant, digest string
			ref            inventory.Ref
		}{
			"tenant": {"fabrikam", item.ID, item.Ref()},
			"object": {contoso, item.ID, inventory.Ref{Kind: item.Kind, ID: "another"}},
			"kind":   {contoso, item.ID, inventory.Ref{Kind: "another", ID: item.Object}},
			"digest": {contoso, "another", item.Ref()},
		} {
			if _, err := s.cfg.Vault.Open(ctx, at.tenant, at.ref, at.digest, sealed); !errors.Is(err, backup.ErrCorrupt) {
				t.Errorf("under another %s: %v, want ErrCorrupt", name, err)
			}
		}
	})
}

// A lost store has lost the keys of its tenants.
type lost struct {
	backup.Store
	keys memrestore.Store
}

func (s *lost) Key(ctx context.Context, tenant string) ([]byte, error) {
	return s.keys.Key(ctx, tenant)
}

func (s *lost) PutKey(ctx context.Context, tenant string, wrapped []byte) ([]byte, error) {
	return s.keys.PutKey(ctx, tenant, wrapped)
}

// Of several processes that make the key file at once, all get the same key, and
// nothing else is left behind.
func TestKeyFileTogether(t *testing.T) {
	for range 20 {
		dir := t.TempDir()
		name := filepath.Join(dir, "backup.key")
		const openers = 8
		files := make([]*backup.KeyFile, openers)
		errs := make([]error, openers)
		var wg sync.WaitGroup
		for i := range openers {
			wg.Go(func() { files[i], errs[i] = backup.OpenKeyFile(name) })
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		wrapped, err := files[0].Wrap(t.Context(), contoso, []byte("secret"))
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range files {
			if got, err := f.Unwrap(t.Context(), contoso, wrapped); err != nil || string(got) != "secret" {
				t.Errorf("opener %d has another key: %q, %v", i, got, err)
			}
		}
		left, err := os.ReadDir(dir)
		if err != nil || len(left) != 1 {
			t.Errorf("%d files are left, %v; want the key alone", len(left), err)
		}
	}
}

// A key file that is none, or that others can read, is refused, and left as it
// is.
func TestKeyFileRefused(t *testing.T) {
	good := "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	for name, is := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"empty": {"", 0o600}, "short": {good[2:], 0o600}, "long": {good + "00", 0o600}, "no digits": {good[1:] + "x", 0o600},
		"for the group": {good, 0o640}, "for all": {good, 0o604},
	} {
		file := filepath.Join(t.TempDir(), "backup.key")
		if err := os.WriteFile(file, []byte(is.text), is.mode); err != nil {
			t.Fatal(err)
		}
		if _, err := backup.OpenKeyFile(file); err == nil {
			t.Errorf("a key file that is %s is taken", name)
		}
		if text, err := os.ReadFile(file); err != nil || string(text) != is.text {
			t.Errorf("a key file that is %s was changed", name)
		}
	}
	if _, err := backup.OpenKeyFile(filepath.Join(t.TempDir(), "no", "such", "folder")); err == nil {
		t.Error("a key file in a folder that is not there is made")
	}
}

// Qualities follow from what a version lacks.
func TestQuality(t *testing.T) {
	for _, c := range []struct {
		v    backup.Version
		want []backup.Quality
	}{
		{backup.Version{Kind: "configurationPolicy", AssignmentsHash: "a"}, nil},
		{backup.Version{Kind: "configurationPolicy"}, []backup.Quality{backup.QualityAssignmentsUnknown}},
		{backup.Version{Kind: "configurationPolicy", AssignmentsHash: "a", Unresolved: 1}, []backup.Quality{backup.QualityOrphaned}},
		{backup.Version{Kind: "configurationPolicy", AssignmentsHash: "a", Secrets: 1}, []backup.Quality{backup.QualityMaskedSecrets}},
		{backup.Version{Kind: "assignmentFilter"}, nil}, // has none of its own
		{backup.Version{Kind: "nothing known"}, []backup.Quality{backup.QualityMetadataOnly}},
		{
			backup.Version{Kind: "nothing known", Unresolved: 2, Secrets: 2},
			[]backup.Quality{backup.QualityMetadataOnly, backup.QualityOrphaned, backup.QualityMaskedSecrets},
		},
	} {
		if got := c.v.Quality(); !slices.Equal(got, c.want) {
			t.Errorf("%+v has the qualities %v, want %v", c.v, got, c.want)
		}
	}
}
