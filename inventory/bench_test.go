//go:build unix

package inventory_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/metrics"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/graphsource"
	"github.com/tenantatlas/tenantatlas/inventory/meminventory"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

// serveVariable makes the test binary a Graph server, so that what a
// benchmark measures of its own process is the client's alone.
const serveVariable = "TENANTATLAS_TEST_SERVE"

func TestMain(m *testing.M) {
	if size := os.Getenv(serveVariable); size != "" {
		if err := serve(size); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serve serves so many objects of 4 KB, as "listed" or "catalog", until its
// input ends.
func serve(what string) error {
	var n int
	var form string
	if _, err := fmt.Sscanf(what, "%s %d", &form, &n); err != nil {
		return err
	}
	doc := graphtest.Document{}
	for i := range n {
		switch form {
		case "listed":
			doc[conditional] = append(doc[conditional], listedPolicy(i))
		default:
			doc[policies] = append(doc[policies], policy(fmt.Sprintf("%08d-0000-4000-8000-000000000000", i), fmt.Sprint("Policy ", i), 14))
		}
	}
	server, err := graphtest.New(graphtest.Config{Tenants: []string{contoso}, NoGzip: true, LogSize: -1})
	if err != nil {
		return err
	}
	if err := server.Tenant(contoso).LoadDocument(doc); err != nil {
		return err
	}
	token, err := server.IssueToken(graphtest.Grant{Tenant: contoso})
	if err != nil {
		return err
	}
	url, err := server.Start()
	if err != nil {
		return err
	}
	fmt.Println(url, token)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

const conditional = "identity/conditionalAccess/policies"

// listedPolicy returns an object of 4 KB that is whole in its list.
func listedPolicy(n int) json.RawMessage {
	ids := func(kind, count int) string {
		var list []string
		for i := range count {
			list = append(list, fmt.Sprintf(`"%08x-%04x-4000-8000-%012x"`, n, kind, i))
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	return json.RawMessage(fmt.Sprintf(`{"id":"%08d-0000-4000-9000-000000000000","displayName":"Policy %d","state":"enabled","createdDateTime":"2024-05-06T07:08:09.1234567Z",`+
		`"modifiedDateTime":"2024-05-06T07:08:09.1234567Z","conditions":{"clientAppTypes":["all"],"userRiskLevels":[],"signInRiskLevels":["high","medium"],"platforms":null,`+
		`"applications":{"includeApplications":["All"],"excludeApplications":%s},"locations":{"includeLocations":["All"],"excludeLocations":%s},`+
		`"users":{"includeUsers":%s,"excludeUsers":%s,"includeGroups":%s,"excludeGroups":%s,"includeRoles":%s,"excludeRoles":[]}},`+
		`"grantControls":{"operator":"OR","builtInControls":["mfa","compliantDevice"],"customAuthenticationFactors":[],"termsOfUse":%s},`+
		`"sessionControls":{"disableResilienceDefaults":null,"signInFrequency":{"value":4,"type":"hours","authenticationType":"primaryAndSecondaryAuthentication","isEnabled":true}}}`,
		n, n, ids(1, 14), ids(2, 8), ids(3, 14), ids(4, 8), ids(5, 14), ids(6, 14), ids(7, 6), ids(8, 2)))
}

// A bench is a tracker that syncs from a server in another process.
type bench struct {
	url, token string
	transport  *http.Transport
	client     *graphclient.Client
	store      inventory.Store
	tracker    *runs.Tracker
}

func newBench(b *testing.B, what string) *bench {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), serveVariable+"="+what)
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
	w := &bench{transport: graphclient.NewTransport(), store: meminventory.New()}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	if _, err := fmt.Sscan(line, &w.url, &w.token); err != nil {
		b.Fatal(err)
	}
	// What is measured is work, not waiting.
	limiter, err := graphclient.NewLimiter(graphclient.LimiterConfig{Limit: func(contract.Bucket) contract.Limit {
		return contract.Limit{Window: time.Second, Writes: 1e6, Requests: 1e6, TenantWrites: 1e6, TenantRequests: 1e6}
	}})
	if err != nil {
		b.Fatal(err)
	}
	w.client, err = graphclient.New(graphclient.Config{
		Tenant: contoso, Tokens: staticToken(w.token), Cloud: graphclient.Cloud{Graph: w.url, Login: w.url},
		Transport: w.transport, Limiter: limiter,
	})
	if err != nil {
		b.Fatal(err)
	}
	w.tracker, err = runs.New(runs.Config{
		Store:      memruns.New(),
		Dispatcher: make(doorbell, 1),
		Logger:     slog.New(slog.DiscardHandler),
		Operations: []runs.Operation{inventory.Operation(inventory.Config{
			Store:  w.store,
			Source: func(context.Context, string) (inventory.Source, error) { return graphsource.New(w.client), nil },
		})},
	})
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = w.tracker.Run(b.Context()) }()
	return w
}

func (w *bench) sync(b *testing.B, params string, objects int64) {
	b.Helper()
	started, err := w.tracker.Start(b.Context(), runs.Request{Tenant: contoso, Type: inventory.SyncType, Params: json.RawMessage(params), Initiator: dana})
	if err != nil {
		b.Fatal(err)
	}
	run, err := w.tracker.Wait(b.Context(), started.Run.Ref())
	if err != nil || run.Outcome != runs.OutcomeSucceeded || run.Counts.Extra[inventory.CountObjects] != objects {
		b.Fatalf("sync: %v, %s %+v %v", err, run.Outcome, run.Counts, run.Failures)
	}
}

// cpu returns what this process has used so far.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// reportCPU reports what f uses for each object.
func reportCPU(b *testing.B, f func()) {
	b.Helper()
	runtime.GC()
	start := cpu()
	for b.Loop() {
		f()
	}
	b.ReportMetric(float64((cpu()-start).Nanoseconds())/1000/float64(benchObjects*b.N), "cpu-µs/object")
}

// benchObjects is how many objects the benchmarks for the processor list.
const benchObjects = 2000

// BenchmarkListed measures the processor time for objects of 4 KB that a list
// has whole: fetched, decoded, normalized, hashed and found unchanged. The
// other figures are of plain loops over the same pages of the same server.
func BenchmarkListed(b *testing.B) {
	const params = `{"policy_types":["conditionalAccessPolicy"]}`
	w := newBench(b, fmt.Sprintf("listed %d", benchObjects))
	w.sync(b, params, benchObjects)
	b.Run("sync", func(b *testing.B) { reportCPU(b, func() { w.sync(b, params, benchObjects) }) })
	b.Run("plain=any", func(b *testing.B) {
		reportCPU(b, func() { w.plain(b, conditional, decodeAny) })
	})
	b.Run("plain=raw", func(b *testing.B) {
		reportCPU(b, func() { w.plain(b, conditional, decodeRaw) })
	})
}

// BenchmarkCatalog measures syncs of policies whose settings are read in
// batches: the first, which reads and stores everything, and later ones, which
// read what is in the list.
func BenchmarkCatalog(b *testing.B) {
	const params = `{"policy_types":["configurationPolicy"]}`
	w := newBench(b, fmt.Sprintf("catalog %d", benchObjects))
	b.Run("first", func(b *testing.B) {
		reportCPU(b, func() {
			w.forget()
			w.sync(b, params, benchObjects)
		})
	})
	b.Run("unchanged", func(b *testing.B) { reportCPU(b, func() { w.sync(b, params, benchObjects) }) })
}

// forget empties the store.
func (w *bench) forget() { *w.store.(*meminventory.Store) = meminventory.Store{} }

// decodeAny decodes a page as programs do that know nothing of the objects.
func decodeAny(page []byte) (n int, next string, err error) {
	var p struct {
		Next  string           `json:"@odata.nextLink"`
		Value []map[string]any `json:"value"`
	}
	err = json.Unmarshal(page, &p)
	return len(p.Value), p.Next, err
}

// decodeRaw only finds out where the objects are.
func decodeRaw(page []byte) (n int, next string, err error) {
	var p struct {
		Next  string            `json:"@odata.nextLink"`
		Value []json.RawMessage `json:"value"`
	}
	err = json.Unmarshal(page, &p)
	return len(p.Value), p.Next, err
}

// plain reads a list with net/http and encoding/json.
func (w *bench) plain(b *testing.B, path string, decode func([]byte) (int, string, error)) {
	b.Helper()
	client := http.Client{Transport: w.transport}
	got := 0
	for next := w.url + "/beta/" + path; next != ""; {
		req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, next, http.NoBody)
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+w.token)
		resp, err := client.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		var page bytes.Buffer
		_, err = page.ReadFrom(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			b.Fatal(err)
		}
		var n int
		if n, next, err = decode(page.Bytes()); err != nil {
			b.Fatal(err)
		}
		got += n
	}
	if got != benchObjects {
		b.Fatalf("read %d objects, want %d", got, benchObjects)
	}
}

// BenchmarkMemory measures the most memory that a first sync of 10,000
// policies of 4 KB holds, above what the idle process has.
func BenchmarkMemory(b *testing.B) {
	const objects = 10_000
	w := newBench(b, fmt.Sprintf("catalog %d", objects))
	var peak, idle uint64
	for b.Loop() {
		w.forget()
		runtime.GC()
		idle = inUse()
		stop := watch(&peak)
		w.sync(b, `{"policy_types":["configurationPolicy"]}`, objects)
		stop()
	}
	b.ReportMetric(float64(peak-idle)/(1<<20), "peak-MiB")
	runtime.GC()
	b.ReportMetric(float64(inUse()-idle)/(1<<20), "kept-MiB")
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
