package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

const (
	setsOf     = "/api/v1/t/contoso/backup-sets"
	restoresOf = "/api/v1/t/contoso/restores"
)

type setJSON struct {
	ID, Name, Origin string
	Items            int
	Complete         bool
}

type planJSON struct {
	ID, Status, Code, Detail string
	Revision                 int64
	Mapping                  []struct{ Kind, ID, State, To string }
	Preview                  *struct {
		Run       string
		Decisions map[string]int
		Blockers  []struct{ Message string }
	}
	Execution *struct {
		Results map[string]int
		DryRun  bool `json:"dry_run"`
	}
}

type planItemJSON struct {
	Kind, ID, Decision, Result, Reason, Message, Object string
	Name                                                string `json:"display_name"`
}

// run starts a run as user and returns it when it has ended.
func (c *client) run(user, typ, params string) runJSON {
	c.t.Helper()
	var s startJSON
	if status, _ := c.do(user, "POST", runsOf, `{"type":"`+typ+`","params":`+params+`}`, &s); status != http.StatusAccepted {
		c.t.Fatalf("start %s as %s: %d %s", typ, user, status, s.Code)
	}
	return c.wait(s.Run.ID)
}

// backup creates a set with everything that the tenant has of some kinds, nil for
// all.
func (c *client) backup(kinds ...string) setJSON {
	c.t.Helper()
	var set setJSON
	if status, _ := c.do("oskar", "POST", setsOf, `{"name":"Everything","description":"before the change"}`, &set); status != http.StatusCreated || set.ID == "" {
		c.t.Fatalf("create: %d %+v", status, set)
	}
	params := `{"backup_set":"` + set.ID + `","all":true`
	if kinds != nil {
		params += `,"selection":{"policy_types":["` + strings.Join(kinds, `","`) + `"]}`
	}
	if run := c.run("oskar", "backup_set.add_policies", params+`}`); run.Outcome != "succeeded" {
		c.t.Fatalf("backup: %+v", run)
	}
	c.do("rosa", "GET", setsOf+"/"+set.ID, "", &set)
	return set
}

// plan creates a restore of the objects of some kinds in a set, nil for all, and
// gives up what has no counterpart.
func (c *client) plan(set string, kinds ...string) planJSON {
	c.t.Helper()
	var p planJSON
	if status, header := c.do("oskar", "POST", restoresOf, `{"backup_set":"`+set+`"}`, &p); status != http.StatusCreated || header.Get("Location") != restoresOf+"/"+p.ID || p.Status != "draft" {
		c.t.Fatalf("plan: %d %+v, %s", status, p, header.Get("Location"))
	}
	var scope, choices []map[string]any
	for _, kind := range kinds {
		var items struct{ Data []itemJSON }
		c.do("rosa", "GET", setsOf+"/"+set+"/items?limit=200&kind="+kind, "", &items)
		for _, i := range items.Data {
			scope = append(scope, map[string]any{"kind": i.Kind, "id": i.ID})
		}
	}
	if scope != nil {
		c.patch("oskar", &p, map[string]any{"scope": map[string]any{"items": scope}})
	}
	for _, m := range p.Mapping {
		if m.State == "unmapped" || m.State == "several" {
			choices = append(choices, map[string]any{"kind": m.Kind, "id": m.ID, "skip": true})
		}
	}
	if choices != nil {
		c.patch("mika", &p, map[string]any{"mapping": choices, "revision": p.Revision})
	}
	return p
}

// patch changes a restore as it was read.
func (c *client) patch(user string, p *planJSON, patch map[string]any) {
	c.t.Helper()
	body, err := json.Marshal(patch)
	if err != nil {
		c.t.Fatal(err)
	}
	tag := fmt.Sprintf("%q", fmt.Sprint(p.Revision))
	if status, _ := c.do(user, "PATCH", restoresOf+"/"+p.ID, string(body), p, "If-Match", tag); status != http.StatusOK {
		c.t.Fatalf("%s: %d %+v", body, status, p)
	}
}

