package main

import (
	"encoding/json"
	"html"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore/backup"
)

// Differences of assignments say groups by the names that the directory has, in a
// preview and between versions, and keep the ids at hand.
func TestNamesOfDifferences(t *testing.T) {
	t.Parallel()
	graph := newGraph(t, graphtest.Config{}, madeUp())
	c := serveTenant(t, graph, "memory")
	const path = "deviceManagement/configurationPolicies"
	at := graph.Tenant(entraID)
	ids := at.IDs("groups")
	first, second := ids[0], ids[1]
	nameOf := func(id string) string {
		doc, err := at.Get("groups", id)
		if err != nil {
			t.Fatal(err)
		}
		return contract.Text(contract.Member(doc, "displayName"))
	}
	policy := at.IDs(path)[0]
	assign := func(group string) {
		t.Helper()
		doc, err := json.Marshal(map[string]any{"assignments": []any{map[string]any{
			"target": map[string]string{"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": group},
		}}})
		if err == nil {
			err = at.Patch(path, policy, doc)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	c.run("oskar", "directory.groups.sync", `{}`)
	assign(first)
	set := c.backup("configurationPolicy")
	assign(second)
	later := c.backup("configurationPolicy")
	p := c.plan(set.ID)
	c.run("oskar", "restore.preview", `{"restore":"`+p.ID+`"}`)
	graph.ResetStats()
	version := func(set string) (id string) {
		var list struct {
			Data []struct {
				ID      string `json:"external_id"`
				Version string
			}
		}
		c.do("rosa", "GET", setsOf+"/"+set+"/items?limit=200&kind=configurationPolicy", "", &list)
		for _, i := range list.Data {
			if i.ID == policy {
				id = i.Version
			}
		}
		return id
	}
	for _, page := range []string{
		"/t/contoso/restores/" + p.ID + "/preview?decision=update",
		"/t/contoso/versions/" + version(set.ID) + "?with=" + version(later.ID),
	} {
		text := c.page("rosa", page)
		for _, id := range []string{first, second} {
			title := html.EscapeString(nameOf(id)) + ": " + id
			if strings.Count(text, title) == 0 {
				t.Errorf("%s does not say what %s is called:\n%s", page, id, text)
			}
			if diff, _, _ := strings.Cut(text, "Versions of this object"); strings.Count(diff, id) != strings.Count(diff, title) {
				t.Errorf("%s shows the id of a group that has a name:\n%s", page, diff)
			}
		}
	}
	if n := graph.Stats().Requests; n != 0 {
		t.Errorf("pages made %d requests to Graph, want none", n)
	}
}

// What has no name is told by its id, and what shares a name by the end of it.
func TestNaming(t *testing.T) {
	names := captured(&backup.Payload{References: []backup.Reference{
		{Kind: "group", ID: "00000000-1111", Name: "Twins"},
		{Kind: "group", ID: "00000000-2222", Name: "Twins"},
		{Kind: "roleScopeTag", ID: "7", Name: "Berlin"},
		{Kind: "assignmentFilter", ID: "f1", Name: "Laptops"},
	}})
	for _, tc := range []struct {
		change inventory.Change
		want   row
	}{
		{
			inventory.Change{Pointer: "/assignments/0/target/groupId", Before: `"00000000-1111"`, After: `"00000000-2222"`},
			row{Where: "assignments › 0 › target › groupId", Start: "Twins (…000-", Before: "1111", After: "2222", End: ")", IDs: "Twins (…000-1111): 00000000-1111\nTwins (…000-2222): 00000000-2222"},
		},
		{
			inventory.Change{Pointer: "/roleScopeTagIds/1", Before: `"7"`},
			row{Where: "roleScopeTagIds › 1", Before: "Berlin", Gone: true, IDs: "Berlin: 7"},
		},
		{
			inventory.Change{Pointer: "/roleScopeTagIds", Before: `["0","8"]`, After: `["7"]`},
			row{Where: "roleScopeTagIds", Start: `["`, Before: `0","8`, After: "Berlin", End: `"]`, IDs: "Berlin: 7"},
		},
		{
			inventory.Change{Pointer: "/assignments/0/target", After: `{"deviceAndAppManagementAssignmentFilterId":"f1","groupId":"12345678-9"}`},
			row{Where: "assignments › 0 › target", After: "{\n  \"deviceAndAppManagementAssignmentFilterId\": \"Laptops\",\n  \"groupId\": \"Unresolved (…345678-9)\"\n}", New: true, IDs: "Laptops: f1\nUnresolved (…345678-9): 12345678-9"},
		},
		{
			inventory.Change{Pointer: "/assignments", Before: `[{"target":{"groupId":"00000000-1111"`, After: `7`},
			row{Where: "assignments", Before: `[{"target":{"groupId":"00000000-1111"`, After: "7"},
		},
		{
			inventory.Change{Pointer: "/version", Before: `7`, After: `12345678901234567890`},
			row{Where: "version", Before: "7", After: "12345678901234567890"},
		},
	} {
		got := names.rows([]inventory.Change{tc.change})[0]
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tc.change, diff)
		}
	}
}
