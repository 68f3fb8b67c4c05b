package runs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

func TestStartStoresBeforeItDispatches(t *testing.T) {
	store := memruns.New()
	var rung []runs.Ref
	tracker := newTracker(t, runs.Config{
		Store: store,
		Dispatcher: dispatchFunc(func(ctx context.Context, ref runs.Ref) error {
			if r, err := store.Get(ctx, ref); err != nil || r.Status != runs.StatusQueued {
				t.Errorf("at dispatch the run is %v, %v; want it queued", r, err)
			}
			rung = append(rung, ref)
			return nil
		}),
	})
	s := start(t, tracker, request(selection{Full: true}))
	if !s.Created || !s.SameInput {
		t.Errorf("Start = created %v, same input %v; want true, true", s.Created, s.SameInput)
	}
	if diff := cmp.Diff([]runs.Ref{s.Run.Ref()}, rung); diff != "" {
		t.Errorf("dispatched (-want +got):\n%s", diff)
	}
	if got, want := string(s.Run.Params), `{"full":true}`; got != want {
		t.Errorf("params = %s, want %s", got, want)
	}
	if s.Run.Initiator != dana {
		t.Errorf("initiator = %v, want %v", s.Run.Initiator, dana)
	}
}

func TestStartJoins(t *testing.T) {
	byKinds := runs.Spec[selection]{
		Type:     sync1,
		Handle:   nothing,
		Identity: func(in selection) any { return runs.Set[string](in.Kinds) },
	}.Operation()
	dispatched := 0
	store := &counting{Store: memruns.New()}
	tracker := newTracker(t, runs.Config{
		Store:      store,
		Operations: []runs.Operation{byKinds},
		Dispatcher: dispatchFunc(func(context.Context, runs.Ref) error { dispatched++; return nil }),
	})
	first := start(t, tracker, request(selection{Kinds: []string{"a", "b"}}))
	writes := store.updates
	tests := []struct {
		name      string
		params    any
		sameInput bool
	}{
		{"equal", selection{Kinds: []string{"a", "b"}}, true},
		{"equal as JSON", json.RawMessage(` { "kinds" : ["a", "\u0062"] } `), true},
		{"equal key, other params", selection{Kinds: []string{"b", "a"}, Full: true}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req := request(tt.params)
			req.Initiator = eli
			got := start(t, tracker, req)
			if got.Created || got.Run.ID != first.Run.ID || got.SameInput != tt.sameInput {
				t.Errorf("Start = %s, created %v, same input %v; want %s, false, %v",
					got.Run.ID, got.Created, got.SameInput, first.Run.ID, tt.sameInput)
			}
			if got.Run.Initiator != dana {
				t.Errorf("initiator = %v, want the first one, %v", got.Run.Initiator, dana)
			}
		})
	}
	if dispatched != 1 || store.updates != writes {
		t.Errorf("joins dispatched %d times and made %d updates, want none", dispatched-1, store.updates-writes)
	}
	if other := start(t, tracker, request(selection{Kinds: []string{"c"}})); !other.Created {
		t.Error("another selection joined the run")
	}
}

func TestStartOnce(t *testing.T) {
	tracker := newTracker(t, runs.Config{})
	begin(t, tracker)
	req := request(selection{Full: true})
	req.Once = runs.OnceFor(dana, "k1")
	first := start(t, tracker, req)
	wait(t, tracker, first.Run)

	again := start(t, tracker, req)
	if again.Created || again.Run.ID != first.Run.ID {
		t.Errorf("the same request again = %s, created %v; want the run that has ended", again.Run.ID, again.Created)
	}
	req.Params = selection{Kinds: []string{"a"}}
	_, err := tracker.Start(t.Context(), req)
	wantErr(t, "Start with other params", err, runs.ErrInputMismatch)

	req.Once = runs.OnceFor(eli, "k1")
	if got := start(t, tracker, req); !got.Created {
		t.Error("another actor's key met the first one's")
	}
}

