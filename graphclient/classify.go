package graphclient

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The forms that anything from outside must have to become part of an Error.
var (
	codeForm     = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	idForm       = regexp.MustCompile(`^[A-Za-z0-9-]{8,64}$`)
	guidForm     = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
	scopeForm    = regexp.MustCompile(`\b[A-Z][A-Za-z]{2,40}\.(?:Read|ReadBasic|ReadWrite|Write|Manage|Send|Create|PrivilegedOperations)(?:\.[A-Z][A-Za-z]{1,40}){0,3}\b`)
	activityForm = regexp.MustCompile(`Activity ID: ([0-9A-Fa-f-]{36})`)
	claimsForm   = regexp.MustCompile(`(?i)\bclaims="([A-Za-z0-9+/=_-]+)"`)
)

// maxRetryAfter is the longest that an answer can make anybody wait before
// the next try.
const maxRetryAfter = 10 * time.Minute

// bad returns an error of the given code for an answer that is none.
func bad(code string) *Error { return &Error{Reason: ErrBadResponse, Code: code} }

// tooLarge returns an error for an answer that exceeds a limit.
func tooLarge(code string) *Error { return &Error{Reason: ErrTooLarge, Code: code} }

// invalid returns an error for a request that is not sent.
func invalid(method, code string) *Error {
	return &Error{Reason: ErrInvalidRequest, Method: method, Code: code}
}

// classify returns the error that an answer with the given status and body
// is. The body may be cut, or be anything at all.
func classify(status int, header http.Header, body []byte, now time.Time) *Error {
	e := &Error{Status: status, Reason: reasonOfStatus(status)}
	var doc struct {
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &doc) == nil {
		e.read(doc.Error)
	}
	if status/100 == 3 {
		e.Code = "redirect"
	}
	e.readHeader(header, now)
	return e
}

// classifyFault is classify for the error object of an answer that says 200.
func classifyFault(status int, header http.Header, fault []byte, now time.Time) *Error {
	e := &Error{Status: status, Reason: ErrBadResponse}
	e.read(fault)
	if r, ok := reasonOfCode[strings.ToLower(e.Code)]; ok {
		e.Reason = r
	}
	if e.Code == "" {
		e.Code = "error_in_success"
	}
	e.readHeader(header, now)
	return e
}

// reasonOfStatus returns the reason for a status that is not 2xx.
func reasonOfStatus(status int) Reason {
	switch {
	case status == http.StatusUnauthorized:
		return ErrUnauthenticated
	case status == http.StatusForbidden:
		return ErrForbidden
	case status == http.StatusNotFound, status == http.StatusGone:
		return ErrNotFound
	case status == http.StatusConflict, status == http.StatusPreconditionFailed, status == http.StatusLocked:
		return ErrConflict
	case status == http.StatusTooManyRequests:
		return ErrThrottled
	case status == http.StatusRequestTimeout, status >= 500 && status < 600 && status != http.StatusNotImplemented:
		return ErrUnreachable
	case status == http.StatusFailedDependency:
		// We never send dependsOn: the batch, not the request, is at fault.
		return ErrBadResponse
	case status >= 400 && status < 500, status == http.StatusNotImplemented:
		return ErrInvalidRequest
	default:
		return ErrBadResponse // a redirect among others
	}
}

// reasonOfCode is what codes, in lower case, say in an answer whose status
// says nothing.
var reasonOfCode = map[string]Reason{
	"toomanyrequests":             ErrThrottled,
	"activitylimitreached":        ErrThrottled,
	"forbidden":                   ErrForbidden,
	"accessdenied":                ErrForbidden,
	"authorization_requestdenied": ErrForbidden,
	"resourcenotfound":            ErrNotFound,
	"request_resourcenotfound":    ErrNotFound,
	"notfound":                    ErrNotFound,
	"itemnotfound":                ErrNotFound,
	"badrequest":                  ErrInvalidRequest,
	"modelvalidationfailure":      ErrInvalidRequest,
	"invalidreferenceid":          ErrInvalidRequest,
	"internalservererror":         ErrUnreachable,
	"serviceunavailable":          ErrUnreachable,
	"servicenotavailable":         ErrUnreachable,
	"gatewaytimeout":              ErrUnreachable,
	"unknownerror":                ErrUnreachable,
	"invalidauthenticationtoken":  ErrUnauthenticated,
}

// resyncCodes, in lower case, say that a delta link is no longer good.
var resyncCodes = map[string]bool{
	"syncstatenotfound": true, "syncstateinvalid": true, "resyncrequired": true,
	"resyncchangesapplydifferences": true, "resyncchangesuploaddifferences": true,
}

