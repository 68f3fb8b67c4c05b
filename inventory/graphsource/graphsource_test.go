package graphsource_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/graphsource"
	"github.com/tenantatlas/tenantatlas/runs"
)

const (
	contoso  = "contoso"
	policies = "/deviceManagement/configurationPolicies"
)

type staticToken string

func (s staticToken) Token(context.Context, graphclient.TokenRequest) (graphclient.Token, error) {
	return graphclient.Token{Value: graphclient.NewSecret(string(s))}, nil
}

// open returns a source for a tenant with these objects.
func open(t *testing.T, doc graphtest.Document, cfg graphtest.Config) (*graphsource.Source, *graphtest.Server) {
	t.Helper()
	return openOver(t, doc, cfg, func(to http.RoundTripper) http.RoundTripper { return to })
}

// openOver is open over a transport of one's own.
func openOver(t *testing.T, doc graphtest.Document, cfg graphtest.Config, over func(http.RoundTripper) http.RoundTripper) (*graphsource.Source, *graphtest.Server) {
	t.Helper()
	cfg.Tenants = []string{contoso}
	server, err := graphtest.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Tenant(contoso).LoadDocument(doc); err != nil {
		t.Fatal(err)
	}
	token, err := server.IssueToken(graphtest.Grant{Tenant: contoso, Lifetime: 1000 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	client, err := graphclient.New(graphclient.Config{Tenant: contoso, Tokens: staticToken(token), Transport: over(server.Transport())})
	if err != nil {
		t.Fatal(err)
	}
	return graphsource.New(client), server
}

// collection returns the collection with this path.
func collection(t *testing.T, path string) *contract.Collection {
	t.Helper()
	for _, c := range contract.Collections() {
		if c.Path == path {
			return c
		}
	}
	t.Fatalf("there is no collection %s", path)
	return nil
}

// list returns what is listed at path.
func list(t *testing.T, s *graphsource.Source, path string) (objects []inventory.Listed, pages int, err error) {
	t.Helper()
	for page, err := range s.List(t.Context(), collection(t, path)) {
		if err != nil {
			return objects, pages, err
		}
		pages++
		objects = append(objects, page.Objects...)
	}
	return objects, pages, nil
}

// want returns what it takes to read everything of an object.
func want(t *testing.T, path string, o inventory.Listed) inventory.Want {
	t.Helper()
	c := collection(t, path)
	typ := c.Classify(strings.Trim(string(contract.Member(o.Doc, "@odata.type")), `"`))
	s, err := typ.Summarize(o.Doc)
	if err != nil {
		t.Fatal(err)
	}
	return inventory.Want{Type: typ, List: c.List, Object: o, ID: s.ID, OData: s.OData, Content: true, Assignments: true}
}

// read reads everything of the objects.
func read(t *testing.T, s *graphsource.Source, path string, objects []inventory.Listed) []inventory.Reading {
	t.Helper()
	wants := make([]inventory.Want, len(objects))
	for i, o := range objects {
		wants[i] = want(t, path, o)
	}
	got := make([]inventory.Reading, len(wants))
	seen := make(map[int]bool)
	for i, r := range s.Read(t.Context(), wants) {
		if seen[i] {
			t.Errorf("object %d came twice", i)
		}
		seen[i] = true
		got[i] = r
	}
	if len(seen) != len(wants) {
		t.Errorf("%d of %d objects came", len(seen), len(wants))
	}
	return got
}

func policy(id string, settings int) json.RawMessage {
	var list []string
	for i := range settings {
		list = append(list, fmt.Sprintf(`{"settingInstance":{"settingDefinitionId":"device_%d"}}`, i))
	}
	return json.RawMessage(fmt.Sprintf(`{"id":%q,"name":"N","settingCount":%d,"settings":[%s],"assignments":[{"target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget"}}]}`,
		id, settings, strings.Join(list, ",")))
}

func length(t *testing.T, doc json.RawMessage) int {
	t.Helper()
	var list []json.RawMessage
	if err := json.Unmarshal(doc, &list); err != nil {
		t.Fatalf("%v in %.100s", err, doc)
	}
	return len(list)
}

func TestReadsAllChildren(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		doc := graphtest.Document{}
		counts := []int{0, 1, 25, 26, 130}
		for i, n := range counts {
			doc[policies[1:]] = append(doc[policies[1:]], policy(fmt.Sprint("p", i), n))
		}
		s, server := open(t, doc, graphtest.Config{})
		objects, pages, err := list(t, s, policies)
		if err != nil || len(objects) != len(counts) || pages != 1 {
			t.Fatalf("listed %d objects on %d pages, %v", len(objects), pages, err)
		}
		for i, r := range read(t, s, policies, objects) {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
			if got := length(t, contract.Member(r.Content, "settings")); got != counts[i] || r.Expected != counts[i] || r.Read != counts[i] {
				t.Errorf("policy %d has %d settings (expected %d, read %d), want %d", i, got, r.Expected, r.Read, counts[i])
			}
			if got := length(t, r.Assignments); got != 1 {
				t.Errorf("policy %d has %d assignments, want 1", i, got)
			}
		}
		for _, e := range server.Log() {
			if e.Method != "GET" && !strings.HasSuffix(e.Path, "/$batch") {
				t.Errorf("%s %s was sent, want only GETs", e.Method, e.Path)
			}
		}
	})
}