// What cannot be started is refused before anything is written.
func TestStartRefuses(t *testing.T) {
	prepared := runs.Spec[selection]{
		Type:   sync1,
		Handle: nothing,
		Prepare: func(_ context.Context, _ string, in *selection) error {
			if in.Kinds != nil && len(in.Kinds) == 0 {
				return runs.Public(nil, runs.ReasonInvalidInput, "The selection is empty.")
			}
			if in.Full {
				return errors.New("password=hunter2")
			}
			return nil
		},
	}.Operation()
	roles := runs.Roles(func(_ context.Context, actor runs.Actor, _ string) (runs.Role, error) {
		return map[string]runs.Role{"dana": runs.RoleOperator, "ron": runs.RoleReadonly}[actor.ID], nil
	})
	tests := []struct {
		name    string
		change  func(*runs.Request)
		err     error
		message string
	}{
		{"readonly", func(r *runs.Request) { r.Initiator = runs.User("ron", "") }, runs.ErrForbidden, "Permission was denied."},
		{"outsider", func(r *runs.Request) { r.Initiator = eli }, runs.ErrNotFound, "What was asked for does not exist."},
		{"outsider and unknown type", func(r *runs.Request) { r.Initiator, r.Type = eli, "no.such" }, runs.ErrNotFound, "What was asked for does not exist."},
		{"unknown type", func(r *runs.Request) { r.Type = "no.such" }, runs.ErrUnknownType, "There is no such type of operation."},
		{"no initiator", func(r *runs.Request) { r.Initiator = runs.Actor{} }, runs.ErrInvalid, "The input is not valid."},
		{"guest", func(r *runs.Request) { r.Initiator.Kind = "guest" }, runs.ErrNotFound, "What was asked for does not exist."},
		{"no known kind", func(r *runs.Request) { r.Initiator.Kind = "guest" }, runs.ErrInvalid, "The input is not valid."},
		{"reserved tenant, no known kind", func(r *runs.Request) { r.Tenant, r.Initiator.Kind = runs.SystemTenant, "guest" }, runs.ErrInvalid, "The input is not valid."},
		{"no tenant", func(r *runs.Request) { r.Tenant = "" }, runs.ErrInvalid, "The input is not valid."},
		{"reserved tenant", func(r *runs.Request) { r.Tenant = runs.SystemTenant }, runs.ErrInvalid, "The input is not valid."},
		{"unknown field", func(r *runs.Request) { r.Params = json.RawMessage(`{"kindz":[]}`) }, runs.ErrInvalid, "The params have an unknown field, kindz."},
		{"secret as a field", func(r *runs.Request) { r.Params = json.RawMessage(`{"Secret-1":1}`) }, runs.ErrInvalid, "The params are not valid JSON of the expected form."},
		{"wrong type", func(r *runs.Request) { r.Params = json.RawMessage(`{"kinds":5}`) }, runs.ErrInvalid, "The params have a wrong kind of value in the field kinds."},
		{"not JSON", func(r *runs.Request) { r.Params = json.RawMessage(`{`) }, runs.ErrInvalid, "The params are not valid JSON of the expected form."},
		{"two values", func(r *runs.Request) { r.Params = json.RawMessage(`{}{}`) }, runs.ErrInvalid, "The params are more than one JSON value."},
		{"cannot be JSON", func(r *runs.Request) { r.Params = func() {} }, runs.ErrInvalid, "The params cannot be encoded as JSON."},
		{"too large", func(r *runs.Request) { r.Params = selection{Kinds: []string{strings.Repeat("x", 70_000)}} }, runs.ErrInvalid, "The params are larger than 64 KiB."},
		{"empty selection", func(r *runs.Request) { r.Params = json.RawMessage(`{"kinds":[]}`) }, runs.ErrInvalid, "The selection is empty."},
		{"refused by its own error", func(r *runs.Request) { r.Params = selection{Full: true} }, runs.ErrInvalid, "The input is not valid."},
		{"broken key", func(r *runs.Request) { r.Once = "\xff" }, runs.ErrInvalid, "The input is not valid."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			store := &counting{Store: memruns.New()}
			cfg := runs.Config{Store: store, Operations: []runs.Operation{prepared}, Authorizer: roles}
			if strings.HasPrefix(tt.name, "reserved") || strings.HasPrefix(tt.name, "no ") {
				cfg.Authorizer = nil
			}
			tracker := newTracker(t, cfg)
			req := request(nil)
			tt.change(&req)
			_, err := tracker.Start(t.Context(), req)
			wantErr(t, "Start", err, tt.err)
			if f, _ := runs.FailureOf(err); f.Message != tt.message {
				t.Errorf("message = %q, want %q", f.Message, tt.message)
			}
			if n := store.writes(); n != 0 {
				t.Errorf("%d writes, want none", n)
			}
		})
	}
}

