package runs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

func TestOutcomes(t *testing.T) {
	items := func(ok, failed, skipped int) func(x *runs.Exec) {
		return func(x *runs.Exec) {
			for i := range ok {
				x.Succeed(fmt.Sprint("ok", i))
			}
			for i := range failed {
				x.Fail(fmt.Sprint("bad", i), errors.New("x"))
			}
			for i := range skipped {
				x.Skip(fmt.Sprint("skip", i), runs.ReasonUnsupported)
			}
		}
	}
	boom := errors.New("boom")
	tests := []struct {
		name    string
		items   func(x *runs.Exec)
		err     error
		outcome runs.Outcome
		reason  runs.Reason
	}{
		{"nothing to do", items(0, 0, 0), nil, runs.OutcomeSucceeded, ""},
		{"all skipped", items(0, 0, 3), nil, runs.OutcomeSucceeded, ""},
		{"all done", items(3, 0, 0), nil, runs.OutcomeSucceeded, ""},
		{"some failed", items(1, 3, 0), nil, runs.OutcomePartiallySucceeded, ""},
		{"all failed", items(0, 3, 0), nil, runs.OutcomeFailed, ""},
		{"failed and skipped", items(0, 1, 3), nil, runs.OutcomeFailed, ""},
		{"error counts more than items", items(3, 0, 0), boom, runs.OutcomeFailed, runs.ReasonInternal},
		{"partial with a success", items(1, 0, 0), runs.Partial(boom), runs.OutcomePartiallySucceeded, runs.ReasonInternal},
		{"partial without", items(0, 0, 1), runs.Partial(boom), runs.OutcomeFailed, runs.ReasonInternal},
		{"blocked", items(0, 0, 0), runs.Blocked(runs.ReasonNotReady, ""), runs.OutcomeBlocked, runs.ReasonNotReady},
		{"wrapped blocked", items(0, 0, 0), fmt.Errorf("drift: %w", runs.Blocked(runs.ReasonNotReady, "")), runs.OutcomeBlocked, runs.ReasonNotReady},
		{"nil partial", items(1, 0, 0), runs.Partial(nil), runs.OutcomePartiallySucceeded, runs.ReasonInternal},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := outcomeOf(t, op(func(_ context.Context, x *runs.Exec, _ selection) error {
				tt.items(x)
				return tt.err
			}))
			wantEnd(t, got, tt.outcome, tt.reason)
		})
	}
}

// Whatever the text of an error says, the record has a reason and a sentence.
func TestFailuresAreSafe(t *testing.T) {
	const secret = "password=hunter2"
	tests := []struct {
		name    string
		err     error
		reason  runs.Reason
		message string // empty for one with the id of a log entry
	}{
		{"plain", errors.New(secret), runs.ReasonInternal, ""},
		{"public", runs.Public(errors.New(secret), runs.ReasonThrottled, "The directory is busy."), runs.ReasonThrottled, "The directory is busy."},
		{"public by reason", runs.Public(errors.New(secret), runs.ReasonThrottled, ""), runs.ReasonThrottled, "The service asked for fewer requests."},
		{"wrapped public", fmt.Errorf("%s: %w", secret, runs.Public(nil, runs.ReasonGone, "")), runs.ReasonGone, "It disappeared while it was being read."},
		{"public with an unknown reason", runs.Public(nil, "because", "Because."), runs.ReasonInternal, "Because."},
		{"public with an extension", runs.Public(nil, "ext.billing.no_credit", "No credit is left."), "ext.billing.no_credit", "No credit is left."},
		{"careless public", runs.Public(nil, runs.ReasonInternal, "Login with client_secret=abcdefgh12345678 failed."), runs.ReasonInternal, "*"},
		{"deadline", fmt.Errorf("%s: %w", secret, context.DeadlineExceeded), runs.ReasonTimeout, "It took too long."},
		{"canceled", fmt.Errorf("%s: %w", secret, context.Canceled), runs.ReasonCanceled, "The operation was canceled."},
		{"network", &net.OpError{Op: "dial", Err: errors.New(secret)}, runs.ReasonUnreachable, "A service that is needed could not be reached."},
		{"permission", &fs.PathError{Op: "open", Path: secret, Err: fs.ErrPermission}, runs.ReasonPermissionDenied, "Permission was denied."},
		{"store", fmt.Errorf("%s: %w", secret, runs.ErrStoreUnavailable), runs.ReasonUnreachable, "A service that is needed could not be reached."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := outcomeOf(t, op(func(_ context.Context, x *runs.Exec, _ selection) error {
				x.Fail("one", tt.err)
				return tt.err
			}))
			wantEnd(t, got, runs.OutcomeFailed, tt.reason)
			switch tt.message {
			case "*":
			case "":
				if !strings.HasPrefix(got.Failure.Message, "The operation failed unexpectedly. The log has the details under ") {
					t.Errorf("message = %q", got.Failure.Message)
				}
			default:
				if got.Failure.Message != tt.message {
					t.Errorf("message = %q, want %q", got.Failure.Message, tt.message)
				}
			}
			if len(got.Failures) != 1 || got.Failures[0].Key != "one" || got.Failures[0].Reason != tt.reason {
				t.Errorf("failures = %+v, want one because of %s", got.Failures, tt.reason)
			}
			if text := fmt.Sprintf("%+v", got); strings.Contains(text, "hunter2") || strings.Contains(text, "abcdefgh12345678") {
				t.Errorf("the record has the error's text: %s", text)
			}
		})
	}
}