// plans reads a restore and its items.
func (c *client) plans(id string) (p planJSON, items []planItemJSON) {
	c.t.Helper()
	c.do("rosa", "GET", restoresOf+"/"+id, "", &p)
	for after := ""; ; {
		var page struct {
			Data []planItemJSON
			Next string
		}
		c.do("rosa", "GET", restoresOf+"/"+id+"/items?limit=200&after="+after, "", &page)
		items = append(items, page.Data...)
		if after = page.Next; after == "" {
			return p, items
		}
	}
}

// wipe deletes what there is of these kinds, apart from what the service makes.
func wipe(t *testing.T, at *graphtest.Tenant, kinds ...string) (deleted int) {
	t.Helper()
	for _, path := range at.Paths() {
		for _, id := range at.IDs(path) {
			doc, err := at.Get(path, id)
			if err != nil {
				t.Fatal(err)
			}
			var odata string
			_ = json.Unmarshal(contract.Member(doc, "@odata.type"), &odata)
			typ := contract.Classify("/"+path, strings.TrimPrefix(odata, "#microsoft.graph."))
			if typ == nil || !slices.Contains(kinds, typ.Key) {
				continue
			}
			if s, err := typ.Summarize(doc); err != nil || s.Provided {
				continue
			}
			if err := at.Delete(path, id); err != nil {
				t.Fatal(err)
			}
			deleted++
		}
	}
	return deleted
}

// What was backed up over the API can be taken out, checked, and put back after
// it was lost, by those who may; a second preview finds nothing to do.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	eachDB(t, func(t *testing.T, db string) {
		graph := newGraph(t, graphtest.Config{}, madeUp())
		c := serveTenant(t, graph, db)
		c.sync(`{}`)
		set := c.backup()
		if set.Items < 80 || !set.Complete {
			t.Errorf("the set is %+v, want at least 80 items and complete", set)
		}
		checkSet(c, set)

		lost := []string{"configurationPolicy", "deviceCompliancePolicy", "deviceHealthScript"}
		deleted := wipe(t, graph.Tenant(entraID), lost...)
		p := c.plan(set.ID, lost...)
		if run := c.run("oskar", "restore.preview", `{"restore":"`+p.ID+`"}`); run.Status != "completed" {
			t.Errorf("preview: %+v", run)
		}
		p, items := c.plans(p.ID)
		if p.Status != "previewed" || p.Preview == nil || p.Preview.Decisions["create"] < deleted*3/4 || len(p.Preview.Blockers) > 0 || len(items) < deleted {
			t.Fatalf("the restore is %s, %+v with %d items, want %d of which most are created", p.Status, p.Preview, len(items), deleted)
		}
		checkRights(c, p.ID)
		before := graph.Writes()
		if run := c.run("oskar", "restore.execute", `{"restore":"`+p.ID+`"}`); run.Outcome == "failed" || graph.Writes() != before {
			t.Errorf("the dry run is %+v, with %d writes", run, graph.Writes()-before)
		}
		c.run("mika", "restore.execute", `{"restore":"`+p.ID+`","dry_run":false,"acknowledge":true,"confirm":"contoso","consent":["roleAssignment","operationApprovalPolicy","conditionalAccessPolicy"]}`)
		first := make(map[string]planItemJSON)
		p, items = c.plans(p.ID)
		for _, i := range items {
			first[i.Kind+i.ID] = i
			if i.Decision == "create" && (i.Result != "verified" || i.Object == "") {
				t.Errorf("%s %q: %s %s %s", i.Kind, i.Name, i.Result, i.Reason, i.Message)
			}
		}
		if p.Status != "executed" || p.Execution == nil || p.Execution.DryRun || p.Execution.Results["verified"] < p.Preview.Decisions["create"] {
			t.Errorf("the restore is %s, %+v", p.Status, p.Execution)
		}

		again := c.plan(set.ID, lost...)
		c.run("oskar", "restore.preview", `{"restore":"`+again.ID+`"}`)
		_, items = c.plans(again.ID)
		for _, i := range items {
			if was := first[i.Kind+i.ID]; was.Decision == "create" && i.Decision != "unchanged" {
				t.Errorf("a second preview says %s %q: %s %s %s", i.Kind, i.Name, i.Decision, i.Reason, i.Message)
			}
		}
	})
}

