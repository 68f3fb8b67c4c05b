package monitor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
)

// counted counts what is read from a store.
type counted struct {
	*memruns.Store
	reads atomic.Int64
}

func (c *counted) Get(ctx context.Context, ref runs.Ref) (*runs.Run, error) {
	c.reads.Add(1)
	return c.Store.Get(ctx, ref)
}

func (c *counted) List(ctx context.Context, q runs.Query) (runs.Page, error) {
	c.reads.Add(1)
	return c.Store.List(ctx, q)
}

// process is one process that shares a store: a tracker and what it shows.
func process(t testing.TB, store runs.Store, change func(*runs.Config, *monitor.Config)) (*runs.Tracker, *monitor.API) {
	t.Helper()
	tcfg := runs.Config{
		Store: store, Dispatcher: accept{}, Progress: 100 * time.Millisecond,
		Operations: []runs.Operation{runs.Spec[map[string]int]{Type: "inventory.sync", Label: "Inventory sync"}.Operation()},
	}
	mcfg := monitor.Config{
		Who: func(r *http.Request) (runs.Actor, error) {
			if id := r.Header.Get("X-User"); id != "" {
				return runs.User(id, ""), nil
			}
			return runs.Actor{}, monitor.ErrUnauthenticated
		},
		Authorizer: runs.Roles(func(_ context.Context, a runs.Actor, tenant string) (runs.Role, error) {
			if tenant == "acme" && a.ID != "outsider" {
				return runs.RoleOwner, nil
			}
			return "", nil
		}),
	}
	if change != nil {
		change(&tcfg, &mcfg)
	}
	tracker, err := runs.New(tcfg)
	if err != nil {
		t.Fatal(err)
	}
	mcfg.Runs = tracker
	api, err := monitor.NewAPI(mcfg)
	if err != nil {
		t.Fatal(err)
	}
	return tracker, api
}

type stateJSON struct {
	ID, Type, Label, Status, Outcome, Trouble string
	Mine                                      bool
	Revision                                  int64
	Percent                                   *int
	Counts                                    map[string]int64
}

// An sse is a server-sent event that a client got.
type sse struct {
	name, id, data string
	at             time.Time
}

// A client reads a stream. It is the writer of the answer, too.
type client struct {
	header http.Header
	cancel context.CancelFunc
	done   chan struct{} // closed when the answer is whole

	mu     sync.Mutex
	status int
	text   bytes.Buffer
	events []sse
	hold   chan struct{} // if set, a write waits until it is closed
}

func (c *client) Header() http.Header { return c.header }

func (c *client) WriteHeader(status int) { c.status = status }

func (c *client) Flush() {}

func (c *client) SetReadDeadline(time.Time) error { return nil }

func (c *client) SetWriteDeadline(time.Time) error { return nil }

func (c *client) Write(b []byte) (int, error) {
	c.mu.Lock()
	hold := c.hold
	c.mu.Unlock()
	if hold != nil {
		<-hold
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text.Write(b)
	for {
		block, rest, whole := strings.Cut(c.text.String(), "\n\n")
		if !whole {
			return len(b), nil
		}
		c.text.Reset()
		c.text.WriteString(rest)
		e := sse{at: time.Now()}
		for line := range strings.Lines(block) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			switch name {
			case "event":
				e.name = value
			case "id":
				e.id = value
			case "data":
				e.data = value
			}
		}
		if e.name != "" {
			c.events = append(c.events, e)
		}
	}
}

func (c *client) stall(hold chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hold = hold
}

func (c *client) all() []sse {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]sse(nil), c.events...)
}

// named are the events of one kind.
func (c *client) named(name string) []sse {
	var out []sse
	for _, e := range c.all() {
		if e.name == name {
			out = append(out, e)
		}
	}
	return out
}

// states are the states of runs that the client was told of, in order.
func (c *client) states(t *testing.T) []stateJSON {
	t.Helper()
	var out []stateJSON
	for _, e := range c.named("run") {
		var s stateJSON
		if err := json.Unmarshal([]byte(e.data), &s); err != nil {
			t.Fatalf("event %s: %v", e.data, err)
		}
		out = append(out, s)
	}
	return out
}

// connect opens a stream, which ends with the test.
func connect(t *testing.T, h http.Handler, user, query string) *client {
	t.Helper()
	return ask(t, h, http.MethodGet, user, query)
}

// ask is connect with any method.
func ask(t *testing.T, h http.Handler, method, user, query string) *client {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c := &client{header: make(http.Header), cancel: cancel, done: make(chan struct{})}
	r := httptest.NewRequestWithContext(ctx, method, "/t/acme/events?"+query, nil)
	r.Header.Set("X-User", user)
	go func() {
		defer close(c.done)
		h.ServeHTTP(c, r)
	}()
	synctest.Wait()
	t.Cleanup(func() {
		cancel()
		<-c.done
	})
	return c
}

func (c *client) ended() bool {
	synctest.Wait()
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// work executes a run of four items, one a second, until the end.
func work(t *testing.T, tracker *runs.Tracker, req runs.Request) *runs.Run {
	t.Helper()
	s, err := tracker.Do(t.Context(), req, func(_ context.Context, x *runs.Exec) error {
		x.Total(4)
		for _, key := range []string{"a", "b", "c"} {
			time.Sleep(time.Second)
			x.Succeed(key)
		}
		x.Fail("d", errors.New("no"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s.Run
}

func request(user string) runs.Request {
	return runs.Request{Tenant: "acme", Type: "inventory.sync", Initiator: runs.User(user, "")}
}