// An operation that names no right for an input needs the right to start.
func TestStartNeedsARight(t *testing.T) {
	for _, tt := range []struct {
		name string
		role runs.Role
		full bool
		want error
	}{
		{"operator", runs.RoleOperator, false, nil},
		{"operator, manager's right", runs.RoleOperator, true, runs.ErrForbidden},
		{"readonly", runs.RoleReadonly, false, runs.ErrForbidden},
		{"outsider", "", false, runs.ErrNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := runs.Spec[selection]{Type: sync1, Handle: nothing, Action: func(in selection) runs.Action {
				if in.Full {
					return runs.ActionRestore
				}
				return ""
			}}.Operation()
			tracker := newTracker(t, runs.Config{
				Dispatcher: dispatchFunc(accept),
				Operations: []runs.Operation{o},
				Authorizer: runs.Roles(func(context.Context, runs.Actor, string) (runs.Role, error) { return tt.role, nil }),
			})
			_, err := tracker.Start(t.Context(), request(selection{Full: tt.full}))
			wantErr(t, "Start", err, tt.want)
		})
	}
}

// Numbers are exact also in an input that has no type of its own.
func TestStartKeepsNumbersExact(t *testing.T) {
	o := runs.Define(sync1, func(context.Context, *runs.Exec, map[string]any) error { return nil })
	tracker := newTracker(t, runs.Config{Dispatcher: dispatchFunc(accept), Operations: []runs.Operation{o}})
	const one, next = `{"n":9007199254740992}`, `{"n":9007199254740993}`
	first := start(t, tracker, request(json.RawMessage(one)))
	second := start(t, tracker, request(json.RawMessage(next)))
	if !second.Created || string(first.Run.Params) != one || string(second.Run.Params) != next {
		t.Errorf("params = %s and %s, another run: %v; want %s and %s, true", first.Run.Params, second.Run.Params, second.Created, one, next)
	}
}

// The name of what a run acts on is kept without what cannot be seen, and not
// longer than a line.
func TestStartShowsTheTarget(t *testing.T) {
	for name, want := range map[string]string{
		"Büro 7":                     "Büro 7",
		"a\r\nSet-Cookie: \u202egpj": "aSet-Cookie: gpj",
		"\xff":                       "\uFFFD",
		strings.Repeat("ü", 300):     strings.Repeat("ü", 256),
	} {
		o := runs.Spec[selection]{Type: sync1, Target: func(selection) runs.Target {
			return runs.Target{Kind: "set", ID: "7", Name: name}
		}}.Operation()
		tracker := newTracker(t, runs.Config{Dispatcher: dispatchFunc(accept), Operations: []runs.Operation{o}})
		if got := start(t, tracker, request(nil)).Run.Target; got.Name != want || got.ID != "7" {
			t.Errorf("target = %+v, want it named %q", got, want)
		}
	}
}

