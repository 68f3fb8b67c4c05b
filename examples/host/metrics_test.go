package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

// A scrape is what /metrics says: values by name and labels.
type scrape map[string]float64

// metrics reads the metrics as somebody who may see both tenants.
func (c *client) metrics() scrape {
	c.t.Helper()
	var text string
	if status, header := c.do("rosa", "GET", "/metrics", "", &text); status != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), "text/plain") {
		c.t.Fatalf("metrics: %d %v", status, header)
	}
	all := scrape{}
	for line := range strings.Lines(text) {
		if i := strings.LastIndexByte(line, ' '); i > 0 && line[0] != '#' {
			v, err := strconv.ParseFloat(strings.TrimSpace(line[i:]), 64)
			if err != nil {
				c.t.Fatalf("%q: %v", line, err)
			}
			all[line[:i]] = v
		}
	}
	return all
}

func (s scrape) want(t *testing.T, want map[string]float64) {
	t.Helper()
	for name, v := range want {
		if got, ok := s[name]; !ok || got != v {
			t.Errorf("%s is %v (%v), want %v", name, got, ok, v)
		}
	}
}

// The metrics count runs and requests, and say nothing of tenants and users.
func TestMetrics(t *testing.T) {
	t.Parallel()
	h, c, _ := serveLogged(t)
	run := c.sync(`{"policy_types":["assignmentFilter"]}`)
	failed := failedRun()
	if err := h.metrics.Observe(t.Context(), failed); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		c.do("rosa", "GET", "/ops/t/contoso/runs/"+run.ID+"?q=1", "", nil)
	}
	c.do("fred", "GET", "/t/contoso/inventory", "", nil)
	c.do("rosa", "BREW", "/made/up", "", nil)
	got := c.metrics()
	got.want(t, map[string]float64{
		`runs_started_total{run_type="inventory.sync"}`:                                                    1,
		`runs_completed_total{run_outcome="succeeded",run_type="inventory.sync"}`:                          1,
		`runs_completed_total{run_outcome="failed",run_type="inventory.sync"}`:                             1,
		`runs_workers_lost_total{run_type="inventory.sync"}`:                                               0,
		`runs_wait_seconds_count{run_type="inventory.sync"}`:                                               1,
		`runs_duration_seconds_count{run_outcome="succeeded",run_type="inventory.sync"}`:                   1,
		`runs_active{run_status="queued"}`:                                                                 0,
		`runs_active{run_status="running"}`:                                                                0,
		`runs_oldest_queued_seconds`:                                                                       0,
		`http_event_streams`:                                                                               0,
		`http_request_duration_seconds_count{method="GET",route="/ops/t/{tenant}/runs/{id}",status="200"}`: 3,
		`http_request_duration_seconds_count{method="GET",route="/t/{tenant}/inventory",status="404"}`:     1,
		`http_request_duration_seconds_count{method="other",route="/",status="404"}`:                       1,
	})
	if got["go_goroutines"] <= 0 {
		t.Error("there is nothing about the process")
	}
	for name := range got {
		for _, secret := range []string{"contoso", "fabrikam", "rosa", "fred", "BREW", "made", run.ID} {
			if strings.Contains(name, secret) {
				t.Errorf("%s tells of %q", name, secret)
			}
		}
	}
}

// Requests to Graph are counted by the service that they count with, throttled
// ones and their waits too.
func TestMetricsOfGraph(t *testing.T) {
	t.Parallel()
	_, c, _ := serveLogged(t, graphtest.Fault{Prefix: "/deviceManagement/assignmentFilters", Times: 1, Kind: graphtest.FaultThrottle, RetryAfter: "1"})
	if run := c.sync(`{"policy_types":["assignmentFilter"]}`); run.Outcome != "succeeded" {
		t.Fatalf("the sync has %s", run.Outcome)
	}
	got, label := c.metrics(), `graph_bucket="`+string(contract.BucketOf("/deviceManagement/assignmentFilters"))+`"`
	got.want(t, map[string]float64{
		`graph_requests_total{` + label + `,graph_status="429"}`: 1,
		`graph_throttled_total{` + label + `}`:                   1,
	})
	if got[`graph_requests_total{`+label+`,graph_status="200"}`] < 1 || got[`graph_wait_seconds_total{`+label+`}`] < 1 {
		t.Errorf("of Graph there is %v", got)
	}
}

// What is queued and how long it waits is counted in the store, for all tenants,
// and not at every scrape.
func TestMetricsOfQueue(t *testing.T) {
	t.Parallel()
	eachDB(t, func(t *testing.T, db string) {
		opts, err := parseOptions(tenantArgs("http://127.0.0.1:1", db), credentials, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		h, err := newHost(t.Context(), opts, slog.New(slog.DiscardHandler)) // and nobody executes
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(h.close)
		server := httptest.NewServer(h.handler())
		t.Cleanup(server.Close)
		c := &client{t, server.URL, server.Client()}
		c.do("oskar", "POST", runsOf, `{"type":"inventory.sync"}`, nil)
		c.do("fred", "POST", "/api/v1/t/fabrikam/runs", `{"type":"inventory.sync"}`, nil)
		got := c.metrics()
		got.want(t, map[string]float64{`runs_active{run_status="queued"}`: 2, `runs_active{run_status="running"}`: 0})
		if age := got["runs_oldest_queued_seconds"]; age <= 0 || age > 60 {
			t.Errorf("the oldest has waited %v s", age)
		}
		c.do("oskar", "POST", runsOf, `{"type":"inventory.sync","params":{"policy_types":["assignmentFilter"]}}`, nil)
		c.metrics().want(t, map[string]float64{`runs_active{run_status="queued"}`: 2})

		// Without the store there are no figures of it, but all others.
		h.queue.at = h.queue.at.Add(-loadEvery)
		if err := h.stores.close(); err != nil {
			t.Fatal(err)
		}
		if db == "memory" {
			return
		}
		got = c.metrics()
		if _, ok := got[`runs_active{run_status="queued"}`]; ok || got[`runs_started_total{run_type="inventory.sync"}`] != 3 {
			t.Errorf("without a store: %v", fmt.Sprint(got))
		}
	})
}

// The number of open streams is known.
func TestMetricsOfStreams(t *testing.T) {
	t.Parallel()
	_, c, _ := serveLogged(t)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	r, err := http.NewRequestWithContext(ctx, "GET", c.base+"/api/v1/t/contoso/events?active=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-User", "rosa")
	resp, err := c.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	c.metrics().want(t, map[string]float64{`http_event_streams`: 1})
	leave()
	for c.metrics()[`http_event_streams`] != 0 {
		if err := t.Context().Err(); err != nil {
			t.Fatal(err)
		}
	}
}
