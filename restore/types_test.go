package restore_test

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/runs"
)

const profiles = "deviceManagement/deviceConfigurations"

// strange are objects of types that nobody has heard of, and one that everybody has.
func strange() graphtest.Document {
	return graphtest.Document{
		profiles: {
			json.RawMessage(`{"id":"new","@odata.type":"#microsoft.graph.somethingFromNextYear","displayName":"New","shine":true}`),
			json.RawMessage(`{"id":"old","@odata.type":"#microsoft.graph.windows10GeneralConfiguration","displayName":"Old"}`),
		},
		"deviceManagement/deviceCategories": {
			json.RawMessage(`{"id":"odd","@odata.type":"#microsoft.graph.deviceCategoryPlus","displayName":"Odd"}`),
		},
	}
}

// An object of a type that this release does not know is listed and captured like
// any other, and a restore shows it and says why it leaves it alone: when it is gone,
// when it has changed, and when an earlier release has decided otherwise.
func TestUnknownTypesAreLeft(t *testing.T) {
	unheard := map[inventory.Ref]string{
		{Kind: "deviceConfiguration", ID: "new"}: "somethingFromNextYear",
		{Kind: "deviceCategory", ID: "odd"}:      "deviceCategoryPlus",
	}
	known := inventory.Ref{Kind: "deviceConfiguration", ID: "old"}
	for name, lose := range map[string]func(w *world){
		"gone": (*world).wipe,
		"changed": func(w *world) {
			for path, id := range map[string]string{profiles: "new", "deviceManagement/deviceCategories": "odd"} {
				if err := w.server.Tenant(contoso).Patch(path, id, []byte(`{"displayName":"Other"}`)); err != nil {
					w.t.Fatal(err)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, strange())
				set := w.backup("deviceConfiguration", "deviceCategory")
				if v := w.run(contoso, backup.VerifyType, backup.VerifyInput{Set: set.ID}); v.Outcome != runs.OutcomeSucceeded {
					t.Errorf("verification %s: %+v", v.Outcome, v.Failures)
				}
				lose(w)
				r := w.plan(contoso, set.ID)
				w.preview(contoso, r.ID)
				items := w.items(contoso, r.ID)
				for ref, typ := range unheard {
					i := items[ref]
					if i.Decision != restore.Skip || i.Reason != runs.ReasonUnsupported || !strings.Contains(i.Message, typ) {
						t.Errorf("%v: %s %s %q, want it skipped, and to name %s", ref, i.Decision, i.Reason, i.Message, typ)
					}
				}
				wantWrites(t, w, r.ID, known, name == "gone")

				for ref := range unheard { // what a release that knew no better has decided
					i := items[ref]
					i.Decision, i.Reason, i.Message = restore.Create, "", ""
					if err := w.cfg.Store.Put(t.Context(), contoso, r.ID, w.get(contoso, r.ID).Fence, []restore.Item{i}); err != nil {
						t.Fatal(err)
					}
				}
				sent := w.server.Writes()
				w.execute(contoso, r.ID)
				for ref := range unheard {
					if i := w.items(contoso, r.ID)[ref]; i.Result != restore.Failed || i.Reason != runs.ReasonUnsupported {
						t.Errorf("%v: %s %s %q, want it failed as unsupported", ref, i.Result, i.Reason, i.Message)
					}
				}
				if n := w.server.Writes(); n != sent {
					t.Errorf("%d writes of objects of unknown types", n-sent)
				}
			})
		})
	}
}

// wantWrites executes a restore and looks at the object that can be restored.
func wantWrites(t *testing.T, w *world, id string, ref inventory.Ref, lost bool) {
	t.Helper()
	w.execute(contoso, id)
	i, writes := w.items(contoso, id)[ref], w.server.Writes()
	if lost && (i.Result != restore.Verified || writes != 1) || !lost && (i.Result != restore.Same || writes != 0) {
		t.Errorf("%v is %s (%s), and %d writes were sent", ref, i.Result, i.Message, writes)
	}
}

// An object without a type, as other tools export them, is not created where the
// service would refuse it, and is where the list says what it is.
func TestMissingTypes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, graphtest.Document{
			profiles:                            {json.RawMessage(`{"id":"a","displayName":"A"}`)},
			"deviceManagement/deviceCategories": {json.RawMessage(`{"id":"b","displayName":"B"}`)},
		})
		set := w.backup("deviceConfiguration", "deviceCategory")
		w.wipe()
		r := w.plan(contoso, set.ID)
		w.preview(contoso, r.ID)
		w.execute(contoso, r.ID)
		items := w.items(contoso, r.ID)
		a, b := items[inventory.Ref{Kind: "deviceConfiguration", ID: "a"}], items[inventory.Ref{Kind: "deviceCategory", ID: "b"}]
		if a.Decision != restore.Skip || a.Reason != runs.ReasonUnsupported || !strings.Contains(a.Message, "@odata.type") {
			t.Errorf("an object of no type is %s (%s %q), want it skipped with what to do", a.Decision, a.Reason, a.Message)
		}
		if b.Result != restore.Verified || w.server.Writes() != 1 {
			t.Errorf("one whose list says its type is %s (%s), and %d writes were sent, want it verified and 1", b.Result, b.Message, w.server.Writes())
		}
	})
}

// A retyping source reads objects as of another type than they are listed as.
type retyping struct {
	inventory.Source
	old, new string
}

func (s retyping) Read(ctx context.Context, wants []inventory.Want) iter.Seq2[int, inventory.Reading] {
	return func(yield func(int, inventory.Reading) bool) {
		for i, r := range s.Source.Read(ctx, wants) {
			r.Content = bytes.Replace(r.Content, []byte(s.old), []byte(s.new), 1)
			if !yield(i, r) {
				return
			}
		}
	}
}

// What counts is what would be written, whatever an object was listed as.
func TestTypeOfTheContent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, docs(profiles, `{"id":"a","@odata.type":"#microsoft.graph.windows10GeneralConfiguration","displayName":"A"}`))
		source := w.backups.Source
		w.backups.Source = func(ctx context.Context, tenant string) (inventory.Source, error) {
			is, err := source(ctx, tenant)
			return retyping{is, "windows10GeneralConfiguration", "somethingFromNextYear"}, err
		}
		w.tracker = w.newTracker(w.cfg)
		set := w.backup("deviceConfiguration")
		w.wipe()
		r := w.plan(contoso, set.ID)
		w.preview(contoso, r.ID)
		w.execute(contoso, r.ID)
		i := w.items(contoso, r.ID)[inventory.Ref{Kind: "deviceConfiguration", ID: "a"}]
		if i.Decision != restore.Skip || !strings.Contains(i.Message, "somethingFromNextYear") || w.server.Writes() != 0 {
			t.Errorf("%s (%q), and %d writes were sent, want it skipped by what it says itself", i.Decision, i.Message, w.server.Writes())
		}
	})
}
