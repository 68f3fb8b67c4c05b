package graphclient_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient"
)

// The retry table: what each method makes of each answer.
func TestRetryTable(t *testing.T) {
	const fault = `{"error":{"code":"SomethingWrong","message":"secret"}}`
	type outcome struct {
		sent   int
		reason graphclient.Reason // empty for success
	}
	read := func(sent int, r graphclient.Reason) outcome { return outcome{sent, r} }
	const unknown = graphclient.ErrOutcomeUnknown
	cases := []struct {
		name       string
		reply      func() (*http.Response, error) // once or always, then {}
		times      int                            // 0 means always
		get, post  outcome
		put        outcome
		lasts, max time.Duration // of the GET
	}{
		{"ok", says(200, `{}`), 1, read(1, ""), outcome{1, ""}, outcome{1, ""}, 0, 0},
		{"created", says(201, `{"id":"1"}`), 1, read(1, ""), outcome{1, ""}, outcome{1, ""}, 0, 0},
		{"no content", says(204, ``), 1, read(1, ""), outcome{1, ""}, outcome{1, ""}, 0, 0},
		{"429 once", says(429, fault, "Retry-After: 5"), 1, read(2, ""), outcome{2, ""}, outcome{2, ""}, 5 * time.Second, 6 * time.Second},
		{"429 twice without a time", says(429, ``), 2, read(3, ""), outcome{3, ""}, outcome{3, ""}, 3 * time.Second, 4 * time.Second},
		{"500 once", says(500, fault), 1, read(2, ""), outcome{1, unknown}, outcome{2, ""}, time.Second / 2, 2 * time.Second},
		{"500 always", says(500, fault), 0, read(3, graphclient.ErrUnreachable), outcome{1, unknown}, outcome{3, unknown}, 0, time.Minute},
		{"502 html", says(502, `<html>`, "Content-Type: text/html"), 1, read(2, ""), outcome{1, unknown}, outcome{2, ""}, 0, 2 * time.Second},
		{"503 with a time", says(503, ``, "Retry-After: 7"), 1, read(2, ""), outcome{1, unknown}, outcome{2, ""}, 7 * time.Second, 9 * time.Second},
		{"503 always", says(503, ``), 0, read(5, graphclient.ErrUnreachable), outcome{1, unknown}, outcome{5, unknown}, 0, time.Minute},
		{"504 empty", says(504, ``), 2, read(3, ""), outcome{1, unknown}, outcome{3, ""}, 0, 10 * time.Second},
		{"408", says(408, ``), 1, read(2, ""), outcome{1, unknown}, outcome{2, ""}, 0, 2 * time.Second},
		{"reset", fails(syscall.ECONNRESET), 1, read(2, ""), outcome{1, unknown}, outcome{2, ""}, 0, 2 * time.Second},
		{"eof", fails(io.EOF), 0, read(5, graphclient.ErrUnreachable), outcome{1, unknown}, outcome{5, unknown}, 0, time.Minute},
		{"cut json", says(200, `{"id":`), 1, read(2, ""), outcome{1, unknown}, outcome{2, ""}, 0, 2 * time.Second},
		{"html always", says(200, `<html>`, "Content-Type: text/html"), 0, read(2, graphclient.ErrBadResponse), outcome{1, unknown}, outcome{2, unknown}, 0, 2 * time.Second},
		{"400", says(400, fault), 0, read(1, graphclient.ErrInvalidRequest), outcome{1, graphclient.ErrInvalidRequest}, outcome{1, graphclient.ErrInvalidRequest}, 0, 0},
		{"403", says(403, fault), 0, read(1, graphclient.ErrForbidden), outcome{1, graphclient.ErrForbidden}, outcome{1, graphclient.ErrForbidden}, 0, 0},
		{"404", says(404, fault), 0, read(1, graphclient.ErrNotFound), outcome{1, graphclient.ErrNotFound}, outcome{1, graphclient.ErrNotFound}, 0, 0},
		{"410", says(410, fault), 0, read(1, graphclient.ErrNotFound), outcome{1, graphclient.ErrNotFound}, outcome{1, graphclient.ErrNotFound}, 0, 0},
		{"409", says(409, fault), 0, read(1, graphclient.ErrConflict), outcome{1, graphclient.ErrConflict}, outcome{1, graphclient.ErrConflict}, 0, 0},
		{"412", says(412, fault), 0, read(1, graphclient.ErrConflict), outcome{1, graphclient.ErrConflict}, outcome{1, graphclient.ErrConflict}, 0, 0},
		{"423", says(423, fault), 0, read(1, graphclient.ErrConflict), outcome{1, graphclient.ErrConflict}, outcome{1, graphclient.ErrConflict}, 0, 0},
		{"501", says(501, fault), 0, read(1, graphclient.ErrInvalidRequest), outcome{1, graphclient.ErrInvalidRequest}, outcome{1, graphclient.ErrInvalidRequest}, 0, 0},
		{"302", says(302, ``, "Location: https://evil.example/"), 0, read(1, graphclient.ErrBadResponse), outcome{1, graphclient.ErrBadResponse}, outcome{1, graphclient.ErrBadResponse}, 0, 0},
		{"401 once", says(401, fault), 1, read(2, ""), outcome{2, ""}, outcome{2, ""}, 0, time.Second},
		{"401 always", says(401, fault), 0, read(2, graphclient.ErrUnauthenticated), outcome{2, graphclient.ErrUnauthenticated}, outcome{2, graphclient.ErrUnauthenticated}, 0, time.Second},
	}
	for _, c := range cases {
		for _, m := range []struct {
			method string
			want   outcome
		}{{"GET", c.get}, {"POST", c.post}, {"PATCH", c.post}, {"PUT", c.put}, {"DELETE", c.put}} {
			t.Run(c.name+"/"+m.method, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					svc := &service{reply: func(n int, _ *http.Request, _ string) (*http.Response, error) {
						if c.times == 0 || n < c.times {
							return c.reply()
						}
						return answer(200, `{}`), nil
					}}
					client := newClient(t, svc, nil)
					start := time.Now()
					_, err := client.Do(t.Context(), graphclient.Request{Method: m.method, Path: listPath + "/1"})
					if got := svc.count(); got != m.want.sent {
						t.Errorf("sent %d requests, want %d", got, m.want.sent)
					}
					if m.want.reason == "" {
						if err != nil {
							t.Fatalf("got %v, want success", err)
						}
					} else {
						e := errorOf(t, err)
						if !errors.Is(err, m.want.reason) || e.Reason != m.want.reason {
							t.Errorf("got %v, want %v", err, m.want.reason)
						}
						if e.Attempts != m.want.sent || e.Method != m.method || e.ClientRequestID == "" {
							t.Errorf("got attempts %d, method %q, client-request-id %q", e.Attempts, e.Method, e.ClientRequestID)
						}
					}
					if took := time.Since(start); m.method == "GET" && (took < c.lasts || took > c.max) {
						t.Errorf("took %v, want between %v and %v", took, c.lasts, c.max)
					}
				})
			})
		}
	}
}

