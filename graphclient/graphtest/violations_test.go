package graphtest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

// What bodies hold that the metadata does not allow is noted, whatever the answer.
func TestViolations(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	err := f.srv.UseSchema(strings.NewReader(`{
		"types":{
			"deviceAndAppManagementAssignmentFilter":{"properties":{"displayName":{"type":"Edm.String"},"platform":{"type":"graph.devicePlatformType"},
				"tags":{"type":"Edm.String","collection":true},"count":{"type":"Edm.Int32"},"rule":{"type":"graph.filterRule"},"made":{"type":"Edm.String","readOnly":["Computed"]}}},
			"filterRule":{"abstract":true,"derived":["textRule"],"properties":{}},
			"textRule":{"base":"filterRule","properties":{"text":{"type":"Edm.String"}}}},
		"enums":{"devicePlatformType":{"members":["iOS","macOS"]}},
		"operations":[],"paths":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	const typ = "deviceAndAppManagementAssignmentFilter "
	for body, want := range map[string][]string{
		`{"displayName":"F","platform":"iOS","tags":["a"],"count":3,"rule":{"@odata.type":"#microsoft.graph.textRule","text":"x"}}`: {},
		`{"colour":"red"}`:              {typ + "colour: no such property"},
		`{"displayName":5}`:             {typ + "displayName: not of type Edm.String"},
		`{"count":"3"}`:                 {typ + "count: not of type Edm.Int32"},
		`{"tags":"a"}`:                  {typ + "tags: no array"},
		`{"platform":"windows95"}`:      {typ + "platform: devicePlatformType has no member windows95"},
		`{"rule":{"text":"x"}}`:         {"filterRule: abstract, and no @odata.type"},
		`{"made":"x"}`:                  {typ + "made: read-only"},
		`{"displayName":null}`:          {},
		`{"rule":{"@odata.type":"#x"}}`: {},
	} {
		got := f.srv.Validate("deviceAndAppManagementAssignmentFilter", []byte(body))
		if diff := cmp.Diff(want, append([]string{}, got...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
	f.do(http.MethodPost, "/beta/"+filters, `{"displayName":"F","colour":"red"}`)
	f.do(http.MethodPost, "/beta/"+filters, `{"displayName":"G","colour":"blue"}`)
	if diff := cmp.Diff([]string{typ + "colour: no such property"}, f.srv.Violations()); diff != "" {
		t.Errorf("noted (-want +got):\n%s", diff)
	}
}
