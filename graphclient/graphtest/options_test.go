package graphtest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

func optionsFixture(tb testing.TB) *fixture {
	tb.Helper()
	f := newFixture(tb, graphtest.Config{})
	const dc = "deviceManagement/deviceConfigurations"
	f.add(dc, `{"@odata.type":"#microsoft.graph.windowsUpdateForBusinessConfiguration","id":"ring","displayName":"Ring"}`)
	f.add(dc, `{"@odata.type":"#microsoft.graph.iosUpdateConfiguration","id":"ios","displayName":"iOS"}`)
	f.add(dc, `{"@odata.type":"#microsoft.graph.windows10CustomConfiguration","id":"custom","displayName":"O'Brien"}`)
	f.add("deviceManagement/roleScopeTags", `{"id":"0","displayName":"Default","isBuiltIn":true}`)
	f.add("deviceManagement/roleScopeTags", `{"id":"1","displayName":"Own","isBuiltIn":false}`)
	f.add("deviceAppManagement/mobileApps", `{"@odata.type":"#microsoft.graph.win32LobApp","id":"lob","displayName":"b","isAssigned":false}`)
	f.add("deviceAppManagement/mobileApps", `{"@odata.type":"#microsoft.graph.managedIOSStoreApp","id":"global","displayName":"c","appAvailability":"global","isAssigned":false}`)
	f.add("deviceAppManagement/mobileApps", `{"@odata.type":"#microsoft.graph.managedIOSStoreApp","id":"used","displayName":"A","appAvailability":"global","isAssigned":true}`)
	f.add("deviceManagement/auditEvents", `{"id":"old","activityDateTime":"2025-01-01T00:00:00Z"}`)
	f.add("deviceManagement/auditEvents", `{"id":"new","activityDateTime":"2025-03-01T00:00:00Z"}`)
	f.add("deviceManagement/deviceHealthScripts", `{"id":"h","isGlobalScript":true}`)
	f.add("deviceManagement/deviceEnrollmentConfigurations", `{"@odata.type":"#microsoft.graph.deviceEnrollmentLimitConfiguration","id":"lim","deviceEnrollmentConfigurationType":"limit"}`)
	f.add("groups", `{"id":"g1","displayName":"Alpha","securityEnabled":true,"groupTypes":["DynamicMembership"]}`)
	f.add("groups", `{"id":"g2","displayName":"Beta","securityEnabled":false,"groupTypes":[]}`)
	return f
}

func TestFilter(t *testing.T) {
	f := optionsFixture(t)
	const dc = "deviceManagement/deviceConfigurations"
	for _, tc := range []struct {
		path, filter string
		want         []string // nil: refused
	}{
		{dc, "not isof('microsoft.graph.windowsUpdateForBusinessConfiguration') and not isof('microsoft.graph.iosUpdateConfiguration')", []string{"custom"}},
		{dc, "isof('microsoft.graph.windowsUpdateForBusinessConfiguration') or isof('microsoft.graph.iosUpdateConfiguration')", []string{"ring", "ios"}},
		{dc, "displayName eq 'O''Brien'", []string{"custom"}},
		{dc, "displayName eq 'o''brien'", []string{"custom"}},
		{dc, "displayName eq 'nobody'", []string{}},
		{dc, "id in ('ring','custom','gone')", []string{"ring", "custom"}},
		{dc, "displayName eq 'O'Brien'", nil},
		{dc, "contains(displayName,'R')", nil},
		{dc, "displayName ne 'Ring'", nil},
		{dc, "displayName", nil},
		{dc, "displayName eq", nil},
		{dc, "(displayName eq 'x'", nil},
		{dc, "displayName like 'x'", nil},
		{dc, "isof(windowsUpdate)", nil},
		{dc, strings.Repeat("(", 40) + "id eq 'x'" + strings.Repeat(")", 40), nil},
		{dc, "id in ('1','2','3','4','5','6','7','8','9','10','11','12','13','14','15','16')", nil},
		{"deviceManagement/roleScopeTags", "isBuiltIn eq false", []string{"1"}},
		{"deviceManagement/auditEvents", "activityDateTime gt 2025-02-01T00:00:00Z", []string{"new"}},
		{"deviceManagement/deviceHealthScripts", "isGlobalScript eq false", nil},
		{"deviceManagement/deviceEnrollmentConfigurations", "deviceEnrollmentConfigurationType eq 'Limit'", []string{"lim"}},
		{"deviceManagement/deviceEnrollmentConfigurations", "endswith(id,'Default')", nil},
		{"deviceAppManagement/mobileApps", "(microsoft.graph.managedApp/appAvailability eq null or microsoft.graph.managedApp/appAvailability eq 'lineOfBusiness' or isAssigned eq true)", []string{"lob", "used"}},
		{"groups", "startswith(displayName,'al')", []string{"g1"}},
		{"groups", "securityEnabled eq true", []string{"g1"}},
		{"groups", "groupTypes/any(c:c eq 'DynamicMembership')", []string{"g1"}},
		{"groups", "endswith(displayName,'ta')", nil},
		{"groups", "not startswith(displayName,'al')", nil},
	} {
		link := "/beta/" + tc.path + "?$filter=" + url.QueryEscape(tc.filter)
		if tc.want == nil {
			if r := f.do(http.MethodGet, link, ""); r.status != http.StatusBadRequest {
				t.Errorf("%s: %d, want 400", tc.filter, r.status)
			}
			continue
		}
		if diff := cmp.Diff(tc.want, ids(f.all(link))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.filter, diff)
		}
	}
}