func TestPanics(t *testing.T) {
	var m map[string]int
	tests := []struct {
		name string
		do   func()
	}{
		{"value", func() { panic("password=hunter2") }},
		{"error", func() { panic(errors.New("password=hunter2")) }},
		{"nil", func() { panic(nil) }},
		{"nil map", func() { m["hunter2"] = 1 }},
		{"goexit", runtime.Goexit},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tracker := newTracker(t, runs.Config{
				Dispatcher: newPool(10, 1),
				Operations: []runs.Operation{op(func(_ context.Context, x *runs.Exec, in selection) error {
					x.Succeed("before")
					if !in.Full {
						tt.do()
					}
					return nil
				})},
			})
			begin(t, tracker)
			got := wait(t, tracker, start(t, tracker, request(nil)).Run)
			wantEnd(t, got, runs.OutcomeFailed, runs.ReasonPanic)
			if text := fmt.Sprintf("%+v", got); strings.Contains(text, "hunter2") || strings.Contains(text, "goroutine") {
				t.Errorf("the record has the panic: %s", text)
			}
			// The only slot is still there.
			next := wait(t, tracker, start(t, tracker, request(selection{Full: true})).Run)
			wantEnd(t, next, runs.OutcomeSucceeded, "")
		})
	}
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := runs.Spec[selection]{
			Type:    sync1,
			Timeout: time.Minute,
			Handle: func(ctx context.Context, _ *runs.Exec, _ selection) error {
				<-ctx.Done()
				return errors.Join(errors.New("x"), ctx.Err())
			},
		}.Operation()
		tracker := newTracker(t, runs.Config{Operations: []runs.Operation{o}})
		stop := begin(t, tracker)
		s := start(t, tracker, request(nil))
		got := wait(t, tracker, s.Run)
		wantEnd(t, got, runs.OutcomeFailed, runs.ReasonTimeout)
		if took := got.CompletedAt.Sub(got.StartedAt); took < time.Minute || took > time.Minute+time.Second {
			t.Errorf("took %v, want a minute", took)
		}
		stop()
	})
}

