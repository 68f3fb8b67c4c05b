// Package inventory keeps a list of what a tenant holds: every policy, app
// and setting as an [Item], what it contained when it was seen last, what it
// refers to, and how complete the knowledge is.
//
// A sync ([Operation], the type "inventory.sync") lists what a [Selection]
// selects from a [Source] and records it in a [Store]. It changes nothing at
// the source and takes no backup. Its progress is counted in kinds, one for
// every type of object in the registry of package contract: a kind that could
// not be listed whole fails by itself, with a reason, and the others go on.
//
// What the inventory says, and what it does not:
//
//   - An item that was not seen is missing, with a confidence; it is never
//     marked deleted and never removed. That an administrator has hidden an
//     item is another fact, which a sync neither looks at nor changes.
//   - Nothing follows from a kind that a run did not cover: no item of it
//     becomes missing, and no link to it dangles.
//   - A second sync of a tenant that did not change writes nothing but when
//     its items were last seen.
//   - Content is what an object is configured to, without secrets, ids and
//     times. It serves to say what changed and is no backup.
package inventory