func TestReadsChildrenOfChildren(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const path = "/deviceManagement/groupPolicyConfigurations"
		var values []string
		for i := range 30 {
			var shown []string
			for k := range i {
				shown = append(shown, fmt.Sprintf(`{"@odata.type":"#microsoft.graph.groupPolicyPresentationValueText","id":"v%d-%d","value":"x%d"}`, i, k, k))
			}
			values = append(values, fmt.Sprintf(`{"id":"d%d","enabled":true,"presentationValues":[%s]}`, i, strings.Join(shown, ",")))
		}
		s, _ := open(t, graphtest.Document{path[1:]: {json.RawMessage(`{"id":"g1","displayName":"N","definitionValues":[` + strings.Join(values, ",") + `]}`)}}, graphtest.Config{})
		objects, _, err := list(t, s, path)
		if err != nil {
			t.Fatal(err)
		}
		r := read(t, s, path, objects)[0]
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		var got struct {
			DefinitionValues []struct {
				ID                 string
				PresentationValues []json.RawMessage
			}
		}
		if err := json.Unmarshal(r.Content, &got); err != nil {
			t.Fatal(err)
		}
		if len(got.DefinitionValues) != 30 {
			t.Errorf("read %d values, want 30", len(got.DefinitionValues))
		}
		for _, v := range got.DefinitionValues {
			if want := "d" + fmt.Sprint(len(v.PresentationValues)); v.ID != want {
				t.Errorf("%s has %d presentation values", v.ID, len(v.PresentationValues))
			}
		}
	})
}

// A part that comes once more on the next page, because the list has changed
// meanwhile, is one part. One that has changed itself is not taken for the same.
func TestRepeatedParts(t *testing.T) {
	for again, reads := range map[string]int{
		`{"id":"24","settingInstance":{"settingDefinitionId":"s24"}},`:   30,
		`{"id":"24","settingInstance":{"settingDefinitionId":"other"}},`: 31,
		`{"settingInstance":{"settingDefinitionId":"s24"}},`:             31,
	} {
		synctest.Test(t, func(t *testing.T) {
			var settings []string
			for i := range 30 {
				settings = append(settings, fmt.Sprintf(`{"id":"%d","settingInstance":{"settingDefinitionId":"s%[1]d"}}`, i))
			}
			doc := graphtest.Document{policies[1:]: {json.RawMessage(`{"id":"p1","name":"N","settings":[` + strings.Join(settings, ",") + `]}`)}}
			s, _ := openOver(t, doc, graphtest.Config{}, func(to http.RoundTripper) http.RoundTripper {
				return rewriting{to, `"value":[{"id":"25"`, `"value":[` + again + `{"id":"25"`}
			})
			objects, _, err := list(t, s, policies)
			if err != nil {
				t.Fatal(err)
			}
			r := read(t, s, policies, objects)[0]
			if got := length(t, contract.Member(r.Content, "settings")); r.Err != nil || r.Expected != 30 || r.Read != reads || got != reads {
				t.Errorf("with %s: %d settings, %d of %d read, %v; want %d", again, got, r.Read, r.Expected, r.Err, reads)
			}
		})
	}
}

func TestChangedAfterItWasListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, server := open(t, graphtest.Document{policies[1:]: {policy("p1", 3), policy("p2", 3), policy("p3", 3)}}, graphtest.Config{})
		objects, _, err := list(t, s, policies)
		if err != nil {
			t.Fatal(err)
		}
		tenant := server.Tenant(contoso)
		if err := errors.Join(tenant.Replace(policies[1:], "p1", policy("p1", 40)), tenant.Delete(policies[1:], "p3")); err != nil {
			t.Fatal(err)
		}
		got := read(t, s, policies, objects)
		if r := got[0]; r.Err != nil || r.Expected != 40 || r.Read != 40 || string(contract.Member(r.Content, "settingCount")) != "40" {
			t.Errorf("an object that changed: %d of %d, %v; want what it has now", r.Read, r.Expected, r.Err)
		}
		if r := got[1]; r.Err != nil || r.Read != 3 {
			t.Errorf("an object that did not change: %+v", r)
		}
		if r := got[2]; !errors.Is(r.Err, inventory.ErrGone) {
			t.Errorf("an object that went: %v, want %v", r.Err, inventory.ErrGone)
		}
	})
}

