package graphclient_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tenantatlas/tenantatlas/graphclient"
)

// foreignLinks are next links that must not be followed from base, each in
// some spelling that one parser or another takes for ours.
func foreignLinks() []string {
	const path = "/beta/deviceManagement/configurationPolicies?$skiptoken=a"
	links := []string{
		" ", "x", "/", "//", "///", "?", "#", "null", "https:", "https:/", "https://", "https:///", "https:////graph.microsoft.com" + path,
		path, "." + path, "beta/groups", "?$skiptoken=a", "//graph.microsoft.com" + path, `\\graph.microsoft.com` + path, "graph.microsoft.com" + path,
		"file:///etc/passwd", "data:application/json,{}", "javascript:alert(1)", "ftp://graph.microsoft.com" + path, "ws://graph.microsoft.com" + path,
		"gopher://graph.microsoft.com" + path, "unix:///var/run/docker.sock", "blob:https://graph.microsoft.com" + path, "https:graph.microsoft.com" + path,
		base, base + "?x", base + "#x", base + "//evil.example" + path, base + `/\evil.example`, base + "/beta/../../evil", base + "/beta/%2e%2e/x", base + "/./x",
		base + "/.%2E/x", base + "/beta/groups#fragment", base + "/beta/ groups", base + "/beta/groups?a= b", base + "/beta/\tgroups", base + "/beta/grüße",
		base + "/beta/groups\r\nX-Evil: 1", base + "/beta/groups\n", base + "\r\n" + path, base + "/beta/groups?\x00", base + "/beta/groups?a=ü", base + "/beta/groups?a=\x7f", base + "/beta/\x7f", base + `/beta\groups`, base + "/beta/%zz", base + "/%", base + "/beta/%",
		base + "/" + strings.Repeat("a", 20<<10), "\ufeff" + base + path, " " + base + path, "\t" + base + path, "\n" + base + path,
	}
	schemes := []string{"http", "HTTP", "hTTp", "httpss", "https ", "https\n", "h\u0442tps", "https:https", "view-source:https", "ht\ttps", "https\x00"}
	for _, s := range schemes {
		links = append(links, s+"://graph.microsoft.com"+path)
	}
	hosts := []string{
		"evil.example", "graph.microsoft.com.evil", "graph.microsoft.com.evil.example", "evilgraph.microsoft.com", "xgraph.microsoft.com", "graph.microsoft.co",
		"graph.microsoft.comx", "graph-microsoft.com", "microsoft.com", "graph.microsoft.us", "dod-graph.microsoft.us", "microsoftgraph.chinacloudapi.cn", "login.microsoftonline.com",
		"graph.microsoft.com.", "graph.microsoft.com..", ".graph.microsoft.com", "graph..microsoft.com", "www.graph.microsoft.com", "*.microsoft.com",
		"graph.microsoft.com:80", "graph.microsoft.com:8443", "graph.microsoft.com:0", "graph.microsoft.com:", "graph.microsoft.com:44", "graph.microsoft.com:4430", "graph.microsoft.com:0443", "graph.microsoft.com:+443",
		"graph.microsoft.com:443:443", "graph.microsoft.com:443@evil.example", "graph.microsoft.com: 443", "graph.microsoft.com:४४३", "graph.microsoft.com:65979", "graph.microsoft.com:-1", "graph.microsoft.com:https",
		"user@graph.microsoft.com", "user:pass@graph.microsoft.com", "@graph.microsoft.com", ":@graph.microsoft.com", "graph.microsoft.com@evil.example", "graph.microsoft.com:x@evil.example",
		"evil.example@graph.microsoft.com", "evil.example:443@graph.microsoft.com", "graph.microsoft.com%40evil.example", "graph.microsoft.com%2f@evil.example", "graph.microsoft.com%2F.evil.example", "graph.microsoft.com%00.evil.example",
		"graph.microsoft.com%0d%0a.evil.example", "graph.microsoft.com%20", "graph.microsoft.com%09", "graph.microsoft.com%2e", "graph%2emicrosoft%2ecom", "%67raph.microsoft.com", "graph.microsoft.com%", "graph.microsoft.com%3a443", "graph.microsoft.com%23.evil.example", "graph.microsoft.com%3f.evil.example",
		`graph.microsoft.com\.evil.example`, `graph.microsoft.com\@evil.example`, `evil.example\@graph.microsoft.com`, `evil.example\graph.microsoft.com`, `graph.microsoft.com\`, `\graph.microsoft.com`, `graph.microsoft.com\\evil.example`,
		"graph.microsoft.com#.evil.example", "graph.microsoft.com#@evil.example", "evil.example#graph.microsoft.com", "evil.example?graph.microsoft.com", "graph.microsoft.com?.evil.example", "evil.example;graph.microsoft.com", "graph.microsoft.com;evil.example",
		"graph.microsoft.com&evil.example", "graph.microsoft.com,evil.example", "graph.microsoft.com evil.example", "graph.microsoft.com\tevil.example", "graph.microsoft.com\u00a0", "graph.microsoft.com\u200b", "graph.microsoft.com\u00ad", "graph.micro\u200dsoft.com",
		"graph.m\u0456crosoft.com", "gr\u0430ph.microsoft.com", "graph\u3002microsoft\u3002com", "graph\uff0emicrosoft\uff0ecom", "graph.microsoft\uff61com", "ｇraph.microsoft.com", "graph.microsoft.com\u2024evil.example", "graph.microsoft.com\uff0fevil.example", "graph.microsoft.com\u2044evil.example", "graph.microsoft.com\u2215evil.example",
		"graph.microsoft.com\uff20evil.example", "graph.microsoft.com\uff1a443", "graph.microsoft.com\uff03evil", "graph.microsoft.\u212aom", "grap\u210e.microsoft.com", "graph.microso\ufb05.com", "xn--graph-.microsoft.com", "xn--grph-3ye.microsoft.com", "graph.xn--mcrosoft-h2a.com", "gra\u0301ph.microsoft.com",
		"127.0.0.1", "127.1", "0.0.0.0", "0", "0x7f000001", "2130706433", "017700000001", "10.0.0.1", "192.168.1.1", "169.254.169.254", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[fe80::1%25eth0]", "[fd00:ec2::254]",
		"[graph.microsoft.com]", "[::1]graph.microsoft.com", "[graph.microsoft.com", "graph.microsoft.com]", "graph.microsoft.com[", "[::1]:443", "[", "]", "[]", "localhost", "localhost:443", "metadata.google.internal",
		"graph.microsoft.com\r\nHost: evil.example", "graph.microsoft.com\n", "graph.microsoft.com\r", "graph.microsoft.com\x00", "graph.microsoft.com\x00.evil.example", "graph.microsoft.com\v", "graph.microsoft.com\x1b", "graph.microsoft.com\x7f",
		"GRAPH.MICROSOFT.COM.EVIL", "Graph.Microsoft.Com.", "graph.microsoft.com\"", "graph.microsoft.com'", "graph.microsoft.com<", "graph.microsoft.com`", "graph.microsoft.com|", "graph.microsoft.com^", "graph.microsoft.com{}", "graph.microsoft.com$", "graph.microsoft.com!", "graph.microsoft.com*", "graph.microsoft.com~", "graph.microsoft.com=", "graph.microsoft.com+", "(graph.microsoft.com)",
	}
	for _, h := range hosts {
		links = append(links, "https://"+h+path)
	}
	return links
}

