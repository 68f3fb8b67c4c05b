package monitor_test

import (
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
)

// A meter is a reader that counts its calls and fails those that come when left
// is used up; a negative left is never.
type meter struct {
	runs.Reader
	mu    sync.Mutex
	calls []string
	left  int
}

func (c *meter) call(format string, args ...any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, fmt.Sprintf(format, args...))
	if c.left == 0 {
		return fmt.Errorf("dial postgres://user:hunter2@db: %w", runs.ErrStoreUnavailable)
	}
	c.left--
	return nil
}

func (c *meter) Get(ctx context.Context, ref runs.Ref) (*runs.Run, error) {
	if err := c.call("get"); err != nil {
		return nil, err
	}
	return c.Reader.Get(ctx, ref)
}

func (c *meter) List(ctx context.Context, q runs.Query) (runs.Page, error) {
	if err := c.call("list %d", runs.PageSize(q.Limit)); err != nil {
		return runs.Page{}, err
	}
	return c.Reader.List(ctx, q)
}

func (c *meter) Items(ctx context.Context, q runs.ItemQuery) (runs.ItemPage, error) {
	if err := c.call("items %d", runs.PageSize(q.Limit)); err != nil {
		return runs.ItemPage{}, err
	}
	return c.Reader.Items(ctx, q)
}

func (c *meter) Counts(ctx context.Context, q runs.Query) (runs.Tally, error) {
	if err := c.call("count"); err != nil {
		return runs.Tally{}, err
	}
	return c.Reader.Counts(ctx, q)
}

// crowd returns a desk with n runs that have ended, and the reader of its hub.
func crowd(t *testing.T, n int) (*desk, *meter) {
	t.Helper()
	plain := newDesk(t, nil)
	now := time.Now()
	for i := range n {
		at := now.Add(-time.Duration(i+1) * time.Second)
		plain.add(t, runs.Run{
			Status: runs.StatusCompleted, Outcome: runs.OutcomePartiallySucceeded, Attempt: 1, CreatedAt: at, StartedAt: at, CompletedAt: at.Add(time.Second),
			Initiator: runs.User("oskar.operator@example.com", "Oskar Operator of the second shift"),
			Target:    runs.Target{Kind: "backup_set", ID: fmt.Sprint("set-", i), Name: fmt.Sprint("Nightly backup of everything ", i)},
			Counts:    runs.Counts{Total: 123456, Succeeded: 123450, Failed: 5, Skipped: 1},
		})
	}
	reader := &meter{Reader: plain.tracker, left: -1}
	return newDesk(t, func(cfg *monitor.Config) { cfg.Runs = reader }), reader
}

