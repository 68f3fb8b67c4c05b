package otelruns

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	nometrics "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	notraces "go.opentelemetry.io/otel/trace/noop"

	"github.com/tenantatlas/tenantatlas/runs"
)

var _ runs.Observer = (*Telemetry)(nil)

// scope is the name of the instrumentation.
const scope = "github.com/tenantatlas/tenantatlas/runs/otelruns"

// Config says where a [Telemetry] reports to. The providers of the program are
// otel.GetTracerProvider() and otel.GetMeterProvider().
type Config struct {
	Traces  trace.TracerProvider // if nil, there are no spans
	Metrics metric.MeterProvider // if nil, there are no metrics

	// Tenants adds the tenant of a run to every span and metric, as run.tenant.
	// Metrics then have a series for each tenant, which is for few of them.
	Tenants bool

	// Active counts the active runs of all tenants by status, for the gauge
	// runs.active. It is called for each collection, with its context. All
	// processes would report the same, so only one should have it. With
	// bunruns, this reads nothing but an index of the active ones:
	//
	//	SELECT status, count(*) FROM operation_runs WHERE status <> 'completed' GROUP BY status
	//
	// If nil, there is no such gauge: a store counts by tenant only.
	Active func(ctx context.Context) (map[runs.Status]int64, error)
}

// A Telemetry reports what becomes of runs. It is a [runs.Observer], and its
// method Around is for [runs.Config]; each does half of the work. Its methods
// are safe for concurrent use.
type Telemetry struct {
	cfg     Config
	tracer  trace.Tracer
	metrics instruments
	starts  starts
}

// New returns a Telemetry made of cfg. It reports what the providers do.
func New(cfg Config) (*Telemetry, error) {
	if cfg.Traces == nil {
		cfg.Traces = notraces.NewTracerProvider()
	}
	if cfg.Metrics == nil {
		cfg.Metrics = nometrics.NewMeterProvider()
	}
	t := &Telemetry{cfg: cfg, tracer: cfg.Traces.Tracer(scope)}
	var err error
	if t.metrics, err = newInstruments(cfg.Metrics.Meter(scope), cfg.Active); err != nil {
		return nil, fmt.Errorf("otelruns: %w", err)
	}
	return t, nil
}

// Observe implements [runs.Observer]. It never fails.
func (t *Telemetry) Observe(ctx context.Context, r *runs.Run) error {
	switch r.Status {
	case runs.StatusQueued:
		t.metrics.started.Add(ctx, 1, t.with(r))
		span := trace.SpanFromContext(ctx)
		span.AddEvent("run queued", trace.WithAttributes(t.attributes(r, idKey.String(r.ID))...))
		t.starts.put(r.ID, span.SpanContext())
	case runs.StatusRunning:
		t.began(ctx, r)
	case runs.StatusCompleted:
		t.ended(ctx, r)
	}
	return nil
}

func (t *Telemetry) began(ctx context.Context, r *runs.Run) {
	switch {
	case r.Inline:
		t.metrics.started.Add(ctx, 1, t.with(r))
	case r.Attempt == 1:
		t.metrics.wait.Record(ctx, r.StartedAt.Sub(r.CreatedAt).Seconds(), t.with(r))
	}
}

func (t *Telemetry) ended(ctx context.Context, r *runs.Run) {
	with := t.with(r, outcomeKey.String(string(r.Outcome)))
	t.metrics.completed.Add(ctx, 1, with)
	if !r.StartedAt.IsZero() {
		t.metrics.duration.Record(ctx, r.CompletedAt.Sub(r.StartedAt).Seconds(), with)
	}
	if r.Lost > 0 {
		t.metrics.lost.Add(ctx, int64(r.Lost), t.with(r))
	}
}

// The keys of attributes.
const (
	idKey      = attribute.Key("run.id")
	typeKey    = attribute.Key("run.type")
	tenantKey  = attribute.Key("run.tenant")
	attemptKey = attribute.Key("run.attempt")
	statusKey  = attribute.Key("run.status")
	outcomeKey = attribute.Key("run.outcome")
	endKey     = attribute.Key("run.end")
	reasonKey  = attribute.Key("run.reason")
)

// attributes are those that everything about r has, and more.
func (t *Telemetry) attributes(r *runs.Run, more ...attribute.KeyValue) []attribute.KeyValue {
	all := append(more, typeKey.String(string(r.Type)))
	if t.cfg.Tenants {
		all = append(all, tenantKey.String(r.Tenant))
	}
	return all
}

func (t *Telemetry) with(r *runs.Run, more ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributes(t.attributes(r, more...)...)
}
