package runs_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/pondruns"
)

type Reindex struct {
	Index string   `json:"index"`
	Parts []string `json:"parts"`
}

var reindex = runs.Spec[Reindex]{
	Type:  "search.reindex",
	Label: "Rebuild of the index",
	Prepare: func(_ context.Context, _ string, in *Reindex) error {
		if in.Parts == nil {
			in.Parts = []string{"documents", "people"}
		}
		if len(in.Parts) == 0 {
			return runs.Public(nil, runs.ReasonInvalidInput, "Choose at least one part.")
		}
		return nil
	},
	Identity: func(in Reindex) any {
		return map[string]any{"index": in.Index, "parts": runs.Set[string](in.Parts)}
	},
	Expected: 10 * time.Minute,
	Handle:   rebuild,
}

func startReindex(ctx context.Context, tracker *runs.Tracker, user runs.Actor, in Reindex) (link string, err error) {
	started, err := tracker.Start(ctx, runs.Request{
		Tenant: "acme", Type: "search.reindex", Params: in, Initiator: user,
	})
	if err != nil {
		return "", err
	}
	return "/ops/t/acme/runs/" + started.Run.ID, nil
}

func rebuild(ctx context.Context, x *runs.Exec, in Reindex) error {
	x.Total(int64(len(in.Parts)))
	for _, part := range in.Parts {
		if x.Done(part) {
			continue // an earlier attempt has done it
		}
		if err := rebuildPart(ctx, in.Index, part); err != nil {
			x.Fail(part, err)
			continue
		}
		x.Succeed(part)
	}
	return ctx.Err()
}

func rebuildPart(_ context.Context, _, part string) error {
	if part == "people" {
		return runs.Public(errors.New("ldap: 51"), runs.ReasonThrottled, "")
	}
	return nil
}

// The four steps of docs/adding-an-operation.md.
func Example_addingAnOperation() {
	tracker, err := runs.New(runs.Config{
		Store:      memruns.New(),
		Dispatcher: pondruns.New(pondruns.Config{}),
		Operations: []runs.Operation{reindex.Operation()},
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	links := map[string]bool{}
	for _, in := range []Reindex{{Index: "main"}, {Index: "main", Parts: []string{"people", "documents"}}} {
		link, err := startReindex(ctx, tracker, runs.User("dana", "Dana"), in)
		if err != nil {
			log.Fatal(err)
		}
		links[link] = true
	}
	fmt.Println("links:", len(links))
	go func() { _ = tracker.Run(ctx) }()
	page, err := tracker.List(ctx, runs.Query{Tenant: "acme"})
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range page.Runs {
		r, err := tracker.Wait(ctx, r.Ref())
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r.Type, r.Outcome, r.Counts.Succeeded, r.Counts.Failed)
	}
	_, err = startReindex(ctx, tracker, runs.User("dana", "Dana"), Reindex{Parts: []string{}})
	f, _ := runs.FailureOf(err)
	fmt.Println(f.Message)
	// Output:
	// links: 1
	// search.reindex partially_succeeded 1 1
	// Choose at least one part.
}

// What the documentation prints is what is compiled here.
func TestDocumentedOperationIsCompiled(t *testing.T) {
	here, err := os.ReadFile("example_operation_test.go")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("../docs/adding-an-operation.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := 0
	for block := range strings.SplitSeq(string(doc), "```go\n") {
		code, _, ok := strings.Cut(block, "```")
		if !ok {
			continue
		}
		blocks++
		if !strings.Contains(string(here), code) {
			t.Errorf("the documentation has code that is not compiled:\n%s", code)
		}
	}
	if blocks != 4 {
		t.Errorf("the documentation has %d blocks of code, want 4", blocks)
	}
}
