package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asProcess makes the test binary the program itself.
const asProcess = "TENANTATLAS_HOST_PROCESS"

func TestMain(m *testing.M) {
	if os.Getenv(asProcess) != "" {
		main()
		return
	}
	// The keys that hosts make do not belong into the folder of who runs the tests.
	dir, err := os.MkdirTemp("", "tenantatlas-test-")
	if err == nil {
		err = os.Setenv("XDG_CONFIG_HOME", dir)
	}
	if err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// A process is a host in a process of its own.
type process struct {
	cmd   *exec.Cmd
	out   *bufio.Reader
	log   *buffer
	ended chan error
}

// startProcess starts the demo, whose runs go on for hours.
func startProcess(t *testing.T) (*process, *client) {
	t.Helper()
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(os.Args[0], "-addr", "127.0.0.1:0"), out: bufio.NewReader(out), log: &buffer{}, ended: make(chan error, 1)}
	p.cmd.Env = append(os.Environ(), asProcess+"=1")
	p.cmd.Stdout, p.cmd.Stderr = in, p.log
	err = p.cmd.Start()
	in.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // if it has not ended
		out.Close()
	})
	go func() { p.ended <- p.cmd.Wait() }()
	line, err := p.out.ReadString('\n')
	base, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		t.Fatalf("the first line is %q, %v\n%s", line, err, p.log.b.String())
	}
	c := &client{t, base, &http.Client{}}
	for n := 0; n < 2; { // until the demo's own runs have begun
		var list struct{ Data []runJSON }
		c.do("", "GET", runsOf+"?status=running&type=demo.rehearsal", "", &list)
		n = len(list.Data)
	}
	return p, c
}

// stream opens a stream of events.
func (c *client) stream() *bufio.Reader {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), "GET", c.base+"/ops/api/t/contoso/events?active=1", nil)
	if err != nil {
		c.t.Fatal(err)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = resp.Body.Close() })
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		c.t.Fatalf("the stream is %d %v", resp.StatusCode, resp.Header)
	}
	return bufio.NewReader(resp.Body)
}

// Ctrl-C ends streams at once, with a word, and lets running work go on for ten
// seconds; then the program ends without an error.
func TestStopOnce(t *testing.T) {
	t.Parallel()
	p, c := startProcess(t)
	events := c.stream()
	if _, err := events.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	interrupted := time.Now()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(events)
	if err != nil || !strings.Contains(string(said), "event: bye") {
		t.Errorf("the stream ends with %v after\n%s", err, said)
	}
	select {
	case err := <-p.ended:
		t.Fatalf("the work had no time: %v\n%s", err, p.log.b.String())
	default:
	}
	streams := time.Since(interrupted)
	if err := <-p.ended; err != nil {
		t.Errorf("the program: %v\n%s", err, p.log.b.String())
	}
	if took := time.Since(interrupted); took < 9*time.Second {
		t.Errorf("the program has ended after %v, want 10 s for its work", took)
	}
	t.Logf("streams ended after %v, the program after %v", streams, time.Since(interrupted))
	rest, err := io.ReadAll(p.out)
	if err != nil || !strings.Contains(string(rest), "stopping: ") {
		t.Errorf("it says %q, %v", rest, err)
	}
	for line := range strings.SplitSeq(p.log.b.String(), "\n") {
		if strings.Contains(line, `"level":"ERROR"`) {
			t.Errorf("the log has %s", line)
		}
	}
}

// The second Ctrl-C ends the program at once.
func TestStopTwice(t *testing.T) {
	t.Parallel()
	p, _ := startProcess(t)
	interrupted := time.Now()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for {
		line, err := p.out.ReadString('\n')
		if err != nil {
			t.Fatalf("it says nothing: %v", err)
		}
		if strings.HasPrefix(line, "stopping: ") {
			break
		}
	}
	for again := true; again; { // the first may be under way yet
		_ = p.cmd.Process.Signal(os.Interrupt)
		select {
		case err := <-p.ended:
			t.Log(err)
			again = false
		case <-time.After(50 * time.Millisecond):
		}
	}
	if ws, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !ws.Signaled() {
		t.Errorf("the program has ended with %v, want by the signal", p.cmd.ProcessState)
	}
	if took := time.Since(interrupted); took > 9*time.Second {
		t.Errorf("the program has ended after %v, want at once", took)
	}
}
