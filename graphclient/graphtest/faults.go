package graphtest

import "time"

// A Fault makes some requests fail. The faults of a server are tried in
// order; the first that hits decides. Parts of a batch are requests too.
type Fault struct {
	// Method and Prefix choose requests. Empty matches all. A Prefix has no
	// API version: "/deviceManagement/configurationPolicies".
	Method string
	Prefix string

	// Paged restricts the fault to requests that follow a next link.
	Paged bool

	// Rate is the share of matching requests that are hit, by the server's
	// seed. 0 means all of them.
	Rate float64

	// Skip lets the first so many matching requests pass.
	Skip int

	// Times is how often the fault hits at most. 0 means without end.
	Times int

	// Kind says what happens. 0 is nothing but Delay.
	Kind FaultKind

	// Applied carries the request out before the answer says that it failed:
	// whoever sent it cannot know. It is for kinds that answer with an error or
	// not at all.
	// Source: graph.md section 3.2 and section 4, throttling: "after the write
	// was applied".
	Applied bool

	// RetryAfter is sent verbatim in that header; empty sends none.
	RetryAfter string

	// Delay is waited before the answer; for FaultStall in the middle of it.
	Delay time.Duration

	// Cut is how many bytes of the body FaultTruncate and FaultStall let
	// through first. 0 means half of it, negative none.
	Cut int
}

// A FaultKind says what happens to a request.
type FaultKind int

// The ways a request fails. Source of all: graph.md section 4, errors,
// throttling and platform; section 3.2 has what each demands of a client.
const (
	FaultThrottle        FaultKind = iota + 1 // 429 TooManyRequests
	FaultUnavailable                          // 503
	FaultBadGatewayHTML                       // 502 with an HTML page
	FaultGatewayTimeout                       // 504
	FaultInternal                             // 500
	FaultForbidden                            // 403 with the scope list
	FaultConditional                          // 403 by a Conditional Access rule
	FaultUnauthorized                         // 401, token expired
	FaultClaims                               // 401 with a claims challenge
	FaultNotFound                             // 404
	FaultReset                                // the connection ends without an answer
	FaultTruncate                             // 200, the body ends early
	FaultCutJSON                              // 200, complete body that is not complete JSON
	FaultStall                                // 200, the body stops for Delay in the middle
	FaultEmptyBody                            // the right status without a body
	FaultWrongType                            // the right body announced as text/html
	FaultTopLevelMessage                      // 400 with {"Message":…} instead of {"error":…}
)

// Flaky returns faults that throttle and fail the given shares of all
// requests: 429 with a Retry-After of a second, 503 without one. A share of 0
// or less adds none.
func Flaky(throttle, serverError float64) []Fault {
	var faults []Fault
	if throttle > 0 {
		faults = append(faults, Fault{Kind: FaultThrottle, Rate: throttle, RetryAfter: "1"})
	}
	if serverError > 0 {
		faults = append(faults, Fault{Kind: FaultUnavailable, Rate: serverError})
	}
	return faults
}