// A next link that leads anywhere else ends the list; nobody is asked, and no
// token leaves.
func TestForeignNextLinks(t *testing.T) {
	links := foreignLinks()
	if len(links) < 200 {
		t.Fatalf("%d vectors, want 200", len(links))
	}
	seen := map[string]bool{}
	for i, link := range links {
		if seen[link] {
			t.Errorf("vector %q comes twice", link)
		}
		seen[link] = true
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			svc := script(says(200, page(link, object(1))))
			client := newClient(t, svc, func(c *graphclient.Config) { c.Limiter = unlimited(t) })
			_, _, err := all(t.Context(), client, graphclient.Request{Path: listPath})
			if e := errorOf(t, err); e.Reason != graphclient.ErrBadResponse || e.Code != "next_link" {
				t.Errorf("%q: got %v, want it refused", link, err)
			}
			if n := svc.count(); n != 1 {
				t.Errorf("%q: %d requests, the last to %s", link, n, svc.seen[n-1].URL)
			}
			if strings.Contains(fmt.Sprint(err), "evil") {
				t.Errorf("%q: the error repeats the link: %v", link, err)
			}
		})
	}
	for _, next := range []string{`""`, "1", "true", "{}", "[]", `["` + base + `/beta/x"]`} {
		svc := script(says(200, `{"value":[],"@odata.nextLink":`+next+`}`))
		_, _, err := all(t.Context(), newClient(t, svc, nil), graphclient.Request{Path: listPath})
		if e := errorOf(t, err); e.Code != "next_link" || svc.count() != 1 {
			t.Errorf("next link %s: got %v after %d requests", next, err, svc.count())
		}
	}
}