// What a page reads does not depend on how much there is.
func TestBoundedReads(t *testing.T) {
	d, reader := crowd(t, 600)
	page, err := reader.Reader.List(t.Context(), runs.Query{Tenant: "acme", Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	self := "/ops/t/acme/runs/" + page.Runs[0].ID
	for path, want := range map[string][]string{
		"/ops/t/acme/":                         {"list 8", "list 200", "list 5", "count", "list 200"},
		"/ops/t/acme/runs":                     {"list 50", "count"},
		"/ops/t/acme/runs?outcome=failed":      {"list 50", "count"},
		"/ops/t/acme/runs?limit=200":           {"list 200", "count"},
		"/ops/t/acme/runs?not.type=a.b":        {"list 50"},
		"/ops/t/acme/runs?q=no-such-word":      slices.Repeat([]string{"list 50"}, 8),
		"/ops/api/t/acme/runs?q=no-such-word":  slices.Repeat([]string{"list 50"}, 8),
		self:                                   {"get", "items 50", "list 6"},
		self + "?q=no-such-word":               {"get", "items 50", "list 6"},
		"/ops/t/acme/types":                    nil,
		"/ops/settings?tenant=acme":            nil,
		"/ops/help":                            nil,
		"/ops/t/acme/runs.csv?q=no-such-word":  slices.Repeat([]string{"list 200"}, 3),
		"/ops/t/acme/runs.csv?outcome=blocked": {"list 200"},
	} {
		reader.calls = nil
		resp, body := d.get(t, "readonly", path)
		if diff := cmp.Diff(want, reader.calls); diff != "" || resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d, calls (-want +got):\n%s", path, resp.StatusCode, diff)
		}
		if size := transferred(t, d, path); !strings.Contains(path, "limit=200") && (size > 16<<10 || len(body) > 64<<10) {
			t.Errorf("%s has %d bytes, %d of them transferred", path, len(body), size)
		}
	}
}

// transferred is how many bytes a browser gets, and what it makes of them.
func transferred(t *testing.T, d *desk, path string) int {
	t.Helper()
	resp, body := d.get(t, "readonly", path, "Accept-Encoding", "br, gzip;q=0.8")
	if resp.Header.Get("Content-Encoding") == "gzip" {
		gz, err := gzip.NewReader(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := io.ReadAll(gz); err != nil || !strings.HasSuffix(string(plain), "</html>\n") || !strings.Contains(resp.Header.Get("Vary"), "Accept-Encoding") {
			t.Errorf("%s: %v, Vary %q, compressed\n%s", path, err, resp.Header.Get("Vary"), plain)
		}
	}
	return len(body)
}

// All that a browser loads once.
func TestAssetSizes(t *testing.T) {
	files, err := filepath.Glob("static/*")
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, nil)
	size, sent := 0, 0
	for _, file := range files {
		_, body := d.get(t, "", "/ops/"+file)
		resp, zipped := d.get(t, "", "/ops/"+file, "Accept-Encoding", "gzip")
		if resp.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%s is not compressed", file)
		}
		if _, plain := d.get(t, "", "/ops/"+file, "Accept-Encoding", "gzip;q=0"); plain != body {
			t.Errorf("%s is compressed for a client that does not take it", file)
		}
		size, sent = size+len(body), sent+len(zipped)
	}
	if size > 60<<10 || sent > 20<<10 {
		t.Errorf("the assets have %d bytes, %d compressed; want at most 60 and 20 KiB", size, sent)
	}
	t.Logf("assets: %d bytes, %d compressed", size, sent)
}

// A store that is away is said to be away, without its error's text, and an
// export that stops in the middle says so in its last row.
func TestStoreAway(t *testing.T) {
	d, reader := crowd(t, 450)
	for _, path := range []string{"/ops/t/acme/", "/ops/t/acme/runs", "/ops/t/acme/runs/x", "/ops/t/acme/runs.csv", "/ops/t/acme/runs/x/items.csv"} {
		reader.left = 0
		resp, body := d.get(t, "readonly", path)
		if resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "The store did not answer") || strings.Contains(body, "hunter2") || resp.Header.Get("Content-Disposition") != "" {
			t.Errorf("%s: %d, want 503\n%s", path, resp.StatusCode, body)
		}
	}
	reader.left = 1 // the counts fail, and are left out
	if resp, body := d.get(t, "readonly", "/ops/t/acme/runs"); resp.StatusCode != http.StatusOK || strings.Contains(body, `class="count"`) {
		t.Errorf("without counts: %d\n%s", resp.StatusCode, body)
	}
	for format, last := range map[string]string{"csv": "incomplete: the store did not answer" + strings.Repeat(",", 15), "jsonl": `{"incomplete":"incomplete: the store did not answer"}`} {
		reader.left = 2
		_, body := d.get(t, "readonly", "/ops/t/acme/runs."+format)
		lines := strings.Split(strings.TrimSpace(body), "\n")
		if got := lines[len(lines)-1]; got != last || len(lines) < 401 {
			t.Errorf("%s: %d lines, the last is %q", format, len(lines), got)
		}
	}
	reader.left = -1
	if _, body := d.get(t, "readonly", "/ops/t/acme/runs.csv"); strings.Count(body, "\n") != 451 || strings.Contains(body, "incomplete") {
		t.Errorf("a whole export has %d lines", strings.Count(body, "\n"))
	}
}

// endless is a reader whose list has no end.
type endless struct{ stored }

