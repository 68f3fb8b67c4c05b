// Package otelruns says in OpenTelemetry what becomes of runs: a span for each
// attempt, and metrics.
//
//	telemetry, err := otelruns.New(otelruns.Config{Traces: traces, Metrics: metrics})
//	tracker, err := runs.New(runs.Config{
//		…
//		Observers: []runs.Observer{inbox, telemetry}, // the last one
//		Around:    telemetry.Around,
//	})
//
// # Spans
//
// Each attempt is a span that is named after the type of the run, from its
// claim until its end is recorded; what the handler does with its context, and
// the observers of the end, is below it. It has these attributes:
//
//	run.id, run.type, run.attempt
//	run.end          succeeded, partially_succeeded, failed, canceled, blocked;
//	                 waiting (parked), requeued (the process stopped), lost (see below)
//	run.reason       of a failure, or of what the run waits for; a code, see runs.Reason
//	run.items.total, run.items.succeeded, run.items.failed, run.items.skipped
//
// It is an error if the attempt failed or was lost.
//
// A run may begin hours after its start, in another process, and more than
// once. So its spans are no children of the one in which it was started, but a
// trace of their own for each attempt, sampled as any new one. What connects
// them is the run's ID: the span in which it was started gets an event "run
// queued" with it. A span of an attempt in the same process has a link to the
// one of the start, too. The record of a run has no room for the context of a
// trace, so that in other processes there is no link. The work of
// [runs.Tracker.Do] is a child of its caller's span, as one expects.
//
// # Metrics
//
//	runs.started       counter    run.type                  runs that were queued here, or begun with Do; joins do not count
//	runs.wait          histogram  run.type                  seconds from the start to the first claim
//	runs.executing     up-down    run.type                  attempts that this process executes now
//	runs.attempts      counter    run.type run.end          attempts that this process has executed
//	runs.completed     counter    run.type run.outcome      runs that have ended
//	runs.duration      histogram  run.type run.outcome      seconds from the last claim to the end; of those that were claimed
//	runs.workers.lost  counter    run.type                  how often the runs that have ended had lost their worker
//	runs.active        gauge      run.status                queued and running ones, everywhere; see Config.Active
//
// An attempt ends as "lost" when its end could not be recorded: its lease was
// over, a later attempt has begun and its writes are refused, or the store could
// not be reached. Whoever takes the run over counts it in runs.workers.lost when
// it ends.
//
// Runs that have ended are counted by the process that announces them, once
// but for crashes at the wrong moment; if an observer that comes later in the
// list fails, once for every try. So this one should be the last. As the only
// observer it costs a write per run, with which the announcement is recorded.
//
// # What is never in there
//
// Texts: neither errors nor messages, params, names, targets or keys of items.
// The tenant is an attribute only with Config.Tenants.
package otelruns