// A worker asks once more whether the initiator may, and before each phase when
// the handler says so.
func TestAuthorizeAgain(t *testing.T) {
	role := runs.RoleOperator
	p := newPool(10, 1)
	var ran bool
	var phase error
	tracker := newTracker(t, runs.Config{
		Dispatcher: p,
		Authorizer: runs.Roles(func(context.Context, runs.Actor, string) (runs.Role, error) { return role, nil }),
		Operations: []runs.Operation{op(func(ctx context.Context, x *runs.Exec, _ selection) error {
			ran = true
			phase = x.Authorize(ctx, runs.ActionRestore)
			return phase
		})},
	})
	first := start(t, tracker, request(nil))
	role = runs.RoleReadonly
	stop := begin(t, tracker)
	got := wait(t, tracker, first.Run)
	wantEnd(t, got, runs.OutcomeBlocked, runs.ReasonPermissionDenied)
	if ran || got.Attempt != 0 || !got.StartedAt.IsZero() {
		t.Errorf("a refused run was executed: ran %v, attempt %d", ran, got.Attempt)
	}
	stop()

	role = runs.RoleOperator
	tracker = newTracker(t, runs.Config{
		Dispatcher: p,
		Authorizer: runs.Roles(func(context.Context, runs.Actor, string) (runs.Role, error) { return role, nil }),
		Operations: tracker.Operations(),
	})
	begin(t, tracker)
	got = wait(t, tracker, start(t, tracker, request(nil)).Run)
	wantErr(t, "Authorize in the handler", phase, runs.ErrForbidden)
	wantEnd(t, got, runs.OutcomeFailed, runs.ReasonPermissionDenied)
}

// A claim is not refused because nobody could be asked.
func TestAuthorizerDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := false
		tracker := newTracker(t, runs.Config{
			Authorizer: runs.Roles(func(context.Context, runs.Actor, string) (runs.Role, error) {
				if down {
					return "", errors.New("directory is down")
				}
				return runs.RoleOwner, nil
			}),
		})
		s := start(t, tracker, request(nil))
		down = true
		stop := begin(t, tracker)
		synctest.Wait()
		if r, _ := tracker.Get(t.Context(), s.Run.Ref()); r.Status != runs.StatusQueued {
			t.Errorf("run is %s while the authorizer is down, want queued", r.Status)
		}
		down = false
		wantEnd(t, wait(t, tracker, s.Run), runs.OutcomeSucceeded, "")
		stop()
	})
}

// 100,000 reports a second cost at most two writes a second.
func TestProgressIsCoalesced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &counting{Store: memruns.New()}
		const seconds = 10
		tracker := newTracker(t, runs.Config{
			Store: store,
			Operations: []runs.Operation{op(func(_ context.Context, x *runs.Exec, _ selection) error {
				x.Total(seconds * 100_000)
				for range seconds * 100 {
					for range 1000 {
						x.Count(1, 0, 0)
					}
					time.Sleep(10 * time.Millisecond)
				}
				return nil
			})},
		})
		stop := begin(t, tracker)
		got := wait(t, tracker, start(t, tracker, request(nil)).Run)
		if got.Counts.Succeeded != seconds*100_000 {
			t.Errorf("succeeded = %d, want %d", got.Counts.Succeeded, seconds*100_000)
		}
		// Besides the progress: insert, claim, finish.
		if n := store.writes() - 3; n < seconds/2 || n > 2*seconds {
			t.Errorf("%d writes of progress in %ds, want some, at most two a second", n, seconds)
		}
		stop()
	})
}

// A reader sees progress while the run goes on.
func TestProgressIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker := newTracker(t, runs.Config{
			Operations: []runs.Operation{op(func(_ context.Context, x *runs.Exec, _ selection) error {
				x.Total(2)
				x.Succeed("a")
				time.Sleep(5 * time.Second)
				x.Succeed("b")
				return nil
			})},
		})
		stop := begin(t, tracker)
		s := start(t, tracker, request(nil))
		time.Sleep(2 * time.Second)
		r, err := tracker.Get(t.Context(), s.Run.Ref())
		if err != nil {
			t.Fatalf("Get: %v", err)
		}
		if p, known := r.Counts.Percent(); p != 50 || !known {
			t.Errorf("progress = %d%%, known %v; want 50%%, true", p, known)
		}
		wait(t, tracker, s.Run)
		stop()
	})
}

