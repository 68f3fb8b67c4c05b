package monitor_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
)

func TestEventsOfTheSameProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker, api := process(t, memruns.New(), nil)
		c := connect(t, api, "dana", "active=1")
		began := time.Now()
		run := work(t, tracker, request("dana"))
		time.Sleep(time.Second)

		states := c.states(t)
		var got []string
		for _, s := range states {
			got = append(got, fmt.Sprintf("%s%s %d/%d", s.Status, s.Outcome, s.Counts["processed"], s.Counts["total"]))
		}
		// Progress may be stored once more before the end is.
		got = slices.DeleteFunc(got, func(s string) bool { return s == "running 3/4" || s == "running 4/4" })
		want := []string{"running 0/0", "running 0/4", "running 1/4", "running 2/4", "completedpartially_succeeded 4/4"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
		if first := c.named("run")[0]; !first.at.Equal(began) {
			t.Errorf("the first event came after %v, want it at once", first.at.Sub(began))
		}
		last := states[len(states)-1]
		if last.ID != run.ID || !last.Mine || last.Label != "Inventory sync" || last.Percent != nil {
			t.Errorf("last state = %+v", last)
		}
		if one := states[2]; one.Percent == nil || *one.Percent != 25 {
			t.Errorf("percent after one of four = %v", one.Percent)
		}
		for i, e := range c.named("run") {
			if e.id != fmt.Sprint(states[i].Revision) {
				t.Errorf("event has id %s and revision %d", e.id, states[i].Revision)
			}
		}
		wantHeader := map[string]string{"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
		for name, want := range wantHeader {
			if got := c.header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	})
}

// What another process stores arrives within two seconds.
func TestEventsOfAnotherProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memruns.New()
		_, api := process(t, store, nil)
		elsewhere, _ := process(t, store, nil)
		c := connect(t, api, "eli", "active=1")
		run := work(t, elsewhere, request("dana"))
		if states := c.states(t); len(states) < 1 || states[0].Status != "running" || states[0].Mine {
			t.Fatalf("states while it ran = %+v", states)
		}
		ended := time.Now()
		time.Sleep(2 * time.Second)
		events, states := c.named("run"), c.states(t)
		last := states[len(states)-1]
		if last.ID != run.ID || last.Outcome != "partially_succeeded" {
			t.Errorf("last state = %+v", last)
		}
		if late := events[len(events)-1].at.Sub(ended); late > 2*time.Second {
			t.Errorf("the end came %v late", late)
		}
		// A run that has ended is told of to those who name it, and to nobody else.
		if got := connect(t, api, "eli", "run="+run.ID); true {
			time.Sleep(time.Second)
			if s := got.states(t); len(s) != 1 || s[0].Status != "completed" {
				t.Errorf("states of an ended run = %+v, want one", s)
			}
		}
		late := connect(t, api, "eli", "active=1")
		time.Sleep(5 * time.Second)
		if s := late.states(t); len(s) != 0 {
			t.Errorf("states of no active run = %+v", s)
		}
	})
}

// However many follow however much, the store is asked for each run once.
func TestEventsAskTheStoreOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &counted{Store: memruns.New()}
		_, api := process(t, store, nil)
		elsewhere, _ := process(t, store.Store, nil)
		s, err := elsewhere.Start(t.Context(), request("dana"))
		if err != nil {
			t.Fatal(err)
		}
		clients := make([]*client, 1000)
		for i := range clients {
			clients[i] = connect(t, api, fmt.Sprint("user", i%100), "active=1&run="+s.Run.ID)
		}
		time.Sleep(time.Second)
		store.reads.Store(0)
		const minute = 60
		time.Sleep(minute * time.Second)
		t.Logf("1,000 clients: %d reads of the store in a minute", store.reads.Load())
		if n := store.reads.Load(); n < 10 || n > minute {
			t.Errorf("1,000 clients made %d reads in a minute, want some, and at most one a second", n)
		}
		if _, err := elsewhere.RequestCancel(t.Context(), s.Run.Ref(), runs.User("dana", ""), ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		for i, c := range clients {
			states := c.states(t)
			if len(states) != 2 || states[0].Status != "queued" || states[1].Outcome != "canceled" {
				t.Fatalf("client %d: states %+v, want queued and canceled", i, states)
			}
			c.cancel()
		}
		synctest.Wait()
		store.reads.Store(0)
		time.Sleep(time.Minute)
		if n := store.reads.Load(); n != 0 {
			t.Errorf("%d reads with no client left, want none", n)
		}
	})
}

