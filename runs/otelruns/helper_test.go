package otelruns_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/otelruns"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

const importing runs.Type = "report.import"

var dana = runs.User("dana", "Dana Secretly")

type input struct {
	File string `json:"file"`
}

// A bench is a tracker with a telemetry, and what that has reported.
type bench struct {
	*runstest.Tracker
	t         *testing.T
	store     *memruns.Store
	traces    *sdktrace.TracerProvider
	exported  *tracetest.InMemoryExporter
	metrics   *metric.ManualReader
	telemetry *otelruns.Telemetry
}

func newBench(t *testing.T, cfg otelruns.Config, op runs.Operation) *bench {
	t.Helper()
	b := &bench{t: t, store: memruns.New(), exported: tracetest.NewInMemoryExporter(), metrics: metric.NewManualReader()}
	b.traces = sdktrace.NewTracerProvider(sdktrace.WithSyncer(b.exported))
	cfg.Traces = b.traces
	cfg.Metrics = metric.NewMeterProvider(metric.WithReader(b.metrics))
	var err error
	if b.telemetry, err = otelruns.New(cfg); err != nil {
		t.Fatal(err)
	}
	b.Tracker = runstest.New(t, runs.Config{
		Store: b.store, Items: b.store,
		Operations: []runs.Operation{op},
		Observers:  []runs.Observer{b.telemetry},
		Around:     b.telemetry.Around,
	})
	return b
}

func request(file string) runs.Request {
	return runs.Request{Tenant: "acme", Type: importing, Params: input{file}, Initiator: dana}
}

// spans returns those that have ended, the first one first.
func (b *bench) spans() tracetest.SpanStubs {
	spans := b.exported.GetSpans()
	slices.SortStableFunc(spans, func(a, c tracetest.SpanStub) int { return a.StartTime.Compare(c.StartTime) })
	return spans
}

// said returns the name of each span, its attributes but for the ID of the run,
// and its status.
func (b *bench) said() (all []string) {
	for _, s := range b.spans() {
		line := fmt.Sprint(s.SpanKind, " ", s.Name, " ", list(s.Attributes))
		if s.Status.Code != 0 {
			line += fmt.Sprint(" ", s.Status.Code, " ", s.Status.Description)
		}
		all = append(all, line)
	}
	return all
}

func list(attributes []attribute.KeyValue) string {
	var all []string
	for _, a := range attributes {
		if v := fmt.Sprint(a.Value.AsInterface()); a.Key != "run.id" && v != "0" {
			all = append(all, strings.TrimPrefix(string(a.Key), "run.")+"="+v)
		}
	}
	slices.Sort(all)
	return "{" + strings.Join(all, " ") + "}"
}

// counted returns each series: its sum, or the number of measurements and their
// sum.
func (b *bench) counted() (all []string) {
	b.t.Helper()
	var data metricdata.ResourceMetrics
	if err := b.metrics.Collect(b.t.Context(), &data); err != nil {
		b.t.Fatal(err)
	}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			add := func(of attribute.Set, value string) { all = append(all, m.Name+list(of.ToSlice())+" "+value) }
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					add(p.Attributes, fmt.Sprint(p.Value))
				}
			case metricdata.Gauge[int64]:
				for _, p := range d.DataPoints {
					add(p.Attributes, fmt.Sprint(p.Value))
				}
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					add(p.Attributes, fmt.Sprintf("%d × %g s", p.Count, p.Sum))
				}
			default:
				b.t.Errorf("%s is a %T", m.Name, d)
			}
		}
	}
	slices.Sort(all)
	return all
}
