package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/internal/htmlcheck"
)

// payloads are texts that have become markup or code somewhere.
func payloads(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile("../../runs/monitor/testdata/payloads.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	if len(all) < 100 {
		t.Fatalf("there are %d payloads, want at least 100", len(all))
	}
	return all
}

// A worded is a host with a tenant in which everything that somebody can name or
// describe has one of the texts: policies, groups, backup sets, who made them.
type worded struct {
	*client
	texts    []string
	set      setJSON
	plan     planJSON
	versions []string // of the objects, in the order of the texts
}

// object is the id of the nth object of a kind.
func object(kind, n int) string { return fmt.Sprintf("%08d-0000-4000-8000-%012d", kind, n) }

func newWorded(t *testing.T, texts []string) *worded {
	t.Helper()
	doc := graphtest.Document{"organization": madeUp()["organization"]}
	add := func(path string, members map[string]any) {
		raw, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		doc[path] = append(doc[path], raw)
	}
	const filters = "deviceManagement/assignmentFilters"
	for i, text := range texts {
		add("groups", map[string]any{"id": object(1, i), "displayName": text, "description": text, "groupTypes": []string{}, "securityEnabled": true, "mailEnabled": false})
		add(filters, map[string]any{"id": object(2, i), "displayName": text, "description": text, "platform": "windows10AndLater", "rule": "(device.model -eq \"x\")"})
		add("deviceManagement/deviceShellScripts", map[string]any{
			"id": object(3, i), "displayName": text, "description": text, "fileName": text, "scriptContent": "eA==", "runAsAccount": "system",
			"executionFrequency": "PT0S", "retryCount": 3, "blockExecutionNotifications": true, "roleScopeTagIds": []string{"0"},
			"assignments": []any{map[string]any{"target": map[string]any{"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": object(1, i)}}},
		})
	}
	graph := newGraph(t, graphtest.Config{}, doc)
	base, err := graph.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = graph.Close() })
	args := tenantArgs(base, "memory")
	for _, text := range texts {
		args = append(args, "-role", printable(text)+"=owner")
	}
	w := &worded{client: serveHost(t, args...), texts: texts}
	w.sync(`{"policy_types":["assignmentFilter","deviceShellScript"]}`)
	w.run("oskar", "directory.groups.sync", `{}`)
	w.set = w.backup("assignmentFilter", "deviceShellScript")
	for _, text := range texts {
		text = printable(text) // what else there is, is refused
		body, err := json.Marshal(map[string]string{"name": text, "description": text})
		if err != nil {
			t.Fatal(err)
		}
		if status, _ := w.do(text, "POST", setsOf, string(body), nil); status != 201 {
			t.Fatalf("a set named %q: %d", text, status)
		}
	}
	w.versions = w.captured()
	at := graph.Tenant(entraID)
	for i, text := range texts {
		change, err := json.Marshal(map[string]string{"description": "now " + text})
		if err == nil {
			err = at.Patch(filters, object(2, i), change)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w.plan = w.client.plan(w.set.ID)
	w.run("oskar", "restore.preview", `{"restore":"`+w.plan.ID+`"}`)
	return w
}

// captured are the versions of the filters.
func (w *worded) captured() []string {
	w.t.Helper()
	byID := make(map[string]string)
	for after := ""; ; {
		var list struct {
			Data []struct {
				ID      string `json:"external_id"`
				Version string
			}
			Next string
		}
		w.do("rosa", "GET", setsOf+"/"+w.set.ID+"/items?limit=200&kind=assignmentFilter&after="+url.QueryEscape(after), "", &list)
		for _, i := range list.Data {
			byID[i.ID] = i.Version
		}
		if after = list.Next; after == "" {
			break
		}
	}
	versions := make([]string, len(w.texts))
	for i := range w.texts {
		if versions[i] = byID[object(2, i)]; versions[i] == "" {
			w.t.Fatalf("the set has no object named %q", w.texts[i])
		}
	}
	return versions
}

// lists are the addresses of pages that show many texts.
func (w *worded) lists() []string {
	restore := "/t/contoso/restores/" + w.plan.ID
	return []string{
		"/t/contoso/inventory", "/t/contoso/groups", "/t/contoso/backups",
		"/t/contoso/backups/" + w.set.ID, "/t/contoso/backups/" + w.set.ID + "/add", "/t/contoso/backups/" + w.set.ID + "/certificate",
		"/t/contoso/restores/new", "/t/contoso/restores", restore + "/scope", restore + "/mapping", restore + "/preview", restore + "/execute",
		"/ops/t/contoso/runs", "/ops/t/contoso/audit",
	}
}

// about are the addresses of pages that show the nth text.
func (w *worded) about(n int) []string {
	text := url.QueryEscape(w.texts[n])
	return []string{
		"/t/contoso/inventory/items/assignmentFilter/" + object(2, n), "/t/contoso/inventory/items/deviceShellScript/" + object(3, n),
		"/t/contoso/versions/" + w.versions[n], "/t/contoso/access?role=owner&group=" + text, "/t/contoso/inventory?q=nothing" + text,
	}
}

// Whatever people call their policies, groups, backups and themselves, the pages
// of the host have the same elements and attributes as with harmless names.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	texts := payloads(t)
	harmless := make([]string, len(texts))
	for i := range harmless {
		harmless[i] = fmt.Sprintf("text %03d", i)
	}
	good, bad := newWorded(t, harmless), newWorded(t, texts)
	var shown strings.Builder
	lists := bad.lists()
	for i, path := range good.lists() {
		for other := lists[i]; other != ""; {
			want, _, next := good.shape(path)
			got, text, nextOther := bad.shape(other)
			if got != want {
				t.Fatalf("%s has other elements than %s:\n%s", other, path, cmp.Diff(want, got))
			}
			shown.WriteString(text)
			path, other = next, nextOther
		}
	}
	var wants []string
	for _, path := range good.about(0) {
		want, _, _ := good.shape(path)
		wants = append(wants, want)
	}
	for n := range texts {
		for i, path := range bad.about(n) {
			got, text, _ := bad.shape(path)
			if got != wants[i] {
				t.Fatalf("%s has other elements than with a harmless text:\n%s", path, cmp.Diff(wants[i], got))
			}
			shown.WriteString(text)
		}
	}
	// The texts are there, so the pages were really put to the test.
	all := shown.String()
	for _, text := range texts {
		if n := strings.Count(all, letters(text)); n < 12 {
			t.Errorf("%q is shown %d times only", text, n)
		}
	}
}

// shape reads a page, sees that nothing in it can run, and returns its elements,
// its text and where the next page is, if there is one.
func (w *worded) shape(path string) (shape, text, next string) {
	w.t.Helper()
	var body string
	if status, _ := w.do("olivia", "GET", path, "", &body); status != 200 {
		w.t.Fatalf("%s: %d\n%s", path, status, body)
	}
	p, err := htmlcheck.Parse(strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, wrong := range htmlcheck.Unsafe(p) {
		w.t.Errorf("%s: %s", path, wrong)
	}
	for _, a := range p.All("a") {
		if strings.TrimSpace(htmlcheck.Text(a)) == "Next page" {
			next, _, _ = strings.Cut(path, "?")
			next += htmlcheck.Attr(a, "href")
		}
	}
	return p.Shape(), letters(htmlcheck.Text(p.All("main")[0])), next
}

// printable is a text without what no name of a set may have.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
}

// letters is a text without what pages may show otherwise: space and what
// cannot be seen.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, printable(s))
}
