package crashtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
)

// Postmaster kills the server process of a PostgreSQL of its own, cycles times,
// while runs are started and executed, and starts it again. It checks that
// what was acknowledged is there: every start, and every end.
func Postmaster(t *testing.T, s Setup, cycles int) {
	t.Helper()
	cluster, err := sqltest.StartCluster(t.Context())
	if errors.Is(err, sqltest.ErrNoPostgres) && os.Getenv("CI") != "true" {
		t.Skipf("SKIPPED WITHOUT POSTGRESQL: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := cluster.Close(); err != nil {
			t.Error(err)
		}
	}()
	db := sqltest.Open(t, cluster.URL)
	kept := prepare(t, db)
	u := newUsers(t, s, db)
	for n := range cycles {
		u.awaitEnds((n + 1) * 20)
		kill(t, cluster)
	}
	u.awaitEnds((cycles + 1) * 20)
	u.stop()

	began, ended := u.said()
	for id := range began {
		if _, err := kept.Get(t.Context(), runs.Ref{Tenant: "acme", ID: id}); err != nil {
			t.Errorf("run %s was acknowledged: %v", id, err)
		}
	}
	for id, outcome := range ended {
		r, err := kept.Get(t.Context(), runs.Ref{Tenant: "acme", ID: id})
		if err != nil || r.Outcome != outcome {
			t.Errorf("run %s was seen to end as %s, and is %+v, %v", id, outcome, r, err)
		}
	}
	if keys, err := twice(t.Context(), db); err != nil || len(keys) > 0 {
		t.Errorf("keys that two active runs have: %q, %v", keys, err)
	}
	t.Logf("postmaster: %d kills, %d starts acknowledged, %d ends seen, %d calls that failed meanwhile",
		cycles, len(began), len(ended), u.failures)
}

// users start runs and wait for their ends, in this process.
type users struct {
	t      *testing.T
	cancel context.CancelFunc
	group  sync.WaitGroup

	mu       sync.Mutex
	began    map[string]bool
	ended    map[string]runs.Outcome
	failures int
}

func newUsers(t *testing.T, s Setup, db sqltest.DB) *users {
	t.Helper()
	p := newProcess(t, s, db, role{Workers: 4}, &journal{out: new(strings.Builder)})
	ctx, cancel := context.WithCancel(t.Context())
	u := &users{t: t, cancel: cancel, began: map[string]bool{}, ended: map[string]runs.Outcome{}}
	u.group.Go(func() { p.run(ctx) })
	for user := range 4 {
		u.group.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				u.once(ctx, p.tracker, task{Key: user*1_000_000 + n, Items: 3, Pause: time.Millisecond})
			}
		})
	}
	return u
}

// once is one run in the eyes of its user.
func (u *users) once(ctx context.Context, tracker *runs.Tracker, in task) {
	s, err := tracker.Start(ctx, runs.Request{Tenant: "acme", Type: typeWork, Params: in, Initiator: runs.User("dana", "")})
	if err == nil {
		u.note(func() { u.began[s.Run.ID] = true })
		var r *runs.Run
		if r, err = tracker.Wait(ctx, s.Run.Ref()); err == nil {
			u.note(func() { u.ended[r.ID] = r.Outcome })
			return
		}
	}
	if ctx.Err() == nil {
		if !errors.Is(err, runs.ErrStoreUnavailable) {
			u.t.Errorf("while the server was down: %v, want that the store is unavailable", err)
		}
		u.note(func() { u.failures++ })
		_ = pause(ctx, 10*time.Millisecond) // as a user would
	}
}

func (u *users) note(change func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	change()
}

func (u *users) said() (began map[string]bool, ended map[string]runs.Outcome) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.began, u.ended
}

func (u *users) awaitEnds(n int) {
	u.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		u.mu.Lock()
		ended := len(u.ended)
		u.mu.Unlock()
		if ended >= n {
			return
		}
		if time.Now().After(deadline) {
			u.t.Fatalf("only %d of %d runs have ended within a minute", ended, n)
		}
		if err := pause(u.t.Context(), 5*time.Millisecond); err != nil {
			u.t.Fatal(err)
		}
	}
}

func (u *users) stop() {
	u.cancel()
	u.group.Wait()
}

// kill ends the server process of a cluster with SIGKILL and starts it again as
// it was started.
func kill(t *testing.T, cluster *sqltest.Cluster) {
	t.Helper()
	u, err := url.Parse(cluster.URL)
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(u.Query().Get("host"), "data")
	pid, binary, argv, err := postmaster(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	var owner syscall.Stat_t
	if err := syscall.Stat(data, &owner); err != nil {
		t.Fatal(err)
	}
	// The server's other processes notice the death of their parent, and until
	// then a new one refuses to begin.
	for deadline := time.Now().Add(time.Minute); ; {
		cmd := exec.CommandContext(t.Context(), filepath.Join(filepath.Dir(binary), "pg_ctl"),
			"-D", "data", "-w", "-t", "60", "-l", "log", "-o", argv, "start")
		cmd.Dir = filepath.Dir(data)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if os.Geteuid() == 0 {
			cmd.SysProcAttr.Credential = &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}
		}
		said, err := cmd.CombinedOutput()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("start the server again: %v\n%s", err, said)
		}
		if err := pause(t.Context(), 50*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}

// postmaster returns the server process of a data folder, its program, and the
// options it was started with, as a shell would read them.
func postmaster(data string) (pid int, binary, options string, err error) {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return 0, "", "", err
	}
	if _, err := fmt.Sscan(string(text), &pid); err != nil {
		return 0, "", "", err
	}
	if binary, err = os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err != nil {
		return 0, "", "", err
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	argv := strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
	for i := 1; i < len(argv); i++ {
		if argv[i] == "-D" {
			i++ // pg_ctl adds it
			continue
		}
		options += " '" + argv[i] + "'"
	}
	return pid, binary, options, err
}