// A write that may have been applied stays of unknown outcome whatever the
// repetition is answered, and says both.
func TestUnclearWriteStaysUnclear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := script(says(504, ``), says(412, `{"error":{"code":"PreconditionFailed"}}`))
		_, err := newClient(t, svc, nil).Do(t.Context(), graphclient.Request{
			Method: "PUT", Path: listPath + "/1", Body: []byte(`{}`), Header: http.Header{"If-Match": {`"1"`}},
		})
		if !errors.Is(err, graphclient.ErrOutcomeUnknown) || !errors.Is(err, graphclient.ErrConflict) {
			t.Errorf("got %v, want an unknown outcome that names the conflict", err)
		}
	})
}

// A POST that never got a connection was not sent and may go again; so may a
// POST that only reads.
func TestRepeatablePosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := script(says(504, ``), says(200, `{"value":[]}`))
		if _, err := newClient(t, svc, nil).Do(t.Context(), graphclient.Request{
			Method: "POST", Path: "/directoryObjects/getByIds", Body: []byte(`{"ids":[]}`), Safe: true,
		}); err != nil || svc.count() != 2 {
			t.Errorf("a POST that reads: got %v after %d requests", err, svc.count())
		}
	})
	// Nothing listens on port 1.
	client := newClient(t, graphclient.NewTransport(), func(c *graphclient.Config) {
		c.Cloud = graphclient.Cloud{Graph: "http://127.0.0.1:1", Login: "http://127.0.0.1:1"}
		c.MaxAttempts = 2
	})
	_, err := client.Do(t.Context(), graphclient.Request{Method: "POST", Path: listPath, Body: []byte(`{}`)})
	if e := errorOf(t, err); e.Reason != graphclient.ErrUnreachable || e.Code != "refused" || e.Attempts != 2 {
		t.Errorf("got %v after %d attempts, want two that are refused a connection", err, e.Attempts)
	}
}

func TestCanceledContext(t *testing.T) {
	for method, want := range map[string]error{"GET": nil, "POST": graphclient.ErrOutcomeUnknown} {
		ctx, cancel := context.WithCancel(t.Context())
		svc := &service{reply: func(int, *http.Request, string) (*http.Response, error) {
			cancel()
			return nil, ctx.Err()
		}}
		_, err := newClient(t, svc, nil).Do(ctx, graphclient.Request{Method: method, Path: listPath})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want context.Canceled", method, err)
		}
		if want != nil && !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", method, err, want)
		}
	}
}

