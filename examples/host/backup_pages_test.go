package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/internal/htmlcheck"
)

// submit sends a form and returns where it leads to.
func (c *client) submit(user, path string, form url.Values, want int) string {
	c.t.Helper()
	var html string
	status, header := c.do(user, "POST", path, form.Encode(), &html, "Content-Type", "application/x-www-form-urlencoded")
	if status != want {
		c.t.Fatalf("%s %v as %s: %d, want %d\n%s", path, form, user, status, want, html)
	}
	return header.Get("Location")
}

// page reads a page, and checks that it is one that everybody can use.
func (c *client) page(user, path string) string {
	c.t.Helper()
	var html string
	if status, _ := c.do(user, "GET", path, "", &html); status != http.StatusOK {
		c.t.Fatalf("%s as %s: %d\n%s", path, user, status, html)
	}
	p, err := htmlcheck.Parse(strings.NewReader(html))
	if err != nil {
		c.t.Fatal(err)
	}
	for _, wrong := range htmlcheck.Check(p) {
		c.t.Errorf("%s as %s: %s", path, user, wrong)
	}
	return html
}

// settle waits for the latest run of a type.
func (c *client) settle(typ string) runJSON {
	c.t.Helper()
	var list struct{ Data []runJSON }
	c.do("rosa", "GET", runsOf+"?limit=1&type="+typ, "", &list)
	if len(list.Data) == 0 {
		c.t.Fatalf("there is no run of the type %s", typ)
	}
	return c.wait(list.Data[0].ID)
}

var hidden = regexp.MustCompile(`name="(revision|shown|ref)" value="([^"]*)"`)

// fields are the hidden fields of a page.
func fields(html string) url.Values {
	form := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(html, -1) {
		form.Add(m[1], m[2])
	}
	return form
}

