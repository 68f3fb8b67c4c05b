// Package monitor shows runs to people and programs: a [Hub] of pages, and the
// same as JSON, an [API] that a host can also mount alone.
//
// It reads the store alone. It may not import a client of anything else, so no
// page or answer can ever wait for another service; the import table of this
// module says so. It is view-only unless the host gives it [Actions]; starting a
// run is the host's business.
//
// Who asks and what they may see is decided by two functions that the host
// gives: there is no default that lets everybody in.
package monitor
