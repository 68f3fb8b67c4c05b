package monitor_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
)

// post sends a body as a program does, or as a browser if header says so.
func post(t *testing.T, h http.Handler, user, path, body string, header ...string) (status int, answer string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("X-User", user)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec.Code, rec.Body.String()
}

func TestNotifications(t *testing.T) {
	inbox := new(box)
	_, api := process(t, memruns.New(), func(_ *runs.Config, c *monitor.Config) { c.Inbox = inbox; c.BasePath = "/api" })
	run := &runs.Run{Tenant: "acme", ID: "r1", Type: "inventory.sync", Status: runs.StatusCompleted, Outcome: runs.OutcomeFailed}
	for range 3 {
		inbox.add("dana", run)
	}
	elis := inbox.add("eli", run)
	ids := func(user, query string) (out []string, next string) {
		t.Helper()
		_, body := get(t, api, user, "/notifications?"+query)
		var l struct {
			Data []struct {
				ID, Title, ReadAt string
				Links             map[string]string
			}
			Next string
		}
		if err := json.Unmarshal([]byte(body), &l); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		for _, n := range l.Data {
			out = append(out, n.ID)
			if want := "/api/t/acme/runs/r1"; n.Links["run"] != want {
				t.Errorf("link to the run: %q, want %q", n.Links["run"], want)
			}
		}
		return out, l.Next
	}
	page, next := ids("dana", "limit=2")
	rest, _ := ids("dana", "limit=2&after="+url.QueryEscape(next))
	if diff := cmp.Diff([]string{"n3", "n2", "n1"}, append(page, rest...)); diff != "" {
		t.Errorf("notifications (-want +got):\n%s", diff)
	}
	for _, tt := range []struct {
		path   string
		status int
	}{
		{"/notifications/n2/read", http.StatusNoContent},
		{"/notifications/n2/read", http.StatusNoContent},
		{"/notifications/" + elis + "/read", http.StatusNotFound},
		{"/notifications/gone/read", http.StatusNotFound},
	} {
		if status, body := post(t, api, "dana", tt.path, ""); status != tt.status {
			t.Errorf("POST %s: %d, want %d; %s", tt.path, status, tt.status, body)
		}
	}
	if got, _ := ids("dana", "unread=1"); !cmp.Equal(got, []string{"n3", "n1"}) {
		t.Errorf("unread after one was read: %v", got)
	}
	if status, _ := post(t, api, "dana", "/notifications/read-all", ""); status != http.StatusNoContent {
		t.Errorf("read-all: %d", status)
	}
	for user, want := range map[string]string{"dana": "{\"unread\":0}\n", "eli": "{\"unread\":1}\n"} {
		if _, body := get(t, api, user, "/notifications/unread"); body != want {
			t.Errorf("unread of %s: %q, want %q", user, body, want)
		}
	}
	if resp, _ := get(t, api, "dana", "/notifications?type=nonsense"); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("type=nonsense: %d", resp.StatusCode)
	}
	_, without := process(t, memruns.New(), nil)
	if resp, _ := get(t, without, "dana", "/notifications"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("without an inbox: %d, want 404", resp.StatusCode)
	}
}

// The number of unread notes follows what happens here at once, and what happens
// elsewhere soon; asking is bounded.
func TestInboxEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inbox := new(box)
		tracker, api := process(t, memruns.New(), func(_ *runs.Config, c *monitor.Config) { c.Inbox = inbox })
		clients := map[string]*client{"dana": connect(t, api, "dana", "inbox=1")}
		for i := range 200 {
			user := fmt.Sprint("user", i)
			clients[user] = connect(t, api, user, "inbox=1")
		}
		time.Sleep(20 * time.Second)
		for user, c := range clients {
			if got := c.named("inbox"); len(got) != 1 || got[0].data != `{"unread":0}` {
				t.Fatalf("%s was told %v at first", user, got)
			}
		}
		before := inbox.reads.Load()
		time.Sleep(15 * time.Second)
		if n := inbox.reads.Load() - before; n > 600 {
			t.Errorf("%d counts in 15 s for 201 actors, want at most 50 in 1.5 s", n)
		}
		began := time.Now()
		run := work(t, tracker, request("dana"))
		inbox.add("dana", run)
		ended := time.Now()
		time.Sleep(6 * time.Second)
		told := clients["dana"].named("inbox")
		if last := told[len(told)-1]; last.data != `{"unread":1}` || last.at.Sub(ended) > 6*time.Second {
			t.Errorf("told %v since %v", told, began)
		}
		if status, _ := post(t, api, "dana", "/notifications/read-all", ""); status != http.StatusNoContent {
			t.Fatalf("read-all: %d", status)
		}
		read := time.Now()
		time.Sleep(time.Second)
		told = clients["dana"].named("inbox")
		if last := told[len(told)-1]; last.data != `{"unread":0}` || last.at.Sub(read) > 500*time.Millisecond {
			t.Errorf("after reading all told %v", told)
		}
	})
}

