package monitor_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

// serveHTTP serves h on the loopback interface, with limits that a stream
// outlives, and returns where.
func serveHTTP(t testing.TB, h http.Handler, stop func()) (address string) {
	t.Helper()
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Second, ReadTimeout: time.Second, WriteTimeout: time.Second}
	server.RegisterOnShutdown(stop)
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown with open streams: %v", err)
		}
		<-done
	})
	return l.Addr().String()
}

// dial opens a stream over a connection of its own, with as little as possible
// on this side, and returns its lines.
func dial(t testing.TB, address, user string) *bufio.Reader {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_, err = conn.Write([]byte("GET /t/acme/events?active=1 HTTP/1.1\r\nHost: x\r\nX-User: " + user + "\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	lines := bufio.NewReaderSize(conn, 512)
	wantLine(t, lines, ": open")
	return lines
}

// wantLine reads up to a line that begins with prefix.
func wantLine(t testing.TB, lines *bufio.Reader, prefix string) {
	t.Helper()
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("no line %q: %v", prefix, err)
		}
		if strings.HasPrefix(line, prefix) {
			return
		}
	}
}

// A stream outlives the limits of the server, and does not keep it from stopping.
func TestStreamOutlivesTheTimeouts(t *testing.T) {
	tracker, api := process(t, memruns.New(), nil)
	lines := dial(t, serveHTTP(t, api, api.Close), "dana")
	time.Sleep(1500 * time.Millisecond) // real time: the limits are the network's
	if _, err := tracker.Start(t.Context(), request("dana")); err != nil {
		t.Fatal(err)
	}
	wantLine(t, lines, "event: run")
	api.Close()
	wantLine(t, lines, `data: {"reason":"shutdown"}`)
}

// A thousand clients in one process: what they need, and how long an event takes
// to reach them.
func TestThousandStreams(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("open", func(t *testing.T) {
		tracker, api := process(t, memruns.New(), nil)
		address := serveHTTP(t, api, api.Close)
		empty := inUse()
		const clients = 1000
		all := make([]*bufio.Reader, clients)
		for i := range all {
			all[i] = dial(t, address, fmt.Sprint("user", i%64))
		}
		used := inUse() - empty
		t.Logf("%d streams use %.1f MiB, the clients' side included", clients, float64(used)/(1<<20))
		if used > 100<<20 {
			t.Errorf("%d streams use %d MiB, want 100 at most", clients, used>>20)
		}
		var late []time.Duration
		var mu sync.Mutex
		began := time.Now()
		if _, err := tracker.Start(t.Context(), request("dana")); err != nil {
			t.Fatal(err)
		}
		stored := time.Since(began)
		var group sync.WaitGroup
		for _, lines := range all {
			group.Go(func() {
				wantLine(t, lines, "event: run")
				mu.Lock()
				defer mu.Unlock()
				late = append(late, time.Since(began))
			})
		}
		group.Wait()
		slices.Sort(late)
		if len(late) == clients {
			t.Logf("start took %v; the event reached half of them within %v, 95 %% within %v, all within %v",
				stored, late[clients/2], late[clients*95/100], late[clients-1])
		}
	})
	for range 200 {
		if runtime.NumGoroutine() <= before+2 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines are left, there were %d", runtime.NumGoroutine(), before)
}

// inUse is the memory of the process for its heap and stacks.
func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// BenchmarkEvent is how long after a start a client is told, in the process that
// started the run and in another one that shares its store.
//
//	go test -run '^$' -bench Event -benchtime 50x ./runs/monitor
func BenchmarkEvent(b *testing.B) {
	for _, name := range []string{"same process", "other process"} {
		b.Run(name, func(b *testing.B) {
			store := memruns.New()
			tracker, api := process(b, store, nil)
			address := serveHTTP(b, api, api.Close)
			if name == "other process" {
				tracker, _ = process(b, store, nil)
			}
			var late []time.Duration
			for i := 0; b.Loop(); i++ {
				lines := dial(b, address, fmt.Sprint("user", i))
				// What is polled for is met at any point of the pause between polls.
				time.Sleep(time.Duration(200+37*i%1500) * time.Millisecond)
				req := request("dana")
				req.Params = map[string]int{"i": i}
				began := time.Now()
				s, err := tracker.Start(b.Context(), req)
				if err != nil {
					b.Fatal(err)
				}
				wantLine(b, lines, `data: {"id":"`+s.Run.ID)
				late = append(late, time.Since(began))
				if _, err := tracker.RequestCancel(b.Context(), s.Run.Ref(), runs.User("dana", ""), ""); err != nil {
					b.Fatal(err)
				}
			}
			slices.Sort(late)
			b.ReportMetric(float64(late[len(late)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(late[len(late)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
}