// A run that changes all the time is told of four times a second, and its end is
// not left out.
func TestEventsAreCoalesced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker, api := process(t, memruns.New(), func(c *runs.Config, _ *monitor.Config) { c.Progress = time.Millisecond })
		c := connect(t, api, "dana", "active=1")
		_, err := tracker.Do(t.Context(), request("dana"), func(_ context.Context, x *runs.Exec) error {
			for range 2000 {
				x.Count(1, 0, 0)
				time.Sleep(5 * time.Millisecond)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		events, states := c.named("run"), c.states(t)
		if n := len(events); n < 20 || n > 4*10+2 {
			t.Errorf("%d events in ten seconds, want about forty", n)
		}
		for i := 4; i < len(events); i++ {
			if d := events[i].at.Sub(events[i-4].at); d < time.Second {
				t.Errorf("five events within %v", d)
			}
		}
		if last := states[len(states)-1]; last.Outcome != "succeeded" || last.Counts["succeeded"] != 2000 {
			t.Errorf("last state = %+v", last)
		}
	})
}

// A client that does not read misses steps; when it reads again it is told how
// things are.
func TestEventsForASlowClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker, api := process(t, memruns.New(), func(c *runs.Config, _ *monitor.Config) {
			c.Operations = append(c.Operations, runs.Define("quick.one", func(context.Context, *runs.Exec, map[string]int) error { return nil }))
		})
		c := connect(t, api, "dana", "active=1")
		hold := make(chan struct{})
		c.stall(hold)
		first, err := tracker.Start(t.Context(), request("eli"))
		if err != nil {
			t.Fatal(err)
		}
		for range 1000 {
			_, err := tracker.Do(t.Context(), runs.Request{Tenant: "acme", Type: "quick.one", Initiator: runs.User("dana", "")},
				func(context.Context, *runs.Exec) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := tracker.RequestCancel(t.Context(), first.Run.Ref(), runs.User("eli", ""), ""); err != nil {
			t.Fatal(err)
		}
		c.stall(nil)
		close(hold)
		time.Sleep(time.Second)
		states := c.states(t)
		outcomes := make(map[string]string)
		for _, s := range states {
			outcomes[s.ID] = s.Outcome
		}
		if outcomes[first.Run.ID] != "canceled" {
			t.Errorf("the run that was told of last is %q, want canceled", outcomes[first.Run.ID])
		}
		if len(states) > 300 {
			t.Errorf("%d states were kept for a client that did not read", len(states))
		}
	})
}

