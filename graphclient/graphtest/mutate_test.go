package graphtest_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

const policies = "deviceManagement/configurationPolicies"

func TestMutation(t *testing.T) {
	clk := newClock()
	f := newFixture(t, graphtest.Config{Now: clk.Now})
	f.add(policies, `{"id":"a","name":"A","lastModifiedDateTime":"2020-01-01T00:00:00Z","settings":[{"x":1},{"x":2}],"assignments":[{"target":{"groupId":"g"}}]}`)
	f.add(policies, `{"id":"b","name":"B"}`)
	steps := []struct {
		name string
		do   func() error
		want string // GET a?$expand=settings($select=x),assignments($select=id), without annotations
	}{
		{"add a child", func() error {
			_, err := f.tenant.Add(policies+"/a/settings", json.RawMessage(`{"x":3}`))
			return err
		}, `{"id":"a","name":"A","lastModifiedDateTime":"2020-01-01T00:00:00Z","settingCount":3,"settings":[{"x":1},{"x":2},{"x":3}],"assignments":[{"id":"a_g"}]}`},
		{"delete a child", func() error { return f.tenant.Delete(policies+"/a/settings", "0") }, `{"id":"a","name":"A","lastModifiedDateTime":"2020-01-01T00:00:00Z","settingCount":2,"settings":[{"x":2},{"x":3}],"assignments":[{"id":"a_g"}]}`},
		{"patch", func() error { return f.tenant.Patch(policies, "a", json.RawMessage(`{"name":"A2"}`)) }, `{"id":"a","name":"A2","lastModifiedDateTime":"2025-01-01T12:00:00Z","settingCount":2,"settings":[{"x":2},{"x":3}],"assignments":[{"id":"a_g"}]}`},
		{"patch quietly", func() error {
			return f.tenant.Patch(policies, "a", json.RawMessage(`{"name":"A3","lastModifiedDateTime":"2020-01-01T00:00:00Z"}`))
		}, `{"id":"a","name":"A3","lastModifiedDateTime":"2020-01-01T00:00:00Z","settingCount":2,"settings":[{"x":2},{"x":3}],"assignments":[{"id":"a_g"}]}`},
		{"replace", func() error {
			return f.tenant.Replace(policies, "a", json.RawMessage(` {"name": "A4", "settings": [{"x": 9}]}`))
		}, `{"id":"a","name":"A4","settingCount":1,"lastModifiedDateTime":"2025-01-01T12:00:00Z","settings":[{"x":9}],"assignments":[]}`},
	}
	f.header.Set("Accept", "application/json;odata.metadata=none")
	for _, s := range steps {
		if err := s.do(); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		var want object
		if err := json.Unmarshal([]byte(s.want), &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, f.get("/beta/"+policies+"/a?$expand=settings($select=x),assignments($select=id)")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.name, diff)
		}
	}
	if err := f.tenant.Delete(policies, "a"); err != nil {
		t.Fatal(err)
	}
	f.refused("/beta/"+policies+"/a", http.StatusNotFound, "ResourceNotFound")
	if diff := cmp.Diff([]string{"b"}, f.tenant.IDs(policies)); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
}

func TestMutationErrors(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	f.add(policies, `{"id":"a"}`)
	doc := json.RawMessage(`{"id":"a"}`)
	add := func(path string, doc json.RawMessage) error { _, err := f.tenant.Add(path, doc); return err }
	get := func(path, id string) error { _, err := f.tenant.Get(path, id); return err }
	for name, tc := range map[string]struct{ got, want error }{
		"add twice":               {add(policies, doc), graphtest.ErrExists},
		"add below nothing":       {add(policies+"/gone/settings", doc), graphtest.ErrNotFound},
		"add deep below nothing":  {add("deviceManagement/groupPolicyConfigurations/x/definitionValues/y/presentationValues", doc), graphtest.ErrNotFound},
		"add to an object":        {add(policies+"/a", doc), graphtest.ErrNotFound},
		"add to a view":           {add("deviceAppManagement/managedAppPolicies", doc), graphtest.ErrNotFound},
		"replace nothing":         {f.tenant.Replace(policies, "b", doc), graphtest.ErrNotFound},
		"patch nothing":           {f.tenant.Patch(policies, "b", doc), graphtest.ErrNotFound},
		"delete nothing":          {f.tenant.Delete(policies, "b"), graphtest.ErrNotFound},
		"delete from nothing":     {f.tenant.Delete("no/such/list", "b"), graphtest.ErrNotFound},
		"get nothing":             {get(policies, "b"), graphtest.ErrNotFound},
		"get from nothing":        {get("no/such/list", "b"), graphtest.ErrNotFound},
		"tenant twice":            {func() error { _, err := f.srv.AddTenant(tenantID); return err }(), graphtest.ErrExists},
		"grow twice with no seed": {errors.Join(f.tenant.Grow(graphtest.Scale{Groups: 1}), f.tenant.Grow(graphtest.Scale{Groups: 1})), graphtest.ErrExists},
	} {
		if !errors.Is(tc.got, tc.want) {
			t.Errorf("%s: %v, want %v", name, tc.got, tc.want)
		}
	}
	for _, bad := range []string{"", "{", "[]", `"x"`, "null", "{}{}"} {
		if err := add(policies, json.RawMessage(bad)); err == nil {
			t.Errorf("adding %q: no error", bad)
		}
		if err := f.tenant.Replace(policies, "a", json.RawMessage(bad)); err == nil {
			t.Errorf("replacing by %q: no error", bad)
		}
	}
	if f.srv.Tenant("none") != nil {
		t.Error("an unknown tenant is not nil")
	}
}

