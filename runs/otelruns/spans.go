package otelruns

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/tenantatlas/tenantatlas/runs"
)

// Ends of an attempt that are no outcomes of a run.
const (
	endWaiting  = "waiting"
	endRequeued = "requeued"
	endLost     = "lost"
)

// Around is for Config.Around of a [runs.Tracker].
func (t *Telemetry) Around(ctx context.Context, x *runs.Exec, execute func(ctx context.Context)) {
	r := x.Run()
	options := []trace.SpanStartOption{trace.WithAttributes(t.attributes(r, idKey.String(r.ID), attemptKey.Int(r.Attempt))...)}
	if !r.Inline {
		options = append(options, trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindConsumer))
		if start := t.starts.get(r.ID); start.IsValid() {
			options = append(options, trace.WithLinks(trace.Link{SpanContext: start}))
		}
	}
	ctx, span := t.tracer.Start(ctx, string(r.Type), options...)
	defer span.End()
	t.metrics.executing.Add(ctx, 1, t.with(r))
	defer t.metrics.executing.Add(ctx, -1, t.with(r))

	execute(ctx)

	r = x.Run()
	end, reason := endOf(r)
	t.metrics.attempts.Add(ctx, 1, t.with(r, endKey.String(end)))
	span.SetAttributes(ended(r.Counts, end, reason)...)
	if end == endLost || r.Outcome == runs.OutcomeFailed {
		span.SetStatus(codes.Error, string(reason))
	}
}

// endOf says how the attempt ended that has left r behind.
func endOf(r *runs.Run) (end string, reason runs.Reason) {
	switch {
	case r.Ended():
		return string(r.Outcome), r.Failure.Reason
	case r.Status == runs.StatusRunning:
		return endLost, ""
	case r.Waiting.Reason != "":
		return endWaiting, r.Waiting.Reason
	default:
		return endRequeued, ""
	}
}

func ended(c runs.Counts, end string, reason runs.Reason) []attribute.KeyValue {
	all := []attribute.KeyValue{
		endKey.String(end),
		attribute.Int64("run.items.total", c.Total),
		attribute.Int64("run.items.succeeded", c.Succeeded),
		attribute.Int64("run.items.failed", c.Failed),
		attribute.Int64("run.items.skipped", c.Skipped),
	}
	if reason != "" {
		all = append(all, reasonKey.String(string(reason)))
	}
	return all
}

// starts remembers for the latest runs in which span they were started.
type starts struct {
	mu   sync.Mutex
	of   map[string]trace.SpanContext
	ring [startsSize]string // their IDs
	next int
}

// startsSize bounds the memory to about a megabyte.
const startsSize = 4096

func (s *starts) put(id string, span trace.SpanContext) {
	if !span.IsValid() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = make(map[string]trace.SpanContext)
	}
	delete(s.of, s.ring[s.next])
	s.ring[s.next] = id
	s.next = (s.next + 1) % startsSize
	s.of[id] = span
}

func (s *starts) get(id string) trace.SpanContext {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.of[id]
}