// checkSet checks what can be read and taken out of a set.
func checkSet(c *client, set setJSON) {
	c.t.Helper()
	at := setsOf + "/" + set.ID
	var cert struct {
		Status string
		Kinds  []struct{ Captured int }
	}
	if c.do("rosa", "GET", at+"/certificate", "", &cert); cert.Status != "complete" || len(cert.Kinds) < 20 {
		c.t.Errorf("the certificate is %q of %d kinds", cert.Status, len(cert.Kinds))
	}
	var items struct {
		Data []struct {
			Kind, Version string
			Name          string `json:"display_name"`
		}
		Next string
	}
	if c.do("rosa", "GET", at+"/items?kind=assignmentFilter&limit=1", "", &items); len(items.Data) != 1 || items.Data[0].Kind != "assignmentFilter" || items.Next == "" {
		c.t.Errorf("the first filter is %+v", items)
	}
	if run := c.run("oskar", "backup_set.verify", `{"backup_set":"`+set.ID+`"}`); run.Outcome == "failed" || run.Counts["failed"] != 0 || run.Counts["total"] != set.Items {
		c.t.Errorf("verification: %+v", run)
	}
	if run := c.run("mika", "backup_set.export", `{"backup_set":"`+set.ID+`"}`); run.Outcome != "succeeded" {
		c.t.Errorf("export: %+v", run)
	}
	var archive string
	status, header := c.do("mika", "GET", at+"/export", "", &archive)
	if status != http.StatusOK || header.Get("Content-Type") != "application/zip" || header.Get("Content-Disposition") != "attachment; filename=Everything.zip" {
		c.t.Fatalf("export: %d %v", status, header)
	}
	z, err := zip.NewReader(strings.NewReader(archive), int64(len(archive)))
	if err != nil || len(z.File) != set.Items+2 {
		c.t.Fatalf("the archive: %v, want %d files", err, set.Items+2)
	}

	const into = "/api/v1/t/fabrikam/backup-sets/import?name=Copy"
	var copied setJSON
	if status, _ := c.do("fred", "POST", into, archive, &copied, "Content-Type", "application/zip"); status != http.StatusCreated ||
		copied.Items != set.Items || copied.Origin != "contoso" || copied.Name != "Copy" || !copied.Complete {
		c.t.Errorf("import: %d %+v", status, copied)
	}
	damaged := []byte(archive)
	damaged[bytes.Index(damaged, []byte("certificate.json"))+60] ^= 1
	for body, kind := range map[string]string{string(damaged): "application/zip", archive[:len(archive)/2]: "application/zip", archive: "text/plain", "": "application/zip"} {
		var problem struct{ Code string }
		if status, _ := c.do("fred", "POST", into, body, &problem, "Content-Type", kind); status != http.StatusBadRequest || problem.Code != "invalid_input" {
			c.t.Errorf("importing %d bytes of %s: %d %s", len(body), kind, status, problem.Code)
		}
	}
	// Nobody of contoso sees what fabrikam has.
	if status, _ := c.do("rosa", "GET", setsOf+"/"+copied.ID, "", nil); status != http.StatusNotFound {
		c.t.Errorf("another tenant's set: %d, want 404", status)
	}
}

