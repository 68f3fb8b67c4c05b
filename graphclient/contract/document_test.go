package contract_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

func TestSummarize(t *testing.T) {
	for _, tt := range []struct {
		name, kind, doc string
		want            contract.Summary
	}{
		{
			"a settings catalog policy", "configurationPolicy",
			`{"id":"1","name":"A \u00e9","displayName":"no","platforms":"windows10","settingCount":3,"roleScopeTagIds":["0","4"],
			  "createdDateTime":"2020-01-01T00:00:00Z","lastModifiedDateTime":"2026-01-02T03:04:05.678Z"}`,
			contract.Summary{
				ID: "1", Name: "A é", OData: "deviceManagementConfigurationPolicy", Platform: contract.Windows,
				Modified: time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC), ScopeTags: []string{"0", "4"}, Count: 3,
			},
		},
		{
			"an assignment filter names its tags otherwise", "assignmentFilter",
			`{"id":"1","displayName":"A","platform":"androidForWork","roleScopeTags":["2"]}`,
			contract.Summary{
				ID: "1", Name: "A", OData: "deviceAndAppManagementAssignmentFilter", Platform: contract.Android,
				ScopeTags: []string{"2"}, Count: -1,
			},
		},
		{
			"the platform of a profile is in its type", "deviceConfiguration",
			`{"@odata.type":"#microsoft.graph.macOSExtensionsConfiguration","id":"1","displayName":"A"}`,
			contract.Summary{ID: "1", Name: "A", OData: "macOSExtensionsConfiguration", Platform: contract.MacOS, Count: -1},
		},
		{
			"conditional access has another time", "conditionalAccessPolicy",
			`{"id":"1","displayName":"A","modifiedDateTime":"2026-01-02T04:04:05+01:00"}`,
			contract.Summary{
				ID: "1", Name: "A", OData: "conditionalAccessPolicy", Count: -1,
				Modified: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
			},
		},
		{
			"a default is provided", "enrollmentRestriction",
			`{"@odata.type":"#microsoft.graph.deviceEnrollmentLimitConfiguration","id":"x_Default","displayName":"A","priority":0}`,
			contract.Summary{ID: "x_Default", Name: "A", OData: "deviceEnrollmentLimitConfiguration", Count: -1, Provided: true},
		},
		{
			"and so is a built-in role", "roleDefinition", `{"id":"1","displayName":"A","isBuiltInRoleDefinition":true}`,
			contract.Summary{ID: "1", Name: "A", OData: "deviceAndAppManagementRoleDefinition", Count: -1, Provided: true},
		},
		{
			"a connector with a name of its own", "connectors", `{"id":"1","appleIdentifier":"a@example.com"}`,
			contract.Summary{ID: "1", Name: "a@example.com", Count: -1},
		},
		{
			"a singleton", "deviceManagementSettings", `{"secureByDefault":true}`,
			contract.Summary{OData: "deviceManagementSettings", Count: -1},
		},
		{
			"odd shapes count as absent", "configurationPolicy",
			`{"id":1,"name":{"a":"}"},"platforms":["x"],"settingCount":"3","roleScopeTagIds":"0","lastModifiedDateTime":"yesterday"}`,
			contract.Summary{OData: "deviceManagementConfigurationPolicy", Count: -1},
		},
		{
			"several platforms", "configurationPolicy", `{"id":"1","name":"A","platforms":"iOS,macOS"}`,
			contract.Summary{ID: "1", Name: "A", OData: "deviceManagementConfigurationPolicy", Platform: contract.MultiPlatform, Count: -1},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := lookup(t, tt.kind).Summarize([]byte(tt.doc))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("summary (-want +got):\n%s", diff)
			}
		})
	}
	for _, doc := range []string{"", "[]", "null", `{"a"`, `{"id":"1"`} {
		if got, err := lookup(t, "deviceCategory").Summarize([]byte(doc)); err == nil {
			t.Errorf("Summarize(%q) = %v, want an error", doc, got)
		}
	}
}

func TestPlatforms(t *testing.T) {
	apps := lookup(t, "mobileApp")
	for odata, want := range map[string]contract.Platform{
		"win32LobApp": contract.Windows, "winGetApp": contract.Windows, "officeSuiteApp": contract.Windows,
		"macOSOfficeSuiteApp": contract.MacOS, "macOsVppApp": contract.MacOS, "iosVppApp": contract.IOS,
		"iosiPadOSWebClip": contract.IOS, "managedAndroidStoreApp": contract.Android, "managedIOSStoreApp": contract.IOS,
		"androidAospReferencedApp": contract.Android, "webApp": contract.NoPlatform, "microsoftStoreForBusinessApp": contract.Windows,
	} {
		s, err := apps.Summarize([]byte(`{"@odata.type":"#microsoft.graph.` + odata + `"}`))
		if err != nil || s.Platform != want {
			t.Errorf("%s is for %q, %v; want %q", odata, s.Platform, err, want)
		}
	}
	rules := lookup(t, "managedDeviceCleanupRule")
	for value, want := range map[string]contract.Platform{
		"all": contract.MultiPlatform, "androidAOSP": contract.Android, "macOS": contract.MacOS, "ios": contract.IOS,
		"visionOS": contract.VisionOS, "tvOS": contract.TvOS, "windowsHolographic": contract.Windows,
	} {
		s, err := rules.Summarize([]byte(`{"deviceCleanupRulePlatformType":"` + value + `"}`))
		if err != nil || s.Platform != want {
			t.Errorf("%s is %q, %v; want %q", value, s.Platform, err, want)
		}
	}
}
