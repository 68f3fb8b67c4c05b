// Package backup captures the objects of a tenant into sets that can be
// trusted: what is in a set was read whole, is kept unchanged, and can be
// checked byte by byte before anything is restored from it.
//
// A [Set] has items, each of which is a [Version] of one object. A version is
// written once; an object that has not changed since an earlier capture is the
// same version in both sets. What belongs to a set is said by its [Manifest],
// the manifests of a tenant form a chain ([Link]), and what was left out is said
// by its [Certificate], which cannot look complete when something is missing.
//
// Package restore puts back what this package captures; its example does both.
package backup
