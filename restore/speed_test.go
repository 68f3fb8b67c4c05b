package restore_test

import (
	"fmt"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/restore"
)

// A distant transport is one to a server that is some way off.
type distant struct {
	http.RoundTripper
	latency time.Duration
}

func (d distant) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(d.latency) // synctest
	return d.RoundTripper.RoundTrip(r)
}

// A measured world has so many settings catalog policies, each assigned to a
// group, and the limits of the service.
type measured struct {
	*world
	typ      *contract.Type
	policies int
	latency  time.Duration
	spare    time.Duration // that a step may take besides
}

func newMeasured(t *testing.T, policies int, latency time.Duration) *measured {
	t.Helper()
	w := &measured{world: newWorld(t, graphtest.Document{}), policies: policies, latency: latency}
	w.typ, _ = contract.Lookup("configurationPolicy")
	if err := w.server.Tenant(contoso).Grow(graphtest.Scale{Policies: policies, Groups: 100}); err != nil {
		t.Fatal(err)
	}
	token, err := w.server.IssueToken(graphtest.Grant{Tenant: contoso, Lifetime: 10000 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	w.clients[contoso], err = graphclient.New(graphclient.Config{
		Tenant: contoso, Tokens: fixedToken(token), Transport: distant{w.server.Transport(), latency},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.backups.Names = nil // the groups stay as they are
	w.tracker = w.newTracker(w.cfg)
	w.server.SetLimits(&graphtest.Limits{})
	return w
}

// floor is how long a service with the published limit takes at least for so
// many requests for each policy, writes among them, and a request for each page
// of a list: whichever of the limits needs longer, at its even pace.
func (w *measured) floor(requests, writes, pages int) time.Duration {
	l := w.typ.Bucket.Limit()
	pace := func(n, app, tenant int) time.Duration {
		return time.Duration(n) * l.Window / time.Duration(min(app, tenant))
	}
	all := pace(requests*w.policies+pages, l.Requests, l.TenantRequests)
	return max(all, pace(writes*w.policies, l.Writes, l.TenantWrites))
}

// A bound is what a step may cost.
type bound struct {
	floor    time.Duration // a tenth more is allowed
	requests float64       // for each policy; batches counted as one
	parts    float64       // for each policy: what the service counts
}

// within does a step and checks what it has cost.
func (w *measured) within(step string, b bound, do func()) {
	w.t.Helper()
	w.server.ResetStats()
	start := time.Now()
	do()
	took, s := time.Since(start), w.server.Stats()
	requests, counted := float64(s.Requests)/float64(w.policies), float64(s.Requests-s.Batches+s.Parts)/float64(w.policies)
	w.t.Logf("%-16s %6.1f s, %.3f of the floor; for each policy %.2f requests, %.2f counted", step, took.Seconds(), took.Seconds()/b.floor.Seconds(), requests, counted)
	if most := b.floor*11/10 + w.spare; took > most {
		w.t.Errorf("%s took %v, want at most %v", step, took, most)
	}
	if requests > b.requests || counted > b.parts {
		w.t.Errorf("%s: %.2f requests for each policy, %.2f counted; want at most %.2f and %.2f", step, requests, counted, b.requests, b.parts)
	}
	if s.Throttled > 0 {
		w.t.Errorf("%s: %d requests were throttled, want none", step, s.Throttled)
	}
}

// all checks that every item of a restore has come to this.
func (w *measured) all(id string, d restore.Decision, r restore.Result) {
	w.t.Helper()
	items := w.items(contoso, id)
	if len(items) != w.policies {
		w.t.Errorf("%d items, want %d", len(items), w.policies)
	}
	for ref, i := range items {
		if i.Decision != d || i.Result != r {
			w.t.Fatalf("%v: %s, %s %s, want %s, %s", ref, i.Decision, i.Result, i.Message, d, r)
		}
	}
}

// change changes every policy, as somebody does by mistake.
func (w *measured) change() {
	w.t.Helper()
	at, path := w.server.Tenant(contoso), w.typ.Lists[0].Path[1:]
	for _, id := range at.IDs(path) {
		if err := at.Patch(path, id, []byte(`{"description":"changed"}`)); err != nil {
			w.t.Fatal(err)
		}
	}
}

// Backing up and restoring takes as long as the published limits of the service
// make it take, and a tenth more at most, wherever the service is; and it refuses
// nothing.
func TestSpeed(t *testing.T) {
	if os.Getenv("TENANTATLAS_LONG") == "" {
		speed(t, 150, 300*time.Millisecond, 1200*time.Millisecond) // so few take longer to begin with
		return
	}
	for _, latency := range []time.Duration{0, 100 * time.Millisecond, 300 * time.Millisecond} {
		t.Run(fmt.Sprint("latency=", latency), func(t *testing.T) { speed(t, 1000, latency, 0) })
	}
}

func speed(t *testing.T, policies int, latency, spare time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newMeasured(t, policies, latency)
		w.spare = spare
		pages := policies / 25
		var set string
		w.within("backup", bound{w.floor(1, 0, pages), 0.11, 1.04}, func() { set = w.backup(w.typ.Key).ID })

		w.change()
		r := w.plan(contoso, set)
		listed := time.Duration(pages) * latency // one page after the other, and everything is compared then
		w.within("preview, changed", bound{w.floor(1, 0, pages) + listed, 0.11, 1.04}, func() { w.preview(contoso, r.ID) })
		w.within("execute, changed", bound{w.floor(5, 1, 0), 2.12, 5}, func() { w.execute(contoso, r.ID) })
		w.all(r.ID, restore.Update, restore.Verified)

		w.wipe()
		r = w.plan(contoso, set)
		w.within("preview, wiped", bound{time.Second, 0.01, 0.01}, func() { w.preview(contoso, r.ID) })
		w.within("execute, wiped", bound{w.floor(6, 2, 0), 3.12, 6.01}, func() { w.execute(contoso, r.ID) })
		w.all(r.ID, restore.Create, restore.Verified)
	})
}
