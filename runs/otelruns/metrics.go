package otelruns

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/metric"

	"github.com/tenantatlas/tenantatlas/runs"
)

// instruments are the metrics; see the package's documentation.
type instruments struct {
	started, attempts, completed, lost metric.Int64Counter
	executing                          metric.Int64UpDownCounter
	wait, duration                     metric.Float64Histogram
}

func newInstruments(m metric.Meter, active func(context.Context) (map[runs.Status]int64, error)) (in instruments, err error) {
	// Runs take from milliseconds to hours.
	seconds := metric.WithExplicitBucketBoundaries(0.01, 0.05, 0.25, 1, 5, 15, 60, 300, 900, 3600, 14400)
	var errs [8]error
	in.started, errs[0] = m.Int64Counter("runs.started", metric.WithUnit("{run}"),
		metric.WithDescription("Runs that were started in this process."))
	in.attempts, errs[1] = m.Int64Counter("runs.attempts", metric.WithUnit("{attempt}"),
		metric.WithDescription("Attempts that this process has executed, by how they ended."))
	in.completed, errs[2] = m.Int64Counter("runs.completed", metric.WithUnit("{run}"),
		metric.WithDescription("Runs that have ended, by outcome."))
	in.lost, errs[3] = m.Int64Counter("runs.workers.lost", metric.WithUnit("{worker}"),
		metric.WithDescription("How often runs that have ended had lost their worker."))
	in.executing, errs[4] = m.Int64UpDownCounter("runs.executing", metric.WithUnit("{run}"),
		metric.WithDescription("Runs that this process executes."))
	in.wait, errs[5] = m.Float64Histogram("runs.wait", metric.WithUnit("s"), seconds,
		metric.WithDescription("From the start of a run to its first claim."))
	in.duration, errs[6] = m.Float64Histogram("runs.duration", metric.WithUnit("s"), seconds,
		metric.WithDescription("From the last claim of a run to its end, by outcome."))
	if active != nil {
		_, errs[7] = m.Int64ObservableGauge("runs.active", metric.WithUnit("{run}"),
			metric.WithDescription("Runs that are queued or running, in all processes."),
			metric.WithInt64Callback(gauge(active)))
	}
	return in, errors.Join(errs[:]...)
}

// gauge reports both statuses, also one that no run has.
func gauge(active func(context.Context) (map[runs.Status]int64, error)) metric.Int64Callback {
	return func(ctx context.Context, o metric.Int64Observer) error {
		counted, err := active(ctx)
		if err != nil {
			return err
		}
		for _, s := range []runs.Status{runs.StatusQueued, runs.StatusRunning} {
			o.Observe(counted[s], metric.WithAttributes(statusKey.String(string(s))))
		}
		return nil
	}
}
