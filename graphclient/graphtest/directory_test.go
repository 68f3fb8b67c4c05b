package graphtest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

func TestGroupSearch(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	for id, name := range map[string]string{"a": "All Sales - Lyon", "b": "Sales Porto", "c": `O'Brien's "test"`, "d": "Presales"} {
		f.add("groups", fmt.Sprintf(`{"id":%q,"displayName":%q,"description":"of %s"}`, id, name, id))
	}
	search := "/beta/groups?$select=id&$search="
	f.refused(search+url.QueryEscape(`"displayName:sales"`), http.StatusBadRequest, "Request_UnsupportedQuery")
	f.header.Set("ConsistencyLevel", "eventual")
	for q, want := range map[string][]string{
		`"displayName:sales"`:                         {"a", "b"},
		`"displayName:sal lyon"`:                      {"a"},
		`"displayName:nobody"`:                        {},
		`"displayName:porto" OR "displayName:lyon"`:   {"a", "b"},
		`"displayName:sales" AND "description:of b"`:  {"b"},
		`"displayName:\"test"`:                        {"c"},
		`"displayName:presales" OR "displayName:all"`: {"a", "d"},
	} {
		got := ids(f.all(search + url.QueryEscape(q)))
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", q, diff)
		}
	}
	for _, bad := range []string{`displayName:x`, `"x"`, `"displayName:x`, `"displayName:x" "displayName:y"`} {
		if r := f.do(http.MethodGet, search+url.QueryEscape(bad), ""); r.status != http.StatusBadRequest {
			t.Errorf("%s: %d, want 400", bad, r.status)
		}
	}
}

func TestSearchHeaderIsNeededOnEveryPage(t *testing.T) {
	f := newFixture(t, graphtest.Config{PageSize: 2})
	f.fill("groups", 5)
	f.header.Set("ConsistencyLevel", "eventual")
	page := f.get(`/beta/groups?$count=true&$search=%22displayName:object%22`)
	if page.num("@odata.count") != 5 {
		t.Errorf("count %d, want 5", page.num("@odata.count"))
	}
	next := page.str("@odata.nextLink")
	if len(f.get(next).list("value")) != 2 {
		t.Error("second page with the header is not full")
	}
	f.header.Del("ConsistencyLevel")
	f.refused(next, http.StatusBadRequest, "Request_UnsupportedQuery")
}

func TestCountPath(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	f.fill("groups", 7)
	f.refused("/beta/groups/$count", http.StatusBadRequest, "Request_BadRequest")
	f.header.Set("ConsistencyLevel", "eventual")
	if r := f.do(http.MethodGet, "/beta/groups/$count", ""); r.body != "7" || !strings.HasPrefix(r.header.Get("Content-Type"), "text/plain") {
		t.Errorf("$count: %q as %s", r.body, r.header.Get("Content-Type"))
	}
}

// round follows a delta query to its delta link: the ids seen, with "-" in
// front of removed ones.
func (f *fixture) round(link string) (seen []string, deltaLink string) {
	f.tb.Helper()
	for range 1000 {
		page := f.get(link)
		for _, o := range page.list("value") {
			id := o.str("id")
			if o.obj("@removed").str("reason") == "deleted" {
				id = "-" + id
			}
			seen = append(seen, id)
		}
		if deltaLink = page.str("@odata.deltaLink"); deltaLink != "" {
			return seen, deltaLink
		}
		link = page.str("@odata.nextLink")
	}
	f.tb.Fatal("the delta round does not end")
	return nil, ""
}

func TestGroupDelta(t *testing.T) {
	f := newFixture(t, graphtest.Config{PageSize: 4, Quirks: graphtest.Quirks{DeltaDuplicates: true}})
	f.fill("groups", 10)
	seen, link := f.round("/beta/groups/delta?$select=displayName,id,members")
	want := []string{"p000", "p001", "p002", "p003", "p003", "p004", "p005", "p006", "p007", "p007", "p008", "p009"}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("first round with duplicates (-want +got):\n%s", diff)
	}
	if seen, link = f.round(link); len(seen) != 0 {
		t.Errorf("round without changes shows %v", seen)
	}
	if err := f.tenant.Delete("groups", "p004"); err != nil {
		t.Fatal(err)
	}
	if err := f.tenant.Patch("groups", "p001", json.RawMessage(`{"displayName":"new"}`)); err != nil {
		t.Fatal(err)
	}
	f.add("groups/p002/members", `{"@odata.type":"#microsoft.graph.user","id":"u1"}`)
	page := f.get(link)
	seen, link = f.round(link)
	if diff := cmp.Diff([]string{"-p004", "p001", "p002"}, seen); diff != "" {
		t.Errorf("second round (-want +got):\n%s", diff)
	}
	if got := page.list("value")[2].list("members@delta"); len(got) != 1 || got[0].str("id") != "u1" {
		t.Errorf("members@delta %v", got)
	}
	if latest, _ := f.round("/beta/groups/delta?$deltatoken=latest"); len(latest) != 0 {
		t.Errorf("latest shows %v", latest)
	}
	f.add("groups", `{"id":"late","displayName":"late"}`)
	if seen, _ = f.round(link); len(seen) != 1 || seen[0] != "late" {
		t.Errorf("third round %v, want late", seen)
	}
}

func TestDeltaTokensExpire(t *testing.T) {
	now := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	f := newFixture(t, graphtest.Config{Now: func() time.Time { return now }, TokenLifetime: 1000 * time.Hour})
	f.fill("groups", 1)
	_, link := f.round("/beta/groups/delta")
	now = now.Add(7 * 24 * time.Hour)
	f.round(link)
	now = now.Add(time.Second)
	f.refused(link, http.StatusGone, "syncStateNotFound")
	f.srv.SetQuirks(graphtest.Quirks{DeltaBadRequest: true})
	f.refused(link, http.StatusBadRequest, "syncStateNotFound")
	f.refused("/beta/groups/delta?$deltatoken=forged", http.StatusBadRequest, "BadRequest")
	_, link = f.round("/beta/groups/delta")
	f.srv.SetQuirks(graphtest.Quirks{DeltaTokenLifetime: -1})
	f.refused(link, http.StatusGone, "syncStateNotFound")
}

func TestGetByIDs(t *testing.T) {
	f := newFixture(t, graphtest.Config{Quirks: graphtest.Quirks{PartialIDs: []string{"p002"}}})
	f.fill("groups", 4)
	f.add("users", `{"id":"u","displayName":"U"}`)
	const path = "/beta/directoryObjects/getByIds"
	got := f.do(http.MethodPost, path, `{"ids":["p001","u","gone","p002"]}`).object(t).list("value")
	if diff := cmp.Diff([]string{"p001", "u"}, ids(got)); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
	if got[0].str("@odata.type") != "#microsoft.graph.group" || got[1].str("@odata.type") != "#microsoft.graph.user" {
		t.Errorf("types %v", got)
	}
	if got := f.do(http.MethodPost, path, `{"ids":["p001","u"],"types":["user"]}`).object(t).list("value"); len(got) != 1 {
		t.Errorf("with types: %v", got)
	}
	many, err := json.Marshal(map[string]any{"ids": make([]string, 1001)})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{`{"ids":[]}`, `{`, string(many)} {
		if r := f.do(http.MethodPost, path, bad); r.status != http.StatusBadRequest {
			t.Errorf("%.20s: %d, want 400", bad, r.status)
		}
	}
	if n := f.srv.Writes(); n != 0 {
		t.Errorf("getByIds counts as %d writes", n)
	}
}
