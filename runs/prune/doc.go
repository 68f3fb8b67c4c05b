// Package prune deletes runs that are kept long enough. It is an operation
// like any other, so that what it did is on record: a program adds it to its
// operations, and starts it once a day.
//
//	op, err := prune.Operation(prune.Config{Store: store})
//	tracker, err := runs.New(runs.Config{Operations: []runs.Operation{op, …}, …})
//	started, err := tracker.Start(ctx, prune.Daily(time.Now()))
//
// Only runs go that are completed and announced, by when they were completed;
// see [Retention]. Their items go with them. That another run is a retry of one,
// or a link leads to it, does not keep it.
//
// Starts go on meanwhile: a store deletes a hundred runs at a time, in several
// transactions if others wait for each of them, and then the run rests for as
// long as that took.
package prune
