package runs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/pondruns"
)

type Import struct {
	File string `json:"file"`
}

// newExample returns a tracker in memory with one operation, whose rows b fail.
func newExample() *runs.Tracker {
	tracker, err := runs.New(runs.Config{
		Store:      memruns.New(),
		Dispatcher: pondruns.New(pondruns.Config{Workers: 2}),
		Operations: []runs.Operation{
			runs.Define("report.import", func(_ context.Context, x *runs.Exec, _ Import) error {
				x.Succeed("a")
				x.Fail("b", runs.Public(errors.New("strconv: x"), runs.ReasonInvalidInput, "The row has no date."))
				return nil
			}),
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	return tracker
}

func importOf(file string) runs.Request {
	return runs.Request{Tenant: "acme", Type: "report.import", Params: Import{file}, Initiator: runs.User("dana", "Dana")}
}

func ExampleNew() {
	tracker, err := runs.New(runs.Config{
		Store:      memruns.New(),
		Dispatcher: pondruns.New(pondruns.Config{Workers: 8}),
		Operations: []runs.Operation{
			runs.Define("report.import", func(context.Context, *runs.Exec, Import) error { return nil }),
		},
	})
	fmt.Println(err, len(tracker.Operations()))
	_, err = runs.New(runs.Config{})
	fmt.Println(err)
	// Output:
	// <nil> 1
	// runs: Config.Store is missing; memruns.New() keeps runs in memory
}

func ExampleTracker_Run() {
	tracker := newExample()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- tracker.Run(ctx) }()
	cancel()
	fmt.Println(<-ended)
	// Output: <nil>
}

func ExampleTracker_Stop() {
	tracker := newExample()
	ended := make(chan error)
	go func() { ended <- tracker.Run(context.Background()) }()
	tracker.Stop(context.Background())
	fmt.Println(<-ended)
	// Output: <nil>
}

// A run that is asked for twice is started once.
func ExampleTracker_Start() {
	tracker := newExample()
	for _, file := range []string{"a.csv", "a.csv", "b.csv"} {
		started, err := tracker.Start(context.Background(), importOf(file))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(started.Run.Status, started.Created)
	}
	// Output:
	// queued true
	// queued false
	// queued true
}

func ExampleTracker_Wait() {
	tracker := newExample()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { _ = tracker.Run(ctx) }()
	started, err := tracker.Start(ctx, importOf("a.csv"))
	if err != nil {
		log.Fatal(err)
	}
	run, err := tracker.Wait(ctx, started.Run.Ref())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(run.Outcome, run.Counts.Succeeded, run.Counts.Failed)
	fmt.Println(run.Failures[0].Key, run.Failures[0].Reason, run.Failures[0].Message)
	// Output:
	// partially_succeeded 1 1
	// b invalid_input The row has no date.
}

// Work that the caller does itself is recorded in the same way.
func ExampleTracker_Do() {
	tracker := newExample()
	done, err := tracker.Do(context.Background(), importOf("a.csv"), func(_ context.Context, x *runs.Exec) error {
		x.Total(1)
		x.Succeed("a")
		return nil
	})
	fmt.Println(err, done.Run.Outcome, done.Run.Counts.Processed())
	// Output: <nil> succeeded 1
}

func ExampleTracker_RequestCancel() {
	tracker := newExample()
	ctx := context.Background()
	started, err := tracker.Start(ctx, importOf("a.csv"))
	if err != nil {
		log.Fatal(err)
	}
	run, err := tracker.RequestCancel(ctx, started.Run.Ref(), runs.User("eli", "Eli"), "wrong file")
	fmt.Println(err, run.Outcome, run.Cancel.By.Name, run.Cancel.Why)
	// Output: <nil> canceled Eli wrong file
}

func ExampleTracker_Retry() {
	tracker := newExample()
	ctx := context.Background()
	started, err := tracker.Start(ctx, importOf("a.csv"))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := tracker.RequestCancel(ctx, started.Run.Ref(), runs.User("eli", "Eli"), ""); err != nil {
		log.Fatal(err)
	}
	again, err := tracker.Retry(ctx, started.Run.Ref(), runs.User("eli", "Eli"), "")
	fmt.Println(err, again.Run.Status, again.Run.RetryOf == started.Run.ID)
	// Output: <nil> queued true
}

func ExampleTracker_Import() {
	tracker := newExample()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	run, err := tracker.Import(context.Background(), &runs.Run{
		Tenant: "acme", Type: "legacy.export", Status: runs.StatusCompleted, Outcome: runs.OutcomeSucceeded,
		Initiator: runs.System("migration"), CreatedAt: at, StartedAt: at, CompletedAt: at.Add(time.Minute),
	})
	fmt.Println(err, run.Outcome, run.CompletedAt.Sub(run.StartedAt))
	// Output: <nil> succeeded 1m0s
}

func ExampleTracker_List() {
	tracker := newExample()
	ctx := context.Background()
	for _, file := range []string{"a.csv", "b.csv", "c.csv"} {
		if _, err := tracker.Start(ctx, importOf(file)); err != nil {
			log.Fatal(err)
		}
	}
	q := runs.Query{Tenant: "acme", Statuses: []runs.Status{runs.StatusQueued}, Limit: 2}
	for {
		page, err := tracker.List(ctx, q)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(len(page.Runs))
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	// Output:
	// 2
	// 1
}

// The order of keys and the spelling of values do not matter to a key.
func ExampleKeyOf() {
	type scope struct {
		Kinds runs.Set[string] `json:"kinds"`
		Full  bool             `json:"full"`
	}
	a, _ := runs.KeyOf("acme", "inventory.sync", scope{Kinds: runs.Set[string]{"b", "a"}, Full: true})
	b, _ := runs.KeyOf("acme", "inventory.sync", json.RawMessage(`{"full":true,"kinds":["a","\u0062"]}`))
	fmt.Println(a == b)
	// Output: true
}

func ExamplePublic() {
	err := runs.Public(errors.New("dial tcp 10.0.0.7: password=hunter2"), runs.ReasonUnreachable, "The mail server does not answer.")
	f, _ := runs.FailureOf(fmt.Errorf("send: %w", err))
	fmt.Println(f.Reason, f.Message)
	// Output: dependency_unreachable The mail server does not answer.
}

func ExampleRoles() {
	members := map[string]runs.Role{"dana": runs.RoleOperator, "ron": runs.RoleReadonly}
	authorizer := runs.Roles(func(_ context.Context, actor runs.Actor, _ string) (runs.Role, error) {
		return members[actor.ID], nil
	})
	for _, id := range []string{"dana", "ron", "nobody"} {
		err := authorizer.Authorize(context.Background(), runs.User(id, ""), "acme", runs.ActionStart)
		fmt.Println(id, err == nil, errors.Is(err, runs.ErrForbidden), errors.Is(err, runs.ErrNotFound))
	}
	// Output:
	// dana true false false
	// ron false true false
	// nobody false false true
}

func ExampleSanitize() {
	fmt.Println(runs.Sanitize("The server said: token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl is not valid"))
	// Output: The server said: token [removed] is not valid
}

func ExampleStatusMaps() {
	bulk := runs.StatusMaps()["BulkOperationRun"]
	mapped, known := bulk.Map("completed_with_errors", &runs.Counts{Total: 3, Succeeded: 2, Failed: 1})
	fmt.Println(mapped.Status, mapped.Outcome, known)
	mapped, known = bulk.Map("exploded", nil)
	fmt.Printf("%q %s %v\n", mapped.Status, mapped.Raw, known)
	// Output:
	// completed partially_succeeded true
	// "" exploded false
}

// A Spec says more about an operation than its type and its handler.
func ExampleSpec() {
	op := runs.Spec[Import]{
		Type:     "report.import",
		Label:    "Import of a report",
		Identity: func(in Import) any { return in.File },
		Lane:     func(in Import) string { return "imports" },
		Target:   func(in Import) runs.Target { return runs.Target{Kind: "file", ID: in.File, Name: in.File} },
		Timeout:  time.Hour,
		Handle:   func(context.Context, *runs.Exec, Import) error { return nil },
	}.Operation()
	fmt.Println(op.Label, op.Executes())
	// Output: Import of a report true
}