// No repetition begins that the caller's deadline would cut.
func TestDeadlineIsNotSleptAway(t *testing.T) {
	for name, reply := range map[string]func() (*http.Response, error){
		"throttled":   says(429, ``, "Retry-After: 300"),
		"unavailable": says(503, ``, "Retry-After: 300"),
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			start := time.Now()
			_, err := newClient(t, script(reply), nil).Do(ctx, graphclient.Request{Path: listPath})
			if e := errorOf(t, err); e.RetryAfter < 299*time.Second || time.Since(start) > time.Second {
				t.Errorf("%s: got %v with RetryAfter %v after %v, want to be told at once", name, err, e.RetryAfter, time.Since(start))
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	cases := []struct {
		header string
		want   time.Duration // at least, and at most 12 % and a bit more
	}{
		{"7", 7 * time.Second},
		{" 7 ", 7 * time.Second},
		{"2.128", 2128 * time.Millisecond},
		{"0.249", 249 * time.Millisecond},
		{"0", 0},
		{"-5", 0},
		{"1000000000", 10 * time.Minute},
		{"99999999999999999999999999999999999999999", 10 * time.Minute},
		{"", time.Second},
		{"soon", time.Second},
		{"NaN", time.Second},
		{"1e9", time.Second},
		{"0x10", time.Second},
		{"Sat, 01 Jan 2000 00:00:42 GMT", 42 * time.Second},
		{"Fri, 31 Dec 1999 23:00:00 GMT", 0},
		{"Sat, 01 Jan 2050 00:00:00 GMT", 10 * time.Minute},
	}
	for _, c := range cases {
		t.Run(c.header, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // begins at 2000-01-01 00:00:00 UTC
				var headers []string
				if c.header != "" {
					headers = []string{"Retry-After: " + c.header}
				}
				client := newClient(t, script(says(429, ``, headers...), says(200, `{}`)), nil)
				start := time.Now()
				if _, err := client.Do(t.Context(), graphclient.Request{Path: listPath}); err != nil {
					t.Fatal(err)
				}
				if got, most := time.Since(start), c.want+max(c.want, time.Second)*13/100; got < c.want || got > most {
					t.Errorf("waited %v, want %v to %v", got, c.want, most)
				}
			})
		})
	}
}

// A date counts from the clock of who wrote it.
func TestRetryAfterDateIgnoresOurClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, script(
			says(429, ``, "Date: Mon, 03 Mar 2025 10:00:00 GMT", "Retry-After: Mon, 03 Mar 2025 10:00:05 GMT"),
			says(200, `{}`)), nil)
		start := time.Now()
		_, err := client.Do(t.Context(), graphclient.Request{Path: listPath})
		if got := time.Since(start); err != nil || got < 5*time.Second || got > 6*time.Second {
			t.Errorf("got %v after %v, want about 5 s", err, got)
		}
	})
}

// closing counts how often it is asked to drop its connections.
type closing struct {
	http.RoundTripper
	n int
}

func (c *closing) CloseIdleConnections() { c.n++ }

// After a 503 the next attempt goes to another instance, over a new
// connection.
func TestNewConnectionAfter503(t *testing.T) {
	for status, want := range map[int]int{503: 1, 504: 0, 429: 0} {
		synctest.Test(t, func(t *testing.T) {
			rt := &closing{RoundTripper: script(says(status, ``), says(200, `{}`))}
			if _, err := newClient(t, rt, nil).Do(t.Context(), graphclient.Request{Path: listPath}); err != nil || rt.n != want {
				t.Errorf("%d: connections were dropped %d times, want %d (%v)", status, rt.n, want, err)
			}
		})
	}
}

// In an outage a client sends little more than it would without.
func TestOutageIsNotAmplified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := script(says(503, ``))
		client := newClient(t, svc, nil)
		const n = 1000
		for range n {
			if _, err := client.Do(t.Context(), graphclient.Request{Path: listPath}); !errors.Is(err, graphclient.ErrUnreachable) {
				t.Fatal(err)
			}
		}
		if got := svc.count(); got > n*13/10 {
			t.Errorf("sent %d requests for %d", got, n)
		}
	})
}