// Links to where we are go out letter by letter.
func TestNextLinksAreVerbatim(t *testing.T) {
	for _, c := range []struct{ base, link string }{
		{base, base + "/beta/deviceManagement/configurationPolicies?$skiptoken=%255B%257B%2522token%2522%253A%2522%252BRID%253A~x%253D%253D%2523RT%253A1%2522%257D%255D"},
		{base, "HTTPS://Graph.Microsoft.COM/beta/groups?$skiptoken=RFNwdAIAAQ"},
		{base, "https://graph.microsoft.com:443/beta/groups?a=b"},
		{base, base + "/v1.0/groups?$top=5&$skiptoken=a+b%20c%2Bd&x=1;2"},
		{base, base + `/beta/x('a''b')/y(id=1,z='%2F')?$filter=a%20eq%20'b'&t={"a":[1]}|<>^` + "`"},
		{base, base + "/beta/groups?"},
		{base, base + "/beta/a%2fb/%41?x=%2e%2e/../.."},
		{"http://127.0.0.1:8080", "http://127.0.0.1:8080/beta/groups?$skiptoken=1"},
		{"http://[::1]:8080", "http://[::1]:8080/beta/groups?$skiptoken=1"},
		{"https://Gateway.Example:8443/", "https://gateway.example:8443/beta/groups?$skiptoken=1"},
	} {
		t.Run(c.link, func(t *testing.T) {
			svc := script(says(200, page(c.link, object(1))), says(200, page("", object(2))))
			client := newClient(t, svc, func(cfg *graphclient.Config) {
				cfg.Cloud = graphclient.Cloud{Graph: c.base, Login: "https://login.example"}
			})
			if _, _, err := all(t.Context(), client, graphclient.Request{Path: listPath}); err != nil {
				t.Fatal(err)
			}
			_, rest, _ := strings.Cut(c.link, "://")
			want := rest[strings.IndexByte(rest, '/'):]
			if got := svc.seen[1].URL.RequestURI(); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if first, next := svc.seen[0].URL, svc.seen[1].URL; first.Host != next.Host || first.Scheme != next.Scheme {
				t.Errorf("asked %s, then %s", first, next)
			}
		})
	}
}

