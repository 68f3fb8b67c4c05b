package audit_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/audit"
	"github.com/tenantatlas/tenantatlas/runs/memaudit"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

// access says that users are what they are called.
func access(_ context.Context, a runs.Actor, tenant string) (runs.Role, error) {
	if tenant != acme {
		return "", nil
	}
	return map[string]runs.Role{"dana": runs.RoleOwner, "eli": runs.RoleOperator, "rosa": runs.RoleReadonly}[a.ID], nil
}

var (
	rosa     = runs.User("rosa", "Rosa")
	stranger = runs.User("otto", "Otto")
)

const sync1 = runs.Type("inventory.sync")

// A line is what matters of an entry.
type line struct {
	actor  string
	event  audit.Event
	action runs.Action
	result string
	run    string
}

func lines(entries []audit.Entry) (all []line) {
	for _, e := range entries {
		all = append([]line{{e.Actor.ID, e.Event, e.Action, e.Result, e.Object.ID}}, all...)
	}
	return all
}

// tracked returns a tracker that l audits.
func tracked(t *testing.T, l *audit.Log) *runstest.Tracker {
	t.Helper()
	return runstest.New(t, runs.Config{
		Store:      memruns.New(),
		Authorizer: l.Guard(runs.Roles(access)),
		Observers:  []runs.Observer{l},
		Operations: []runs.Operation{runs.Define(sync1, func(context.Context, *runs.Exec, struct{}) error { return nil })},
	})
}

