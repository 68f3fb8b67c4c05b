package main

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
)

const groupsOf = "/api/v1/t/contoso/groups"

type groupsJSON struct {
	Data []struct {
		ID       string    `json:"id"`
		Name     string    `json:"display_name"`
		Type     string    `json:"type"`
		Dynamic  bool      `json:"dynamic"`
		Synced   bool      `json:"synced"`
		Missing  bool      `json:"missing"`
		Stale    bool      `json:"stale"`
		LastSeen time.Time `json:"last_seen_at"`
	}
	Next string
	Code string
}

// The cache has every group once, with what it is, and a second sync only
// brings what has changed.
func TestGroups(t *testing.T) {
	t.Parallel()
	eachDB(t, func(t *testing.T, db string) {
		graph := newGraph(t, graphtest.Config{PageSizes: map[string]int{"groups": 3}}, madeUp())
		c := serveTenant(t, graph, db)
		ids := graph.Tenant(entraID).IDs("groups")
		r := c.run("oskar", "directory.groups.sync", `{}`)
		if r.Outcome != "succeeded" || r.Counts["groups"] != len(ids) || r.Counts["succeeded"] != len(ids) {
			t.Fatalf("the first sync is %+v, want %d groups", r, len(ids))
		}
		var all, page groupsJSON
		for path := groupsOf + "?limit=4"; ; path = groupsOf + "?limit=4&after=" + page.Next {
			page = groupsJSON{}
			c.do("rosa", "GET", path, "", &page)
			all.Data = append(all.Data, page.Data...)
			if page.Next == "" {
				break
			}
		}
		if len(all.Data) != len(ids) {
			t.Errorf("%d groups are listed, want %d", len(all.Data), len(ids))
		}
		for _, g := range all.Data {
			if g.Missing || g.Stale || g.LastSeen.IsZero() || g.Name == "" || g.Type != "security" ||
				g.Dynamic != (g.Name == "Autopilot Devices") {
				t.Errorf("listed is %+v", g)
			}
		}
		gone := all.Data[0]
		if err := graph.Tenant(entraID).Delete("groups", gone.ID); err != nil {
			t.Fatal(err)
		}
		if r = c.run("oskar", "directory.groups.sync", `{}`); r.Outcome != "succeeded" || r.Counts["groups"] != 0 || r.Counts["removed"] != 1 {
			t.Errorf("the second sync is %+v, want one removed group and no other", r)
		}
		c.do("rosa", "GET", groupsOf+"?q="+gone.ID[:8], "", &page)
		if len(page.Data) != 1 || page.Data[0].ID != gone.ID || !page.Data[0].Missing || page.Data[0].Name != gone.Name {
			t.Errorf("the group that is gone is %+v", page.Data)
		}
	})
}

// A restore finds the groups that the cache has, and asks for no others.
func TestGroupsOfRestore(t *testing.T) {
	t.Parallel()
	graph := newGraph(t, graphtest.Config{}, madeUp())
	c := serveTenant(t, graph, "memory")
	c.run("oskar", "directory.groups.sync", `{}`)
	set := c.backup("configurationPolicy")
	deleted := ""
	for _, round := range []string{"all there", "one deleted"} {
		var p planJSON
		c.do("oskar", "POST", restoresOf, `{"backup_set":"`+set.ID+`"}`, &p)
		states := make(map[string]int)
		for _, m := range p.Mapping {
			if m.Kind != "group" {
				continue
			}
			_, err := graph.Tenant(entraID).Get("groups", m.ID)
			if found := m.State == "found" && m.To == m.ID; found != (err == nil) {
				t.Errorf("%s: %s is %s and leads to %q, although it is there: %v", round, m.ID, m.State, m.To, err == nil)
			}
			states[m.State]++
			if deleted == "" && err == nil {
				deleted = m.ID
			}
		}
		if states["found"] == 0 {
			t.Errorf("%s: the mapping of groups has %v", round, states)
		}
		if round == "all there" {
			if err := graph.Tenant(entraID).Delete("groups", deleted); err != nil {
				t.Fatal(err)
			}
			c.run("oskar", "directory.groups.sync", `{}`)
		}
	}
}