// Whatever link is accepted, net/url too reads it as ours.
func FuzzNextLink(f *testing.F) {
	for _, l := range foreignLinks() {
		f.Add(l)
	}
	f.Add(base + "/beta/groups?$skiptoken=a")
	f.Add("https://graph.microsoft.com:443/beta/groups")
	f.Fuzz(func(t *testing.T, link string) {
		target, ok := graphclient.Target(base, link)
		if !ok {
			return
		}
		u, err := url.Parse(link)
		if err != nil {
			t.Fatalf("accepted %q, which is no URL: %v", link, err)
		}
		if u.Scheme != "https" || !strings.EqualFold(u.Hostname(), "graph.microsoft.com") || u.Port() != "" && u.Port() != "443" || u.User != nil || u.Opaque != "" {
			t.Errorf("accepted %q, which leads to %s", link, u.Host)
		}
		if u.RequestURI() != target || !strings.HasSuffix(link, target) {
			t.Errorf("%q became %q", link, target)
		}
		req := &http.Request{Method: http.MethodGet, URL: u, Host: u.Host, Header: http.Header{}}
		var wire strings.Builder
		if err := req.Write(&wire); err != nil {
			t.Fatalf("%q cannot be sent: %v", link, err)
		}
		if line, _, _ := strings.Cut(wire.String(), "\r\n"); line != "GET "+target+" HTTP/1.1" {
			t.Errorf("%q is sent as %q", link, line)
		}
	})
}

// Lists that do not end are noticed.
func TestPagingLoops(t *testing.T) {
	link := func(n int) string { return fmt.Sprintf("%s/beta%s?$skiptoken=%d", base, listPath, n) }
	for k := 1; k <= 1000; k = k*3/2 + 1 {
		t.Run(fmt.Sprintf("cycle of %d", k), func(t *testing.T) {
			svc := &service{reply: func(n int, _ *http.Request, _ string) (*http.Response, error) {
				return answer(200, page(link(n%k), object(n))), nil
			}}
			items, _, err := all(t.Context(), newClient(t, svc, fast(t)), graphclient.Request{Path: listPath})
			if !errors.Is(err, graphclient.ErrPagingLoop) || svc.count() != k+1 || len(items) != k {
				t.Errorf("got %v after %d requests with %d items", err, svc.count(), len(items))
			}
		})
	}
	for name, c := range map[string]struct {
		page func(n int) string
		sent int
		code string
	}{
		"to the first page":      {func(int) string { return page(base+"/beta"+listPath, object(1)) }, 1, "link_repeated"},
		"empty pages":            {func(n int) string { return page(link(n)) }, 51, "nothing_new"},
		"the same page for ever": {func(n int) string { return page(link(n), object(1)) }, 52, "nothing_new"},
		"two pages for ever":     {func(n int) string { return page(link(n), object(n%2)) }, 53, "nothing_new"},
		"too many pages":         {func(n int) string { return page(link(n), object(n)) }, 200, "too_many_pages"},
		"a growing token": {func(n int) string {
			return page(base+"/beta"+listPath+"?$skiptoken="+strings.Repeat("a", 200*(n+1)), object(n))
		}, 82, "next_link"},
	} {
		t.Run(name, func(t *testing.T) {
			svc := &service{reply: func(n int, _ *http.Request, _ string) (*http.Response, error) { return answer(200, c.page(n)), nil }}
			client := newClient(t, svc, func(cfg *graphclient.Config) { cfg.MaxPages, cfg.Limiter = 200, unlimited(t) })
			_, _, err := all(t.Context(), client, graphclient.Request{Path: listPath})
			if e := errorOf(t, err); e.Code != c.code || svc.count() != c.sent {
				t.Errorf("got %v after %d requests, want %s after %d", err, svc.count(), c.code, c.sent)
			}
		})
	}
}

