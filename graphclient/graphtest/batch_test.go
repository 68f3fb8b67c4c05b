package graphtest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

// A step is a request of a batch.
type step struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	DependsOn []string          `json:"dependsOn,omitempty"`
	Headers   map[string]string `json:"headers,omitempty"`
	Body      any               `json:"body,omitempty"`
}

// gets makes steps 1, 2, … that GET urls.
func gets(urls ...string) []step {
	var steps []step
	for i, u := range urls {
		steps = append(steps, step{ID: fmt.Sprint(i + 1), Method: http.MethodGet, URL: u})
	}
	return steps
}

func (f *fixture) batch(steps []step) reply {
	f.tb.Helper()
	b, err := json.Marshal(map[string]any{"requests": steps})
	if err != nil {
		f.tb.Fatal(err)
	}
	return f.do(http.MethodPost, "/beta/$batch", string(b))
}

// responses returns the answers of a batch by id, and the ids in order.
func (f *fixture) responses(steps []step) (map[string]object, []string) {
	f.tb.Helper()
	r := f.batch(steps)
	if r.status != http.StatusOK {
		f.tb.Fatalf("batch: %d %s", r.status, r.body)
	}
	byID := make(map[string]object)
	var order []string
	for _, resp := range r.object(f.tb).list("responses") {
		byID[resp.str("id")] = resp
		order = append(order, resp.str("id"))
	}
	return byID, order
}

func TestBatchAnswersInRandomOrder(t *testing.T) {
	f := newFixture(t, graphtest.Config{Seed: 5})
	f.fill("deviceManagement/intents", 3)
	steps := gets("/deviceManagement/intents/p000", "deviceManagement/intents/p001?$select=id", "/deviceManagement/intents/gone", "/deviceManagement/intents/p002", "/nothing")
	orders := make(map[string]bool)
	for range 20 {
		byID, order := f.responses(steps)
		orders[strings.Join(order, "")] = true
		slices.Sort(order)
		if diff := cmp.Diff([]string{"1", "2", "3", "4", "5"}, order); diff != "" {
			t.Fatalf("ids (-want +got):\n%s", diff)
		}
		for id, want := range map[string]int{"1": 200, "2": 200, "3": 404, "4": 200, "5": 400} {
			if got := byID[id].num("status"); got != want {
				t.Errorf("part %s: %d, want %d", id, got, want)
			}
		}
		if got := byID["2"].obj("body"); got.str("id") != "p001" || got.has("displayName") {
			t.Errorf("part 2 body %v", got)
		}
	}
	if len(orders) < 5 {
		t.Errorf("20 batches came back in only %d orders", len(orders))
	}
	f.srv.SetQuirks(graphtest.Quirks{BatchInOrder: true})
	if _, order := f.responses(steps); strings.Join(order, "") != "12345" {
		t.Errorf("BatchInOrder answers %v", order)
	}
	if st := f.srv.Stats(); st.Batches != 21 || st.Parts != 105 || st.Requests != 21 || st.Writes != 0 {
		t.Errorf("stats %+v", st)
	}
}

func TestBatchPartsHaveNextLinks(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	f.fill("deviceManagement/configurationPolicies", 30)
	byID, _ := f.responses(gets("/deviceManagement/configurationPolicies?$select=id"))
	link := byID["1"].obj("body").str("@odata.nextLink")
	if !strings.HasPrefix(link, f.base+"/beta/deviceManagement/configurationPolicies?$select=id&$skiptoken=") {
		t.Fatalf("next link %s", link)
	}
	if got := len(f.get(link).list("value")); got != 5 {
		t.Errorf("next link of a part shows %d objects, want 5", got)
	}
	again, _ := f.responses(gets(strings.TrimPrefix(link, f.base+"/beta")))
	if got := len(again["1"].obj("body").list("value")); got != 5 {
		t.Errorf("next link inside a batch shows %d objects, want 5", got)
	}
}

