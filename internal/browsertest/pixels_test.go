package browsertest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// BenchmarkPixels measures how long after the request that starts a run its row
// is painted in the widget of a page, whose host is the process that was asked or
// another one with the same database.
//
//	go test -run '^$' -bench Pixels -benchtime 40x .
func BenchmarkPixels(b *testing.B) {
	w := &world{browser: startBrowser(b), binary: buildHost(b)}
	kinds := slices.Collect(contract.All())
	for _, name := range []string{"same process", "other process"} {
		b.Run(name, func(b *testing.B) {
			g := startGraph(b)
			db := "file:" + b.TempDir() + "/host.db"
			shown := startTenant(b, w.binary, g, "-db", db)
			asked := shown
			if name == "other process" {
				asked = startTenant(b, w.binary, g, "-db", db)
			}
			page := w.visit(b, shown.base)
			page.as("dana")
			page.goTo("/t/acme/inventory/coverage")
			page.pixels(g, asked.base, kinds[0].Key) // the stream is there when it was seen
			var late []time.Duration
			for i := 0; b.Loop(); i++ {
				// What is polled for is met at any point of the pause between polls.
				time.Sleep(time.Duration(200+37*i%1500) * time.Millisecond)
				late = append(late, page.pixels(g, asked.base, kinds[(i+1)%len(kinds)].Key))
			}
			slices.Sort(late)
			b.ReportMetric(float64(late[len(late)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(late[len(late)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
}

// pixels starts a sync of a kind at a host, and returns how long it took until
// the page had painted it. The sync does not end before: what begins and ends
// between two polls is told of in the inbox alone.
func (b *tab) pixels(g *graph, base, kind string) time.Duration {
	b.Helper()
	g.hold()
	defer g.release()
	run[bool](b, `(() => {
		const rows = () => [...document.querySelectorAll('.ops-widget:not([hidden]) li a')].map((a) => a.href);
		const before = new Set(rows());
		window.painted = new Promise((done) => {
			new MutationObserver((_, o) => {
				if (rows().every((r) => before.has(r))) return;
				o.disconnect();
				requestAnimationFrame(() => requestAnimationFrame(() => done(performance.timeOrigin + performance.now())));
			}).observe(document.querySelector('ops-progress'), { subtree: true, childList: true, attributes: true });
		});
		return true;
	})()`)
	body := fmt.Sprintf(`{"type":"inventory.sync","params":{"policy_types":[%q]}}`, kind)
	r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, base+"/api/v1/t/acme/runs", strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set(userHeader, "dana")
	began := time.Now()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		b.Fatalf("a sync of %s is answered with %s", kind, resp.Status)
	}
	painted := run[float64](b, `window.painted`)
	return time.UnixMicro(int64(painted * 1000)).Sub(began)
}
