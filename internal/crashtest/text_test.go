//go:build unix

package crashtest_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/crashtest"
	"github.com/tenantatlas/tenantatlas/internal/crashtest/model"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

// texts are the places where a caller's words go.
func texts() map[string]func(req *runs.Request, text string) {
	return map[string]func(req *runs.Request, text string){
		"tenant":         func(req *runs.Request, text string) { req.Tenant = text },
		"type":           func(req *runs.Request, text string) { req.Type = runs.Type(text) },
		"once":           func(req *runs.Request, text string) { req.Once = text },
		"initiator ID":   func(req *runs.Request, text string) { req.Initiator.ID = text },
		"initiator kind": func(req *runs.Request, text string) { req.Initiator.Kind = runs.ActorKind(text) },
		"params":         func(req *runs.Request, text string) { req.Params = []byte(`{"n":"` + text + `"}`) },
	}
}

// TestHostileText puts what no database should get into every field: it is
// refused before a statement is made, on all stores alike.
func TestHostileText(t *testing.T) {
	hostile := map[string]string{"a NUL": "a\x00b", "no UTF-8": "a\xff", "ten megabytes": strings.Repeat("x", 10<<20)}
	refuse := func(t *testing.T, s model.Store, statements func() []string) {
		t.Helper()
		cfg := crashtest.Tuned()
		cfg.Store, cfg.Items, cfg.Dispatcher = s, s, accepting{}
		cfg.Operations = []runs.Operation{runs.Define(trouble, func(context.Context, *runs.Exec, input) error { return nil })}
		tracker, err := runs.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		for field, set := range texts() {
			for what, text := range hostile {
				req := runs.Request{Tenant: "acme", Type: trouble, Params: input{1}, Initiator: runs.User("dana", "")}
				set(&req, text)
				if _, err := tracker.Start(t.Context(), req); !errors.Is(err, runs.ErrInvalid) {
					t.Errorf("%s in the %s: %.200v, want %v", what, field, err, runs.ErrInvalid)
				}
			}
		}
		if made := statements(); len(made) > 0 {
			t.Errorf("%d statements were made, the first is %s", len(made), made[0])
		}
	}
	t.Run("memory", func(t *testing.T) { refuse(t, memruns.New(), func() []string { return nil }) })
	sqltest.Each(t, func(t *testing.T, plain sqltest.DB) {
		migrated(t, plain)
		db, counter := sqltest.Count(t, plain.DSN)
		refuse(t, crashtest.Open(t, db), counter.Take)
	})
}

// TestQuotedText starts and finds runs with words that mean something to SQL, or
// to what formats it: they are words.
func TestQuotedText(t *testing.T) {
	words := []string{
		"'", "''", `"`, "`", "\\", "\\'", "--", "/*", "*/", ";", "$1", "$2", "?", "?0", "??", "?1", ":a", "@a", "%s", "%", "_",
		"'; DROP TABLE operation_runs; --", `\x00`, "NULL", "-1", "{}", "[]", "E'\\n'", "$$", "$a$", "\u00e9", "e\u0301", "\U0001f600",
	}
	eachStore(t, func(t *testing.T, s model.Store) {
		tracker, _ := track(t, s, nil, func(_ context.Context, x *runs.Exec, in input) error {
			x.Succeed(words[in.N])
			return nil
		})
		for n, word := range words {
			req := runs.Request{Tenant: "t" + word, Type: trouble, Params: input{n}, Initiator: runs.User("u"+word, ""), Once: word}
			started, err := tracker.Start(t.Context(), req)
			if err != nil {
				t.Fatalf("%q: %v", word, err)
			}
			again, err := tracker.Start(t.Context(), req)
			if err != nil || again.Run.ID != started.Run.ID || again.Created {
				t.Errorf("%q: started again, it is %+v, %v", word, again, err)
			}
			r := ended(t, s, started.Run.Ref())
			if r.Outcome != runs.OutcomeSucceeded || r.Once != word || r.Tenant != req.Tenant || r.Initiator.ID != req.Initiator.ID {
				t.Errorf("%q: the run is %+v", word, r)
			}
			page, err := tracker.List(t.Context(), runs.Query{Tenant: req.Tenant, Initiator: req.Initiator})
			if err != nil || len(page.Runs) != 1 {
				t.Errorf("%q: %d runs in the list, %v", word, len(page.Runs), err)
			}
			items, err := s.Items(t.Context(), runs.ItemQuery{Run: r.Ref()})
			if err != nil || len(items.Items) != 1 || items.Items[0].Key != word {
				t.Errorf("%q: items are %+v, %v", word, items.Items, err)
			}
		}
		// Numbers below zero, too, which would be a comment behind a minus.
		for _, limit := range []int{-1, -1 << 62} {
			page, err := tracker.List(t.Context(), runs.Query{Tenant: "t'", Limit: limit})
			if err != nil || len(page.Runs) != 1 {
				t.Errorf("limit %d: %d runs, %v", limit, len(page.Runs), err)
			}
		}
	})
}
