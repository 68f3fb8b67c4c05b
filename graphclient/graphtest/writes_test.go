package graphtest_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

// What the service does now and then with writes is a switch of its own: with it,
// what is done says want; without it, it does not.
func TestWriteQuirks(t *testing.T) {
	const update = "deviceManagement/windowsFeatureUpdateProfiles"
	for _, tc := range []struct {
		name  string
		quirk graphtest.Quirks
		do    func(f *fixture, clk *clock) string
		want  string
	}{
		{"WriteLag", graphtest.Quirks{WriteLag: time.Minute}, func(f *fixture, clk *clock) string {
			f.create(scripts, `{"displayName":"S"}`)
			at := scripts + "/" + f.tenant.IDs(scripts)[0]
			first := f.create(at+"/assign", `{"deviceManagementScriptAssignments":[]}`)
			clk.advance(time.Minute)
			return first[:3] + f.create(at+"/assign", `{"deviceManagementScriptAssignments":[]}`)[:3]
		}, "404204"},
		{"GetLag", graphtest.Quirks{GetLag: time.Minute}, func(f *fixture, clk *clock) string {
			f.create(scripts, `{"displayName":"S"}`)
			at := "/beta/" + scripts + "/" + f.tenant.IDs(scripts)[0]
			first := f.do(http.MethodGet, at, "").status
			clk.advance(time.Minute)
			return fmt.Sprint(first, f.do(http.MethodGet, at, "").status)
		}, "404 200"},
		{"ListLag", graphtest.Quirks{ListLag: time.Minute}, func(f *fixture, clk *clock) string {
			f.create(scripts, `{"displayName":"S"}`)
			first := len(f.all("/beta/" + scripts))
			clk.advance(time.Minute)
			return fmt.Sprint(first, len(f.all("/beta/"+scripts)))
		}, "0 1"},
		{"PatchLag", graphtest.Quirks{PatchLag: time.Minute}, func(f *fixture, clk *clock) string {
			f.add(scripts, `{"id":"s","displayName":"old"}`)
			f.patch(scripts+"/s", `{"displayName":"new"}`)
			got := f.read(scripts+"/s", "displayName") + f.all("/beta/" + scripts)[0].str("displayName")
			clk.advance(time.Minute)
			return got + f.read(scripts+"/s", "displayName")
		}, "oldoldnew"},
		{"PatchLag of assignments", graphtest.Quirks{PatchLag: time.Minute}, func(f *fixture, clk *clock) string {
			f.add(scripts, `{"id":"s","displayName":"S"}`)
			f.create(scripts+"/s/assign", `{"deviceManagementScriptAssignments":[`+toGroup+`]}`)
			got := len(f.all("/beta/" + scripts + "/s/assignments"))
			clk.advance(time.Minute)
			return fmt.Sprint(got, len(f.all("/beta/"+scripts+"/s/assignments")))
		}, "0 1"},
		{"DeleteLag", graphtest.Quirks{DeleteLag: time.Minute}, func(f *fixture, clk *clock) string {
			f.add(scripts, `{"id":"s","displayName":"S"}`)
			f.say(http.MethodDelete, scripts+"/s", "")
			got := fmt.Sprint(f.do(http.MethodGet, "/beta/"+scripts+"/s", "").status, len(f.all("/beta/"+scripts)))
			clk.advance(time.Minute)
			return fmt.Sprint(got, f.do(http.MethodGet, "/beta/"+scripts+"/s", "").status, len(f.all("/beta/"+scripts)))
		}, "200 1404 0"},
		{"PublishLag of an app", graphtest.Quirks{PublishLag: time.Minute}, func(f *fixture, clk *clock) string {
			f.create(mobileApps, `{"@odata.type":"#microsoft.graph.winGetApp","displayName":"W"}`)
			at := mobileApps + "/" + f.tenant.IDs(mobileApps)[0]
			got := f.read(at, "publishingState") + f.create(at+"/assign", `{"mobileAppAssignments":[`+toGroup+`]}`)[:3]
			clk.advance(time.Minute)
			return got + f.read(at, "publishingState") + f.create(at+"/assign", `{"mobileAppAssignments":[`+toGroup+`]}`)[:3]
		}, "processing400published204"},
		{"PublishLag of an ADMX file", graphtest.Quirks{PublishLag: time.Minute}, func(f *fixture, clk *clock) string {
			const list = "deviceManagement/groupPolicyUploadedDefinitionFiles"
			f.create(list, `{"fileName":"a.admx","content":"eA=="}`)
			at := list + "/" + f.tenant.IDs(list)[0]
			got := f.read(at, "status")
			clk.advance(time.Minute)
			return got + f.read(at, "status") + f.create(at+"/remove", "")[:3]
		}, "uploadInProgressavailable204"},
		{"Unlicensed", graphtest.Quirks{Unlicensed: []string{"x_y"}}, func(f *fixture, _ *clock) string {
			return f.create(catalogs, `{"name":"C","settings":[{"settingInstance":{"settingDefinitionId":"x_y"}}]}`)
		}, "is not licensed"},
		{"Retired update", graphtest.Quirks{Retired: []string{"Windows 10, version 1709"}}, func(f *fixture, _ *clock) string {
			return f.create(update, `{"displayName":"F","featureUpdateVersion":"Windows 10, version 1709"}`)
		}, "not in the catalog"},
		{"Retired template", graphtest.Quirks{Retired: []string{"t1"}}, func(f *fixture, _ *clock) string {
			return f.create("deviceManagement/templates/t1/createInstance", `{"displayName":"I"}`)
		}, "not active"},
		{"SecurityDefaults", graphtest.Quirks{SecurityDefaults: true}, func(f *fixture, _ *clock) string {
			return f.create(accesses, `{"displayName":"C","state":"enabled"}`)
		}, "Security Defaults is enabled"},
		{"RoleTags", graphtest.Quirks{RoleTags: []string{"7"}}, func(f *fixture, _ *clock) string {
			return f.create(scripts, `{"displayName":"S"}`)
		}, "Added a tag which is not allowed by the current role: 0"},
		{"RoleTags hide", graphtest.Quirks{RoleTags: []string{"7"}}, func(f *fixture, _ *clock) string {
			f.add(scripts, `{"id":"s","roleScopeTagIds":["0"]}`)
			f.add(scripts, `{"id":"t","roleScopeTagIds":["7"]}`)
			return fmt.Sprint(ids(f.all("/beta/"+scripts)), f.do(http.MethodGet, "/beta/"+scripts+"/s", "").status, f.patch(scripts+"/s", `{}`)[:3])
		}, "[t] 404404"},
		{"AssignSilently", graphtest.Quirks{AssignSilently: true}, func(f *fixture, _ *clock) string {
			f.add(scripts, `{"id":"s"}`)
			return fmt.Sprint(f.create(scripts+"/s/assign", `{"assignments":[`+toGroup+`]}`)[:3], len(f.all("/beta/"+scripts+"/s/assignments")))
		}, "2040"},
		{"RewriteNulls", graphtest.Quirks{Rewrites: []graphtest.Rewrite{graphtest.RewriteNulls}}, func(f *fixture, _ *clock) string {
			return fmt.Sprint(strings.Contains(f.create(scripts, `{"displayName":"S","description":null}`), "description"))
		}, "false"},
		{"RewriteEmpty", graphtest.Quirks{Rewrites: []graphtest.Rewrite{graphtest.RewriteEmpty}}, func(f *fixture, _ *clock) string {
			return f.create(scripts, `{"displayName":"S","description":""}`)
		}, `"description":null`},
		{"RewriteDates", graphtest.Quirks{Rewrites: []graphtest.Rewrite{graphtest.RewriteDates}}, func(f *fixture, _ *clock) string {
			return f.create(update, `{"displayName":"F","rolloutSettings":{"offerEndDateTimeInUTC":"2030-01-01T00:00:00Z"}}`)
		}, "2030-01-01T00:00:00.0000000Z"},
		{"RewriteOrder", graphtest.Quirks{Rewrites: []graphtest.Rewrite{graphtest.RewriteOrder}}, func(f *fixture, _ *clock) string {
			return f.create(scripts, `{"displayName":"S","roleScopeTagIds":["1","2"]}`)
		}, `["2","1"]`},
		{"RewriteAudit", graphtest.Quirks{Rewrites: []graphtest.Rewrite{graphtest.RewriteAudit}}, func(f *fixture, _ *clock) string {
			f.create(catalogs, `{"name":"C","settings":[{"settingInstance":{"simpleSettingValue":{"value":1}}}]}`)
			return f.do(http.MethodGet, "/beta/"+catalogs+"/"+f.tenant.IDs(catalogs)[0]+"/settings", "").body
		}, "auditRuleInformation"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, on := range []bool{true, false} {
				clk := newClock()
				f := newFixture(t, graphtest.Config{Now: clk.Now, TokenLifetime: 24 * time.Hour})
				if on {
					f.srv.SetQuirks(tc.quirk)
				}
				if got := tc.do(f, clk); strings.Contains(got, tc.want) != on {
					t.Errorf("switched on %v: %.400s, want %q only then", on, got, tc.want)
				}
			}
		})
	}
}

