package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
)

// asProcess makes the test binary the program itself, for the processes that a
// test starts.
const asProcess = "RIVERHOST_TEST_PROCESS"

func TestMain(m *testing.M) {
	if os.Getenv(asProcess) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// flagsOf are for a database of the test's own, River's tables included.
func flagsOf(t *testing.T, more ...string) []string {
	t.Helper()
	db := sqltest.Postgres(t)
	u, err := url.Parse(db.DSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(asProcess, "1")
	return append([]string{"-db", db.DSN, "-river-schema", u.Query().Get("search_path")}, more...)
}

// open returns a host that executes runs until the test ends.
func open(t *testing.T, args ...string) *host {
	t.Helper()
	o, err := parseOptions(args, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	h, err := newHost(t.Context(), o, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- h.tracker.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		h.close()
	})
	return h
}

// do answers a request, and decodes the answer.
func (h *host) do(t *testing.T, method, path, user, body string) (status int, said map[string]any) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, apiBase+path, strings.NewReader(body))
	if user != "" {
		r.Header.Set("X-User", user)
	}
	w := httptest.NewRecorder()
	h.handler().ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil {
		t.Fatalf("%s %s: %v in %q", method, path, err, w.Body)
	}
	return w.Code, said
}

func TestImport(t *testing.T) {
	h := open(t, flagsOf(t, "-row", "1ms", "-name", "here")...)
	for body, want := range map[string]int{
		`{"file":"a.csv","rows":3}`: http.StatusAccepted,
		`{"file":"a.csv"}`:          http.StatusBadRequest,
		`{"rows":3}`:                http.StatusBadRequest,
		`[]`:                        http.StatusBadRequest,
	} {
		if status, said := h.do(t, "POST", "/t/acme/imports", "dana", body); status != want {
			t.Errorf("%s is answered with %d %v, want %d", body, status, said, want)
		}
	}
	if status, _ := h.do(t, "POST", "/t/acme/imports", "", `{"file":"a.csv","rows":3}`); status != http.StatusUnauthorized {
		t.Errorf("nobody is answered with %d, want 401", status)
	}
	_, said := h.do(t, "GET", "/t/acme/runs?limit=1", "dana", "")
	id := said["data"].([]any)[0].(map[string]any)["id"].(string)
	r, err := h.tracker.Wait(t.Context(), runs.Ref{Tenant: "acme", ID: id})
	if err != nil {
		t.Fatal(err)
	}
	if r.Outcome != runs.OutcomeSucceeded || r.Counts.Succeeded != 3 || r.Context["process"] != "here" {
		t.Errorf("the run is %s with %+v and %v", r.Outcome, r.Counts, r.Context)
	}
}

func TestSameFileJoins(t *testing.T) {
	h := open(t, flagsOf(t, "-row", "1h", "-grace", "1ms")...)
	const body = `{"file":"a.csv","rows":3}`
	_, first := h.do(t, "POST", "/t/acme/imports", "dana", body)
	status, second := h.do(t, "POST", "/t/acme/imports", "eve", body)
	got := []any{status, second["created"], second["run"].(map[string]any)["id"]}
	want := []any{http.StatusOK, false, first["run"].(map[string]any)["id"]}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("second start (-want +got):\n%s", diff)
	}
}

func TestOptions(t *testing.T) {
	for _, args := range [][]string{
		{},
		{"-db", "postgres://x", "-addr", "0.0.0.0:80"},
		{"-db", "postgres://x", "-workers", "0"},
		{"-db", "postgres://x", "-lease", "1ms"},
		{"-db", "postgres://x", "more"},
		{"-nothing"},
	} {
		if _, err := parseOptions(args, io.Discard); err == nil {
			t.Errorf("%q are accepted", args)
		}
	}
	err := run(t.Context(), []string{"-db", "postgres://u:secret@[broken"}, io.Discard, io.Discard)
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a broken URL is %v", err)
	}
}

