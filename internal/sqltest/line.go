package sqltest

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Line is what the connections to a server go through. It may be as bad as a
// test wants it.
type Line struct {
	network, address string // of the server

	mu      sync.Mutex
	quality Quality
	changed chan struct{} // closed when quality changes
	conns   map[net.Conn]bool
}

// A Quality says what is wrong with a [Line]. The zero value is a good one.
type Quality struct {
	Cut     bool          // connections end, and new ones are not made
	Silent  bool          // nothing arrives any more
	Latency time.Duration // of each piece of 1 KiB or less, in each direction
}

// Through opens a [DB.DSN] of PostgreSQL once more, over a Line.
func Through(t testing.TB, dsn string) (DB, *Line) {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	l := &Line{changed: make(chan struct{}), conns: map[net.Conn]bool{}}
	l.network, l.address = "tcp", net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
	if filepath.IsAbs(config.Host) {
		l.network, l.address = "unix", filepath.Join(config.Host, ".s.PGSQL."+strconv.Itoa(int(config.Port)))
	}
	dir, err := os.MkdirTemp("", "line-") //nolint:usetesting // the name of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, ".s.PGSQL.5432"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() { l.accept(listener, &all) })
	t.Cleanup(func() {
		listener.Close()
		l.Set(Quality{Cut: true})
		all.Wait()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = ""
	q := u.Query()
	q.Set("host", dir)
	q.Set("port", "5432")
	q.Set("sslmode", "disable")
	u.RawQuery = q.Encode()
	return Open(t, u.String()), l
}

// Set makes the line as good as q says, from now on.
func (l *Line) Set(q Quality) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.quality = q
	close(l.changed)
	l.changed = make(chan struct{})
	if q.Cut {
		for c := range l.conns {
			c.Close()
		}
		clear(l.conns)
	}
}

func (l *Line) accept(listener net.Listener, all *sync.WaitGroup) {
	for {
		here, err := listener.Accept()
		if err != nil {
			return
		}
		there, err := net.Dial(l.network, l.address) //nolint:noctx // it is there
		if err != nil || !l.add(here, there) {
			here.Close()
			if there != nil {
				there.Close()
			}
			continue
		}
		all.Go(func() { l.carry(here, there) })
		all.Go(func() { l.carry(there, here) })
	}
}

// add notes the two ends of a connection, unless the line is cut.
func (l *Line) add(here, there net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.quality.Cut {
		l.conns[here], l.conns[there] = true, true
	}
	return !l.quality.Cut
}

// carry carries what comes from one end to the other, until either is closed.
func (l *Line) carry(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	piece := make([]byte, 1<<10)
	for {
		n, err := from.Read(piece)
		if n > 0 && l.delay() {
			_, err = to.Write(piece[:n])
		}
		if err != nil {
			return
		}
	}
}

// delay waits as the line does, and reports whether it is not cut.
func (l *Line) delay() bool {
	for {
		l.mu.Lock()
		q, changed := l.quality, l.changed
		l.mu.Unlock()
		switch {
		case q.Cut:
			return false
		case q.Silent:
			<-changed
			continue
		case q.Latency > 0:
			select {
			case <-changed:
				continue
			case <-time.After(q.Latency):
			}
		}
		return true
	}
}