// A run that could not be dispatched does not look queued.
func TestStartDispatchFails(t *testing.T) {
	down := errors.New("broker is down: amqp://user:hunter2@mq")
	tests := []struct {
		name     string
		dispatch dispatchFunc
	}{
		{"error", func(context.Context, runs.Ref) error { return down }},
		{"panic", func(context.Context, runs.Ref) error { panic(down) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tracker := newTracker(t, runs.Config{Dispatcher: tt.dispatch})
			ctx, cancel := context.WithCancel(t.Context())
			s, err := tracker.Start(ctx, request(nil))
			cancel()
			wantErr(t, "Start", err, runs.ErrDispatchFailed)
			wantEnd(t, s.Run, runs.OutcomeFailed, runs.ReasonDispatchFailed)
			stored, err := tracker.Get(t.Context(), s.Run.Ref())
			if err != nil {
				t.Fatalf("Get: %v", err)
			}
			if diff := cmp.Diff(s.Run, stored); diff != "" {
				t.Errorf("stored run (-returned +stored):\n%s", diff)
			}
			if text := fmt.Sprintf("%+v", stored); strings.Contains(text, "hunter2") {
				t.Errorf("the record has the error's text: %s", text)
			}
			if again, err := tracker.Start(t.Context(), request(nil)); again.Run == nil || again.Run.ID == s.Run.ID {
				t.Errorf("the next start = %v, %v; want another run", again.Run, err)
			}
		})
	}
}

// The dispatcher reports an error although the reference has arrived.
func TestStartDispatchFailsAfterDelivery(t *testing.T) {
	p := newPool(10, 1)
	claimed := make(chan struct{})
	release := make(chan struct{})
	tracker := newTracker(t, runs.Config{
		Dispatcher: struct {
			runs.Dispatcher
			runs.Worker
		}{dispatchFunc(func(ctx context.Context, ref runs.Ref) error {
			if err := p.Dispatch(ctx, ref); err != nil {
				return err
			}
			<-claimed
			return errors.New("acknowledgement was lost")
		}), p},
		Operations: []runs.Operation{op(func(context.Context, *runs.Exec, selection) error {
			close(claimed)
			<-release
			return nil
		})},
	})
	begin(t, tracker)
	s := start(t, tracker, request(nil))
	close(release)
	wantEnd(t, wait(t, tracker, s.Run), runs.OutcomeSucceeded, "")
}

// The answer to an insert is lost: there is one run nevertheless.
func TestStartOutcomeUnknown(t *testing.T) {
	for _, when := range []string{"before", "after"} {
		for _, once := range []string{"", "slot-1"} {
			t.Run(when+once, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					store := &counting{Store: memruns.New()}
					failed := false
					store.fail = func(call string, _ *runs.Run) (before, after error) {
						if call != "insert" || failed {
							return nil, nil
						}
						failed = true
						if when == "before" {
							return runs.ErrStoreUnavailable, nil
						}
						return nil, runs.ErrStoreUnavailable
					}
					tracker := newTracker(t, runs.Config{Store: store, Dispatcher: dispatchFunc(accept)})
					req := request(nil)
					req.Once = once
					s := start(t, tracker, req)
					page, err := tracker.List(t.Context(), runs.Query{Tenant: tenant})
					if err != nil {
						t.Fatalf("List: %v", err)
					}
					if !s.Created || len(page.Runs) != 1 || page.Runs[0].ID != s.Run.ID {
						t.Errorf("Start = %s, created %v, and there are %d runs; want a new one, the only one", s.Run.ID, s.Created, len(page.Runs))
					}
				})
			})
		}
	}
}

func TestStartStoreDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &counting{Store: memruns.New(), fail: func(string, *runs.Run) (before, after error) { return runs.ErrStoreUnavailable, nil }}
		tracker := newTracker(t, runs.Config{Store: store, Dispatcher: dispatchFunc(accept)})
		began := time.Now()
		_, err := tracker.Start(t.Context(), request(nil))
		wantErr(t, "Start", err, runs.ErrStoreUnavailable)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("Start took %v, want less than 2s", took)
		}
	})
}