func TestEventsEnd(t *testing.T) {
	t.Run("when the server stops", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, api := process(t, memruns.New(), nil)
			c := connect(t, api, "dana", "active=1")
			api.Close()
			api.Close()
			if !c.ended() || lastEvent(c) != `bye {"reason":"shutdown"}` {
				t.Errorf("ended: %v, last event: %s", c.ended(), lastEvent(c))
			}
			again := connect(t, api, "dana", "active=1")
			if !again.ended() || again.status != http.StatusServiceUnavailable {
				t.Errorf("a stream after Close: status %d, want 503", again.status)
			}
		})
	})
	t.Run("after fifteen minutes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, api := process(t, memruns.New(), nil)
			c := connect(t, api, "dana", "active=1")
			time.Sleep(15*time.Minute - time.Second)
			if n := len(c.named("ping")); n != 59 || c.ended() {
				t.Errorf("%d pings in 15 minutes, ended: %v", n, c.ended())
			}
			time.Sleep(2 * time.Second)
			if !c.ended() || lastEvent(c) != `bye {"reason":"age"}` {
				t.Errorf("ended: %v, last event: %s", c.ended(), lastEvent(c))
			}
		})
	})
	t.Run("when the session ends", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var out atomic.Bool
			tracker, api := process(t, memruns.New(), func(_ *runs.Config, c *monitor.Config) {
				who := c.Who
				c.Who = func(r *http.Request) (runs.Actor, error) {
					if out.Load() {
						return runs.Actor{}, monitor.ErrUnauthenticated
					}
					return who(r)
				}
			})
			c := connect(t, api, "dana", "active=1")
			out.Store(true)
			work(t, tracker, request("dana"))
			if !c.ended() || lastEvent(c) != `bye {"reason":"session"}` || len(c.all()) != 1 {
				t.Errorf("ended: %v, events: %v", c.ended(), c.all())
			}
		})
	})
	t.Run("when the right is taken away", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var role atomic.Value
			role.Store(runs.RoleReadonly)
			tracker, api := process(t, memruns.New(), func(_ *runs.Config, c *monitor.Config) {
				c.Authorizer = runs.Roles(func(context.Context, runs.Actor, string) (runs.Role, error) { return role.Load().(runs.Role), nil })
			})
			c := connect(t, api, "dana", "active=1")
			time.AfterFunc(1500*time.Millisecond, func() { role.Store(runs.Role("")) })
			work(t, tracker, request("eli"))
			before := len(c.named("run"))
			time.Sleep(10 * time.Second)
			if !c.ended() || lastEvent(c) != `bye {"reason":"session"}` || len(c.named("run")) != before || before == 0 {
				t.Errorf("ended: %v, %d states, %d of them before; last event: %s", c.ended(), len(c.named("run")), before, lastEvent(c))
			}
		})
	})
	t.Run("when nobody can say who asks", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var broken atomic.Bool
			_, api := process(t, memruns.New(), func(_ *runs.Config, c *monitor.Config) {
				who := c.Who
				c.Who = func(r *http.Request) (runs.Actor, error) {
					if broken.Load() {
						return runs.Actor{}, errors.New("ldap://user:hunter2@directory")
					}
					return who(r)
				}
			})
			c := connect(t, api, "dana", "active=1")
			broken.Store(true)
			time.Sleep(20 * time.Second)
			if !c.ended() || len(c.all()) != 0 {
				t.Errorf("ended: %v, events: %v", c.ended(), c.all())
			}
		})
	})
	t.Run("when the client is gone", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, api := process(t, memruns.New(), nil)
			c := connect(t, api, "dana", "active=1")
			c.cancel()
			if !c.ended() {
				t.Error("the stream goes on")
			}
		})
	})
}

func lastEvent(c *client) string {
	all := c.all()
	if len(all) == 0 {
		return "none"
	}
	return all[len(all)-1].name + " " + all[len(all)-1].data
}

func TestStreamsOfOneActorAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, api := process(t, memruns.New(), nil)
		var first *client
		for i := range 20 {
			c := connect(t, api, "dana", "active=1")
			if c.ended() {
				t.Fatalf("stream %d: status %d", i, c.status)
			}
			if first == nil {
				first = c
			}
		}
		over := connect(t, api, "dana", "active=1")
		if !over.ended() || over.status != http.StatusTooManyRequests || over.header.Get("Retry-After") == "" {
			t.Errorf("one more: status %d, Retry-After %q", over.status, over.header.Get("Retry-After"))
		}
		if connect(t, api, "eli", "active=1").ended() {
			t.Error("another actor has no stream")
		}
		first.cancel()
		<-first.done
		if connect(t, api, "dana", "active=1").ended() {
			t.Error("no stream although one was closed")
		}
	})
}

