package contract

// A WriteShape is a way of creating and changing objects.
type WriteShape string

// The write shapes.
const (
	WriteNone         WriteShape = ""             // never written
	WritePatch        WriteShape = "patch"        // POST, PATCH
	WritePut          WriteShape = "put"          // POST, PUT replaces everything
	WriteShell        WriteShape = "shell"        // POST of the shell, then actions or POSTs for the children
	WriteTemplate     WriteShape = "template"     // created by a template's action
	WriteWithChildren WriteShape = "withChildren" // POST has to hold the children, PATCH must not
	WriteTwoStep      WriteShape = "twoStep"      // POST of the minimum, then PATCH of everything
	WriteSingleton    WriteShape = "singleton"    // PATCH only
	WriteUpsert       WriteShape = "upsert"       // PATCH at an id that the caller chooses, and the body repeats
	WriteBinding      WriteShape = "binding"      // references are bound: @odata.bind at POST, $ref later
	WriteAsync        WriteShape = "async"        // POST, then wait for a status
)

// A Support says how far restore goes with a type.
type Support string

// The degrees of support.
const (
	Restorable    Support = "restorable"
	PreviewOnly   Support = "preview_only"   // compared and planned, never written
	InventoryOnly Support = "inventory_only" // seen and backed up, no part of a plan
)

// A Part is a part of an object that can be written where the rest cannot.
type Part string

// The parts.
const (
	PartContent Part = "content" // without actions and assignments
)

// Write describes how objects of a type are written.
type Write struct {
	Shape   WriteShape
	Support Support // never empty; [Type.Support] has that of an object
	Reason  string  // why not restorable; empty if it is
	// Except tells the objects that are less supported than their type.
	Except []Exception
	// Consent is why a person has to agree once more; empty if there is no
	// such reason.
	Consent string

	// Path is the collection to POST to, or what a singleton's PATCH goes to.
	// It may hold "{parent}", as a list does. Empty means the first list.
	Path   string
	Body   string // property of the request that holds the object; mostly empty: the object is the body
	Create int    // status of a successful create; 0 if nothing is created or nobody has published it
	Update int    // status of a successful update; 0 as for Create

	// Strip names what a body must not hold, on top of [GenericStrip]; dotted
	// paths, arrays are transparent.
	Strip []string
	// Immutable names what only a create may hold.
	Immutable []string
	// Provided is the part that can be written of an object that the service
	// made; empty means all of it.
	Provided Part
	// Serial is the property by which objects of the type are written one after
	// another, the lowest first, since the write of one moves the others; empty
	// if they can be written in any order.
	Serial string
	// Await says what to wait for after a create; nil if nothing.
	Await *Await
	// Actions are the further requests that a complete write needs, in order.
	Actions []Action
	// Binds maps a property that refers to another object to the path of the
	// collection that it is bound to.
	Binds map[string]string
	// Replaces names the children that a write replaces as a whole, so that
	// what the backup does not have goes away.
	Replaces []string
}

// An Exception is a part of a type's objects for which Support differs.
type Exception struct {
	OData   []string // as in [Type]
	Support Support
	Reason  string
}

// An Await is the end of an asynchronous create.
type Await struct {
	Property string // of the object, read again until it has one of the values
	Done     string
	Failed   string // empty if Graph has no such value
}

// An Action is a request that completes a write.
type Action struct {
	Method string   // for example POST
	Path   string   // relative to the object, without a leading slash
	From   string   // property of the document that the value comes from; empty for a request without a body
	Body   string   // property of the request that holds the value; empty if the value is the body
	With   []string // further properties that go along under their own names
	Each   bool     // one request for every entry of the value
	Ref    bool     // the body is a reference to the value, {"@odata.id": its URL}; see Binds of [Write]
	When   string   // property that has to be true for the request to be sent; empty means always
	Status int

	// Deleted is the property of the request that names what is there and goes
	// away, by their ids; empty if the request replaces or only adds.
	Deleted string
	// Match is the property by which an entry that is there is recognized: it
	// is changed by a PATCH at Path and its id. Only with Each.
	Match string
}
