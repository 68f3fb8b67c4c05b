package contract_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"testing"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

func lookup(t testing.TB, key string) *contract.Type {
	t.Helper()
	typ, ok := contract.Lookup(key)
	if !ok {
		t.Fatalf("no type %s", key)
	}
	return typ
}

func TestNormalize(t *testing.T) {
	for _, tt := range []struct{ name, kind, doc, want string }{
		{
			"generic", "deviceManagementScript",
			`{"id":"1","createdDateTime":"2024-01-01T00:00:00Z","version":3,"@odata.context":"x","@odata.type":"#microsoft.graph.deviceManagementScript",
			  "#microsoft.graph.assign":{"target":"x"},"isAssigned":true,"supportsScopeTags":true,"assignments":[{"id":"1"}],
			  "displayName@odata.type":"#String","description":null,"fileName":"","displayName":"A","runAs32Bit":false}`,
			`{"displayName":"A","runAs32Bit":false}`,
		},
		{
			"the default scope tag is what every object gets", "deviceManagementScript",
			`{"displayName":"A","roleScopeTagIds":["0"]}`, `{"displayName":"A"}`,
		},
		{
			"scope tags are a set", "deviceManagementScript",
			`{"roleScopeTagIds":["3","0"]}`, `{"roleScopeTagIds":["0","3"]}`,
		},
		{
			"filters name them otherwise", "assignmentFilter",
			`{"roleScopeTags":["0"],"rule":"x","payloads":[{"payloadId":"1"}]}`, `{"rule":"x"}`,
		},
		{
			"only top-level ids are the server's", "conditionalAccessPolicy",
			`{"id":"1","grantControls":{"authenticationStrength":{"id":"2","displayName":"MFA","policyType":"builtIn"}}}`,
			`{"grantControls":{"authenticationStrength":{"id":"2"}}}`,
		},
		{
			"conditional access has no order and two defaults", "conditionalAccessPolicy",
			`{"conditions":{"users":{"includeGroups":["b","a"],"excludeUsers":[]},"clientAppTypes":["browser","all"]},
			  "sessionControls":{"disableResilienceDefaults":false,"signInFrequency":null},"templateId":"x"}`,
			`{"conditions":{"clientAppTypes":["all","browser"],"users":{"includeGroups":["a","b"]}},"sessionControls":{}}`,
		},
		{
			"a resilience default that is set shows", "conditionalAccessPolicy",
			`{"sessionControls":{"disableResilienceDefaults":true}}`, `{"sessionControls":{"disableResilienceDefaults":true}}`,
		},
		{
			"settings have new ids after every write and no order", "configurationPolicy",
			`{"name":"A","settingCount":2,"settings":[
			  {"id":"0","settingInstance":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationSimpleSettingInstance","settingDefinitionId":"b",
			   "auditRuleInformation":null,"simpleSettingValue":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationIntegerSettingValue","value":1}}},
			  {"id":"1","settingInstance":{"settingDefinitionId":"a"}}]}`,
			`{"name":"A","settings":[{"settingInstance":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationSimpleSettingInstance",` +
				`"settingDefinitionId":"b","simpleSettingValue":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationIntegerSettingValue","value":1}}},` +
				`{"settingInstance":{"settingDefinitionId":"a"}}]}`,
		},
		{
			"secrets of the catalog do not show", "configurationPolicy",
			`{"settings":[{"settingInstance":{"settingDefinitionId":"a","simpleSettingValue":
			  {"@odata.type":"#microsoft.graph.deviceManagementConfigurationSecretSettingValue","value":"token-1","valueState":"encryptedValueToken"}}}]}`,
			`{"settings":[{"settingInstance":{"settingDefinitionId":"a"}}]}`,
		},
		{
			"nor do those of profiles", "wifiVpnEmail",
			`{"@odata.type":"#microsoft.graph.iosWiFiConfiguration","ssid":"x","preSharedKey":"secret"}`,
			`{"@odata.type":"#microsoft.graph.iosWiFiConfiguration","ssid":"x"}`,
		},
		{
			"references to secrets differ by tenant", "customConfiguration",
			`{"omaSettings":[{"omaUri":"./x","isEncrypted":true,"secretReferenceValueId":"1","value":"****"}]}`,
			`{"omaSettings":[{"omaUri":"./x","value":"****"}]}`,
		},
		{
			"a rule's name reads null", "deviceCompliancePolicy",
			`{"@odata.type":"#microsoft.graph.iosCompliancePolicy","scheduledActionsForRule":[{"id":"1","ruleName":"PasswordRequired","scheduledActionConfigurations":[
			  {"id":"2","actionType":"block","notificationTemplateId":"00000000-0000-0000-0000-000000000000","notificationMessageCCList":[]}]}]}`,
			`{"@odata.type":"#microsoft.graph.iosCompliancePolicy","scheduledActionsForRule":[{"scheduledActionConfigurations":[{"actionType":"block"}]}]}`,
		},
		{
			"pauses are operations", "updateRing",
			`{"@odata.type":"#microsoft.graph.windowsUpdateForBusinessConfiguration","qualityUpdatesPauseStartDate":"2024-01-01","qualityUpdatesDeferralPeriodInDays":3}`,
			`{"@odata.type":"#microsoft.graph.windowsUpdateForBusinessConfiguration","qualityUpdatesDeferralPeriodInDays":3}`,
		},
		{
			"definitions speak the caller's language", "groupPolicyConfiguration",
			`{"definitionValues":[{"id":"1","enabled":true,"configurationType":"preference","definition":{"id":"d","displayName":"Anzeigename","version":"1.0"},
			  "presentationValues":[{"id":"2","@odata.type":"#microsoft.graph.groupPolicyPresentationValueText","value":"v",
			   "presentation":{"@odata.type":"#microsoft.graph.groupPolicyPresentationTextBox","id":"p","label":"Wert"}}]}]}`,
			`{"definitionValues":[{"configurationType":"preference","definition":{"id":"d"},"enabled":true,` +
				`"presentationValues":[{"@odata.type":"#microsoft.graph.groupPolicyPresentationValueText","presentation":{"id":"p"},"value":"v"}]}]}`,
		},
		{
			"services send times with different digits", "termsAndConditions",
			`{"a":"2024-01-02T03:04:05.1230000Z","b":"2024-01-02T03:04:05.000Z","c":"2024-01-02T03:04:05Z","d":"at \"2024-01-02T03:04:05.0Z","e":"12.50Z"}`,
			`{"a":"2024-01-02T03:04:05.123Z","b":"2024-01-02T03:04:05Z","c":"2024-01-02T03:04:05Z","d":"at \"2024-01-02T03:04:05.0Z","e":"12.50Z"}`,
		},
		{
			"numbers and text have many spellings", "termsAndConditions",
			`{"n":1.0,"title":"\u00e9"}`, `{"n":1,"title":"é"}`,
		},
		{
			"a declared type says nothing, another one does", "deviceConfiguration",
			`{"@odata.type":"#microsoft.graph.iosGeneralDeviceConfiguration","compliantAppsList":[{"@odata.type":"#microsoft.graph.appListItem","name":"a"},
			  {"@odata.type":"#microsoft.graph.appleAppListItem","name":"b"}],"mediaContentRatingUnitedStates":{"@odata.type":"#microsoft.graph.mediaContentRatingUnitedStates","tvRating":"x"}}`,
			`{"@odata.type":"#microsoft.graph.iosGeneralDeviceConfiguration","compliantAppsList":[{"name":"a"},` +
				`{"@odata.type":"#microsoft.graph.appleAppListItem","name":"b"}],"mediaContentRatingUnitedStates":{"tvRating":"x"}}`,
		},
		{
			"a bound reference is content", "scepPkcsCertificate",
			`{"rootCertificate@odata.bind":"https://graph.microsoft.com/beta/x('1')","rootCertificate@odata.navigationLink":"https://x"}`,
			`{"rootCertificate@odata.bind":"https://graph.microsoft.com/beta/x('1')"}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			typ := lookup(t, tt.kind)
			got := normalize(t, typ, []byte(tt.doc))
			if string(got) != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if again := normalize(t, typ, got); string(again) != tt.want {
				t.Errorf("once more gives %s", again)
			}
		})
	}
}

func TestNormalizeAppends(t *testing.T) {
	typ := lookup(t, "deviceCategory")
	got, err := typ.Normalize([]byte("head "), []byte(`{"displayName":"A"}`))
	if want := `head {"displayName":"A"}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
	for _, doc := range []string{"", "{", `{"a":1,"a":2}`, `{"a":"` + "\xff" + `"}`} {
		got, err := typ.Normalize([]byte("head"), []byte(doc))
		if err == nil || string(got) != "head" {
			t.Errorf("Normalize(%q) = %s, %v; want the given text and an error", doc, got, err)
		}
	}
}

func TestNormalizeAssignments(t *testing.T) {
	for _, tt := range []struct{ name, doc, want string }{
		{"absent", ``, `[]`},
		{"null", ` null `, `[]`},
		{"empty", `[]`, `[]`},
		{
			"ids, sources and order say nothing",
			`[{"id":"x_2","source":"direct","sourceId":"x","target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"b",
			   "deviceAndAppManagementAssignmentFilterId":null,"deviceAndAppManagementAssignmentFilterType":"none"}},
			  {"@odata.type":"#microsoft.graph.deviceConfigurationAssignment","id":"x_1","intent":"apply","target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"a",
			   "deviceAndAppManagementAssignmentFilterId":"00000000-0000-0000-0000-000000000000"}}]`,
			`[{"intent":"apply","target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"a"}},` +
				`{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"b"}}]`,
		},
		{
			"filters and policy sets do",
			`[{"source":"policySets","target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget",
			   "deviceAndAppManagementAssignmentFilterId":"f","deviceAndAppManagementAssignmentFilterType":"exclude"}}]`,
			`[{"source":"policySets","target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget",` +
				`"deviceAndAppManagementAssignmentFilterId":"f","deviceAndAppManagementAssignmentFilterType":"exclude"}}]`,
		},
		{
			"so does how an app is installed",
			`[{"intent":"required","settings":{"@odata.type":"#microsoft.graph.win32LobAppAssignmentSettings","notifications":"showAll","restartSettings":null}}]`,
			`[{"intent":"required","settings":{"@odata.type":"#microsoft.graph.win32LobAppAssignmentSettings","notifications":"showAll"}}]`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := contract.NormalizeAssignments(nil, []byte(tt.doc))
			if err != nil || string(got) != tt.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, tt.want)
			}
			again, err := contract.NormalizeAssignments(nil, got)
			if err != nil || string(again) != tt.want {
				t.Errorf("once more gives %s, %v", again, err)
			}
		})
	}
	for _, doc := range []string{"{", `[1]}`, `[],"x":[]`} {
		if got, err := contract.NormalizeAssignments(nil, []byte(doc)); err == nil {
			t.Errorf("NormalizeAssignments(%q) = %s, want an error", doc, got)
		}
	}
}