func TestAdvancedDirectoryFilter(t *testing.T) {
	f := optionsFixture(t)
	f.header.Set("ConsistencyLevel", "eventual")
	f.refused("/beta/groups?$filter=endswith(displayName,'ta')", http.StatusBadRequest, "Request_UnsupportedQuery")
	page := f.get("/beta/groups?$count=true&$filter=endswith(displayName,'ta')")
	if diff := cmp.Diff([]string{"g2"}, ids(page.list("value"))); diff != "" || page.num("@odata.count") != 1 {
		t.Errorf("count %d, ids (-want +got):\n%s", page.num("@odata.count"), diff)
	}
}

func TestOrderBy(t *testing.T) {
	f := optionsFixture(t)
	for order, want := range map[string][]string{
		"displayName": {"used", "lob", "global"}, "displayName%20desc": {"global", "lob", "used"}, "id%20asc": {"global", "lob", "used"},
	} {
		if diff := cmp.Diff(want, ids(f.all("/beta/deviceAppManagement/mobileApps?$orderby="+order))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", order, diff)
		}
	}
	for _, bad := range []string{"$orderby=displayName%20up", "$orderby=", "$orderby=a,b", "$top=0", "$top=x", "$count=1", "$skip=3", "$apply=x", "$select=", "$select=a,,b", "$search=x", "%zz=1", "$filter=%zz"} {
		if r := f.do(http.MethodGet, "/beta/deviceAppManagement/mobileApps?"+bad, ""); r.status != http.StatusBadRequest {
			t.Errorf("%s: %d, want 400", bad, r.status)
		}
	}
}

func TestDollarIsOptionalOnBetaOnly(t *testing.T) {
	f := optionsFixture(t)
	if got := f.get("/beta/deviceAppManagement/mobileApps/lob?select=displayName"); got.has("isAssigned") || got.str("displayName") != "b" {
		t.Errorf("select without a dollar on beta: %v", got)
	}
	if got := f.get("/v1.0/deviceAppManagement/mobileApps/lob?select=displayName"); !got.has("isAssigned") {
		t.Errorf("select without a dollar on v1.0: %v", got)
	}
}

func TestExpandNests(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	f.add("deviceManagement/deviceCompliancePolicies", `{"@odata.type":"#microsoft.graph.iosCompliancePolicy","id":"c","displayName":"C",
		"scheduledActionsForRule":[{"ruleName":null,"scheduledActionConfigurations":[{"actionType":"block"},{"actionType":"notification"}]}],
		"assignments":[{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"g"}}]}`)
	const path = "/beta/deviceManagement/deviceCompliancePolicies"
	plain := f.get(path).list("value")[0]
	if plain.has("scheduledActionsForRule") || plain.has("assignments") {
		t.Errorf("list without $expand shows children: %v", plain)
	}
	one := f.get(path + "?$expand=scheduledActionsForRule").list("value")[0].list("scheduledActionsForRule")[0]
	if one.str("id") != "c" || one.has("scheduledActionConfigurations") {
		t.Errorf("one level shows %v", one)
	}
	two := f.get(path + "?$expand=assignments,scheduledActionsForRule($expand=scheduledActionConfigurations($select=actionType))").list("value")[0]
	actions := two.list("scheduledActionsForRule")[0].list("scheduledActionConfigurations")
	if len(actions) != 2 || actions[1].str("actionType") != "notification" || actions[0].has("id") {
		t.Errorf("two levels show %v", actions)
	}
	if got := ids(two.list("assignments")); len(got) != 1 || got[0] != "c_g" {
		t.Errorf("assignment ids %v, want the composite c_g", got)
	}
	deep := f.all(path + "/c/scheduledActionsForRule/c/scheduledActionConfigurations")
	if len(deep) != 2 {
		t.Errorf("path shows %d actions, want 2", len(deep))
	}
	for _, bad := range []string{"nothing", "scheduledActionsForRule($expand=nothing)", "scheduledActionsForRule($expand", "assignments)", "", "a($x=1)"} {
		if r := f.do(http.MethodGet, path+"?$expand="+bad, ""); r.status != http.StatusBadRequest {
			t.Errorf("$expand=%s: %d, want 400", bad, r.status)
		}
	}
}

