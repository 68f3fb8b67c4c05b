package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

//nolint:gochecknoglobals // a flag
var update = flag.Bool("update", false, "write the statuses of testdata/routes.txt anew")

// Every route and who may use it, in one table, which has all that there are.
func TestRoutes(t *testing.T) {
	t.Parallel()
	graph := newGraph(t, graphtest.Config{}, madeUp())
	base, err := graph.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = graph.Close() })
	h, c := serveBoth(t, append(tenantArgs(base, "memory"), "-actions")...)
	run := c.sync(`{"policy_types":["assignmentFilter","roleScopeTag"]}`)
	set := c.backup("assignmentFilter", "roleScopeTag")
	plan := c.plan(set.ID)
	c.run("oskar", "restore.preview", `{"restore":"`+plan.ID+`"}`)
	var items struct{ Data []struct{ Version string } }
	if c.do("rosa", "GET", setsOf+"/"+set.ID+"/items", "", &items); len(items.Data) == 0 {
		t.Fatal("the set has no items")
	}
	var notes struct{ Data []struct{ ID string } }
	if c.do("oskar", "GET", "/api/v1/notifications", "", &notes); len(notes.Data) == 0 {
		t.Fatal("whoever has started a run has no notification")
	}
	it := c.items()[0]
	names := strings.NewReplacer("RUN", run.ID, "NOTE", notes.Data[0].ID, "KIND/ID", it.Kind+"/"+it.ID, "SET", set.ID, "PLAN", plan.ID, "VERSION", items.Data[0].Version)
	want, err := os.ReadFile("testdata/routes.txt")
	if err != nil {
		t.Fatal(err)
	}
	users := []string{"", "stranger", "fred", "rosa", "oskar", "mika", "olivia"}
	rt := h.router()
	missing := map[string]bool{}
	for _, pattern := range rt.routes() {
		missing[pattern] = true
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-60s anonymous outsider other-tenant readonly operator manager owner\n", "")
	for line := range strings.Lines(string(want)) {
		fields := strings.Fields(line)
		if fields[0] == "anonymous" {
			continue
		}
		method, path := fields[0], names.Replace(fields[1])
		r, err := http.NewRequestWithContext(t.Context(), method, path, nil)
		if err != nil {
			t.Fatal(err)
		}
		delete(missing, rt.pattern(r))
		fmt.Fprintf(&b, "%-60s", method+" "+fields[1])
		for _, user := range users {
			body, kind := "", "application/json"
			switch {
			case method == "PATCH":
				body = `{"scope":{}}`
			case method != "POST":
			case strings.HasPrefix(path, "/t/"):
				kind = "application/x-www-form-urlencoded"
				body = url.Values{"name": {"Another"}, "backup_set": {set.ID}, "what": {"everything"}, "for": {"real"}}.Encode()
			case strings.HasSuffix(path, "/runs"):
				body = `{"type":"inventory.sync","params":{"policy_types":["assignmentFilter"]}}`
			case strings.HasSuffix(path, "/backup-sets"):
				body = `{"name":"Another"}`
			case strings.HasSuffix(path, "/restores"):
				body = `{"backup_set":"` + set.ID + `"}`
			}
			status, _ := c.do(user, method, path, body, nil, "Accept", "application/json", "Content-Type", kind)
			if status == http.StatusAccepted {
				status = http.StatusOK // new or joined is a matter of time
			}
			fmt.Fprintf(&b, " %d", status)
		}
		b.WriteString("\n")
	}
	if *update {
		if err := os.WriteFile("testdata/routes.txt", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
	for pattern := range missing {
		t.Errorf("the table has no line for %s", pattern)
	}
}

// Every page says what it has to, with the security headers, and to nobody what
// is in a name as markup.
func TestPages(t *testing.T) {
	t.Parallel()
	graph := newGraph(t, graphtest.Config{}, madeUp())
	const evil = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>`
	doc, err := json.Marshal(map[string]string{"displayName": evil, "description": evil, "platform": "windows10AndLater", "rule": "(device.model -eq \"x\")"})
	if err != nil {
		t.Fatal(err)
	}
	id, err := graph.Tenant(entraID).Add("deviceManagement/assignmentFilters", doc)
	if err != nil {
		t.Fatal(err)
	}
	c := serveTenant(t, graph, "memory")
	run := c.sync(`{"policy_types":["assignmentFilter"]}`)
	for path, want := range map[string]string{
		"/t/contoso/inventory":                                   "Sync now",
		"/t/contoso/inventory?kind=assignmentFilter&q=script":    "&lt;script&gt;",
		"/t/contoso/inventory?q=nothing+has+this":                "Nothing matches",
		"/t/contoso/inventory/items/assignmentFilter/" + id:      "&lt;script&gt;",
		"/t/contoso/inventory/items/assignmentFilter/no-such-id": "404",
		"/t/contoso/inventory/coverage":                          "Assignment filters",
		"/ops/t/contoso/runs":                                    "Inventory sync",
		"/ops/t/contoso/runs?outcome=failed":                     "No runs match",
		"/ops/t/contoso/runs?outcome=hunter2":                    "The parameter outcome",
		"/ops/t/contoso/runs/" + run.ID:                          "assignmentFilter",
		"/ops/t/contoso/runs/" + run.ID + "?started=new":         "queued",
		"/no/such/page":                                          "404",
	} {
		var html string
		_, header := c.do("rosa", "GET", path, "", &html)
		if !strings.Contains(html, want) || !strings.Contains(html, "</html>") {
			t.Errorf("%s has no %q:\n%s", path, want, html)
		}
		if strings.Contains(html, "<script>") || strings.Contains(html, "<img src=x") || strings.Contains(html, "hunter2") || strings.Contains(html, "style=") {
			t.Errorf("%s has markup that it must not have:\n%s", path, html)
		}
		if !strings.HasPrefix(header.Get("Content-Security-Policy"), "default-src 'none'") || header.Get("X-Content-Type-Options") != "nosniff" || header.Get("X-Request-Id") == "" {
			t.Errorf("%s has the headers %v", path, header)
		}
	}
	var page string
	if c.do("rosa", "GET", "/t/contoso/inventory", "", &page); !strings.Contains(page, "disabled") {
		t.Error("somebody who may not start anything has a button to do so")
	}
	if n := graph.Stats().Requests; n == 0 {
		t.Error("the sync made no request")
	}
	graph.ResetStats()
	c.do("rosa", "GET", "/t/contoso/inventory", "", nil)
	c.do("rosa", "GET", "/ops/t/contoso/runs", "", nil)
	if n := graph.Stats().Requests; n != 0 {
		t.Errorf("pages made %d requests to Graph, want none", n)
	}
}
