package monitor_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/audit"
	"github.com/tenantatlas/tenantatlas/runs/memaudit"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
)

var auditKey = audit.Key{ID: "k1", Secret: bytes.Repeat([]byte("k"), 32)}

// auditDesk is a desk with an audit of acme's.
func auditDesk(t *testing.T) (*desk, *audit.Log, *memaudit.Store) {
	t.Helper()
	store := memaudit.New()
	log, err := audit.New(audit.Config{Store: store, Keys: []audit.Key{auditKey}})
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, func(cfg *monitor.Config) {
		cfg.Audit, cfg.Authorizer = log, log.Guard(cfg.Authorizer)
	})
	return d, log, store
}

func note(t *testing.T, log *audit.Log, e audit.Entry) {
	t.Helper()
	e.Tenant = "acme"
	if err := log.Record(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

func TestAuditAccess(t *testing.T) {
	d, log, _ := auditDesk(t)
	note(t, log, audit.Entry{Event: audit.EventStart, Actor: runs.User("owner", "Olivia")})
	for _, path := range []string{"/ops/t/acme/audit", "/ops/t/acme/audit.jsonl"} {
		for user, want := range map[string]int{"": 401, "outsider": 404, "readonly": 403, "operator": 403, "manager": 403, "owner": 200} {
			if resp, body := d.get(t, user, path); resp.StatusCode != want || want != 200 && strings.Contains(body, "Olivia") {
				t.Errorf("%s as %q: %d, want %d", path, user, resp.StatusCode, want)
			}
		}
	}
	for user, want := range map[string]bool{"owner": true, "manager": false} {
		if _, body := d.get(t, user, "/ops/t/acme/runs"); strings.Contains(body, `href="/ops/t/acme/audit"`) != want {
			t.Errorf("%s is offered the audit: %v, want %v", user, !want, want)
		}
	}
	if resp, _ := newDesk(t, nil).get(t, "owner", "/ops/t/acme/audit"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("without an audit its page answers %d, want 404", resp.StatusCode)
	}
}

// Looking whether somebody may do something is not doing it.
func TestAuditOfPages(t *testing.T) {
	d, log, _ := auditDesk(t)
	run := d.add(t, runs.Run{Status: runs.StatusQueued})
	note(t, log, audit.Entry{Event: "begin"})
	for range 3 {
		d.get(t, "readonly", "/ops/t/acme/runs/"+run.ID)
		d.get(t, "owner", "/ops/t/acme/audit")
	}
	d.get(t, "readonly", "/ops/t/acme/audit")
	page, err := log.List(t.Context(), audit.Query{Tenant: "acme"})
	if err != nil || len(page.Entries) != 2 || page.Entries[0].Action != runs.ActionViewAudit || page.Entries[0].Result != audit.ResultRefused {
		t.Errorf("recorded %+v, %v; want the refusal and nothing else", page.Entries, err)
	}
}

func TestAuditPage(t *testing.T) {
	d, log, _ := auditDesk(t)
	for i := range 120 {
		e := audit.Entry{Event: audit.EventStart, Actor: runs.User("dana", "Dana"), Object: audit.Object{Kind: "run", ID: fmt.Sprint("r", i), Name: "inventory.sync"}}
		if i%40 == 7 {
			e.Actor, e.Event, e.Result, e.Reason = runs.System("tracker"), audit.EventCompleted, "failed", runs.ReasonTimeout
		}
		note(t, log, e)
	}
	tests := []struct {
		query string
		rows  int // on all pages
	}{
		{"", 120},
		{"?limit=7", 120},
		{"?actor=dana", 117},
		{"?actor=system:tracker", 3},
		{"?object=r7", 1},
		{"?object=run:r8", 1},
		{"?event=completed", 3},
		{"?since=1h&limit=50", 120},
		{"?to=2020-01-01T00:00:00Z", 0},
		{"?event=none", 0},
	}
	for _, tt := range tests {
		if rows := d.rows(t, "/ops/t/acme/audit"+tt.query); rows != tt.rows {
			t.Errorf("%s lists %d entries, want %d", tt.query, rows, tt.rows)
		}
	}
	for query, want := range map[string]int{"?after=x": 400, "?limit=0": 400, "?from=yesterday": 400, "?actor=%00%ff": 200} {
		if resp, _ := d.get(t, "owner", "/ops/t/acme/audit"+query); resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", query, resp.StatusCode, want)
		}
	}
}

// rows returns how many rows a list has on the page at path and those behind it.
func (d *desk) rows(t *testing.T, path string) (n int) {
	t.Helper()
	for path != "" {
		resp, body := d.get(t, "owner", path)
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d\n%s", path, resp.StatusCode, body)
		}
		n += strings.Count(body, `<th role="rowheader"`)
		_, rest, _ := strings.Cut(body, `rel="next" href="`)
		path, _, _ = strings.Cut(rest, `"`)
		path = html.UnescapeString(path)
	}
	return n
}

