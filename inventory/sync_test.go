package inventory_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/runs"
)

const (
	policies   = "deviceManagement/configurationPolicies"
	filters    = "deviceManagement/assignmentFilters"
	compliance = "deviceManagement/deviceCompliancePolicies"
)

// policy returns a settings catalog policy with so many settings.
func policy(id, name string, settings int) json.RawMessage {
	var list []string
	for i := range settings {
		list = append(list, fmt.Sprintf(`{"settingInstance":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationSimpleSettingInstance",`+
			`"settingDefinitionId":"device_%d","simpleSettingValue":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationStringSettingValue","value":"v%d"}}}`, i, i))
	}
	return json.RawMessage(fmt.Sprintf(`{"id":%q,"name":%q,"description":"","platforms":"windows10","technologies":"mdm","settingCount":%d,`+
		`"lastModifiedDateTime":"1999-12-31T00:00:00Z","roleScopeTagIds":["0"],"assignments":[],"settings":[%s]}`, id, name, settings, strings.Join(list, ",")))
}

// filter returns an assignment filter.
func filter(id, name string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"id":%q,"displayName":%q,"platform":"windows10AndLater","rule":"(device.osVersion -ne \"1\")","lastModifiedDateTime":"1999-12-31T00:00:00Z"}`, id, name))
}

// small is a tenant of three policies and two filters.
func small() graphtest.Document {
	return graphtest.Document{
		policies: {policy("p1", "One", 3), policy("p2", "Two", 30), policy("p3", "Three", 60)},
		filters:  {filter("f1", "Pilots"), filter("f2", "Kiosks")},
	}
}

// both selects the two kinds of a small tenant.
const both = `{"policy_types":["configurationPolicy","assignmentFilter"]}`

// figures are the extras of a run.
func figures(kind ...int64) map[string]int64 {
	all := map[string]int64{inventory.CountObjects: kind[0]}
	for i, name := range []string{inventory.CountNew, inventory.CountChanged, inventory.CountUnchanged} {
		if kind[i+1] > 0 {
			all[name] = kind[i+1]
		}
	}
	return all
}

// failed returns the kinds that failed, with the reasons.
func failed(run *runs.Run) map[string]runs.Reason {
	kinds := make(map[string]runs.Reason)
	for _, f := range run.Failures {
		kinds[f.Key] = f.Reason
	}
	return kinds
}

func TestFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, options{
			doc: graphtest.DemoTenant(2, 2),
			graph: graphtest.Config{
				Faults: graphtest.Flaky(0.02, 0.01),
				Quirks: graphtest.Quirks{Forbidden: []string{"/" + compliance}},
				Seed:   7,
			},
		})
		run := w.sync(`{}`, runs.OutcomePartiallySucceeded)
		if diff := cmp.Diff(map[string]runs.Reason{"deviceCompliancePolicy": runs.ReasonPermissionDenied}, failed(run)); diff != "" {
			t.Errorf("failed kinds (-want +got):\n%s", diff)
		}
		if m := run.Failures[0].Message; !strings.Contains(m, "DeviceManagementConfiguration.Read") {
			t.Errorf("message = %q, want it to name the permission", m)
		}
		if s := w.server.Stats(); s.Throttled == 0 || s.Failed <= s.Throttled+1 {
			t.Errorf("stats = %+v, want throttled and failed requests", s)
		}
		objects := w.served()
		for ref := range objects {
			if ref.Kind == "deviceCompliancePolicy" {
				delete(objects, ref)
			}
		}
		if got, want := len(w.items(inventory.Query{})), len(objects); got != want {
			t.Errorf("found %d objects, want %d", got, want)
		}
		c := w.coverage()["deviceCompliancePolicy"]
		want := inventory.Coverage{Kind: "deviceCompliancePolicy", Status: "failed", Reason: runs.ReasonPermissionDenied, Full: true, At: c.At}
		if diff := cmp.Diff(want, c); diff != "" {
			t.Errorf("coverage (-want +got):\n%s", diff)
		}
	})
}

func TestFailingPathFailsAllItsKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, options{
			doc:   graphtest.DemoTenant(1, 1),
			graph: graphtest.Config{Quirks: graphtest.Quirks{Forbidden: []string{"/deviceManagement/deviceEnrollmentConfigurations"}}},
		})
		run := w.sync(`{"categories":["enrollment"]}`, runs.OutcomePartiallySucceeded)
		want := map[string]runs.Reason{
			"enrollmentStatusPage": runs.ReasonPermissionDenied, "enrollmentRestriction": runs.ReasonPermissionDenied, "comanagementSettings": runs.ReasonPermissionDenied,
		}
		if diff := cmp.Diff(want, failed(run)); diff != "" {
			t.Errorf("failed kinds (-want +got):\n%s", diff)
		}
	})
}

func TestEverythingForbidden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, options{doc: small(), graph: graphtest.Config{Quirks: graphtest.Quirks{Forbidden: []string{""}}}})
		run := w.sync(`{}`, runs.OutcomeFailed)
		if run.Failure.Reason != runs.ReasonPermissionDenied || run.Counts.Failed != 66 {
			t.Errorf("failure = %+v with %d failed kinds, want %s with 66", run.Failure, run.Counts.Failed, runs.ReasonPermissionDenied)
		}
	})
}

func TestSubset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, options{doc: graphtest.DemoTenant(1, 1)})
		run := w.sync(`{"policy_types":["configurationPolicy","updateRing"]}`, runs.OutcomeSucceeded)
		kinds := make(map[string]int)
		for ref := range w.items(inventory.Query{}) {
			kinds[ref.Kind]++
		}
		want := map[string]int{"configurationPolicy": len(w.tenant.IDs(policies)), "updateRing": 5}
		if diff := cmp.Diff(want, kinds); diff != "" {
			t.Errorf("objects by kind (-want +got):\n%s", diff)
		}
		if run.Counts.Total != 2 {
			t.Errorf("total = %d, want 2 kinds", run.Counts.Total)
		}
		for request := range w.server.Counts() {
			if !strings.Contains(request, "onfiguration") && !strings.Contains(request, "$batch") {
				t.Errorf("the sync asked for %s, which is not selected", request)
			}
		}
	})
}

func TestStartRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, options{doc: small()})
		for _, params := range []string{`{"policy_types":[]}`, `{"policy_types":["nope"]}`, `{"policy_types":["unknown:/deviceManagement/x"]}`, `{"kinds":[]}`} {
			_, err := w.tracker.Start(t.Context(), runs.Request{Tenant: contoso, Type: inventory.SyncType, Params: json.RawMessage(params), Initiator: dana})
			if failure, _ := runs.FailureOf(err); failure.Reason != runs.ReasonInvalidInput {
				t.Errorf("Start(%s): %v, want %s", params, err, runs.ReasonInvalidInput)
			}
		}
	})
}

func TestOneSyncAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, options{doc: small()})
		first := w.start(`{}`)
		same := w.start(`{"include_foundations":true}`)
		other := w.start(both)
		if same.Created || same.Run.ID != first.Run.ID || !same.SameInput {
			t.Errorf("the second start made run %s, want it to join %s", same.Run.ID, first.Run.ID)
		}
		if !other.Created {
			t.Error("a start with another selection has joined")
		}
		for _, s := range []runs.Started{first, other} {
			if run := w.wait(s); run.Outcome != runs.OutcomeSucceeded {
				t.Errorf("outcome = %s", run.Outcome)
			}
		}
	})
}

func TestChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, options{doc: small()})
		first := w.sync(both, runs.OutcomeSucceeded)
		if diff := cmp.Diff(figures(5, 5, 0, 0), first.Counts.Extra); diff != "" {
			t.Errorf("first sync (-want +got):\n%s", diff)
		}
		old := w.get("configurationPolicy", "p2")
		must(t, w.tenant.Patch(policies, "p2", json.RawMessage(`{"description":"Changed."}`)))
		if _, err := w.tenant.Add(filters, filter("f3", "New")); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(figures(6, 1, 1, 4), w.sync(both, runs.OutcomeSucceeded).Counts.Extra); diff != "" {
			t.Errorf("second sync (-want +got):\n%s", diff)
		}
		got := w.get("configurationPolicy", "p2")
		if got.Hash == old.Hash || !got.ModifiedAt.After(old.ModifiedAt) || !strings.Contains(string(got.Content), "Changed.") || got.FirstSeenAt != old.FirstSeenAt {
			t.Errorf("the changed item is %+v, was %+v", got.Item, old.Item)
		}
		if _, err := w.store.Content(t.Context(), contoso, old.Hash); err != nil {
			t.Errorf("content before the change: %v", err)
		}
		// Assignments change without a trace in the object.
		must(t, w.tenant.Patch(policies, "p3", json.RawMessage(
			`{"lastModifiedDateTime":"1999-12-31T00:00:00Z","assignments":[{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"g1"}}]}`)))
		if diff := cmp.Diff(figures(6, 0, 1, 5), w.sync(both, runs.OutcomeSucceeded).Counts.Extra); diff != "" {
			t.Errorf("third sync (-want +got):\n%s", diff)
		}
		p3 := w.get("configurationPolicy", "p3")
		if p3.Assigned.Groups != 1 || !strings.Contains(string(p3.Assignments), "g1") || len(w.links()) == 0 {
			t.Errorf("after an assignment: %+v, %s", p3.Assigned, p3.Assignments)
		}
	})
}

func TestMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, options{doc: small()})
		w.sync(both, runs.OutcomeSucceeded)
		seen := w.get("configurationPolicy", "p2").LastSeenAt
		must(t, w.tenant.Delete(policies, "p2"))

		w.server.SetQuirks(graphtest.Quirks{Forbidden: []string{"/" + policies}})
		w.sync(both, runs.OutcomePartiallySucceeded)
		if got := w.items(inventory.Query{Missing: true}); len(got) > 0 {
			t.Errorf("missing after a run that failed to cover the kind: %v", got)
		}
		w.server.SetQuirks(graphtest.Quirks{})
		for i, want := range []inventory.Confidence{inventory.ConfidenceLow, inventory.ConfidenceHigh, inventory.ConfidenceHigh} {
			w.sync(both, runs.OutcomeSucceeded)
			p2 := w.get("configurationPolicy", "p2")
			if !p2.Missing || p2.Confidence != want || p2.LastSeenAt != seen || len(p2.Content) == 0 {
				t.Errorf("missed %d times: %+v, want it missing with confidence %s and otherwise as it was", i+1, p2.Item, want)
			}
		}
		if got := w.items(inventory.Query{Missing: true}); len(got) != 1 {
			t.Errorf("missing: %v, want p2 alone", got)
		}
		if _, err := w.tenant.Add(policies, policy("p2", "Two", 30)); err != nil {
			t.Fatal(err)
		}
		if run := w.sync(both, runs.OutcomeSucceeded); run.Counts.Extra[inventory.CountNew] != 0 {
			t.Errorf("an object that came back counts as new: %v", run.Counts.Extra)
		}
		if p2 := w.get("configurationPolicy", "p2"); p2.Missing || !p2.LastSeenAt.After(seen) {
			t.Errorf("after it came back: %+v", p2.Item)
		}
	})
}

func TestDepth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, options{doc: small()})
		reads := func() int {
			n := w.server.Counts()["GET "+policies+"/{id}/settings"]
			w.server.ResetStats()
			return n
		}
		steps := []struct {
			name   string
			before func()
			want   int // requests for settings
		}{
			{"first", func() {}, 1 + 2 + 3}, // 3, 30 and 60 settings in pages of 25
			{"nothing moved", func() {}, 0},
			{"one moved", func() { must(t, w.tenant.Patch(policies, "p1", json.RawMessage(`{"description":"x"}`))) }, 1},
			{"one has another count", func() {
				must(t, w.tenant.Replace(policies, "p1", policy("p1", "One", 4)))
			}, 1},
			{"a full read is due", func() { time.Sleep(25 * time.Hour) }, 1 + 2 + 3},
			{"and then not again", func() {}, 0},
		}
		for _, s := range steps {
			s.before()
			w.sync(both, runs.OutcomeSucceeded)
			if got := reads(); got != s.want {
				t.Errorf("%s: %d requests for settings, want %d", s.name, got, s.want)
			}
		}
	})
}

func TestUnknownTimesAreReadEveryTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		doc := graphtest.Document{policies: {json.RawMessage(strings.Replace(string(policy("p1", "One", 3)), `"lastModifiedDateTime":"1999-12-31T00:00:00Z",`, "", 1))}}
		w := newWorld(t, options{doc: doc})
		for range 2 {
			w.server.ResetStats()
			w.sync(both, runs.OutcomeSucceeded)
			if n := w.server.Counts()["GET "+policies+"/{id}/settings"]; n != 1 {
				t.Errorf("%d requests for settings, want 1", n)
			}
		}
	})
}

func TestLists(t *testing.T) {
	// Each quirk concerns the list of policies; the filters have none.
	for name, tt := range map[string]struct {
		quirk  graphtest.PageQuirk
		reason runs.Reason
	}{
		"loop":         {graphtest.PageQuirk{Kind: graphtest.PageLoop, Page: 1}, runs.ReasonPagingLoop},
		"empty":        {graphtest.PageQuirk{Kind: graphtest.PageEmpty, Page: 1}, ""},
		"no end":       {graphtest.PageQuirk{Kind: graphtest.PageEmptyForever, Page: 1}, runs.ReasonPagingLoop},
		"foreign host": {graphtest.PageQuirk{Kind: graphtest.PageForeignHost, Page: 0, Host: "evil.example"}, runs.ReasonBadResponse},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				doc := small()
				for i := range 60 {
					doc[policies] = append(doc[policies], policy(fmt.Sprint("q", i), "Q", 1))
				}
				tt.quirk.Prefix = "/" + policies
				w := newWorld(t, options{doc: doc, graph: graphtest.Config{Quirks: graphtest.Quirks{Pages: []graphtest.PageQuirk{tt.quirk}}}})
				want, outcome := map[string]runs.Reason{"configurationPolicy": tt.reason}, runs.OutcomePartiallySucceeded
				if tt.reason == "" {
					want, outcome = map[string]runs.Reason{}, runs.OutcomeSucceeded
				}
				run := w.sync(both, outcome)
				if diff := cmp.Diff(want, failed(run)); diff != "" {
					t.Errorf("failed kinds (-want +got):\n%s", diff)
				}
				c := w.coverage()["configurationPolicy"]
				if c.Pages == 0 && name != "foreign host" || tt.reason == "" && (c.Objects != 63 || c.Pages != 4) {
					t.Errorf("coverage = %+v", c)
				}
			})
		})
	}
}

func TestListChangesWhileItIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		doc := graphtest.Document{}
		for i := range 60 {
			doc[policies] = append(doc[policies], policy(fmt.Sprintf("p%02d", i), "P", 1))
		}
		w := newWorld(t, options{doc: doc})
		w.sync(both, runs.OutcomeSucceeded)

		// An object goes after it was listed, and the pages behind it move up.
		w.server.SetQuirks(graphtest.Quirks{BetweenPages: func(tenant *graphtest.Tenant, list string, page int) {
			if list == policies && page == 0 {
				must(t, tenant.Delete(policies, "p01"))
			}
		}})
		must(t, w.tenant.Patch(policies, "p01", json.RawMessage(`{"description":"x"}`)))
		w.sync(both, runs.OutcomeSucceeded)
		c := w.coverage()["configurationPolicy"]
		if c.Vanished != 1 || c.Objects >= 60 || !c.Inconsistent() {
			t.Errorf("coverage = %+v, want an object that vanished", c)
		}
		missing := w.items(inventory.Query{Missing: true})
		for ref, i := range missing {
			if i.Confidence != inventory.ConfidenceLow {
				t.Errorf("%v is missing with confidence %s, want %s", ref, i.Confidence, inventory.ConfidenceLow)
			}
		}
		if len(missing) != 60-c.Objects {
			t.Errorf("%d items are missing, want %d", len(missing), 60-c.Objects)
		}
		w.server.SetQuirks(graphtest.Quirks{})
		w.sync(both, runs.OutcomeSucceeded)
		if got := w.items(inventory.Query{Missing: true}); len(got) != 1 || got[inventory.Ref{Kind: "configurationPolicy", ID: "p01"}].Confidence != inventory.ConfidenceHigh {
			t.Errorf("missing after a list that did not change: %v, want p01 alone, with confidence", got)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fault := graphtest.Fault{Prefix: "/" + policies, Delay: 40 * time.Second}
		w := newWorld(t, options{doc: small(), graph: graphtest.Config{Faults: []graphtest.Fault{fault}}})
		started := w.start(both)
		time.Sleep(20 * time.Second)
		run, err := w.tracker.Get(t.Context(), started.Run.Ref())
		if err != nil {
			t.Fatal(err)
		}
		if percent, known := run.Counts.Percent(); percent != 50 || !known || run.Counts.Extra[inventory.CountObjects] != 2 {
			t.Errorf("half way: %d %% of %+v, want 50 %% and 2 objects", percent, run.Counts)
		}
		run = w.wait(started)
		want := map[string]string{"selection": "types assignmentFilter, configurationPolicy", "covered": "2 of 2 kinds"}
		if diff := cmp.Diff(want, run.Context); diff != "" {
			t.Errorf("facts (-want +got):\n%s", diff)
		}
	})
}

func TestRequestsPerObject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		doc := graphtest.Document{}
		const objects = 1000
		for i := range objects {
			doc[policies] = append(doc[policies], policy(fmt.Sprint("p", i), "P", 10))
		}
		w := newWorld(t, options{doc: doc})
		for _, tt := range []struct {
			name string
			most float64
		}{{"first", 0.1}, {"second", 0.05}} {
			w.server.ResetStats()
			w.sync(`{"policy_types":["configurationPolicy"]}`, runs.OutcomeSucceeded)
			s := w.server.Stats()
			got := float64(s.Requests) / objects
			t.Logf("%s sync: %.3f requests and %.3f parts of batches per object", tt.name, got, float64(s.Parts)/objects)
			if got > tt.most {
				t.Errorf("%s sync: %.3f requests per object, want at most %.2f", tt.name, got, tt.most)
			}
		}
	})
}