// Backups and restores can be done with forms alone, by those who may; every step
// is kept and shown to others, and no page asks Graph anything.
func TestBackupPages(t *testing.T) {
	t.Parallel()
	graph := newGraph(t, graphtest.Config{}, madeUp())
	const evil = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>`
	doc, err := json.Marshal(map[string]string{"displayName": evil, "description": evil, "platform": "windows10AndLater", "rule": "(device.model -eq \"x\")"})
	if err != nil {
		t.Fatal(err)
	}
	at := graph.Tenant(entraID)
	evilID, err := at.Add("deviceManagement/assignmentFilters", doc)
	if err != nil {
		t.Fatal(err)
	}
	c := serveTenant(t, graph, "memory")
	c.sync(`{"policy_types":["assignmentFilter","deviceHealthScript"]}`)

	// Capture, with marks and with a filter.
	c.submit("rosa", "/t/contoso/backups", url.Values{"name": {"no"}}, 403)
	c.submit("oskar", "/t/contoso/backups", url.Values{"name": {""}}, 400)
	add := c.submit("oskar", "/t/contoso/backups", url.Values{"name": {evil}, "description": {"two\r\nlines"}}, 303)
	set := strings.TrimSuffix(add, "/add")
	c.submit("oskar", add, url.Values{"what": {"marked"}}, 400)
	c.submit("oskar", add, url.Values{"item": {"nonsense"}}, 400)
	c.submit("oskar", add, url.Values{"what": {"marked"}, "item": {"assignmentFilter " + evilID}}, 303)
	c.settle("backup_set.add_policies")
	c.submit("oskar", add, url.Values{"what": {"matching"}, "kind": {"assignmentFilter"}, "q": {"nothing has this"}}, 400)
	c.submit("oskar", add, url.Values{"what": {"matching"}, "kind": {"deviceHealthScript"}}, 303)
	if run := c.settle("backup_set.add_policies"); run.Outcome != "succeeded" {
		t.Errorf("the capture is %+v", run)
	}
	c.submit("rosa", set+"/verify", url.Values{"depth": {"hashes"}}, 403)
	c.submit("oskar", set+"/verify", url.Values{"depth": {"hashes"}}, 303)
	c.settle("backup_set.verify")
	c.submit("oskar", set+"/export", nil, 403)
	c.submit("mika", set+"/export", nil, 303)
	c.settle("backup_set.export")

	// A second version, to compare with.
	if err := at.Patch("deviceManagement/assignmentFilters", evilID, []byte(`{"rule":"(device.model -eq \"y\")"}`)); err != nil {
		t.Fatal(err)
	}
	second := c.backup("assignmentFilter")
	version := func(set string) string {
		var list struct{ Data []struct{ Version string } }
		c.do("rosa", "GET", "/api/v1/t/contoso/backup-sets/"+set+"/items?kind=assignmentFilter&q=script", "", &list)
		if len(list.Data) != 1 {
			t.Fatalf("%d versions of the filter, want 1", len(list.Data))
		}
		return list.Data[0].Version
	}
	old, now := version(strings.TrimPrefix(set, "/t/contoso/backups/")), version(second.ID)

	// Plan.
	wipe(t, at, "deviceHealthScript")
	c.submit("rosa", "/t/contoso/restores", url.Values{"version": {old}}, 403)
	c.submit("oskar", "/t/contoso/restores", nil, 400)
	if to := c.submit("oskar", "/t/contoso/restores", url.Values{"version": {old}}, 303); !strings.Contains(c.page("rosa", to), "1 of ") {
		t.Error("a restore of one version is not one of one item")
	}
	scope := c.submit("oskar", "/t/contoso/restores", url.Values{"backup_set": {strings.TrimPrefix(set, "/t/contoso/backups/")}}, 303)
	plan := strings.TrimSuffix(scope, "/scope")
	if s := c.page("oskar", scope+"?kind=assignmentFilter"); !strings.Contains(s, "checked") {
		t.Error("the scope of everything has an item that is not marked")
	}
	form := fields(c.page("oskar", scope+"?kind=assignmentFilter"))
	form.Set("what", "marked") // the filter is shown and not marked
	stale := url.Values{"revision": form["revision"], "what": {"everything"}}
	mapping := c.submit("oskar", scope, form, 303)
	// A second browser has the page as it was. It loses nothing but its own change.
	var html string
	status, _ := c.do("mika", "POST", scope, stale.Encode(), &html, "Content-Type", "application/x-www-form-urlencoded", "Referer", c.base+scope+"?kind=assignmentFilter")
	if status != 409 || !strings.Contains(html, `<a class="button primary" href="`+scope+`?kind=assignmentFilter">Look at it as it is now</a>`) {
		t.Errorf("a form about what was there before: %d\n%s", status, html)
	}
	if s := c.page("mika", scope); strings.Contains(s, "<strong>All") || !strings.Contains(s, "are to be restored") {
		t.Errorf("the scope is not what the first browser has made of it:\n%s", s)
	}
	if s := c.page("rosa", mapping); !strings.Contains(s, `id="help"`) || !strings.Contains(s, "Unresolved (…") {
		t.Errorf("the mapping has no helper text, or nothing that is unresolved:\n%s", s)
	}
	form = fields(c.page("mika", mapping))
	for _, ref := range form["ref"] {
		form.Add("to", "")
		form.Add("skip", ref)
	}
	c.submit("oskar", mapping, form, 403)
	wrong := url.Values{"revision": form["revision"], "ref": form["ref"][:1], "to": {"no-such-group"}}
	c.submit("mika", mapping, wrong, 400)
	for _, elsewhere := range []string{"https://evil.example" + scope, "//evil.example/", "javascript:alert(1)", ""} {
		if c.do("mika", "POST", mapping, wrong.Encode(), &html, "Content-Type", "application/x-www-form-urlencoded", "Referer", elsewhere); strings.Contains(html, "Back to the form") {
			t.Errorf("the error leads to %s", elsewhere)
		}
	}
	graph.ResetStats()
	preview := c.submit("mika", mapping, form, 303)
	if n := graph.Stats().Requests; n != 0 {
		t.Errorf("to map made %d requests to Graph, want none", n)
	}
	if s := c.page("rosa", mapping); !strings.Contains(s, "Everything has an answer") {
		t.Error("the answers are not kept")
	}

	// Preview and execute.
	execute := plan + "/execute"
	c.submit("oskar", execute, url.Values{"for": {"try"}}, 400)
	c.submit("rosa", preview, nil, 403)
	c.submit("oskar", preview, nil, 303)
	c.settle("restore.preview")
	if s := c.page("rosa", preview+"?decision=create"); !strings.Contains(s, "Repair print queue") {
		t.Errorf("the preview creates nothing:\n%s", s)
	}
	sure := url.Values{"for": {"real"}, "acknowledge": {"1"}, "confirm": {"contoso"}}
	c.submit("oskar", execute, url.Values{"for": {"try"}}, 303)
	c.settle("restore.execute")
	c.submit("oskar", execute, sure, 403)
	c.submit("mika", execute, url.Values{"for": {"real"}, "acknowledge": {"1"}, "confirm": {"fabrikam"}}, 400)
	c.submit("mika", execute, url.Values{"for": {"real"}, "confirm": {"contoso"}}, 400)
	c.submit("mika", execute, sure, 303)
	c.settle("restore.execute")
	if s := c.page("rosa", execute+"?result=verified"); !strings.Contains(s, "verified") || !strings.Contains(s, "Request <code>") {
		t.Errorf("the results do not say what was verified:\n%s", s)
	}
	c.submit("mika", set+"/delete", url.Values{"confirm": {evil}}, 403)
	c.submit("olivia", set+"/delete", url.Values{"confirm": {"other"}}, 400)
	c.submit("olivia", set+"/delete", url.Values{"confirm": {evil}}, 409)

	pages := []string{
		"/t/contoso/backups", set, set + "?kind=assignmentFilter&q=script", set + "?q=nothing+has+this", set + "/certificate", add, add + "?q=script",
		"/t/contoso/versions/" + now + "?with=" + old, "/t/contoso/restores", "/t/contoso/restores/new",
		scope, mapping, mapping + "?show=open", preview, preview + "?decision=blocked", execute,
	}
	graph.ResetStats()
	for _, path := range pages {
		for _, user := range []string{"rosa", "oskar", "mika", "olivia"} {
			c.page(user, path)
		}
		for _, user := range []string{"stranger", "fred"} {
			if status, _ := c.do(user, "GET", path, "", nil); status != http.StatusNotFound {
				t.Errorf("%s as %s: %d, want 404", path, user, status)
			}
		}
	}
	if n := graph.Stats().Requests; n != 0 {
		t.Errorf("pages made %d requests to Graph, want none", n)
	}
	if s := c.page("rosa", "/t/contoso/versions/"+now+"?with="+old); !strings.Contains(s, "(device.model -eq &#34;<del>x</del>&#34;)</pre>") || !strings.Contains(s, "(device.model -eq &#34;<ins>y</ins>&#34;)</pre>") {
		t.Errorf("the comparison does not show the two rules:\n%s", s)
	}
	new := c.submit("olivia", "/t/contoso/backups", url.Values{"name": {"gone soon"}}, 303)
	c.submit("olivia", strings.TrimSuffix(new, "/add")+"/delete", url.Values{"confirm": {"gone soon"}}, 303)
	for _, path := range []string{new, plan + "/nothing", "/t/contoso/restores/nothing/scope", "/t/contoso/versions/nothing"} {
		if status, _ := c.do("olivia", "GET", path, "", nil); status != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, status)
		}
	}
}
