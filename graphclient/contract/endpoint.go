package contract

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Version is the path segment of the API version. v1.0 lacks most of what a
// faithful copy needs, scope tags and filters among it.
const Version = "beta"

// Endpoints that belong to no type.
const (
	BatchPath            = "/$batch" // POST, at most MaxBatch parts
	GroupsPath           = "/groups"
	GroupsDeltaPath      = "/groups/delta"
	ObjectsByIDsPath     = "/directoryObjects/getByIds" // POST {ids, types}, at most MaxIDs
	AuditEventsPath      = "/deviceManagement/auditEvents"
	ApprovalRequestsPath = "/deviceManagement/operationApprovalRequests"
)

// Sizes that Graph accepts.
const (
	MaxBatch = 20   // parts of one batch
	MaxIDs   = 1000 // ids of one look-up
)

// groupFields is what the directory cache keeps of a group.
const groupFields = "id,displayName,groupTypes,mailEnabled,securityEnabled,membershipRule,onPremisesSyncEnabled"

// GroupsDelta returns the first request of a delta enumeration of all groups.
// The following ones are the links that the answers give.
func GroupsDelta() string { return GroupsDeltaPath + "?$select=" + groupFields }

// Group returns the request for one group.
func Group(id string) string {
	return GroupsPath + "/" + url.PathEscape(id) + "?$select=" + groupFields
}

// GroupSearch returns the request for groups with a name like text. It needs
// the header "ConsistencyLevel: eventual". A top below one asks for Graph's
// own page size.
func GroupSearch(text string, top int) string {
	text = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text)
	q := "?$search=" + escape(`"displayName:`+text+`"`) + "&$select=" + groupFields
	if top > 0 {
		q += "&$top=" + strconv.Itoa(top)
	}
	return GroupsPath + q
}

// AuditEventsSince returns the request for Intune's audit events after t: a
// cheap probe for whether anything changed.
func AuditEventsSince(t time.Time) string {
	return AuditEventsPath + "?$filter=" + escape("activityDateTime gt "+t.UTC().Format("2006-01-02T15:04:05Z")) +
		"&$select=id,activityDateTime,category,componentName,resources"
}

// ApprovalRequest returns the request for the state of one approval.
func ApprovalRequest(id string) string {
	return ApprovalRequestsPath + "?$filter=" + escape("requestId eq '"+Quote(id)+"'")
}

// Quote escapes s for a string literal of $filter.
func Quote(s string) string { return strings.ReplaceAll(s, "'", "''") }

// escape escapes a query value; url.QueryEscape turns spaces into plus signs,
// which Graph reads as such in some services.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// The headers of a tenant that wants a second administrator to approve changes.
const (
	JustificationHeader = "x-msft-approval-justification" // why, as text in base64
	ApprovalHeader      = "x-msft-approval-code"          // of a request that was approved
)