// TestStop: a process that is told to stop gives its runs back at once, and
// another one goes on with them; nobody waits for a lease, and no worker was
// lost.
func TestStop(t *testing.T) {
	args := flagsOf(t, "-row", "20ms", "-grace", "100ms", "-lease", "1m", "-workers", "4")
	o, err := parseOptions(args, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	leaver, err := spawn(t.Context(), o, "leaver")
	if err != nil {
		t.Fatal(err)
	}
	defer leaver.kill()
	l := &load{tenant: "acme", to: [2]*process{leaver, leaver}, acknowledged: make(map[string]answer)}
	for n := range 4 {
		l.start(t.Context(), http.DefaultClient, n)
	}
	db, err := openDatabase(t.Context(), o.db)
	if err != nil {
		t.Fatal(err)
	}
	defer db.close()
	awaitRunning(t, db, 4)
	if err := leaver.stop(); err != nil {
		t.Errorf("stop: %v\n%s", err, &leaver.log)
	}

	open(t, args...)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := awaitEnd(ctx, db, l.tenant); err != nil {
		t.Fatal(err)
	}
	a, err := examine(t.Context(), db, l)
	if err != nil {
		t.Fatal(err)
	}
	// An attempt that was given back is no lost worker, so these are the only
	// complaints.
	for _, v := range a.violations {
		if !strings.Contains(v, "took 2 attempts and has lost its worker 0 times") {
			t.Error(v)
		}
	}
	if a.taken != 0 || a.attempts[2] == 0 {
		t.Errorf("%d runs lost their worker, attempts %v; want 0, and some that took 2", a.taken, a.attempts)
	}
}

// awaitRunning waits until n runs are running.
func awaitRunning(t *testing.T, db *database, n int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		tally, err := db.store.Count(t.Context(), runs.Query{Tenant: "acme"}, runs.MaxLimit)
		if err != nil {
			t.Fatal(err)
		}
		if tally.Status[runs.StatusRunning] == n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d runs are running, want %d", tally.Status[runs.StatusRunning], n)
		}
		if err := rest(t.Context(), 5*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDemo kills a process under load.
func TestDemo(t *testing.T) {
	var out, log bytes.Buffer
	err := run(t.Context(), flagsOf(t, "-demo", "-lease", "3s", "-load", "4s", "-patience", "1m"), &out, &log)
	t.Logf("\n%s", &out)
	if err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	for _, want := range []string{"runs started         48 (at one: ", "runs finished        succeeded: 48\n", ", 2: ", "violations           0\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the account does not say %q", want)
		}
	}
}

// TestAccountNotices: what must not happen is a violation.
func TestAccountNotices(t *testing.T) {
	h := open(t, flagsOf(t, "-row", "1ms")...)
	started, err := h.tracker.Start(t.Context(), runs.Request{
		Tenant: "acme", Type: importType, Params: importInput{"a.csv", demoRows}, Initiator: runs.User("dana", ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	id := started.Run.ID
	if _, err := h.tracker.Wait(t.Context(), started.Run.Ref()); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, sql    string
		acknowledged map[string]answer
		want         []string
	}{
		{name: "nothing", acknowledged: map[string]answer{"a.csv": {run: id}}},
		{
			name:         "lost",
			acknowledged: map[string]answer{"a.csv": {run: id}, "b.csv": {run: "gone"}},
			want:         []string{"run gone of b.csv was acknowledged and is not there"},
		},
		{name: "unknown", want: []string{"run " + id + " was started and nobody was told, or started twice"}},
		{
			name:         "another's",
			acknowledged: map[string]answer{"b.csv": {run: id}},
			want:         []string{"run " + id + " is of a.csv, not of b.csv"},
		},
		{
			name:         "row lost",
			sql:          "DELETE FROM imported_rows WHERE row = 'a.csv:00007'",
			acknowledged: map[string]answer{"a.csv": {run: id}},
			want:         []string{"19 rows were imported, not 20"},
		},
		{
			name:         "attempt",
			sql:          "UPDATE operation_runs SET attempt = 2; INSERT INTO imported_rows VALUES ('" + id + "', 'a.csv:00007', 'x', 2)",
			acknowledged: map[string]answer{"a.csv": {run: id}},
			want:         []string{"run " + id + " took 2 attempts and has lost its worker 0 times"},
		},
		{
			name:         "failed",
			sql:          "UPDATE operation_runs SET attempt = 1, outcome = 'failed'",
			acknowledged: map[string]answer{"a.csv": {run: id}},
			want:         []string{"run " + id + " is completed failed with 20 rows"},
		},
	} {
		if _, err := h.db.pool.Exec(t.Context(), tt.sql); err != nil {
			t.Fatal(err)
		}
		a, err := examine(t.Context(), h.db, &load{tenant: "acme", acknowledged: tt.acknowledged})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, a.violations); diff != "" {
			t.Errorf("%s: violations (-want +got):\n%s", tt.name, diff)
		}
	}
}