// Empty and repeated pages are no loops by themselves, and are reported.
func TestEmptyAndRepeatedPages(t *testing.T) {
	link := func(n int) string { return fmt.Sprintf("%s/beta%s?$skiptoken=%d", base, listPath, n) }
	bodies := []string{page(link(1), object(1)), page(link(2)), page(link(3), object(1)), page(link(4), object(2)), page("")}
	svc := &service{reply: func(n int, _ *http.Request, _ string) (*http.Response, error) { return answer(200, bodies[n]), nil }}
	var got []string
	for p, err := range newClient(t, svc, nil).Pages(t.Context(), graphclient.Request{Path: listPath}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(p.Number, len(p.Items), p.Repeated))
	}
	if want := "1 1 false|2 0 false|3 1 true|4 1 false|5 0 false"; strings.Join(got, "|") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "|"), want)
	}
}

// A page that fails is asked for again, with the same link; the list neither
// starts over nor stops.
func TestPagingResumesAtThePage(t *testing.T) {
	for name, fault := range map[string]func() (*http.Response, error){
		"429":       says(429, ``, "Retry-After: 3"),
		"504":       says(504, ``),
		"502 html":  says(502, `<html>`, "Content-Type: text/html"),
		"cut":       says(200, `{"value":[{"id":"1"},{"i`),
		"html":      says(200, `<html>`, "Content-Type: text/html"),
		"reset":     fails(errors.New("reset")),
		"401":       says(401, `{}`),
		"200 error": says(200, `{"error":{"code":"ServiceUnavailable","message":"x"}}`),
		"200 429":   says(200, `{"error":{"code":"TooManyRequests","message":"x"}}`),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				failed := map[string]bool{}
				svc := &service{reply: func(_ int, r *http.Request, _ string) (*http.Response, error) {
					q := r.URL.Query().Get("$skiptoken")
					if !failed[q] {
						failed[q] = true
						return fault()
					}
					n := len(failed)
					if n == 20 {
						return answer(200, page("", object(n))), nil
					}
					return answer(200, page(fmt.Sprintf("%s/beta%s?$skiptoken=%d", base, listPath, n), object(n))), nil
				}}
				items, pages, err := all(t.Context(), newClient(t, svc, nil), graphclient.Request{Path: listPath})
				if err != nil || pages != 20 || len(items) != 20 || svc.count() != 40 {
					t.Errorf("got %d items on %d pages after %d requests: %v", len(items), pages, svc.count(), err)
				}
			})
		})
	}
}

// A list that breaks off is an error after what came before, never a shorter
// list.
func TestPagingNeverTruncates(t *testing.T) {
	for name, last := range map[string]func() (*http.Response, error){
		"503": says(503, ``), "404": says(404, ``), "410": says(410, ``), "400": says(400, `{}`), "no value": says(200, `{}`), "value is null": says(200, `{"value":null}`),
		"value is an object": says(200, `{"value":{}}`), "empty": says(200, ``), "204": says(204, ``), "two values": says(200, `{"value":[],"value":[]}`),
		"array": says(200, `[]`), "error beside value": says(500, `{"value":[],"error":{}}`),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				svc := script(says(200, page(base+"/beta"+listPath+"?$skiptoken=1", object(1))), last)
				items, pages, err := all(t.Context(), newClient(t, svc, nil), graphclient.Request{Path: listPath})
				if err == nil || pages != 1 || len(items) != 1 {
					t.Errorf("got %d items on %d pages and error %v", len(items), pages, err)
				}
			})
		})
	}
}

// The loop's body may end it, and nothing more is asked for.
func TestPagesAreAskedForOneByOne(t *testing.T) {
	svc := &service{reply: func(n int, _ *http.Request, _ string) (*http.Response, error) {
		return answer(200, page(fmt.Sprintf("%s/beta%s?$skiptoken=%d", base, listPath, n), object(n))), nil
	}}
	for p, err := range newClient(t, svc, nil).Pages(t.Context(), graphclient.Request{Path: listPath}) {
		if err != nil || svc.count() != p.Number {
			t.Fatalf("page %d after %d requests: %v", p.Number, svc.count(), err)
		}
		if p.Number == 3 {
			break
		}
	}
	if svc.count() != 3 {
		t.Errorf("%d requests for 3 pages", svc.count())
	}
}
