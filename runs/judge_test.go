package runs_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

// A judge keeps what it was asked, and refuses one step.
type judge struct {
	refuse runs.Step

	mu    sync.Mutex
	asked []runs.Question
}

func (j *judge) Authorize(context.Context, runs.Actor, string, runs.Action) error {
	return errors.New("asked as if it were no Judge")
}

func (j *judge) Judge(_ context.Context, q runs.Question) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.asked = append(j.asked, q)
	if q.Step == j.refuse {
		return runs.ErrForbidden
	}
	return nil
}

// take returns what was asked since the last call.
func (j *judge) take() []runs.Question {
	j.mu.Lock()
	defer j.mu.Unlock()
	asked := j.asked
	j.asked = nil
	return asked
}

func judged(t *testing.T, j *judge) *runstest.Tracker {
	t.Helper()
	return runstest.New(t, runs.Config{
		Store:      memruns.New(),
		Authorizer: j,
		Operations: []runs.Operation{runs.Spec[struct{}]{
			Type:   sync1,
			Action: func(struct{}) runs.Action { return runs.ActionRestore },
			Handle: func(ctx context.Context, x *runs.Exec, _ struct{}) error { return x.Authorize(ctx, runs.ActionExport) },
		}.Operation()},
	})
}

func TestJudge(t *testing.T) {
	j := new(judge)
	tr := judged(t, j)
	ctx := t.Context()
	req := runs.Request{Tenant: tenant, Type: sync1, Initiator: dana}
	started, err := tr.Start(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	run := started.Run.Ref()
	question := func(a runs.Actor, what runs.Action, step runs.Step) runs.Question {
		return runs.Question{Actor: a, Tenant: tenant, Action: what, Step: step, Run: run}
	}
	want := []runs.Question{question(dana, runs.ActionRestore, runs.StepStart)}
	if diff := cmp.Diff(want, j.take()); diff != "" {
		t.Errorf("a start asks (-want +got):\n%s", diff)
	}

	req.Initiator = eli
	if joined, err := tr.Start(ctx, req); err != nil || joined.Run.ID != run.ID {
		t.Fatalf("Start again = %v, %v; want to join", joined, err)
	}
	asked := j.take()
	planned := asked[0].Run.ID
	asked[0].Run.ID = run.ID
	want = []runs.Question{question(eli, runs.ActionRestore, runs.StepStart), question(eli, runs.ActionRestore, runs.StepJoin)}
	if diff := cmp.Diff(want, asked); diff != "" || planned == run.ID || planned == "" {
		t.Errorf("a start that joins asks about %q first (-want +got):\n%s", planned, diff)
	}

	if _, err := tr.Retry(ctx, run, dana, ""); !errors.Is(err, runs.ErrActive) {
		t.Errorf("Retry of an active run reports %v, want ErrActive", err)
	}
	tr.Drain()
	if _, err := tr.RequestCancel(ctx, run, eli, ""); err != nil {
		t.Error(err)
	}
	want = []runs.Question{
		question(dana, runs.ActionRetryOwn, runs.StepRetry),
		question(dana, runs.ActionRestore, runs.StepClaim),
		question(dana, runs.ActionExport, runs.StepPhase),
		question(eli, runs.ActionCancelOther, runs.StepCancel),
	}
	if diff := cmp.Diff(want, j.take()); diff != "" {
		t.Errorf("what follows asks (-want +got):\n%s", diff)
	}

	again, err := tr.Retry(ctx, run, eli, "")
	if err != nil {
		t.Fatal(err)
	}
	want = []runs.Question{question(eli, runs.ActionRetryOther, runs.StepRetry), question(eli, runs.ActionRestore, runs.StepStart)}
	want[1].Run.ID = again.Run.ID
	if diff := cmp.Diff(want, j.take()); diff != "" {
		t.Errorf("a retry asks (-want +got):\n%s", diff)
	}
}

func TestJudgeRefuses(t *testing.T) {
	tests := []struct {
		step  runs.Step
		do    func(tr *runstest.Tracker, ref runs.Ref) error
		ended runs.Outcome // of the run that was there
	}{
		{step: runs.StepStart, do: func(tr *runstest.Tracker, _ runs.Ref) error {
			_, err := tr.Start(t.Context(), runs.Request{Tenant: tenant, Type: sync1, Initiator: eli})
			return err
		}, ended: runs.OutcomeSucceeded},
		{step: runs.StepJoin, do: func(tr *runstest.Tracker, _ runs.Ref) error {
			_, err := tr.Start(t.Context(), runs.Request{Tenant: tenant, Type: sync1, Initiator: eli})
			return err
		}, ended: runs.OutcomeSucceeded},
		{step: runs.StepJoin, do: func(tr *runstest.Tracker, _ runs.Ref) error {
			req := runs.Request{Tenant: tenant, Type: sync1, Initiator: eli}
			_, err := tr.Do(t.Context(), req, func(context.Context, *runs.Exec) error { return nil })
			return err
		}, ended: runs.OutcomeSucceeded},
		{step: runs.StepCancel, do: func(tr *runstest.Tracker, ref runs.Ref) error {
			_, err := tr.RequestCancel(t.Context(), ref, eli, "")
			return err
		}, ended: runs.OutcomeSucceeded},
		{step: runs.StepRetry, do: func(tr *runstest.Tracker, ref runs.Ref) error {
			_, err := tr.Retry(t.Context(), ref, eli, "")
			return err
		}, ended: runs.OutcomeSucceeded},
		{step: runs.StepClaim, ended: runs.OutcomeBlocked},
		{step: runs.StepPhase, ended: runs.OutcomeFailed},
	}
	for _, test := range tests {
		t.Run(string(test.step), func(t *testing.T) {
			j := new(judge)
			tr := judged(t, j)
			started, err := tr.Start(t.Context(), runs.Request{Tenant: tenant, Type: sync1, Initiator: dana})
			if err != nil {
				t.Fatal(err)
			}
			j.refuse = test.step
			if test.do != nil {
				if err := test.do(tr, started.Run.Ref()); !errors.Is(err, runs.ErrForbidden) {
					t.Errorf("got %v, want ErrForbidden", err)
				}
			}
			tr.Drain()
			got, err := tr.Get(t.Context(), started.Run.Ref())
			if err != nil || got.Outcome != test.ended {
				t.Errorf("the run ended as %q, %v; want %q", got.Outcome, err, test.ended)
			}
		})
	}
}
