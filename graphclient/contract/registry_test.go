package contract_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

func TestKeys(t *testing.T) {
	golden, err := os.ReadFile("testdata/keys.json")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for typ := range contract.All() {
		got = append(got, typ.Key)
		if same, ok := contract.Lookup(typ.Key); !ok || same != typ {
			t.Errorf("Lookup(%q) = %v, %t; want the type that All has", typ.Key, same, ok)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(decode[[]string](t, golden), got); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if typ, ok := contract.Lookup("group"); ok {
		t.Errorf("Lookup(group) = %v, want none: groups are the directory's", typ.Key)
	}
}

func TestAllIsInOrder(t *testing.T) {
	last := 0
	for typ := range contract.All() {
		if typ.Order < last {
			t.Errorf("%s with order %d comes after order %d", typ.Key, typ.Order, last)
		}
		last = typ.Order
	}
}

func TestTypesHaveTheirFacts(t *testing.T) {
	for typ := range contract.All() {
		t.Run(typ.Key, func(t *testing.T) {
			want := func(ok bool, fact string) {
				t.Helper()
				if !ok {
					t.Errorf("%s", fact)
				}
			}
			w, a := typ.Write, typ.Assign
			want(typ.Title != "" && typ.Category != "" && typ.Source != "", "title, category and source are there")
			want(len(typ.OData) > 0, "OData names are there")
			want(len(typ.Lists) > 0, "there is a list")
			want(typ.Bucket != "", "there is a bucket")
			want(len(typ.Permissions.Read) > 0 && len(typ.Permissions.Write) > 0, "permissions are there")
			want(typ.Name != "" || typ.Lists[0].Singleton || typ.Key == "mobileAppRelationship", "objects have names")
			want((w.Support == contract.Restorable) == (w.Reason == ""), "a type that is not restorable says why, others do not")
			want((w.Support == contract.InventoryOnly) == (w.Shape == contract.WriteNone), "a type has a write shape unless it is only looked at")
			want(typ.Order > 0 || w.Support == contract.InventoryOnly, "what is restored has an order")
			want((w.Shape == contract.WriteSingleton) == (typ.Lists[0].Singleton && w.Support != contract.InventoryOnly), "singletons are written as such")
			want(w.Shape != contract.WriteAsync || w.Await != nil, "an asynchronous create says what to wait for")
			want(a.Shape != contract.AssignReplace && a.Shape != contract.AssignNamed || a.Body != "", "the array of assignments has a name")
			want(a.Shape != contract.AssignReplace || a.Body == "assignments", "shape A has the usual name")
			want(a.Shape != contract.AssignNamed || a.Body != "assignments", "shape B has another name")
			for _, l := range typ.Lists {
				want(strings.HasPrefix(l.Path, "/") && !strings.ContainsAny(l.Path, "? "), "paths begin with a slash and have no query: "+l.Path)
				want(!strings.Contains(l.Query, "$filter"), "lists are not filtered: "+l.Query)
				want(!strings.ContainsAny(l.Query, " ?"), "queries are escaped: "+l.Query)
				want(strings.Contains(l.Path, "{parent}") == (l.Parent != ""), "a parent is named if the path needs it")
			}
			for _, action := range w.Actions {
				want(action.Method != "" && action.Path != "" && (action.From != "" || action.When != "") && action.Status != 0, "actions are complete: "+action.Path)
			}
			for _, e := range w.Except {
				want(len(e.OData) > 0 && e.Support != contract.Restorable && e.Reason != "", "exceptions are complete")
			}
		})
	}
}

func TestAssignments(t *testing.T) {
	// Compliance scripts can be assigned by the schema, and never are.
	exempt := map[string]bool{"deviceComplianceScript": true}
	for typ := range contract.All() {
		reads, writes := typ.Assign.Read != contract.AssignedNowhere, typ.Assign.Shape != contract.AssignNone
		if reads != writes && !exempt[typ.Key] {
			t.Errorf("%s: assignments read %q, written %q: want both or none", typ.Key, typ.Assign.Read, typ.Assign.Shape)
		}
	}
}

func TestEveryShapeIsUsed(t *testing.T) {
	writes, assigns, reads := map[contract.WriteShape]int{}, map[contract.AssignShape]int{}, map[contract.AssignRead]int{}
	for typ := range contract.All() {
		writes[typ.Write.Shape]++
		assigns[typ.Assign.Shape]++
		reads[typ.Assign.Read]++
	}
	for _, s := range []contract.WriteShape{
		contract.WriteNone, contract.WritePatch, contract.WritePut, contract.WriteShell, contract.WriteTemplate,
		contract.WriteWithChildren, contract.WriteTwoStep, contract.WriteSingleton, contract.WriteUpsert,
		contract.WriteBinding, contract.WriteAsync,
	} {
		if writes[s] == 0 {
			t.Errorf("no type has write shape %q", s)
		}
	}
	for _, s := range []contract.AssignShape{
		contract.AssignNone, contract.AssignReplace, contract.AssignNamed, contract.AssignOneByOne, contract.AssignWithBody,
	} {
		if assigns[s] == 0 {
			t.Errorf("no type has assign shape %q", s)
		}
	}
	for _, s := range []contract.AssignRead{
		contract.AssignedNowhere, contract.AssignedAtPath, contract.AssignedInList, contract.AssignedInRead, contract.AssignedInBody,
	} {
		if reads[s] == 0 {
			t.Errorf("no type has its assignments read as %q", s)
		}
	}
}

func TestCollections(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range contract.Collections() {
		if seen[c.Path] {
			t.Errorf("%s is listed twice", c.Path)
		}
		seen[c.Path] = true
		for i, typ := range c.Types {
			if typ.General != (len(c.Types) > 1 && i == len(c.Types)-1) {
				t.Errorf("%s: %s is general: %t; want only the last of several to be", c.Path, typ.Key, typ.General)
			}
			if !slices.ContainsFunc(typ.Lists, func(l contract.List) bool { return cmp.Equal(l, c.List) }) {
				t.Errorf("%s: the query is not the one that %s needs", c.Path, typ.Key)
			}
		}
	}
	for typ := range contract.All() {
		for _, l := range typ.Lists {
			if !seen[l.Path] {
				t.Errorf("%s of %s is no collection", l.Path, typ.Key)
			}
		}
	}
}

func TestClassify(t *testing.T) {
	const (
		profiles   = "/deviceManagement/deviceConfigurations"
		enrollment = "/deviceManagement/deviceEnrollmentConfigurations"
	)
	for _, tt := range []struct{ path, odata, want string }{
		{profiles, "#microsoft.graph.windows10CustomConfiguration", "customConfiguration"},
		{profiles, "#microsoft.graph.androidForWorkCustomConfiguration", "customConfiguration"},
		{profiles, "#microsoft.graph.windows81TrustedRootCertificate", "trustedRootCertificate"},
		{profiles, "#microsoft.graph.windows81SCEPCertificateProfile", "scepPkcsCertificate"},
		{profiles, "#microsoft.graph.windows10PFXImportCertificateProfile", "scepPkcsCertificate"},
		{profiles, "#microsoft.graph.iosEasEmailProfileConfiguration", "wifiVpnEmail"},
		{profiles, "#microsoft.graph.windowsWifiConfiguration", "wifiVpnEmail"},
		{profiles, "#microsoft.graph.androidWorkProfileGmailEasConfiguration", "wifiVpnEmail"},
		{profiles, "#microsoft.graph.windowsUpdateForBusinessConfiguration", "updateRing"},
		{profiles, "#microsoft.graph.macOSSoftwareUpdateConfiguration", "updateRing"},
		{profiles, "#microsoft.graph.windows10GeneralConfiguration", "deviceConfiguration"},
		{profiles, "#microsoft.graph.somethingOfNextYear", "deviceConfiguration"},
		{profiles, "", "deviceConfiguration"},
		{enrollment, "#microsoft.graph.windows10EnrollmentCompletionPageConfiguration", "enrollmentStatusPage"},
		{enrollment, "#microsoft.graph.deviceComanagementAuthorityConfiguration", "comanagementSettings"},
		{enrollment, "#microsoft.graph.deviceEnrollmentLimitConfiguration", "enrollmentRestriction"},
		{"/deviceManagement/intents", "", "intent"},
		{"/deviceAppManagement/mobileApps/{parent}/relationships", "#microsoft.graph.mobileAppDependency", "mobileAppRelationship"},
	} {
		got := contract.Classify(tt.path, tt.odata)
		if got == nil || got.Key != tt.want {
			t.Errorf("Classify(%q, %q) = %v, want %s", tt.path, tt.odata, got, tt.want)
		}
	}
	if got := contract.Classify("/deviceManagement/nothing", ""); got != nil {
		t.Errorf("Classify of an unknown path = %s, want nil", got.Key)
	}
}

func TestUnknown(t *testing.T) {
	typ := contract.Unknown("/deviceManagement/somethingNew")
	if got, want := typ.Lists[0].ListURL(""), "/deviceManagement/somethingNew"; got != want {
		t.Errorf("list URL = %q, want %q", got, want)
	}
	if typ.Write.Support != contract.InventoryOnly || typ.Write.Reason == "" {
		t.Errorf("support = %q for %q, want inventory only with a reason", typ.Write.Support, typ.Write.Reason)
	}
	if got, want := typ.Bucket, contract.BucketOther; got != want {
		t.Errorf("bucket = %q, want %q", got, want)
	}
	got, err := typ.Normalize(nil, []byte(`{"id":"1","@odata.etag":"x","displayName":"A","roleScopeTagIds":["2","1"]}`))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"displayName":"A","roleScopeTagIds":["1","2"]}`; string(got) != want {
		t.Errorf("normalized = %s, want %s", got, want)
	}
}

func TestURLs(t *testing.T) {
	get := func(key string) *contract.Type {
		typ, _ := contract.Lookup(key)
		return typ
	}
	relations := get("mobileAppRelationship").Lists[0]
	settings := get("deviceManagementSettings").Lists[0]
	policy := get("configurationPolicy")
	wifi := get("wifiVpnEmail").ChildrenOf("iosEnterpriseWiFiConfiguration")
	object := policy.Lists[0].ObjectURL("", "a b/c")
	got := []string{
		policy.Lists[0].ListURL(""), object, policy.ReadURL(policy.Lists[0], object), contract.AssignmentsURL(object),
		policy.Read.Children[0].URL(object, ""),
		relations.ListURL("app"), relations.ObjectURL("app", "r"),
		settings.ListURL(""), settings.ObjectURL("", "ignored"),
		get("mobileApp").ReadURL(get("mobileApp").Lists[0], "/x"),
		wifi[0].URL("/x", "iosEnterpriseWiFiConfiguration"),
	}
	want := []string{
		"/deviceManagement/configurationPolicies?$expand=assignments",
		"/deviceManagement/configurationPolicies/a%20b%2Fc",
		"/deviceManagement/configurationPolicies/a%20b%2Fc?$expand=assignments",
		"/deviceManagement/configurationPolicies/a%20b%2Fc/assignments",
		"/deviceManagement/configurationPolicies/a%20b%2Fc/settings",
		"/deviceAppManagement/mobileApps/app/relationships",
		"/deviceAppManagement/mobileApps/app/relationships/r",
		"/deviceManagement/settings", "/deviceManagement/settings",
		"/x?$expand=categories",
		"/x/microsoft.graph.iosEnterpriseWiFiConfiguration/rootCertificatesForServerValidation?$select=id,displayName",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("URLs (-want +got):\n%s", diff)
	}
	var names []string
	for _, c := range wifi {
		names = append(names, c.Name)
	}
	wantNames := []string{"rootCertificatesForServerValidation", "identityCertificateForClientAuthentication", "derivedCredentialSettings"}
	if diff := cmp.Diff(wantNames, names); diff != "" {
		t.Errorf("children of an iOS Wi-Fi profile (-want +got):\n%s", diff)
	}
	if got := get("wifiVpnEmail").ChildrenOf("iosWiFiConfiguration"); len(got) != 0 {
		t.Errorf("a Wi-Fi profile with a password has children %v, want none", got)
	}
}

func ExampleClassify() {
	doc := []byte(`{"@odata.type":"#microsoft.graph.iosUpdateConfiguration","id":"1","displayName":"At night"}`)
	var head struct {
		OData string `json:"@odata.type"`
	}
	_ = json.Unmarshal(doc, &head)
	typ := contract.Classify("/deviceManagement/deviceConfigurations", head.OData)
	s, _ := typ.Summarize(doc)
	_, _ = os.Stdout.WriteString(typ.Key + ": " + s.Name + " for " + string(s.Platform) + "\n")
	// Output: updateRing: At night for ios
}
