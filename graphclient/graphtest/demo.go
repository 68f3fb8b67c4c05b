package graphtest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// DemoTenant makes up a tenant: plausible objects of nearly every type with
// assignments, references, a few of which lead nowhere, duplicate names,
// scripts, secrets and policies of more than one page of settings. Equal
// arguments give equal documents. Size 1 is about 160 objects; the types that
// tenants have many of grow with it, by about 60 objects a step, the others do
// not. Sizes below 1 count as 1.
func DemoTenant(seed uint64, size int) Document {
	d := &demo{
		rng:  rand.New(rand.NewPCG(seed, 0x6772617068)), //nolint:gosec // repeatable on purpose
		doc:  make(Document),
		size: max(1, size),
		now:  time.Date(2025, 3, 3, 8, 0, 0, 0, time.UTC),
	}
	d.directory()
	d.foundations()
	d.scripts()
	d.apps()
	d.protections()
	d.catalog()
	d.profiles()
	d.templates()
	d.updates()
	d.compliance()
	d.enrollment()
	d.connectors()
	d.conditionalAccess()
	d.sets()
	return d.doc
}

// props are the members of a made-up object.
type props map[string]any

// or sets the members of defaults that p does not have.
func (p props) or(defaults props) props {
	for k, v := range defaults {
		if _, ok := p[k]; !ok {
			p[k] = v
		}
	}
	return p
}

type demo struct {
	rng  *rand.Rand
	doc  Document
	size int
	now  time.Time

	groups, filters, tags, appIDs []string
	messages, reusable, checks    []string
	policies                      []string
}

// add adds an object and returns its id.
func (d *demo) add(path string, p props) string {
	id, _ := p["id"].(string)
	if id == "" {
		id = d.id()
		p["id"] = id
	}
	raw, _ := json.Marshal(p) // strings, numbers, lists and props always marshal
	d.doc[path] = append(d.doc[path], raw)
	return id
}

// policy is add with what Intune objects have in common.
func (d *demo) policy(path, name string, p props) string {
	created := d.day()
	return d.add(path, p.or(props{
		"displayName": name, "description": d.pick(descriptions), "createdDateTime": created,
		"lastModifiedDateTime": d.after(created), "roleScopeTagIds": d.scope(),
	}))
}

func (d *demo) id() string {
	a, b := d.rng.Uint64(), d.rng.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", uint32(a>>32), uint16(a>>16), a&0xfff, b>>52, b&0xffffffffffff)
}

func (d *demo) pick(list []string) string { return list[d.rng.IntN(len(list))] }

func (d *demo) day() string {
	return d.now.Add(-time.Duration(d.rng.IntN(700*24*3600)) * time.Second).Format("2006-01-02T15:04:05.0000000Z")
}

func (d *demo) after(day string) string {
	t, err := time.Parse(time.RFC3339Nano, day)
	if err != nil {
		return day
	}
	return t.Add(time.Duration(d.rng.IntN(2000)) * time.Hour).Format("2006-01-02T15:04:05.0000000Z")
}

// scope is a list of scope tags: mostly the default one, now and then one
// that is gone.
func (d *demo) scope() []string {
	switch n := d.rng.IntN(12); {
	case n == 0:
		return []string{"0", "99"}
	case n < 4 && len(d.tags) > 0:
		return []string{"0", d.pick(d.tags)}
	}
	return []string{"0"}
}

var descriptions = []string{
	"", "Rolled out with the autumn hardening.", "Owned by the workplace team.",
	"Piloted first; see the change calendar.", "Für alle Standorte außer Zürich.", "Do not edit by hand.\nManaged from the portal.",
}

var (
	teams  = []string{"Finance", "Sales", "Engineering", "Warehouse", "Board", "Field Service", "HR", "Research", "Kiosk", "Call Centre"}
	places = []string{"Rotterdam", "Lyon", "Malmö", "Kraków", "Porto", "Zürich", "Cork", "Trieste"}
	rings  = []string{"Ring 0 - IT", "Ring 1 - Pilot", "Ring 2 - Early", "Ring 3 - Broad"}
)