// FuzzNormalize checks for every type that a form is a form of itself, and
// that the order of members does not matter.
func FuzzNormalize(f *testing.F) {
	f.Add("configurationPolicy", []byte(`{"settings":[{"id":"1","settingInstance":{"settingDefinitionId":"a"}}]}`))
	f.Add("conditionalAccessPolicy", []byte(`{"conditions":{"users":{"includeGroups":["b","a"]}}}`))
	f.Add("deviceCategory", []byte(`{"a":["2024-01-01T00:00:00.10Z","2024-01-01T00:00:00.1Z"],"roleScopeTagIds":["0"]}`))
	f.Add("unknown", []byte(`{"a":{"@odata.type":"x","b":[[],"",null]}}`))
	f.Fuzz(func(t *testing.T, key string, doc []byte) {
		typ, ok := contract.Lookup(key)
		if !ok {
			typ = contract.Unknown("/x")
		}
		once, err := typ.Normalize(nil, doc)
		if err != nil {
			return
		}
		twice, err := typ.Normalize(nil, once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%s: %q\nonce  %s\ntwice %s (%v)", key, doc, once, twice, err)
		}
		if !json.Valid(once) {
			t.Errorf("%s: %q gives invalid JSON %s", key, doc, once)
		}
		_, _ = typ.Summarize(doc)
		_, _ = typ.References(doc, doc)
		redacted, _, err := typ.Redact(nil, doc)
		if err == nil && !json.Valid(redacted) {
			t.Errorf("%s: %q redacted is invalid JSON: %s", key, doc, redacted)
		}
	})
}