// An export has an end, and says that it is not all.
func TestExportLimit(t *testing.T) {
	at := time.Now()
	reader := endless{stored{&runs.Run{Tenant: "acme", ID: id(at), Type: "a.b", Status: runs.StatusQueued, CreatedAt: at}, runs.Operation{}}}
	who, access := monitor.InsecureDemo()
	hub, err := monitor.New(monitor.Config{Runs: reader, Who: func(r *http.Request) (runs.Actor, error) {
		r.RemoteAddr, r.Host = "127.0.0.1:1", "localhost"
		return who(r)
	}, Authorizer: access})
	if err != nil {
		t.Fatal(err)
	}
	_, body := get(t, hub, "", "/t/acme/runs.csv")
	if n := strings.Count(body, "\n"); n > 10_002 || !strings.HasSuffix(body, "incomplete: there is more than an export holds; narrow the filter"+strings.Repeat(",", 15)+"\n") {
		t.Errorf("an endless list has %d rows and ends with %q", n, body[max(0, len(body)-100):])
	}
}

// FuzzExport puts any text into every field: no cell begins like a formula, and
// the file has its shape.
func FuzzExport(f *testing.F) {
	for _, s := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\x00=1", " =1", "\ufeff=1", "＝1", "a,b\"c", "", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		_, body := get(t, hostile(t, s), "", "/ops/t/acme/runs.csv")
		rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		for _, row := range rows {
			for _, cell := range row {
				first := strings.TrimLeft(cell, " \u00a0\u3000\ufeff")
				if first != "" && strings.ContainsRune("=+-@\t\r\n\x00＝＋－＠", []rune(first)[0]) {
					t.Errorf("%q: the cell %q begins like a formula", s, cell)
				}
			}
		}
	})
}

// FuzzSearch: what a search stands for can be written down as a search again,
// and as an address, and stays the same.
func FuzzSearch(f *testing.F) {
	for _, s := range []string{
		`type:inventory.sync -type:drift.generate status:failed created:>=2026-01-01 "Conditional Access"`,
		`"status:failed" initiator:"a b" target:"q\"x\\" -initiator:me`, `created:2026-01-02 since:24h`, `created:<=2026-01-02T03:04:05Z`,
		`-status:queued status:queued,running`, `"unclosed`, `a"b c"d`, `\ "\"`, `type:`, `created:9999-12-31`, `:x -:y -`,
	} {
		f.Add(s)
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		v, err := monitor.ParseSearch(s)
		if err != nil {
			if !errors.Is(err, runs.ErrInvalid) {
				t.Errorf("%q: %v is no ErrInvalid", s, err)
			}
			return
		}
		text := monitor.SearchText(v)
		again, err := monitor.ParseSearch(text)
		if len(text) > 1000 {
			return // quotes have made it too long
		}
		if err != nil {
			t.Fatalf("%q is %q, which is wrong: %v", s, text, err)
		}
		if diff := cmp.Diff(v, again); diff != "" {
			t.Fatalf("%q is %q (-first +again):\n%s", s, text, diff)
		}
		x, errX := monitor.ParseQuery(url.Values{"q": {s}}, runs.User("dana", ""), now)
		y, errY := monitor.ParseQuery(url.Values{"q": {text}}, runs.User("dana", ""), now)
		if diff := cmp.Diff(x, y); diff != "" || (errX == nil) != (errY == nil) {
			t.Fatalf("%q and %q are other filters: %v, %v\n%s", s, text, errX, errY, diff)
		}
	})
}

