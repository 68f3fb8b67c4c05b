// Package riverruns carries runs between processes with River, in a PostgreSQL
// database. It is for programs of several processes that have PostgreSQL
// anyway, and want their runs spread over all of them within milliseconds.
//
// # Opening
//
//	pool, err := pgxpool.New(ctx, url)
//	dispatcher, err := riverruns.New(riverruns.Config{Pool: pool, Workers: 16})
//	err = dispatcher.Migrate(ctx)
//	tracker, err := runs.New(runs.Config{Store: store, Dispatcher: dispatcher, Operations: operations})
//	go tracker.Run(ctx)
//
// While it works, a Dispatcher takes one connection of the pool to listen for
// new jobs, and others for moments, so the pool should have some more than two.
// It listens, which a pooler in transaction mode does not let through.
//
// # What River has to say
//
// A job of River carries the reference of a run, and nothing depends on it but
// how soon the run is claimed. It is inserted after the run's row is stored,
// and finds the row changed when it is late. River fetches as many as there are
// free workers, and a job occupies its worker until the run has been executed.
// While it does, it is of no importance any more:
//
//   - River's timeout, or the request to cancel the job, do not reach the run.
//     Runs are canceled with [runs.Tracker.RequestCancel].
//   - A job that was rescued, retried, discarded or deleted meanwhile changes
//     nothing. At its next delivery the claim finds that there is nothing to do.
//   - A job fails only if its arguments cannot be read. When a claim reports an
//     error the job is snoozed, for 5 s at most; River keeps no text of errors.
//   - A run has one job that waits, however often the sweep offers it again.
//   - The job of a process that died stays running for a day, and is then
//     completed without effect. The run itself is rescued by the Tracker's
//     sweep, which inserts another job, and one more each time it offers the
//     run again for as long as the dead one is there: at growing distances, up
//     to five minutes.
//
// Completed jobs are deleted after an hour.
//
// # The schema
//
// One of River's clients leads the others of a schema and looks after the jobs
// of all; jobs that it does not know it may discard, and periodic jobs are
// inserted only if it is the one to know them. So Config.Schema should be one
// in which no other program of River works. DROP SCHEMA … CASCADE undoes
// [Dispatcher.Migrate]; runs that are queued then are offered again by the
// sweep.
//
// All processes that share a queue should execute the same types of runs. A
// reference that reaches a process which does not is used up there, and the
// sweep offers the run again after Config.Ring of its Tracker.
package riverruns
