package contract

// The groups that the portal stands in for everybody.
const (
	virtualAllUsers   = "acacacac-9df4-4c7d-9d50-4ef0226f57a9"
	virtualAllDevices = "adadadad-808e-44e2-905a-0b7873a8a531"
)

func (x *extraction) assignments(list node) {
	switch list.value.(type) {
	case nil:
	case []any:
		list.each(x.assignmentOf)
	default:
		x.warn(list, "expected an array of assignments")
	}
}

func (x *extraction) assignmentOf(n node) {
	target := n.get("target")
	switch target.value.(type) {
	case map[string]any:
		x.target(target)
		x.filter(target)
	case nil:
		x.warn(n, "assignment without a target")
	default:
		x.warn(target, "expected an object")
	}
	// iOS apps can bring their own VPN.
	if settings := n.get("settings"); settings.text("vpnConfigurationId") != "" {
		x.id(to("wifiVpnEmail", ""), settings.get("vpnConfigurationId"))
	}
}

func (x *extraction) target(n node) {
	r := Reference{Relation: AssignedTo}
	at := n
	switch odataName(n.text("@odata.type")) {
	case "exclusionGroupAssignmentTarget":
		r.Exclude = true
		fallthrough
	case "groupAssignmentTarget", "cloudPcManagementGroupAssignmentTarget", "officeConfigurationGroupAssignmentTarget":
		r.Target, r.ID, at = TargetGroup, n.text("groupId"), n.get("groupId")
	case "allLicensedUsersAssignmentTarget":
		r.Target = TargetAllUsers
	case "allDevicesAssignmentTarget":
		r.Target = TargetAllDevices
	case "configurationManagerCollectionAssignmentTarget":
		r.Target, r.ID, at = TargetCollection, n.text("collectionId"), n.get("collectionId")
	default:
		x.warn(n, "unknown kind of target")
		return
	}
	switch r.ID {
	case virtualAllUsers:
		r.Target, r.ID = TargetAllUsers, ""
	case virtualAllDevices:
		r.Target, r.ID = TargetAllDevices, ""
	case "":
		if r.Target == TargetGroup || r.Target == TargetCollection {
			x.warn(n, "target without an id")
			return
		}
	}
	x.add(r, at)
}

func (x *extraction) filter(target node) {
	l := link{target: "assignmentFilter", relation: UsesFilter}
	switch target.text("deviceAndAppManagementAssignmentFilterType") {
	case "", "none":
		return
	case "include":
	case "exclude":
		l.exclude = true
	default:
		x.warn(target, "unknown kind of filter")
		return
	}
	x.id(l, target.get("deviceAndAppManagementAssignmentFilterId"))
}
