// Package restore puts back what package backup captured, into the tenant that it
// came from or another one, and never makes more of it than there was.
//
// A [Restore] is one durable document that goes through five steps: a set is
// selected, the items to restore are chosen (scope), groups and other things
// that have other ids in the target are mapped, a preview compares with what is
// there, and the execution writes. Each step is kept when it is done, so that
// the work survives a crash, a reload and a change of person.
//
// What a restore promises:
//
//   - Nothing is written twice. What is about to be written is noted before the
//     request is sent ([Item]); after an unclear answer the object is looked up,
//     not sent again.
//   - No target becomes broader. A group, filter or exclusion that has no
//     counterpart keeps the assignments of its item from being written; it is
//     never left out of them.
//   - Nothing that somebody else has changed since the preview is overwritten.
//   - Nothing is deleted, except for parts of an object that its type replaces
//     as a whole.
package restore
