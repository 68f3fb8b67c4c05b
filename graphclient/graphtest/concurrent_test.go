package graphtest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

func TestReadingWhileTheTenantChanges(t *testing.T) {
	f := newFixture(t, graphtest.Config{PageSize: 20, Limits: &graphtest.Limits{}, Faults: graphtest.Flaky(0, 1e-9)})
	if err := f.tenant.Grow(graphtest.Scale{Policies: 60, Groups: 60}); err != nil {
		t.Fatal(err)
	}
	ids := f.tenant.IDs(policies)
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 30 {
				for _, url := range []string{"/beta/" + policies + "?$expand=settings,assignments", "/beta/groups/delta", "/beta/" + policies + "/" + ids[i%20] + "/settings"} {
					if r := f.do(http.MethodGet, url, ""); r.status != http.StatusOK && r.status != http.StatusNotFound || !json.Valid([]byte(r.body)) {
						t.Errorf("%s: %d", url, r.status)
					}
				}
				f.responses(gets("/groups", "/deviceManagement/intents"))
			}
		})
		wg.Go(func() {
			for i := range 30 {
				id := ids[20+10*worker+i%10]
				if err := f.tenant.Patch(policies, id, json.RawMessage(fmt.Sprintf(`{"name":"N%d"}`, i))); err != nil {
					t.Error(err)
				}
				if _, err := f.tenant.Add(policies+"/"+id+"/settings", json.RawMessage(`{"id":"new"}`)); err != nil {
					t.Error(err)
				}
				if err := f.tenant.Delete(policies+"/"+id+"/settings", "new"); err != nil {
					t.Error(err)
				}
				f.srv.SetQuirks(graphtest.Quirks{DeltaDuplicates: i%2 == 0})
				f.srv.Stats()
				f.srv.Log()
			}
		})
	}
	wg.Wait()
	if got := len(f.all("/beta/" + policies)); got != 60 {
		t.Errorf("%d policies after the storm, want 60", got)
	}
}

func TestMaxConcurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, graphtest.Config{Faults: []graphtest.Fault{{Delay: time.Second}}})
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { f.get("/beta/groups") })
		}
		wg.Wait()
		f.get("/beta/groups")
		if got := f.srv.Stats().MaxConcurrent; got != 8 {
			t.Errorf("MaxConcurrent %d, want 8", got)
		}
	})
}

func TestStartAndClose(t *testing.T) {
	f := newFixture(t, graphtest.Config{})
	if f.srv.URL() != "" || f.srv.Close() != nil {
		t.Error("a server that was not started has a URL or fails to close")
	}
	f.listen()
	again, err := f.srv.Start()
	if err != nil || again != f.base || f.srv.URL() != f.base {
		t.Errorf("second start: %s %v, want %s", again, err, f.base)
	}
	f.get("/beta/groups")
	if err := f.srv.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.try(http.MethodGet, "/beta/groups", ""); err == nil {
		t.Error("a closed server answers")
	}
	if _, err := f.srv.Listen("256.0.0.1:0"); err == nil {
		t.Error("listening on nonsense: no error")
	}
	f.listen().get("/beta/groups")
}

func TestLinksFollowTheHost(t *testing.T) {
	f := newFixture(t, graphtest.Config{PageSize: 1})
	f.fill("groups", 2)
	f.base = "https://dod-graph.microsoft.us"
	if got, want := f.get("/beta/groups").str("@odata.nextLink"), "https://dod-graph.microsoft.us/beta/groups?$skiptoken="; len(got) < len(want) || got[:len(want)] != want {
		t.Errorf("next link %s, want it on the host and scheme of the request", got)
	}
}