// Two objects may have one name, and names may be anything.
func TestNames(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	for _, list := range []string{scripts, filters, tags, "deviceManagement/deviceCategories"} {
		for _, name := range []string{"Twin", "Twin", " spaces ", "O'Brien", "Zoë ☕", strings.Repeat("n", 300)} {
			if got := f.create(list, fmt.Sprintf(`{"displayName":%q}`, name)); !strings.HasPrefix(got, "20") || !strings.Contains(got, name) {
				t.Errorf("%s: a name %q is answered %.200s", list, name, got)
			}
		}
		if n := len(f.all("/beta/" + list)); n != 6 {
			t.Errorf("%s has %d objects, want 6", list, n)
		}
	}
}

// The property of assign and the status of its success, by type.
func TestAssignNames(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	for list, want := range map[string]struct {
		name   string
		status int
	}{
		catalogs: {"assignments", 200}, "deviceManagement/compliancePolicies": {"assignments", 200}, "deviceManagement/groupPolicyConfigurations": {"assignments", 200}, tags: {"assignments", 200},
		"deviceManagement/intents": {"assignments", 204}, "deviceManagement/windowsFeatureUpdateProfiles": {"assignments", 204}, "deviceManagement/windowsDriverUpdateProfiles": {"assignments", 204},
		protections: {"assignments", 204}, "deviceAppManagement/targetedManagedAppConfigurations": {"assignments", 204}, "deviceManagement/intuneBrandingProfiles": {"assignments", 204},
		scripts: {"deviceManagementScriptAssignments", 204}, "deviceManagement/deviceShellScripts": {"deviceManagementScriptAssignments", 204}, "deviceManagement/deviceCustomAttributeShellScripts": {"deviceManagementScriptAssignments", 204},
		"deviceManagement/deviceHealthScripts": {"deviceHealthScriptAssignments", 204}, "deviceManagement/deviceComplianceScripts": {"deviceHealthScriptAssignments", 204},
		"deviceAppManagement/wdacSupplementalPolicies": {"wdacPolicyAssignments", 204}, "deviceAppManagement/iosLobAppProvisioningConfigurations": {"iOSLobAppProvisioningConfigAssignments", 204},
	} {
		at := list + "/" + f.add(list, `{"displayName":"A"}`)
		got := f.create(at+"/assign", `{"`+want.name+`":[`+toGroup+`]}`)
		if !strings.HasPrefix(got, fmt.Sprint(want.status)) || len(f.all("/beta/"+at+"/assignments")) != 1 {
			t.Errorf("%s: %s is answered %.200s, want %d", list, want.name, got, want.status)
		}
		if f.create(at+"/assign", `{"`+want.name+`":[]}`); len(f.all("/beta/"+at+"/assignments")) != 0 {
			t.Errorf("%s: assign does not replace what was there", list)
		}
	}
	for typ, list := range map[string]string{"windows10EnrollmentCompletionPageConfiguration": enrollments, "webApp": mobileApps, "iosVppEBook": "deviceAppManagement/managedEBooks"} {
		id := f.add(list, `{"@odata.type":"#microsoft.graph.`+typ+`","priority":3}`)
		name := map[string]string{enrollments: "enrollmentConfigurationAssignments", mobileApps: "mobileAppAssignments"}[list]
		if name == "" {
			name = "managedEBookAssignments"
		}
		if got := f.create(list+"/"+id+"/assign", `{"`+name+`":[`+toGroup+`]}`); !strings.HasPrefix(got, "204") {
			t.Errorf("%s: %s is answered %.200s", list, name, got)
		}
	}
}

