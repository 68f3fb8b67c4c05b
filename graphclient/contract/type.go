package contract

// A Category groups types as people look for them.
type Category string

// The categories.
const (
	Configuration     Category = "configuration"
	Compliance        Category = "compliance"
	EndpointSecurity  Category = "endpoint_security"
	Apps              Category = "apps"
	AppProtection     Category = "app_protection"
	Enrollment        Category = "enrollment"
	Updates           Category = "updates"
	Scripts           Category = "scripts"
	ConditionalAccess Category = "conditional_access"
	RBAC              Category = "rbac"
	Tenant            Category = "tenant"
)

// A Type is one kind of Graph object. Types are shared by all callers and
// must not be modified.
type Type struct {
	Key        string   // the kind, unique, for example "configurationPolicy"
	Title      string   // for people
	Category   Category // never empty
	Platform   Platform // the same for all objects; empty means that each object says ([Type.Summarize])
	Foundation bool     // other objects depend on it by design: filters, scope tags, templates, roles

	// OData names the types of the objects, without "#microsoft.graph.". A
	// "*" stands for any characters. Empty only if Graph publishes no name.
	OData []string
	// General marks the type that takes the objects of a shared path which no
	// other type of the path claims.
	General bool
	// Name is the property that holds the display name; empty if objects have
	// none.
	Name string
	// Single is a property of which there is one object for each value: it
	// tells objects apart, whatever their names are. Mostly empty.
	Single string
	// Provided tells the objects that the service made (built-in roles,
	// default profiles): they are matched, never created or deleted.
	Provided []Match

	Lists       []List // where objects are listed; never empty
	Read        Read
	Assign      Assign
	Write       Write
	Bucket      Bucket // what requests for these objects count against
	Permissions Permissions
	// Order is the tier of a restore, lowest first. Zero means that the type
	// has no place in one.
	Order int
	// Source says where the facts come from and, after a colon, what to beware
	// of. Its shorthands are explained in tables.go.
	Source string

	// The following are dotted paths in which arrays are transparent. A leading
	// "*." stands for any depth, and "=value" at the end restricts the path to
	// members with that canonical JSON.
	noise []string // what comparing ignores, on top of the generic ones
	sets  []string // arrays whose order means nothing
	live  []string // live credentials, dropped at capture
	open  []string // what has the name of a secret and is none

	links []link // where documents refer to other objects
	// plain means that an object's type follows from where it is listed, so
	// that it says it or not, depending on the metadata level. It is set for
	// types with one name or with several lists too.
	plain bool
	rules rules // the lists above, compiled
}

// A Match is a property with a value. The value is compared with the JSON
// text of the property, without quotes.
type Match struct {
	Property, Value string
}

// A List is one place where objects of a type are listed.
type List struct {
	// Path of the collection. It may hold "{parent}", the id of an object of
	// the collection Parent.
	Path string
	// Query that the list needs to be complete, escaped; often empty.
	Query string
	// Parent is the path of the collection whose ids stand for "{parent}";
	// empty if there is none.
	Parent string
	// ParentCounts are properties of the parent. If it has them all and all
	// are zero, the list is empty and need not be asked for.
	ParentCounts []string
	// Singleton means that the answer is one object instead of a page.
	Singleton bool
	// Name is the name property of objects found here, if it is another one
	// than the type's.
	Name string
	// Bucket is that of requests to Path, if it is another one than the
	// type's.
	Bucket Bucket
}

// Read says how an object is read whole.
type Read struct {
	// ByID means that the list leaves something out: the object has to be
	// read once more, by id, with Query.
	ByID  bool
	Query string
	// Children are read after the object and put into it.
	Children []Child
	// Reveal is the path, relative to the object, of the function that returns
	// a masked secret in clear; "{secret}" in it stands for the reference that
	// the document has. It takes a permission to write.
	Reveal string
}

// A Child is a part of an object with a path of its own.
type Child struct {
	// Name is the property of the whole document that takes the answer: an
	// array of all pages, or one object if Single. A property of that name
	// that the object has already is replaced.
	Name string
	// Path is relative to the object, without a leading slash. It may hold
	// "{type}", the type cast that the object's own @odata.type gives.
	Path  string
	Query string
	// Count is the property of the object that says how many entries there
	// have to be; empty if Graph does not say.
	Count string
	// Single means that the answer is one object, or 204 or 404 for none.
	Single bool
	// OData restricts the child to objects of these types; empty means all.
	OData []string
	// Children are read for every entry and put into it.
	Children []Child
}

// An AssignRead says where the assignments of an object are found.
type AssignRead string

// The places of assignments.
const (
	AssignedNowhere AssignRead = ""     // objects of the type are not assigned
	AssignedAtPath  AssignRead = "path" // GET {object}/assignments
	AssignedInList  AssignRead = "list" // under "assignments" of each listed object
	AssignedInRead  AssignRead = "read" // under "assignments" of the object read by id
	AssignedInBody  AssignRead = "body" // part of the content
)

// An AssignShape says how assignments are written.
type AssignShape string

// The assign shapes.
const (
	AssignNone     AssignShape = ""  // E: not assignable
	AssignReplace  AssignShape = "A" // POST {object}/assign {assignments} replaces the whole set
	AssignNamed    AssignShape = "B" // the same with another property than assignments
	AssignOneByOne AssignShape = "C" // POST and DELETE below {object}/assignments
	AssignWithBody AssignShape = "D" // part of the object's body
)

// Assign says how the assignments of a type are read and written.
type Assign struct {
	Read   AssignRead
	Shape  AssignShape
	Body   string // shapes A and B, and D with Action: the property of the request that holds the array
	Action string // shape D: the action of the object that replaces them; empty if they are content
	Status int    // what a success answers; 0 if nobody has published it
	// GroupsOnly means that only group and exclusion targets are accepted.
	GroupsOnly bool
}

// Permissions are the Graph permissions that cover a type.
type Permissions struct {
	Read  []string // for inventory and backup
	Write []string // for restore
}
