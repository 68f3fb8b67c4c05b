package main

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
	"github.com/tenantatlas/tenantatlas/runs/pondruns"
)

// pagedRuns is how many runs the tenant has whose list is asked for.
const pagedRuns = 1_000_000

// pageTarget is how slow five in a hundred answers may be.
func pageTarget(database string) time.Duration {
	if database == "SQLite" {
		return 80 * time.Millisecond
	}
	return 50 * time.Millisecond
}

// pages measures the list page of the hub through HTTP, with each filter alone.
func (b *bench) pages(ctx context.Context) error {
	return b.filled(ctx, pagedRuns, pagedRuns, 1, func(ctx context.Context, s *subject) error {
		server, err := hubOf(s)
		if err != nil {
			return err
		}
		defer server.Close()
		fmt.Fprintln(b.out, "p50 / p95 in ms of", b.calls, "answers, each a whole page")
		fmt.Fprintf(b.out, "| %s, %d runs of one tenant; target of p95: %v | first page | page 20, or the last |\n|---|---|---|\n", s.name, s.runs, pageTarget(s.name))
		for _, f := range pageFilters(s.now) {
			row, err := b.paged(ctx, s, server.URL, f)
			if err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
			fmt.Fprintln(b.out, row)
		}
		return nil
	})
}

// hubOf serves the hub of what a store holds, to an owner.
func hubOf(s *subject) (*httptest.Server, error) {
	var ops []runs.Operation
	for _, t := range []runs.Type{"inventory.sync", "directory.groups.sync", "drift.generate", "backup_set.verify", "restore.execute", "restore.preview"} {
		ops = append(ops, runs.Spec[input]{Type: t}.Operation())
	}
	tracker, err := runs.New(runs.Config{Store: s.store, Dispatcher: pondruns.New(pondruns.Config{}), Operations: ops})
	if err != nil {
		return nil, err
	}
	hub, err := monitor.New(monitor.Config{
		Runs: tracker,
		Who:  func(*http.Request) (runs.Actor, error) { return runs.User("user-1", "Dana"), nil },
		Authorizer: runs.Roles(func(context.Context, runs.Actor, string) (runs.Role, error) {
			return runs.RoleOwner, nil
		}),
		BasePath: "/ops",
	})
	if err != nil {
		return nil, err
	}
	return httptest.NewServer(hub), nil
}

// A pageFilter is a query of the list's address with a name.
type pageFilter struct{ name, query string }

// pageFilters are those of [filters] that the page has, and those that it alone
// has.
func pageFilters(now time.Time) []pageFilter {
	day := func(ago int) string { return now.AddDate(0, 0, -ago).UTC().Format(time.DateOnly) }
	return []pageFilter{
		{"no filter", ""},
		{"type, half of the runs", "type=inventory.sync"},
		{"type, 1 in 10,000", "type=restore.preview"},
		{"not a type", "not.type=inventory.sync"},
		{"status queued", "status=queued"},
		{"outcome succeeded", "outcome=succeeded"},
		{"outcome failed, 1 in 50", "outcome=failed"},
		{"outcome blocked, 1 in 2,000", "outcome=blocked"},
		{"initiator, 4 of 5", "initiator=nightly"},
		{"initiator, 1 in 250", "initiator=user-7"},
		{"target, 1 in 1,000", "target=set-7"},
		{"time, the last day", "since=24h"},
		{"time, a day 45 days ago", "from=" + day(45) + "&to=" + day(44)},
		{"words", "q=Weekly"},
	}
}

// paged returns the row of one filter.
func (b *bench) paged(ctx context.Context, s *subject, base string, f pageFilter) (string, error) {
	first := base + "/ops/t/" + largeTenant + "/runs?" + f.query
	far := first
	for range 19 {
		body, err := get(ctx, far)
		if err != nil {
			return "", err
		}
		next := nextPage.FindStringSubmatch(body)
		if next == nil {
			break
		}
		far = base + html.UnescapeString(next[1])
	}
	cells := []string{f.name}
	took, err := inTurn(b.calls, []func(int) error{
		func(int) error { _, err := get(ctx, first); return err },
		func(int) error { _, err := get(ctx, far); return err },
	})
	if err != nil {
		return "", err
	}
	for _, t := range took {
		cells = append(cells, percentiles(t, 95, pageTarget(s.name)))
	}
	return "| " + strings.Join(cells, " | ") + " |", nil
}

var nextPage = regexp.MustCompile(`rel="next" href="([^"]*)"`) //nolint:gochecknoglobals // compiled once

// get reads a page.
func get(ctx context.Context, address string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("get %s: %s", address, resp.Status)
	}
	return string(body), err
}
