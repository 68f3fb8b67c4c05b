//go:build unix

package inventory_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/internal/graphbench"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/graphsource"
	"github.com/tenantatlas/tenantatlas/inventory/meminventory"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

func TestMain(m *testing.M) {
	os.Exit(graphbench.Main(m, func(t *graphtest.Tenant, form string, n int) error {
		doc := graphtest.Document{}
		for i := range n {
			if form == "listed" {
				doc[conditional] = append(doc[conditional], listedPolicy(i))
				continue
			}
			doc[policies] = append(doc[policies], policy(fmt.Sprintf("%08d-0000-4000-8000-000000000000", i), fmt.Sprint("Policy ", i), 14))
		}
		return t.LoadDocument(doc)
	}))
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
	*graphbench.Server
	store   inventory.Store
	tracker *runs.Tracker
}

func newBench(b *testing.B, form string, objects int) *bench {
	b.Helper()
	w := &bench{Server: graphbench.Start(b, form, objects), store: meminventory.New()}
	var err error
	w.tracker, err = runs.New(runs.Config{
		Store:      memruns.New(),
		Dispatcher: make(doorbell, 1),
		Logger:     slog.New(slog.DiscardHandler),
		Operations: []runs.Operation{inventory.Operation(inventory.Config{
			Store:  w.store,
			Source: func(context.Context, string) (inventory.Source, error) { return graphsource.New(w.Client), nil },
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

// benchObjects is how many objects the benchmarks for the processor list.
const benchObjects = 2000

// BenchmarkListed measures the processor time for objects of 4 KB that a list
// has whole: fetched, decoded, normalized, hashed and found unchanged. The
// other figures are of plain loops over the same pages of the same server.
func BenchmarkListed(b *testing.B) {
	const params = `{"policy_types":["conditionalAccessPolicy"]}`
	w := newBench(b, "listed", benchObjects)
	w.sync(b, params, benchObjects)
	b.Run("sync", func(b *testing.B) { graphbench.ReportCPU(b, benchObjects, func() { w.sync(b, params, benchObjects) }) })
	b.Run("plain=any", func(b *testing.B) {
		graphbench.ReportCPU(b, benchObjects, func() { w.plain(b, conditional, decodeAny) })
	})
	b.Run("plain=raw", func(b *testing.B) {
		graphbench.ReportCPU(b, benchObjects, func() { w.plain(b, conditional, decodeRaw) })
	})
}

// BenchmarkCatalog measures syncs of policies whose settings are read in
// batches: the first, which reads and stores everything, and later ones, which
// read what is in the list.
func BenchmarkCatalog(b *testing.B) {
	const params = `{"policy_types":["configurationPolicy"]}`
	w := newBench(b, "catalog", benchObjects)
	b.Run("first", func(b *testing.B) {
		graphbench.ReportCPU(b, benchObjects, func() {
			w.forget()
			w.sync(b, params, benchObjects)
		})
	})
	b.Run("unchanged", func(b *testing.B) { graphbench.ReportCPU(b, benchObjects, func() { w.sync(b, params, benchObjects) }) })
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
	client := http.Client{Transport: w.Transport}
	got := 0
	for next := w.URL + "/beta/" + path; next != ""; {
		req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, next, http.NoBody)
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+w.Token)
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
	w := newBench(b, "catalog", objects)
	graphbench.ReportMemory(b, w.forget, func() { w.sync(b, `{"policy_types":["configurationPolicy"]}`, objects) })
}
