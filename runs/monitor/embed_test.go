package monitor_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
)

// A host's frame gets all parts of every page, also of those that say what went
// wrong.
func TestLayout(t *testing.T) {
	d := newDesk(t, func(cfg *monitor.Config) {
		withInbox(cfg)
		cfg.Layout = func(w io.Writer, r *http.Request, f monitor.Frame) error {
			if r.Header.Get("X-Break") != "" {
				_, _ = io.WriteString(w, "half a page")
				return errors.New("hunter2")
			}
			_, err := fmt.Fprintf(w, "%d|%s|%s|%s|%s|%s|%s|%s|%s", f.Status, f.Title, f.Lang, f.Section, f.Tenant, f.Actor.ID, f.Head, f.Nav, f.Main)
			return err
		}
	})
	for path, want := range map[string]string{
		"/ops/t/acme/runs":          "200|Runs|en|runs|acme|owner|",
		"/ops/notifications":        "200|Notifications|en|notifications||owner|",
		"/ops/t/acme/runs/none":     "404|Not found|en|runs|acme|owner|",
		"/ops/t/acme/runs?status=x": "400|That request does not work|en|runs|acme|owner|",
	} {
		_, body := d.get(t, "owner", path)
		if !strings.HasPrefix(body, want) || len(missing(body, `rel="stylesheet"`, `aria-label="Operations`, "<h1>")) > 0 && path == "/ops/t/acme/runs" || strings.Contains(body, "<html") {
			t.Errorf("%s: %.200s, want %s", path, body, want)
		}
	}
	if resp, body := d.get(t, "owner", "/ops/t/acme/runs", "X-Break", "1"); resp.StatusCode != http.StatusInternalServerError || strings.Contains(body, "half") || strings.Contains(body, "hunter2") {
		t.Errorf("a frame that fails: %d %s, want 500", resp.StatusCode, body)
	}
}

func TestEmbed(t *testing.T) {
	inbox := new(tray)
	d := newDesk(t, func(cfg *monitor.Config) { cfg.Inbox = inbox })
	for i := range 120 {
		inbox.add("owner", monitor.Note{ID: fmt.Sprintf("n%03d", i), CreatedAt: time.Now()})
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/elsewhere", nil)
	parts, err := d.hub.Embed(r, "/ops", runs.User("owner", "Olivia"), "acme")
	if err != nil {
		t.Fatal(err)
	}
	if lacks := missing(string(parts.Head), `href="/ops/static/`); len(lacks) > 0 {
		t.Errorf("the head has no %q: %s", lacks, parts.Head)
	}
	if lacks := missing(string(parts.Bell), `href="/ops/notifications?tenant=acme"`, "99+", "unread"); len(lacks) > 0 {
		t.Errorf("the bell has no %q: %s", lacks, parts.Bell)
	}
	nobody, err := d.hub.Embed(r, "/ops", runs.Actor{}, "")
	if err != nil || nobody.Bell != "" || nobody.Widgets != "" || nobody.Head == "" {
		t.Errorf("for nobody: %+v, %v", nobody, err)
	}
}