// Whatever an entry says is text.
func TestAuditEscapes(t *testing.T) {
	d, log, _ := auditDesk(t)
	const evil = `"><img src=x onerror=alert(1)>`
	note(t, log, audit.Entry{
		Actor: runs.Actor{Kind: evil, ID: evil, Name: evil}, Event: evil, Action: evil, Result: evil, Reason: evil,
		Object: audit.Object{Kind: evil, ID: evil, Name: evil}, Facts: map[string]string{evil: evil},
	})
	if _, body := d.get(t, "owner", "/ops/t/acme/audit?actor="+"%22%3E%3Cimg%20src%3Dx%3E"); strings.Contains(body, "<img") {
		t.Errorf("a filter becomes an element:\n%s", body)
	}
	if _, body := d.get(t, "owner", "/ops/t/acme/audit"); strings.Contains(body, "<img") || !strings.Contains(body, "&lt;img") {
		t.Errorf("an entry becomes an element:\n%s", body)
	}
}

func TestAuditVerify(t *testing.T) {
	d, log, store := auditDesk(t)
	for range 3 {
		note(t, log, audit.Entry{Event: audit.EventStart, Actor: runs.User("dana", "Dana")})
	}
	c, err := log.Checkpoint(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	_, body := d.get(t, "owner", "/ops/t/acme/audit?verify=1")
	if !strings.Contains(body, "Entries 1 to 3") || !strings.Contains(html.UnescapeString(body), c.String()) {
		t.Errorf("no report and checkpoint in\n%s", body)
	}
	resp, export := d.get(t, "owner", "/ops/t/acme/audit.jsonl")
	report, err := audit.VerifyExport(strings.NewReader(export), "acme", []audit.Key{auditKey}, c)
	if err != nil || report.Problem != nil || report.Last != 3 || !strings.Contains(resp.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("the export verifies as %+v, %v", report, err)
	}
	if err := store.Append(t.Context(), "acme", c.String(), c.String(), []audit.Row{{Seq: 4, Body: []byte("{}")}}); err != nil {
		t.Fatal(err)
	}
	_, body = d.get(t, "owner", "/ops/t/acme/audit?verify=1")
	for _, want := range []string{"from entry 4 on", "was not recorded there", "Altered:"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}
}

// brokenAudit fails in the middle.
type brokenAudit struct{ audit.Reader }

var errAway = errors.New("postgres://user:hunter2@db is away")

func (brokenAudit) Joins(context.Context, runs.Ref) (int, bool, error) { return 0, false, errAway }

func (brokenAudit) Verify(ctx context.Context, _ string, _ ...audit.Checkpoint) (audit.Report, error) {
	return audit.Report{}, errAway
}

func (brokenAudit) Export(_ context.Context, w io.Writer, _ string) error {
	_, err := w.Write([]byte("{}\n"))
	return errors.Join(err, errAway)
}

func TestAuditBroken(t *testing.T) {
	_, log, _ := auditDesk(t)
	d := newDesk(t, func(cfg *monitor.Config) { cfg.Audit = brokenAudit{log} })
	run := d.add(t, runs.Run{Status: runs.StatusQueued})
	for path, want := range map[string]int{"runs/" + run.ID: 200, "audit?verify=1": 500, "audit": 200, "audit.jsonl": 200} {
		if resp, body := d.get(t, "owner", "/ops/t/acme/"+path); resp.StatusCode != want || strings.Contains(body, "hunter2") {
			t.Errorf("%s: %d, want %d\n%s", path, resp.StatusCode, want, body)
		}
	}
}

// The page of a run says how many joined it.
func TestRunAudit(t *testing.T) {
	d, log, _ := auditDesk(t)
	run := d.add(t, runs.Run{Status: runs.StatusQueued})
	join := audit.Entry{Event: audit.EventJoin, Result: audit.ResultAllowed, Object: audit.RunObject(run.Ref()), Actor: runs.User("dana", "Dana")}
	for n, want := range []string{"", "1 more request joined", "2 more requests joined"} {
		_, body := d.get(t, "readonly", "/ops/t/acme/runs/"+run.ID)
		if strings.Contains(body, "joined this run") != (n > 0) || !strings.Contains(body, want) || strings.Contains(body, "Audit of this run") {
			t.Errorf("after %d joins there is no %q, or the audit is offered, in\n%s", n, want, body)
		}
		note(t, log, join)
	}
	_, body := d.get(t, "owner", "/ops/t/acme/runs/"+run.ID)
	if want := `href="/ops/t/acme/audit?object=` + run.ID + `"`; !strings.Contains(body, want) {
		t.Errorf("no %s in\n%s", want, body)
	}
}
