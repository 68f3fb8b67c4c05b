// Package directory keeps a list of the Entra groups of a tenant, so that what
// refers to a group by its id can be read: which id, which name, which type,
// and when the group was last there. Members are no part of it.
//
// A sync ([Operation], the type "directory.groups.sync") asks a [Source] for
// all groups once and then only for what has changed since, and records it in
// a [Store]. It changes nothing at the source. Pages, mappings and backups look
// groups up in the [Cache] and never at the source.
//
// What the cache says, and what it does not:
//
//   - A group that is not there any more is missing from then on, and keeps its
//     name: what refers to it can still be understood.
//   - What was not seen for 30 days is stale: deleted, or nobody has synced.
//   - A group is forgotten 90 days after it was last seen, but never by the
//     first sync that does not find it.
//   - An id that is not in the cache is unresolved, which is not to say that
//     there is no such group.
package directory