func TestEventsRefuse(t *testing.T) {
	_, api := process(t, memruns.New(), nil)
	many := "run="
	for i := range 101 {
		many += fmt.Sprint("r", i, ",")
	}
	for _, tt := range []struct {
		user, query string
		status      int
	}{
		{"", "active=1", http.StatusUnauthorized},
		{"outsider", "active=1", http.StatusNotFound},
		{"dana", "", http.StatusBadRequest},
		{"dana", "active=yes", http.StatusBadRequest},
		{"dana", many, http.StatusBadRequest},
		{"dana", "run=" + strings.Repeat("x", 65), http.StatusBadRequest},
	} {
		resp, body := get(t, api, tt.user, "/t/acme/events?"+tt.query)
		if resp.StatusCode != tt.status || resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s as %q: %d %s", tt.query, tt.user, resp.StatusCode, body)
		}
	}
	// A writer that keeps answers back cannot stream.
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/t/acme/events?active=1", nil)
	r.Header.Set("X-User", "dana")
	rec := httptest.NewRecorder()
	api.ServeHTTP(struct{ http.ResponseWriter }{rec}, r)
	if !strings.Contains(rec.Body.String(), `"code":"unsupported"`) {
		t.Errorf("through a writer without Flush: %s", rec.Body)
	}
}

// Who asks for the header alone has it at once, and the connection back.
func TestEventsHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, api := process(t, memruns.New(), nil)
		c := ask(t, api, http.MethodHead, "dana", "active=1")
		if !c.ended() || c.header.Get("Content-Type") != "text/event-stream" {
			t.Errorf("ended: %v, Content-Type %q", c.ended(), c.header.Get("Content-Type"))
		}
	})
}

// Of the largest run that there can be, an event has less than 1 KB.
func TestEventsAreSmall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		typ := runs.Type("a." + strings.Repeat("b", 98))
		tracker, api := process(t, memruns.New(), func(c *runs.Config, _ *monitor.Config) {
			long := strings.Repeat("\u20ac<", 500)
			c.Operations = []runs.Operation{runs.Spec[map[string]int]{
				Type: typ, Label: long,
				Target: func(map[string]int) runs.Target { return runs.Target{Kind: "thing", ID: "1", Name: long} },
			}.Operation()}
		})
		c := connect(t, api, "dana", "active=1")
		_, err := tracker.Do(t.Context(), runs.Request{Tenant: "acme", Type: typ, Initiator: runs.User("dana", strings.Repeat("x", 500))},
			func(_ context.Context, x *runs.Exec) error {
				const huge = 1 << 61
				x.Total(huge)
				x.Count(huge, huge, huge)
				for i := range 100 {
					x.Add(fmt.Sprint("extra", i), 1)
					x.Note(fmt.Sprint("note", i), "text")
				}
				return nil
			})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		for _, e := range c.named("run") {
			if !strings.Contains(e.data, `"target":"€`) {
				t.Errorf("an event names no target: %s", e.data)
			}
			if n := len("event: run\nid: \ndata: \n\n") + len(e.id) + len(e.data); n > 1000 {
				t.Errorf("an event of %d bytes: %s", n, e.data)
			}
		}
	})
}

// What Redact takes away is not told either.
func TestEventsAreRedacted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker, api := process(t, memruns.New(), func(_ *runs.Config, c *monitor.Config) {
			c.Redact = func(_ context.Context, v monitor.Viewer, r *runs.Run) {
				if v.ID == "eli" {
					r.Counts = runs.Counts{}
				}
			}
		})
		dana, eli := connect(t, api, "dana", "active=1"), connect(t, api, "eli", "active=1")
		work(t, tracker, request("dana"))
		time.Sleep(time.Second)
		for c, want := range map[*client]int64{dana: 4, eli: 0} {
			states := c.states(t)
			if got := states[len(states)-1].Counts["total"]; got != want {
				t.Errorf("total is %d, want %d", got, want)
			}
		}
	})
}

