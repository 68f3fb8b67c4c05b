package sqltest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNoPostgres is reported by [StartCluster] on a machine that has no
// PostgreSQL to start.
var ErrNoPostgres = errors.New("no PostgreSQL binaries in PATH or /usr/lib/postgresql, and no " + EnvURL)

// Quick returns the settings of a server for tests. It does not wait for the
// disk, and so creates and drops the tables of a test in a sixth of the time;
// it still keeps what it has committed when its processes are killed, though
// not when the machine stops. It gathers no statistics unasked, or plans would
// depend on when.
func Quick() []string { return []string{"fsync=off", "autovacuum=off"} }

// A Cluster is a PostgreSQL server in a temporary folder. It listens on a
// socket in there, which nobody but its user and root can reach, and keeps
// what it commits through a crash as any other would, unless its settings say
// otherwise.
type Cluster struct {
	URL string // of a superuser without a password

	alive io.Closer
	guard *exec.Cmd
}

// guardScript outlives this process, however that ends: its standard input is
// closed then, and it stops the server and removes the folder.
const guardScript = `
cd "$2" || exit 1
"$1/initdb" --no-sync -D data -U tenantatlas -A trust -E UTF8 --locale=C >log 2>&1 &&
"$1/pg_ctl" -D data -w -t 60 -l log -o "-k '$2' -c listen_addresses='' -c max_connections=300$3" start >>log 2>&1 &&
echo started || tail -n 20 log
read -r _
"$1/pg_ctl" -D data -m immediate stop >>log 2>&1
cd / && rm -rf "$2"
`

// StartCluster starts a server with settings such as those of [Quick] and waits until
// it answers. Started by root, it runs as the user postgres or nobody.
func StartCluster(ctx context.Context, settings ...string) (*Cluster, error) {
	bin, err := findBinaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "tenantatlas-pg-")
	if err != nil {
		return nil, err
	}
	attr, err := unprivileged(dir)
	if err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	var options strings.Builder
	for _, s := range settings {
		options.WriteString(" -c " + s)
	}
	// The end of ctx is not the end of the server.
	guard := exec.CommandContext(context.WithoutCancel(ctx), "/bin/sh", "-c", guardScript, "sh", bin, dir, options.String())
	guard.Dir = "/"
	guard.SysProcAttr = attr
	alive, err := guard.StdinPipe()
	if err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	said, err := guard.StdoutPipe()
	if err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	if err := guard.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start PostgreSQL: %w", err), os.Remove(dir))
	}
	c := &Cluster{URL: clusterURL(dir), alive: alive, guard: guard}
	if err := awaitStart(ctx, said); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Close stops the server and waits until its folder is removed.
func (c *Cluster) Close() error {
	return errors.Join(c.alive.Close(), c.guard.Wait())
}

func clusterURL(dir string) string {
	u := url.URL{Scheme: "postgres", User: url.User("tenantatlas"), Path: "/postgres"}
	u.RawQuery = url.Values{"host": {dir}, "sslmode": {"disable"}}.Encode()
	return u.String()
}

func awaitStart(ctx context.Context, said io.ReadCloser) error {
	stop := context.AfterFunc(ctx, func() { said.Close() })
	defer stop()
	defer said.Close()
	lines := bufio.NewScanner(said)
	var log []string
	for lines.Scan() {
		if lines.Text() == "started" {
			return nil
		}
		log = append(log, lines.Text())
	}
	return fmt.Errorf("start PostgreSQL: %w", errors.Join(ctx.Err(), errors.New(strings.Join(log, "\n"))))
}

// findBinaries returns the folder of initdb and pg_ctl: of those in PATH, or
// the newest that Debian keeps outside it.
func findBinaries() (string, error) {
	dirs := filepath.SplitList(os.Getenv("PATH"))
	debian, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	slices.SortFunc(debian, func(a, b string) int { // 9 before 15
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(b, a)
	})
	for _, dir := range append(dirs, debian...) {
		if executable(dir, "initdb") && executable(dir, "pg_ctl") && executable(dir, "postgres") {
			return dir, nil
		}
	}
	return "", ErrNoPostgres
}

func executable(dir, name string) bool {
	info, err := os.Stat(filepath.Join(dir, name))
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
