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

	// Protected are path prefixes whose changes a second administrator has to
	// approve; see [Tenant.Approvals].
	// Source: graph.md section 3.12.
	Protected []string
}

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
