// Package notify tells the people who started runs what became of them.
//
// An [Observer] of a [runs.Tracker] puts a [Notification] into the [Inbox] of a
// run's initiator when the run is queued and when it has ended. A [Courier]
// carries notifications further, to the [Channel]s that a host declares: a
// webhook, a mail server. What it is to deliver is in an [Outbox] first, so that
// a process that dies forgets nothing and a receiver that is down makes no run
// fail.
//
// A notification is facts: which run, which stage, how it ended. It becomes text
// when somebody reads it, in their language; see [Presenter].
package notify
