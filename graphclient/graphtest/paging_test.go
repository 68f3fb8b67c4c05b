package graphtest_test

import (
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

const catalog = "/beta/deviceManagement/configurationPolicies"

// fill adds n objects with ids p000, p001, … to a list.
func (f *fixture) fill(path string, n int) []string {
	f.tb.Helper()
	var want []string
	for i := range n {
		want = append(want, f.add(path, fmt.Sprintf(`{"id":"p%03d","name":"Policy %d","displayName":"Object %d"}`, i, i, i)))
	}
	return want
}

func TestCatalogPages(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	want := f.fill("deviceManagement/configurationPolicies", 60)
	var got, counts []string
	for link := catalog + "?$top=50"; link != ""; {
		page := f.get(link)
		got = append(got, ids(page.list("value"))...)
		counts = append(counts, fmt.Sprint(page.num("@odata.count")))
		if link = page.str("@odata.nextLink"); link != "" && !strings.HasPrefix(link, f.base+catalog+"?$top=50&$skiptoken=%255B%257B") {
			t.Errorf("next link %s: want absolute, on the host of the request, token encoded twice", link)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"25", "25", "10"}, counts); diff != "" {
		t.Errorf("@odata.count (-want +got):\n%s", diff)
	}
}

func TestPageSizes(t *testing.T) {
	f := newFixture(t, graphtest.Config{PageSize: 7, PageSizes: map[string]int{"deviceManagement/intents": 3}})
	for path, want := range map[string]int{"deviceManagement/intents": 3, "deviceManagement/deviceCategories": 7, "groups": 7} {
		f.fill(path, 20)
		if got := len(f.get("/beta/" + path).list("value")); got != want {
			t.Errorf("page of %s has %d objects, want %d", path, got, want)
		}
	}
	if got := len(f.get("/beta/groups?$top=2").list("value")); got != 2 {
		t.Errorf("groups with $top=2 shows %d objects", got)
	}
	f.srv.SetQuirks(graphtest.Quirks{HonourTop: true})
	if got := len(f.get("/beta/deviceManagement/intents?$top=2").list("value")); got != 2 {
		t.Errorf("intents with $top=2 and HonourTop shows %d objects", got)
	}
}

func TestNextLinkIsOpaque(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	f.fill("deviceManagement/configurationPolicies", 30)
	link := f.get(catalog + "?$select=id").str("@odata.nextLink")
	before, token, _ := strings.Cut(link, "$skiptoken=")
	once, err := url.QueryUnescape(token)
	if err != nil {
		t.Fatal(err)
	}
	twice, err := url.QueryUnescape(once)
	if err != nil {
		t.Fatal(err)
	}
	for name, changed := range map[string]string{
		"encoded once more": before + "$skiptoken=" + url.QueryEscape(token),
		"decoded once":      before + "$skiptoken=" + once,
		"decoded twice":     before + "$skiptoken=" + url.PathEscape(twice),
		"option dropped":    strings.Replace(link, "$select=id&", "", 1),
		"option added":      link + "&$expand=assignments",
		"other list":        strings.Replace(link, "configurationPolicies", "compliancePolicies", 1),
		"cut":               link[:len(link)-40],
		"forged":            before + "$skiptoken=abc",
	} {
		if r := f.do(http.MethodGet, changed, ""); r.status != http.StatusBadRequest {
			t.Errorf("next link %s: %d, want 400", name, r.status)
		}
	}
	if got := len(f.get(link).list("value")); got != 5 {
		t.Errorf("verbatim next link shows %d objects, want 5", got)
	}
}

// follow collects the sizes of pages until the end, a foreign host or a limit.
func (f *fixture) follow(link string, limit int) (sizes []int, links []string) {
	f.tb.Helper()
	for link != "" && len(sizes) < limit && strings.HasPrefix(link, "/") || strings.HasPrefix(link, f.base) && len(sizes) < limit {
		page := f.get(link)
		sizes = append(sizes, len(page.list("value")))
		if link = page.str("@odata.nextLink"); link != "" {
			links = append(links, link)
		}
	}
	return sizes, links
}

func TestPageQuirks(t *testing.T) {
	for _, tc := range []struct {
		name  string
		quirk graphtest.PageQuirk
		sizes []int
		loops bool // some link comes again
	}{
		{"none", graphtest.PageQuirk{}, []int{25, 25, 10}, false},
		{"other list", graphtest.PageQuirk{Prefix: "groups", Kind: graphtest.PageEmpty}, []int{25, 25, 10}, false},
		{"empty first", graphtest.PageQuirk{Kind: graphtest.PageEmpty, Page: 0}, []int{0, 25, 25, 10}, false},
		{"empty in between", graphtest.PageQuirk{Prefix: "/deviceManagement/configurationPolicies", Kind: graphtest.PageEmpty, Page: 1}, []int{25, 0, 25, 10}, false},
		{"empty forever", graphtest.PageQuirk{Kind: graphtest.PageEmptyForever, Page: 1}, []int{25, 0, 0, 0, 0, 0, 0, 0}, false},
		{"to itself", graphtest.PageQuirk{Kind: graphtest.PageLoop, Page: 1}, []int{25, 25, 25, 25, 25, 25, 25, 25}, true},
		{"back by two", graphtest.PageQuirk{Kind: graphtest.PageLoop, Page: 2, Cycle: 2}, []int{25, 25, 10, 25, 25, 10, 25, 25}, true},
		{"foreign host", graphtest.PageQuirk{Kind: graphtest.PageForeignHost, Page: 1, Host: "graph.microsoft.com.evil.example"}, []int{25, 25}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t, graphtest.Config{Quirks: graphtest.Quirks{Pages: []graphtest.PageQuirk{tc.quirk}}})
			f.fill("deviceManagement/configurationPolicies", 60)
			sizes, links := f.follow(catalog, 8)
			if diff := cmp.Diff(tc.sizes, sizes); diff != "" {
				t.Errorf("page sizes (-want +got):\n%s", diff)
			}
			slices.Sort(links)
			if loops := len(slices.Compact(slices.Clone(links))) < len(links); loops != tc.loops {
				t.Errorf("a next link comes again: %v, want %v", loops, tc.loops)
			}
			if tc.quirk.Host != "" && !strings.HasPrefix(links[len(links)-1], "https://"+tc.quirk.Host+catalog+"?") {
				t.Errorf("last link %s does not lead to %s", links[len(links)-1], tc.quirk.Host)
			}
		})
	}
}

