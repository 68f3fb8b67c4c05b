package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

// Every route and who may use it, in one table.
func TestRoutes(t *testing.T) {
	t.Parallel()
	graph := newGraph(t, graphtest.Config{}, madeUp())
	c := serveTenant(t, graph, "memory")
	run := c.sync(`{"policy_types":["assignmentFilter","roleScopeTag"]}`)
	set := c.backup("assignmentFilter", "roleScopeTag")
	plan := c.plan(set.ID)
	c.run("oskar", "restore.preview", `{"restore":"`+plan.ID+`"}`)
	it := c.items()[0]
	item := "/inventory/items/" + it.Kind + "/" + it.ID
	routes := []string{
		"GET /api/v1/t/contoso/runs", "GET /api/v1/t/contoso/runs/RUN", "GET /api/v1/t/contoso/runs/RUN/items",
		"GET /api/v1/t/contoso/runs/counts", "GET /api/v1/t/contoso/types", "GET /api/v1/t/contoso/inventory/items",
		"GET /api/v1/t/contoso/ITEM", "GET /api/v1/t/contoso/inventory/coverage", "GET /api/v1/t/contoso/inventory/links",
		"GET /api/v1/t/contoso/backup-sets", "POST /api/v1/t/contoso/backup-sets", "POST /api/v1/t/contoso/backup-sets/import",
		"GET /api/v1/t/contoso/backup-sets/SET", "GET /api/v1/t/contoso/backup-sets/SET/items",
		"GET /api/v1/t/contoso/backup-sets/SET/certificate", "GET /api/v1/t/contoso/backup-sets/SET/export", "DELETE /api/v1/t/contoso/backup-sets/SET",
		"GET /api/v1/t/contoso/restores", "POST /api/v1/t/contoso/restores", "GET /api/v1/t/contoso/restores/PLAN",
		"PATCH /api/v1/t/contoso/restores/PLAN", "GET /api/v1/t/contoso/restores/PLAN/items", "POST /api/v1/t/contoso/restores/PLAN/rerun",
		"POST /api/v1/t/contoso/runs", "GET /api/v1/me", "GET /t/contoso/inventory", "GET /t/contoso/ITEM",
		"GET /t/contoso/inventory/coverage", "POST /t/contoso/inventory/sync",
		"GET /ops/", "GET /ops/t/contoso/", "GET /ops/t/contoso/runs", "GET /ops/t/contoso/runs/RUN", "GET /ops/t/contoso/runs.csv",
		"GET /ops/t/contoso/runs/RUN/items.jsonl", "GET /ops/t/contoso/types", "GET /ops/t/contoso/audit", "GET /ops/t/contoso/audit.jsonl",
		"GET /ops/notifications", "GET /ops/settings", "GET /ops/help", "GET /ops/api/t/contoso/runs", "GET /ops/static/hub.css",
		"POST /ops/t/contoso/runs/RUN/retry", "POST /ops/notifications/read-all",
		"GET /", "GET /healthz", "GET /readyz", "GET /static/style.css", "GET /no/such/page", "GET /api/v1/no/such",
	}
	users := []string{"", "stranger", "fred", "rosa", "oskar", "mika", "olivia"}
	var b strings.Builder
	fmt.Fprintf(&b, "%-56s anonymous outsider other-tenant readonly operator manager owner\n", "")
	for _, route := range routes {
		method, path, _ := strings.Cut(route, " ")
		path = strings.NewReplacer("RUN", run.ID, "/ITEM", item, "SET", set.ID, "PLAN", plan.ID).Replace(path)
		fmt.Fprintf(&b, "%-56s", route)
		for _, user := range users {
			body := ""
			switch {
			case strings.HasSuffix(path, "/backup-sets"):
				body = `{"name":"Another"}`
			case strings.HasSuffix(path, "/restores"):
				body = `{"backup_set":"` + set.ID + `"}`
			case method == "PATCH":
				body = `{"scope":{}}`
			case method == "POST":
				body = `{"type":"inventory.sync","params":{"policy_types":["assignmentFilter"]}}`
			}
			status, _ := c.do(user, method, path, body, nil)
			if status == http.StatusAccepted {
				status = http.StatusOK // new or joined is a matter of time
			}
			fmt.Fprintf(&b, " %d", status)
		}
		b.WriteString("\n")
	}
	want, err := os.ReadFile("testdata/routes.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
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
