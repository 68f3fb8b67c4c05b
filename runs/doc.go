// Package runs keeps the record of long-running operations: who asked for one,
// whether it is still going, how it ended, and what exactly failed.
//
// # Life of a run
//
// A run is queued, then running, then completed. A completed run has an outcome
// and never changes again:
//
//	queued ──→ running ──→ completed (succeeded, partially succeeded, failed, canceled)
//	   ↑          │
//	   └──────────┘  its worker was lost, or its process stopped
//
// A queued run can also end before it runs: when it cannot be dispatched, when
// its initiator may not do this any more, or when it is canceled.
//
// [Tracker.Start] stores a run and then rings a [Dispatcher]. The stored row is
// the queue: a reference that gets lost, or arrives twice, costs time and
// nothing else, because a worker takes a run by a compare-and-swap, and
// [Tracker.Run] looks for rows that nobody has taken. A worker that vanishes is
// noticed by the end of its lease, which the store's clock decides; everything
// it still writes is refused.
//
// # One active run per key
//
// Every [Operation] says what makes its runs unique. While such a run is queued
// or running, asking for it again returns it; see [Started]. A request can also
// carry a Once, which stays taken as long as the run is kept.
//
// # What is kept about failures
//
// A [Failure] is a reason from a closed set and a sentence that is safe to
// show. The text of an error is never kept, unless its author declared it with
// [Public]; see [FailureOf].
//
// # Parts
//
// Package memruns keeps runs in memory, bunruns in SQLite or PostgreSQL;
// pondruns executes them in the process. Package runstest has the promises of
// these seams as suites, and a tracker for the tests of programs that use this
// package. Package monitor shows runs: pages, JSON and live updates.
package runs