// The whole life of a run, and all who asked for something, in order.
func TestTracker(t *testing.T) {
	l := open(t, memaudit.New())
	tr := tracked(t, l)
	ctx := t.Context()
	start := func(who runs.Actor, tenant string) (runs.Started, error) {
		return tr.Start(ctx, runs.Request{Tenant: tenant, Type: sync1, Initiator: who})
	}
	first, err := start(dana, acme)
	if err != nil {
		t.Fatal(err)
	}
	id := first.Run.ID
	for _, who := range []runs.Actor{eli, eli, dana} {
		if joined, err := start(who, acme); err != nil || joined.Created {
			t.Fatalf("Start again = %v, %v; want to join", joined.Created, err)
		}
	}
	if _, err := start(rosa, acme); !errors.Is(err, runs.ErrForbidden) {
		t.Errorf("rosa starts: %v, want ErrForbidden", err)
	}
	if _, err := start(stranger, acme); !errors.Is(err, runs.ErrNotFound) {
		t.Errorf("a stranger starts: %v, want ErrNotFound", err)
	}
	if _, err := tr.RequestCancel(ctx, first.Run.Ref(), eli, ""); !errors.Is(err, runs.ErrForbidden) {
		t.Errorf("eli cancels: %v, want ErrForbidden", err)
	}
	tr.Drain()
	again, err := tr.Retry(ctx, first.Run.Ref(), dana, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.RequestCancel(ctx, again.Run.Ref(), dana, ""); err != nil {
		t.Fatal(err)
	}

	got := lines(list(t, l, audit.Query{}))
	const start1, allowed, refused = runs.ActionStart, audit.ResultAllowed, audit.ResultRefused
	second := again.Run.ID
	for i := range got {
		if got[i].run != id && got[i].run != second {
			got[i].run = "none" // a start that has come to nothing
		}
	}
	want := []line{
		{"dana", "start", start1, allowed, id},
		{"tracker", "queued", "", "", id},
		{"eli", "start", start1, allowed, "none"},
		{"eli", "join", start1, allowed, id},
		{"eli", "start", start1, allowed, "none"},
		{"eli", "join", start1, allowed, id},
		{"dana", "start", start1, allowed, "none"},
		{"dana", "join", start1, allowed, id},
		{"rosa", "start", start1, refused, "none"},
		{"otto", "start", start1, refused, "none"},
		{"eli", "cancel", runs.ActionCancelOther, refused, id},
		{"tracker", "running", "", "", id},
		{"tracker", "completed", "", "succeeded", id},
		{"dana", "retry", runs.ActionRetryOwn, allowed, id},
		{"dana", "start", start1, allowed, second},
		{"tracker", "queued", "", "", second},
		{"dana", "cancel", runs.ActionCancelOwn, allowed, second},
		{"tracker", "completed", "", "canceled", second},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(line{})); diff != "" {
		t.Errorf("the audit (-want +got):\n%s", diff)
	}
	if n, more, err := l.Joins(ctx, first.Run.Ref()); n != 3 || more || err != nil {
		t.Errorf("Joins = %d, %v, %v; want 3", n, more, err)
	}
	if got := verify(t, l); got.Problem != nil || got.Last != int64(len(want)) {
		t.Errorf("Verify = %+v, want %d good entries", got, len(want))
	}
}

// The table of rights, and that all of what it refuses is recorded.
func TestRefusals(t *testing.T) {
	actions := []runs.Action{
		runs.ActionView, runs.ActionStart, runs.ActionAcknowledge, runs.ActionCancelOwn, runs.ActionRetryOwn,
		runs.ActionCancelOther, runs.ActionRetryOther, runs.ActionExport, runs.ActionMapGroups, runs.ActionRestore,
		runs.ActionManageSchedules, runs.ActionViewAudit, runs.ActionDeleteSets, runs.ActionChangeRoles,
	}
	inner := runs.Roles(access)
	for _, who := range []runs.Actor{dana, eli, rosa, stranger} {
		l := open(t, memaudit.New())
		record(t, l, entry(1))
		g := l.Guard(inner)
		for _, a := range actions {
			want := inner.Authorize(t.Context(), who, acme, a)
			before := len(list(t, l, audit.Query{}))
			if got := g.Would(t.Context(), who, acme, a); !errors.Is(got, want) && got.Error() != want.Error() {
				t.Errorf("%s would %s: %v, want %v", who.ID, a, got, want)
			}
			if got := g.Authorize(t.Context(), who, acme, a); !errors.Is(got, want) && got.Error() != want.Error() {
				t.Errorf("%s %s: %v, want %v", who.ID, a, got, want)
			}
			all := list(t, l, audit.Query{})
			quiet := want == nil && (a == runs.ActionView || a == runs.ActionViewAudit)
			switch n := len(all) - before; {
			case quiet && n != 0, !quiet && n != 1:
				t.Errorf("%s %s: %d entries", who.ID, a, n)
			case want != nil && (all[0].Result != audit.ResultRefused || all[0].Action != a || all[0].Actor != who || all[0].Reason == ""):
				t.Errorf("%s %s: recorded as %+v, want the refusal", who.ID, a, all[0])
			}
		}
	}
}

// Who makes up tenants makes no audits.
func TestUnknownTenant(t *testing.T) {
	s := memaudit.New()
	l := open(t, s)
	g := l.Guard(runs.Roles(access))
	for _, tenant := range []string{"made-up", "", "\x00", "\xff"} {
		if err := g.Authorize(t.Context(), dana, tenant, runs.ActionStart); !errors.Is(err, runs.ErrNotFound) {
			t.Errorf("tenant %q: %v, want ErrNotFound", tenant, err)
		}
		if h, err := s.Head(t.Context(), tenant); err != nil || h != (audit.Head{}) {
			t.Errorf("tenant %q has the head %+v, %v; want none", tenant, h, err)
		}
	}
	all := list(t, l, audit.Query{Tenant: runs.SystemTenant})
	if len(all) != 4 || all[3].Facts["tenant"] != "made-up" || all[3].Actor != dana {
		t.Errorf("recorded as %+v, want four entries of the system's", all)
	}
}

// down is a store that cannot be reached.
type down struct{ audit.Store }

func (down) Head(context.Context, string) (audit.Head, error) {
	return audit.Head{}, runs.ErrStoreUnavailable
}

func (down) Append(context.Context, string, string, string, []audit.Row) error {
	return runs.ErrStoreUnavailable
}

// Without the audit nothing is changed, and reading goes on.
func TestFailsClosed(t *testing.T) {
	l := open(t, down{memaudit.New()})
	g := l.Guard(runs.Roles(access))
	for _, a := range []runs.Action{runs.ActionStart, runs.ActionRestore, runs.ActionChangeRoles, runs.ActionExport} {
		err := g.Authorize(t.Context(), dana, acme, a)
		if f, _ := runs.FailureOf(err); !errors.Is(err, runs.ErrStoreUnavailable) || f.Reason != runs.ReasonUnreachable {
			t.Errorf("%s: %v, want ErrStoreUnavailable", a, err)
		}
	}
	for _, a := range []runs.Action{runs.ActionView, runs.ActionViewAudit} {
		if err := g.Authorize(t.Context(), dana, acme, a); err != nil {
			t.Errorf("%s: %v, want it allowed", a, err)
		}
	}
	if err := g.Authorize(t.Context(), rosa, acme, runs.ActionStart); !errors.Is(err, runs.ErrForbidden) {
		t.Errorf("a refusal becomes %v", err)
	}
	tr := tracked(t, l)
	if _, err := tr.Start(t.Context(), runs.Request{Tenant: acme, Type: sync1, Initiator: dana}); !errors.Is(err, runs.ErrStoreUnavailable) {
		t.Errorf("Start: %v, want ErrStoreUnavailable", err)
	}
	if page, err := tr.List(t.Context(), runs.Query{Tenant: acme}); err != nil || len(page.Runs) != 0 {
		t.Errorf("a start that could not be audited has left %d runs, %v", len(page.Runs), err)
	}
}

// A worker begins what was permitted before, also while the audit is away.
func TestClaimNeedsNoAudit(t *testing.T) {
	g := open(t, down{memaudit.New()}).Guard(runs.Roles(access))
	q := runs.Question{Actor: dana, Tenant: acme, Action: runs.ActionRestore, Step: runs.StepClaim}
	if err := g.Judge(t.Context(), q); err != nil {
		t.Errorf("a claim: %v, want it allowed", err)
	}
	q.Step = runs.StepPhase
	if err := g.Judge(t.Context(), q); !errors.Is(err, runs.ErrStoreUnavailable) {
		t.Errorf("a phase: %v, want ErrStoreUnavailable", err)
	}
}

// An Authorizer that cannot find out refuses nothing.
func TestUndecided(t *testing.T) {
	l := open(t, memaudit.New())
	boom := errors.New("directory is away")
	g := l.Guard(runs.Roles(func(context.Context, runs.Actor, string) (runs.Role, error) { return "", boom }))
	if err := g.Authorize(t.Context(), dana, acme, runs.ActionStart); !errors.Is(err, boom) {
		t.Errorf("got %v, want the cause", err)
	}
	if all := list(t, l, audit.Query{}); len(all) != 0 {
		t.Errorf("recorded %+v, want nothing", all)
	}
}

// The end of a run is told at least once, and recorded once.
func TestObserveTwice(t *testing.T) {
	l := open(t, memaudit.New())
	r := &runs.Run{Tenant: acme, ID: "r1", Type: sync1, Status: runs.StatusCompleted, Outcome: runs.OutcomeFailed, Failure: runs.Because(runs.ReasonTimeout)}
	for range 3 {
		if err := l.Observe(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	all := list(t, l, audit.Query{})
	if len(all) != 1 || all[0].Result != "failed" || all[0].Reason != runs.ReasonTimeout {
		t.Errorf("recorded %+v, want one entry of the failure", all)
	}
}

// Without an authorizer nobody is let in, and nothing panics.
func TestGuardOfNobody(t *testing.T) {
	log := open(t, memaudit.New())
	guard := log.Guard(nil)
	for name, err := range map[string]error{
		"Authorize": guard.Authorize(t.Context(), rosa, acme, runs.ActionStart),
		"Would":     guard.Would(t.Context(), rosa, acme, runs.ActionView),
		"Judge":     guard.Judge(t.Context(), runs.Question{Actor: rosa, Tenant: acme, Action: runs.ActionStart, Step: runs.StepStart}),
	} {
		if err == nil || errors.Is(err, runs.ErrForbidden) || errors.Is(err, runs.ErrNotFound) {
			t.Errorf("%s: %v; want an error that is no decision", name, err)
		}
	}
}