// A part of a batch is throttled for itself, within an answer that is good, and
// may have been carried out all the same.
func TestThrottledParts(t *testing.T) {
	part := func(id string) string {
		return `{"id":"` + id + `","method":"POST","url":"/` + filters + `","headers":{"Content-Type":"application/json"},"body":{"displayName":"F` + id + `"}}`
	}
	batch := `{"requests":[` + part("1") + "," + part("2") + "," + part("3") + "," + part("4") + `]}`
	send := func(f *fixture) (statuses []int, waits int) {
		r := f.do(http.MethodPost, "/beta/$batch", batch)
		if r.status != http.StatusOK {
			t.Fatalf("batch: %d", r.status)
		}
		for _, p := range r.object(t).list("responses") {
			statuses = append(statuses, p.num("status"))
			if p.obj("headers").str("Retry-After") != "" {
				waits++
			}
		}
		return statuses, waits
	}
	clk := newClock()
	f := newFixture(t, graphtest.Config{Now: clk.Now, Quirks: graphtest.Quirks{BatchInOrder: true}, Limits: &graphtest.Limits{Buckets: map[string]graphtest.Bucket{"policy-sets": {Writes: 2}}}})
	statuses, waits := send(f)
	if diff := cmp.Diff([]int{201, 201, 429, 429}, statuses); diff != "" || waits != 2 {
		t.Errorf("over the limit, %d say how long to wait (-want +got):\n%s", waits, diff)
	}
	if n := len(f.tenant.IDs(filters)); n != 2 {
		t.Errorf("%d filters were created, want 2", n)
	}
	f = newFixture(t, graphtest.Config{Quirks: graphtest.Quirks{BatchInOrder: true}, Faults: []graphtest.Fault{{Prefix: "/" + filters, Kind: graphtest.FaultThrottle, Applied: true, Skip: 1, Times: 1}}})
	if statuses, _ = send(f); !cmp.Equal([]int{201, 429, 201, 201}, statuses) || len(f.tenant.IDs(filters)) != 4 {
		t.Errorf("throttled and applied: %v, %d filters, want 201 429 201 201 and 4", statuses, len(f.tenant.IDs(filters)))
	}
	f = newFixture(t, graphtest.Config{Quirks: graphtest.Quirks{BatchStatus: http.StatusGatewayTimeout}})
	if r := f.do(http.MethodPost, "/beta/$batch", batch); r.status != http.StatusGatewayTimeout || len(f.tenant.IDs(filters)) != 4 {
		t.Errorf("an outer 504: %d, %d filters, want 504 and 4", r.status, len(f.tenant.IDs(filters)))
	}
}

