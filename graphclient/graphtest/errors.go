package graphtest

import (
	"errors"
	"net/http"
	"strings"
)

// fail is an error answer in the ordinary form.
// Source: graph.md section 3.7.
func (c *call) fail(status int, code, message string) *answer {
	inner := newObject(160)
	inner.str("date", c.now.UTC().Format("2006-01-02T15:04:05"))
	inner.str("request-id", c.requestID)
	inner.str("client-request-id", c.clientID)
	e := newObject(256)
	e.str("code", code)
	e.str("message", message)
	e.raw("innerError", inner.bytes())
	w := newObject(320)
	w.raw("error", e.bytes())
	return &answer{status: status, body: w.bytes()}
}

// nested is an error of an Intune service: the message is a JSON document as
// a string, with the address of an internal host in it.
// Source: graph.md section 3.7.
func (c *call) nested(status int, code, message string) *answer {
	w := newObject(512)
	w.num("_version", 3)
	w.str("Message", message+
		" - Operation ID (for customer support): 00000000-0000-0000-0000-000000000000"+
		" - Activity ID: "+c.clientID+
		" - Url: https://fef.msub07.manage.microsoft.com/"+c.route.feature()+"/"+c.class()+"?api-version=5024-01-18")
	w.str("CustomApiErrorPhrase", "")
	w.raw("RetryAfter", []byte("null"))
	w.str("ErrorSourceService", "")
	w.str("HttpHeaders", "{}")
	return c.fail(status, code, string(w.bytes()))
}

// feature is the internal service name in the address of a nested error.
func (r *route) feature() string {
	if r == nil || r.root == nil {
		return "DeviceConfigV2"
	}
	switch r.root.bucket {
	case "applications", "managed-applications":
		return "AppLifecycle_2408"
	case "devices":
		return "SideCar"
	case "enrollment":
		return "DeviceEnrollmentFE"
	}
	return "DeviceConfigV2"
}

// intune reports whether errors come from Intune rather than from Entra.
func (c *call) intune() bool {
	return c.route != nil && c.route.root != nil && !c.route.root.is(directory)
}

func (c *call) badRequest(message string) *answer {
	return c.fail(http.StatusBadRequest, "BadRequest", message)
}

// refuse answers an error of parsing or checking query options.
func (c *call) refuse(err error) *answer {
	if bad, ok := errors.AsType[*optionError](err); ok {
		return c.badRequest(bad.msg)
	}
	return c.fail(http.StatusInternalServerError, "InternalServerError", "An internal server error has occurred.")
}

func (c *call) noSegment(seg string) *answer {
	return c.badRequest("Resource not found for the segment '" + seg + "'.")
}

func (c *call) notFound(id string) *answer {
	if c.intune() {
		return c.nested(http.StatusNotFound, "ResourceNotFound", "The requested resource was not found")
	}
	return c.fail(http.StatusNotFound, "Request_ResourceNotFound",
		"Resource '"+id+"' does not exist or one of its queried reference-property objects are not present.")
}

// forbidden answers 403 with the permissions that would have helped.
func (c *call) forbidden(wanted []string) *answer {
	scopes := strings.Join(wanted, ", ")
	if scopes == "" {
		scopes = "DeviceManagementConfiguration.Read.All"
	}
	const lead = "Application is not authorized to perform this operation. Application must have one of the following scopes: "
	if c.intune() && !c.quirks.ScopeListFlat {
		return c.nested(http.StatusForbidden, "Forbidden", lead+scopes)
	}
	if c.intune() {
		return c.fail(http.StatusForbidden, "Forbidden", lead+scopes)
	}
	return c.fail(http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
}

// unauthorized answers 401 as the gateway does.
func (c *call) unauthorized(message string) *answer {
	return c.fail(http.StatusUnauthorized, "InvalidAuthenticationToken", message).
		set("WWW-Authenticate", `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"`)
}

// challenge answers 401 that asks for a token with claims.
// Source: graph.md section 3.2.
func (c *call) challenge(claims string) *answer {
	return c.fail(http.StatusUnauthorized, "InvalidAuthenticationToken",
		"Continuous access evaluation resulted in challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp").
		set("WWW-Authenticate", `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000", error="insufficient_claims", claims="`+claims+`"`)
}

func (c *call) throttled(retryAfter string) *answer {
	a := c.fail(http.StatusTooManyRequests, "TooManyRequests", "Too many requests. Please retry after some time.")
	if retryAfter != "" {
		a.set("Retry-After", retryAfter)
	}
	return a
}

// class is the path of the call with ids replaced.
func (c *call) class() string {
	if c.route == nil {
		return c.path
	}
	return c.route.class
}
