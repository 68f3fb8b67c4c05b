package main

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
)

var _ runs.Observer = (*metrics)(nil)

// metrics are what /metrics says, in a registry of the host's own. The names of
// those about runs are what runs/otelruns says in Prometheus, so that the same
// alerts serve both. No label holds a tenant, a user or a path: there are as many
// series as types of runs and routes.
type metrics struct {
	registry *prometheus.Registry

	started, completed *prometheus.CounterVec
	lost               *prometheus.CounterVec
	wait, duration     *prometheus.HistogramVec

	requests *prometheus.HistogramVec
	streams  prometheus.Gauge

	graphRequests, graphThrottled, graphWait *prometheus.CounterVec
}

func newMetrics() *metrics {
	// Runs take from milliseconds to hours, requests up to a long poll.
	runSeconds := []float64{0.01, 0.05, 0.25, 1, 5, 15, 60, 300, 900, 3600, 14400}
	requestSeconds := []float64{0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 30}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	}
	m := &metrics{
		registry:  prometheus.NewRegistry(),
		started:   counter("runs_started_total", "Runs that were started in this process.", "run_type"),
		completed: counter("runs_completed_total", "Runs whose end this process has told, by outcome.", "run_type", "run_outcome"),
		lost:      counter("runs_workers_lost_total", "How often runs that have ended had lost their worker.", "run_type"),
		wait:      histogram("runs_wait_seconds", "From the start of a run to its first claim.", runSeconds, "run_type"),
		duration:  histogram("runs_duration_seconds", "From the last claim of a run to its end.", runSeconds, "run_type", "run_outcome"),
		requests:  histogram("http_request_duration_seconds", "Requests, by the pattern of their route.", requestSeconds, "method", "route", "status"),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "http_event_streams", Help: "Streams of events that are open.",
		}),
		graphRequests:  counter("graph_requests_total", "Requests to Graph, by the service that they count with and the status of the answer; 0 if there was none.", "graph_bucket", "graph_status"),
		graphThrottled: counter("graph_throttled_total", "How often Graph refused for throttling, parts of batches included.", "graph_bucket"),
		graphWait:      counter("graph_wait_seconds_total", "How long requests to Graph were held back to keep to its limits.", "graph_bucket"),
	}
	m.registry.MustRegister(
		m.started, m.completed, m.lost, m.wait, m.duration, m.requests, m.streams,
		m.graphRequests, m.graphThrottled, m.graphWait,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// watch adds what the queue counts.
func (m *metrics) watch(q *queue, log *slog.Logger) {
	m.registry.MustRegister(&queueCollector{queue: q, log: log})
}

// Observe implements [runs.Observer]. It never fails. The end of a run is told at
// least once, so it is counted twice if the process that told it died.
func (m *metrics) Observe(_ context.Context, r *runs.Run) error {
	typ, outcome := string(r.Type), string(r.Outcome)
	switch r.Status {
	case runs.StatusQueued:
		m.started.WithLabelValues(typ).Inc()
	case runs.StatusRunning:
		if r.Inline {
			m.started.WithLabelValues(typ).Inc()
		} else if r.Attempt == 1 {
			m.wait.WithLabelValues(typ).Observe(r.StartedAt.Sub(r.CreatedAt).Seconds())
		}
	case runs.StatusCompleted:
		m.completed.WithLabelValues(typ, outcome).Inc()
		m.lost.WithLabelValues(typ).Add(float64(r.Lost))
		if !r.StartedAt.IsZero() {
			m.duration.WithLabelValues(typ, outcome).Observe(r.CompletedAt.Sub(r.StartedAt).Seconds())
		}
	}
	return nil
}

// request counts one that was answered.
func (m *metrics) request(name, route string, status int, took time.Duration) {
	m.requests.WithLabelValues(method(name), route, strconv.Itoa(status)).Observe(took.Seconds())
}

// graph counts one request to Graph.
func (m *metrics) graph(a graphclient.Attempt) {
	bucket := string(a.Bucket)
	m.graphRequests.WithLabelValues(bucket, strconv.Itoa(a.Status)).Inc()
	m.graphThrottled.WithLabelValues(bucket).Add(float64(a.Throttled))
	m.graphWait.WithLabelValues(bucket).Add(max(0, a.Wait.Seconds()))
}

// A queueCollector says how many runs are active, from what the queue has
// counted lately. If it could not, there is no figure.
type queueCollector struct {
	queue *queue
	log   *slog.Logger
}

//nolint:gochecknoglobals // constants
var (
	activeDesc = prometheus.NewDesc("runs_active", "Runs that are queued or running, in all processes; of each tenant at most 10,000.", []string{"run_status"}, nil)
	oldestDesc = prometheus.NewDesc("runs_oldest_queued_seconds", "How long the oldest run has waited that could begin; of each tenant the newest 200 are looked at.", nil, nil)
)

// Describe implements [prometheus.Collector].
func (c *queueCollector) Describe(to chan<- *prometheus.Desc) {
	to <- activeDesc
	to <- oldestDesc
}

// Collect implements [prometheus.Collector].
func (c *queueCollector) Collect(to chan<- prometheus.Metric) {
	load, err := c.queue.load()
	if err != nil {
		c.log.Warn("active runs were not counted", "error", err)
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(activeDesc, float64(load.queued), string(runs.StatusQueued))
	gauge(activeDesc, float64(load.running), string(runs.StatusRunning))
	gauge(oldestDesc, load.oldest.Seconds())
}

// serveMetrics answers those who may view every tenant: the figures are of all of
// them. That a request comes from this machine says nothing behind a proxy on it.
func (h *host) serveMetrics(w http.ResponseWriter, r *http.Request) {
	actor, err := h.identity.who(r)
	for _, t := range h.opts.tenants {
		if err == nil {
			err = h.authorizer.Authorize(r.Context(), actor, t.name, runs.ActionView)
		}
	}
	if err != nil {
		status, f := monitor.StatusOf(err)
		monitor.WriteProblem(w, status, f)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	promhttp.HandlerFor(h.metrics.registry, promhttp.HandlerOpts{
		DisableCompression:  true,
		MaxRequestsInFlight: 2,
	}).ServeHTTP(w, r)
}
