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
	TargetGroup             = "group"              // an Entra group
	TargetAllUsers          = "all_users"          // all licensed users; no id
	TargetAllDevices        = "all_devices"        // no id
	TargetCollection        = "collection"         // a Configuration Manager collection
	TargetUser              = "user"               // an Entra user
	TargetDirectoryRole     = "directory_role"     // an Entra role, by its template
	TargetServicePrincipal  = "service_principal"  // an application, by its appId or object id
	TargetTemplate          = "template"           // a template of the settings catalog or of intents
	TargetDefinition        = "definition"         // a definition that an imported ADMX file brought
	TargetAppIdentifier     = "app_identifier"     // an app by bundle, package or product id
	TargetDerivedCredential = "derived_credential" // an issuer of certificates for smart cards
)

// A Reference is one typed edge from a document to something else.
type Reference struct {
	Relation Relation
	Target   string // a key of the registry or one of the Target constants
	ID       string // empty for the targets without id
	Exclude  bool   // the target is left out: AssignedTo, UsesFilter
	Name     string // what the document calls the target; mostly empty

	// Pointer is the place of the id in the content or, if Assignment, in the
	// array of assignments: a JSON pointer.
	Pointer    string
	Assignment bool
}

// A Warning is a shape that the extraction does not know. The rest of the
// document is extracted all the same.
type Warning struct {
	Pointer string // JSON pointer to the value, in the content or the assignments
	Message string // never quotes a value
}

// References returns what a document and its assignments refer to, in the same
// order every time. Either may be nil; if assignments is, those in the
// content count. It never fails: what it does not understand is a warning.
func (t *Type) References(content, assignments []byte) ([]Reference, []Warning) {
	x := extraction{}
	doc := x.parse(content)
	x.scopeTags(doc)
	for _, l := range t.links {
		x.follow(l, doc)
	}
	list := doc.get("assignments")
	if assignments != nil {
		list = x.parse(assignments)
	}
	x.assignment = true
	x.assignments(list)
	return x.references, x.warnings
}

// A link says where documents of a type refer to something. The functions get
// the node that path leads to, once for each if arrays are on the way.
type link struct {
	path   string // dotted; arrays are transparent; a leading "*." searches every depth
	target string // a key of the registry or a Target constant
	// Exclude and relation are as in [Reference]; no relation means DependsOn.
	exclude  bool
	relation Relation
	name     string // property beside the id that holds the target's name
	// cut is what is cut off the value before it is an id; values without it
	// are none.
	cut string
	// bound means that the value is not an id but the URL of the object.
	bound bool
	// words are values that name no object, or one of the targets without id.
	words map[string]string
	// walk replaces all of the above but path.
	walk func(x *extraction, n node)
}

// to is a link to the objects whose ids are at path.
func to(target, path string) link { return link{target: target, path: path} }