// read takes what is safe from an error object.
func (e *Error) read(object []byte) {
	var doc struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Inner   struct {
			RequestID string `json:"request-id"`
			Code      string `json:"code"`
		} `json:"innerError"`
	}
	// Members of another type leave the rest readable.
	_ = json.Unmarshal(object, &doc)
	message := doc.Message
	if codeForm.MatchString(doc.Code) {
		e.Code = doc.Code
	}
	if idForm.MatchString(doc.Inner.RequestID) {
		e.RequestID = doc.Inner.RequestID
	}
	if nested, ok := unwrap(doc.Code, doc.Message); ok {
		message = nested.Message
		if codeForm.MatchString(nested.Phrase) {
			e.Code = nested.Phrase
		}
		e.RetryAfter, e.said = parseRetryAfter(strings.Trim(string(nested.RetryAfter), `"`), time.Time{})
	}
	if m := activityForm.FindStringSubmatch(message); m != nil && guidForm.MatchString(m[1]) {
		e.ActivityID = m[1]
	}
	if e.Status == http.StatusBadRequest {
		e.Cause = causeOf(e.Code, message)
	}
	switch code := strings.ToLower(e.Code); {
	case e.Status == http.StatusForbidden && code == "approvalrequired":
		e.Reason = ErrApprovalRequired
	case e.Status == http.StatusForbidden:
		e.Scopes = scopesIn(message)
	case resyncCodes[code] || resyncCodes[strings.ToLower(doc.Inner.Code)]:
		e.Reason = ErrResync
	}
}

// A nestedError is what Intune puts into messages as a string.
type nestedError struct {
	Version    int             `json:"_version"`
	Message    string          `json:"Message"`
	Phrase     string          `json:"CustomApiErrorPhrase"`
	RetryAfter json.RawMessage `json:"RetryAfter"`
}

// unwrap reads the JSON that Intune nests in the message, or at times in the
// code.
func unwrap(code, message string) (nestedError, bool) {
	for _, s := range []string{message, code} {
		var n nestedError
		if s = strings.TrimSpace(s); strings.HasPrefix(s, "{") && json.Unmarshal([]byte(s), &n) == nil && n.Version > 0 {
			return n, true
		}
	}
	return nestedError{}, false
}

// scopesIn returns the permissions that a message says one of is missing.
func scopesIn(message string) []string {
	_, list, ok := strings.Cut(message, "following scopes:")
	if !ok {
		return nil
	}
	const most = 20
	return scopeForm.FindAllString(list[:min(len(list), 4096)], most)
}

// readHeader takes what is safe from the headers of an answer.
func (e *Error) readHeader(h http.Header, now time.Time) {
	if id := requestID(h); id != "" {
		e.RequestID = id
	}
	if d, ok := retryAfter(h, now); ok {
		e.RetryAfter, e.said = d, true
	}
	if code := h.Get("X-Msft-Approval-Code"); e.Reason == ErrApprovalRequired && guidForm.MatchString(code) {
		e.ApprovalCode = code
	}
	if e.Reason == ErrUnauthenticated {
		e.Claims = claimsChallenge(h)
	}
}

// requestID returns Graph's id of a request.
func requestID(h http.Header) string {
	if id := h.Get("Request-Id"); idForm.MatchString(id) {
		return id
	}
	return ""
}

// claimsChallenge returns the claims that an answer asks for, as JSON.
func claimsChallenge(h http.Header) string {
	for _, v := range h.Values("Www-Authenticate") {
		m := claimsForm.FindStringSubmatch(v)
		if m == nil || !strings.Contains(v, "insufficient_claims") {
			continue
		}
		plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(m[1], "="))
		if claims, err := base64.RawStdEncoding.DecodeString(plain); err == nil && json.Valid(claims) && claims[0] == '{' {
			return string(claims)
		}
	}
	return ""
}

// retryAfter returns how long an answer asks to wait, and whether it does. A
// date counts from the answer's own, so that clocks need not agree.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return parseRetryAfter(v, now)
}

// parseRetryAfter understands seconds, with a fraction too, and dates if now
// is not zero. The past means at once.
func parseRetryAfter(v string, now time.Time) (time.Duration, bool) {
	if v == "" {
		return 0, false
	}
	if strings.Trim(v, "+-.0123456789") == "" {
		s, err := strconv.ParseFloat(v, 64)
		if err != nil && !math.IsInf(s, 0) {
			return 0, false
		}
		return capWait(s), true
	}
	if t, err := http.ParseTime(v); err == nil && !now.IsZero() {
		return capWait(t.Sub(now).Seconds()), true
	}
	return 0, false
}

// capWait turns seconds into a duration between 0 and maxRetryAfter.
func capWait(seconds float64) time.Duration {
	return time.Duration(max(0, min(seconds, maxRetryAfter.Seconds())) * float64(time.Second))
}
