//go:build unix

package natsruns_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/tenantatlas/tenantatlas/internal/crashtest"
	"github.com/tenantatlas/tenantatlas/internal/enginetest"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/natsruns"
)

// envServer is the environment variable with the address of the server that
// the processes of a crash test share.
const envServer = "NATSRUNS_TEST_SERVER"

// carried has the runs of crash tests carried by a server that outlives its
// clients.
func carried(t *testing.T) crashtest.Setup {
	t.Helper()
	return crashtest.Setup{Dispatcher: func(t testing.TB, _ sqltest.DB, workers int) runs.Dispatcher {
		t.Helper()
		return open(t, natsruns.Config{JetStream: connect(t, os.Getenv(envServer)), Workers: workers})
	}}
}

// withServer gives a crash test the server that its processes find.
func withServer(t *testing.T) {
	t.Helper()
	t.Setenv(envServer, newBroker(t).ClientURL())
}

// TestCrash kills processes that JetStream carries runs between.
func TestCrash(t *testing.T) {
	if crashtest.Child(t, carried(t)) {
		return
	}
	withServer(t)
	sum := crashtest.Run(t, sqltest.Postgres(t), carried(t), crashtest.Kills(50))
	if sum.Rescues == 0 || sum.Joined == 0 {
		t.Errorf("nothing was rescued or joined: %+v", sum)
	}
}

func TestPoison(t *testing.T) {
	if crashtest.Child(t, carried(t)) {
		return
	}
	withServer(t)
	crashtest.Poison(t, sqltest.Postgres(t), carried(t))
}

func TestSuspend(t *testing.T) {
	if crashtest.Child(t, carried(t)) {
		return
	}
	withServer(t)
	// What the process was about to do when it was stopped it does.
	if late := crashtest.Suspend(t, sqltest.Postgres(t), carried(t)); late > 1 {
		t.Errorf("%d effects after the lease was lost", late)
	}
}

func TestTerminate(t *testing.T) {
	if crashtest.Child(t, carried(t)) {
		return
	}
	withServer(t)
	crashtest.Terminate(t, sqltest.Postgres(t), carried(t))
}

// envFiles is the environment variable with the folder and the port of the
// server that a test is to be.
const envFiles = "NATSRUNS_TEST_FILES"

// A serverProcess can be killed.
type serverProcess struct {
	cmd   *exec.Cmd
	stdin io.Closer // whose end is the end of the process
	url   string
}

// serve makes this process a server, if it was started as one.
func serve(t *testing.T) bool {
	t.Helper()
	files := os.Getenv(envFiles)
	if files == "" {
		return false
	}
	dir, port, _ := strings.Cut(files, "#")
	b := &broker{opts: server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true,
	}}
	if _, err := fmt.Sscan(port, &b.opts.Port); err != nil {
		t.Fatal(err)
	}
	b.start(t)
	fmt.Println(b.ClientURL())
	_, _ = io.Copy(io.Discard, os.Stdin) // the parent is gone
	b.stop()
	return true
}

// serveIn starts a server process with the files in dir; a port of -1 is any.
func serveIn(t *testing.T, dir string, port int) *serverProcess {
	t.Helper()
	s := &serverProcess{cmd: exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")}
	s.cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s#%d", envFiles, dir, port))
	in, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.stdin = in
	said := bufio.NewReader(out)
	if s.url, err = said.ReadString('\n'); err != nil || !strings.HasPrefix(s.url, "nats://") {
		t.Fatalf("the server process said %q, %v", s.url, err)
	}
	s.url = strings.TrimSpace(s.url)
	go func() { _, _ = io.Copy(io.Discard, said) }()
	return s
}

// kill ends the process with SIGKILL.
func (s *serverProcess) kill(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = s.cmd.Wait() // it says that it was killed
}

// TestKilledServer kills the server while runs are started, and starts it again
// with its files or, each second time, with none of them. Every start gets a run;
// those that the dispatcher has accepted are executed once, whatever the server
// has forgotten, and the others have failed.
func TestKilledServer(t *testing.T) {
	if serve(t) {
		return
	}
	dir := t.TempDir()
	current := serveIn(t, filepath.Join(dir, "0"), -1)
	defer func() { current.kill(t) }()
	port := portOf(t, current.url)
	store := memruns.New()
	count := new(enginetest.Tally)
	var trackers []*runs.Tracker
	for _, name := range []string{"first", "second"} {
		d := open(t, natsruns.Config{JetStream: connect(t, current.url), Workers: 4})
		trackers = append(trackers, enginetest.Track(t, store, d, count.Handler(name)))
	}
	const n, kills = 600, 4
	var through atomic.Int64
	started := make(chan []runs.Started, 1)
	go func() { started <- enginetest.StartAll(t, trackers, n, &through) }()
	for i := range kills {
		enginetest.Await(t, "start", func() bool { return through.Load() > int64(i*n/kills) })
		current.kill(t)
		files := filepath.Join(dir, fmt.Sprint(i/2)) // every second time they are others
		current = serveIn(t, files, port)
		open(t, natsruns.Config{JetStream: connect(t, current.url)}) // as whoever replaces a server does
	}
	enginetest.ExecutedOnce(t, trackers[0], enginetest.Receive(t, "start of all", started), count)
}

func portOf(t *testing.T, url string) (port int) {
	t.Helper()
	if _, err := fmt.Sscan(url[strings.LastIndex(url, ":")+1:], &port); err != nil {
		t.Fatal(err)
	}
	return port
}

// patient has runs wait for a server that is away, where Start would fail them.
type patient struct{ *natsruns.Dispatcher }

func (p patient) Dispatch(ctx context.Context, ref runs.Ref) error {
	err := p.Dispatcher.Dispatch(ctx, ref)
	if errors.Is(err, context.DeadlineExceeded) {
		return runs.ErrFull
	}
	return err
}

// TestPatience: what doc.go says about waiting for a server does.
func TestPatience(t *testing.T) {
	broker := newBroker(t)
	count := new(enginetest.Tally)
	tracker := enginetest.Track(t, memruns.New(), patient{open(t, natsruns.Config{JetStream: broker.connect(t), Workers: 4})}, count.Handler("only"))
	broker.stop()
	s, err := tracker.Start(t.Context(), enginetest.Request(1))
	if err != nil || s.Run.Status != runs.StatusQueued {
		t.Fatalf("Start without a server: %+v, %v, want it queued", s.Run, err)
	}
	broker.start(t)
	enginetest.Succeeded(t, tracker, s.Run.Ref())
	if got := count.Of(1); got != 1 {
		t.Errorf("executed %d times, want once", got)
	}
}