// directory makes groups, users and the organization.
func (d *demo) directory() {
	d.add("organization", props{"displayName": "Northwind Harbour B.V.", "countryLetterCode": "NL", "verifiedDomains": []props{{"name": "northwind-harbour.example", "isDefault": true}}})
	var users []string
	for i := range 6 * d.size {
		name := fmt.Sprintf("user%03d@northwind-harbour.example", i)
		users = append(users, d.add("users", props{"displayName": fmt.Sprintf("%s User %d", d.pick(teams), i), "userPrincipalName": name, "accountEnabled": i%7 != 0}))
	}
	group := func(name, rule string, synced any) string {
		types := []string{}
		if rule != "" {
			types = []string{"DynamicMembership"}
		}
		var members []props
		for range d.rng.IntN(4) {
			members = append(members, props{"@odata.type": "#microsoft.graph.user", "id": users[d.rng.IntN(len(users))]})
		}
		members = slices.CompactFunc(members, func(a, b props) bool { return a["id"] == b["id"] })
		var dynamic any
		if rule != "" {
			dynamic = rule
		}
		return d.add("groups", props{
			"displayName": name, "description": d.pick(descriptions), "groupTypes": types, "membershipRule": dynamic,
			"securityEnabled": true, "mailEnabled": false, "mailNickname": fmt.Sprintf("g%04x", d.rng.IntN(1<<16)),
			"onPremisesSyncEnabled": synced, "createdDateTime": d.now.AddDate(-2, 0, 0).Format(time.RFC3339), "members": members,
		})
	}
	for _, ring := range rings {
		d.groups = append(d.groups, group("Devices - "+ring, "", nil))
	}
	for i := range 8 * d.size {
		name := fmt.Sprintf("%s %s", teams[i%len(teams)], places[(i/len(teams)+i)%len(places)])
		d.groups = append(d.groups, group(name, "", nil))
	}
	d.groups = append(d.groups,
		group("Autopilot Devices", `(device.devicePhysicalIDs -any (_ -startsWith "[ZTDid]"))`, nil),
		group("Contractors", "", true), group("Contractors", "", nil), // two of one name
		group(`O'Brien's "test" group`, "", nil), group("Außendienst – iPads", "", nil), group("Break Glass", "", nil))
}

// assign makes assignments to some of the groups. Every now and then one of
// them leads to a group that is gone.
func (d *demo) assign() []props {
	switch d.rng.IntN(10) {
	case 0, 1:
		return []props{}
	case 2:
		return []props{d.target("allDevicesAssignmentTarget", true)}
	case 3:
		return []props{d.target("allLicensedUsersAssignmentTarget", false)}
	case 4:
		gone := d.target("groupAssignmentTarget", false)
		gone["target"].(props)["groupId"] = d.id()
		return []props{gone}
	}
	include, exclude := d.target("groupAssignmentTarget", d.rng.IntN(2) == 0), d.target("exclusionGroupAssignmentTarget", false)
	if include["target"].(props)["groupId"] == exclude["target"].(props)["groupId"] || d.rng.IntN(2) == 0 {
		return []props{include}
	}
	return []props{include, exclude}
}

// toGroups makes assignments to groups only, for types that accept no other.
func (d *demo) toGroups() []props {
	return []props{d.target("groupAssignmentTarget", false)}
}

func (d *demo) target(typ string, filtered bool) props {
	t := props{
		"@odata.type": graphNamespace + typ, "deviceAndAppManagementAssignmentFilterId": nil,
		"deviceAndAppManagementAssignmentFilterType": "none",
	}
	if typ == "groupAssignmentTarget" || typ == "exclusionGroupAssignmentTarget" {
		t["groupId"] = d.pick(d.groups)
	}
	if filtered && len(d.filters) > 0 {
		t["deviceAndAppManagementAssignmentFilterId"] = d.pick(d.filters)
		t["deviceAndAppManagementAssignmentFilterType"] = d.pick([]string{"include", "exclude"})
	}
	return props{"target": t}
}
