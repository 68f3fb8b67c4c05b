//go:build unix

// Package graphbench is for benchmarks of what reads from Graph. The server is in
// a process of its own, so that what is measured is the reader's alone.
package graphbench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/metrics"
	"syscall"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

// Tenant is the tenant that servers have.
const Tenant = "contoso"

// serveVariable makes a test binary a Graph server.
const serveVariable = "TENANTATLAS_TEST_SERVE"

// Main is to be called by TestMain of packages whose benchmarks call [Start]. Fill
// puts n objects of some form into the tenant of a server.
func Main(m *testing.M, fill func(t *graphtest.Tenant, form string, n int) error) int {
	what := os.Getenv(serveVariable)
	if what == "" {
		return m.Run()
	}
	if err := serve(what, fill); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// serve serves until its input ends.
func serve(what string, fill func(t *graphtest.Tenant, form string, n int) error) error {
	var n int
	var form string
	if _, err := fmt.Sscanf(what, "%s %d", &form, &n); err != nil {
		return fmt.Errorf("what to serve: %w", err)
	}
	server, err := graphtest.New(graphtest.Config{Tenants: []string{Tenant}, NoGzip: true, LogSize: -1})
	if err != nil {
		return err
	}
	if err := fill(server.Tenant(Tenant), form, n); err != nil {
		return err
	}
	token, err := server.IssueToken(graphtest.Grant{Tenant: Tenant})
	if err != nil {
		return err
	}
	url, err := server.Start()
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stdout, url, token)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// A Server is a Graph server in another process.
type Server struct {
	URL, Token string
	Transport  *http.Transport
	Client     *graphclient.Client // is not paced: what is measured is work, not waiting
}

// Start starts a server with n objects of some form. It lives as long as b.
func Start(b *testing.B, form string, n int) *Server {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", serveVariable, form, n))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	s := &Server{Transport: graphclient.NewTransport()}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	if _, err := fmt.Sscan(line, &s.URL, &s.Token); err != nil {
		b.Fatal(err)
	}
	limiter, err := graphclient.NewLimiter(graphclient.LimiterConfig{Limit: func(contract.Bucket) contract.Limit {
		return contract.Limit{Window: time.Second, Writes: 1e6, Requests: 1e6, TenantWrites: 1e6, TenantRequests: 1e6}
	}})
	if err != nil {
		b.Fatal(err)
	}
	s.Client, err = graphclient.New(graphclient.Config{
		Tenant: Tenant, Tokens: token(s.Token), Cloud: graphclient.Cloud{Graph: s.URL, Login: s.URL},
		Transport: s.Transport, Limiter: limiter,
	})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

type token string

func (t token) Token(context.Context, graphclient.TokenRequest) (graphclient.Token, error) {
	return graphclient.Token{Value: graphclient.NewSecret(string(t))}, nil
}

// cpu returns what this process has used so far.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// ReportCPU reports the processor time that f uses for each of n objects, and how
// many there are in a second while the server shares the processors.
func ReportCPU(b *testing.B, n int, f func()) {
	b.Helper()
	runtime.GC()
	start := cpu()
	for b.Loop() {
		f()
	}
	objects := float64(n * b.N)
	b.ReportMetric(float64((cpu()-start).Nanoseconds())/1000/objects, "cpu-µs/object")
	b.ReportMetric(objects/b.Elapsed().Seconds(), "objects/s")
}

// ReportMemory reports the most memory that the process has of the system while f
// runs, and what it keeps then, above what it has before. Forget is called before
// each f.
func ReportMemory(b *testing.B, forget, f func()) {
	b.Helper()
	var peak, idle uint64
	for b.Loop() {
		forget()
		runtime.GC()
		idle = inUse()
		stop := watch(&peak)
		f()
		stop()
	}
	b.ReportMetric(float64(peak-idle)/(1<<20), "peak-MiB")
	runtime.GC()
	b.ReportMetric(float64(max(inUse(), idle)-idle)/(1<<20), "kept-MiB")
}

// inUse returns the memory that the runtime has of the system.
func inUse() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64() - samples[2].Value.Uint64()
}

// watch keeps the largest value of inUse in peak until it is stopped.
func watch(peak *uint64) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			*peak = max(*peak, inUse())
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}