// A dispatcher without room leaves the run queued, and it is executed as soon
// as a slot is free, long before the next sweep would find it.
func TestStartFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 50
		tracker := newTracker(t, runs.Config{
			Dispatcher: newPool(1, 1),
			Sweep:      time.Hour,
			Ring:       time.Hour,
			Operations: []runs.Operation{op(func(context.Context, *runs.Exec, selection) error {
				time.Sleep(time.Second)
				return nil
			})},
		})
		stop := begin(t, tracker)
		var all []*runs.Run
		for i := range n {
			s := start(t, tracker, request(selection{Kinds: []string{fmt.Sprint(i)}}))
			if s.Run.Status != runs.StatusQueued {
				t.Fatalf("run %d is %s, want queued", i, s.Run.Status)
			}
			all = append(all, s.Run)
		}
		began := time.Now()
		for _, r := range all {
			wantEnd(t, wait(t, tracker, r), runs.OutcomeSucceeded, "")
		}
		if took := time.Since(began); took > (n+n/2)*time.Second {
			t.Errorf("%d runs of 1s took %v in one slot", n, took)
		}
		stop()
	})
}

// One key, a thousand callers at once: one run, and everybody gets it.
func TestStartConcurrently(t *testing.T) {
	tracker := newTracker(t, runs.Config{Dispatcher: dispatchFunc(accept)})
	var mu sync.Mutex
	got, created := map[string]int{}, 0
	var group sync.WaitGroup
	for range 1000 {
		group.Go(func() {
			s, err := tracker.Start(t.Context(), request(nil))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Errorf("Start: %v", err)
				return
			}
			got[s.Run.ID]++
			if s.Created {
				created++
			}
		})
	}
	group.Wait()
	if len(got) != 1 || created != 1 {
		t.Errorf("1000 starts gave %d runs, %d of them new; want 1 and 1", len(got), created)
	}
}

func TestNewSaysWhatIsMissing(t *testing.T) {
	good := runs.Config{Store: memruns.New(), Dispatcher: dispatchFunc(accept)}
	tests := []struct {
		name   string
		change func(*runs.Config)
		want   string
	}{
		{"store", func(c *runs.Config) { c.Store = nil }, "Config.Store is missing"},
		{"dispatcher", func(c *runs.Config) { c.Dispatcher = nil }, "Config.Dispatcher is missing"},
		{"observer", func(c *runs.Config) { c.Observers = []runs.Observer{nil} }, "one of Config.Observers is nil"},
		{"negative", func(c *runs.Config) { c.Grace = -1 }, "negative"},
		{"short lease", func(c *runs.Config) { c.Lease = time.Second }, "must exceed"},
		{"instance", func(c *runs.Config) { c.Instance = "a\x00" }, "Config.Instance is not UTF-8"},
		{"negative losses", func(c *runs.Config) { c.MaxLost = -1 }, "MaxLost is negative"},
		{"operation's short lease", func(c *runs.Config) {
			c.Operations = []runs.Operation{runs.Spec[selection]{Type: sync1, Lease: 7 * time.Second}.Operation()}
		}, "operation inventory.sync: the lease of 7s must exceed"},
		{"operation's long heartbeat", func(c *runs.Config) {
			c.Operations = []runs.Operation{runs.Spec[selection]{Type: sync1, Heartbeat: 27 * time.Second}.Operation()}
		}, "operation inventory.sync: the lease of 30s must exceed"},
		{"operation's negative", func(c *runs.Config) {
			c.Operations = []runs.Operation{runs.Spec[selection]{Type: sync1, Timeout: -1}.Operation()}
		}, "operation inventory.sync: a duration or MaxLost is negative"},
		{"operation's negative losses", func(c *runs.Config) {
			c.Operations = []runs.Operation{runs.Spec[selection]{Type: sync1, MaxLost: -1}.Operation()}
		}, "operation inventory.sync: a duration or MaxLost is negative"},
		{"type", func(c *runs.Config) { c.Operations = []runs.Operation{runs.Define("Sync", nothing)} }, "resource.action"},
		{"twice", func(c *runs.Config) { c.Operations = []runs.Operation{op(nothing), op(nothing)} }, "twice"},
		{"by hand", func(c *runs.Config) { c.Operations = []runs.Operation{{Type: sync1}} }, "was not made by"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := good
			tt.change(&cfg)
			if _, err := runs.New(cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New: %v; want an error with %q", err, tt.want)
			}
		})
	}
}