func TestNextLinksExpire(t *testing.T) {
	now := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	f := newFixture(t, graphtest.Config{Now: func() time.Time { return now }, TokenLifetime: 100 * time.Hour, Quirks: graphtest.Quirks{LinkLifetime: time.Minute}})
	f.fill("deviceManagement/configurationPolicies", 30)
	link := f.get(catalog).str("@odata.nextLink")
	now = now.Add(time.Minute)
	f.get(link)
	now = now.Add(time.Second)
	f.refused(link, http.StatusBadRequest, "BadRequest")
	f.srv.SetQuirks(graphtest.Quirks{LinkLifetime: time.Minute, LinkGone: true})
	f.refused(link, http.StatusGone, "Gone")
}

func TestListChangesBetweenPages(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	f.fill("deviceManagement/configurationPolicies", 50)
	var served []int
	f.srv.SetQuirks(graphtest.Quirks{BetweenPages: func(tenant *graphtest.Tenant, list string, page int) {
		served = append(served, page)
		if err := tenant.Delete(list, "p000"); err != nil {
			t.Error(err)
		}
	}})
	got := ids(f.all(catalog))
	if slices.Contains(got, "p025") || len(got) != 49 {
		t.Errorf("deleting p000 after the first page: %d objects, p025 seen: %v; want 49 without p025", len(got), slices.Contains(got, "p025"))
	}
	if diff := cmp.Diff([]int{0}, served); diff != "" {
		t.Errorf("pages announced (-want +got):\n%s", diff)
	}
}

func TestFaultInTheMiddleOfPaging(t *testing.T) {
	f := newFixture(t, graphtest.Config{Faults: []graphtest.Fault{
		{Paged: true, Skip: 1, Times: 1, Kind: graphtest.FaultThrottle, RetryAfter: "3"},
		{Paged: true, Skip: 1, Times: 1, Kind: graphtest.FaultGatewayTimeout},
	}})
	f.fill("deviceManagement/configurationPolicies", 100)
	var statuses []int
	seen := 0
	for link := catalog; link != "" && len(statuses) < 10; {
		r := f.do(http.MethodGet, link, "")
		statuses = append(statuses, r.status)
		if r.status == http.StatusOK {
			page := r.object(t)
			seen += len(page.list("value"))
			link = page.str("@odata.nextLink")
		}
	}
	if diff := cmp.Diff([]int{200, 200, 429, 504, 200, 200}, statuses); diff != "" || seen != 100 {
		t.Errorf("saw %d objects, statuses (-want +got):\n%s", seen, diff)
	}
}
