package contract_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

func TestBucketOf(t *testing.T) {
	for path, want := range map[string]contract.Bucket{
		"/deviceManagement/configurationPolicies":                                  contract.BucketDeviceConfigV2,
		"/beta/deviceManagement/configurationPolicies?$expand=assignments":         contract.BucketDeviceConfigV2,
		"/v1.0/deviceManagement/deviceConfigurations/1/assignments":                contract.BucketDeviceConfiguration,
		"/beta/deviceManagement/configurationPolicies('1')/settings?$skiptoken=/x": contract.BucketDeviceConfigV2,
		"/deviceManagement/deviceManagementScripts/1/assign":                       contract.BucketDevices,
		"/deviceManagement/managedDevices/1":                                       contract.BucketDevices,
		"/deviceManagement/applePushNotificationCertificate":                       contract.BucketDevices,
		"/deviceManagement/templates/1/createInstance":                             contract.BucketDeviceIntent,
		"/deviceManagement/depOnboardingSettings/1/enrollmentProfiles/2":           contract.BucketDeviceEnrollment,
		"/deviceAppManagement/mobileApps/1/relationships":                          contract.BucketApplications,
		"/deviceAppManagement/mobileAppsOfTomorrow":                                contract.BucketOther,
		"/deviceManagement":                                              contract.BucketDeviceConfiguration,
		"/deviceManagement/tomorrow":                                     contract.BucketOther,
		"/deviceManagement/auditEvents":                                  contract.BucketAuditing,
		"/identity/conditionalAccess/policies/1":                         contract.BucketConditionalAccess,
		"/identity/conditionalAccess/authenticationStrengths/policies/1": contract.BucketIdentity,
		"/groups/delta":                                                  contract.BucketIdentity,
		"/groups?$search=x":                                              contract.BucketIdentity,
		"/directoryObjects/getByIds":                                     contract.BucketIdentity,
		"/identityGovernance/termsOfUse/agreements":                      contract.BucketIdentity,
		"/$batch": contract.BucketOther,
		"":        contract.BucketOther,
		"/":       contract.BucketOther,
	} {
		if got := contract.BucketOf(path); got != want {
			t.Errorf("BucketOf(%q) = %q, want %q", path, got, want)
		}
	}
	for typ := range contract.All() {
		for _, l := range typ.Lists {
			want := typ.Bucket
			if l.Bucket != "" {
				want = l.Bucket
			}
			if got := contract.BucketOf(l.ObjectURL("parent", "id")); got != want {
				t.Errorf("%s: BucketOf an object = %q, want %q", typ.Key, got, want)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	intune := contract.Limit{Window: 20 * time.Second, Writes: 100, Requests: 1000, TenantWrites: 200, TenantRequests: 2000}
	devices := contract.Limit{Window: 20 * time.Second, Writes: 200, Requests: 2000, TenantWrites: 400, TenantRequests: 4000}
	assumed := intune
	assumed.Assumed = true
	for b, want := range map[contract.Bucket]contract.Limit{
		contract.BucketDeviceConfigV2:    intune,
		contract.BucketUpdates:           intune,
		contract.BucketDevices:           devices,
		contract.BucketGroupPolicy:       assumed,
		contract.BucketOther:             assumed,
		"tomorrow":                       assumed,
		contract.BucketConditionalAccess: {Window: time.Second, TenantWrites: 1, TenantRequests: 1, NoRetryAfter: true},
		contract.BucketIdentity:          {Window: 150 * time.Second, Writes: 3000, Requests: 17500},
	} {
		if diff := cmp.Diff(want, b.Limit()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", b, diff)
		}
	}
}

func TestEndpoints(t *testing.T) {
	const fields = "$select=id,displayName,groupTypes,mailEnabled,securityEnabled,membershipRule,onPremisesSyncEnabled"
	got := []string{
		contract.GroupsDelta(),
		contract.Group("a/b"),
		contract.GroupSearch(`a "b" \ & c+d`, 25),
		contract.GroupSearch("x", 0),
		contract.AuditEventsSince(time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600))),
		contract.ApprovalRequest("it's"),
	}
	want := []string{
		"/groups/delta?" + fields,
		"/groups/a%2Fb?" + fields,
		"/groups?$search=%22displayName%3Aa%20%5C%22b%5C%22%20%5C%5C%20%26%20c%2Bd%22&" + fields + "&$top=25",
		"/groups?$search=%22displayName%3Ax%22&" + fields,
		"/deviceManagement/auditEvents?$filter=activityDateTime%20gt%202026-01-02T02%3A04%3A05Z&$select=id,activityDateTime,category,componentName,resources",
		"/deviceManagement/operationApprovalRequests?$filter=requestId%20eq%20%27it%27%27s%27",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("endpoints (-want +got):\n%s", diff)
	}
}