// A write that was carried out can be answered as if it were not, and one that was
// not is answered alike.
func TestUnknownOutcomes(t *testing.T) {
	for name, fault := range map[string]graphtest.Fault{
		"504": {Kind: graphtest.FaultGatewayTimeout}, "503": {Kind: graphtest.FaultUnavailable}, "502": {Kind: graphtest.FaultBadGatewayHTML}, "reset": {Kind: graphtest.FaultReset}, "429": {Kind: graphtest.FaultThrottle},
	} {
		for _, applied := range []bool{true, false} {
			fault.Applied, fault.Times = applied, 1
			f := newFixture(t, graphtest.Config{Faults: []graphtest.Fault{fault}})
			r, err := f.try(http.MethodPost, "/beta/"+filters, `{"displayName":"F"}`)
			if err == nil && r.status < 400 {
				t.Errorf("%s: answered %d", name, r.status)
			}
			if got := len(f.tenant.IDs(filters)) == 1; got != applied {
				t.Errorf("%s: carried out %v, want %v", name, got, applied)
			}
		}
	}
}

// A change that a second administrator has to approve.
func TestApprovals(t *testing.T) {
	clk := newClock()
	f := newFixture(t, graphtest.Config{Now: clk.Now, TokenLifetime: 1000 * time.Hour, Quirks: graphtest.Quirks{Protected: []string{"/" + filters}}})
	const doc = `{"displayName":"F"}`
	ask := func() string {
		f.header.Del("x-msft-approval-code")
		f.header.Set("x-msft-approval-justification", base64.StdEncoding.EncodeToString([]byte("why")))
		r := f.do(http.MethodPost, "/beta/"+filters, doc)
		code := r.header.Get("x-msft-approval-code")
		if r.status != http.StatusForbidden || r.object(t).obj("error").str("code") != "ApprovalRequired" || code == "" {
			t.Fatalf("asked: %d %s", r.status, r.body)
		}
		f.header.Del("x-msft-approval-justification")
		f.header.Set("x-msft-approval-code", code)
		return code
	}
	status := func(code string) string {
		return f.all("/beta/deviceManagement/operationApprovalRequests?$filter=requestId eq '" + code + "'")[0].str("status")
	}
	for name, justification := range map[string]string{"none": "", "plain": "not base64!", "long": base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", 1025)))} {
		f.header.Set("x-msft-approval-justification", justification)
		if got := f.create(filters, doc); !strings.HasPrefix(got, "400") {
			t.Errorf("justification %s: %s", name, got)
		}
	}
	f.srv.SetQuirks(graphtest.Quirks{Protected: []string{"/" + filters}, JustificationForbidden: true})
	if got := f.create(filters, doc); !strings.HasPrefix(got, "403") {
		t.Errorf("without a justification: %s", got)
	}
	f.get("/beta/" + filters) // reads need no approval

	code := ask()
	if got := f.create(filters, doc); status(code) != "needsApproval" || !strings.HasPrefix(got, "403") {
		t.Errorf("not approved yet: %s, %s", status(code), got)
	}
	if err := f.tenant.Answer(code, true); err != nil || status(code) != "approved" {
		t.Fatal(err, status(code))
	}
	if got := f.create(filters, `{"displayName":"G"}`); !strings.HasPrefix(got, "403") {
		t.Errorf("another body than the approved one: %s", got)
	}
	if got := f.create(filters, doc); !strings.HasPrefix(got, "201") || status(code) != "completed" {
		t.Errorf("approved: %s, %s", got, status(code))
	}
	if got := f.create(filters, doc); !strings.HasPrefix(got, "403") {
		t.Errorf("approved once, done twice: %s", got)
	}
	for want, end := range map[string]func(code string) error{
		"rejected":  func(code string) error { return f.tenant.Answer(code, false) },
		"cancelled": f.tenant.Withdraw,
		"expired":   func(string) error { clk.advance(73 * time.Hour); return nil },
	} {
		code := ask()
		if err := end(code); err != nil || status(code) != want {
			t.Errorf("%v, status %s, want %s", err, status(code), want)
		}
		if got := f.create(filters, doc); !strings.HasPrefix(got, "403") || len(f.tenant.IDs(filters)) != 1 {
			t.Errorf("%s: %s", want, got)
		}
	}
}

