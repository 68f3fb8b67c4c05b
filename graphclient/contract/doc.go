// Package contract is what the rest of the module knows about Microsoft
// Graph: for every object type how it is listed, read whole, assigned,
// compared and written, how its documents refer to other objects, and which
// service limit a request counts against.
//
// It is knowledge without I/O. Everything in it is a read-only table or a
// pure function on raw JSON, safe for concurrent use. A fact that a reader of
// Graph needs (a path, a query, a body name) is looked up here and written
// nowhere else; a test of this package holds the rest of the module to that.
//
// Paths begin with a slash and are relative to the version root, for example
// "/deviceManagement/intents" below https://graph.microsoft.com/beta. Queries
// are in the form that goes on the wire after the "?", with reserved
// characters escaped.
//
// No request needs metadata=full. The default (minimal) level gives
// @odata.type wherever a value's type does not follow from its path, and
// [Type.Summarize] fills in the rest; full makes $expand=categories fail.
package contract