func TestGroupPages(t *testing.T) {
	t.Parallel()
	graph := newGraph(t, graphtest.Config{}, madeUp())
	c := serveTenant(t, graph, "memory")
	has := func(user, path string, want ...string) {
		t.Helper()
		var html string
		c.do(user, "GET", path, "", &html)
		for _, w := range want {
			if !strings.Contains(html, w) {
				t.Errorf("%s has no %q:\n%s", path, w, html)
			}
		}
	}
	has("rosa", "/t/contoso/groups", "No group is known yet", "disabled", "may look but not start")
	c.sync(`{"policy_types":["configurationPolicy"]}`)
	item, group := c.assigned(graph)
	has("rosa", item, directory.Unresolved(group))
	status, header := c.do("oskar", "POST", "/t/contoso/groups/sync", "", nil)
	if status != http.StatusSeeOther {
		t.Fatalf("the button answers %d", status)
	}
	run := strings.TrimPrefix(header.Get("Location"), "/ops/t/contoso/runs/")
	run, _, _ = strings.Cut(run, "?")
	if r := c.wait(run); r.Outcome != "succeeded" {
		t.Fatalf("the sync is %+v", r)
	}
	var page groupsJSON
	c.do("rosa", "GET", groupsOf+"?q="+group, "", &page)
	if len(page.Data) != 1 {
		t.Fatalf("%s is not in the cache", group)
	}
	has("rosa", item, strings.ReplaceAll(page.Data[0].Name, "&", "&amp;"))
	if _, name := c.linked(strings.TrimPrefix(item, "/t/contoso/inventory/items/"), func(id string) bool { return id == group }); name != page.Data[0].Name {
		t.Errorf("a link leads to %q, want %q", name, page.Data[0].Name)
	}
	has("oskar", "/t/contoso/groups", "Break Glass", "by a rule", "from on premises", "Synced <time")
	has("oskar", "/t/contoso/groups?q=nothing+has+this", "No group matches")
	has("oskar", "/t/contoso/access", "This host has no sign-in", "fieldset disabled")
	graph.ResetStats()
	has("oskar", "/t/contoso/groups?q=break", "Break Glass")
	has("oskar", item, "Content")
	has("oskar", "/t/contoso/access?role=operator&q=break", "fieldset disabled")
	if n := graph.Stats().Requests; n != 0 {
		t.Errorf("pages made %d requests to Graph, want none", n)
	}
}

// assigned returns the page of an item that is assigned to a group of the tenant,
// and the group.
func (c *client) assigned(graph *graphtest.Server) (item, group string) {
	c.t.Helper()
	for _, it := range c.items() {
		group, _ := c.linked(it.Kind+"/"+it.ID, func(id string) bool {
			_, err := graph.Tenant(entraID).Get("groups", id)
			return err == nil
		})
		if group != "" {
			return "/t/contoso/inventory/items/" + it.Kind + "/" + it.ID, group
		}
	}
	c.t.Fatal("nothing is assigned to a group")
	return "", ""
}

// linked returns the first group of some that an item is linked to.
func (c *client) linked(item string, which func(id string) bool) (id, name string) {
	c.t.Helper()
	kind, object, _ := strings.Cut(item, "/")
	var links struct {
		Data []struct {
			To struct{ Kind, ID, Name string }
		}
	}
	c.do("rosa", "GET", "/api/v1/t/contoso/inventory/links?kind="+kind+"&id="+object, "", &links)
	for _, l := range links.Data {
		if l.To.Kind == "group" && which(l.To.ID) {
			return l.To.ID, l.To.Name
		}
	}
	return "", ""
}