func TestExpandIsRefusedWhereTheServiceDoes(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	if err := f.tenant.LoadDocument(graphtest.DemoTenant(1, 1)); err != nil {
		t.Fatal(err)
	}
	for _, list := range []string{"deviceAppManagement/policySets", "deviceAppManagement/managedAppPolicies", "deviceManagement/windowsAutopilotDeploymentProfiles", "deviceManagement/termsAndConditions"} {
		f.refused("/beta/"+list+"?$expand=assignments", http.StatusBadRequest, "BadRequest")
	}
	set := f.all("/beta/deviceAppManagement/policySets")[0].str("id")
	if got := f.get("/beta/deviceAppManagement/policySets/" + set + "?$expand=assignments,items"); len(got.list("items")) != 2 || len(got.list("assignments")) != 1 {
		t.Errorf("policy set shows %v", got)
	}
	app := f.all("/beta/deviceAppManagement/mobileApps")[0].str("id")
	f.header.Set("Accept", "application/json;odata.metadata=full")
	f.refused("/beta/deviceAppManagement/mobileApps/"+app+"?$expand=categories", http.StatusBadRequest, "BadRequest")
	f.header.Set("Accept", "application/json;odata.metadata=minimal")
	if got := f.get("/beta/deviceAppManagement/mobileApps/" + app + "?$expand=categories,assignments"); len(got.list("categories")) == 0 {
		t.Errorf("app shows no categories: %v", got)
	}
}

func TestPathsThatAreNotThere(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	f.add("deviceManagement/intents", `{"id":"i"}`)
	for _, path := range []string{"deviceManagement/nothing", "nothing", "deviceManagement/intents/i/nothing", "deviceManagement/intents/i/settings/x/y", "identity/conditionalAccess/nothing"} {
		if msg := f.refused("/beta/"+path, http.StatusBadRequest, "BadRequest"); !strings.HasPrefix(msg, "Resource not found for the segment '") {
			t.Errorf("%s: %s", path, msg)
		}
	}
	f.refused("/v1.0/deviceManagement/configurationPolicies", http.StatusBadRequest, "BadRequest")
	f.refused("/v2/groups", http.StatusBadRequest, "BadRequest")
	if msg := f.refused("/beta/deviceManagement/intents/gone", http.StatusNotFound, "ResourceNotFound"); !strings.Contains(msg, `"_version":3`) {
		t.Errorf("Intune's 404 message is not nested: %s", msg)
	}
	f.refused("/beta/deviceManagement/intents/gone/assignments", http.StatusNotFound, "ResourceNotFound")
	f.refused("/beta/groups/gone", http.StatusNotFound, "Request_ResourceNotFound")
	for _, empty := range []string{"deviceManagement/windowsFeatureUpdateProfiles", "deviceManagement/intents/i/settings"} {
		if page := f.get("/beta/" + empty); len(page.list("value")) != 0 || !page.has("value") {
			t.Errorf("%s: %v, want an empty list", empty, page)
		}
	}
}

func TestUnknownListsAreServedRaw(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	f.add("deviceManagement/brandNewThings", `{"id":"n1","settings":[{"a":1}],"assignments":[],"name":"N"}`)
	got := f.get("/beta/deviceManagement/brandNewThings").list("value")
	if len(got) != 1 || len(got[0].list("settings")) != 1 || got[0].str("name") != "N" {
		t.Errorf("list shows %v", got)
	}
	if one := f.get("/beta/deviceManagement/brandNewThings('n1')"); one.str("name") != "N" {
		t.Errorf("object is %v", one)
	}
}

func TestIdsInParenthesesAndAnyCase(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	f.add("deviceManagement/intents", `{"id":"i 1","settings":[{"@odata.type":"#microsoft.graph.deviceManagementBooleanSettingInstance","id":"s"}]}`)
	for _, path := range []string{"DeviceManagement/Intents('i%201')/Settings('s')", "devicemanagement/intents/i%201/settings/s"} {
		if got := f.get("/beta/" + path); got.str("id") != "s" {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func FuzzOptions(f *testing.F) {
	for _, seed := range []string{
		"$filter=a%20eq%20'b''c'%20and%20not%20isof('microsoft.graph.x')", "$expand=a($expand=b;$select=c),d", "$filter=x/any(c:c+eq+'v')+or+id+in+('a','b')",
		`$search="displayName:a\"b"+OR+"mail:c"`, "$top=1&$count=true&$orderby=a+desc", "$filter=((((", "$expand=(((", "$select=a&$skiptoken=%255B", "$filter=a+lt+2025-01-01T00:00:00Z",
		"$filter='", "$filter=a+in+(", "$search=\"", "$filter=a+eq+-1.5e3", "$deltatoken=latest",
	} {
		f.Add(seed)
	}
	fx := optionsFixture(f)
	f.Fuzz(func(t *testing.T, query string) {
		fx := *fx
		fx.tb = t
		query = strings.Map(func(r rune) rune {
			if r <= ' ' || r == '#' || r == 0x7f {
				return -1 // net/http would not send it
			}
			return r
		}, query)
		for _, path := range []string{"/beta/groups?", "/beta/deviceManagement/deviceConfigurations?", "/beta/groups/delta?"} {
			r := fx.do(http.MethodGet, path+query, "")
			if r.status != http.StatusOK && r.status != http.StatusBadRequest {
				t.Errorf("%q: %d", query, r.status)
			}
			r.object(t) // always JSON
		}
	})
}
