// Package natsruns carries runs between processes with NATS JetStream. It is for
// programs of several processes that have a NATS server anyway, and a store of
// runs that all of them can reach.
//
// # Opening
//
//	nc, err := nats.Connect(url, nats.MaxReconnects(-1))
//	js, err := jetstream.New(nc)
//	dispatcher, err := natsruns.New(natsruns.Config{JetStream: js, Workers: 16})
//	err = dispatcher.Ensure(ctx)
//	tracker, err := runs.New(runs.Config{Store: store, Dispatcher: dispatcher, Operations: operations})
//	go tracker.Run(ctx)
//
// The connection looks after itself. Without MaxReconnects(-1) it gives up after
// two minutes, and Work with it.
//
// # What a message is worth
//
// A message carries the reference of a run. It is acknowledged when the claim is
// stored, and before the run is executed, so no timeout of the server matters to
// the run. What happens to messages costs time, and nothing else:
//
//   - A message is fetched when a worker is free, one at a time, so that none
//     waits in a process that is busy.
//   - When there is nothing to do it is acknowledged, too; so a message that is
//     delivered twice, or late, is harmless.
//   - When a claim reports an error the message is put off, for 5 s at most.
//     There is no limit to how often.
//   - Without an acknowledgment within 10 s the server delivers it again.
//   - A message that cannot be read is given up.
//
// When the server is out of reach, Dispatch waits for it as long as its context
// lets it, and 5 s at most; workers go on with what they execute and wait. A
// reference that got lost, with the server's files or otherwise, is replaced by
// the Tracker's sweep. Messages have no ID for the server to compare, because the
// sweep's second one for a run must get through.
//
// # When the server is away
//
// A start waits 1.2 s for its dispatcher, because it has to answer within 2 s.
// A server that is away for longer, as while a cluster elects a leader, fails the
// runs that are started meanwhile: whoever started them learns at once, and
// nothing looks queued that nobody carries. A program that would rather have
// them wait says that the dispatcher is full. They stay queued then, and the
// sweep offers them when the server is back:
//
//	type patient struct{ *natsruns.Dispatcher }
//
//	func (p patient) Dispatch(ctx context.Context, ref runs.Ref) error {
//		err := p.Dispatcher.Dispatch(ctx, ref)
//		if errors.Is(err, context.DeadlineExceeded) {
//			return runs.ErrFull
//		}
//		return err
//	}
//
// # Stream and consumer
//
// [Dispatcher.Ensure] creates a stream and a durable consumer that are good for
// one server: a stream in files, from which messages disappear when they are
// acknowledged. Who needs replicas or limits creates them first; Ensure leaves
// alone what is there. What is needed is the subject "<stream>.ref", discard
// policy "new", so that a stream that is full refuses, which is reported as
// [runs.ErrFull], and explicit acknowledgment.
//
// All processes that share a stream should execute the same types of runs. A
// reference that reaches a process which does not is used up there, and the
// sweep offers the run again after Config.Ring of its Tracker.
package natsruns