// That a part of an object is not found does not mean that the object is gone.
func TestPartNotFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, server := open(t, graphtest.Document{policies[1:]: {policy("p1", 3)}}, graphtest.Config{})
		objects, _, err := list(t, s, policies)
		if err != nil {
			t.Fatal(err)
		}
		server.SetFaults(graphtest.Fault{Prefix: policies + "/p1/settings", Kind: graphtest.FaultNotFound})
		r := read(t, s, policies, objects)[0]
		if failure, _ := runs.FailureOf(r.Err); errors.Is(r.Err, inventory.ErrGone) || failure.Reason != runs.ReasonNotFound {
			t.Errorf("error = %v, want %s", r.Err, runs.ReasonNotFound)
		}
	})
}

func TestBelowParents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const apps, path = "/deviceAppManagement/mobileApps", "/deviceAppManagement/mobileApps/{parent}/relationships"
		app := func(id, relationships string) json.RawMessage {
			return json.RawMessage(fmt.Sprintf(`{"@odata.type":"#microsoft.graph.win32LobApp","id":%q,"displayName":%q,"relationships":[%s]}`, id, id, relationships))
		}
		s, server := open(t, graphtest.Document{apps[1:]: {
			app("a1", `{"@odata.type":"#microsoft.graph.mobileAppDependency","id":"r1","targetId":"a2"},{"@odata.type":"#microsoft.graph.mobileAppDependency","id":"r2","targetId":"a3"}`),
			app("a2", ``), app("a3", ``),
		}}, graphtest.Config{})
		objects, _, err := list(t, s, path)
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string]string)
		for _, o := range objects {
			got[strings.Trim(string(contract.Member(o.Doc, "id")), `"`)] = o.Parent
		}
		if diff := cmp.Diff(map[string]string{"r1": "a1", "r2": "a1"}, got); diff != "" {
			t.Errorf("objects and parents (-want +got):\n%s", diff)
		}
		asked := 0
		for _, e := range server.Log() {
			if strings.HasSuffix(e.Path, "/relationships") {
				asked++
			}
		}
		t.Logf("%d of 3 parents were asked", asked)
	})
}

// A rewriting transport puts something else in the place of a text of its answers.
type rewriting struct {
	http.RoundTripper
	old, new string
}

func (r rewriting) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	changed := strings.Replace(string(body), r.old, r.new, 1)
	resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(changed)), int64(len(changed))
	return resp, nil
}

// What is below a parent without an ID is not known, and so the list is not whole;
// what is below the others is listed.
func TestParentsWithoutID(t *testing.T) {
	const apps, path = "/deviceAppManagement/mobileApps", "/deviceAppManagement/mobileApps/{parent}/relationships"
	for damage, whole := range map[string]bool{`"id":7`: false, `"id":""`: false, `"id":null`: false, `"it":"a2"`: false, `"id":"a2"`: true} {
		synctest.Test(t, func(t *testing.T) {
			app := func(id, below string) json.RawMessage {
				return json.RawMessage(fmt.Sprintf(`{"@odata.type":"#microsoft.graph.winGetApp","id":%q,"displayName":"N","relationships":[{"@odata.type":"#microsoft.graph.mobileAppDependency","id":%q,"targetId":"a1"}]}`, id, below))
			}
			s, _ := openOver(t, graphtest.Document{apps[1:]: {app("a1", "r1"), app("a2", "r2"), app("a3", "r3")}}, graphtest.Config{NoGzip: true},
				func(to http.RoundTripper) http.RoundTripper { return rewriting{to, `"id":"a2"`, damage} })
			objects, _, err := list(t, s, path)
			if f, _ := runs.FailureOf(err); whole && err != nil || !whole && (err == nil || f.Reason != runs.ReasonBadResponse) {
				t.Errorf("with %s: error = %v, want %s: %t", damage, err, runs.ReasonBadResponse, !whole)
			}
			want := 2
			if whole {
				want = 3
			}
			if len(objects) != want {
				t.Errorf("with %s: %d objects are listed, want %d", damage, len(objects), want)
			}
		})
	}
}