func TestClaimsChallenge(t *testing.T) {
	const claims = `{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}`
	challenge := `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", ` +
		`error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(claims)) + `"`
	t.Run("met", func(t *testing.T) {
		src := &tokens{}
		svc := script(says(401, `{}`, "Www-Authenticate: "+challenge), says(200, `{}`))
		client := newClient(t, svc, func(c *graphclient.Config) { c.Tokens = src })
		for range 2 {
			if _, err := client.Do(t.Context(), graphclient.Request{Method: "POST", Path: listPath, Body: []byte(`{}`)}); err != nil {
				t.Fatal(err)
			}
		}
		if got := src.asked[1]; got.Claims != claims || got.Refused.Reveal() != "token-1" {
			t.Errorf("asked for a token with claims %q in place of %q", got.Claims, got.Refused.Reveal())
		}
		if got := src.asked[2]; got.Claims != claims {
			t.Errorf("the next request forgot the claims: %q", got.Claims)
		}
		if svc.count() != 3 {
			t.Errorf("sent %d requests, want 3", svc.count())
		}
	})
	t.Run("not met", func(t *testing.T) {
		svc := script(says(401, `{}`, "Www-Authenticate: "+challenge))
		_, err := newClient(t, svc, nil).Do(t.Context(), graphclient.Request{Path: listPath})
		if e := errorOf(t, err); e.Reason != graphclient.ErrUnauthenticated || svc.count() != 2 || e.Claims != claims {
			t.Errorf("got %v with claims %q after %d requests", err, e.Claims, svc.count())
		}
	})
	t.Run("nonsense", func(t *testing.T) {
		for _, h := range []string{`Bearer error="insufficient_claims", claims="!!"`, `Bearer error="insufficient_claims", claims="Zm9v"`, `Basic`} {
			svc := script(says(401, `{}`, "Www-Authenticate: "+h))
			_, err := newClient(t, svc, nil).Do(t.Context(), graphclient.Request{Path: listPath})
			if e := errorOf(t, err); e.Claims != "" || svc.count() != 2 {
				t.Errorf("%s: got claims %q after %d requests", h, e.Claims, svc.count())
			}
		}
	})
}

// What every attempt carries, and that no two share an id.
func TestHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := script(says(503, ``), says(200, page(base+"/beta"+listPath+"?$skiptoken=a", object(1))), says(200, page("", object(2))))
		client := newClient(t, svc, func(c *graphclient.Config) { c.UserAgent = "Contoso/1.2" })
		_, _, err := all(t.Context(), client, graphclient.Request{
			Path: listPath, FullMetadata: true, Header: http.Header{"ConsistencyLevel": {"eventual"}, "Prefer": {"odata.maxpagesize=5"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		ids := map[string]bool{}
		for i, r := range svc.seen {
			ids[r.Header.Get("Client-Request-Id")] = true
			for name, want := range map[string]string{
				"Authorization":    "Bearer token-1",
				"Accept":           "application/json;odata.metadata=full",
				"Accept-Encoding":  "gzip",
				"ConsistencyLevel": "eventual",
				"Prefer":           "include-unknown-enum-members, odata.maxpagesize=5",
			} {
				if got := strings.Join(r.Header.Values(name), ", "); got != want {
					t.Errorf("request %d: %s is %q, want %q", i, name, got, want)
				}
			}
			if ua := r.Header.Get("User-Agent"); !strings.HasPrefix(ua, "Contoso/1.2 tenantatlas-graphclient/") {
				t.Errorf("request %d: User-Agent is %q", i, ua)
			}
		}
		if len(ids) != 3 || ids[""] {
			t.Errorf("%d ids for 3 attempts", len(ids))
		}
	})
}

func TestRefusedRequests(t *testing.T) {
	client := newClient(t, script(says(200, `{}`)), nil)
	long := "/" + strings.Repeat("a", 20<<10)
	for i, req := range []graphclient.Request{
		{},
		{Path: "deviceManagement"},
		{Path: "//evil.example/x"},
		{Path: "/a/../b"},
		{Path: "/a/%2e%2E/b"},
		{Path: "/a/./b"},
		{Path: `/a\b`},
		{Path: "/a b"},
		{Path: "/a\r\nX: y"},
		{Path: "/a#b"},
		{Path: "/a?b=\x00"},
		{Path: "/ä"},
		{Path: "/%zz"},
		{Path: long},
		{Path: "https://graph.microsoft.com/beta/x"},
		{Path: "/a", Method: "TRACE"},
		{Path: "/a", Method: "get"},
		{Path: "/a", Method: "GET x"},
		{Path: "/a", Method: "HEAD"},
		{Path: "/a", Body: []byte(`{}`)},
		{Path: "/a", Method: "POST", Body: []byte(`{`)},
		{Path: "/a", Header: http.Header{"authorization": {"x"}}},
		{Path: "/a", Header: http.Header{"Host": {"x"}}},
		{Path: "/a", Header: http.Header{"X-A": {"x\r\nB: c"}}},
		{Path: "/a", Header: http.Header{"X A": {"x"}}},
		{Path: "/a", Header: http.Header{"": {"x"}}},
	} {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			if _, err := client.Do(t.Context(), req); !errors.Is(err, graphclient.ErrInvalidRequest) {
				t.Errorf("%+.60v: got %v, want it refused", req, err)
			}
		})
	}
}
