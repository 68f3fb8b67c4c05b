package graphtest_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

// dataFile opens a file of the real data, or skips the test when there is
// none. Where everything must run it fails instead.
func dataFile(tb testing.TB, name string) []byte {
	tb.Helper()
	dir := os.Getenv("TENANTATLAS_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		if os.Getenv("CI") == "true" {
			tb.Fatalf("real data is missing: %v", err)
		}
		tb.Skip("no real data here; set TENANTATLAS_DATA")
	}
	return b
}

func TestRealTenantIsServedWhole(t *testing.T) {
	data := dataFile(t, "tenant/tenant.json.gz")
	doc, err := graphtest.ReadDocument(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, graphtest.Config{})
	if err := f.tenant.LoadDocument(doc); err != nil {
		t.Fatal(err)
	}
	inline := map[string][]string{ // children as the exports carry them, by path
		"deviceAppManagement/androidManagedAppProtections": {"apps", "assignments"},
		"deviceAppManagement/iosManagedAppProtections":     {"apps", "assignments"},
		"deviceManagement/configurationPolicies":           {"settings", "assignments"},
		"deviceManagement/deviceCompliancePolicies":        {"scheduledActionsForRule", "assignments"},
		"deviceManagement/deviceConfigurations":            {"assignments"},
		"deviceManagement/deviceEnrollmentConfigurations":  {"assignments"},
		"deviceManagement/intents":                         {"settings", "assignments"},
		"deviceManagement/windowsFeatureUpdateProfiles":    {"assignments"},
	}
	total := 0
	for path, want := range doc {
		seen := make(map[string]int)
		for _, obj := range f.all("/beta/" + path) {
			seen[obj.str("id")]++
			total++
			for _, kid := range inline[path] {
				if obj.has(kid) {
					t.Errorf("%s %s: list shows %s without $expand", path, obj.str("id"), kid)
				}
			}
		}
		for _, raw := range want {
			var exported object
			if err := json.Unmarshal(raw, &exported); err != nil {
				t.Fatal(err)
			}
			id := exported.str("id")
			if seen[id] != 1 {
				t.Errorf("%s %s: listed %d times, want once", path, id, seen[id])
			}
			for _, kid := range inline[path] {
				checkChildren(t, f, path, exported, kid)
			}
		}
	}
	if total != 393 {
		t.Errorf("listed %d objects, want 393", total)
	}
	if n := f.srv.Writes(); n != 0 {
		t.Errorf("reading counted %d writes", n)
	}
}

// checkChildren compares the children of one exported object with those under
// their own path and with those of $expand.
func checkChildren(t *testing.T, f *fixture, path string, exported object, kid string) {
	t.Helper()
	want := len(exported.list(kid))
	base := "/beta/" + path + "/" + exported.str("id")
	if got := len(f.all(base + "/" + kid)); got != want {
		t.Errorf("GET %s/%s: %d children, want %d", base, kid, got, want)
	}
	if strings.HasPrefix(path, "deviceManagement/windowsAutopilot") {
		return
	}
	if got := len(f.get(base + "?$expand=" + kid).list(kid)); got != want {
		t.Errorf("GET %s?$expand=%s: %d children, want %d", base, kid, got, want)
	}
}

func TestRealSettingsArePaged(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	if err := f.tenant.Load(bytes.NewReader(dataFile(t, "tenant/tenant.json.gz"))); err != nil {
		t.Fatal(err)
	}
	most := 0
	for _, policy := range f.all("/beta/deviceManagement/configurationPolicies") {
		n := policy.num("settingCount")
		before := f.srv.Stats().Requests
		got := f.all("/beta/deviceManagement/configurationPolicies/" + policy.str("id") + "/settings")
		pages := f.srv.Stats().Requests - before
		if len(got) != n || pages != max(1, (n+24)/25) {
			t.Errorf("policy %s: %d settings on %d pages, settingCount %d", policy.str("id"), len(got), pages, n)
		}
		most = max(most, n)
	}
	if most != 300 {
		t.Errorf("largest policy has %d settings, want 300", most)
	}
}

// useSchema gives the server the real metadata, or skips.
func useSchema(t *testing.T, f *fixture) {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(dataFile(t, "schema/beta.json.gz")))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.srv.UseSchema(z); err != nil {
		t.Fatal(err)
	}
}

func TestTableAgreesWithTheSchema(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	useSchema(t, f)
	const bad = `{"types":{"deviceManagementIntent":{"abstract":true,"nav":{"assignments":{"type":"graph.group"}}}},"paths":[{"path":"/groups","type":"user","collection":false}]}`
	err := f.srv.UseSchema(strings.NewReader(bad))
	for _, want := range []string{"groups: type group, schema says user", "groups: one object", "deviceManagement/intents: abstract false", "assignments is deviceManagementIntentAssignment", "no navigation property settings"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a wrong schema is not noticed: want %q in %v", want, err)
		}
	}
	if err := f.srv.UseSchema(strings.NewReader("{")); err == nil {
		t.Error("half a schema: no error")
	}
}

func TestSchemaChecksPropertyNames(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	useSchema(t, f)
	for query, want := range map[string]int{
		"deviceManagement/reusablePolicySettings?$select=id,settinginstance,displayname,description,settingDefinitionId,version":                   200,
		"deviceManagement/configurationPolicies?$select=id,displayName":                                                                            400,
		"deviceManagement/configurationPolicies?$select=id,name,settingCount&$orderby=name":                                                        200,
		"deviceManagement/configurationPolicies?$orderby=displayName":                                                                              400,
		"deviceManagement/configurationPolicies?$filter=title eq 'x'":                                                                              400,
		"deviceManagement/deviceConfigurations?$select=id,omaSettings&$filter=isof('microsoft.graph.windows10CustomConfiguration')":                200,
		"deviceManagement/deviceCompliancePolicies?$expand=scheduledActionsForRule($expand=scheduledActionConfigurations($select=id,actionType))":  200,
		"deviceManagement/deviceCompliancePolicies?$expand=scheduledActionsForRule($expand=scheduledActionConfigurations($select=id,actionTypes))": 400,
		"deviceAppManagement/mobileApps?$filter=(microsoft.graph.managedApp/appAvailability eq null or isAssigned eq true)&$orderby=displayName":   200,
		"groups?$select=id,displayName,groupTypes,membershipRule,onPremisesSyncEnabled":                                                            200,
	} {
		if r := f.do(http.MethodGet, "/beta/"+query, ""); r.status != want {
			t.Errorf("%s: %d, want %d\n%s", query, r.status, want, r.body)
		}
	}
}
