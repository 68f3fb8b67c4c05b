package graphtest

import (
	"slices"
	"strings"
)

// A spec is what the server knows about one list, singleton or navigation
// property of Graph.
type spec struct {
	name string // path of a root, segment of a child
	typ  string // declared type without namespace; "" for paths served raw
	flag specFlag
	kids []*spec

	bucket string // name in Limits
	perm   perm
	page   int // objects to a page; 0 means 100
	ids    idRule
	gaps   gaps
	write  writing

	aliases     []string                                  // other names that exports give to this child
	noExpand    []string                                  // children whose $expand is refused
	fullRefuses []string                                  // children whose $expand fails with full metadata
	noFilter    []string                                  // properties and functions that $filter refuses
	views       []string                                  // roots whose objects a mixed list shows
	functions   []string                                  // bound functions that have a handler
	actions     []string                                  // bound actions that full metadata announces
	compute     func(t *Tenant, parent *object) []*object // makes the objects on demand; none are stored
}

type specFlag uint16

const (
	abstract     specFlag = 1 << iota // no object is of the declared type itself
	single                            // one object, not a list
	castOnly                          // reached through a type cast, never by $expand
	listNoExpand                      // the list refuses $expand, a single GET does not
	countIsPage                       // @odata.count is there unasked and counts the page
	directory                         // Entra's errors, $top, $search, advanced queries
	deltaList                         // has /delta
	settingCount                      // keeps the property settingCount right
	betaOnly                          // v1.0 has no such path
	callerID                          // PATCH at a new id creates an object
)

// gaps are the properties that lists do not tell. Names as in the document.
type gaps struct {
	null     []string // null in lists
	absent   []string // not there in lists
	selected []string // in lists only when $select names them
	asked    []string // in lists and single GETs only when $select names them
	never    []string // null everywhere
}

func (g *gaps) any() bool {
	return len(g.null)+len(g.absent)+len(g.selected)+len(g.asked)+len(g.never) > 0
}

// An idRule says how objects that were exported without an id get one.
type idRule int

const (
	idDerived    idRule = iota // a GUID from path and content
	idIndex                    // "0", "1", …
	idParent                   // that of the parent
	idAssignment               // parent id and group id
	idLocale                   // parent id and locale
	idApp                      // the package or bundle id
)

func (s *spec) is(f specFlag) bool { return s.flag&f != 0 }

// kid returns the child with that segment name or alias.
func (s *spec) kid(name string) *spec {
	for _, k := range s.kids {
		if strings.EqualFold(k.name, name) {
			return k
		}
	}
	return nil
}

// inline returns the child that exports carry under that member name.
func (s *spec) inline(name string) *spec {
	for _, k := range s.kids {
		if k.name == name || slices.Contains(k.aliases, name) {
			return k
		}
	}
	return nil
}

// A perm names the permissions that open a path.
type perm struct {
	base  string   // with .Read.All and .ReadWrite.All behind it
	exact []string // permissions of another shape
	also  []string // what a write needs besides, every one
}

// writes lists the permissions that allow writing.
func (p perm) writes() []string {
	var all []string
	if p.base != "" {
		all = append(all, p.base+".ReadWrite.All")
	}
	for _, name := range p.exact {
		if strings.Contains(name, ".ReadWrite.") {
			all = append(all, name)
		}
	}
	return all
}

// reads lists the permissions that allow reading.
func (p perm) reads() []string {
	if p.base == "" {
		return p.exact
	}
	return append([]string{p.base + ".ReadWrite.All", p.base + ".Read.All"}, p.exact...)
}

// allows reports whether one of what is wanted is granted.
func (p perm) allows(granted, wanted []string) bool {
	if granted == nil || (p.base == "" && len(p.exact) == 0) {
		return true
	}
	return slices.ContainsFunc(wanted, func(name string) bool { return foldIn(granted, name) })
}

// assignments is the child that most policies have.
func assignments(typ string) *spec {
	return &spec{name: "assignments", typ: typ, ids: idAssignment}
}

// newTable makes the server's knowledge of paths: lower-case root path to spec.
func newTable() map[string]*spec {
	table := make(map[string]*spec)
	rules := writings()
	for _, list := range [][]*spec{catalogSpecs(), profileSpecs(), updateSpecs(), scriptSpecs(), enrollmentSpecs(), tenantSpecs(), connectorSpecs(), appSpecs(), protectionSpecs(), identitySpecs()} {
		for _, s := range list {
			table[strings.ToLower(s.name)] = s
			s.write = rules[s.name]
			for _, k := range s.kids {
				k.write = rules[s.name+"/"+k.name]
			}
			if !slices.Contains(stable, s.name) && !s.is(directory) {
				s.flag |= betaOnly
			}
		}
	}
	return table
}

// stable are the Intune paths that v1.0 has. Read-only.
// Source: graph.md section 1, version; policytypes, column ver.
var stable = []string{
	"deviceManagement/roleDefinitions", "deviceManagement/roleAssignments", "deviceManagement/notificationMessageTemplates",
	"deviceManagement/deviceCategories", "deviceManagement/deviceConfigurations", "deviceManagement/deviceCompliancePolicies",
	"deviceManagement/settings", "deviceManagement/deviceEnrollmentConfigurations", "deviceManagement/termsAndConditions",
	"deviceManagement/applePushNotificationCertificate", "deviceManagement/mobileThreatDefenseConnectors",
	"deviceManagement/complianceManagementPartners", "deviceManagement/remoteAssistancePartners",
	"deviceManagement/deviceManagementPartners", "deviceManagement/exchangeConnectors", "deviceManagement/auditEvents",
	"deviceAppManagement/mobileApps", "deviceAppManagement/mobileAppCategories", "deviceAppManagement/mobileAppConfigurations",
	"deviceAppManagement/managedAppPolicies", "deviceAppManagement/iosManagedAppProtections",
	"deviceAppManagement/androidManagedAppProtections", "deviceAppManagement/defaultManagedAppProtections",
	"deviceAppManagement/mdmWindowsInformationProtectionPolicies", "deviceAppManagement/windowsInformationProtectionPolicies",
	"deviceAppManagement/targetedManagedAppConfigurations", "deviceAppManagement/managedEBooks", "deviceAppManagement/vppTokens",
}

// rawSpec describes a path that the table does not have.
func rawSpec(path string) *spec {
	return &spec{name: path, bucket: "other"}
}
