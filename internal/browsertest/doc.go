// Package browsertest tests what the hub serves with programs that others have
// written: its API against its own description, with a validator, and its pages
// in Chromium, with axe-core. It is a module of its own, so that nobody who uses
// the library downloads those.
package browsertest
