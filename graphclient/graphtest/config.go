package graphtest

import "time"

// A Config describes a [Server]. The zero value is a server without tenants
// that accepts any client, never throttles and never fails.
type Config struct {
	// Tenants are the Entra tenant ids that exist from the start. More come
	// with [Server.AddTenant].
	Tenants []string

	// Clients are the registered applications. When empty, any client id and
	// secret gets a token with every permission.
	Clients []Client

	// Users are the people who can sign in at the authorize endpoint for
	// delegated tokens. When empty, nobody can.
	Users []User

	// TokenLifetime is how long issued tokens are accepted. 0 means an hour.
	TokenLifetime time.Duration

	// PageSize is the number of objects a list page holds. 0 means as the
	// service does: 25 for the settings catalog and its children, 100 for
	// the rest. PageSizes wins over it, by list path such as
	// "deviceManagement/configurationPolicies".
	PageSize  int
	PageSizes map[string]int

	// Quirks, Faults and Limits are the switches; each has a setter on the
	// server for a change in mid-test. Nil Limits means no throttling.
	Quirks Quirks
	Faults []Fault
	Limits *Limits

	// Now is the server's clock: token expiry, throttle windows, modification
	// times. Nil means time.Now. Delays always use real (or bubble) time.
	Now func() time.Time

	// Seed decides everything random: which requests a [Fault] with a rate
	// hits, the order of batch answers. Equal seeds and equal requests in
	// equal order give equal answers.
	Seed uint64

	// LogSize is how many of the newest requests [Server.Log] keeps. 0 means
	// 65,536; negative keeps none. Counts are never cut.
	LogSize int

	// NoGzip answers uncompressed even when the client accepts gzip, for
	// measurements that should not measure a compressor.
	NoGzip bool
}

// A Client is a registered application.
type Client struct {
	ID     string
	Secret string

	// Roles are its application permissions, such as
	// "DeviceManagementConfiguration.Read.All". A request that none of them
	// allows gets the service's 403. Nil means every permission.
	Roles []string

	// Tenants are the tenants that consented. Nil means all.
	Tenants []string
}

// A User is a person who can sign in for delegated access.
type User struct {
	Tenant string
	ID     string // object id
	Name   string // sign-in name, chosen by login_hint at the authorize endpoint
	Scopes []string
}
