package contract

// A Relation is what one object is to another.
type Relation string

// The relations.
const (
	AssignedTo Relation = "assigned_to"
	UsesFilter Relation = "uses_filter"
	ScopedBy   Relation = "scoped_by"
	DependsOn  Relation = "depends_on"
)

// Targets of a [Reference] that are no types of the registry.
const (
	TargetGroup            = "group"             // an Entra group
	TargetAllUsers         = "all_users"         // all licensed users; no id
	TargetAllDevices       = "all_devices"       // no id
	TargetCollection       = "collection"        // a Configuration Manager collection
	TargetUser             = "user"              // an Entra user
	TargetDirectoryRole    = "directory_role"    // a role template
	TargetServicePrincipal = "service_principal" // an application, by its appId
	TargetTemplate         = "template"          // a settings catalog or intent template
	TargetDefinition       = "definition"        // an administrative template's definition or presentation
	TargetAppIdentifier    = "app_identifier"    // an app by bundle or package id
	TargetDEPToken         = "dep_token"         // an Apple enrolment program token
	TargetOther            = "other"             // outside of what the registry describes
)

// A Reference is one typed edge from a document to something else.
type Reference struct {
	Relation Relation
	Target   string // a key of the registry or one of the Target constants
	ID       string // empty for the targets without id
	Exclude  bool   // the target is excluded: AssignedTo, UsesFilter, conditional access
	Name     string // what the document calls the target; mostly empty
	// Pointer is the place of the id in the content or, if Assignment, in the
	// array of assignments: a JSON pointer.
	Pointer    string
	Assignment bool
}

// A Warning is a shape that the extraction does not know. The rest of the
// document is extracted all the same.
type Warning struct {
	Pointer string // JSON pointer to the value
	Message string // never quotes a value
}