// benchmarkDocs returns real objects of about 4 KB.
func benchmarkDocs(b *testing.B) []object {
	b.Helper()
	var out []object
	for _, o := range tenantObjects(b) {
		var compact bytes.Buffer
		if err := json.Compact(&compact, o.doc); err != nil {
			b.Fatal(err)
		}
		if n := compact.Len(); 3<<10 < n && n < 5<<10 {
			o.doc = compact.Bytes()
			out = append(out, o)
		}
	}
	return out
}

// BenchmarkObject is what a sync does with every listed object: classify,
// summarize, normalize and hash.
func BenchmarkObject(b *testing.B) {
	docs := benchmarkDocs(b)
	size, n := 0, 0
	var form []byte
	b.ReportAllocs()
	for b.Loop() {
		o := docs[n%len(docs)]
		n++
		size += len(o.doc)
		typ := contract.Classify(o.path, o.odata)
		if _, err := typ.Summarize(o.doc); err != nil {
			b.Fatal(err)
		}
		var err error
		if form, err = typ.Normalize(form[:0], o.doc); err != nil {
			b.Fatal(err)
		}
		_ = sha256.Sum256(form)
	}
	b.SetBytes(int64(size / n))
}

func BenchmarkNormalize(b *testing.B) {
	benchmark(b, func(typ *contract.Type, o object) error {
		_, err := typ.Normalize(nil, o.doc)
		return err
	})
}

func BenchmarkSummarize(b *testing.B) {
	benchmark(b, func(typ *contract.Type, o object) error {
		_, err := typ.Summarize(o.doc)
		return err
	})
}

func BenchmarkReferences(b *testing.B) {
	benchmark(b, func(typ *contract.Type, o object) error {
		typ.References(o.doc, nil)
		return nil
	})
}

func BenchmarkRedact(b *testing.B) {
	benchmark(b, func(typ *contract.Type, o object) error {
		_, _, err := typ.Redact(nil, o.doc)
		return err
	})
}

func benchmark(b *testing.B, f func(*contract.Type, object) error) {
	b.Helper()
	docs := benchmarkDocs(b)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		o := docs[n%len(docs)]
		n++
		if err := f(contract.Classify(o.path, o.odata), o); err != nil {
			b.Fatal(err)
		}
	}
}