// A worker that is lost writes nothing; its run is shown as such all the same.
func TestEventsOfTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memruns.New()
		_, api := process(t, store, nil)
		now := time.Now()
		_, _, err := store.Insert(t.Context(), &runs.Run{
			Tenant: "acme", ID: "r1", Type: "inventory.sync", Status: runs.StatusRunning, Initiator: runs.User("dana", ""),
			Attempt: 1, CreatedAt: now, StartedAt: now, UpdatedAt: now, Timing: runs.Timing{Lease: 30 * time.Second},
		})
		if err != nil {
			t.Fatal(err)
		}
		c := connect(t, api, "dana", "active=1")
		time.Sleep(time.Minute)
		var got []string
		for _, s := range c.states(t) {
			got = append(got, s.Status+" "+s.Trouble)
		}
		if diff := cmp.Diff([]string{"running ", "running lost"}, got); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
	})
}

func TestSnapshot(t *testing.T) {
	store := memruns.New()
	tracker, api := process(t, store, nil)
	s, err := tracker.Start(t.Context(), request("dana"))
	if err != nil {
		t.Fatal(err)
	}
	const asJSON = "application/json"
	path := "/t/acme/events?active=1&run=" + s.Run.ID
	resp, body := get(t, api, "dana", path, "Accept", asJSON)
	if resp.StatusCode != http.StatusOK || strings.Count(body, s.Run.ID) != 1 || !strings.Contains(body, `"status":"queued"`) {
		t.Fatalf("snapshot: %d %s", resp.StatusCode, body)
	}
	tag := resp.Header.Get("ETag")
	if resp, _ := get(t, api, "dana", path, "Accept", asJSON, "If-None-Match", tag); resp.StatusCode != http.StatusNotModified {
		t.Errorf("unchanged: status %d, want 304", resp.StatusCode)
	}
	if _, err := tracker.RequestCancel(t.Context(), s.Run.Ref(), runs.User("dana", ""), ""); err != nil {
		t.Fatal(err)
	}
	resp, body = get(t, api, "dana", path, "Accept", asJSON, "If-None-Match", tag)
	if resp.StatusCode != http.StatusOK || !strings.Contains(body, `"outcome":"canceled"`) {
		t.Errorf("after the end: %d %s", resp.StatusCode, body)
	}
	if _, body := get(t, api, "dana", "/t/acme/events?active=1", "Accept", asJSON); body != "{\"runs\":[]}\n" {
		t.Errorf("nothing active: %s", body)
	}
}

// A long poll asks the store when there is something to see, and ends when the
// process does.
func TestLongPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &counted{Store: memruns.New()}
		tracker, api := process(t, store, nil)
		s, err := tracker.Start(t.Context(), request("dana"))
		if err != nil {
			t.Fatal(err)
		}
		path := "/t/acme/runs/" + s.Run.ID
		first, _ := get(t, api, "dana", path)
		wait := func(prefer string) (status int, took time.Duration) {
			began := time.Now()
			resp, _ := get(t, api, "dana", path, "If-None-Match", first.Header.Get("ETag"), "Prefer", prefer)
			return resp.StatusCode, time.Since(began)
		}
		if status, took := wait("wait=20"); status != http.StatusNotModified || took != 20*time.Second {
			t.Errorf("without a change: %d after %v", status, took)
		}
		go func() {
			time.Sleep(5 * time.Second)
			_, _ = tracker.RequestCancel(t.Context(), s.Run.Ref(), runs.User("dana", ""), "")
		}()
		if status, took := wait("wait=20"); status != http.StatusOK || took != 5*time.Second {
			t.Errorf("canceled after 5 s: %d after %v", status, took)
		}
		if n := store.reads.Load(); n > 40 {
			t.Errorf("%d reads in 25 s", n)
		}
		again, err := tracker.Start(t.Context(), request("dana"))
		if err != nil {
			t.Fatal(err)
		}
		path = "/t/acme/runs/" + again.Run.ID
		first, _ = get(t, api, "dana", path)
		time.AfterFunc(time.Second, api.Close)
		if status, took := wait("wait=20"); status != http.StatusNotModified || took != time.Second {
			t.Errorf("the process stops after 1 s: %d after %v", status, took)
		}
	})
}
