package contract

import (
	"strings"
	"time"
)

// A Bucket is a service limit of Graph: requests that share a bucket are
// counted together. Limits of different buckets are independent.
type Bucket string

// The buckets, named as Microsoft's pages on throttling name them.
const (
	BucketDeviceConfigV2      Bucket = "device-config-v2"
	BucketDeviceConfiguration Bucket = "device-configuration"
	BucketDeviceIntent        Bucket = "device-intent"
	BucketApplications        Bucket = "applications"
	BucketManagedApplications Bucket = "managed-applications"
	BucketEnrollment          Bucket = "enrollment"
	BucketDeviceEnrollment    Bucket = "device-enrollment"
	BucketRBAC                Bucket = "rbac"
	BucketNotifications       Bucket = "notifications"
	BucketUpdates             Bucket = "updates"
	BucketDevices             Bucket = "devices"
	BucketGroupPolicy         Bucket = "group-policy"
	BucketPolicySet           Bucket = "policyset"
	BucketBundles             Bucket = "bundles"
	BucketCompanyTerms        Bucket = "company-terms"
	BucketBooks               Bucket = "books"
	BucketUnlock              Bucket = "unlock"
	BucketFencing             Bucket = "fencing"
	BucketWIP                 Bucket = "wip"
	BucketPartnerIntegration  Bucket = "partner-integration"
	BucketAndroidForWork      Bucket = "android-for-work"
	BucketCloudPC             Bucket = "cloud-pc"
	BucketAuditing            Bucket = "auditing"
	BucketOther               Bucket = "other" // whatever has no known bucket
	BucketIdentity            Bucket = "identity"
	BucketConditionalAccess   Bucket = "conditional-access"
)

// A Limit is how much a bucket lets through.
type Limit struct {
	Window time.Duration // what the numbers are per

	// Writes and Requests count one app in one tenant: everything but GET,
	// and everything. TenantWrites and TenantRequests count all apps in the
	// tenant together. Zero means that no such limit is published.
	Writes, Requests             int
	TenantWrites, TenantRequests int

	// Assumed means that nobody has read the bucket's own page; the numbers
	// are those of its neighbours.
	Assumed bool
	// NoRetryAfter means that a 429 does not say how long to wait.
	NoRetryAfter bool
}

// Limit returns the published limit of b. An unknown bucket has that of
// [BucketOther].
func (b Bucket) Limit() Limit {
	switch b {
	case BucketDeviceConfigV2, BucketDeviceConfiguration, BucketDeviceIntent,
		BucketApplications, BucketManagedApplications, BucketEnrollment,
		BucketRBAC, BucketNotifications, BucketUpdates:
		return intune(1)
	case BucketDevices:
		return intune(2)
	case BucketIdentity:
		// Reads are counted in resource units per 10 s, 3,500 in the smallest
		// tenants. A list of users or groups costs 2 or 3 at most.
		return Limit{Window: 150 * time.Second, Writes: 3000, Requests: 17500}
	case BucketConditionalAccess:
		return Limit{Window: time.Second, TenantWrites: 1, TenantRequests: 1, NoRetryAfter: true}
	default:
		l := intune(1)
		l.Assumed = true
		return l
	}
}

// intune returns the limit that most Intune services share, n times over.
func intune(n int) Limit {
	return Limit{
		Window: 20 * time.Second,
		Writes: 100 * n, Requests: 1000 * n,
		TenantWrites: 200 * n, TenantRequests: 2000 * n,
	}
}

// BucketOf returns the bucket of a request for path, which may begin with a
// version and end in a query. A batch has none of its own; its parts count.
func BucketOf(path string) Bucket {
	path, _, _ = strings.Cut(path, "?")
	path = strings.TrimPrefix(strings.TrimPrefix(path, "/v1.0"), "/"+Version)
	if path == "/deviceManagement" {
		return BucketDeviceConfiguration // the tenant's settings; what is below says for itself
	}
	for end := len(path); end > 0; end = strings.LastIndexAny(path[:end], "/(") {
		if b, ok := registry.buckets[path[:end]]; ok {
			return b
		}
	}
	return BucketOther
}

// otherBuckets are those of paths that are no list of a type.
func otherBuckets() map[string]Bucket {
	return map[string]Bucket{
		GroupsPath: BucketIdentity, ObjectsByIDsPath: BucketIdentity,
		"/users": BucketIdentity, "/directoryObjects": BucketIdentity, "/identity": BucketIdentity,
		"/identity/conditionalAccess":             BucketConditionalAccess,
		"/deviceManagement/managedDevices":        BucketDevices,
		"/deviceManagement/templates":             BucketDeviceIntent,
		"/deviceManagement/derivedCredentials":    BucketDeviceConfiguration,
		"/deviceAppManagement/managedAppPolicies": BucketManagedApplications,
		AuditEventsPath:                           BucketAuditing,
	}
}