// checkRights checks who may do what with a restore that has a preview, and what
// the answers are to what makes no sense.
func checkRights(c *client, id string) {
	c.t.Helper()
	start := func(typ, params string) string { return `{"type":"` + typ + `","params":` + params + `}` }
	at := restoresOf + "/" + id
	real := start("restore.execute", `{"restore":"`+id+`","dry_run":false,"acknowledge":true,"confirm":"contoso"}`)
	const mapping = `{"mapping":[{"kind":"group","id":"x","skip":true}]}`
	for _, try := range []struct {
		user, method, path, body string
		want                     int
	}{
		{"oskar", "POST", runsOf, real, 403},
		{"rosa", "POST", runsOf, start("restore.preview", `{"restore":"`+id+`"}`), 403},
		{"stranger", "GET", at, "", 404},
		{"fred", "GET", at + "/items", "", 404},
		{"oskar", "PATCH", at, mapping, 403},
		{"mika", "PATCH", at, mapping, 400},
		{"rosa", "PATCH", at, `{"scope":{}}`, 403},
		{"mika", "PATCH", at, `{"scope":{"items":[]}}`, 400},
		{"mika", "PATCH", at, `{"scope":{"items":[{"kind":"assignmentFilter","id":"nothing"}]}}`, 400},
		{"mika", "PATCH", at, `{"scope":{},"revision":1000}`, 409},
		{"mika", "PATCH", at, `{"scope":{},"more":1}`, 400},
		{"mika", "POST", runsOf, start("restore.execute", `{"restore":"`+id+`","dry_run":false,"confirm":"contoso"}`), 400},
		{"mika", "POST", runsOf, start("restore.execute", `{"restore":"`+id+`","dry_run":false,"acknowledge":true,"confirm":"fabrikam"}`), 400},
		{"mika", "POST", runsOf, start("restore.preview", `{"restore":"nothing"}`), 404},
		{"mika", "POST", restoresOf, `{}`, 400},
		{"mika", "POST", restoresOf, `{"backup_set":"a","version":"b"}`, 400},
		{"mika", "POST", restoresOf, `{"backup_set":"nothing"}`, 404},
		{"mika", "POST", restoresOf, `{"version":"nothing"}`, 404},
		{"oskar", "POST", at + "/rerun", "", 400}, // it was not executed
		{"rosa", "GET", at + "/items?decision=create,skip&result=", "", 200},
		{"rosa", "GET", at + "/items?decision=nothing", "", 400},
		{"rosa", "GET", restoresOf + "/nothing/items", "", 404},
		{"oskar", "POST", setsOf, `{"name":""}`, 400},
		{"rosa", "POST", setsOf, `{"name":"mine"}`, 403},
		{"mika", "DELETE", setsOf + "/nothing", "", 403},
		{"olivia", "DELETE", setsOf + "/nothing", "", 404},
		{"oskar", "POST", runsOf, start("backup_set.add_policies", `{"backup_set":"nothing","all":true}`), 404},
	} {
		var problem struct{ Code, Detail string }
		if status, _ := c.do(try.user, try.method, try.path, try.body, &problem); status != try.want {
			c.t.Errorf("%s %s %s as %s: %d %+v, want %d", try.method, try.path, try.body, try.user, status, problem, try.want)
		}
	}
	for _, other := range []string{`"999"`, `"abc"`, `W/"1"`, "nonsense"} {
		if status, _ := c.do("mika", "PATCH", at, `{"scope":{}}`, nil, "If-Match", other); status != http.StatusPreconditionFailed {
			c.t.Errorf("changing the revision %s: %d, want 412", other, status)
		}
	}
	var plan planJSON
	_, header := c.do("rosa", "GET", at, "", &plan)
	for known, want := range map[string]int{header.Get("ETag"): http.StatusNotModified, `"999"`: http.StatusOK} {
		if status, again := c.do("rosa", "GET", at, "", nil, "If-None-Match", known); status != want || again.Get("ETag") != header.Get("ETag") {
			c.t.Errorf("who knows %s: %d with tag %s, want %d with %s", known, status, again.Get("ETag"), want, header.Get("ETag"))
		}
	}
	if status, _ := c.do("oskar", "PATCH", at, `{}`, &plan, "If-Match", header.Get("ETag")); status != http.StatusOK || plan.Status != "previewed" {
		c.t.Errorf("changing nothing: %d %+v", status, plan)
	}
}