func TestGetGivesBackWhatLoadTook(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	if err := f.tenant.LoadDocument(graphtest.DemoTenant(4, 1)); err != nil {
		t.Fatal(err)
	}
	again := newFixture(t, graphtest.Config{})
	for _, path := range f.tenant.Paths() {
		for _, id := range f.tenant.IDs(path) {
			doc, err := f.tenant.Get(path, id)
			if err != nil {
				t.Fatal(err)
			}
			again.add(path, string(doc))
			copied, err := again.tenant.Get(path, id)
			if err != nil || !bytes.Equal(doc, copied) {
				t.Errorf("%s %s: a copy differs (%v)\n%s\n%s", path, id, err, doc, copied)
			}
		}
	}
	if len(again.tenant.Paths()) < 60 {
		t.Errorf("only %d paths", len(again.tenant.Paths()))
	}
}

func TestLoadReadsPlainAndCompressed(t *testing.T) {
	const doc = `{"groups":[{"id":"g"}],"some/new/list":[{"id":"n"}]}`
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(doc)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{"plain": doc, "gzip": zipped.String()} {
		f := newFixture(t, graphtest.Config{})
		if err := f.tenant.Load(strings.NewReader(data)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff([]string{"groups", "some/new/list"}, f.tenant.Paths()); diff != "" {
			t.Errorf("%s: paths (-want +got):\n%s", name, diff)
		}
	}
	for _, bad := range []string{"", "[]", zipped.String()[:20], `{"groups":[1]}`, `{"groups":[{"id":"g"},{"id":"g"}]}`} {
		if err := newFixture(t, graphtest.Config{}).tenant.Load(strings.NewReader(bad)); err == nil {
			t.Errorf("loading %q: no error", bad)
		}
	}
}

func TestMissingIDsAreDerived(t *testing.T) {
	var got [2][]string
	for i := range got {
		f := newFixture(t, graphtest.Config{})
		got[i] = append(got[i], f.add("deviceManagement/assignmentFilters", `{"displayName":"F"}`))
		f.add("deviceAppManagement/iosManagedAppProtections", `{"id":"T_1","apps":[{"mobileAppIdentifier":{"bundleId":"com.Example"}}],"assignments":[
			{"target":{"@odata.type":"#microsoft.graph.allLicensedUsersAssignmentTarget"}},{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"g"}},
			{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"g"}}]}`)
		f.add("deviceManagement/notificationMessageTemplates", `{"id":"n","localizedMessages":[{"locale":"en-us"}]}`)
		for _, path := range []string{"deviceAppManagement/iosManagedAppProtections/T_1/apps", "deviceAppManagement/iosManagedAppProtections/T_1/assignments", "deviceManagement/notificationMessageTemplates/n/localizedNotificationMessages"} {
			got[i] = append(got[i], f.tenant.IDs(path)...)
		}
	}
	want := []string{"com.example", "T_1_acacacac-9df4-4c7d-9d50-4ef0226f57a9", "T_1_g", "T_1_g_1", "n_en-us"}
	if diff := cmp.Diff(want, got[0][1:]); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(got[0], got[1]); diff != "" || len(got[0][0]) != 36 {
		t.Errorf("derived ids differ from run to run:\n%s", diff)
	}
}

func TestObservation(t *testing.T) {
	clk := newClock()
	f := newFixture(t, graphtest.Config{Now: clk.Now, LogSize: 3})
	f.fill(policies, 1)
	f.get("/beta/" + policies)
	clk.advance(time.Second)
	f.get("/beta/" + policies + "/p000/settings?$select=id")
	f.do(http.MethodPatch, "/beta/"+policies+"/p000", `{}`)
	f.responses(gets("/groups", "/groups"))
	f.token = ""
	f.do(http.MethodGet, "/beta/groups", "")
	want := map[string]int{
		"GET " + policies: 1, "GET " + policies + "/{id}/settings": 1, "PATCH " + policies + "/{id}": 1, "POST $batch": 1, "GET groups": 3,
	}
	if diff := cmp.Diff(want, f.srv.Counts()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	st := f.srv.Stats()
	st.Bytes = 0
	if diff := cmp.Diff(graphtest.Stats{Requests: 5, Parts: 2, Batches: 1, Writes: 1, Failed: 1, MaxConcurrent: 1}, st); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
	log := f.srv.Log()
	if len(log) != 3 || !log[0].Part || log[1].Path != "/beta/$batch" || log[2].Status != http.StatusUnauthorized || log[1].Client != "test" || log[2].Tenant != "" {
		t.Errorf("log %+v", log)
	}
	f.srv.ResetStats()
	if got := f.srv.Stats(); got != (graphtest.Stats{}) || len(f.srv.Log()) != 0 || len(f.srv.Counts()) != 0 {
		t.Errorf("after ResetStats: %+v", got)
	}
}

func TestResponseHeaders(t *testing.T) {
	clk := newClock()
	f := newFixture(t, graphtest.Config{Now: clk.Now})
	f.header.Set("client-request-id", "0b8f7cf3-0000-4000-8000-000000000001")
	r := f.do(http.MethodGet, "/beta/deviceManagement/intents/gone", "")
	inner := r.object(t).obj("error").obj("innerError")
	if got := r.header.Get("client-request-id"); got != "0b8f7cf3-0000-4000-8000-000000000001" || inner.str("client-request-id") != got {
		t.Errorf("client-request-id %q, in the body %q", got, inner.str("client-request-id"))
	}
	if r.header.Get("request-id") == "" || inner.str("request-id") != r.header.Get("request-id") || inner.str("date") != "2025-01-01T12:00:00" {
		t.Errorf("request-id %q, inner error %v", r.header.Get("request-id"), inner)
	}
	if r.header.Get("Date") != "Wed, 01 Jan 2025 12:00:00 GMT" || !json.Valid([]byte(r.header.Get("x-ms-ags-diagnostic"))) {
		t.Errorf("headers %v", r.header)
	}
}

func TestCompression(t *testing.T) {
	for _, off := range []bool{false, true} {
		f := newFixture(t, graphtest.Config{NoGzip: off}).listen()
		f.fill("groups", 90)
		plain := f.do(http.MethodGet, "/beta/groups", "").body
		f.header.Set("Accept-Encoding", "gzip")
		r := f.do(http.MethodGet, "/beta/groups", "")
		if zipped := r.header.Get("Content-Encoding") == "gzip"; zipped == off {
			t.Fatalf("NoGzip %v: compressed %v", off, zipped)
		}
		if off {
			continue
		}
		z, err := gzip.NewReader(strings.NewReader(r.body))
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if _, err := got.ReadFrom(z); err != nil || got.String() != plain {
			t.Errorf("decompressed body differs (%v)", err)
		}
	}
}

func TestLongListsFindTheirObjects(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	all := f.fill("groups", 100)
	for i, id := range all {
		if i%3 != 0 {
			continue
		}
		if err := f.tenant.Delete("groups", id); err != nil {
			t.Fatal(err)
		}
	}
	for i, id := range all {
		want := http.StatusOK
		if i%3 == 0 {
			want = http.StatusNotFound
		}
		r := f.do(http.MethodGet, "/beta/groups/"+id, "")
		if r.status != want || want == http.StatusOK && r.object(t).str("id") != id {
			t.Errorf("group %s: %d, want %d", id, r.status, want)
		}
	}
}

func FuzzAdd(f *testing.F) {
	for _, seed := range []string{
		exported, `{}`, `{"id":1}`, `{"id":"a\"b/c'd","settings":{"x":1}}`, `{"settings":[1,"two",null,{"id":"0"},{"id":"0"}]}`,
		`{"a":1,"a":2,"@odata.type":"#x","b@odata.bind":["x"],"rootCertificate@odata.bind":"y/z"}`, ` { "assignments" : [ { "target" : { } } ] } `,
		`{"omaSettings":[{"isEncrypted":true,"value":{"deep":[]}}]}`, `{"name":"\ud800\u0000é☕","@odata.type":5}`, `{"settingInstance":{"valueState":"notEncrypted","x":"SecretSettingValue"}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		fx := newFixture(t, graphtest.Config{})
		for _, path := range []string{policies, "deviceManagement/deviceConfigurations", "deviceAppManagement/mobileApps", "raw/list"} {
			id, err := fx.tenant.Add(path, json.RawMessage(doc))
			if err != nil {
				continue
			}
			for _, level := range []string{"minimal", "none", "full"} {
				fx.header.Set("Accept", "application/json;odata.metadata="+level)
				list := fx.get("/beta/" + path).list("value")
				if len(list) != 1 || list[0].str("id") != id {
					t.Fatalf("%s %s: added %q, listed %v", path, level, id, list)
				}
			}
			copied, err := fx.tenant.Get(path, id)
			if err != nil || !json.Valid(copied) {
				t.Errorf("%s: get %q: %v %s", path, id, err, copied)
			}
		}
	})
}