// The actions that complete a write.
func TestActions(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	const admx = "deviceManagement/groupPolicyConfigurations"
	f.add(admx, `{"id":"g","definitionValues":[{"id":"v1","enabled":true},{"id":"v2","enabled":true}]}`)
	f.create(admx+"/g/updateDefinitionValues", `{"added":[{"enabled":false}],"updated":[{"id":"v2","enabled":false}],"deletedIds":["v1"]}`)
	values := f.all("/beta/" + admx + "/g/definitionValues")
	if len(values) != 2 || values[0].str("id") != "v2" || values[0]["enabled"] != false || values[1].str("id") == "" {
		t.Errorf("definition values %v", values)
	}

	f.add(catalogs, `{"id":"c","name":"C","settings":[{"a":1}],"assignments":[`+toGroup+`]}`)
	if got := f.create(catalogs+"/c/createCopy", `{"displayName":"D"}`); !strings.HasPrefix(got, "200") || !strings.Contains(got, `"name":"D"`) || !strings.Contains(got, `"settingCount":1`) {
		t.Errorf("copy %s", got)
	}

	const dep = "deviceManagement/depOnboardingSettings/d/enrollmentProfiles"
	f.add("deviceManagement/depOnboardingSettings", `{"id":"d","enrollmentProfiles":[{"id":"p","isDefault":true},{"id":"q","isDefault":false}]}`)
	if got := f.create(dep+"/q/setDefaultProfile", ""); !strings.HasPrefix(got, "204") || f.read(dep+"/p", "isDefault")+f.read(dep+"/q", "isDefault") != "falsetrue" {
		t.Errorf("default profile: %s", got)
	}

	cast := "deviceManagement/deviceConfigurations/s/microsoft.graph.windows81SCEPCertificateProfile/rootCertificate"
	for _, id := range []string{"r1", "r2"} {
		f.add(profiles, `{"@odata.type":"#microsoft.graph.windows81TrustedRootCertificate","id":"`+id+`"}`)
	}
	f.add(profiles, `{"@odata.type":"#microsoft.graph.windows81SCEPCertificateProfile","id":"s","rootCertificate@odata.bind":"/beta/deviceManagement/deviceConfigurations('r1')"}`)
	if got := f.say(http.MethodPut, cast+"/$ref", `{"@odata.id":"`+f.base+`/beta/deviceManagement/deviceConfigurations('r2')"}`); !strings.HasPrefix(got, "204") || f.read(cast, "id") != "r2" {
		t.Errorf("another root: %s, %s", got, f.read(cast, "id"))
	}

	const sets = "deviceAppManagement/policySets"
	f.add(sets, `{"id":"s","displayName":"S","items":[{"id":"i1"}]}`)
	f.create(sets+"/s/update", `{"addedPolicySetItems":[{"@odata.type":"#microsoft.graph.mobileAppPolicySetItem","payloadId":"a"}],"deletedPolicySetItems":["i1"],"assignments":[`+toGroup+`]}`)
	set := f.get("/beta/" + sets + "/s?$expand=items,assignments")
	if items := set.list("items"); len(items) != 1 || items[0].str("payloadId") != "a" || len(set.list("assignments")) != 1 {
		t.Errorf("policy set %v", set)
	}
}