func TestSingleton(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		doc := graphtest.Document{"deviceManagement/settings": {json.RawMessage(`{"secureByDefault":true}`)}}
		s, server := open(t, doc, graphtest.Config{})
		const path = "/deviceManagement/applePushNotificationCertificate"
		server.SetFaults(graphtest.Fault{Prefix: path, Kind: graphtest.FaultNotFound})
		if objects, pages, err := list(t, s, path); err != nil || len(objects) != 0 || pages != 1 {
			t.Errorf("a singleton that is not set up: %d objects on %d pages, %v; want an empty page", len(objects), pages, err)
		}
		if objects, _, err := list(t, s, "/deviceManagement/settings"); err != nil || len(objects) != 1 {
			t.Errorf("a singleton: %d objects, %v; want one", len(objects), err)
		}
	})
}

func TestErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		fault  graphtest.Fault
		reason runs.Reason
		says   string
	}{
		"throttled":    {graphtest.Fault{Kind: graphtest.FaultThrottle, RetryAfter: "10"}, runs.ReasonThrottled, "fewer requests"},
		"forbidden":    {graphtest.Fault{Kind: graphtest.FaultForbidden}, runs.ReasonPermissionDenied, "DeviceManagementConfiguration.Read.All"},
		"unauthorized": {graphtest.Fault{Kind: graphtest.FaultUnauthorized}, runs.ReasonUnauthenticated, "Signing in"},
		"unavailable":  {graphtest.Fault{Kind: graphtest.FaultUnavailable}, runs.ReasonUnreachable, "could not be reached"},
		"reset":        {graphtest.Fault{Kind: graphtest.FaultReset}, runs.ReasonUnreachable, "could not be reached"},
		"bad gateway":  {graphtest.Fault{Kind: graphtest.FaultBadGatewayHTML}, runs.ReasonUnreachable, "could not be reached"},
		"cut":          {graphtest.Fault{Kind: graphtest.FaultCutJSON}, runs.ReasonBadResponse, "unexpected way"},
		"refused":      {graphtest.Fault{Kind: graphtest.FaultTopLevelMessage}, runs.ReasonBadResponse, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, server := open(t, graphtest.Document{policies[1:]: {policy("p1", 3)}}, graphtest.Config{})
				objects, _, err := list(t, s, policies)
				if err != nil {
					t.Fatal(err)
				}
				tt.fault.Prefix = policies
				server.SetFaults(tt.fault)
				_, _, err = list(t, s, policies)
				check(t, "list", err, tt.reason, tt.says)
				check(t, "read", read(t, s, policies, objects)[0].Err, tt.reason, tt.says)
			})
		})
	}
}

func check(t *testing.T, what string, err error, reason runs.Reason, says string) {
	t.Helper()
	failure, _ := runs.FailureOf(err)
	if err == nil || failure.Reason != reason || !strings.Contains(failure.Message, says) {
		t.Errorf("%s: %+v (%v), want %s with %q", what, failure, err, reason, says)
	}
	if strings.Contains(failure.Message, "removed") {
		t.Errorf("%s: the message lost something: %s", what, failure.Message)
	}
}

func TestNoCollection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := open(t, nil, graphtest.Config{Faults: []graphtest.Fault{{Prefix: "/deviceManagement", Kind: graphtest.FaultNotFound}}})
		for _, path := range []string{policies, "/deviceManagement/depOnboardingSettings/{parent}/enrollmentProfiles"} {
			if _, pages, err := list(t, s, path); !errors.Is(err, inventory.ErrNoCollection) || pages != 0 {
				t.Errorf("%s: %d pages, %v; want %v", path, pages, err, inventory.ErrNoCollection)
			}
		}
	})
}

func TestContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, server := open(t, graphtest.Document{policies[1:]: {policy("p1", 3)}}, graphtest.Config{})
		objects, _, err := list(t, s, policies)
		if err != nil {
			t.Fatal(err)
		}
		server.SetFaults(graphtest.Fault{Prefix: policies, Delay: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		for _, err = range s.List(ctx, collection(t, policies)) {
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("list: %v, want %v", err, context.DeadlineExceeded)
		}
		for _, r := range s.Read(ctx, []inventory.Want{want(t, policies, objects[0])}) {
			if !errors.Is(r.Err, context.DeadlineExceeded) {
				t.Errorf("read: %v, want %v", r.Err, context.DeadlineExceeded)
			}
		}
		if took := time.Since(start); took > time.Minute {
			t.Errorf("it took %v to end", took)
		}
	})
}