// What is decoded at the claim is what was validated at the start.
func TestHandlerGetsItsInput(t *testing.T) {
	want := selection{Kinds: []string{"a", "ü", "<b>"}, Full: true}
	var got selection
	r := outcomeOfParams(t, want, func(_ context.Context, _ *runs.Exec, in selection) error {
		got = in
		return nil
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("input (-want +got):\n%s", diff)
	}
	wantEnd(t, r, runs.OutcomeSucceeded, "")
}

func outcomeOfParams(t *testing.T, params any, handle func(context.Context, *runs.Exec, selection) error) *runs.Run {
	t.Helper()
	tracker := newTracker(t, runs.Config{Operations: []runs.Operation{op(handle)}})
	begin(t, tracker)
	return wait(t, tracker, start(t, tracker, request(params)).Run)
}

// Params that a newer or older program cannot read fail their run only.
func TestUndecodableParams(t *testing.T) {
	store := memruns.New()
	tracker := newTracker(t, runs.Config{Store: store})
	r := &runs.Run{
		Tenant: tenant, ID: "r1", Type: sync1, Status: runs.StatusQueued,
		Params: json.RawMessage(`{"from":"the future"}`), Initiator: dana,
	}
	if _, _, err := store.Insert(t.Context(), r); err != nil {
		t.Fatalf("Insert: %v", err)
	}
	begin(t, tracker)
	wantEnd(t, wait(t, tracker, start(t, tracker, request(nil)).Run), runs.OutcomeSucceeded, "")
	wantEnd(t, wait(t, tracker, r), runs.OutcomeFailed, runs.ReasonInvalidInput)
}

// Whatever a handler reports, the record can be stored, and the run ends as the
// handler says.
func TestReportsDoNotCostTheRun(t *testing.T) {
	tests := []struct {
		name   string
		report func(x *runs.Exec)
		check  func(r *runs.Run) string
	}{
		{"many notes", func(x *runs.Exec) {
			for i := range 400 {
				x.Note(fmt.Sprint("policy ", i), strings.Repeat("a fine word ", 20))
			}
		}, func(r *runs.Run) string {
			size := 0
			for k, v := range r.Context {
				size += len(k) + len(v)
			}
			if size < 8<<10 || size > 16<<10 {
				return fmt.Sprintf("%d bytes of notes, want up to 16 KiB", size)
			}
			return ""
		}},
		{"notes named like secrets", func(x *runs.Exec) { x.Note("client_secret", "Sommer") }, func(r *runs.Run) string {
			if s := fmt.Sprint(r.Context); strings.Contains(s, "Sommer") {
				return "context = " + s
			}
			return ""
		}},
		{"endless counts", func(x *runs.Exec) {
			for range 2 {
				x.Count(math.MaxInt64, math.MaxInt64, math.MaxInt64)
				x.Add("objects", math.MaxInt64)
			}
		}, func(r *runs.Run) string {
			if c := r.Counts; c.Succeeded <= 0 || c.Processed() <= 0 || c.Extra["objects"] <= 0 {
				return fmt.Sprintf("counts = %+v, processed %d; want none below zero", c, c.Processed())
			}
			return ""
		}},
		{"more than the total", func(x *runs.Exec) {
			x.Total(2)
			x.Count(5, 0, 0)
		}, func(r *runs.Run) string {
			if c := r.Counts; c.Processed() > c.Total {
				return fmt.Sprintf("processed %d of %d", c.Processed(), c.Total)
			}
			return ""
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			calls := 0
			r := outcomeOf(t, op(func(_ context.Context, x *runs.Exec, _ selection) error {
				calls++
				tt.report(x)
				return runs.Partial(runs.Public(nil, runs.ReasonGone, ""))
			}))
			if calls != 1 || r.Failure.Reason != runs.ReasonGone {
				t.Errorf("executed %d times, failed because of %s; want once, gone", calls, r.Failure.Reason)
			}
			if problem := tt.check(r); problem != "" {
				t.Error(problem)
			}
		})
	}
}

// Facts that an operation states are as safe as those of its handler.
// A figure for each of many things is no figure: the record stays small.
func TestFiguresAreBounded(t *testing.T) {
	tracker := newTracker(t, runs.Config{
		Operations: []runs.Operation{op(func(_ context.Context, x *runs.Exec, _ selection) error {
			for i := range 20_000 {
				x.Add(fmt.Sprintf("object %05d", i), 1)
			}
			x.Add("object 00000", 1)
			return nil
		})},
	})
	begin(t, tracker)
	got := wait(t, tracker, start(t, tracker, request(nil)).Run)
	wantEnd(t, got, runs.OutcomeSucceeded, "")
	size := 0
	for name := range got.Counts.Extra {
		size += len(name)
	}
	if size > 16<<10 || size < 15<<10 || got.Counts.Extra["object 00000"] != 2 {
		t.Errorf("%d figures with names of %d bytes, the first %d; want 16 KiB of names, and 2", len(got.Counts.Extra), size, got.Counts.Extra["object 00000"])
	}
}

func TestContextIsSafe(t *testing.T) {
	r := outcomeOf(t, runs.Spec[selection]{
		Type:   sync1,
		Handle: nothing,
		Context: func(selection) map[string]string {
			return map[string]string{"password": "correct horse", "kinds": "all"}
		},
	}.Operation())
	if strings.Contains(fmt.Sprint(r.Context), "horse") || r.Context["kinds"] != "all" {
		t.Errorf("context = %v, want kinds and no password", r.Context)
	}
}

// What is not kept of an error is in the log, under the id that people see.
func TestLogHasTheText(t *testing.T) {
	log := new(journal)
	tracker := newTracker(t, runs.Config{Logger: log.logger(), Operations: []runs.Operation{op(func(_ context.Context, x *runs.Exec, _ selection) error {
		x.Fail("a", errors.New("text of the item"))
		return errors.New("text of the run")
	})}})
	begin(t, tracker)
	r := wait(t, tracker, start(t, tracker, request(nil)).Run)
	for text, f := range map[string]runs.Failure{"text of the run": r.Failure, "text of the item": r.Failures[0].Failure} {
		words := strings.Fields(strings.TrimSuffix(f.Message, "."))
		id := words[len(words)-1]
		found := false
		for line := range strings.SplitSeq(log.String(), "\n") {
			found = found || strings.Contains(line, "id="+id+" ") && strings.Contains(line, text)
		}
		if len(id) != 8 || !found {
			t.Errorf("no line has the id %q and %q:\n%s", id, text, log)
		}
	}
}

// A handler that ignores its context is complained of once a minute.
func TestStuckHandlerIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(journal)
		o := runs.Spec[selection]{Type: sync1, Timeout: time.Minute, Handle: takes(time.Hour)}.Operation()
		tracker := newTracker(t, runs.Config{Logger: log.logger(), Operations: []runs.Operation{o}})
		stop := begin(t, tracker)
		s := start(t, tracker, request(nil))
		time.Sleep(11*time.Minute + time.Second)
		if n := strings.Count(log.String(), "handler ignores its context"); n != 10 {
			t.Errorf("%d complaints in the 10 minutes after the timeout, want 10:\n%s", n, log)
		}
		wait(t, tracker, s.Run)
		stop()
	})
}

// A run whose operation panics when it is claimed would do so for ever: it
// fails.
func TestPanicAtTheClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := false
		o := runs.Spec[selection]{Type: sync1, Handle: nothing, Action: func(selection) runs.Action {
			if broken {
				panic("password=hunter2")
			}
			return runs.ActionStart
		}}.Operation()
		tracker := newTracker(t, runs.Config{Operations: []runs.Operation{o}})
		s := start(t, tracker, request(nil))
		broken = true
		stop := begin(t, tracker)
		time.Sleep(time.Minute)
		stop()
		r, err := tracker.Get(t.Context(), s.Run.Ref())
		if err != nil {
			t.Fatalf("Get: %v", err)
		}
		wantEnd(t, r, runs.OutcomeFailed, runs.ReasonPanic)
		if text := fmt.Sprintf("%+v", r); r.Attempt != 0 || strings.Contains(text, "hunter2") {
			t.Errorf("attempt %d, want none; the record is %s", r.Attempt, text)
		}
	})
}