func TestBatchIsRefused(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	chain := gets("/groups", "/groups", "/groups")
	chain[2].DependsOn = []string{"1"}
	half := gets("/groups", "/groups", "/groups")
	half[1].DependsOn = []string{"1"}
	forward := gets("/groups", "/groups")
	forward[0].DependsOn = []string{"2"}
	for name, steps := range map[string][]step{
		"empty": {}, "21 parts": gets(slices.Repeat([]string{"/groups"}, 21)...),
		"same id in another case": {{ID: "a", Method: "GET", URL: "/groups"}, {ID: "A", Method: "GET", URL: "/groups"}},
		"no id":                   {{Method: "GET", URL: "/groups"}}, "no url": {{ID: "1", Method: "GET"}},
		"tree": chain, "half a chain": half, "forward": forward,
	} {
		if r := f.batch(steps); r.status != http.StatusBadRequest {
			t.Errorf("%s: %d, want 400", name, r.status)
		}
	}
	if r := f.do(http.MethodPost, "/beta/$batch", "{"); r.status != http.StatusBadRequest {
		t.Errorf("no JSON: %d, want 400", r.status)
	}
	if r := f.batch(gets(slices.Repeat([]string{"/groups"}, 20)...)); r.status != http.StatusOK {
		t.Errorf("20 parts: %d, want 200", r.status)
	}
	byID, _ := f.responses([]step{
		{ID: "1", Method: "GET", URL: f.base + "/beta/groups"},
		{ID: "2", Method: "GET", URL: "//evil.example/groups"},
		{ID: "3", Method: "POST", URL: "/directoryObjects/getByIds", Body: object{"ids": []string{"x"}}},
		{ID: "4", Method: "POST", URL: "/$batch"},
	})
	for id, resp := range byID {
		if resp.num("status") != http.StatusBadRequest {
			t.Errorf("part %s (absolute, foreign, body without type, batch): %d, want 400", id, resp.num("status"))
		}
	}
}

func TestBatchDependencies(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	f.fill("groups", 1)
	steps := gets("/groups/p000", "/groups/gone", "/groups/p000", "/groups/p000")
	for i := 1; i < 4; i++ {
		steps[i].DependsOn = []string{steps[i-1].ID}
	}
	byID, _ := f.responses(steps)
	for id, want := range map[string]int{"1": 200, "2": 404, "3": 424, "4": 424} {
		if got := byID[id].num("status"); got != want {
			t.Errorf("part %s: %d, want %d", id, got, want)
		}
	}
}

func TestBatchPartsAreThrottledEach(t *testing.T) {
	f := newFixture(t, graphtest.Config{Limits: &graphtest.Limits{Buckets: map[string]graphtest.Bucket{"device-intent": {Any: 3}}}})
	f.fill("groups", 1)
	byID, _ := f.responses(gets("/deviceManagement/intents", "/deviceManagement/intents", "/groups", "/deviceManagement/intents", "/deviceManagement/intents", "/groups"))
	for id, want := range map[string]int{"1": 200, "2": 200, "3": 200, "4": 200, "5": 429, "6": 200} {
		if got := byID[id].num("status"); got != want {
			t.Errorf("part %s: %d, want %d", id, got, want)
		}
	}
	if got := byID["5"].obj("headers").str("Retry-After"); got != "20" {
		t.Errorf("Retry-After of the part %q, want 20", got)
	}
	if st := f.srv.Stats(); st.Throttled != 1 {
		t.Errorf("throttled %d, want 1", st.Throttled)
	}
}

func TestBatchQuirks(t *testing.T) {
	f := newFixture(t, graphtest.Config{Quirks: graphtest.Quirks{BatchBase64: true}})
	f.fill("groups", 1)
	byID, _ := f.responses(gets("/groups/p000"))
	if byID["1"].str("body") == "" {
		t.Errorf("BatchBase64 left the body %v", byID["1"]["body"])
	}
	f.srv.SetQuirks(graphtest.Quirks{BatchStatus: http.StatusServiceUnavailable})
	if r := f.batch(gets("/groups", "/groups")); r.status != http.StatusServiceUnavailable || f.srv.Stats().Parts != 3 {
		t.Errorf("outer status %d after %d parts, want 503 after 3", r.status, f.srv.Stats().Parts)
	}
	f.srv.SetQuirks(graphtest.Quirks{})
	f.srv.SetFaults(graphtest.Fault{Prefix: "/groups", Kind: graphtest.FaultTruncate}, graphtest.Fault{Prefix: "/users", Kind: graphtest.FaultCutJSON})
	byID, _ = f.responses(gets("/groups", "/users"))
	if byID["1"].num("status") != http.StatusServiceUnavailable || byID["2"].str("body") == "" {
		t.Errorf("faults inside a batch: %v", byID)
	}
}
