package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
)

// demoRows is how many rows an import of the demonstration has.
const demoRows = 20

// demonstrate has two processes execute runs on one database, kills the first
// of them, and prints what became of the runs. Everything that should not be is
// an error.
func demonstrate(ctx context.Context, o *options, out, log io.Writer) (err error) {
	if o.db == "" {
		cluster, err := sqltest.StartCluster(ctx)
		if err != nil {
			return err
		}
		defer cluster.Close()
		o.db = cluster.URL
	}
	db, err := openDatabase(ctx, o.db)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close()) }()
	var both [2]*process
	for i, name := range []string{"one", "two"} {
		if both[i], err = spawn(ctx, o, name); err != nil {
			return err
		}
		defer both[i].kill()
	}
	victim, survivor := both[0], both[1]
	fmt.Fprintf(out, "two processes on one PostgreSQL, %d runs at a time in each; lease %v\n", o.workers, o.lease)
	fmt.Fprintf(out, "%d starts a second for %v, each an import of %d rows that take %v\n", o.rate, o.load, demoRows, o.row)

	l := &load{tenant: fmt.Sprint("demo-", time.Now().Unix()), to: both, acknowledged: make(map[string]answer)}
	loaded := make(chan error, 1)
	go func() { loaded <- l.run(ctx, o.rate, o.load) }()
	if err := rest(ctx, o.load/2); err != nil {
		return err
	}
	killed := time.Now()
	victim.kill()
	fmt.Fprintf(out, "after %v: kill -9 of %s\n\n", o.load/2, victim.name)
	if err := <-loaded; err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, o.howLong)
	defer cancel()
	late := awaitEnd(waiting, db, l.tenant)
	stopped := survivor.stop()
	a, err := examine(ctx, db, l)
	if err != nil {
		return err
	}
	a.check("all runs end", late)
	a.check(survivor.name+" stops when it is told to", stopped)
	a.print(out, victim.name, killed)
	if len(a.violations) > 0 {
		_, _ = survivor.log.WriteTo(log)
		return fmt.Errorf("%d violations", len(a.violations))
	}
	return nil
}

// A process is this program, once more.
type process struct {
	name string
	base string // of its URLs
	cmd  *exec.Cmd
	log  bytes.Buffer // read it when the process has ended
	end  func() error // waits for its end, once
}

// spawn starts a process and waits until it listens.
func spawn(ctx context.Context, o *options, name string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{name: name}
	p.cmd = exec.CommandContext(ctx, self, "-db", o.db, "-river-schema", o.schema, "-name", name,
		"-workers", fmt.Sprint(o.workers), "-row", o.row.String(), "-lease", o.lease.String(), "-grace", o.grace.String())
	p.cmd.Stderr = &p.log
	out, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n') // it is looked at below
	p.end = sync.OnceValue(func() error {
		_, _ = io.Copy(io.Discard, out)
		return p.cmd.Wait()
	})
	if _, err := fmt.Sscanf(line, "listening on %s", &p.base); err != nil {
		p.kill()
		return nil, fmt.Errorf("%s does not listen:\n%s", name, &p.log)
	}
	return p, nil
}

// kill ends the process as a machine that loses power does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // unless it has ended
	_ = p.end()
}

// stop lets the process finish.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.end()
}

// A load starts runs at both processes in turn. One that does not answer is
// left for the other, with the same request: its key makes sure that it counts
// once.
type load struct {
	tenant string
	to     [2]*process

	mu           sync.Mutex
	acknowledged map[string]answer // by file
	again        int               // requests that were sent to the other process
}

// An answer is what a process has said to a request.
type answer struct{ run, by string }

func (l *load) run(ctx context.Context, perSecond int, d time.Duration) error {
	client := &http.Client{Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	var all sync.WaitGroup
	defer all.Wait()
	for n := range int(d.Seconds() * float64(perSecond)) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		all.Go(func() { l.start(ctx, client, n) })
	}
	return nil
}

// start requests an import until somebody has said that it is started.
func (l *load) start(ctx context.Context, client *http.Client, n int) {
	file := fmt.Sprintf("report-%04d.csv", n)
	for tries := 0; ctx.Err() == nil; tries++ {
		p := l.to[(n+tries)%len(l.to)]
		id, err := request(ctx, client, p.base+apiBase+"/t/"+l.tenant+"/imports", file)
		l.mu.Lock()
		if err == nil {
			l.acknowledged[file] = answer{run: id, by: p.name}
		} else {
			l.again++
		}
		l.mu.Unlock()
		if err == nil || rest(ctx, 100*time.Millisecond) != nil {
			return
		}
	}
}

func request(ctx context.Context, client *http.Client, url, file string) (id string, err error) {
	body, err := json.Marshal(importInput{File: file, Rows: demoRows})
	if err != nil {
		return "", err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("X-User", "dana")
	r.Header.Set("Idempotency-Key", file)
	resp, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var said struct {
		Run struct{ ID string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil {
		return "", err
	}
	if resp.StatusCode >= http.StatusBadRequest || said.Run.ID == "" {
		return "", errors.New(resp.Status)
	}
	return said.Run.ID, nil
}

// awaitEnd waits until no run of the tenant is active.
func awaitEnd(ctx context.Context, db *database, tenant string) error {
	for {
		tally, err := db.store.Count(ctx, runs.Query{Tenant: tenant}, runs.MaxLimit)
		if err == nil && tally.Status[runs.StatusQueued]+tally.Status[runs.StatusRunning] == 0 {
			return nil
		}
		if err := rest(ctx, 100*time.Millisecond); err != nil {
			return errors.New("some are active after all this time")
		}
	}
}

func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
