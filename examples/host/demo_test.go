package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// The demo starts by itself, shows something of everything, and lets its
// visitor be somebody else.
func TestDemo(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	out, said := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"-addr", "127.0.0.1:0", "-actions"}, env(), said, io.Discard)
		said.Close()
	}()
	var first bytes.Buffer
	buf := make([]byte, 256)
	for bytes.Count(first.Bytes(), []byte("\n")) < 2 {
		n, err := out.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		first.Write(buf[:n])
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	line, _, _ := strings.Cut(first.String(), "\n")
	base, ok := strings.CutPrefix(line, "listening on ")
	if !ok {
		t.Fatalf("the first line is %q", line)
	}
	if want := "\n  " + base + "/ops/\n"; !strings.Contains(first.String(), want) {
		t.Errorf("it said %q, not where the hub is", first.String())
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t, base, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if status, header := c.do("", "GET", "/", "", nil); status != http.StatusSeeOther || header.Get("Location") != "/t/contoso/inventory" {
		t.Errorf("/ leads to %q with %d", header.Get("Location"), status)
	}
	outcomes, failed := map[string]bool{}, ""
	for len(outcomes) < 6 { // until the demo is seeded
		var list struct{ Data []runJSON }
		c.do("", "GET", runsOf, "", &list)
		for _, r := range list.Data {
			outcomes[r.Outcome] = true
			if r.Outcome == string(runs.OutcomeFailed) {
				failed = r.ID
			}
		}
	}
	var sets struct{ Data []setJSON }
	run := c.settle("backup_set.add_policies")
	if c.do("", "GET", setsOf, "", &sets); len(sets.Data) != 1 || run.Outcome != "succeeded" || !sets.Data[0].Complete {
		t.Errorf("the demo begins with the backup sets %+v, captured by %+v", sets.Data, run)
	}
	if status, _ := c.do("", "POST", runsOf+"/"+failed+"/retry", "", nil); status != http.StatusAccepted && status != http.StatusOK {
		t.Errorf("a failed run of the past is run again with %d, want 202, or 200 if one is under way", status)
	}
	for user, want := range map[string]int{"owner": 200, "readonly": 200, "outsider": 404, "nonsense": 401} {
		if status, _ := c.do("", "GET", runsOf, "", nil, "X-Demo-User", user); status != want {
			t.Errorf("as %s: %d, want %d", user, status, want)
		}
	}
	form := url.Values{"user": {"readonly"}, "to": {"/t/fabrikam/inventory"}}.Encode()
	if status, header := c.do("", "POST", "/demo/user", form, nil, "Content-Type", "application/x-www-form-urlencoded"); status != http.StatusSeeOther || header.Get("Location") != "/t/fabrikam/inventory" {
		t.Errorf("switching leads to %q with %d", header.Get("Location"), status)
	}
	var me runs.Actor
	if c.do("", "GET", "/api/v1/me", "", &me); me.ID != "readonly" {
		t.Errorf("after switching the visitor is %+v", me)
	}
	for _, to := range []string{"https://evil.example", "//evil.example", `/\evil.example`, "javascript:alert(1)"} {
		form := url.Values{"user": {"owner"}, "to": {to}}.Encode()
		if _, header := c.do("", "POST", "/demo/user", form, nil, "Content-Type", "application/x-www-form-urlencoded"); header.Get("Location") != "/" {
			t.Errorf("switching leads to %q", header.Get("Location"))
		}
	}
	var s startJSON
	c.do("", "POST", runsOf, `{"type":"inventory.sync"}`, &s, "X-Demo-User", "operator")
	if r := c.wait(s.Run.ID, "X-Demo-User", "readonly"); r.Outcome != "succeeded" {
		t.Errorf("the demo's sync is %+v", r)
	}
	began := time.Now()
	stop()
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("the host took %v to stop", took)
	}
}

// An address that was asked for and is taken is an error that says so.
func TestAddressTaken(t *testing.T) {
	t.Parallel()
	taken := httptest.NewServer(nil)
	defer taken.Close()
	err := run(t.Context(), []string{"-addr", taken.Listener.Addr().String()}, env(), io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "-addr") {
		t.Errorf("run: %v, want an error that says what to do", err)
	}
}