func TestActionsOfTheAPI(t *testing.T) {
	tracker, api := process(t, memruns.New(), nil)
	_ = tracker
	if status, _ := post(t, api, "dana", "/t/acme/runs/x/cancel", ""); status != http.StatusNotFound {
		t.Errorf("cancel without actions: %d, want 404", status)
	}
	store := memruns.New()
	can, err := runs.New(runs.Config{
		Store: store, Dispatcher: accept{}, Operations: tracker.Operations(),
		Authorizer: runs.Roles(func(_ context.Context, a runs.Actor, _ string) (runs.Role, error) {
			return map[string]runs.Role{"dana": runs.RoleOperator, "eli": runs.RoleReadonly}[a.ID], nil
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, api = process(t, store, func(_ *runs.Config, c *monitor.Config) { c.Actions = can })
	s, err := can.Start(t.Context(), request("dana"))
	if err != nil {
		t.Fatal(err)
	}
	run := "/t/acme/runs/" + s.Run.ID
	for _, tt := range []struct {
		name, user, path, body string
		header                 []string
		status                 int
		want                   string
	}{
		{"no right", "eli", run + "/cancel", "", nil, 403, `"code":"permission_denied"`},
		{"another site", "dana", run + "/cancel", "", []string{"Sec-Fetch-Site", "cross-site"}, 403, `"code":"permission_denied"`},
		{"another origin", "dana", run + "/cancel", "", []string{"Origin", "https://evil.example"}, 403, `"code":"permission_denied"`},
		{"bad body", "dana", run + "/cancel", `{"because":1}`, nil, 400, `"code":"invalid_input"`},
		{"large body", "dana", run + "/cancel", `{"why":"` + strings.Repeat("x", 70_000) + `"}`, nil, 400, "too large"},
		{"retry too early", "dana", run + "/retry", "", nil, 409, `"code":"conflict"`},
		{"cancel", "dana", run + "/cancel", `{"why":"not needed"}`, []string{"Sec-Fetch-Site", "same-origin"}, 200, `"why":"not needed"`},
		{"cancel again", "dana", run + "/cancel", "", nil, 200, `"outcome":"canceled"`},
		{"retry", "dana", run + "/retry", "", []string{"Idempotency-Key", "k"}, 202, `"created":true`},
		{"retry again", "dana", run + "/retry", "", []string{"Idempotency-Key", "k"}, 200, `"created":false`},
		{"long key", "dana", run + "/retry", "", []string{"Idempotency-Key", strings.Repeat("k", 256)}, 400, "Idempotency-Key"},
		{"unknown run", "dana", "/t/acme/runs/gone/cancel", "", nil, 404, `"code":"not_found"`},
		{"outsider", "outsider", run + "/cancel", "", nil, 404, `"code":"not_found"`},
	} {
		if status, body := post(t, api, tt.user, tt.path, tt.body, tt.header...); status != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s: %d %s; want %d with %s", tt.name, status, body, tt.status, tt.want)
		}
	}
}

func TestRequestID(t *testing.T) {
	_, api := process(t, memruns.New(), nil)
	for given, want := range map[string]string{"abc-1.2_Z": "abc-1.2_Z", "": "", "no spaces": "", strings.Repeat("a", 65): ""} {
		resp, _ := get(t, api, "dana", "/me", "X-Request-Id", given)
		if got := resp.Header.Get("X-Request-Id"); got == "" || want != "" && got != want || want == "" && got == given {
			t.Errorf("given %q: answered %q", given, got)
		}
	}
}
