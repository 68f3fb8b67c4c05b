package natsruns_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/natsruns"
)

// A broker is a server that can be stopped and started again, with the same
// files and at the same address.
type broker struct {
	opts server.Options
	*server.Server
}

func newBroker(t testing.TB) *broker {
	t.Helper()
	b := &broker{opts: server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true,
	}}
	b.start(t)
	t.Cleanup(b.stop)
	return b
}

func (b *broker) start(t testing.TB) {
	t.Helper()
	opts := b.opts
	s, err := server.NewServer(&opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("NATS does not start")
	}
	b.Server, b.opts.Port = s, opts.Port
}

func (b *broker) stop() {
	b.Shutdown()
	b.WaitForShutdown()
}

func (b *broker) connect(t testing.TB) jetstream.JetStream {
	t.Helper()
	return connect(t, b.ClientURL())
}

// connect returns a connection of its own, as another process has.
func connect(t testing.TB, url string) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // not on the terminal
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// open returns a Dispatcher whose stream is there.
func open(t testing.TB, cfg natsruns.Config) *natsruns.Dispatcher {
	t.Helper()
	d, err := natsruns.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

// work calls Work until the function it returns is called, which waits for it.
func work(t testing.TB, d *natsruns.Dispatcher, claim runs.Claim) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Work(ctx, claim) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Work: %v", err)
		}
	})
}

func dispatch(t testing.TB, d *natsruns.Dispatcher, all ...runs.Ref) {
	t.Helper()
	for _, ref := range all {
		if err := d.Dispatch(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
	}
}

func ref(n int) runs.Ref { return runs.Ref{Tenant: "acme", ID: fmt.Sprint("r", n), Type: "test.run"} }

// await asks until f holds, with pauses.
func await(t testing.TB, what string, f func() bool) {
	t.Helper()
	pause := time.NewTicker(5 * time.Millisecond)
	defer pause.Stop()
	for deadline := time.Now().Add(20 * time.Second); !f(); <-pause.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not happen", what)
		}
	}
}

// receive is <-c, but not forever.
func receive[T any](t testing.TB, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s does not happen", what)
	}
	return v
}

// A logbook is a log that can be read while it is written.
type logbook struct {
	mu  sync.Mutex
	all strings.Builder
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}
