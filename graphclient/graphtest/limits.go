package graphtest

import "time"

// Limits switches throttling on. The zero value is the service's own table:
// per tenant and service bucket, 1,000 requests and 100 writes in 20 seconds
// for one application, twice that for all applications together; the devices
// bucket twice as much; directory resource units; Conditional Access one
// request a second for all applications, without a Retry-After.
// Source: graph.md section 3.1.
type Limits struct {
	// Scale multiplies every number of requests, so that a test need not
	// send a thousand. 0 means 1. A limit never falls below one request.
	Scale float64

	// Buckets replaces single buckets, by name ("device-config-v2", "ca").
	Buckets map[string]Bucket

	// RetryAfter is the form of the header. The zero value is whole seconds.
	RetryAfter RetryAfterKind
}

// A Bucket is the limit of one service within one tenant. The window slides:
// a request passes when fewer than the limit came within the window before
// it. Refused requests count too, as graph.md section 3.1 has it. A limit of
// 0 does not restrict.
type Bucket struct {
	Window       time.Duration // 0 means 20 s
	Writes       int           // writes of one application
	AllWrites    int           // writes of all applications
	Any          int           // requests of one application
	All          int           // requests of all applications
	NoRetryAfter bool          // 429 without the header
}

// A RetryAfterKind is a form in which the wait is announced.
type RetryAfterKind int

// The forms of Retry-After. Source: graph.md sections 3.2 and 4, throttling.
const (
	RetryAfterSeconds  RetryAfterKind = iota // "17", rounded up
	RetryAfterFraction                       // "16.249"
	RetryAfterZero                           // "0", although it is not true
	RetryAfterDate                           // an HTTP date
	RetryAfterAbsent                         // no header
	RetryAfterHuge                           // "1000000000"
)
