package main

import (
	"database/sql"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/audit"
)

// Every start, join and refusal is in the audit, which verifies.
func TestAudit(t *testing.T) {
	t.Parallel()
	eachDB(t, func(t *testing.T, db string) {
		graph := newGraph(t, graphtest.Config{}, madeUp())
		base, err := graph.Start()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = graph.Close() })
		h, c := serveBoth(t, tenantArgs(base, db)...)
		started := c.sync(`{}`)
		for _, user := range []string{"rosa", "stranger", "fred"} {
			c.do(user, "POST", runsOf, `{"type":"inventory.sync"}`, nil)
		}
		c.do("stranger", "GET", runsOf, "", nil)
		c.do("rosa", "GET", runsOf, "", nil)
		c.do("olivia", "GET", "/api/v1/t/unknown/runs", "", nil)
		var set struct {
			ID string `json:"id"`
		}
		c.do("oskar", "POST", setsOf, `{"name":"Weekly"}`, &set)
		c.do("oskar", "DELETE", setsOf+"/"+set.ID, "", nil)
		c.do("olivia", "DELETE", setsOf+"/"+set.ID, "", nil)

		page, err := h.audit.List(t.Context(), audit.Query{Tenant: "contoso"})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		ended := 0
		for _, e := range page.Entries {
			object := map[string]string{started.ID: "the ", set.ID: "the "}[e.Object.ID] + e.Object.Kind
			line := strings.TrimSpace(strings.Join([]string{e.Actor.ID, string(e.Event), string(e.Action), e.Result, object}, " "))
			switch e.Event {
			case audit.EventQueued, audit.EventRunning: // best effort
			case audit.EventCompleted: // told at some time after the run has ended
				ended++
				if e.Object.ID != started.ID || e.Result != "succeeded" {
					t.Errorf("the run that has ended is %s: %s, want %s", e.Object.ID, e.Result, started.ID)
				}
			default:
				got = append([]string{line}, got...)
			}
		}
		want := []string{
			"host host.start",
			"oskar start start allowed the run",
			"rosa start start refused run",
			"stranger access view refused",
			"fred access view refused",
			"stranger access view refused",
			"oskar access start allowed backup_set",
			"oskar access sets.delete refused the backup_set",
			"olivia access sets.delete allowed the backup_set",
		}
		if diff := cmp.Diff(want, got); diff != "" || ended > 1 {
			t.Errorf("%d times a run has ended, want once; the audit (-want +got):\n%s", ended, diff)
		}
		report, err := h.audit.Verify(t.Context(), "contoso")
		if err != nil || report.Problem != nil {
			t.Errorf("Verify = %+v, %v; want no problem", report.Problem, err)
		}
		page, err = h.audit.List(t.Context(), audit.Query{Tenant: runs.SystemTenant})
		if err != nil || len(page.Entries) != 1 || page.Entries[0].Facts["tenant"] != "unknown" {
			t.Errorf("of a tenant that there is not: %+v, %v", page.Entries, err)
		}
	})
}

// A host that is started again goes on with the key that it has made.
func TestAuditKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "keys", "audit-keys")
	first, err := auditKeys("", file)
	if err != nil {
		t.Fatal(err)
	}
	again, err := auditKeys("", file)
	if diff := cmp.Diff(first, again); err != nil || diff != "" {
		t.Errorf("the second time: %v (-first +second):\n%s", err, diff)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, %v; want 0600", info.Mode(), err)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := auditKeys("", file); err == nil {
		t.Error("keys that others can read are accepted")
	}
	two := "new:" + strings.Repeat("01", 32) + ", old:" + strings.Repeat("02", 32)
	if keys, err := auditKeys(two, file); err != nil || len(keys) != 2 || keys[0].ID != "new" || keys[1].Secret[0] != 2 {
		t.Errorf("two keys are read as %v, %v", keys, err)
	}
	for _, bad := range []string{"x", "x:12", "x:" + strings.Repeat("zz", 32)} {
		if _, err := auditKeys(bad, file); err == nil || strings.Contains(err.Error(), "zz") {
			t.Errorf("AUDIT_KEYS=%s: %v, want an error without the key", bad, err)
		}
	}
	if keys, err := auditKeys("", ""); err != nil || len(keys) != 1 {
		t.Errorf("in memory: %v, %v; want one key", keys, err)
	}
}

// While the audit cannot be written nothing starts, and pages go on.
func TestAuditDown(t *testing.T) {
	t.Parallel()
	file := "file:" + filepath.Join(t.TempDir(), "test.db")
	graph := newGraph(t, graphtest.Config{}, madeUp())
	base, err := graph.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = graph.Close() })
	c := serveHost(t, tenantArgs(base, file)...)
	c.sync(`{}`)
	const spoil = `UPDATE audit_heads SET last = replace(last, '"last"', '"base"')`
	db, err := sql.Open("sqlite", file+"?_pragma=busy_timeout(10000)") // the host may be writing
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), spoil); err != nil {
		t.Fatal(err)
	}
	if status, _ := c.do("oskar", "POST", runsOf, `{"type":"inventory.sync"}`, nil); status != http.StatusServiceUnavailable {
		t.Errorf("a start answers %d, want 503", status)
	}
	if status, _ := c.do("oskar", "GET", runsOf, "", nil); status != http.StatusOK {
		t.Errorf("the list of runs answers %d, want 200", status)
	}
}