func TestSearch(t *testing.T) {
	for text, want := range map[string]url.Values{
		`type:inventory.sync -type:drift.generate status:failed "Conditional Access" x`: {
			"type": {"inventory.sync"}, "not.type": {"drift.generate"}, "outcome": {"failed"}, "q": {"Conditional Access", "x"},
		},
		`created:>=2026-01-01 created:<2026-02-01`: {"from": {"2026-01-01T00:00:00Z"}, "to": {"2026-02-01T00:00:00Z"}},
		`created:2026-01-01`:                       {"from": {"2026-01-01T00:00:00Z"}, "to": {"2026-01-02T00:00:00Z"}},
		`created:>2026-01-01`:                      {"from": {"2026-01-02T00:00:00Z"}},
		`created:<=2026-01-01`:                     {"to": {"2026-01-02T00:00:00Z"}},
		`"status:failed" http://x -y`:              {"q": {"status:failed", "http://x", "-y"}},
		`initiator:"Dana \"D\" B"`:                 {"initiator": {`Dana "D" B`}},
		"  ":                                       {},
	} {
		got, err := monitor.ParseSearch(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", text, err, diff)
		}
	}
	for _, text := range []string{"type:", "-since:24h", "created:soon", "created:=2026-01-01", "-created:2026-01-01", strings.Repeat("x", 1001)} {
		if v, err := monitor.ParseSearch(text); !errors.Is(err, runs.ErrInvalid) {
			t.Errorf("%.40s: %v, %v; want ErrInvalid", text, v, err)
		}
	}
}

// What a viewer is not to see is nowhere, and cannot be searched for.
func TestRedact(t *testing.T) {
	d := newDesk(t, func(cfg *monitor.Config) {
		cfg.Redact = func(_ context.Context, v monitor.Viewer, r *runs.Run) {
			if v.ID == "readonly" {
				r.Target, r.Context, r.Initiator.Name = runs.Target{}, nil, "somebody"
			}
		}
	})
	at := time.Now().Add(-time.Minute)
	run := d.add(t, runs.Run{Status: runs.StatusCompleted, Outcome: runs.OutcomeFailed, CreatedAt: at, CompletedAt: at, Target: runs.Target{ID: "t1", Name: "Project Bluebird"}, Context: map[string]string{"a": "Bluebird"}})
	for _, path := range []string{"/ops/t/acme/", "/ops/t/acme/runs", "/ops/t/acme/runs/" + run.ID, "/ops/t/acme/runs.csv", "/ops/t/acme/runs.jsonl", "/ops/api/t/acme/runs", "/ops/api/t/acme/runs/" + run.ID} {
		if _, body := d.get(t, "owner", path); !strings.Contains(body, "Bluebird") {
			t.Errorf("%s hides from the owner what they may see", path)
		}
		if _, body := d.get(t, "readonly", path); strings.Contains(body, "Bluebird") {
			t.Errorf("%s shows what it must not", path)
		}
	}
	if _, body := d.get(t, "readonly", "/ops/t/acme/runs?q=bluebird"); strings.Contains(body, run.ID) {
		t.Error("a search finds what it does not show")
	}
}

// The languages have the same messages with the same gaps, and the templates
// ask for no others.
func TestMessages(t *testing.T) {
	read := func(lang string) map[string]string {
		raw, err := os.ReadFile("messages/" + lang + ".json")
		words := make(map[string]string)
		if err == nil {
			err = json.Unmarshal(raw, &words)
		}
		if err != nil {
			t.Fatal(err)
		}
		return words
	}
	en, de := read("en"), read("de")
	gap := regexp.MustCompile(`\{\d\}`)
	for key, text := range de {
		if strings.HasPrefix(key, "reason.") || strings.HasPrefix(key, "advice.") {
			continue // package runs has the English ones
		}
		english, ok := en[key]
		if a, b := gap.FindAllString(english, -1), gap.FindAllString(text, -1); !ok || !cmp.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))) {
			t.Errorf("%s: %q in German, %q in English", key, text, english)
		}
	}
	for key := range en {
		if de[key] == "" {
			t.Errorf("%s has no German text", key)
		}
	}
	for r, key := range map[runs.Reason]string{runs.ReasonThrottled: "throttled", runs.ReasonInternal: "internal", runs.ReasonApproval: "approval_required"} {
		if string(r) != key || de["reason."+key] == "" || de["advice."+key] == "" {
			t.Errorf("the reason %s has no German text", r)
		}
	}
	files, err := filepath.Glob("templates/*.html")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	asked := regexp.MustCompile(`\.T "([^"]+)"`)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range asked.FindAllStringSubmatch(string(raw), -1) {
			if en[m[1]] == "" && en[m[1]+".other"] == "" {
				t.Errorf("%s asks for the message %s", file, m[1])
			}
		}
	}
}