// A person's token serves that person's searches, and is nowhere but in memory.
func TestDelegatedSearch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	opts, err := parseOptions([]string{"-db", "file:" + filepath.Join(dir, "host.db")}, env(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	h, err := newHost(t.Context(), opts, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	c := serveWith(t, h)
	const search = "/api/v1/t/contoso/directory/search?q=break"
	as := func(user, method, path, body string, v any) int {
		t.Helper()
		status, _ := c.do("", method, path, body, v, "X-Demo-User", user)
		return status
	}
	var got groupsJSON
	if status := as("operator", "GET", search, "", &got); status != http.StatusConflict || got.Code != "authentication_required" {
		t.Errorf("without a sign-in: %d %s", status, got.Code)
	}
	var html string
	as("operator", "GET", "/t/contoso/access?role=manager&q=break", "", &html)
	if !strings.Contains(html, "fieldset disabled") || !strings.Contains(html, "you have not signed in") || !strings.Contains(html, "Sign in to the directory") {
		t.Errorf("the picker without a sign-in:\n%s", html)
	}
	var signed string
	if status := as("operator", "POST", "/api/v1/signin", `{"tenant":"contoso"}`, &signed); status != http.StatusOK {
		t.Fatalf("sign-in: %d %s", status, signed)
	}
	got = groupsJSON{}
	if status := as("operator", "GET", search, "", &got); status != http.StatusOK || len(got.Data) != 1 || got.Data[0].Name != "Break Glass" {
		t.Errorf("with a sign-in: %d %+v", status, got)
	}
	as("operator", "GET", "/t/contoso/access?role=manager&q=break", "", &html)
	if strings.Contains(html, "fieldset disabled") || !strings.Contains(html, "Break Glass") {
		t.Errorf("the picker with a sign-in:\n%s", html)
	}
	as("operator", "GET", "/t/contoso/access?role=manager&group="+got.Data[0].ID, "", &html)
	if !strings.Contains(html, "USER=manager@contoso") || !strings.Contains(html, directory.Unresolved(got.Data[0].ID)) {
		t.Errorf("the end of the wizard:\n%s", html)
	}
	for what, path := range map[string]string{"another person": search, "another tenant": "/api/v1/t/fabrikam/directory/search?q=break"} {
		user := map[string]string{"another person": "owner", "another tenant": "operator"}[what]
		if status := as(user, "GET", path, "", &got); status != http.StatusConflict {
			t.Errorf("%s is served: %d", what, status)
		}
	}
	if status := as("operator", "GET", search+strings.Repeat("x", 300), "", &got); status != http.StatusBadRequest || got.Code != "invalid_input" {
		t.Errorf("too long a text: %d %s", status, got.Code)
	}
	if status := as("outsider", "POST", "/api/v1/signin", "", nil); status != http.StatusNotFound {
		t.Errorf("an outsider signs in: %d", status)
	}
	if status := as("operator", "POST", "/api/v1/signin", `{"tenant":"elsewhere"}`, nil); status != http.StatusNotFound {
		t.Errorf("a sign-in elsewhere: %d", status)
	}

	var s startJSON
	as("operator", "POST", runsOf, `{"type":"directory.groups.sync"}`, &s)
	if r := c.wait(s.Run.ID, "X-Demo-User", "operator"); r.Outcome != "succeeded" {
		t.Errorf("the sync is %+v", r)
	}
	token := h.signedIn.get(demoUsers[2], "contoso", time.Now()).Value.Reveal()
	checkNowhere(t, dir, token, log.String()+signed+html)

	if status := as("operator", "POST", "/t/contoso/access/signout", "", nil); status != http.StatusSeeOther {
		t.Errorf("sign-out: %d", status)
	}
	if status := as("operator", "GET", search, "", &got); status != http.StatusConflict {
		t.Errorf("after signing out: %d", status)
	}
	// A token that Graph does not take any more is as none.
	h.signedIn.put(demoUsers[2], "contoso", graphclient.Token{Value: graphclient.NewSecret("opaque.revoked"), Expires: time.Now().Add(time.Hour)})
	if status := as("operator", "GET", search, "", &got); status != http.StatusConflict || !h.signedIn.get(demoUsers[2], "contoso", time.Now()).Value.IsZero() {
		t.Errorf("with a token that was revoked: %d", status)
	}
	h.signedIn.put(demoUsers[2], "contoso", graphclient.Token{Value: graphclient.NewSecret(token), Expires: time.Now().Add(-time.Second)})
	if status := as("operator", "GET", search, "", &got); status != http.StatusConflict {
		t.Errorf("with a token that has expired: %d", status)
	}
}

// checkNowhere looks for the token in what was said, and in all files.
func checkNowhere(t *testing.T, dir, token, said string) {
	t.Helper()
	if len(token) < 20 {
		t.Fatal("there is no token to look for")
	}
	if strings.Contains(said, token) {
		t.Error("the token was told or logged")
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil || bytes.Contains(raw, []byte(token)) {
			t.Errorf("the token is in %s, or %v", f.Name(), err)
		}
	}
}
