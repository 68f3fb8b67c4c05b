// Package crashtest kills processes that execute runs, at every step of a run's
// life, and checks that nothing is lost and nothing happens twice.
//
// The processes are the test binary itself, started again. They share one
// database, start, execute, cancel and park runs, and tell their parent on a
// pipe what they have done, before and after they do it; what is in a pipe
// outlives the process that wrote it. Each process kills itself with SIGKILL when
// it passes a point of the code for the nth time. The points are in wrappers
// around the Store, the Dispatcher, the Observer and the handlers, so that the
// code under test knows nothing of them. Which point, which pass and what is
// started all follow from a seed.
//
// A driver's test is
//
//	func TestCrash(t *testing.T) {
//		if crashtest.Child(t, setup) {
//			return
//		}
//		db := sqltest.Postgres(t)
//		crashtest.Run(t, db, setup, crashtest.Kills(50))
//	}
package crashtest
