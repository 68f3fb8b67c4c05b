package graphtest

import "time"

// Quirks are habits of the service that are not always there. The zero value
// has none of them. They apply to all tenants of a server.
type Quirks struct {
	// Pages disturbs the paging of lists.
	// Source: graph.md section 4, paging.
	Pages []PageQuirk

	// BetweenPages, when set, is called after a page with a next link was
	// made and before it is sent, outside all locks: change the tenant here
	// to make objects repeat or vanish while a client pages.
	// Source: graph.md section 4, "item inserted/deleted between pages".
	BetweenPages func(t *Tenant, list string, page int)

	// LinkLifetime expires next links. 0 means they never expire.
	// Source: graph.md section 4, "nextLink expiring (400/410)".
	LinkLifetime time.Duration

	// LinkGone answers an expired next link with 410 instead of 400.
	// Source: as LinkLifetime.
	LinkGone bool

	// HonourTop obeys $top on Intune lists, which the service often ignores.
	// Directory lists always obey it.
	// Source: graph.md section 3.4.
	HonourTop bool

	// ExpandCap cuts expanded children silently after so many. 0 shows all.
	// Source: policytypes configurationPolicy, "check len==settingCount".
	ExpandCap int

	// Forbidden are path prefixes that answer 403 with the list of scopes
	// that would help. "" forbids everything.
	// Source: graph.md section 3.1 permissions and section 4, RBAC.
	Forbidden []string

	// ScopeListFlat writes the 403 message as a plain sentence; the default
	// is Intune's JSON string of _version 3.
	// Source: graph.md section 3.7.
	ScopeListFlat bool

	// RefuseCasts answers type-cast segments in a path with 400.
	// Source: policytypes deviceConfiguration (CIPP#2541).
	RefuseCasts bool

	// DeltaTokenLifetime expires delta links. 0 means 7 days, negative that
	// they are expired at once.
	// Source: graph.md section 3.6.
	DeltaTokenLifetime time.Duration

	// DeltaBadRequest answers an expired delta link with 400 instead of 410;
	// the code is syncStateNotFound either way.
	// Source: graph.md section 3.6.
	DeltaBadRequest bool

	// DeltaDuplicates repeats on every delta page but the first the last
	// object of the page before.
	// Source: graph.md section 3.6.
	DeltaDuplicates bool

	// PartialIDs makes directoryObjects/getByIds leave out these ids although
	// they exist.
	// Source: graph.md section 4, directory.
	PartialIDs []string

	// UnknownEnums lists, by property name, enum values that are younger than
	// the API version: they read as "unknownFutureValue" unless the request
	// says Prefer: include-unknown-enum-members.
	// Source: graph.md section 3.8.
	UnknownEnums map[string][]string

	// BatchStatus, when not 0, is the outer status of every $batch; its
	// parts are carried out nevertheless.
	// Source: graph.md section 3.3, unknown inner outcome.
	BatchStatus int

	// BatchInOrder answers batch parts in the order of the request. The
	// default is a seeded random order.
	// Source: graph.md section 3.3.
	BatchInOrder bool

	// BatchBase64 encodes the bodies of batch answers as base64 strings.
	// Source: graph.md section 3.3.
	BatchBase64 bool

	// GetLag is for how long a new object cannot be read, and ListLag for how
	// long lists do not show it. 0 shows it at once.
	// Source: graph.md section 3.11 and section 4, consistency.
	GetLag, ListLag time.Duration

	// WriteLag is for how long a new object is not found by requests that change
	// it, PatchLag for how long reads show what an object was before a change,
	// DeleteLag for how long they show one that was deleted. 0 means not at all.
	// Source: graph.md section 3.11 and section 4, consistency; policytypes
	// depEnrollmentProfile, deviceComplianceScript.
	WriteLag, PatchLag, DeleteLag time.Duration

	// PublishLag is how long a new app is processed, and a new ADMX file
	// uploaded, before it can be used.
	// Source: graph.md section 2, write shape 10; policytypes mobileApp,
	// groupPolicyUploadedDefinitionFile.
	PublishLag time.Duration

	// Rewrites are what the service makes of what it is given.
	// Source: graph.md section 4, server mutations.
	Rewrites []Rewrite

	// RoleTags are the scope tags of the caller's role, nil for every tag.
	// Objects without any of them cannot be seen, and to add another one is
	// refused, which the tag "0" is that the service adds by itself.
	// Source: graph.md section 4, RBAC and tags; policytypes roleScopeTag.
	RoleTags []string

	// Unlicensed are ids of setting definitions that the tenant has no licence
	// for: a policy with one is refused.
	// Source: graph.md section 4, write rules; policytypes configurationPolicy.
	Unlicensed []string

	// Retired are versions of updates, and ids of templates, that have left the
	// catalogue: to write one is refused.
	// Source: policytypes windowsFeatureUpdateProfile,
	// windowsQualityUpdateProfile, configurationPolicy, intent.
	Retired []string

	// SecurityDefaults are on, so that no Conditional Access policy can be
	// enforced.
	// Source: policytypes conditionalAccessPolicy.
	SecurityDefaults bool

	// AssignSilently makes assign answer well to a property of another type's
	// name, and do nothing.
	// Source: graph.md section 4, assign.
	AssignSilently bool

	// Lenient are the rules that the service does not obey. See [Rules].
	Lenient []Rule

	// Protected are path prefixes whose changes a second administrator has to
	// approve; see [Tenant.Approvals].
	// Source: graph.md section 3.12.
	Protected []string

	// JustificationForbidden answers 403 instead of 400 to a change that needs
	// an approval and says no reason.
	// Source: graph.md section 3.12.
	JustificationForbidden bool
}

// A Rewrite is something that the service makes of a document that it is given.
type Rewrite int

// The rewrites. Source of all: graph.md section 4, server mutations.
const (
	RewriteNulls Rewrite = iota + 1 // members that are null are not kept
	RewriteEmpty                    // an empty text reads null
	RewriteDates                    // dates read with seven digits behind the second
	RewriteOrder                    // lists without an order come back the other way round
	RewriteAudit                    // values of catalog settings get an auditRuleInformation
)

// A PageQuirk disturbs the pages of the lists it matches.
type PageQuirk struct {
	Prefix string   // list path prefix, "" matches every list
	Kind   PageKind // what happens
	Page   int      // on which page, from 0
	Host   string   // for PageForeignHost: the authority put in the link
	Cycle  int      // for PageLoop: how many pages back the link goes; 0 means to itself
}

// A PageKind says how paging is disturbed.
type PageKind int

// The ways paging goes wrong. Source of all: graph.md sections 3.4 and 4, paging.
const (
	// PageEmpty serves an empty page with a next link before this page.
	PageEmpty PageKind = iota + 1

	// PageEmptyForever serves empty pages with new next links from this page
	// on, without an end.
	PageEmptyForever

	// PageLoop makes the next link of this page lead to itself or to an
	// earlier page, so that following it never ends.
	PageLoop

	// PageForeignHost makes the next link of this page lead to another host.
	PageForeignHost
)
