// Package audit keeps who did what: every start, join, refusal, cancellation
// and retry of a run, what became of the run, and whatever else a program
// records. Entries are only ever added.
//
// A [Log] is an [runs.Observer], and its [Log.Guard] is the [runs.Authorizer]
// that records what another one decides, before anybody learns of it:
//
//	log, err := audit.New(audit.Config{Store: memaudit.New(), Keys: keys})
//	tracker, err := runs.New(runs.Config{
//		Authorizer: log.Guard(access),
//		Observers:  []runs.Observer{log},
//		…
//	})
//
// # What can be found out
//
// The entries of each tenant are a chain: each is sealed with a key that the
// database does not have, together with its number and the seal of the entry
// before. [Log.Verify] finds the first entry that was altered, inserted,
// deleted or moved by somebody who can write to the database and has not the
// key. That the end was cut off is found by a [Checkpoint]: the newest one is
// kept beside the entries; one that was kept elsewhere, see [Log.Checkpoint],
// also finds that the whole database was put back to an earlier state.
//
// Whoever has a key can write any history. It belongs where the database's
// administrators do not look.
package audit
