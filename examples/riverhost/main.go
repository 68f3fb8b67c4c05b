// Command riverhost is a service that runs as any number of processes on one
// PostgreSQL. Each of them starts runs, executes what any of them has started,
// and takes over what one that died has left. See docs/scaling.md.
//
//	go run . -postgres             # a throw-away PostgreSQL; it says its URL
//	go run . -db URL -name one     # in a second terminal
//	go run . -db URL -name two     # in a third
//
// With -demo it does all of that by itself, kills one of two processes under
// load, and says what became of the runs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, errUsage):
		os.Exit(2) // the flag package has said why
	case err != nil:
		fmt.Fprintln(os.Stderr, "riverhost:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage")

// options are the flags.
type options struct {
	demo     bool
	postgres bool

	db      string
	schema  string
	addr    string
	name    string
	workers int
	row     time.Duration
	lease   time.Duration
	grace   time.Duration

	rate    int
	load    time.Duration
	howLong time.Duration
}

func parseOptions(args []string, out io.Writer) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("riverhost", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.BoolVar(&o.postgres, "postgres", false, "start a throw-away PostgreSQL from installed binaries, and nothing else")
	flags.BoolVar(&o.demo, "demo", false, "start PostgreSQL and two processes, kill one of them under load, and say what happened")
	flags.StringVar(&o.db, "db", "", "`URL` of the PostgreSQL database; required, except with -demo, which then starts one")
	flags.StringVar(&o.schema, "river-schema", "runs_river", "where River's tables are: another one for every service in the database")
	flags.StringVar(&o.addr, "addr", "127.0.0.1:0", "where to listen; everybody is let in, so it must be a loopback address")
	flags.StringVar(&o.name, "name", fmt.Sprint("pid", os.Getpid()), "what runs say of where they were executed")
	flags.IntVar(&o.workers, "workers", 16, "how many runs this process executes at a time")
	flags.DurationVar(&o.row, "row", 50*time.Millisecond, "how long a row of an import takes")
	flags.DurationVar(&o.lease, "lease", 30*time.Second, "how long a process may be silent before its runs are taken over")
	flags.DurationVar(&o.grace, "grace", 10*time.Second, "how long runs may go on when the process is to stop")
	flags.IntVar(&o.rate, "rate", 12, "with -demo: starts in a second")
	flags.DurationVar(&o.load, "load", 20*time.Second, "with -demo: for how long runs are started; the kill is in the middle")
	flags.DurationVar(&o.howLong, "patience", 5*time.Minute, "with -demo: how long the runs may take to end")
	if err := flags.Parse(args); err != nil {
		return nil, errUsage
	}
	if err := o.check(flags.NArg()); err != nil {
		fmt.Fprintln(out, "riverhost:", err)
		flags.Usage()
		return nil, errUsage
	}
	return o, nil
}

func (o *options) check(rest int) error {
	host, _, err := net.SplitHostPort(o.addr)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("everybody is let in, so -addr must be a loopback address, not %s", o.addr)
	}
	switch {
	case rest > 0:
		return errors.New("there are only flags")
	case o.db == "" && !o.demo && !o.postgres:
		return errors.New("-db is missing; -postgres starts a database")
	case o.workers < 1 || o.rate < 1 || o.row < 0 || o.lease < time.Second || o.grace <= 0 || o.load <= 0:
		return errors.New("-workers and -rate must be at least 1, -lease 1s, and no duration may be negative")
	}
	return nil
}

func run(ctx context.Context, args []string, out, log io.Writer) error {
	o, err := parseOptions(args, log)
	switch {
	case err != nil:
		return err
	case o.postgres:
		return servePostgres(ctx, out)
	case o.demo:
		return demonstrate(ctx, o, out, log)
	}
	h, err := newHost(ctx, o, slog.New(slog.NewTextHandler(log, nil)).With("process", o.name))
	if err != nil {
		return err
	}
	defer h.close()
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", o.addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	fmt.Fprintf(out, "listening on http://%s as %s, process %d\n", listener.Addr(), o.name, os.Getpid())

	// Runs end after the server: a start that was answered has its run.
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- h.tracker.Run(working) }()
	err = serve(ctx, listener, h.handler())
	fmt.Fprintf(out, "stopping: running work gets %v; what is left is for the others\n", o.grace)
	stop()
	return errors.Join(err, <-ended)
}

// servePostgres has a PostgreSQL until ctx ends.
func servePostgres(ctx context.Context, out io.Writer) error {
	cluster, err := sqltest.StartCluster(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s\nCtrl-C stops it and removes it.\n", cluster.URL)
	<-ctx.Done()
	return cluster.Close()
}

// serve answers requests until ctx ends, and lets those that are under way
// finish.
func serve(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		WriteTimeout:      90 * time.Second, // a long poll takes up to a minute
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		return fmt.Errorf("shut down: %w", err)
	}
	return nil
}
