// Command host is the reference host: a small HTTP server that wires the
// packages of this module together. Without flags it shows a demo that needs
// neither a database nor a network:
//
//	go run ./examples/host
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/runs/prune"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, errUsage):
		os.Exit(2) // the flag package has said why
	case err != nil:
		fmt.Fprintln(os.Stderr, "host:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends. Its first line on out is the address.
func run(ctx context.Context, args []string, env func(string) string, out, log io.Writer) error {
	opts, err := parseOptions(args, env, log)
	if errors.Is(err, flag.ErrHelp) {
		return nil // it was given
	}
	if err != nil {
		return err
	}
	h, err := newHost(ctx, opts, newLogger(log))
	if err != nil {
		return err
	}
	defer h.close()
	listener, err := listen(ctx, opts)
	if err != nil {
		return err
	}
	base := "http://" + listener.Addr().String()
	fmt.Fprintln(out, "listening on", base)
	fmt.Fprintf(out, "  %s%s/\n", base, opsBase)
	for _, t := range opts.tenants {
		fmt.Fprintf(out, "  %s/t/%s/inventory\n", base, t.name)
	}

	// Runs end after the server: a start that was answered has its run.
	trackerCtx, stopTracker := context.WithCancel(context.WithoutCancel(ctx))
	var daily sync.WaitGroup
	defer daily.Wait()
	defer stopTracker() // before the wait
	ended := make(chan error, 1)
	go func() { ended <- h.tracker.Run(trackerCtx) }()
	daily.Go(func() { h.daily(trackerCtx, prune.Daily) })
	daily.Go(func() { h.daily(trackerCtx, notify.DailyPrune) })
	if err := h.seed(ctx); err != nil {
		return fmt.Errorf("seed the demo: %w", err)
	}
	err = serve(ctx, listener, h.handler(), func() {
		fmt.Fprintln(out, "stopping: running work gets 10 s; press Ctrl-C again to end at once")
		h.hub.Close()
		h.api.Close()
	})
	stopTracker()
	return errors.Join(err, <-ended)
}

// listen takes the address that was asked for, or the next free one if none
// was.
func listen(ctx context.Context, opts *options) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", opts.addr)
	for port := 8081; err != nil && !opts.addrGiven && port < 8181; port++ {
		l, err = lc.Listen(ctx, "tcp", fmt.Sprint("127.0.0.1:", port))
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w; choose another address with -addr", opts.addr, err)
	}
	return l, nil
}

// serve answers requests until ctx ends. Then it calls stopping, which ends what
// would go on for long, and lets the other requests that are under way finish.
func serve(ctx context.Context, l net.Listener, h http.Handler, stopping func()) error {
	server := newServer(h)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	stopping()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if server.Shutdown(grace) != nil {
		return server.Close() // a client that does not read is cut off
	}
	return nil
}

// newServer returns a server that no client can hold up. Streams of events and
// long polls move the deadlines of their connections themselves.
func newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
	}
}
